import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from './calendar.ts';
import { setupMarketplace } from './connector-double.ts';
import type { NewOrder } from './ordering.ts';

let marketplace: Awaited<ReturnType<typeof setupMarketplace>>;
beforeEach(async () => {
  marketplace = await setupMarketplace();
});
afterEach(() => marketplace.close());

/** An order that was paid by card and reported as deployed; its events are delivered and forgotten. */
async function deployed(order: Partial<NewOrder> = {}): Promise<number> {
  const { emulator, deploy, connector } = marketplace;
  const id = emulator.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true, ...order });
  await deploy(id);
  await emulator.whenEventsIdle();
  connector.received.length = 0;
  return id;
}

async function eventTypes(): Promise<unknown[]> {
  await marketplace.emulator.whenEventsIdle();
  return marketplace.connector.received.map(({ body }) => body.type);
}

const status = (id: number) => marketplace.emulator.subscription(id).deploymentStatus;
const day = (at: number | undefined) => new Date(at ?? Number.NaN).toISOString().slice(0, 10);

describe('before provisioning', () => {
  it('expires an order that is not paid within three days', async () => {
    const { clock, emulator } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301 });
    await clock.advance(3 * DAY_MS - HOUR_MS);
    expect(status(id)).toBe('WAITING_PAYMENT');
    await clock.advance(HOUR_MS);
    expect(status(id)).toBe('PAYMENT_EXPIRED');
    expect(await eventTypes()).toEqual(['CREATED', 'MODIFIED']);
    expect(() => emulator.pay(id)).toThrow('expired');
  });

  it('lets an auditor approve an order, which then waits for its payment', async () => {
    const { emulator, get } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1302, requiresApproval: true });
    const [order] = (await get(`order?subscriptionId=${id}`)).body;
    expect(order).toMatchObject({ status: 'REQUIRES_APPROVAL', availableOperations: ['APPROVE', 'REJECT'] });
    expect((await get(`subscription/${id}`)).body).toMatchObject({
      deploymentStatus: 'REQUIRES_APPROVAL',
      paid: false,
    });
    emulator.approve(id);
    expect(status(id)).toBe('WAITING_PAYMENT');
    expect(await eventTypes()).toEqual(['CREATED', 'MODIFIED']);
  });

  it('ends an order that the auditor rejects', async () => {
    const { emulator } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1302, requiresApproval: true });
    emulator.reject(id);
    expect(status(id)).toBe('REJECTED');
    expect(() => emulator.terminate(id)).toThrow('REJECTED');
  });

  it('begins a postponed order on its day', async () => {
    const { clock, emulator } = marketplace;
    const startAt = clock.now() + 10 * DAY_MS;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1302, paid: true, startAt });
    expect(status(id)).toBe('POSTPONED');
    await clock.advance(10 * DAY_MS);
    expect(status(id)).toBe('PENDING');
    expect(await eventTypes()).toEqual(['CREATED', 'MODIFIED']);
  });

  it('leaves sandboxes and trials without invoice and pending at once', async () => {
    const { emulator, get } = marketplace;
    const trial = emulator.placeOrder({ plan: 2101, buyer: 1301, type: 'TRIAL' });
    const sandbox = emulator.placeOrder({ plan: 2101, buyer: 41, type: 'SANDBOX' });
    for (const id of [trial, sandbox]) {
      expect((await get(`subscription/${id}`)).body).toMatchObject({ deploymentStatus: 'PENDING', invoices: [] });
    }
    expect(emulator.subscription(trial).licenses).toBe(25);
    emulator.setSwitches({ trialPaid: false });
    expect((await get(`subscription/${trial}`)).body.paid).toBe(false);
  });

  it('lets the customer cancel while the connector is still provisioning', async () => {
    const { emulator, deploy } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, paid: true });
    emulator.terminate(id);
    expect(status(id)).toBe('UNDEPLOY_SENT');
    expect((await deploy(id)).status).toBe(409);
  });
});

describe('an administrator', () => {
  it('can put a subscription into any state, and timers of the former state do nothing', async () => {
    const { clock, emulator } = marketplace;
    const waiting = emulator.placeOrder({ plan: 2101, buyer: 1301 });
    const later = emulator.placeOrder({ plan: 2101, buyer: 1301, startAt: clock.now() + DAY_MS });
    emulator.overrideStatus(waiting, 'POST_CONFIGURATION');
    emulator.overrideStatus(later, 'REJECTED');
    await clock.advance(4 * DAY_MS);
    expect([status(waiting), status(later)]).toEqual(['POST_CONFIGURATION', 'REJECTED']);
  });
});

