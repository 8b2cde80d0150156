import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from './calendar.ts';
import { type Body, type PartnerClient, startPartnerClient } from './partner-client.ts';

const CANCEL_AT_END = { scheduleType: 'TermEnd', actionType: 'Cancel' };

describe('a change of a subscription', () => {
  let client: PartnerClient;
  let customerId: string;
  let id: string;

  beforeEach(async () => {
    client = await startPartnerClient();
    customerId = (await client.createCustomer()).customerId;
    await client.acceptAgreement(customerId);
    id = (await client.buy(customerId, { quantity: 10 })).id;
  });
  afterEach(() => client.stop());

  const change = (changes: object) => client.change(customerId, id, changes);
  const read = () => client.read(customerId, id);
  const patch = (body: object) => client.call('PATCH', `/v1/customers/${customerId}/subscriptions/${id}`, { body });

  async function premium(fields: object = {}): Promise<object> {
    const availabilityId = (await client.itemId('CFQ7TTC0XC33:0001')).split(':')[2];
    const product = {
      productId: 'CFQ7TTC0XC33',
      skuId: '0001',
      availabilityId,
      billingCycle: 'annual',
      termDuration: 'P1Y',
    };
    return { product, quantity: 8, ...fields };
  }

  it('adds seats at any time, in a batch that can be given back for seven days', async () => {
    await client.clock.advance(2 * DAY_MS);
    const { body } = await change({ quantity: 15 });
    expect(body.refundableQuantity).toMatchObject({ totalQuantity: 15, details: [{ quantity: 10 }, { quantity: 5 }] });
    const smaller = await change({ quantity: 12 });
    expect(smaller.body.refundableQuantity.details).toMatchObject([{ quantity: 10 }, { quantity: 2 }]);
    await client.clock.advance(5 * DAY_MS);
    expect((await read()).refundableQuantity).toMatchObject({ totalQuantity: 2, details: [{ quantity: 2 }] });
    expect(await change({ quantity: 9 })).toMatchObject({ status: 400, body: { code: 800090 } });
    expect((await change({ quantity: 10 })).status).toBe(200);
    expect(client.emulator.billed(id)).toBe(10);
  });

  it('stands in the books with its request ids, and an update without a change does not', async () => {
    await change({});
    const body = { ...(await read()), quantity: 11 };
    const headers = { 'MS-RequestId': 'the-request', 'MS-CorrelationId': 'the-correlation' };
    await client.call('PATCH', `/v1/customers/${customerId}/subscriptions/${id}`, { body, headers });
    expect(client.emulator.books().changes).toMatchObject([
      {
        subscriptionId: id,
        requestId: 'the-request',
        correlationId: 'the-correlation',
        changes: [{ property: 'quantity', before: 10, after: 11 }],
      },
    ]);
  });

  it('refuses to take back seats late, with the code that is set', async () => {
    await client.clock.advance(7 * DAY_MS);
    client.emulator.setSwitches({ lateDecreaseCode: 900257 });
    expect(await change({ quantity: 9 })).toMatchObject({ status: 400, body: { code: 900257 } });
  });

  it('keeps quantities within the bounds of the SKU', async () => {
    expect(await change({ quantity: 301 })).toMatchObject({ status: 400, body: { code: 2002 } });
    client.emulator.setSkuBounds('CFQ7TTC0XA11', '0001', { minimumQuantity: 5 });
    expect(await change({ quantity: 4 })).toMatchObject({ status: 400, body: { code: 2002 } });
  });

  it('demands the whole resource', async () => {
    expect(await patch({ quantity: 11 })).toMatchObject({ status: 400, body: { code: 800002 } });
    expect(await patch({ status: 'active' })).toMatchObject({ status: 400, body: { code: 800002 } });
    expect(await patch({ id: customerId, status: 'active', quantity: 1 })).toMatchObject({ status: 400 });
    const unknown = await client.call('GET', `/v1/customers/${customerId}/subscriptions/${customerId}`);
    expect(unknown).toMatchObject({ status: 404, body: { code: 20003 } });
  });

  it('switches auto-renew off and drops schedules when they are left out', async () => {
    await change({ scheduledNextTermInstructions: await premium() });
    expect(await patch({ quantity: 11, status: 'active' })).toMatchObject({
      status: 200,
      body: { autoRenewEnabled: false },
    });
    expect(await read()).not.toHaveProperty('scheduledNextTermInstructions');
  });

  it('changes one property at a time, unless the dialect is lenient', async () => {
    const two = { quantity: 11, friendlyName: 'Due cose' };
    expect(await change(two)).toMatchObject({ status: 400, body: { code: 800002 } });
    client.emulator.setSwitches({ oneChangePerPatch: false });
    expect(await change(two)).toMatchObject({ status: 200, body: { quantity: 11, friendlyName: 'Due cose' } });
  });

  it('lets auto-renew travel with the action that belongs to it, and not with the other', async () => {
    const off = await change({ autoRenewEnabled: false, scheduledActions: [CANCEL_AT_END] });
    expect(off).toMatchObject({ status: 200, body: { autoRenewEnabled: false, scheduledActions: [CANCEL_AT_END] } });
    const renew = { scheduleType: 'TermEnd', actionType: 'RenewToNewTerm' };
    expect((await change({ scheduledActions: [renew] })).status).toBe(400);
    expect((await change({ autoRenewEnabled: true, scheduledActions: [renew] })).status).toBe(200);
    expect((await change({ scheduledActions: [CANCEL_AT_END] })).status).toBe(400);
  });

  it('loses the scheduled end when seats change in the middle of the term', async () => {
    await change({ autoRenewEnabled: false, scheduledActions: [CANCEL_AT_END] });
    await change({ quantity: 11 });
    expect(await read()).not.toHaveProperty('scheduledActions');
    await change({ scheduledActions: [CANCEL_AT_END] });
    await change({ friendlyName: 'Un nome' });
    expect((await read()).scheduledActions).toEqual([CANCEL_AT_END]);
  });

  it('schedules a change for the renewal in either form, the newer one winning', async () => {
    const instructions = await premium();
    expect((await change({ scheduledNextTermInstructions: instructions })).body.scheduledNextTermInstructions).toEqual(
      instructions,
    );
    const action = { scheduledType: 'TermEnd', actionType: 'RenewToNewTerm', instructions };
    const { body } = await change({ scheduledActions: [action] });
    expect(body.scheduledActions).toEqual([{ scheduleType: 'TermEnd', actionType: 'RenewToNewTerm', instructions }]);
    expect(body).not.toHaveProperty('scheduledNextTermInstructions');
    expect((await change({ scheduledActions: null })).body).not.toHaveProperty('scheduledActions');
  });

  it('refuses schedules that cannot be kept', async () => {
    const schedule = async (instructions: object) => change({ scheduledNextTermInstructions: instructions });
    const { product } = (await premium()) as Body;
    expect(await schedule(await premium({ quantity: 301 }))).toMatchObject({ status: 400, body: { code: 2002 } });
    const gone = await schedule({ product: { ...product, availabilityId: 'GONE' }, quantity: 8 });
    expect(gone).toMatchObject({ status: 404, body: { code: 400019 } });
    const [, skuId, availabilityId] = (await client.itemId('CFQ7TTC0XK88:0001')).split(':');
    const sideways = await schedule({
      product: { ...product, productId: 'CFQ7TTC0XK88', skuId, availabilityId },
      quantity: 8,
    });
    expect(sideways).toMatchObject({ status: 400, body: { code: 900236 } });
    const badEnd = await schedule(await premium({ customTermEndDate: '2028-05-17T00:00:00Z' }));
    expect(badEnd).toMatchObject({ status: 400, body: { code: 900246 } });
    expect((await schedule(await premium({ customTermEndDate: '2028-05-31T00:00:00Z' }))).status).toBe(200);
  });

  it('suspends at once while billing goes on, and comes back without auto-renew', async () => {
    await change({ scheduledNextTermInstructions: await premium() });
    const suspended = await change({ status: 'suspended' });
    expect(suspended.body).toMatchObject({ status: 'suspended', autoRenewEnabled: false, refundableQuantity: null });
    expect(suspended.body).not.toHaveProperty('scheduledNextTermInstructions');
    expect(client.emulator.billed(id)).toBe(10);
    expect(await change({ quantity: 11 })).toMatchObject({ status: 400, body: { code: 2001 } });
    expect(await change({ friendlyName: 'X' })).toMatchObject({ status: 400, body: { code: 800091 } });
    expect(await change({ autoRenewEnabled: true })).toMatchObject({ status: 400, body: { code: 800091 } });
    const active = await change({ status: 'active' });
    expect(active.body).toMatchObject({
      status: 'active',
      autoRenewEnabled: false,
      refundableQuantity: { totalQuantity: 10 },
    });
    expect((await change({ autoRenewEnabled: true })).body.autoRenewEnabled).toBe(true);
  });

  it('cannot lift a suspension by Microsoft', async () => {
    client.emulator.suspendByMicrosoft(id, 'Fraud');
    expect((await read()).suspensionReasons).toEqual(['Fraud']);
    expect(await change({ status: 'active' })).toMatchObject({ status: 400, body: { code: 800096 } });
    client.emulator.clearSuspension(id);
    expect((await change({ status: 'active' })).status).toBe(200);
  });

  it('cancels within seven days, from suspension too, and is final', async () => {
    await change({ status: 'suspended' });
    expect(await change({ status: 'deleted' })).toMatchObject({ status: 200, body: { status: 'deleted' } });
    expect(await change({ status: 'active' })).toMatchObject({ status: 400, body: { code: 2011 } });
    expect(client.emulator.billed(id)).toBe(0);
  });

  it('does not cancel later than that', async () => {
    await client.clock.advance(7 * DAY_MS);
    expect(await change({ status: 'deleted' })).toMatchObject({ status: 400, body: { code: 900117 } });
    client.emulator.setSwitches({ lateCancelCode: 900213 });
    expect(await change({ status: 'deleted' })).toMatchObject({ status: 400, body: { code: 900213 } });
    expect(client.emulator.billed(id)).toBe(10);
  });

  it('can be answered 202 and take effect later, refusing another one meanwhile', async () => {
    client.emulator.setSwitches({ patchDelayMs: HOUR_MS });
    const answer = await change({ quantity: 11 });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/customers/${customerId}/subscriptions/${id}`);
    expect(await change({ quantity: 12 })).toMatchObject({ status: 409, body: { code: 900278 } });
    expect((await read()).quantity).toBe(10);
    await client.clock.advance(HOUR_MS);
    expect((await read()).quantity).toBe(11);
  });

  it('is refused after too many updates', async () => {
    client.emulator.setSwitches({ updatesPerSubscription: 2 });
    await change({ quantity: 11 });
    await change({ quantity: 12 });
    expect(await change({ quantity: 13 })).toMatchObject({ status: 400, body: { code: 900311 } });
  });

  it('sets a known reseller as partner of record', async () => {
    expect(await change({ partnerId: '1' })).toMatchObject({ status: 404, body: { code: 800015 } });
    expect((await change({ partnerId: '7100455' })).body.partnerId).toBe('7100455');
  });

  it('shows what people do by hand', async () => {
    client.emulator.changeQuantityByHand(id, 4);
    expect((await read()).quantity).toBe(4);
    client.emulator.setAutoRenewByHand(id, false);
    expect((await read()).autoRenewEnabled).toBe(false);
    client.emulator.cancelByHand(id);
    expect((await read()).status).toBe('deleted');
    expect(client.emulator.books().changes.map(({ by }) => by)).toEqual(['admin', 'admin']);
  });

  it('offers the last days on which a term may end', async () => {
    const path = `/v1/customers/${customerId}/subscriptions/customTermEndDates?term_duration=P1Y`;
    const { items } = await client.get(path);
    expect(items).toMatchObject([
      { allowedCustomTermEndDateType: 'calendarMonthAligned', allowedCustomTermEndDate: '2027-08-31T00:00:00' },
      { allowedCustomTermEndDateType: 'subscriptionAligned', cotermSubscriptionIds: [id] },
    ]);
    const coterm = await client.buy(customerId, { customTermEndDate: '2026-12-31T00:00:00Z' });
    expect(coterm.commitmentEndDate).toBe('2026-12-31T00:00:00Z');
  });
});
