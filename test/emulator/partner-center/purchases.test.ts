import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, MINUTE_MS } from './calendar.ts';
import { type PartnerClient, startPartnerClient } from './partner-client.ts';

const BASIC = 'CFQ7TTC0XA11:0001';

describe('catalog, carts and orders', () => {
  let client: PartnerClient;
  let customerId: string;

  beforeEach(async () => {
    client = await startPartnerClient();
    customerId = (await client.createCustomer()).customerId;
    await client.acceptAgreement(customerId);
  });
  afterEach(() => client.stop());

  async function lineFor(offer: string, fields: object = {}) {
    const catalogItemId = await client.itemId(offer);
    return { catalogItemId, quantity: 1, billingCycle: 'monthly', termDuration: 'P1Y', ...fields };
  }

  async function errorOf(line: object): Promise<number | undefined> {
    const { body } = await client.createCart(customerId, [line]);
    return body.lineItems[0].error?.errorCode;
  }

  async function order(line: object, headers = {}) {
    const { body: cart } = await client.createCart(customerId, [line]);
    return client.checkOut(customerId, cart.id, headers);
  }

  it('renames availabilities every day, by market and by customer alike', async () => {
    const before = await client.itemId(BASIC);
    expect(before).toBe('CFQ7TTC0XA11:0001:CFQ7TTC0XB22');
    const { body: cart } = await client.createCart(customerId, [await lineFor(BASIC)]);
    await client.clock.advance(DAY_MS);
    const after = await client.itemId(BASIC);
    expect(after).not.toBe(before);
    const list = await client.get(`/v1/customers/${customerId}/products/CFQ7TTC0XA11/skus/0001/availabilities`);
    expect(list.items[0].catalogItemId).toBe(after);
    const [product, sku, old] = before.split(':');
    const stale = await client.call('GET', `/v1/products/${product}/skus/${sku}/availabilities/${old}?country=IT`);
    expect(stale).toMatchObject({ status: 404, body: { code: 400019 } });
    expect(await client.checkOut(customerId, cart.id)).toMatchObject({ status: 404, body: { code: 400019 } });
    expect(await errorOf({ ...(await lineFor(BASIC)), catalogItemId: before })).toBe(10001);
  });

  it('shows segments as asked, and all but nonprofit when nobody asks', async () => {
    const path = '/v1/products/CFQ7TTC0XA11/skus/0001/availabilities?country=IT';
    const segments = async (query: string) =>
      (await client.get(path + query)).items.map(({ segment }: { segment: string }) => segment);
    expect(await segments('')).toEqual(['commercial', 'education']);
    expect(await segments('&targetSegment=nonprofit')).toEqual(['nonprofit']);
    expect(await client.call('GET', `${path}&targetSegment=gold`)).toMatchObject({
      status: 403,
      body: { code: 400030 },
    });
    const views = await client.call('GET', '/v1/products?country=IT&targetView=SpecializedOffers');
    expect(views).toMatchObject({ status: 403, body: { code: 400036 } });
    expect(await client.call('GET', '/v1/products/XXX/skus?country=IT')).toMatchObject({
      status: 404,
      body: { code: 400013 },
    });
    const sku = await client.call('GET', '/v1/products/CFQ7TTC0XA11/skus/0009?country=IT');
    expect(sku).toMatchObject({ status: 404, body: { code: 400018 } });
    expect((await client.call('GET', '/v1/products/CFQ7TTC0XA11/skus')).status).toBe(400);
  });

  it('has no availabilities of a retired SKU', async () => {
    const path = '/v1/products/CFQ7TTC0XR77/skus/0001/availabilities?country=IT';
    expect((await client.get(path)).items).toEqual([]);
    const catalogItemId = await client.itemId(BASIC);
    client.emulator.retireSku('CFQ7TTC0XA11', '0001');
    expect(await errorOf({ catalogItemId, quantity: 1, billingCycle: 'monthly', termDuration: 'P1Y' })).toBe(10001);
  });

  it('makes a cart in spite of lines that cannot be sold, and marks them', async () => {
    expect(await errorOf(await lineFor(BASIC, { quantity: 400 }))).toBe(10015);
    expect(await errorOf(await lineFor(BASIC, { billingCycle: 'annual', termDuration: 'P1M' }))).toBe(10013);
    expect(await errorOf(await lineFor(BASIC, { termDuration: undefined }))).toBe(10010);
    expect(await errorOf(await lineFor('DZH318Z0BPS6:0001', { billingCycle: 'one_time' }))).toBe(10010);
    expect(await errorOf(await lineFor('CFQ7TTC0XK88:0001'))).toBe(400041);
    expect(await errorOf(await lineFor(BASIC, { customTermEndDate: '2027-03-17T00:00:00Z' }))).toBe(10017);
    const participants = [{ key: 'transaction_reseller', value: '1' }];
    expect(await errorOf(await lineFor(BASIC, { participants }))).toBe(10004);
    const nonprofit = await client.itemId(BASIC, 'nonprofit');
    expect(await errorOf(await lineFor(BASIC, { catalogItemId: nonprofit }))).toBe(10001);
    expect(await errorOf(await lineFor(BASIC))).toBeUndefined();
  });

  it('needs the partner attestation and the required fields', async () => {
    const post = (body: object) => client.call('POST', `/v1/customers/${customerId}/carts`, { body });
    const lineItems = [await lineFor(BASIC)];
    expect(await post({ lineItems })).toMatchObject({ status: 400, body: { code: 900206 } });
    const incomplete = { partnerOnRecordAttestationAccepted: true, lineItems: [{ quantity: 1 }] };
    expect(await post(incomplete)).toMatchObject({ status: 400, body: { code: 800002 } });
    const dollars = [await lineFor(BASIC, { currencyCode: 'USD' })];
    const wrongCurrency = { partnerOnRecordAttestationAccepted: true, lineItems: dollars };
    expect(await post(wrongCurrency)).toMatchObject({ status: 400, body: { code: 900169 } });
  });

  it('splits a cart into one order for the licences and one for each plan', async () => {
    const lines = [
      await lineFor(BASIC, { quantity: 5 }),
      { catalogItemId: await client.itemId('DZH318Z0BPS6:0001'), quantity: 1, billingCycle: 'one_time' },
      await lineFor('CFQ7TTC0XK88:0001', { quantity: 5 }),
    ];
    const { body: cart } = await client.createCart(customerId, lines);
    expect(cart.lineItems.map(({ orderGroup }: { orderGroup: string }) => orderGroup)).toEqual(['0', '1', '0']);
    const { body } = await client.checkOut(customerId, cart.id);
    expect(body.orders.map(({ lineItems }: { lineItems: object[] }) => lineItems.length)).toEqual([2, 1]);
    await client.clock.advance(3_000);
    expect((await client.get(`/v1/customers/${customerId}/subscriptions`)).totalCount).toBe(3);
  });

  it('orders the good group of a cart, reports the bad one, and does not order the good one again', async () => {
    const plan = { catalogItemId: await client.itemId('DZH318Z0BPS6:0001'), quantity: 1, billingCycle: 'one_time' };
    const { body: cart } = await client.createCart(customerId, [await lineFor(BASIC, { quantity: 400 }), plan]);
    const first = await client.checkOut(customerId, cart.id);
    expect(first.body.orders).toHaveLength(1);
    expect(first.body.orderErrors).toMatchObject([{ orderGroupId: '0', code: 10015 }]);
    const second = await client.checkOut(customerId, cart.id);
    expect(second.body.orders[0].id).toBe(first.body.orders[0].id);
    expect(client.emulator.books().orders).toHaveLength(1);
  });

  it('repeats the first answer to a checkout, or refuses it in the other dialect', async () => {
    const { body: cart } = await client.createCart(customerId, [await lineFor(BASIC)]);
    const first = await client.checkOut(customerId, cart.id);
    await client.clock.advance(MINUTE_MS);
    expect((await client.checkOut(customerId, cart.id)).body).toEqual(first.body);
    client.emulator.setSwitches({ checkoutDialect: 'refuse' });
    expect(await client.checkOut(customerId, cart.id)).toMatchObject({ status: 400, body: { code: 800065 } });
    expect(client.emulator.books().orders).toHaveLength(1);
  });

  it('lets one of two simultaneous checkouts through', async () => {
    client.emulator.setSwitches({ checkoutTakesMs: 50 });
    const { body: cart } = await client.createCart(customerId, [await lineFor(BASIC)]);
    const both = await Promise.all([client.checkOut(customerId, cart.id), client.checkOut(customerId, cart.id)]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([201, 409]));
    expect(client.emulator.books().orders).toHaveLength(1);
  });

  it('forgets a cart after seven days', async () => {
    const { body: cart } = await client.createCart(customerId, [await lineFor(BASIC)]);
    await client.clock.advance(7 * DAY_MS);
    expect(await client.checkOut(customerId, cart.id)).toMatchObject({ status: 404, body: { code: 800008 } });
  });

  it('replaces the lines of a cart until it is ordered', async () => {
    const { body: cart } = await client.createCart(customerId, [await lineFor(BASIC, { quantity: 10 })]);
    const path = `/v1/customers/${customerId}/carts/${cart.id}`;
    const lineItems = [{ ...cart.lineItems[0], quantity: 12 }];
    const body = { ...cart, lineItems, PartnerOnRecordAttestationAccepted: true };
    expect(await client.call('PUT', path, { body })).toMatchObject({
      status: 201,
      body: { lineItems: [{ quantity: 12 }] },
    });
    await client.checkOut(customerId, cart.id);
    expect(await client.call('PUT', path, { body })).toMatchObject({ status: 400, body: { code: 800065 } });
    expect(client.emulator.books().orders).toMatchObject([{ seats: 12 }]);
  });

  it('lets orders end as told, by control or by the name of a line', async () => {
    client.emulator.forceOrderOutcome('credit');
    expect(await order(await lineFor(BASIC))).toMatchObject({ status: 403, body: { code: 900121 } });
    const risky = await order(await lineFor(BASIC, { friendlyName: 'EMU:risk' }));
    expect(risky).toMatchObject({ status: 201, body: { orders: [], orderErrors: [{ code: 800069 }] } });

    const reviewed = await order(await lineFor(BASIC, { friendlyName: 'EMU:pending-review' }));
    const path = `/v1/customers/${customerId}/orders/${reviewed.body.orders[0].id}`;
    await client.clock.advance(3_000);
    expect((await client.get(path)).status).toBe('pending_review');
    client.emulator.settleOrder(reviewed.body.orders[0].id, 'completed');
    expect((await client.get(path)).lineItems[0]).toHaveProperty('subscriptionId');

    const slow = await order(await lineFor(BASIC, { friendlyName: 'EMU:slow=600' }));
    await client.clock.advance(599_000);
    expect((await client.get(`/v1/customers/${customerId}/orders/${slow.body.orders[0].id}`)).status).toBe('pending');
    client.emulator.setSwitches({ orderStatusSpelling: 'blank' });
    client.emulator.forceOrderOutcome('po review rejected');
    const rejected = await order(await lineFor(BASIC));
    await client.clock.advance(3_000);
    const read = await client.get(`/v1/customers/${customerId}/orders/${rejected.body.orders[0].id}`);
    expect(read.status).toBe('po review rejected');
  });

  it('can hide an order from the list, and its subscription from the line, for a while', async () => {
    client.emulator.setSwitches({ orderListDelayMs: 15 * MINUTE_MS, subscriptionIdDelayMs: MINUTE_MS });
    const { body } = await order(await lineFor(BASIC));
    const path = `/v1/customers/${customerId}/orders`;
    await client.clock.advance(3_000);
    expect((await client.get(path)).totalCount).toBe(0);
    const byId = await client.get(`${path}/${body.orders[0].id}`);
    expect(byId.status).toBe('completed');
    expect(byId.lineItems[0]).not.toHaveProperty('subscriptionId');
    await client.clock.advance(15 * MINUTE_MS);
    expect((await client.get(path)).items[0].lineItems[0]).toHaveProperty('subscriptionId');
    const unknown = await client.call('GET', `${path}/000000000000`);
    expect(unknown).toMatchObject({ status: 404, body: { code: 20000 } });
  });

  it('takes direct orders, with the errors of the error table instead of line errors', async () => {
    const offerId = await client.itemId(BASIC);
    const post = (line: object, as: 'app' | 'user' = 'app') => {
      const LineItems = [{ LineItemNumber: 0, OfferId: offerId, Quantity: 5, TermDuration: 'P1M', ...line }];
      const body = { BillingCycle: 'monthly', PartnerOnRecordAttestationAccepted: true, LineItems };
      return client.call('POST', `/v1/customers/${customerId}/orders`, { as, body });
    };
    expect(await post({ Quantity: 301 })).toMatchObject({ status: 403, body: { code: 800067 } });
    expect(await post({ OfferId: 'CFQ7TTC0XA11:0001:GONE' })).toMatchObject({ status: 404, body: { code: 400019 } });
    const placed = await post({ PartnerIdOnRecord: '7100455', AdditionalPartnerIdsOnRecord: ['7100519'] });
    expect(placed).toMatchObject({ status: 201, body: { status: 'pending', billingCycle: 'monthly' } });
    await client.clock.advance(3_000);
    const ofReseller = await client.get(`/v1/customers/${customerId}/subscriptions?mpn_id=7100455`);
    expect(ofReseller).toMatchObject({ totalCount: 1, items: [{ partnerId: '7100455', quantity: 5 }] });
  });

  it('sells nothing through a reseller who has not signed', async () => {
    const participants = [{ key: 'transaction_reseller', value: '7100733' }];
    expect(await order(await lineFor(BASIC, { participants }))).toMatchObject({ status: 403, body: { code: 900123 } });
    const signed = [{ key: 'transaction_reseller', value: '7100455' }];
    expect((await order(await lineFor(BASIC, { participants: signed }))).status).toBe(201);
  });

  it('tells of provisioning to users only', async () => {
    const { body } = await order(await lineFor(BASIC));
    const path = `/v1/customers/${customerId}/orders/${body.orders[0].id}/provisioningstatus`;
    expect(await client.call('GET', path)).toMatchObject({ status: 403, body: { code: 900329 } });
    expect((await client.get(path, { as: 'user' })).items[0].status).toBe('prefulfillmentPending');
    await client.clock.advance(3_000);
    expect((await client.get(path, { as: 'user' })).items[0].status).toBe('fulfilled');
  });

  it('cancels software at the order and licences at the subscription', async () => {
    const software = { offer: 'DG7GMGF0XG77:0003', billingCycle: 'one_time', termDuration: 'P3Y', quantity: 2 };
    const { orderId, id } = await client.buy(customerId, software);
    const path = `/v1/customers/${customerId}/orders`;
    const cancelled = await client.call('PATCH', `${path}/${orderId}`, { body: { id: orderId, status: 'cancelled' } });
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', lineItems: [{ quantity: 0 }] } });
    expect((await client.read(customerId, id)).status).toBe('deleted');
    const licence = await client.buy(customerId, {});
    const refused = await client.call('PATCH', `${path}/${licence.orderId}`, { body: { status: 'cancelled' } });
    expect(refused).toMatchObject({ status: 400, body: { code: 800061 } });
    const plan = await client.buy(customerId, { offer: 'DZH318Z0BPS6:0001' });
    const inProduction = await client.call('PATCH', `${path}/${plan.orderId}`, { body: { status: 'cancelled' } });
    expect(inProduction).toMatchObject({ status: 403, body: { code: 800019 } });
  });

  it('keeps the limits of a sandbox', async () => {
    client.emulator.setSwitches({ environment: 'sandbox' });
    expect(await errorOf(await lineFor(BASIC, { quantity: 26 }))).toBe(10009);
    for (let count = 0; count < 5; count += 1) await client.buy(customerId, {});
    expect(await order(await lineFor(BASIC))).toMatchObject({ status: 400, body: { code: 900116 } });
  });

  it('sells a trial once', async () => {
    const trial = { offer: 'CFQ7TTC0XA11:0003', quantity: 25, billingCycle: 'none', termDuration: 'P1M' };
    const subscription = await client.buy(customerId, trial);
    expect(subscription).toMatchObject({ isTrial: true, quantity: 25, commitmentEndDate: '2026-09-30T00:00:00Z' });
    const { offer, ...line } = trial;
    expect(await errorOf({ ...line, catalogItemId: await client.itemId(offer) })).toBe(10006);
    expect(client.emulator.billed(subscription.id)).toBe(0);
  });
});
