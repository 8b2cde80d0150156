import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AttentionError, RetryableError } from '../../../../src/lib/errors.ts';
import { faultsOf } from '../../../../src/upstreams/azure/client.ts';
import type { Reply } from '../fake-upstream.ts';
import { fixture } from '../fixtures.ts';
import { bodyOf, failureOf, ROOT, refused, startCloud } from './cloud.ts';

interface Recorded {
  response: { status: number; body: Record<string, unknown> };
}

const DEPLOYMENT = `${ROOT}/resourcegroups/g/providers/Microsoft.Resources/deployments/d`;
const BODY = {
  template: { parameters: { password: { type: 'securestring' }, count: { type: 'int' } }, resources: [] },
  parameters: { password: { value: 'Zq7!vT2m#Kp9' }, count: { value: 0 } },
};

function recorded(name: string): Reply {
  const { status, body } = fixture<Recorded>(`azure/${name}`).response;
  return { status, json: body };
}

describe('start', () => {
  it('sends the whole deployment by one PUT and does not wait', async () => {
    const { there, calls } = await startCloud(() => ({
      status: 201,
      headers: { 'Azure-AsyncOperation': '/subscriptions/x/operationStatuses/1', 'Retry-After': '15' },
      json: { properties: { provisioningState: 'Accepted' } },
    }));
    expect(await there.deployments.start('g', 'd', { ...BODY, tags: { order: '50010' } })).toBe('started');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ method: 'PUT', path: DEPLOYMENT, query: { 'api-version': '2026-06-01' } });
    expect(bodyOf(calls[0])).toEqual({ properties: { mode: 'Incremental', ...BODY }, tags: { order: '50010' } });
  });

  it('joins a deployment of the same name that still runs', async () => {
    const { there } = await startCloud(() => recorded('deployment-active-conflict'));
    expect(await there.deployments.start('g', 'd', { ...BODY, tags: {} })).toBe('joined');
  });

  it('that is refused tells the innermost causes', async () => {
    const { there } = await startCloud(() => recorded('validate-error'));
    const error = await failureOf(there.deployments.start('g', 'd', { ...BODY, tags: {} }));
    expect(error).toBeInstanceOf(AttentionError);
    expect(error).toMatchObject({ code: 'arm.QuotaExceeded', effect: 'none' });
    expect(faultsOf(error).map(({ code, kind }) => [code, kind])).toEqual([
      ['QuotaExceeded', 'customer'],
      ['SkuNotAvailable', 'capacity'],
    ]);
  });

  it('whose answer is lost may have had its effect', async () => {
    const { there } = await startCloud(() => ({ fault: 'reset' }));
    const error = await failureOf(there.deployments.start('g', 'd', { ...BODY, tags: {} }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ code: 'arm.no-answer', effect: 'unknown' });
  });
});

