import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttentionError, RetryableError } from '../../../../src/lib/errors.ts';
import { faultsIn, harmless } from '../../../../src/upstreams/azure/faults.ts';
import { kindOf } from '../../../../src/upstreams/azure/taxonomy.ts';
import { fixture } from '../fixtures.ts';
import { failureOf, refused, SUBSCRIPTION, startCloud, TENANT } from './cloud.ts';

interface Catalogued {
  code: string;
  status: number | string;
  class: string;
  message: string;
}
const catalogue = fixture<{ errors: Catalogued[] }>('azure/error-catalogue').errors;
const plain = catalogue.filter((one) =>
  ['permanent', 'customer', 'capacity', 'transient', 'conflict'].includes(one.class),
);

describe('kindOf', () => {
  it.each(plain.map((one) => [one.code, one.class]))('%s is %s', (code, kind) => {
    expect(kindOf([code], '')).toBe(kind);
    expect(kindOf(['DeploymentFailed', code.toLowerCase()], '', 409)).toBe(kind);
  });

  it.each([
    [
      ['OperationNotAllowed'],
      'Operation could not be completed as it results in exceeding approved Cores quota.',
      'customer',
    ],
    [
      ['OperationNotAllowed'],
      'The server rejected the request because too many requests have been received.',
      'transient',
    ],
    [['OperationNotAllowed'], 'The machine is deallocated.', 'conflict'],
    [['Conflict'], 'Another operation is in progress.', 'transient'],
    [['Conflict'], 'It is as it is.', 'conflict'],
    [['BadRequest'], 'Wrong.', 'permanent'],
    [['BadRequest'], 'You must accept the legal terms through the Azure portal.', 'customer'],
    [['MarketplacePurchaseEligibilityFailed', 'BadRequest'], 'Not sold in your country.', 'permanent'],
  ])('%j is told by its text: %s', (path, message, kind) => {
    expect(kindOf(path, message, 400)).toBe(kind);
  });

  it('knows missing terms, which are accepted and tried again, from other refusals of a purchase', () => {
    const { cases } = fixture<{ cases: { meaning: string; body: { error: unknown } }[] }>('azure/purchase-errors');
    for (const { meaning, body } of cases) {
      const [fault] = faultsIn(body, { status: 400 });
      expect(fault?.kind, meaning).toBe(meaning.startsWith('terms') ? 'transient' : 'permanent');
    }
  });

  it('takes an unknown code by its status', () => {
    expect(kindOf(['Unheard'], '', 400)).toBe('permanent');
    expect(kindOf(['Unheard'], '', 403)).toBe('customer');
    expect(kindOf(['Unheard'], '', 500)).toBe('transient');
    expect(kindOf(['Unheard'], '')).toBe('transient');
    expect(kindOf(['RetryableErrorDueToAnotherOperation'], '', 429)).toBe('transient');
  });
});

