import { describe, expect, it } from 'vitest';
import { AttentionError, RetryableError } from '../../../../src/lib/errors.ts';
import type { Reply } from '../fake-upstream.ts';
import { fixture } from '../fixtures.ts';
import {
  bodyOf,
  failureOf,
  PARTNER,
  ROOT,
  refused,
  SUBSCRIPTION,
  startCloud,
  TENANT,
  tokenOf,
  WHERE,
} from './cloud.ts';

interface Recorded {
  request: { method: string; url: string; body?: unknown };
  response: { status: number; body: unknown };
}

const ACCOUNT = 'a8d7c6b5-4e3f-4d2c-9b1a-0f9e8d7c6b5a:5c4b3a29-1807-4f6e-8d5c-4b3a29180716_2019-05-31';
const SCOPE = `/providers/Microsoft.Billing/billingAccounts/${ACCOUNT}/customers/${TENANT}`;
const GRANT = {
  principalId: '9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d',
  principalType: 'ServicePrincipal',
  role: 'contributor',
} as const;

function recordedBilling(path: string): Reply {
  const { exchanges } = fixture<{ exchanges: Recorded[] }>('azure/billing-customers-list');
  return { json: exchanges[path.endsWith('/customers') ? 1 : 0]?.response.body };
}

describe('the billing scope', () => {
  it('is that of the customer under the one partner agreement', async () => {
    const { azure, calls } = await startCloud(({ path }) => recordedBilling(path));
    expect(await azure.bootstrap.billingScope(TENANT.toUpperCase())).toBe(SCOPE);
    expect(calls.map(({ path }) => path)).toEqual([
      '/providers/Microsoft.Billing/billingAccounts',
      `/providers/Microsoft.Billing/billingAccounts/${ACCOUNT.replace(':', '%3A')}/customers`,
    ]);
    expect(tokenOf(calls[0])).toBe(`user-1@${PARTNER}`);
  });

  it('is looked for under the configured account', async () => {
    const { azure, sent } = await startCloud(({ path }) => recordedBilling(path), { billingAccount: 'account-1' });
    expect(await azure.bootstrap.billingScope(TENANT)).toBe(
      `/providers/Microsoft.Billing/billingAccounts/account-1/customers/${TENANT}`,
    );
    expect(sent()).toEqual(['GET /providers/Microsoft.Billing/billingAccounts/account-1/customers']);
  });

  it('needs a customer with an Azure plan', async () => {
    const { azure } = await startCloud(({ path }) => recordedBilling(path));
    const error = await failureOf(azure.bootstrap.billingScope('another'));
    expect(error).toBeInstanceOf(AttentionError);
    expect(error).toMatchObject({ code: 'arm.customer-not-billed', effect: 'none' });
  });

  it('is not guessed among several accounts, nor without one', async () => {
    const account = (name: string, agreementType: string) => ({ name, properties: { agreementType } });
    const mpa = 'MicrosoftPartnerAgreement';
    for (const value of [[account('a', mpa), account('b', mpa)], [account('a', 'MicrosoftCustomerAgreement')], []]) {
      const { azure } = await startCloud(() => ({ json: { value } }));
      await expect(azure.bootstrap.billingScope(TENANT)).rejects.toMatchObject({ code: 'arm.billing-account-unclear' });
    }
  });
});

describe('an alias', () => {
  const { exchanges } = fixture<{ exchanges: Recorded[] }>('azure/subscription-alias-create');

  it('asks for an Azure subscription in the partner’s tenant, and may do so again', async () => {
    const { azure, calls } = await startCloud(() => ({ status: 201, json: exchanges[0]?.response.body }));
    const order = { displayName: 'Fabrikam production (ord-000417)', billingScope: SCOPE };
    await azure.bootstrap.createAlias('mp-ord-000417', order);
    await azure.bootstrap.createAlias('mp-ord-000417', order);
    expect(calls).toHaveLength(2);
    expect(calls[0]).toMatchObject({
      method: 'PUT',
      path: '/providers/Microsoft.Subscription/aliases/mp-ord-000417',
      query: { 'api-version': '2021-10-01' },
    });
    const recorded = exchanges[0]?.request.body as { properties: object } | undefined;
    expect(bodyOf(calls[0])).toEqual({ properties: { ...recorded?.properties, resellerId: undefined } });
    expect(bodyOf(calls[1])).toEqual(bodyOf(calls[0]));
    expect(tokenOf(calls[0])).toBe(`user-1@${PARTNER}`);
  });

  it.each([
    [{ provisioningState: 'Accepted', subscriptionId: null }, { state: 'creating' }],
    [{ provisioningState: 'SomethingNew' }, { state: 'creating' }],
    [
      { provisioningState: 'Succeeded', subscriptionId: SUBSCRIPTION },
      { state: 'created', subscriptionId: SUBSCRIPTION },
    ],
    [{ provisioningState: 'Failed' }, { state: 'failed' }],
  ])('with %j is %j', async (properties, expected) => {
    const { azure } = await startCloud(() => ({ json: { properties } }));
    expect(await azure.bootstrap.alias('a')).toEqual(expected);
  });

  it('that succeeded without a subscription is no answer', async () => {
    for (const json of [{ properties: { provisioningState: 'Succeeded' } }, {}, { properties: {} }]) {
      const { azure } = await startCloud(() => ({ json }));
      await expect(azure.bootstrap.alias('a')).rejects.toMatchObject({ code: 'arm.malformed' });
    }
  });

  it('may be absent, and is gone once deleted', async () => {
    const { azure } = await startCloud(() => refused(404, 'SubscriptionAliasNotFound'));
    expect(await azure.bootstrap.alias('a')).toBeUndefined();
    await azure.bootstrap.deleteAlias('a');
  });
});

