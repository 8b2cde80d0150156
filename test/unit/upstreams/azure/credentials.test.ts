import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AttentionError, RetryableError, ThrottledError } from '../../../../src/lib/errors.ts';
import { createRotatingSecret } from '../../../support/rotating-secret.ts';
import { startUpstream } from '../fake-upstream.ts';
import {
  AUTHORITY_PEM,
  challenged,
  createStore,
  failureOf,
  issued,
  noToken,
  PARTNER,
  ROOT,
  refused,
  SUBSCRIPTION,
  startCloud,
  TENANT,
  TLS,
  tokenOf,
  WHERE,
} from './cloud.ts';

const MINUTE_MS = 60_000;
const READ = { json: { state: 'Enabled' } };
const GRANT = { principalId: 'principal', principalType: 'User', role: 'reader' } as const;

describe('a secret that was replaced', () => {
  const refuse = noToken('invalid_client', 7000215, 401);

  it('of the application is refused once, and the new one is used, for both kinds of token', async () => {
    const { azure, there, tokenCalls } = await startCloud(() => READ, {
      clientSecret: createRotatingSecret('old', 'new'),
      issueToken: ({ form }, n) => (form.client_secret === 'new' ? issued(`token-${n}`) : refuse),
    });
    await there.read();
    expect(tokenCalls.map(({ form }) => form.client_secret)).toEqual(['old', 'new']);

    const other = await startCloud(() => READ, {
      clientSecret: createRotatingSecret('old', 'new'),
      issueToken: ({ form }, n) => (form.client_secret === 'new' ? issued(`token-${n}`) : refuse),
    });
    await other.azure.bootstrap.deleteAlias('a');
    expect(other.tokenCalls.map(({ form }) => form.client_secret)).toEqual(['old', 'new']);
    await azure.bootstrap.deleteAlias('a');
    expect(tokenCalls.at(-1)?.form.client_secret).toBe('new');
  });

  it('of the consent is refused once, and the new one is used', async () => {
    const { azure, tokenCalls } = await startCloud(() => READ, {
      seed: createRotatingSecret('old', 'new'),
      issueToken: ({ form }, n) =>
        form.refresh_token === 'new' ? issued(`token-${n}`) : noToken('invalid_grant', 700082),
    });
    await azure.bootstrap.deleteAlias('a');
    expect(tokenCalls.map(({ form }) => form.refresh_token)).toEqual(['old', 'new']);
  });
});

describe('tokens', () => {
  it('are of the tenant that the call is for, and never shared between tenants', async () => {
    const other = '99999999-0000-4000-8000-000000000001';
    const { azure, calls } = await startCloud(() => READ);
    const [there, elsewhere] = [azure.in(WHERE), azure.in({ ...WHERE, tenantId: other })];
    await Promise.all([there.read(), elsewhere.read(), there.read(), elsewhere.read()]);
    await azure.bootstrap.assignRole(WHERE, GRANT);
    await azure.bootstrap.assignRole({ ...WHERE, tenantId: other }, GRANT);
    await azure.bootstrap.deleteAlias('a');
    const tenants = calls.map((call) => tokenOf(call)?.replace(/-\d+@/, '@'));
    for (const tenant of [TENANT, other]) {
      expect(tenants.slice(0, 4).filter((token) => token === `app@${tenant}`)).toHaveLength(2);
    }
    expect(tenants.slice(4)).toEqual([`user@${TENANT}`, `user@${other}`, `user@${PARTNER}`]);
  });

  it('serve until five minutes before they expire, and are fetched once for all who wait', async () => {
    const { azure, clock, tokenCalls } = await startCloud(() => READ);
    await Promise.all([azure.in(WHERE).read(), azure.in(WHERE).read(), azure.in(WHERE).read()]);
    clock.advance(54 * MINUTE_MS);
    await azure.in(WHERE).read();
    expect(tokenCalls).toHaveLength(1);
    clock.advance(MINUTE_MS);
    await azure.bootstrap.deleteAlias('a');
    await azure.bootstrap.deleteAlias('b');
    expect(tokenCalls).toHaveLength(2);
  });

  it('are fetched anew after a plain refusal, at the next try', async () => {
    const { azure, calls } = await startCloud((_, n) =>
      n === 0 ? refused(401, 'ExpiredAuthenticationToken', 'The access token expired.') : READ,
    );
    const there = azure.in(WHERE);
    const error = await failureOf(there.read());
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ code: 'arm.ExpiredAuthenticationToken', effect: 'none' });
    await there.read();
    expect(calls.map(tokenOf)).toEqual([`app-1@${TENANT}`, `app-2@${TENANT}`]);
  });

  it('are fetched with the wanted claims when ARM challenges', async () => {
    const { there, tokenCalls, calls } = await startCloud((_, n) => (n === 0 ? challenged() : READ));
    expect(await there.read()).toEqual({ state: 'Enabled' });
    expect(tokenCalls[1]?.form.claims).toContain('"acrs"');
    expect(calls).toHaveLength(2);
  });

  it('go over https only', async () => {
    const { there } = await startCloud(() => READ, { authorityUrl: 'http://127.0.0.1:1' });
    await expect(there.read()).rejects.toMatchObject({ code: 'entra.insecure-authority' });
  });

  it('are never asked for at another host than the authority', async () => {
    const stranger = await startUpstream(() => issued('stolen'), TLS);
    const { azure } = await startCloud(() => READ, {
      authorityUrl: stranger.url.replace('127.0.0.1', 'localhost'),
      issueToken: () => issued('x'),
    });
    // Its discovery document is no such thing, and names nobody.
    await expect(azure.in(WHERE).read()).rejects.toMatchObject({ code: 'entra.malformed' });
  });
});

