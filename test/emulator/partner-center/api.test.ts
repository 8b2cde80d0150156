import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PartnerClient, startPartnerClient } from './partner-client.ts';

const CUSTOMERS = '/v1/customers';

describe('calls of Partner Center', () => {
  let client: PartnerClient;

  beforeEach(async () => {
    client = await startPartnerClient();
  });
  afterEach(() => client.stop());

  it('needs a token that is known, in time and made for this API', async () => {
    const { call, tokens, clock } = client;
    const facts = { tenant: 'partner', clientId: 'app', kind: 'app', mfa: false } as const;
    const audience = 'https://api.partnercenter.microsoft.com';
    const token = tokens.issue({ ...facts, audience, expiresAt: clock.now() + 60_000 }).value;
    const foreign = tokens.issue({ ...facts, audience: 'https://graph.windows.net', expiresAt: clock.now() + 60_000 });

    expect(await call('GET', CUSTOMERS, { as: 'nobody' })).toMatchObject({ status: 401, body: { code: 400 } });
    expect(await call('GET', CUSTOMERS, { token: 'made-up' })).toMatchObject({ status: 401, body: { code: 400 } });
    const wrongAudience = await call('GET', CUSTOMERS, { token: foreign.value });
    expect(wrongAudience).toMatchObject({ status: 401, body: { code: 900420, source: 'PartnerFD', data: [] } });
    expect((await call('GET', CUSTOMERS, { token })).status).toBe(200);
    await clock.advance(60_000);
    expect((await call('GET', CUSTOMERS, { token })).status).toBe(401);
  });

  it('refuses user tokens without multi-factor authentication until told otherwise', async () => {
    const { call, tokens, clock, emulator } = client;
    const { value: token } = tokens.issue({
      audience: 'https://api.partnercenter.microsoft.com',
      tenant: 'partner',
      clientId: 'app',
      kind: 'user',
      mfa: false,
      expiresAt: clock.now() + 60_000,
    });
    expect(await call('GET', CUSTOMERS, { token })).toMatchObject({ status: 401, body: { code: 900421 } });
    emulator.setSwitches({ mfaRefusal: 'bare' });
    expect(await call('GET', CUSTOMERS, { token })).toMatchObject({ status: 401, body: '' });
    emulator.setSwitches({ requireMfa: false });
    const answer = await call('GET', CUSTOMERS, { token, headers: { ValidateMfa: 'true' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('isMfaCompliant')).toBe('false');
  });

  it('refuses users who are no admin agents', async () => {
    const { call, tokens, clock } = client;
    const { value: token } = tokens.issue({
      audience: 'https://api.partnercenter.microsoft.com',
      tenant: 'partner',
      clientId: 'app',
      kind: 'user',
      objectId: 'a-colleague',
      mfa: true,
      expiresAt: clock.now() + 60_000,
    });
    expect(await call('GET', CUSTOMERS, { token })).toMatchObject({ status: 403, body: { code: 900308 } });
  });

  it('takes app-only and user tokens where the operation allows them', async () => {
    const { call } = client;
    const { customerId } = await client.createCustomer();
    const agreements = `${CUSTOMERS}/${customerId}/agreements?agreementType=MicrosoftCustomerAgreement`;
    expect(await call('GET', agreements)).toMatchObject({ status: 403, body: { code: 900329 } });
    expect((await call('GET', agreements, { as: 'user' })).status).toBe(200);
    const attest = await call('POST', '/v1/attestations/enhanced', { as: 'user', body: {} });
    expect(attest).toMatchObject({ status: 403, body: { code: 900308 } });
    expect((await call('GET', `${CUSTOMERS}/${customerId}`, { as: 'user' })).status).toBe(200);
  });

  it('echoes the tracing headers on every answer, and makes them up when they are missing', async () => {
    const headers = { 'MS-RequestId': 'a-request', 'MS-CorrelationId': 'a-correlation' };
    const unknown = await client.call('GET', '/v1/nowhere', { headers });
    expect(unknown).toMatchObject({ status: 404, body: { code: 1000 } });
    expect(unknown.headers.get('ms-requestid')).toBe('a-request');
    expect(unknown.headers.get('ms-correlationid')).toBe('a-correlation');
    expect(unknown.headers.get('date')).toBe(new Date(client.clock.now()).toUTCString());
    const bare = await client.call('GET', CUSTOMERS);
    expect(bare.headers.get('ms-requestid')).toMatch(/^[0-9a-f-]{36}$/);
    expect(bare.headers.get('ms-cv')).toMatch(/\.0$/);
  });

  it('throttles orders, carts and subscriptions by the minute, and no other calls', async () => {
    const { call, clock, emulator } = client;
    const { customerId } = await client.createCustomer();
    emulator.setSwitches({ throttlePerMinute: 3 });
    await clock.advance(60_000 - (clock.now() % 60_000));
    const subscriptions = `${CUSTOMERS}/${customerId}/subscriptions`;
    const statuses = [];
    for (let count = 0; count < 4; count += 1) statuses.push((await call('GET', subscriptions)).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    const throttled = await call('GET', subscriptions);
    const seconds = Number(throttled.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(50);
    const message = `Rate limit is exceeded. Try again in ${seconds} seconds.`;
    expect(throttled.body).toEqual({ statusCode: 429, message });
    expect((await call('GET', CUSTOMERS)).status).toBe(200);
    await clock.advance(seconds * 1000);
    expect((await call('GET', subscriptions)).status).toBe(200);
  });

  it('names the customer before it looks at the rest: bad id, unknown tenant, no relationship', async () => {
    const { call, emulator } = client;
    const stranger = { domain: 'straniera.example', companyName: 'Straniera', country: 'IT' };
    const { customerId } = emulator.addExistingTenant(stranger);
    const badId = await call('POST', `${CUSTOMERS}/not-a-guid/carts`, { body: {} });
    expect(badId).toMatchObject({ status: 400, body: { code: 800002 } });
    const unknown = await call('GET', `${CUSTOMERS}/113df2f8-5675-5e60-b970-cd22581daf0b`);
    expect(unknown).toMatchObject({ status: 404, body: { code: 60003 } });
    expect(await call('GET', `${CUSTOMERS}/${customerId}`)).toMatchObject({ status: 403, body: { code: 20002 } });
  });

  it('prints error codes as text when told to', async () => {
    client.emulator.setSwitches({ errorCodeAs: 'text' });
    expect((await client.call('GET', CUSTOMERS, { as: 'nobody' })).body.code).toBe('400');
  });

  it('does not remember conflicts or lost answers as answers to a request id', async () => {
    const { customerId } = await client.createCustomer();
    await client.acceptAgreement(customerId);
    const line = { quantity: 2, billingCycle: 'monthly', termDuration: 'P1M' };
    const catalogItemId = await client.itemId('CFQ7TTC0XA11:0001');
    const { body: cart } = await client.createCart(customerId, [{ ...line, catalogItemId }]);
    client.emulator.holdCheckouts(true);
    const first = client.checkOut(customerId, cart.id);
    await expect.poll(() => client.emulator.server.calls.at(-1)?.path).toContain('/checkout');
    const headers = { 'MS-RequestId': '00000000-0000-4000-8000-000000000003' };
    expect(await client.checkOut(customerId, cart.id, headers)).toMatchObject({ status: 409, body: { code: 800064 } });
    client.emulator.holdCheckouts(false);
    expect((await first).status).toBe(201);
    expect((await client.checkOut(customerId, cart.id, headers)).status).toBe(201);
    expect(client.emulator.books().orders).toHaveLength(1);
  });
});
