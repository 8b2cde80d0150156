import { describe, expect, it } from 'vitest';
import { AttentionError, RetryableError, ThrottledError } from '../../../../src/lib/errors.ts';
import { fixedSecret } from '../../../../src/lib/secret.ts';
import { createHttp } from '../../../../src/upstreams/http.ts';
import { createTokens, type TokenParts } from '../../../../src/upstreams/partner-center/token.ts';
import { createRotatingSecret } from '../../../support/rotating-secret.ts';
import { createTestClock } from '../../../support/test-clock.ts';
import { type Received, type Reply, startUpstream } from '../fake-upstream.ts';
import { exchange, replyOf } from '../fixtures.ts';

const MINUTE_MS = 60_000;

async function setup(
  respond: (form: Record<string, string>, n: number, request: Received) => Reply,
  parts: Partial<TokenParts> = {},
) {
  const forms: Record<string, string>[] = [];
  const upstream = await startUpstream((request, n) => {
    const form = Object.fromEntries(new URLSearchParams(request.body));
    forms.push(form);
    return respond(form, n, request);
  });
  const clock = createTestClock();
  const http = createHttp({
    upstream: 'entra',
    baseUrl: upstream.url,
    readTimeoutMs: 10_000,
    readOnly: true,
    observe() {},
  });
  const tokens = createTokens({
    http,
    tenantId: 'partner-tenant',
    clientId: 'app-1',
    clientSecret: fixedSecret('s3cret'),
    refreshTokens: createStore(),
    clock,
    ...parts,
  });
  return { ...upstream, tokens, clock, forms };
}

function issued(n: number, more: Record<string, unknown> = {}): Reply {
  return { json: { token_type: 'Bearer', expires_in: 3599, access_token: `access-${n}`, ...more } };
}

function invalidGrant(number = 700082): Reply {
  return {
    status: 400,
    json: {
      error: 'invalid_grant',
      error_description: 'AADSTS: giulia@x.example',
      error_codes: [number],
      correlation_id: 'c',
    },
  };
}

function createStore(stored?: string) {
  const store = {
    stored,
    saved: [] as string[],
    async load() {
      return store.stored;
    },
    async save(token: string) {
      store.saved.push(token);
      store.stored = token;
    },
  };
  return store;
}

