import { describe, expect, it } from 'vitest';
import { AttentionError, ThrottledError } from '../../../../src/lib/errors.ts';
import type { Budget } from '../../../../src/upstreams/http.ts';
import { exchange, replyOf } from '../fixtures.ts';
import { CUSTOMER, EFFECT, refused, startPartnerCenter, tokenOf } from './partner.ts';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const lines = { lineItems: [] };

describe('every call', () => {
  it('names token, application and language', async () => {
    const { orders, received } = await startPartnerCenter(() => ({ json: { items: [] } }));
    await orders.list(CUSTOMER);
    expect(received[0]?.headers).toMatchObject({
      authorization: 'Bearer app-1',
      accept: 'application/json',
      'x-locale': 'en-US',
      'ms-partnercenter-application': 'cloudesire-microsoft-connector',
      'ms-requestid': expect.stringMatching(GUID),
      'ms-correlationid': expect.stringMatching(GUID),
    });
    expect(received[0]?.headers).not.toHaveProperty('ms-contract-version');
  });

  it('carries the idempotency key of an effect, and a correlation id of its own', async () => {
    const { carts, received } = await startPartnerCenter(() => replyOf(exchange('create-cart', 'create-cart')));
    await carts.create(CUSTOMER, lines, EFFECT);
    await carts.create(CUSTOMER, lines, EFFECT);
    expect(received.map(({ headers }) => headers['ms-requestid'])).toEqual([EFFECT.requestId, EFFECT.requestId]);
    expect(new Set(received.map(({ headers }) => headers['ms-correlationid'])).size).toBe(2);
  });

  it('draws from the budget of the partner, and below a customer from theirs too', async () => {
    const taken: string[][] = [];
    const budget: Budget = { take: async (keys) => void taken.push(keys), pause: async () => {} };
    const { orders, catalog } = await startPartnerCenter(() => ({ json: { items: [] } }), { budget });
    await orders.list(CUSTOMER.toUpperCase());
    await catalog.availabilities({ productId: 'P', skuId: 'S', country: 'IT', segment: 'commercial' });
    expect(taken).toEqual([['partner-center', `partner-center:customer:${CUSTOMER}`], ['partner-center']]);
  });

  it('pauses both budgets when it was throttled', async () => {
    const pauses: [string[], number][] = [];
    const budget: Budget = { take: async () => undefined, pause: async (keys, ms) => void pauses.push([keys, ms]) };
    const { orders } = await startPartnerCenter(() => replyOf(exchange('errors', 'shape-3-throttled')), { budget });
    await expect(orders.list(CUSTOMER)).rejects.toBeInstanceOf(ThrottledError);
    expect(pauses).toEqual([[['partner-center', `partner-center:customer:${CUSTOMER}`], 57_000]]);
  });
});

describe('an unauthorized call', () => {
  it('is repeated once with a fresh token and the same idempotency key', async () => {
    const { carts, received } = await startPartnerCenter((_, n) =>
      n === 0 ? refused(401, 400) : replyOf(exchange('create-cart', 'create-cart')),
    );
    await carts.create(CUSTOMER, lines, EFFECT);
    expect(received.map(tokenOf)).toEqual(['app-1', 'app-2']);
    expect(received.map(({ headers }) => headers['ms-requestid'])).toEqual([EFFECT.requestId, EFFECT.requestId]);
  });

  it('is for a person when the fresh token is refused too; the next call gets another one', async () => {
    const { carts, received } = await startPartnerCenter(() => refused(401, 900420));
    const error = await carts.create(CUSTOMER, lines, EFFECT).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AttentionError);
    expect(error).toMatchObject({
      code: 'partner-center.unauthorized',
      effect: 'none',
      facts: { status: 401, upstreamCode: '900420' },
    });
    await carts.create(CUSTOMER, lines, EFFECT).catch(() => {});
    expect(received.map(tokenOf)).toEqual(['app-1', 'app-2', 'app-3', 'app-4']);
  });

  it('says so when multi-factor authentication is missing', async () => {
    const { agreements } = await startPartnerCenter(() => replyOf(exchange('errors', 'mfa-required')));
    const error = await agreements.isAccepted(CUSTOMER).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AttentionError);
    expect(error).toMatchObject({
      code: 'partner-center.mfa-required',
      curedBy: 'setting',
      message: expect.stringMatching(/PARTNER_CENTER_REFRESH_TOKEN/),
    });
  });

  it('may come without a body', async () => {
    const { agreements } = await startPartnerCenter(() => ({ status: 401 }));
    await expect(agreements.isAccepted(CUSTOMER)).rejects.toMatchObject({ code: 'partner-center.unauthorized' });
  });
});