describe('in service', () => {
  it('renews by itself at the end of the term, paid by the card on file', async () => {
    const { clock, emulator } = marketplace;
    const id = await deployed();
    expect(day(emulator.subscription(id).endAt)).toBe('2026-04-02');
    await clock.advance(31 * DAY_MS);
    const { endAt, paid, orderList } = emulator.subscription(id);
    expect(day(endAt)).toBe('2026-05-02');
    expect(paid).toBe(true);
    expect(orderList.map(({ type }) => type)).toEqual(['NORMAL', 'RENEWAL']);
    expect(await eventTypes()).toEqual(['MODIFIED']);
  });

  it('suspends five days after an unpaid renewal, resumes on payment', async () => {
    const { clock, emulator } = marketplace;
    const id = await deployed();
    emulator.renew(id, { paid: false });
    expect(emulator.subscription(id)).toMatchObject({ deploymentStatus: 'DEPLOYED', paid: false });
    await clock.advance(5 * DAY_MS);
    expect(status(id)).toBe('STOPPED');
    emulator.resume(id);
    expect(emulator.subscription(id)).toMatchObject({ deploymentStatus: 'DEPLOYED', paid: true });
    await clock.advance(5 * DAY_MS);
    expect(status(id)).toBe('DEPLOYED');
    expect(await eventTypes()).toEqual(['MODIFIED', 'MODIFIED', 'MODIFIED']);
  });

  it('asks to undeploy what stays unpaid for three more days', async () => {
    const { clock, emulator } = marketplace;
    const id = await deployed();
    emulator.stop(id);
    expect(emulator.subscription(id)).toMatchObject({ deploymentStatus: 'STOPPED', paid: false });
    await clock.advance(3 * DAY_MS);
    expect(status(id)).toBe('UNDEPLOY_SENT');
  });

  it('can resume through PENDING', async () => {
    const { emulator, deploy } = marketplace;
    emulator.setSwitches({ resumeTo: 'PENDING' });
    const id = await deployed();
    const { startAt } = emulator.subscription(id);
    emulator.stop(id);
    emulator.resume(id);
    expect(status(id)).toBe('PENDING');
    expect((await deploy(id)).status).toBe(200);
    expect(emulator.subscription(id).startAt).toBe(startAt);
  });

  it('runs to its end and no further once auto-renewal is off', async () => {
    const { clock, emulator } = marketplace;
    const id = await deployed();
    emulator.switchAutoRenew(id, false);
    expect(emulator.subscription(id).orderList.at(-1)?.type).toBe('UNSUBSCRIBE');
    expect((await marketplace.get('subscription/expiring')).body).toEqual([]);
    await clock.advance(20 * DAY_MS);
    expect((await marketplace.get('subscription/expiring')).body).toHaveLength(1);
    await clock.advance(11 * DAY_MS);
    expect(status(id)).toBe('UNDEPLOY_SENT');
  });

  it('invoices a yearly commitment every month and renews it after a year', async () => {
    const { clock, emulator } = marketplace;
    emulator.putPlan(2103, { name: 'Business Premium, yearly', minimumDuration: 12 }, 2101);
    const id = await deployed({ plan: 2103 });
    await clock.advance(365 * DAY_MS);
    const { endAt, orderList, invoices } = emulator.subscription(id);
    expect(day(endAt)).toBe('2028-03-02');
    expect(orderList.filter(({ type }) => type === 'MONTHLY')).toHaveLength(11);
    expect(orderList.at(-1)?.type).toBe('RENEWAL');
    expect(invoices).toHaveLength(13);
  });

  it('keeps an everlasting plan without end', async () => {
    const { clock, emulator, get } = marketplace;
    emulator.putPlan(2104, { minimumDuration: 0 }, 2101);
    const id = await deployed({ plan: 2104 });
    expect((await get(`subscription/${id}`)).body).not.toHaveProperty('endDate');
    await clock.advance(100 * DAY_MS);
    expect(status(id)).toBe('DEPLOYED');
    expect(emulator.subscription(id).invoices).toHaveLength(4);
  });
});

describe('trials', () => {
  it('becomes a paid subscription as in the example', async () => {
    const { emulator, call, get, reach } = marketplace;
    await reach('2026-03-03T10:00:00Z');
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, type: 'TRIAL', licenses: 25 });
    const path = `subscription/${id}`;
    await call('POST', `${path}/endpoints`, { body: [{ endpoint: 'https://portal.office.com', category: 'APP' }] });
    await reach('2026-03-03T10:03:12Z');
    await call('PATCH', path, { body: { deploymentStatus: 'DEPLOYED' } });
    expect((await get(path)).body).toMatchObject({ type: 'TRIAL', endDate: '2026-04-02T10:03:12Z', autoRenew: false });

    emulator.convertTrial(id, { paid: true });
    const example = readFileSync(new URL('./seed/examples/subscription-50011-3-trial-converted.json', import.meta.url));
    const { type, startDate, endDate, billingPeriodStart, billingPeriodEnd, paid, autoRenew, name } = JSON.parse(
      example.toString(),
    );
    expect((await get(path)).body).toMatchObject({
      type,
      startDate,
      endDate,
      billingPeriodStart,
      billingPeriodEnd,
      paid,
      autoRenew,
      name,
    });
  });

  it('ends after its days unless auto-renewal turns it into a paid one', async () => {
    const { clock, emulator } = marketplace;
    const ending = await deployed({ type: 'TRIAL', licenses: 25 });
    const renewing = await deployed({ type: 'TRIAL', licenses: 25 });
    emulator.switchAutoRenew(renewing, true);
    await clock.advance(30 * DAY_MS);
    expect(status(ending)).toBe('UNDEPLOY_SENT');
    expect(emulator.subscription(renewing)).toMatchObject({ deploymentStatus: 'DEPLOYED', type: 'NORMAL' });
  });

  it('is converted by the vendor with RENEW', async () => {
    const { emulator, call } = marketplace;
    const id = await deployed({ type: 'TRIAL', licenses: 25 });
    expect((await call('PATCH', `subscription/${id}`, { body: { action: 'RENEW' } })).status).toBe(204);
    expect(emulator.subscription(id).type).toBe('NORMAL');
    expect(await eventTypes()).toEqual(['MODIFIED']);
  });
});

