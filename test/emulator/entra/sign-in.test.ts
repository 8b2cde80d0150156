import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClock } from '../core/clock.ts';
import { createFaults } from '../core/faults.ts';
import { createTls, type Tls, trustAuthority } from '../core/tls.ts';
import { createTokens } from '../core/tokens.ts';
import {
  createEntraEmulator,
  PARTNER_CLIENT_ID,
  PARTNER_CLIENT_SECRET,
  PARTNER_TENANT_ID,
  PARTNER_USER,
} from './emulator.ts';

const PARTNER_CENTER = 'https://api.partnercenter.microsoft.com';
const RESOURCE_MANAGER = 'https://management.azure.com';
const CALLBACK = 'https://connector.example/consent';
const SCOPE = `${PARTNER_CENTER}/user_impersonation offline_access openid`;

function setup() {
  const clock = createClock(Date.parse('2026-09-01T09:00:00Z'));
  const faults = createFaults();
  const tokens = createTokens(clock);
  const entra = createEntraEmulator({ clock, faults, tokens });
  return { clock, tokens, entra };
}

function drawProof() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

function readClaims(jwt: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(jwt).split('.')[1]!, 'base64url').toString('utf8'));
}

type Fields = Record<string, string | undefined>;

describe('the sign-in at the Entra ID emulator', () => {
  let tls: Tls;
  let parts: ReturnType<typeof setup>;
  let origin: string;
  let proof: ReturnType<typeof drawProof>;

  beforeAll(async () => {
    tls = await createTls();
    trustAuthority(tls.caFile);
  });

  afterAll(() => tls.remove());

  beforeEach(async () => {
    parts = setup();
    origin = await parts.entra.server.listen({ tls });
    parts.entra.setRedirectUris([CALLBACK, 'http://localhost', 'http://127.0.0.1/consent']);
    proof = drawProof();
  });

  afterEach(async () => {
    await parts.entra.server.close();
    parts.clock.stop();
  });

  function defined(fields: Fields): URLSearchParams {
    return new URLSearchParams(
      Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined),
    );
  }

  async function authorize(changes: Fields = {}, tenant = PARTNER_TENANT_ID) {
    const query = defined({
      client_id: PARTNER_CLIENT_ID,
      response_type: 'code',
      redirect_uri: CALLBACK,
      scope: SCOPE,
      state: 'state-1',
      nonce: 'nonce-1',
      code_challenge: proof.challenge,
      code_challenge_method: 'S256',
      prompt: 'select_account',
      ...changes,
    });
    const response = await fetch(`${origin}/${tenant}/oauth2/v2.0/authorize?${query.toString()}`, {
      redirect: 'manual',
    });
    const location = response.headers.get('location') ?? '';
    const [address = '', sent = ''] = location.split(/[?#]/);
    return {
      status: response.status,
      location,
      address,
      sent: new URLSearchParams(sent),
      page: await response.text(),
    };
  }

  async function signIn(changes: Fields = {}, tenant?: string): Promise<string> {
    const { sent } = await authorize(changes, tenant);
    return sent.get('code') ?? '';
  }

  async function token(form: Fields, tenant = PARTNER_TENANT_ID) {
    const body = defined({ client_id: PARTNER_CLIENT_ID, client_secret: PARTNER_CLIENT_SECRET, scope: SCOPE, ...form });
    const response = await fetch(`${origin}/${tenant}/oauth2/v2.0/token`, { method: 'POST', body });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  const redeem = (code: string, changes: Fields = {}, tenant?: string) =>
    token(
      { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: proof.verifier, ...changes },
      tenant,
    );
  const find = ({ body }: { body: Record<string, unknown> }) => parts.tokens.find(String(body.access_token));

  describe('of the partner’s user', () => {
    it('sends the browser back with a code and the state, and the code becomes tokens that can be refreshed', async () => {
      const { status, address, sent } = await authorize();
      expect([status, address, sent.get('state')]).toEqual([302, CALLBACK, 'state-1']);
      const answer = await redeem(sent.get('code')!);
      expect(answer).toMatchObject({
        status: 200,
        body: { token_type: 'Bearer', expires_in: 3599, scope: `${PARTNER_CENTER}/user_impersonation` },
      });
      expect(find(answer)).toMatchObject({ kind: 'user', mfa: true, objectId: PARTNER_USER.objectId });
      expect(readClaims(answer.body.access_token)).toMatchObject({ amr: ['pwd', 'mfa'], tid: PARTNER_TENANT_ID });
      expect(readClaims(answer.body.id_token)).toMatchObject({
        aud: PARTNER_CLIENT_ID,
        nonce: 'nonce-1',
        oid: PARTNER_USER.objectId,
        tid: PARTNER_TENANT_ID,
      });

      const first = String(answer.body.refresh_token);
      const refreshed = await token({ grant_type: 'refresh_token', refresh_token: first });
      expect(find(refreshed)).toMatchObject({ kind: 'user', mfa: true });
      expect(refreshed.body.refresh_token).toEqual(expect.any(String));
      expect(refreshed.body.refresh_token).not.toBe(first);
      const forArm = { grant_type: 'refresh_token', refresh_token: first, scope: `${RESOURCE_MANAGER}/.default` };
      expect(find(await token(forArm))).toMatchObject({ audience: RESOURCE_MANAGER });
    });

    it('leaves out refresh and identity token when they were not asked for', async () => {
      const scope = `${PARTNER_CENTER}/user_impersonation`;
      const { body } = await redeem(await signIn({ scope }));
      expect(body).toHaveProperty('access_token');
      expect(body).not.toHaveProperty('refresh_token');
      expect(body).not.toHaveProperty('id_token');
    });

    it('keeps in mind the scope of the request, for a redemption that names none', async () => {
      const answer = await redeem(await signIn(), { scope: undefined });
      expect(find(answer)).toMatchObject({ audience: PARTNER_CENTER });
      expect(answer.body).toHaveProperty('refresh_token');
    });

    it('does without a proof key, since the app is a confidential client', async () => {
      const code = await signIn({ code_challenge: undefined, code_challenge_method: undefined });
      expect((await redeem(code, { code_verifier: undefined })).status).toBe(200);
    });

    it('posts the code through a form of the browser, or puts it into the fragment, when asked to', async () => {
      const posted = await authorize({ response_mode: 'form_post', state: '"><b>' });
      expect([posted.status, posted.location]).toEqual([200, '']);
      expect(posted.page).toContain(`<form method="POST" action="${CALLBACK}">`);
      expect(posted.page).toMatch(/name="code" value="1\.EmulatedCode\.[\w-]+"/);
      expect(posted.page).toContain('name="state" value="&#34;&#62;&#60;b&#62;"');
      expect((await authorize({ response_mode: 'fragment' })).location).toMatch(`${CALLBACK}#code=`);
    });

    it('works below common, where the code is redeemed in the partner’s tenant', async () => {
      expect((await redeem(await signIn({}, 'common'))).status).toBe(200);
    });

    it('consents anew after the consent was taken away', async () => {
      parts.entra.revokeConsent(PARTNER_TENANT_ID);
      expect((await redeem(await signIn())).status).toBe(200);
      const other = await redeem(await signIn(), { scope: `${RESOURCE_MANAGER}/user_impersonation` });
      expect(other.body.error_codes).toEqual([65001]);
    });

    it('stands in the books, without code, state or name', async () => {
      await redeem(await signIn());
      const books = parts.entra.books();
      expect(books).toMatchObject([
        { what: 'sign-in', grant: 'authorize', tenant: PARTNER_TENANT_ID, mfa: true },
        { what: 'user token', grant: 'authorization_code', mfa: true },
      ]);
      for (const secret of parts.entra.secrets()) expect(JSON.stringify(books)).not.toContain(secret);
      expect(parts.entra.secrets()).toContain(proof.verifier);
    });
  });

  describe('lets redeem a code', () => {
    it('only once', async () => {
      const code = await signIn();
      expect((await redeem(code)).status).toBe(200);
      expect((await redeem(code)).body).toMatchObject({ error: 'invalid_grant', error_codes: [54005] });
    });

    it('only within ten minutes', async () => {
      const [inTime, late] = [await signIn(), await signIn()];
      await parts.clock.advance(10 * 60_000 - 1_000);
      expect((await redeem(inTime)).status).toBe(200);
      await parts.clock.advance(1_000);
      expect((await redeem(late)).body).toMatchObject({ error: 'invalid_grant', error_codes: [70008] });
    });

    it.each<[string, Fields, number]>([
      ['another verifier', { code_verifier: drawProof().verifier }, 501481],
      ['a verifier that is too short', { code_verifier: 'short' }, 501481],
      ['no verifier', { code_verifier: undefined }, 50148],
      ['another redirect URI', { redirect_uri: `${CALLBACK}/` }, 500112],
      ['no redirect URI', { redirect_uri: undefined }, 500112],
      ['a wrong secret', { client_secret: 'wrong' }, 7000215],
      ['no secret', { client_secret: undefined }, 7000218],
      ['another code', { code: 'made-up' }, 9002313],
    ])('not with %s, which leaves the code as it is', async (_what, changes, refusedWith) => {
      const code = await signIn();
      const refused = await redeem(code, changes);
      expect([refused.body.error_codes, refused.body.access_token]).toEqual([[refusedWith], undefined]);
      expect((await redeem(code)).status).toBe(200);
    });

    it('not with a verifier when its request had no challenge', async () => {
      const code = await signIn({ code_challenge: undefined, code_challenge_method: undefined });
      expect((await redeem(code)).body.error_codes).toEqual([501481]);
    });
  });

  describe('by another person', () => {
    it('without a second factor gives tokens that lack its claim, refreshed ones too', async () => {
      parts.entra.signInAs({ mfa: false });
      const answer = await redeem(await signIn());
      expect(readClaims(answer.body.access_token).amr).toEqual(['pwd']);
      const refresh = { grant_type: 'refresh_token', refresh_token: String(answer.body.refresh_token) };
      expect(find(await token(refresh))).toMatchObject({ mfa: false });
    });

    it('who is no admin agent gives tokens of that person, refreshed ones too', async () => {
      parts.entra.signInAs({ who: 'noAdminAgent' });
      const answer = await redeem(await signIn());
      const { oid, tid } = readClaims(answer.body.id_token);
      expect([oid, tid]).toEqual([expect.not.stringMatching(PARTNER_USER.objectId), PARTNER_TENANT_ID]);
      const refresh = { grant_type: 'refresh_token', refresh_token: String(answer.body.refresh_token) };
      expect([find(answer)?.objectId, find(await token(refresh))?.objectId]).toEqual([oid, oid]);
    });

    it('who declines sends the browser back with access_denied and the state', async () => {
      parts.entra.signInAs({ declines: true });
      const { status, address, sent } = await authorize();
      expect([status, address]).toEqual([302, CALLBACK]);
      expect(Object.fromEntries(sent)).toMatchObject({
        error: 'access_denied',
        error_subcode: 'cancel',
        error_description: expect.stringMatching(/^AADSTS65004: /),
        state: 'state-1',
      });
      expect(sent.has('code')).toBe(false);
    });

    it('of another tenant ends on a page, or is sent back with the error when switched so', async () => {
      parts.entra.signInAs({ who: 'otherTenant' });
      const shown = await authorize();
      expect([shown.status, shown.location]).toEqual([200, '']);
      expect(shown.page).toContain('AADSTS50020');
      parts.entra.setSwitches({ foreignAccounts: 'redirect' });
      const { sent } = await authorize();
      expect([sent.get('error'), sent.get('code'), sent.get('state')]).toEqual(['access_denied', null, 'state-1']);
    });

    it('of another tenant below common gives a code that is worth nothing in the partner’s tenant', async () => {
      parts.entra.signInAs({ who: 'otherTenant' });
      const code = await signIn({}, 'common');
      expect((await redeem(code)).body).toMatchObject({ error: 'invalid_grant', error_codes: [50020] });
      const elsewhere = await redeem(await signIn({}, 'organizations'), {}, 'emulatedelsewhere.onmicrosoft.com');
      const { tenant } = find(elsewhere) ?? {};
      expect(tenant).toEqual(expect.any(String));
      expect(tenant).not.toBe(PARTNER_TENANT_ID);
    });

    it('is forgotten with the next choice and with a reset', async () => {
      parts.entra.signInAs({ who: 'noAdminAgent', mfa: false });
      expect(parts.entra.signInAs({})).toEqual({ who: 'adminAgent', mfa: true, declines: false });
      parts.entra.signInAs({ declines: true });
      parts.entra.reset();
      parts.entra.setRedirectUris([CALLBACK]);
      expect(await signIn()).not.toBe('');
    });
  });

  describe('sends nobody anywhere, but shows a page, for', () => {
    it.each<[string, Fields, string | undefined, string]>([
      ['an unknown client', { client_id: randomUUID() }, undefined, 'AADSTS700016'],
      ['no client', { client_id: undefined }, undefined, 'AADSTS900144'],
      ['an unknown tenant', {}, randomUUID(), 'AADSTS90002'],
      ['no redirect URI', { redirect_uri: undefined }, undefined, 'AADSTS900971'],
      ['another host', { redirect_uri: 'https://elsewhere.example/consent' }, undefined, 'AADSTS50011'],
      ['another path', { redirect_uri: `${CALLBACK}/more` }, undefined, 'AADSTS50011'],
      ['a slash more', { redirect_uri: `${CALLBACK}/` }, undefined, 'AADSTS50011'],
      ['another case', { redirect_uri: 'https://connector.example/Consent' }, undefined, 'AADSTS50011'],
      ['a query more', { redirect_uri: `${CALLBACK}?a=1` }, undefined, 'AADSTS50011'],
      ['a port of another host', { redirect_uri: 'https://connector.example:8443/consent' }, undefined, 'AADSTS50011'],
      ['another path of localhost', { redirect_uri: 'http://localhost:9000/consent' }, undefined, 'AADSTS50011'],
      ['https of localhost', { redirect_uri: 'https://localhost:9000' }, undefined, 'AADSTS50011'],
      ['a host that starts like it', { redirect_uri: 'http://localhost:9000@evil.example' }, undefined, 'AADSTS50011'],
      ['a port that there is not', { redirect_uri: 'http://localhost:99999' }, undefined, 'AADSTS50011'],
      ['markup', { redirect_uri: '<script>alert(1)</script>' }, undefined, '&#60;script&#62;'],
    ])('%s', async (_what, changes, tenant, text) => {
      const { status, location, page } = await authorize(changes, tenant);
      expect([status, location]).toEqual([200, '']);
      expect(page).toContain(text);
      expect(page).not.toContain('<script');
    });
  });

  it.each([
    ['http://localhost:49152', 'http://localhost:49152/'],
    ['http://localhost:49152/', 'http://localhost:49152/'],
    ['http://localhost', 'http://localhost/'],
    ['http://127.0.0.1:8123/consent', 'http://127.0.0.1:8123/consent'],
  ])('sends back to %s, whichever port was registered', async (redirectUri, address) => {
    const answer = await authorize({ redirect_uri: redirectUri });
    expect([answer.status, answer.address]).toEqual([302, address]);
    expect((await redeem(answer.sent.get('code')!, { redirect_uri: redirectUri })).status).toBe(200);
  });

  describe('sends back with an error and the state for', () => {
    it.each<[string, Fields, string, string]>([
      ['no response type', { response_type: undefined }, 'invalid_request', 'AADSTS900144'],
      ['a hybrid response type', { response_type: 'code id_token' }, 'unsupported_response_type', 'AADSTS700054'],
      ['a token at once', { response_type: 'token' }, 'unsupported_response_type', 'AADSTS700051'],
      ['an unknown response type', { response_type: 'all' }, 'unsupported_response_type', 'AADSTS70005'],
      ['an unknown response mode', { response_mode: 'pigeon' }, 'invalid_request', 'AADSTS70007'],
      ['no scope', { scope: undefined }, 'invalid_request', 'AADSTS900144'],
      ['an unknown permission', { scope: `${PARTNER_CENTER}/everything` }, 'invalid_scope', 'AADSTS70011'],
      ['an unknown API', { scope: 'https://graph.windows.net/.default' }, 'invalid_resource', 'AADSTS500011'],
      ['a challenge of another size', { code_challenge: 'short' }, 'invalid_request', 'AADSTS501491'],
      ['a method without a challenge', { code_challenge: undefined }, 'invalid_request', 'AADSTS900144'],
      ['an unknown method', { code_challenge_method: 'S512' }, 'invalid_request', 'AADSTS50149'],
      ['a silent sign-in', { prompt: 'none' }, 'login_required', 'AADSTS50058'],
      ['an unknown prompt', { prompt: 'always' }, 'invalid_request', 'AADSTS90023'],
    ])('%s', async (_what, changes, error, code) => {
      const { status, address, sent } = await authorize(changes);
      expect([status, address, sent.get('error'), sent.get('state')]).toEqual([302, CALLBACK, error, 'state-1']);
      expect(sent.get('error_description')).toMatch(new RegExp(`^${code}: .+ Trace ID: .+ Timestamp: 2026-09-01`));
      expect(sent.has('code')).toBe(false);
    });
  });

  it('obeys the control surface, which refuses people and addresses that there cannot be', async () => {
    const control = async (command: string, args: unknown): Promise<[number, unknown]> => {
      const response = await fetch(`${origin}/_emulator/${command}`, { method: 'POST', body: JSON.stringify(args) });
      return [response.status, await response.json()];
    };
    expect(await control('signInAs', { mfa: false })).toEqual([
      200,
      { who: 'adminAgent', mfa: false, declines: false },
    ]);
    for (const wrong of [{ who: 'nobody' }, { who: 'toString' }, { mfa: 'no' }, { unheardOf: true }]) {
      expect(await control('signInAs', wrong)).toEqual([400, { error: expect.any(String) }]);
    }
    const uris = ['https://other.example/back', 'http://127.0.0.1/back'];
    expect(await control('setRedirectUris', { uris })).toEqual([200, { uris }]);
    expect((await authorize()).page).toContain('AADSTS50011');
    for (const wrong of ['http://other.example/back', 'other', 'https://*.example/', 'https://other.example/#a', 7]) {
      expect(await control('setRedirectUris', { uris: [wrong] })).toEqual([400, { error: expect.any(String) }]);
    }
    expect((await authorize({ redirect_uri: uris[0] })).status).toBe(302);
  });
});
