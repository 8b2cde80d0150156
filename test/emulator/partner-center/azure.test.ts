import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './calendar.ts';
import { type Body, type PartnerClient, startPartnerClient } from './partner-client.ts';

describe('an Azure plan', () => {
  let client: PartnerClient;
  let customerId: string;
  let plan: Body;
  let path: string;

  beforeEach(async () => {
    client = await startPartnerClient();
    customerId = (await client.createCustomer()).customerId;
    await client.acceptAgreement(customerId);
    plan = await client.buy(customerId, { offer: 'DZH318Z0BPS6:0001' });
    path = `/v1/customers/${customerId}/subscriptions/${plan.id}`;
  });
  afterEach(() => client.stop());

  const entitlements = async () => (await client.get(`${path}/azureEntitlements`)).items;
  const cancel = (id: string, cancellationReason = 'compromise') =>
    client.call('POST', `${path}/azureEntitlements/${id}/cancel`, { body: { cancellationReason } });

  it('is bought without a term and comes with one Azure subscription', async () => {
    expect(plan).toMatchObject({
      billingType: 'usage',
      quantity: 1,
      autoRenewEnabled: false,
      commitmentEndDate: '9999-12-31T00:00:00Z',
    });
    expect(await entitlements()).toMatchObject([{ status: 'active', subscriptionId: plan.id }]);
    expect((await client.change(customerId, plan.id, { friendlyName: 'Piano' })).body.friendlyName).toBe('Piano');
    expect(await client.change(customerId, plan.id, { quantity: 2 })).toMatchObject({
      status: 400,
      body: { code: 800095 },
    });
    expect(client.emulator.billed(plan.id)).toBe(0);
  });

  it('can be suspended only when no Azure subscription is active any more', async () => {
    const { id } = client.emulator.addEntitlement(plan.id, { friendlyName: 'Produzione' });
    const [{ id: first }] = await entitlements();
    expect(await client.change(customerId, plan.id, { status: 'suspended' })).toMatchObject({
      status: 403,
      body: { code: 900115 },
    });
    expect(await cancel(id, 'tired')).toMatchObject({ status: 400, body: { code: 900307 } });
    expect(await cancel(customerId)).toMatchObject({ status: 404, body: { code: 800111 } });
    for (const one of [id, first]) expect(await cancel(one)).toMatchObject({ status: 200, body: { status: 'active' } });
    await client.clock.advance(9 * MINUTE_MS);
    expect((await entitlements())[0].status).toBe('active');
    await client.clock.advance(MINUTE_MS);
    expect((await entitlements()).map(({ status }: Body) => status)).toEqual(['inactive', 'inactive']);
    expect((await client.change(customerId, plan.id, { status: 'suspended' })).status).toBe(200);
    expect((await client.change(customerId, plan.id, { status: 'active' })).status).toBe(200);

    expect((await client.call('POST', `${path}/azureEntitlements/${id}/reactivate`)).status).toBe(202);
    await client.clock.advance(MINUTE_MS);
    expect((await client.get(`${path}/azureEntitlements/${id}`)).status).toBe('active');
  });

  it('costs the same in its summary, by resource and by meter, and stops costing when cancelled', async () => {
    const [{ id }] = await entitlements();
    client.emulator.setMachineCostPerHour(id, 1.5);
    await client.clock.advance(100 * HOUR_MS);
    const user = { as: 'user' } as const;
    const total = (items: Body[]) => items.reduce((sum, { totalCost }) => sum + Math.round(totalCost * 100), 0);
    const summary = await client.get(`${path}/usagesummary`, user);
    expect(summary.totalCost).toBeCloseTo(151, 0);
    expect(total((await client.get(`${path}/resourceusagerecords`, user)).items)).toBe(
      Math.round(summary.totalCost * 100),
    );
    expect(total((await client.get(`${path}/meterusagerecords`, user)).items)).toBe(
      Math.round(summary.totalCost * 100),
    );
    const ofCustomer = await client.get(`/v1/customers/${customerId}/usagesummary`, user);
    expect(ofCustomer).toMatchObject({ totalCost: summary.totalCost, billingStartDate: '2026-09-01T00:00:00+00:00' });
    expect(await client.call('GET', `${path}/usagesummary`)).toMatchObject({ status: 403, body: { code: 900329 } });

    await cancel(id);
    await client.clock.advance(10 * MINUTE_MS);
    const atEnd = (await client.get(`${path}/usagesummary`, user)).totalCost;
    await client.clock.advance(DAY_MS);
    expect((await client.get(`${path}/usagesummary`, user)).totalCost).toBe(atEnd);
  });

  it('tells how much of a budget is used', async () => {
    const budget = `/v1/customers/${customerId}/usagebudget`;
    expect((await client.get(budget)).amount).toBeNull();
    const body = { Amount: 10, Attributes: { ObjectType: 'SpendingBudget' } };
    expect((await client.call('PATCH', budget, { body })).body).toMatchObject({ amount: 10, usageSpendingBudget: 10 });
    await client.clock.advance(3 * DAY_MS);
    const { items } = await client.get('/v1/customers/usagerecords', { as: 'user' });
    expect(items).toMatchObject([{ id: customerId, isUpgraded: true, budget: { amount: 10 } }]);
    expect(items[0].percentUsed).toBeGreaterThan(100);
    expect((await client.call('PATCH', budget, { body: { Amount: null } })).body.amount).toBeNull();
  });

  it('can be enabled for reservations', async () => {
    expect((await client.get(`${path}/registrationstatus`)).status).toBe('NotRegistered');
    const answer = await client.call('POST', `${path}/registrations`);
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/customers/${customerId}/subscriptions/${plan.id}/registrationstatus`);
    expect((await client.get(`${path}/registrationstatus`)).status).toBe('registering');
    await client.clock.advance(MINUTE_MS);
    expect((await client.get(`${path}/registrationstatus`)).status).toBe('registered');
  });

  it('shows reports of abuse until they are resolved', async () => {
    const [{ id }] = await entitlements();
    const { eventId } = client.emulator.reportFraud(id);
    const active = `/v1/fraudEvents?EventStatus=Active&SubscriptionId=${id}`;
    expect(await client.get(active, { as: 'user' })).toMatchObject([{ eventId, customerTenantId: customerId }]);
    const body = { EventIds: [eventId], EventStatus: 'Resolved', ResolvedReason: 'Fraud' };
    const resolved = await client.call('POST', `/v1/fraudEvents/subscription/${id}/status`, { as: 'user', body });
    expect(resolved.body).toMatchObject([{ eventId, eventStatus: 'Resolved', resolvedReason: 'Fraud' }]);
    expect(await client.get(active, { as: 'user' })).toEqual([]);
  });
});