describe('a role', () => {
  it('is assigned in the customer’s tenant under a name that follows from what it grants', async () => {
    const { azure, calls } = await startCloud(() => ({ status: 201, json: {} }));
    await azure.bootstrap.assignRole(WHERE, GRANT);
    await azure.bootstrap.assignRole(WHERE, { ...GRANT, principalId: GRANT.principalId.toUpperCase() });
    await azure.bootstrap.assignRole(WHERE, { ...GRANT, role: 'reader' });
    await azure.bootstrap.assignRole(WHERE, { ...GRANT, group: 'mp-1' });
    const paths = calls.map(({ path }) => path);
    const pattern =
      /\/providers\/Microsoft\.Authorization\/roleAssignments\/[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
    for (const path of paths) expect(path).toMatch(pattern);
    expect(paths[0]).toBe(paths[1]);
    expect(new Set(paths).size).toBe(3);
    expect(paths[3]).toContain(`${ROOT}/resourceGroups/mp-1/providers/`);
    expect(bodyOf(calls[0])).toEqual({
      properties: {
        roleDefinitionId: `${ROOT}/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c`,
        principalId: GRANT.principalId,
        principalType: 'ServicePrincipal',
      },
    });
    expect(tokenOf(calls[0])).toBe(`user-1@${TENANT}`);
  });

  it('keeps its name from release to release, for it is removed by it', async () => {
    const { azure, sent } = await startCloud(() => ({ status: 204 }));
    await azure.bootstrap.removeRole(WHERE, GRANT);
    expect(sent()).toEqual([
      `DELETE ${ROOT}/providers/Microsoft.Authorization/roleAssignments/df6c7634-425b-543e-b2bf-2f7ac7499d2c`,
    ]);
  });

  it('that exists, or is gone, is as wanted', async () => {
    const exists = await startCloud(() => refused(409, 'RoleAssignmentExists'));
    await exists.azure.bootstrap.assignRole(WHERE, GRANT);
    const gone = await startCloud(() => refused(404, 'RoleAssignmentNotFound'));
    await gone.azure.bootstrap.removeRole(WHERE, GRANT);
  });

  it('that is refused says what to do', async () => {
    const expected = [undefined, AttentionError, RetryableError, AttentionError];
    const { cases } = fixture<{ cases: { status: number; body: unknown }[] }>('azure/role-assignment-errors');
    for (const [n, { status, body }] of cases.entries()) {
      const kind = expected[n];
      const { azure } = await startCloud(() => ({ status, json: body }));
      if (!kind) continue;
      const error = await failureOf(azure.bootstrap.assignRole(WHERE, GRANT));
      expect(error).toBeInstanceOf(kind);
      expect(String(error)).not.toContain('operator@');
    }
  });
});

describe('an Azure subscription', () => {
  it('is cancelled without counting what was just deleted', async () => {
    const { azure, calls } = await startCloud(() => ({ json: { subscriptionId: SUBSCRIPTION } }));
    expect(await azure.bootstrap.cancelSubscription(WHERE)).toBe('cancelled');
    expect(calls[0]).toMatchObject({
      method: 'POST',
      path: `${ROOT}/providers/Microsoft.Subscription/cancel`,
      query: { 'api-version': '2021-10-01', IgnoreResourceCheck: 'true' },
    });
    expect(tokenOf(calls[0])).toBe(`user-1@${TENANT}`);
  });

  it.each([
    [refused(400, 'ResourcesExistingOnSubscription'), 'resources-left'],
    [refused(409, 'ReadOnlyDisabledSubscription'), 'cancelled'],
  ])('may have resources left, or be cancelled before: %j', async (reply, expected) => {
    const { azure } = await startCloud(() => reply);
    expect(await azure.bootstrap.cancelSubscription(WHERE)).toBe(expected);
  });
});