describe('look', () => {
  it('tells outputs and written resources of a success', async () => {
    const { there } = await startCloud(() => recorded('deployment-succeeded'));
    const found = await there.deployments.look('g', 'd');
    if (found.state !== 'succeeded') throw new Error(found.state);
    expect(found.outputs).toMatchObject({ applicationUrl: { type: 'String', value: expect.any(String) } });
    expect(found.resourceIds.length).toBeGreaterThan(3);
  });

  it('knows no output of a template without any, and no value of a secure one', async () => {
    const { there } = await startCloud(() => ({
      json: { properties: { provisioningState: 'succeeded', outputs: { password: { type: 'SecureString' } } } },
    }));
    expect(await there.deployments.look('g', 'd')).toEqual({
      state: 'succeeded',
      outputs: { password: { type: 'SecureString', value: undefined } },
      resourceIds: [],
    });
  });

  it.each(['Accepted', 'Running', 'Creating', 'SomethingNew'])('%s is running', async (provisioningState) => {
    const { there } = await startCloud(() => ({ json: { properties: { provisioningState } } }));
    expect(await there.deployments.look('g', 'd')).toEqual({ state: 'running' });
  });

  it('is absent with its group or alone', async () => {
    for (const code of ['DeploymentNotFound', 'ResourceGroupNotFound']) {
      const { there } = await startCloud(() => refused(404, code));
      expect(await there.deployments.look('g', 'd')).toEqual({ state: 'absent' });
    }
  });

  it('takes nothing without a state for a deployment', async () => {
    for (const json of [{}, { properties: {} }, { properties: { provisioningState: '' } }, []]) {
      const { there } = await startCloud(() => ({ json }));
      await expect(there.deployments.look('g', 'd')).rejects.toMatchObject({ code: 'arm.malformed' });
    }
  });

  it('explains a failure by the operations, each cause once and with what failed', async () => {
    const { there } = await startCloud(({ path }) =>
      recorded(path.endsWith('/operations') ? 'deployment-operations-list' : 'deployment-failed'),
    );
    const found = await there.deployments.look('g', 'd');
    if (found.state !== 'failed') throw new Error(found.state);
    expect(found.faults).toMatchObject(
      [
        { code: 'SkuNotAvailable', kind: 'capacity', target: expect.stringMatching(/fabshop-app1$/) },
        {
          code: 'RegionNotSupportedForZoneRedundantHA',
          path: ['ResourceDeploymentFailure', 'RegionNotSupportedForZoneRedundantHA'],
          target: expect.stringMatching(/fabshop-pg/),
        },
      ].slice(0, 2),
    );
    const told = found.faults.map(({ code, message }) => `${code} ${message}`);
    expect(new Set(told).size).toBe(told.length);
  });

  it('follows nested deployments to the cause, and opens reasons that are texts', async () => {
    const failed = (target: string, statusMessage: unknown) => ({
      properties: {
        provisioningState: 'Failed',
        statusCode: 'BadRequest',
        targetResource: { id: target },
        statusMessage,
      },
    });
    const { there } = await startCloud(({ path }) => {
      if (path === DEPLOYMENT) {
        return {
          json: {
            properties: {
              provisioningState: 'Failed',
              error: { code: 'DeploymentFailed', message: 'See operations.' },
            },
          },
        };
      }
      if (path.includes('/deployments/inner/')) {
        return {
          json: {
            value: [
              failed('/vm/1', '{"error":{"code":"ImageNotFound","message":"No such image."}}'),
              failed('/vm/2', 'just words'),
            ],
          },
        };
      }
      const inner = `${ROOT}/resourceGroups/other/providers/Microsoft.Resources/deployments/inner`;
      return { json: { value: [failed(inner, { error: { code: 'DeploymentFailed', message: 'See inner.' } })] } };
    });
    expect(await there.deployments.look('g', 'd')).toEqual({
      state: 'failed',
      faults: [
        {
          code: 'ImageNotFound',
          message: 'No such image.',
          path: ['ImageNotFound'],
          target: '/vm/1',
          kind: 'permanent',
        },
        { code: 'Unknown', message: 'just words', path: ['Unknown'], target: '/vm/2', kind: 'permanent' },
      ],
    });
  });

  it('is not caught in deployments that name each other', async () => {
    const id = `${ROOT}/resourceGroups/g/providers/Microsoft.Resources/deployments/d`;
    const operation = {
      properties: {
        provisioningState: 'Failed',
        targetResource: { id },
        statusMessage: { error: { code: 'X', message: 'Round.' } },
      },
    };
    const { there, calls } = await startCloud(({ path }) =>
      path.endsWith('/operations')
        ? { json: { value: [operation, operation] } }
        : { json: { properties: { provisioningState: 'Failed' } } },
    );
    expect(await there.deployments.look('g', 'd')).toMatchObject({ state: 'failed' });
    expect(calls.length).toBeLessThan(30);
  });

  it('waits a little for operations that lag behind', async () => {
    let lists = 0;
    const { there } = await startCloud(({ path }) => {
      if (!path.endsWith('/operations')) {
        return {
          json: {
            properties: {
              provisioningState: 'Failed',
              error: { code: 'DeploymentFailed', message: 'See operations.' },
            },
          },
        };
      }
      lists += 1;
      const late = {
        properties: {
          provisioningState: 'Failed',
          statusMessage: { error: { code: 'AllocationFailed', message: 'Full.' } },
        },
      };
      return { json: { value: lists < 3 ? [] : [late] } };
    });
    expect(await there.deployments.look('g', 'd')).toMatchObject({
      faults: [{ code: 'AllocationFailed', kind: 'capacity' }],
    });
  });

  it('has a fault even where Azure names none', async () => {
    const { there } = await startCloud(({ path }) =>
      path.endsWith('/operations')
        ? refused(404, 'DeploymentNotFound')
        : { json: { properties: { provisioningState: 'Failed' } } },
    );
    expect(await there.deployments.look('g', 'd')).toMatchObject({
      state: 'failed',
      faults: [{ code: 'DeploymentFailed' }],
    });
  });

  it('tells a cancelled one', async () => {
    const { there } = await startCloud(({ path }) =>
      path.endsWith('/operations')
        ? { json: { value: [] } }
        : { json: { properties: { provisioningState: 'Canceled' } } },
    );
    expect(await there.deployments.look('g', 'd')).toEqual({ state: 'canceled', faults: [] });
  });

  it('repeats no secret that was sent, not even half of one where a text is cut', async () => {
    const secret = BODY.parameters.password.value;
    const { there } = await startCloud(({ path }) => {
      const error = { code: 'InvalidParameter', message: `${'x'.repeat(493)} ${secret} is bad` };
      const failed = { provisioningState: 'Failed', statusMessage: { error }, targetResource: { id: `/vm/${secret}` } };
      return path.endsWith('/operations')
        ? {
            json: {
              value: [{ properties: failed }, { properties: { ...failed, statusMessage: encodeURIComponent(secret) } }],
            },
          }
        : { json: { properties: { provisioningState: 'Failed', error } } };
    });
    const told = inspect(await there.deployments.look('g', 'd', BODY), { depth: 9 });
    expect(told).toContain('xxx ***');
    expect(told).not.toMatch(/Zq7|vT2m/);
  });
});

describe('cancel', () => {
  it.each([{ status: 204 }, refused(409, 'DeploymentCannotBeCancelled'), refused(404, 'DeploymentNotFound')])(
    'is done once nothing runs: %j',
    async (reply) => {
      const { there, sent } = await startCloud(() => reply);
      await there.deployments.cancel('g', 'd');
      expect(sent()).toEqual([`POST ${DEPLOYMENT}/cancel`]);
    },
  );

  it('is not done when we may not', async () => {
    const { there } = await startCloud(() => refused(403, 'AuthorizationFailed'));
    await expect(there.deployments.cancel('g', 'd')).rejects.toMatchObject({ code: 'arm.AuthorizationFailed' });
  });
});
