import { describe, expect, it } from 'vitest';
import { RetryableError } from '../../../../src/lib/errors.ts';
import { exchange, replyOf } from '../fixtures.ts';
import { CUSTOMER, EFFECT, refused, startPartnerCenter } from './partner.ts';

const CART = '3f2b9a51-7c08-4d1e-b6f4-5a9e0c7d2183';
const line = {
  catalogItemId: 'CFQ7TTC0XA11:0001:CFQ7TTC0XB22',
  friendlyName: 'Sede di Milano',
  quantity: 10,
  billingCycle: 'monthly',
  termDuration: 'P1Y',
};

describe('carts', () => {
  it('are created with numbered lines and the attestation of the partner', async () => {
    const recorded = exchange('create-cart', 'create-cart');
    const { carts, received } = await startPartnerCenter(() => replyOf(recorded));
    expect(await carts.create(CUSTOMER, { lineItems: [line] }, EFFECT)).toMatchObject({ id: CART, status: 'active' });
    expect(received[0]).toMatchObject({ method: 'POST', path: `/v1/customers/${CUSTOMER}/carts` });
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(recorded.request.body);
  });

  it('name the resellers of a line', async () => {
    const recorded = exchange('create-cart', 'create-cart-indirect');
    const { carts, received } = await startPartnerCenter(() => replyOf(recorded));
    const participants = [
      { key: 'transaction_reseller', value: '7100455' },
      { key: 'additional_transaction_reseller', value: '7100519' },
    ];
    const { friendlyName: _, ...anonymous } = line;
    await carts.create(
      CUSTOMER,
      { lineItems: [{ ...anonymous, quantity: 5, termDuration: 'P1M', participants }] },
      EFFECT,
    );
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(recorded.request.body);
  });

  it('are read, and gone only when Partner Center says so', async () => {
    const { carts } = await startPartnerCenter((_, n) =>
      n === 0
        ? replyOf(exchange('create-cart', 'get-cart'))
        : n === 1
          ? refused(404, 800008)
          : { status: 404, text: '<html>' },
    );
    expect(await carts.get(CUSTOMER, CART)).toMatchObject({ id: CART, lineItems: [{ quantity: 10 }] });
    expect(await carts.get(CUSTOMER, CART)).toBeUndefined();
    await expect(carts.get(CUSTOMER, CART)).rejects.toMatchObject({ code: 'partner-center.refused' });
  });

  it('are checked out with an empty body', async () => {
    const { carts, received } = await startPartnerCenter(() => replyOf(exchange('checkout-cart', 'checkout-pending')));
    expect(await carts.checkout(CUSTOMER, CART, EFFECT)).toMatchObject({
      orders: [{ id: '5e1c7a90b2d4' }],
      orderErrors: [],
    });
    expect(received[0]).toMatchObject({
      method: 'POST',
      path: `/v1/customers/${CUSTOMER}/carts/${CART}/checkout`,
      body: '',
    });
    expect(received[0]?.headers).toMatchObject({ 'content-length': '0', 'ms-requestid': EFFECT.requestId });
  });

  it('that are being checked out, or have been, leave open what has happened', async () => {
    const { carts } = await startPartnerCenter((_, n) => (n === 0 ? refused(409, 800064) : refused(400, 800065)));
    for (const code of ['partner-center.800064', 'partner-center.800065']) {
      const error = await carts.checkout(CUSTOMER, CART, EFFECT).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RetryableError);
      expect(error).toMatchObject({ code, effect: 'unknown' });
    }
  });

  it('whose checkout was answered without JSON leave open what has happened', async () => {
    const { carts } = await startPartnerCenter(() => ({ status: 201, text: 'Created' }));
    await expect(carts.checkout(CUSTOMER, CART, EFFECT)).rejects.toMatchObject({
      code: 'partner-center.malformed',
      effect: 'unknown',
    });
  });
});

describe('orders', () => {
  it('are read, listed, or not shown yet', async () => {
    const recorded = exchange('get-order', 'get-order-completed');
    const { orders, received } = await startPartnerCenter((_, n) =>
      n === 0 ? replyOf(recorded) : n === 1 ? { json: { items: [recorded.response.body] } } : refused(404, 20000),
    );
    const order = await orders.get(CUSTOMER, '5e1c7a90b2d4');
    expect(order).toMatchObject({
      id: '5e1c7a90b2d4',
      status: 'completed',
      lineItems: [{ subscriptionId: 'e2a4c7d1-0b5f-4c3a-8d92-6f1e7b3a9c54' }],
    });
    expect(await orders.list(CUSTOMER)).toEqual([order]);
    expect(await orders.get(CUSTOMER, '5e1c7a90b2d4')).toBeUndefined();
    expect(received.map(({ path }) => path.replace(`/v1/customers/${CUSTOMER}`, ''))).toEqual([
      '/orders/5e1c7a90b2d4',
      '/orders',
      '/orders/5e1c7a90b2d4',
    ]);
  });
});