describe('our service principal', () => {
  it('is known by the object id in its token', async () => {
    const claims = Buffer.from(JSON.stringify({ oid: 'object-id-1', aud: 'x' })).toString('base64url');
    const { azure } = await startCloud(() => READ, { issueToken: () => issued(`eyJ.${claims}.sig`) });
    expect(await azure.principalId(TENANT)).toBe('object-id-1');
    const opaque = await startCloud(() => READ);
    expect(await opaque.azure.principalId(TENANT)).toBeUndefined();
  });

  it.each([65001, 700016, 7000229])('does not exist yet by AADSTS%i', async (number) => {
    const { azure } = await startCloud(() => READ, { issueToken: () => noToken('unauthorized_client', number) });
    const error = await failureOf(azure.principalId(TENANT));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({
      code: 'entra.no-service-principal',
      effect: 'none',
      facts: { upstreamCode: `AADSTS${number}` },
    });
    expect(String(error)).not.toContain('giulia');
  });

  it.each([
    ['invalid_client', 7000215, 401, AttentionError, 'entra.app-refused'],
    ['invalid_client', 7000222, 401, AttentionError, 'entra.app-refused'],
    ['invalid_request', 90002, 400, RetryableError, 'entra.tenant-unknown'],
    ['temporarily_unavailable', 90033, 400, RetryableError, 'entra.unavailable'],
    ['temporarily_unavailable', 90055, 429, ThrottledError, 'entra.throttled'],
    ['temporarily_unavailable', 90033, 503, RetryableError, 'entra.unavailable'],
  ])('%s AADSTS%i with %i reaches the caller as it is meant', async (error, number, status, kind, code) => {
    const { there, calls, tokenCalls } = await startCloud(() => READ, {
      issueToken: () => noToken(error, number, status),
    });
    const thrown = await failureOf(there.groups.get('g'));
    expect(thrown).toBeInstanceOf(kind);
    expect(thrown).toMatchObject({ code });
    expect(inspect(thrown, { depth: 9, showHidden: true })).not.toMatch(/giulia|cl1ent-s3cret/);
    expect(calls).toHaveLength(0);
    expect(tokenCalls).toHaveLength(1);
  });

  it('is asked about again at once after Entra ID was away, whatever pause it named', async () => {
    const { there } = await startCloud(() => READ, {
      issueToken: (_, n) => (n === 1 ? { status: 503, headers: { 'Retry-After': '3600' } } : issued('app')),
    });
    await expect(there.read()).rejects.toMatchObject({ code: 'entra.unavailable', retryAfterMs: 3_600_000 });
    expect(await there.read()).toEqual({ state: 'Enabled' });
  });

  it.each([
    ['no token', { json: { token_type: 'Bearer', expires_in: 3599 } }],
    ['HTML', { text: '<html>' }],
    ['nothing', {}],
  ])('an answer with %s is asked for again', async (_, reply) => {
    const { there, azure } = await startCloud(() => READ, { issueToken: () => reply });
    await expect(there.read()).rejects.toMatchObject({ code: 'entra.malformed' });
    await expect(azure.bootstrap.deleteAlias('a')).rejects.toMatchObject({ code: 'entra.malformed' });
  });
});

