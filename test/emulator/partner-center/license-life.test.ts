import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS } from './calendar.ts';
import { CUSTOMER_TEMPLATE, type PartnerClient, startPartnerClient } from './partner-client.ts';

describe('the life of a licence', () => {
  let client: PartnerClient;

  beforeEach(async () => {
    client = await startPartnerClient();
  });
  afterEach(() => client.stop());

  it('goes from a free domain over agreement, cart and order to seats that are billed until they are cancelled', async () => {
    const { emulator, clock, call } = client;
    expect((await call('HEAD', '/v1/domains/panificioaurora.onmicrosoft.com')).status).toBe(404);
    const { customerId } = await client.createCustomer();
    expect((await call('HEAD', '/v1/domains/PanificioAurora.onmicrosoft.com')).status).toBe(200);
    await client.acceptAgreement(customerId);

    const line = {
      catalogItemId: await client.itemId('CFQ7TTC0XA11:0001'),
      friendlyName: 'Sede di Milano',
      quantity: 10,
      billingCycle: 'monthly',
      termDuration: 'P1Y',
    };
    const cart = await client.createCart(customerId, [line]);
    expect(cart).toMatchObject({ status: 201, body: { status: 'Active' } });
    expect(cart.body.lineItems[0]).toMatchObject({ orderGroup: '0', pricing: { price: 5.6, extendedPrice: 672 } });

    const requestId = '00000000-0000-4000-8000-000000000001';
    const checkout = await client.checkOut(customerId, cart.body.id, { 'MS-RequestId': requestId });
    expect(checkout.status).toBe(201);
    const [placed] = checkout.body.orders;
    expect(placed).toMatchObject({ status: 'pending', totalPrice: 672 });
    expect(placed.id).toMatch(/^[0-9a-f]{12}$/);
    expect(placed.lineItems[0]).not.toHaveProperty('subscriptionId');
    const byOrder = `/v1/customers/${customerId}/subscriptions?order_id=${placed.id}`;
    expect((await client.get(byOrder)).items).toEqual([]);

    await clock.advance(3_000);
    const order = await client.get(`/v1/customers/${customerId}/orders/${placed.id}`);
    expect(order.status).toBe('completed');
    const [subscription] = (await client.get(byOrder)).items;
    expect(subscription).toMatchObject({
      id: order.lineItems[0].subscriptionId,
      friendlyName: 'Sede di Milano',
      quantity: 10,
      status: 'active',
      autoRenewEnabled: true,
      commitmentEndDate: '2027-08-31T00:00:00Z',
      commitmentEndDateTime: '2027-08-31T23:59:59Z',
      refundableQuantity: { totalQuantity: 10 },
      orderId: placed.id,
    });
    expect(emulator.billed(subscription.id)).toBe(10);
    const boughtAt = clock.now();

    await clock.advance(DAY_MS);
    const cancelled = await client.change(customerId, subscription.id, { status: 'deleted' });
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'deleted', refundableQuantity: null } });
    expect(emulator.billed(subscription.id)).toBe(0);
    expect(emulator.billed(subscription.id, boughtAt)).toBe(10);
    expect(emulator.books().orders).toMatchObject([{ seats: 10, requestId, orderId: placed.id, cartId: cart.body.id }]);
  });

  it('shows in its books every purchase that a client made twice', async () => {
    const { emulator } = client;
    const { customerId } = await client.createCustomer();
    await client.acceptAgreement(customerId);
    await client.buy(customerId, { quantity: 3 });
    await client.buy(customerId, { quantity: 3 });
    expect(emulator.books().orders.map(({ seats }) => seats)).toEqual([3, 3]);
  });

  it('hands a password out once, and lists it with the personal data among its secrets', async () => {
    const { customerId, password } = await client.createCustomer();
    expect(password).toMatch(/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[!#]).{16,}$/);
    const customer = await client.get(`/v1/customers/${customerId}`);
    expect(customer).not.toHaveProperty('userCredentials');
    expect(client.emulator.secrets()).toEqual(
      expect.arrayContaining([
        password,
        'Giulia Ferri',
        'giulia.ferri@panificio-aurora.example',
        '0255501234',
        "Via dell'Esempio 12",
      ]),
    );
  });

  it('repeats the answer to a POST with the same MS-RequestId for ten minutes, and then does it again', async () => {
    const headers = { 'MS-RequestId': '00000000-0000-4000-8000-000000000002' };
    const post = () => client.call('POST', '/v1/customers', { body: CUSTOMER_TEMPLATE, headers });
    const first = await post();
    const second = await post();
    expect(second).toMatchObject({ status: 201, body: { id: first.body.id } });
    expect(client.emulator.books().customers).toHaveLength(1);
    await client.clock.advance(10 * 60_000);
    expect(await post()).toMatchObject({ status: 409, body: { code: 'EMULATED_DOMAIN_TAKEN' } });
  });

  it('keeps the effect of a checkout whose answer was lost', async () => {
    const { customerId } = await client.createCustomer();
    await client.acceptAgreement(customerId);
    const line = { quantity: 2, billingCycle: 'monthly', termDuration: 'P1M' };
    const catalogItemId = await client.itemId('CFQ7TTC0XA11:0001');
    const { body: cart } = await client.createCart(customerId, [{ ...line, catalogItemId }]);
    client.faults.inject({ server: 'partner-center', method: 'POST', path: '/checkout', kind: 'reset-after' });
    await expect(client.checkOut(customerId, cart.id)).rejects.toThrow();

    expect((await client.get(`/v1/customers/${customerId}/carts/${cart.id}`)).status).toBe('Ordered');
    const repeated = await client.checkOut(customerId, cart.id);
    expect(repeated.status).toBe(201);
    expect(client.emulator.books().orders).toHaveLength(1);
  });

  it('starts again from the seed after a reset', async () => {
    await client.createCustomer();
    client.emulator.reset();
    expect(client.emulator.customers()).toEqual([]);
    expect(client.emulator.books().entries).toEqual([]);
    await client.createCustomer();
  });

  it('can be controlled over HTTP', async () => {
    const { customerId } = await client.createCustomer();
    const response = await fetch(`${client.emulator.url}/_emulator/setVetting`, {
      method: 'POST',
      body: JSON.stringify({ customerId, status: 'UnderReview' }),
    });
    expect(response.status).toBe(200);
    const status = await client.get(`/v1/customers/${customerId}/validationStatus?type=account`, { as: 'user' });
    expect(status).toMatchObject({ type: 'account', status: 'UnderReview' });
  });
});