describe('changes', () => {
  it('raises a quantity at once and prorates the invoice', async () => {
    const { clock, emulator, get } = marketplace;
    const id = await deployed();
    await clock.advance(15.5 * DAY_MS);
    const change = emulator.changeQuantity(id, 25);
    expect(change.upgrade).toBe('PAID');
    expect((await get(`subscription/${id}`)).body.billingItems).toMatchObject([{ identifier: 'licenses', value: 25 }]);
    expect((await get(`invoice/${change.invoice}`)).body.total.price).toBeCloseTo(15 * 20.6 * 0.5, 0);
    expect(await eventTypes()).toEqual(['MODIFIED']);
  });

  it('lowers a quantity silently at the next period', async () => {
    const { clock, emulator } = marketplace;
    const id = await deployed({ licenses: 25 });
    expect(emulator.changeQuantity(id, 12).upgrade).toBe('DEFERRED');
    expect(emulator.subscription(id).licenses).toBe(25);
    expect(await eventTypes()).toEqual([]);
    await clock.advance(31 * DAY_MS);
    const { licenses, orderList } = emulator.subscription(id);
    expect(licenses).toBe(12);
    expect(orderList.map(({ type, status: orderStatus }) => `${type} ${orderStatus}`)).toEqual([
      'NORMAL PAID',
      'BILLING_ITEM_UPGRADE DEFERRED',
      'RENEWAL PAID',
    ]);
    expect(await eventTypes()).toEqual(['MODIFIED']);
  });

  it('answers a change of plan over the API by what it costs', async () => {
    const { emulator, call } = marketplace;
    const id = await deployed();
    const to = (plan: number) =>
      call('PATCH', `subscription/${id}`, {
        body: { action: 'SYNDICATED_UPGRADE', productVersion: { url: `productVersion/${plan}` } },
      });
    expect((await to(2102)).body).toEqual({ upgrade: 'PAID', invoice: { url: 'invoice/70011' } });
    expect(emulator.subscription(id).plan).toBe(2102);
    expect((await to(2101)).body).toEqual({ upgrade: 'DEFERRED', order: { url: 'order/61012' } });
    emulator.setSwitches({ upgradeReferences: 'string' });
    expect((await to(2101)).body).toEqual({ upgrade: 'DEFERRED', order: 'order/61013' });
    expect((await to(2201)).status).toBe(400);
    emulator.setSwitches({ patchReply: 'none' });
    expect((await to(2101)).status).toBe(204);
  });

  it('shows an unpaid upgrade when issued, or only when settled', async () => {
    const { emulator } = marketplace;
    const issued = await deployed();
    emulator.changePlan(issued, 2102, { paid: false });
    expect(emulator.subscription(issued)).toMatchObject({ plan: 2102, paid: false });

    emulator.setSwitches({ upgradeShows: 'settled' });
    const settled = await deployed();
    emulator.changePlan(settled, 2102, { paid: false });
    expect(emulator.subscription(settled)).toMatchObject({ plan: 2101, paid: false });
    emulator.pay(settled);
    expect(emulator.subscription(settled)).toMatchObject({ plan: 2102, paid: true });
  });

  it('applies a free change at once, with an event only when switched so', async () => {
    const { emulator } = marketplace;
    emulator.putPlan(2105, { name: 'Same price' }, 2101);
    const id = await deployed();
    emulator.setSwitches({ freeChangeEmitsEvent: false });
    expect(emulator.changePlan(id, 2105).upgrade).toBe('FREE');
    expect(emulator.subscription(id).plan).toBe(2105);
    expect(await eventTypes()).toEqual([]);
    emulator.setSwitches({ freeChangeEmitsEvent: true });
    emulator.changePlan(id, 2101);
    expect(await eventTypes()).toEqual(['MODIFIED']);
  });

  it('refuses quantities outside the range of the plan', async () => {
    const { emulator } = marketplace;
    const id = await deployed();
    expect(() => emulator.changeQuantity(id, 301)).toThrow('300');
    expect(() => emulator.changeQuantity(id, 0)).toThrow('1');
    expect(() => emulator.placeOrder({ plan: 2201, buyer: 1301, licenses: 2 })).toThrow('quantity');
  });
});