describe('the partner’s user', () => {
  it('redeems the stored refresh token before the configured one, and saves its successor', async () => {
    const refreshTokens = createStore('stored');
    const { azure, tokenCalls } = await startCloud(() => READ, { refreshTokens });
    await azure.bootstrap.deleteAlias('a');
    expect(tokenCalls).toHaveLength(1);
    expect(tokenCalls[0]).toMatchObject({
      tenantId: PARTNER,
      form: {
        grant_type: 'refresh_token',
        refresh_token: 'stored',
        client_id: 'app-id',
        client_secret: 'cl1ent-s3cret',
      },
    });
    expect(tokenCalls[0]?.form.scope).toContain('https://management.azure.com/.default');
    expect(refreshTokens.saved).toEqual(['refresh-1']);
  });

  it('redeems the newest refresh token in every tenant, whoever saved it', async () => {
    const refreshTokens = createStore();
    const { azure, tokenCalls, clock } = await startCloud(() => READ, { refreshTokens });
    await azure.bootstrap.deleteAlias('a');
    refreshTokens.stored = 'of-partner-center';
    await azure.bootstrap.assignRole(WHERE, GRANT);
    clock.advance(58 * MINUTE_MS);
    await azure.bootstrap.assignRole(WHERE, GRANT);
    expect(tokenCalls.map(({ form }) => form.refresh_token)).toEqual([
      'seed-refresh-token',
      'of-partner-center',
      'refresh-2',
    ]);
  });

  it('overwrites no newer refresh token when Entra ID sends none', async () => {
    const refreshTokens = createStore();
    const { azure, clock } = await startCloud(() => READ, {
      refreshTokens,
      issueToken: (_, n) => issued(`user-${n}`, n === 1 ? { refresh_token: 'refresh-1' } : {}),
    });
    await azure.bootstrap.assignRole(WHERE, GRANT);
    refreshTokens.stored = 'of-partner-center';
    clock.advance(58 * MINUTE_MS);
    await azure.bootstrap.assignRole(WHERE, GRANT);
    expect(refreshTokens.saved).toEqual(['refresh-1']);
    expect(refreshTokens.stored).toBe('of-partner-center');
  });

  it('makes no call when the successor could not be saved', async () => {
    const refreshTokens = { ...createStore(), save: () => Promise.reject(new Error('Redis is away')) };
    const { azure, calls } = await startCloud(() => READ, { refreshTokens });
    await expect(azure.bootstrap.deleteAlias('a')).rejects.toThrow('Redis is away');
    expect(calls).toHaveLength(0);
  });

  it('takes the configured token when the stored one is refused, as after a new sign-in', async () => {
    for (const refusal of [noToken('invalid_grant', 700082), noToken('invalid_grant', 50076)]) {
      const refreshTokens = createStore('stale');
      const { azure } = await startCloud(() => READ, {
        refreshTokens,
        issueToken: ({ form }) => (form.refresh_token === 'stale' ? refusal : issued('u', { refresh_token: 'next' })),
      });
      await azure.bootstrap.deleteAlias('a');
      expect(refreshTokens.stored).toBe('next');
    }
  });

  it.each([
    [50076, TENANT, 'entra.mfa-needed'],
    [50079, TENANT, 'entra.mfa-needed'],
    [700082, TENANT, 'entra.consent-needed'],
    [50173, TENANT, 'entra.consent-needed'],
    [65001, TENANT, 'entra.no-service-principal'],
    [65001, PARTNER, 'entra.consent-needed'],
  ])('refused with AADSTS%i in %s says what to do', async (number, tenantId, code) => {
    const curedBy = code === 'entra.no-service-principal' || number === 65001 ? undefined : 'setting';
    const { azure } = await startCloud(() => READ, { issueToken: () => noToken('invalid_grant', number) });
    const error = await failureOf(azure.bootstrap.assignRole({ ...WHERE, tenantId }, GRANT));
    expect(error).toMatchObject({ code, effect: 'none', curedBy });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/giulia|seed-refresh|cl1ent/);
  });

  it('needs a refresh token at all', async () => {
    const { azure, tokenCalls } = await startCloud(() => READ, { seed: undefined });
    await expect(azure.bootstrap.deleteAlias('a')).rejects.toMatchObject({
      code: 'entra.consent-missing',
      curedBy: 'setting',
      message: expect.stringMatching(/`connector sign-in`.* is taken up when the service is restarted\.$/),
    });
    expect(tokenCalls).toHaveLength(0);
  });

  it('needs multi-factor authentication by the challenge that no token answers, by 401, 403, and by words', async () => {
    const words = refused(403, 'RequestDisallowedByAzure', 'Users must use MFA. See https://aka.ms/mfaforazure');
    for (const refusal of [challenged(401), challenged(403), words]) {
      const { azure } = await startCloud(() => refusal);
      const error = await failureOf(azure.bootstrap.assignRole(WHERE, GRANT));
      expect(error).toBeInstanceOf(AttentionError);
      expect(error).toMatchObject({ code: 'entra.mfa-needed', effect: 'none', curedBy: 'setting' });
      expect(String(error)).toContain('PARTNER_CENTER_REFRESH_TOKEN');
    }
    const { azure } = await startCloud(() => challenged(), {
      issueToken: ({ form }) =>
        form.claims?.includes('acrs') ? noToken('invalid_grant', 50076) : issued('u', { refresh_token: 'r' }),
    });
    await expect(azure.bootstrap.assignRole(WHERE, GRANT)).rejects.toMatchObject({ code: 'entra.mfa-needed' });
  });

  it('asks for a new token after a sign-in with multi-factor authentication, whatever is left of the former one', async () => {
    const words = refused(403, 'RequestDisallowedByAzure', 'Users must use MFA. See https://aka.ms/mfaforazure');
    const { azure, calls } = await startCloud((_, n) => (n === 0 ? words : READ));
    await expect(azure.bootstrap.assignRole(WHERE, GRANT)).rejects.toMatchObject({ code: 'entra.mfa-needed' });
    await azure.bootstrap.assignRole(WHERE, GRANT);
    expect(calls.map(tokenOf)).toEqual([`user-1@${TENANT}`, `user-2@${TENANT}`]);
  });
});