describe('app-only token', () => {
  it('is asked for with client credentials at the v2 endpoint, also in a dry run', async () => {
    const { tokens, received, forms } = await setup(() => replyOf(exchange('auth-tokens', 'app-only-v2')));
    expect(await tokens.appOnly()).toBe('<app-only-access-token>');
    expect(received[0]).toMatchObject({ method: 'POST', path: '/partner-tenant/oauth2/v2.0/token' });
    expect(forms).toEqual([
      {
        grant_type: 'client_credentials',
        client_id: 'app-1',
        client_secret: 's3cret',
        scope: 'https://api.partnercenter.microsoft.com/.default',
      },
    ]);
  });

  it('reads answers whose numbers are texts', async () => {
    const { tokens } = await setup(() => replyOf(exchange('auth-tokens', 'app-only-v1')));
    expect(await tokens.appOnly()).toBe('<app-only-access-token>');
  });

  it('serves until five minutes before it expires', async () => {
    const { tokens, clock } = await setup((_, n) => issued(n));
    expect(await tokens.appOnly()).toBe('access-0');
    clock.advance(54 * MINUTE_MS);
    expect(await tokens.appOnly()).toBe('access-0');
    clock.advance(MINUTE_MS);
    expect(await tokens.appOnly()).toBe('access-1');
  });

  it('serves for half of a very short life', async () => {
    const { tokens, clock } = await setup((_, n) => issued(n, { expires_in: 60 }));
    await tokens.appOnly();
    clock.advance(29_000);
    expect(await tokens.appOnly()).toBe('access-0');
    clock.advance(2_000);
    expect(await tokens.appOnly()).toBe('access-1');
  });

  it('is fetched once for all who wait', async () => {
    const { tokens, received } = await setup((_, n) => issued(n));
    expect(await Promise.all([tokens.appOnly(), tokens.appOnly(), tokens.appOnly()])).toEqual([
      'access-0',
      'access-0',
      'access-0',
    ]);
    expect(received).toHaveLength(1);
  });

  it('is fetched anew once it was refused, but not twice for the same refusal', async () => {
    const { tokens, received } = await setup((_, n) => issued(n));
    const refused = await tokens.appOnly();
    tokens.invalidate(refused);
    expect(await tokens.appOnly()).toBe('access-1');
    tokens.invalidate(refused);
    expect(await tokens.appOnly()).toBe('access-1');
    expect(received).toHaveLength(2);
  });

  it('is asked for again after a failure', async () => {
    const { tokens } = await setup((_, n) => (n === 0 ? { status: 503 } : issued(n)));
    await expect(tokens.appOnly()).rejects.toMatchObject({ code: 'entra.unavailable' });
    expect(await tokens.appOnly()).toBe('access-1');
  });

  it.each([
    [401, 'invalid_client', 7000215],
    [400, 'unauthorized_client', 700016],
    [400, 'invalid_request', 90002],
  ])('%i %s is for a person', async (status, error, number) => {
    const { tokens } = await setup(() => ({
      status,
      json: { error, error_codes: [number], error_description: 'App of giulia@x.example' },
    }));
    const thrown = await tokens.appOnly().catch((caught: unknown) => caught);
    expect(thrown).toBeInstanceOf(AttentionError);
    expect(thrown).toMatchObject({
      code: 'entra.app-refused',
      effect: 'none',
      facts: { upstreamCode: `AADSTS${number}` },
    });
    expect(String(thrown)).toContain(`${error}, AADSTS${number}`);
    expect(String(thrown)).not.toMatch(/giulia|s3cret/);
  });

  it('waits while Entra ID throttles or is away', async () => {
    const throttled = await setup(() => ({
      status: 429,
      headers: { 'Retry-After': '10' },
      json: { error: 'temporarily_unavailable' },
    }));
    await expect(throttled.tokens.appOnly()).rejects.toBeInstanceOf(ThrottledError);
    const away = await setup(() => ({ status: 400, json: { error: 'temporarily_unavailable', error_codes: [90033] } }));
    await expect(away.tokens.appOnly()).rejects.toBeInstanceOf(RetryableError);
  });
});

describe('a secret that was replaced', () => {
  it('of the application is refused once, and the new one is used', async () => {
    const { tokens, forms } = await setup(
      ({ client_secret }, n) =>
        client_secret === 'new'
          ? issued(n)
          : { status: 401, json: { error: 'invalid_client', error_codes: [7000215] } },
      { clientSecret: createRotatingSecret('old', 'new') },
    );
    expect(await tokens.appOnly()).toBe('access-1');
    expect(forms.map((form) => form.client_secret)).toEqual(['old', 'new']);
  });

  it.each([
    ['after what was stored', 'stored', ['stored', 'old', 'new']],
    ['without anything stored', undefined, ['old', 'new']],
  ])('of the consent is refused once, and the new one is used: %s', async (_, stored, sent) => {
    const { tokens, forms } = await setup(
      ({ refresh_token }, n) => (refresh_token === 'new' ? issued(n) : invalidGrant()),
      { refreshTokens: createStore(stored), seed: createRotatingSecret('old', 'new') },
    );
    await tokens.appUser();
    expect(forms.map((form) => form.refresh_token)).toEqual(sent);
  });
});

