import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClock } from '../core/clock.ts';
import { createFaults } from '../core/faults.ts';
import { createTls, type Tls, trustAuthority } from '../core/tls.ts';
import { createTokens } from '../core/tokens.ts';
import {
  createEntraEmulator,
  PARTNER_CLIENT_ID,
  PARTNER_CLIENT_SECRET,
  PARTNER_REFRESH_TOKEN,
  PARTNER_TENANT_ID,
  PARTNER_USER,
} from './emulator.ts';

const PARTNER_CENTER = 'https://api.partnercenter.microsoft.com';
const RESOURCE_MANAGER = 'https://management.azure.com';
const CUSTOMER_TENANT_ID = '0c9f3b52-7a41-4e6d-b8d0-5f2e61a7c934';
const DAY_MS = 86_400_000;

function setup() {
  const clock = createClock(Date.parse('2026-09-01T09:00:00Z'));
  const faults = createFaults();
  const tokens = createTokens(clock);
  const entra = createEntraEmulator({ clock, faults, tokens });
  return { clock, faults, tokens, entra };
}

interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

describe('the Entra ID emulator', () => {
  let tls: Tls;
  let parts: ReturnType<typeof setup>;
  let origin: string;

  beforeAll(async () => {
    tls = await createTls();
    trustAuthority(tls.caFile);
  });

  afterAll(() => tls.remove());

  beforeEach(async () => {
    parts = setup();
    origin = await parts.entra.server.listen({ tls });
  });

  afterEach(async () => {
    await parts.entra.server.close();
    parts.clock.stop();
  });

  async function post(path: string, form: Record<string, string | undefined>): Promise<Answer> {
    const fields = Object.entries(form).filter((field): field is [string, string] => field[1] !== undefined);
    const response = await fetch(`${origin}/${path}`, { method: 'POST', body: new URLSearchParams(fields) });
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body };
  }

  const app = { client_id: PARTNER_CLIENT_ID, client_secret: PARTNER_CLIENT_SECRET };
  const asApp = { grant_type: 'client_credentials', ...app, scope: `${PARTNER_CENTER}/.default` };
  const asUser = {
    grant_type: 'refresh_token',
    ...app,
    refresh_token: PARTNER_REFRESH_TOKEN,
    scope: `${PARTNER_CENTER}/user_impersonation offline_access openid`,
  };
  const tokenV2 = (form: Record<string, string | undefined>, tenant = PARTNER_TENANT_ID): Promise<Answer> =>
    post(`${tenant}/oauth2/v2.0/token`, form);
  const tokenV1 = (form: Record<string, string | undefined>, tenant = PARTNER_TENANT_ID): Promise<Answer> =>
    post(`${tenant}/oauth2/token`, form);
  const find = (answer: Answer) => parts.tokens.find(String(answer.body.access_token));

  describe('app-only tokens', () => {
    it('are issued by the v2 endpoint with numbers, for the API that was asked for', async () => {
      const answer = await tokenV2(asApp);
      expect(answer.body).toEqual({
        token_type: 'Bearer',
        expires_in: 3599,
        ext_expires_in: 3599,
        access_token: expect.any(String),
      });
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(find(answer)).toMatchObject({
        audience: PARTNER_CENTER,
        kind: 'app',
        tenant: PARTNER_TENANT_ID,
        clientId: PARTNER_CLIENT_ID,
      });
    });

    it('are issued by the v1 endpoint with numbers as strings', async () => {
      const answer = await tokenV1({ ...asApp, scope: undefined, resource: `${RESOURCE_MANAGER}/` });
      expect(answer.body).toEqual({
        token_type: 'Bearer',
        expires_in: '3599',
        ext_expires_in: '3599',
        expires_on: expect.stringMatching(/^\d{10}$/),
        not_before: expect.stringMatching(/^\d{10}$/),
        resource: RESOURCE_MANAGER,
        access_token: expect.any(String),
      });
      expect(find(answer)).toMatchObject({ audience: RESOURCE_MANAGER, kind: 'app' });
    });

    it('end after their lifetime, or at once when told', async () => {
      const [first, second] = [await tokenV2(asApp), await tokenV2(asApp)];
      parts.entra.expireTokens();
      expect([find(first), find(second)]).toEqual([undefined, undefined]);
      const third = await tokenV2(asApp);
      await parts.clock.advance(3_598_000);
      expect(find(third)).toBeDefined();
      await parts.clock.advance(2_000);
      expect(find(third)).toBeUndefined();
    });

    it('are issued for a customer tenant once the app may act there, and not before', async () => {
      expect((await tokenV2(asApp, CUSTOMER_TENANT_ID)).body.error_codes).toEqual([90002]);
      parts.entra.addTenant({ id: CUSTOMER_TENANT_ID, consented: false });
      expect((await tokenV2(asApp, CUSTOMER_TENANT_ID)).body.error_codes).toEqual([700016]);
      parts.entra.addTenant({ id: CUSTOMER_TENANT_ID, domain: 'customer.onmicrosoft.com' });
      expect(find(await tokenV2(asApp, CUSTOMER_TENANT_ID))).toMatchObject({ tenant: CUSTOMER_TENANT_ID });
      expect(find(await tokenV2(asApp, 'customer.onmicrosoft.com'))).toMatchObject({ tenant: CUSTOMER_TENANT_ID });
    });
  });

  describe('user tokens', () => {
    it('come with a new refresh token, while the one before it keeps working', async () => {
      const answer = await tokenV2(asUser);
      expect(answer.body).toMatchObject({
        token_type: 'Bearer',
        scope: `${PARTNER_CENTER}/user_impersonation`,
        expires_in: 3599,
        id_token: expect.any(String),
      });
      expect(find(answer)).toMatchObject({ kind: 'user', mfa: true, audience: PARTNER_CENTER });

      const rotated = String(answer.body.refresh_token);
      expect(rotated).not.toBe(PARTNER_REFRESH_TOKEN);
      for (const refreshToken of [PARTNER_REFRESH_TOKEN, rotated]) {
        expect((await tokenV2({ ...asUser, refresh_token: refreshToken })).status).toBe(200);
      }
    });

    it('come from the v1 endpoint with strings', async () => {
      const answer = await tokenV1({ ...asUser, resource: PARTNER_CENTER, scope: 'openid' });
      expect(answer.body).toMatchObject({ scope: 'user_impersonation', expires_in: '3599', resource: PARTNER_CENTER });
      expect(find(answer)).toMatchObject({ kind: 'user' });
    });

    it('are redeemed against a customer tenant with the same refresh token, once consented', async () => {
      const forArm = {
        ...asUser,
        scope: `${RESOURCE_MANAGER}/.default openid profile offline_access`,
        client_info: '1',
      };
      parts.entra.addTenant({ id: CUSTOMER_TENANT_ID, consented: false });
      expect((await tokenV2(forArm, CUSTOMER_TENANT_ID)).body).toMatchObject({
        error: 'invalid_grant',
        error_codes: [65001],
        suberror: 'consent_required',
      });
      parts.entra.addTenant({ id: CUSTOMER_TENANT_ID });
      const answer = await tokenV2(forArm, CUSTOMER_TENANT_ID);
      expect(find(answer)).toMatchObject({ audience: RESOURCE_MANAGER, tenant: CUSTOMER_TENANT_ID, kind: 'user' });
      expect(answer.body.scope).toBe(`${RESOURCE_MANAGER}/user_impersonation ${RESOURCE_MANAGER}/.default`);
      expect(answer.body.client_info).toEqual(expect.any(String));
    });

    it('lack the claim of a second factor when told so, or when the sign-in had none', async () => {
      parts.entra.setMfa(false);
      expect(find(await tokenV2(asUser))).toMatchObject({ mfa: false });
      parts.entra.setMfa(true);
      const refreshToken = parts.entra.renewConsent({ mfa: false });
      const answer = await tokenV2({ ...asUser, refresh_token: refreshToken });
      expect(find(answer)).toMatchObject({ mfa: false });
      expect(find(await tokenV2({ ...asUser, refresh_token: String(answer.body.refresh_token) }))).toMatchObject({
        mfa: false,
      });
      expect(find(await tokenV2(asUser))).toMatchObject({ mfa: true });
    });

    it('are refused under conditional access without a second factor', async () => {
      parts.entra.setSwitches({ conditionalAccess: true });
      parts.entra.setMfa(false);
      expect((await tokenV2(asUser)).body).toMatchObject({
        error: 'invalid_grant',
        error_codes: [50076],
        suberror: 'basic_action',
        claims: expect.stringContaining('capolids'),
      });
    });

    it('are refused for a refresh token that was not used for 90 days', async () => {
      await parts.clock.advance(89 * DAY_MS);
      const rotated = String((await tokenV2(asUser)).body.refresh_token);
      await parts.clock.advance(2 * DAY_MS);
      const late = await tokenV2(asUser);
      expect(late.status).toBe(400);
      expect(late.body).toMatchObject({
        error: 'invalid_grant',
        error_codes: [700082],
        error_description: expect.stringMatching(/^AADSTS700082: .* inactive for 90\.00:00:00\. Trace ID: /),
      });
      expect((await tokenV2({ ...asUser, refresh_token: rotated })).status).toBe(200);
    });

    it('are refused after all refresh tokens were revoked, until a person consents again', async () => {
      parts.entra.revokeRefreshTokens();
      expect((await tokenV2(asUser)).body).toMatchObject({ error: 'invalid_grant', error_codes: [50173] });
      const code = parts.entra.signIn({ redirectUri: 'https://connector.example/consent' });
      const exchange = { grant_type: 'authorization_code', ...app, code, resource: PARTNER_CENTER };
      const answer = await tokenV1({ ...exchange, redirect_uri: 'https://connector.example/consent' });
      expect(find(answer)).toMatchObject({ kind: 'user', mfa: true });
      expect((await tokenV2({ ...asUser, refresh_token: String(answer.body.refresh_token) })).status).toBe(200);
    });

    it('end the used refresh token when switched to revoke', async () => {
      parts.entra.setSwitches({ usedRefreshTokens: 'revoke' });
      expect((await tokenV2(asUser)).status).toBe(200);
      expect((await tokenV2(asUser)).body.error_codes).toEqual([50173]);
    });
  });

  describe('authorization codes', () => {
    const redeem = (code: string, more: Record<string, string> = {}): Promise<Answer> =>
      tokenV2({
        ...app,
        grant_type: 'authorization_code',
        code,
        scope: `${PARTNER_CENTER}/user_impersonation`,
        ...more,
      });

    it('work once', async () => {
      const code = parts.entra.signIn();
      const answer = await redeem(code);
      expect(answer.status).toBe(200);
      expect(answer.body).not.toHaveProperty('refresh_token'); // offline_access was not asked for
      expect((await redeem(code)).body.error_codes).toEqual([54005]);
    });

    it('work for ten minutes and with the address they were asked for', async () => {
      const code = parts.entra.signIn({ redirectUri: 'https://connector.example/consent' });
      expect((await redeem(code, { redirect_uri: 'https://elsewhere.example/' })).body.error_codes).toEqual([500112]);
      await parts.clock.advance(10 * 60_000);
      expect((await redeem(code)).body.error_codes).toEqual([70008]);
    });
  });

  describe('refusals', () => {
    it.each<[string, Record<string, string | undefined>, number, string, number]>([
      ['a wrong secret', { ...asApp, client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
      ['no secret', { ...asApp, client_secret: undefined }, 401, 'invalid_client', 7000216],
      ['no secret with a refresh token', { ...asUser, client_secret: undefined }, 401, 'invalid_client', 7000218],
      ['an unknown client', { ...asApp, client_id: randomUUID() }, 400, 'unauthorized_client', 700016],
      ['no client', { ...asApp, client_id: undefined }, 400, 'invalid_request', 900144],
      ['no grant', { ...asApp, grant_type: undefined }, 400, 'invalid_request', 900144],
      ['another grant', { ...asApp, grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
      ['no scope', { ...asApp, scope: undefined }, 400, 'invalid_request', 90014],
      [
        'a scope of one permission',
        { ...asApp, scope: `${PARTNER_CENTER}/user_impersonation` },
        400,
        'invalid_scope',
        1002012,
      ],
      ['an unknown API', { ...asApp, scope: 'https://graph.windows.net/.default' }, 400, 'invalid_resource', 500011],
      ['an unknown permission', { ...asUser, scope: `${PARTNER_CENTER}/everything` }, 400, 'invalid_scope', 70011],
      [
        'two APIs at once',
        { ...asUser, scope: `${PARTNER_CENTER}/user_impersonation ${RESOURCE_MANAGER}/user_impersonation` },
        400,
        'invalid_request',
        28000,
      ],
      ['no refresh token', { ...asUser, refresh_token: undefined }, 400, 'invalid_request', 900144],
      ['an unknown refresh token', { ...asUser, refresh_token: 'unknown' }, 400, 'invalid_grant', 9002313],
    ])('meet %s', async (_what, form, status, error, code) => {
      const answer = await tokenV2(form);
      expect([answer.status, answer.body.error, answer.body.error_codes]).toEqual([status, error, [code]]);
      expect(answer.body.error_description).toMatch(
        new RegExp(`^AADSTS${code}: .+ Trace ID: .+ Timestamp: 2026-09-01 09:00:`),
      );
    });

    it('meet an unknown tenant at both endpoints', async () => {
      const answer = await tokenV2(asApp, randomUUID());
      expect([answer.status, answer.body.error, answer.body.error_codes]).toEqual([400, 'invalid_request', [90002]]);
      const discovery = await fetch(`${origin}/${randomUUID()}/v2.0/.well-known/openid-configuration`);
      expect(discovery.status).toBe(400);
      expect(await discovery.json()).toMatchObject({ error: 'invalid_tenant', error_codes: [90002] });
    });

    it('meet a body that is JSON instead of a form', async () => {
      const response = await fetch(`${origin}/${PARTNER_TENANT_ID}/oauth2/v2.0/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(asApp),
      });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error_codes: [900144] });
    });

    it('are avoided with the credentials that are valid now', async () => {
      parts.entra.rotateClientSecret();
      parts.entra.revokeRefreshTokens();
      parts.entra.renewConsent();
      const { clientId, clientSecret, refreshToken, tenantId } = parts.entra.credentials();
      const form = { ...asUser, client_id: clientId, client_secret: clientSecret, refresh_token: refreshToken };
      expect((await tokenV2(form, tenantId)).status).toBe(200);
    });

    it('meet the old secret after a rotation, and not the new one', async () => {
      const secret = parts.entra.rotateClientSecret();
      expect((await tokenV2(asApp)).body.error_codes).toEqual([7000215]);
      expect((await tokenV2({ ...asApp, client_secret: secret })).status).toBe(200);
      const next = parts.entra.rotateClientSecret({ keepOld: true });
      for (const valid of [secret, next]) expect((await tokenV2({ ...asApp, client_secret: valid })).status).toBe(200);
    });

    it('come as 429 and 503 in the words of Entra when it is busy', async () => {
      parts.entra.beBusy({ retryAfterS: 7 });
      parts.entra.beBusy({ status: 503 });
      const [first, second, third] = [await tokenV2(asApp), await tokenV2(asApp), await tokenV2(asApp)];
      expect([first.status, first.headers.get('retry-after'), first.body.error_codes]).toEqual([429, '7', [90055]]);
      expect([second.status, second.body.error_codes, third.status]).toEqual([503, [90033], 200]);
    });
  });

  it('describes itself in a discovery document whose issuer stands on the same host', async () => {
    const response = await fetch(`${origin}/${PARTNER_TENANT_ID}/v2.0/.well-known/openid-configuration`);
    const document = (await response.json()) as Record<string, string>;
    expect(document.issuer).toBe(`${origin}/${PARTNER_TENANT_ID}/v2.0`);
    expect(document.token_endpoint).toBe(`${origin}/${PARTNER_TENANT_ID}/oauth2/v2.0/token`);
    expect((await fetch(document.jwks_uri!)).status).toBe(200);
  });

  it('keeps books of what it issued and refused, with correlation ids and without any secret', async () => {
    await tokenV2({ ...asUser, 'client-request-id': 'c-1' });
    await tokenV2({ ...asApp, client_secret: 'wrong', 'client-request-id': 'c-2' });
    const books = parts.entra.books();
    expect(books).toMatchObject([
      { what: 'user token', grant: 'refresh_token', audience: PARTNER_CENTER, mfa: true, correlationId: 'c-1' },
      { what: 'refusal', grant: 'client_credentials', refusedWith: 7000215, correlationId: 'c-2' },
    ]);
    for (const secret of parts.entra.secrets()) expect(JSON.stringify(books)).not.toContain(secret);
  });

  it('names every secret and person it holds, those before a reset included', async () => {
    const answer = await tokenV2(asUser);
    const held = ['access_token', 'refresh_token', 'id_token'].map((name) => String(answer.body[name]));
    const rotated = parts.entra.rotateClientSecret();
    parts.entra.reset();
    expect(parts.entra.secrets()).toEqual(
      expect.arrayContaining([...held, rotated, PARTNER_CLIENT_SECRET, PARTNER_REFRESH_TOKEN, PARTNER_USER.name]),
    );
  });

  it('is as new after a reset', async () => {
    parts.entra.rotateClientSecret();
    parts.entra.revokeRefreshTokens();
    parts.entra.setMfa(false);
    parts.entra.reset();
    expect(parts.entra.books()).toEqual([]);
    expect(find(await tokenV2(asUser))).toMatchObject({ mfa: true });
  });

  it('obeys the control surface', async () => {
    const control = async (command: string, args: unknown): Promise<[number, unknown]> => {
      const response = await fetch(`${origin}/_emulator/${command}`, { method: 'POST', body: JSON.stringify(args) });
      return [response.status, await response.json()];
    };
    expect(await control('setMfa', { on: false })).toEqual([200, { on: false }]);
    expect(find(await tokenV2(asUser))).toMatchObject({ mfa: false });
    expect(await control('setMfa', {})).toEqual([400, { error: expect.any(String) }]);
    expect(await control('setSwitches', { accessTokenLifetimeS: 60 })).toMatchObject([
      200,
      { accessTokenLifetimeS: 60 },
    ]);
    expect(await control('setSwitches', { unheardOf: 1 })).toMatchObject([400, {}]);
    expect(await control('revokeRefreshTokens', {})).toMatchObject([200, { revoked: expect.any(Number) }]);
    const [, renewed] = await control('renewConsent', {});
    const { refreshToken } = renewed as { refreshToken: string };
    expect((await tokenV2({ ...asUser, refresh_token: refreshToken })).body.expires_in).toBe(60);
  });
});