describe('in a process of its own', () => {
  it('no package of Azure is loaded before the first call, NODE_EXTRA_CA_CERTS holds, and the log tells no secret', async () => {
    const { url } = await startCloud(() => READ, {
      issueToken: () => issued('t0ken-of-the-app', { refresh_token: 'n3xt-refresh-token' }),
    });
    const folder = mkdtempSync(join(tmpdir(), 'azure-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [ca, script] = [join(folder, 'ca.pem'), join(folder, 'script.ts')];
    writeFileSync(ca, AUTHORITY_PEM);
    const client = new URL('../../../../src/upstreams/azure/client.ts', import.meta.url);
    const http = new URL('../../../../src/upstreams/http.ts', import.meta.url);
    writeFileSync(
      script,
      `import { registerHooks } from 'node:module';
       const loaded = [];
       registerHooks({ load(url, context, next) { if (/node_modules\\/(@azure|@typespec)/.test(url)) loaded.push(url); return next(url, context); } });
       const { createAzure } = await import(${JSON.stringify(client.href)});
       const { createHttp } = await import(${JSON.stringify(http.href)});
       const fixed = (value) => ({ read: () => value, isReplaced: () => false });
       const httpFor = (upstream) =>
         createHttp({ upstream, baseUrl: ${JSON.stringify(url)}, readTimeoutMs: 10_000, readOnly: false, observe() {} });
       const azure = createAzure({
         arm: httpFor('arm'), entra: httpFor('entra'), pauseMs: 1_500,
         armUrl: ${JSON.stringify(url)}, authorityUrl: ${JSON.stringify(url)}, clientId: 'app-id', clientSecret: fixed('cl1ent-s3cret'),
         partnerTenantId: '${PARTNER}', seed: fixed('s33d-refresh-token'),
         refreshTokens: { load: async () => undefined, save: async () => {} },
         clock: { now: () => Date.now() },
       });
       const there = azure.in({ tenantId: '${TENANT}', subscriptionId: '${SUBSCRIPTION}' });
       const before = loaded.length;
       const read = await there.read();
       await azure.bootstrap.deleteAlias('alias');
       const parameters = { secret: { value: 'p4rameter-secret' } };
       await there.deployments.start('g', 'd', { template: {}, parameters, tags: {} });
       console.log(JSON.stringify({ before, after: loaded.length > 100, read }));`,
    );
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script], {
      env: {
        PATH: process.env.PATH,
        NODE_EXTRA_CA_CERTS: ca,
        AZURE_LOG_LEVEL: 'verbose',
        HTTPS_PROXY: 'http://127.0.0.1:1',
      },
    });
    expect(stdout).toContain(JSON.stringify({ before: 0, after: true, read: { state: 'Enabled' } }));
    expect(stdout + stderr).toContain(ROOT);
    expect(stdout + stderr).not.toMatch(/cl1ent-s3cret|t0ken-of|s33d-refresh|n3xt-refresh|p4rameter-secret/);
  });
});