describe('a refusal', () => {
  it.each(
    plain.filter(
      ({ status, code }) =>
        typeof status === 'number' &&
        status < 429 &&
        code !== 'AuthorizationFailed' &&
        code !== 'InvalidAuthenticationTokenTenant' &&
        code !== 'DeploymentActive',
    ),
  )('$code ($status) is $class', async ({ code, status, class: kind }) => {
    const { there } = await startCloud(() => refused(Number(status), code, 'As it is.'));
    const error = await failureOf(there.providers.state('Microsoft.Compute'));
    expect(error).toBeInstanceOf(kind === 'permanent' || kind === 'customer' ? AttentionError : RetryableError);
    expect(error).toMatchObject({ code: `arm.${code}`, effect: 'none', facts: { upstreamCode: code } });
    if (error instanceof RetryableError) expect(error.retryAfterMs).toBeGreaterThan(0);
  });

  it('is as bad as the worst of its causes, and named by what says most', async () => {
    const details = [
      { code: 'AnotherOperationInProgress', message: 'Busy.' },
      { code: 'QuotaExceeded', message: 'Too many cores.' },
    ];
    const { there } = await startCloud(() =>
      refused(409, 'InvalidTemplateDeployment', 'See inner errors.', { details }),
    );
    await expect(there.providers.state('x')).rejects.toMatchObject({ code: 'arm.QuotaExceeded' });
    const bad = [{ code: 'BadRequest', message: 'Not sold there.' }];
    const purchase = await startCloud(() =>
      refused(400, 'MarketplacePurchaseEligibilityFailed', 'See.', { details: bad }),
    );
    await expect(purchase.there.providers.state('x')).rejects.toMatchObject({
      code: 'arm.MarketplacePurchaseEligibilityFailed',
    });
  });

  const where = { tenantId: TENANT, subscriptionId: SUBSCRIPTION };
  const grant = { principalId: 'p', principalType: 'User', role: 'reader' } as const;
  it.each([
    ['AuthorizationFailed', /PARTNER_CENTER_CLIENT_ID.*Contributor/, /user.*admin agent/],
    ['LinkedAuthorizationFailed', /elsewhere.*PARTNER_CENTER_CLIENT_ID/, /elsewhere.*user/],
    ['RequestDisallowedByPolicy', /policy.*owner change/, /policy.*owner change/],
    ['RequestDisallowedByAzure', /region.*support/, /region.*support/],
    ['QuotaExceeded', /quota .* used up: .*Usage \+ quotas/, /quota .* used up/],
    ['DenyAssignmentUnheardOf', /PARTNER_CENTER_CLIENT_ID.*Contributor.*deny assignment/, /user.*admin agent.*deny/],
  ])('as forbidden (%s) names who to look at, and for what', async (code, asApp, asUser) => {
    const { there, azure } = await startCloud(() => refused(403, code, 'As it is.'));
    const [app, user] = [
      await failureOf(there.providers.state('Microsoft.Compute')),
      await failureOf(azure.bootstrap.assignRole(where, grant)),
    ];
    for (const error of [app, user]) {
      expect(error).toBeInstanceOf(AttentionError);
      expect(error).toMatchObject({ code: `arm.${code}`, effect: 'none' });
      expect(error.message).not.toMatch(/correct the product/);
    }
    expect(app.message).toMatch(asApp);
    expect(user.message).toMatch(asUser);
    expect(user.message).not.toMatch(/PARTNER_CENTER_CLIENT_ID/);
  });

  it('without a code is for a person', async () => {
    for (const reply of [
      { status: 400 },
      { status: 404, text: 'Not found' },
      { status: 400, json: { error: { code: 'x y' } } },
    ]) {
      const { there } = await startCloud(() => reply);
      await expect(there.providers.state('x')).rejects.toMatchObject({ code: 'arm.refused' });
    }
  });
});

describe('faults', () => {
  it('are the leaves of what is nested, also as JSON in a message', () => {
    const inner = JSON.stringify({ error: { code: 'PlatformImageNotFound', message: 'No image.', details: [] } });
    const error = {
      code: 'DeploymentFailed',
      message: 'See.',
      details: [
        {
          code: 'Conflict',
          message: JSON.stringify({ status: 'Failed', error: { code: 'ResourceDeploymentFailure', message: inner } }),
          target: '/vm',
        },
      ],
    };
    expect(faultsIn(error)).toEqual([
      {
        code: 'PlatformImageNotFound',
        message: 'No image.',
        path: ['DeploymentFailed', 'Conflict', 'ResourceDeploymentFailure', 'PlatformImageNotFound'],
        target: '/vm',
        kind: 'transient',
      },
    ]);
  });

  it('can be read out of anything, and are never many, long or on several lines', () => {
    const wide = {
      code: 'A',
      details: Array.from({ length: 500 }, (_, n) => ({ code: `B${n}`, message: 'x\n'.repeat(2000) })),
    };
    let deep: object = { code: 'Z', message: 'deep' };
    for (let n = 0; n < 100; n += 1) deep = { code: 'Y', message: 'up', details: [deep] };
    for (const error of [wide, deep]) {
      const faults = faultsIn(error);
      expect(faults.length).toBeLessThanOrEqual(50);
      for (const { message, path } of faults) {
        expect(message).toMatch(/^.{0,500}$/);
        expect(path.length).toBeLessThan(10);
      }
    }
    fc.assert(
      fc.property(fc.anything(), (error) => {
        for (const fault of faultsIn(error))
          expect(fault).toMatchObject({ code: expect.any(String), message: expect.any(String) });
      }),
    );
  });

  it('tell neither people nor tokens nor given secrets', () => {
    const told = harmless(
      "The client 'giulia.ferri@panificio.example' sent eyJhbGciOiJSUzI1NiJ9.abc.def with Zq7!vT to https://x.example/?sig=aB%2F&x=1; Password=hunter2",
      ['Zq7!vT'],
    );
    expect(told).not.toMatch(/giulia|eyJ|Zq7|aB%2F|hunter2/);
    expect(told).toContain('The client');
  });
});