describe('user token', () => {
  it('comes from the configured refresh token; its successor is saved before the token is used', async () => {
    const store = createStore();
    const { tokens, forms } = await setup(() => replyOf(exchange('auth-tokens', 'refresh-v2')), {
      refreshTokens: store,
      seed: fixedSecret('seed'),
    });
    expect(await tokens.appUser()).toBe('<user-access-token-2>');
    expect(store.saved).toEqual(['<refresh-token-2>']);
    expect(forms).toEqual([
      {
        grant_type: 'refresh_token',
        client_id: 'app-1',
        client_secret: 's3cret',
        refresh_token: 'seed',
        scope: 'https://api.partnercenter.microsoft.com/user_impersonation offline_access',
      },
    ]);
  });

  it('is not used when its successor could not be saved', async () => {
    const refreshTokens = { ...createStore(), save: () => Promise.reject(new Error('Redis is away')) };
    const { tokens } = await setup((_, n) => issued(n, { refresh_token: 'next' }), {
      refreshTokens,
      seed: fixedSecret('seed'),
    });
    await expect(tokens.appUser()).rejects.toThrow('Redis is away');
  });

  it('comes from the stored refresh token before the configured one', async () => {
    const { tokens, forms } = await setup((_, n) => issued(n), {
      refreshTokens: createStore('stored'),
      seed: fixedSecret('seed'),
    });
    await tokens.appUser();
    expect(forms.map((form) => form.refresh_token)).toEqual(['stored']);
  });

  it('comes from the configured one when the stored one is refused, as after a new consent', async () => {
    const store = createStore('stale');
    const { tokens, forms } = await setup(
      ({ refresh_token }, n) => (refresh_token === 'stale' ? invalidGrant() : issued(n, { refresh_token: 'next' })),
      {
        refreshTokens: store,
        seed: fixedSecret('seed'),
      },
    );
    expect(await tokens.appUser()).toBe('access-1');
    expect(forms.map((form) => form.refresh_token)).toEqual(['stale', 'seed']);
    expect(store.stored).toBe('next');
  });

  it('does not fall back to the configured one when Entra ID is merely away', async () => {
    const { tokens, forms } = await setup(() => ({ status: 503 }), {
      refreshTokens: createStore('stored'),
      seed: fixedSecret('seed'),
    });
    await expect(tokens.appUser()).rejects.toMatchObject({ code: 'entra.unavailable' });
    expect(forms).toHaveLength(1);
  });

  it('needs a new consent when all are refused: expired, revoked, or without multi-factor authentication', async () => {
    for (const number of [700082, 50173, 50076]) {
      const { tokens, forms } = await setup(() => invalidGrant(number), {
        refreshTokens: createStore('stale'),
        seed: fixedSecret('seed'),
      });
      const error = await tokens.appUser().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(AttentionError);
      expect(error).toMatchObject({
        code: 'entra.consent-needed',
        curedBy: 'setting',
        message: expect.stringMatching(/`connector sign-in`.*restarted/),
        effect: 'none',
        facts: { upstreamCode: `AADSTS${number}` },
      });
      expect(String(error)).not.toContain('giulia');
      expect(forms).toHaveLength(2);
    }
  });

  it('says so when there has never been a consent', async () => {
    const { tokens, received } = await setup(() => issued(0), { refreshTokens: createStore() });
    expect(tokens.hasUser).toBe(false);
    await expect(tokens.appUser()).rejects.toMatchObject({
      code: 'entra.consent-missing',
      curedBy: 'setting',
      message: expect.stringMatching(/`connector sign-in`.* is taken up when the service is restarted\.$/),
      effect: 'none',
    });
    expect(received).toHaveLength(0);
  });

  it('is kept apart from the app-only token', async () => {
    const { tokens } = await setup(({ grant_type }) => issued(grant_type === 'refresh_token' ? 1 : 2), {
      seed: fixedSecret('seed'),
    });
    expect(tokens.hasUser).toBe(true);
    expect(await tokens.appUser()).toBe('access-1');
    expect(await tokens.appOnly()).toBe('access-2');
    tokens.invalidate('access-1');
    expect(await tokens.appOnly()).toBe('access-2');
  });
});
