import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { RetryableError } from '../../../../src/lib/errors.ts';
import type { Reply } from '../fake-upstream.ts';
import { fixture } from '../fixtures.ts';
import { bodyOf, failureOf, ROOT, refused, startCloud } from './cloud.ts';

const DEPLOYMENT = `${ROOT}/resourcegroups/g/providers/Microsoft.Resources/deployments/d`;
const RESULT = `${ROOT}/operationresults/1`;
const SECRET = 'Zq7!vT2m#Kp9';
const BODY = {
  template: { parameters: { password: { type: 'secureString' } } },
  parameters: { password: { value: SECRET } },
};
const VALID = { json: { id: DEPLOYMENT, properties: { mode: 'Incremental' } } };

function later(url = ''): Reply {
  return { status: 202, headers: { Location: `${url}${RESULT}?api-version=2026-06-01&t=1`, 'Retry-After': '15' } };
}

describe('validate', () => {
  it('has nothing against what Azure accepts', async () => {
    const { there, calls } = await startCloud(() => VALID);
    expect(await there.deployments.validate('g', 'd', BODY)).toEqual([]);
    expect(calls[0]).toMatchObject({ method: 'POST', path: `${DEPLOYMENT}/validate` });
    expect(bodyOf(calls[0])).toEqual({ properties: { mode: 'Incremental', ...BODY } });
  });

  it('tells all innermost causes of a refusal', async () => {
    const { response } = fixture<{ response: { body: unknown } }>('azure/validate-error');
    for (const reply of [{ status: 400, json: response.body }, { json: response.body }]) {
      const { there } = await startCloud(() => reply);
      expect(await there.deployments.validate('g', 'd', BODY)).toMatchObject([
        { code: 'QuotaExceeded', kind: 'customer', path: ['InvalidTemplateDeployment', 'QuotaExceeded'] },
        { code: 'SkuNotAvailable', kind: 'capacity', target: 'Standard_B2s' },
      ]);
    }
  });

  it('waits a little for an answer that takes longer, at most for some looks', async () => {
    const { there, sent } = await startCloud((_, n) => (n < 3 ? later() : VALID));
    expect(await there.deployments.validate('g', 'd', BODY)).toEqual([]);
    expect(sent()).toEqual([`POST ${DEPLOYMENT}/validate`, `GET ${RESULT}`, `GET ${RESULT}`, `GET ${RESULT}`]);
  });

  it('gives the worker back while Azure thinks, and goes on with the same question', async () => {
    let isReady = false;
    const { azure, sent } = await startCloud(() =>
      isReady ? refused(400, 'InvalidTemplate', `'${SECRET}' is bad`) : later(),
    );
    const validate = () =>
      azure.in({ tenantId: 't', subscriptionId: ROOT.slice(15) }).deployments.validate('g', 'd', BODY);
    const error = await failureOf(validate());
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ code: 'arm.still-thinking', retryAfterMs: 15_000, effect: 'none' });
    isReady = true;
    const faults = await validate();
    expect(faults).toMatchObject([{ code: 'InvalidTemplate', kind: 'permanent' }]);
    expect(inspect(faults)).not.toContain(SECRET);
    expect(sent().filter((call) => call.startsWith('POST'))).toHaveLength(1);
  });

  it('asks anew when the answer was kept no longer, or the question is another one', async () => {
    let phase = 0;
    const { there, sent } = await startCloud(({ method }) => {
      if (phase === 0) return later();
      return method === 'GET' ? refused(404, 'NotFound') : VALID;
    });
    await failureOf(there.deployments.validate('g', 'd', BODY));
    phase = 1;
    expect(await there.deployments.validate('g', 'd', { ...BODY, parameters: {} })).toEqual([]);
    expect(await there.deployments.validate('g', 'd', BODY)).toEqual([]);
    expect(sent().slice(-3)).toEqual([`POST ${DEPLOYMENT}/validate`, `GET ${RESULT}`, `POST ${DEPLOYMENT}/validate`]);
  });

  it('does not follow an answer to another host', async () => {
    const { there } = await startCloud(() => later('https://elsewhere.example'));
    await expect(there.deployments.validate('g', 'd', BODY)).rejects.toMatchObject({ code: 'arm.foreign-address' });
  });

  it('throws what is no answer: missing rights, group or subscription, throttling', async () => {
    for (const [reply, code] of [
      [refused(401, 'ExpiredAuthenticationToken'), 'arm.ExpiredAuthenticationToken'],
      [refused(403, 'AuthorizationFailed'), 'arm.AuthorizationFailed'],
      [refused(404, 'ResourceGroupNotFound'), 'arm.ResourceGroupNotFound'],
      [refused(404, 'SubscriptionNotFound'), 'arm.SubscriptionNotFound'],
      [{ status: 429 }, 'arm.throttled'],
      [{ status: 202 }, 'arm.malformed'],
      [{ json: {} }, 'arm.malformed'],
    ] as const) {
      const { there } = await startCloud(() => reply);
      await expect(there.deployments.validate('g', 'd', BODY)).rejects.toMatchObject({ code });
    }
  });
});

describe('what-if', () => {
  it('lists the changes', async () => {
    const { there, calls } = await startCloud((_, n) =>
      n === 0
        ? later()
        : {
            json: {
              status: 'Succeeded',
              properties: { changes: [{ resourceId: '/vm', changeType: 'Create', after: { x: 1 } }] },
            },
          },
    );
    expect(await there.deployments.whatIf('g', 'd', BODY)).toEqual({
      changes: [{ action: 'Create', resourceId: '/vm' }],
    });
    expect(bodyOf(calls[0])).toMatchObject({ properties: { whatIfSettings: { resultFormat: 'ResourceIdOnly' } } });
  });

  it('tells why it failed, though it answers with success', async () => {
    const error = { code: 'InvalidTemplate', message: `${SECRET} is bad` };
    const { there } = await startCloud(() => ({ json: { status: 'Failed', error } }));
    expect(await there.deployments.whatIf('g', 'd', BODY)).toEqual({
      faults: [{ code: 'InvalidTemplate', message: '*** is bad', path: ['InvalidTemplate'], kind: 'permanent' }],
    });
  });

  it('takes nothing else for an answer', async () => {
    for (const json of [{}, { status: 'Failed' }, { status: 'Succeeded', properties: { changes: [{}] } }]) {
      const { there } = await startCloud(() => ({ json }));
      await expect(there.deployments.whatIf('g', 'd', BODY)).rejects.toMatchObject({ code: 'arm.malformed' });
    }
  });
});
