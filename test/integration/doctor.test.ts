import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openDoctor } from '../../src/compose/doctor.ts';
import { loadConfig } from '../../src/config.ts';
import { createSecretBox } from '../../src/lib/secret-box.ts';
import { createKeys } from '../../src/store/keys.ts';
import type { Finding } from '../../src/workflows/ops/doctor.ts';
import { trustAuthority } from '../emulator/core/tls.ts';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { PARTNER_TENANT_ID } from '../emulator/entra/emulator.ts';
import { freePort } from '../support/free-port.ts';
import { createMemoryLog } from '../support/memory-log.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

/* What keeps a set-up from working is named, with what cures it, before anything is sold. */

const PUBLIC_URL = 'https://connector.example';
const WEBHOOK_URL = `${PUBLIC_URL}/partner-center/event`;
const STRONG = 'a-secret-of-more-than-thirty-two-characters';

let emulators: Emulators;
/** Set up as it ought to be. */
let redisServer: RedisServer;

beforeAll(async () => {
  [emulators, redisServer] = await Promise.all([startEmulators(), startRedis()]);
  trustAuthority(emulators.caFile);
  emulators.partnerCenter.server.route('GET', '/v1/profiles/legalbusiness', () => ({
    status: 200,
    body: { companyName: 'Emulated Partner', address: { country: 'DE' } },
  }));
});

beforeEach(() => emulators.reset());

afterAll(async () => {
  await emulators.close();
  await redisServer.stop();
});

async function examine(environment: Record<string, string> = {}): Promise<Finding[]> {
  const { log } = createMemoryLog();
  const config = loadConfig({
    ...emulators.environment(),
    CMW_EVENT_SECRETS: STRONG,
    REDIS_URL: redisServer.url,
    REDIS_PREFIX: `test-${randomUUID()}`,
    ...environment,
  });
  const doctor = await openDoctor(config, { log });
  const findings: Finding[] = [];
  try {
    for await (const finding of doctor.examine()) findings.push(finding);
  } finally {
    await doctor.close();
  }
  return findings;
}

/** What is said of one thing, as a person reads it. */
const toldOf = (findings: Finding[], check: string) =>
  findings
    .filter((finding) => finding.check === check)
    .map(({ verdict, says, cure = '' }) => `${verdict}: ${says} ${cure}`.trim())
    .join('\n');
const failedIn = (findings: Finding[]) => [
  ...new Set(findings.filter(({ verdict }) => verdict === 'failed').map(({ check }) => check)),
];

async function registerWebhook(url: string): Promise<void> {
  const token = emulators.tokens.issue({
    audience: 'https://api.partnercenter.microsoft.com',
    tenant: PARTNER_TENANT_ID,
    clientId: 'another-connector',
    kind: 'app',
    mfa: false,
    expiresAt: emulators.clock.now() + 600_000,
  });
  const answer = await fetch(`${emulators.partnerCenter.url}/webhooks/v1/registration`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token.value}`, 'content-type': 'application/json' },
    body: JSON.stringify({ WebhookUrl: url, WebhookEvents: ['subscription-updated'] }),
  });
  expect(answer.ok).toBe(true);
}

it('a set-up that is in order has no failure, and nothing was written to any upstream', async () => {
  await registerWebhook(WEBHOOK_URL);
  const before = emulators.calls().length;
  const REDIS_PREFIX = `test-${randomUUID()}`;
  const redis = new Redis(redisServer.url);
  onTestFinished(() => redis.disconnect());
  // Until the year 2100 one takes looks.
  await redis.zadd(createKeys(REDIS_PREFIX).workers, Date.UTC(2100), 'worker');
  const findings = await examine({ PUBLIC_URL, REDIS_PREFIX });
  expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
  expect(findings.length).toBeGreaterThan(12);
  const writes = emulators
    .calls()
    .slice(before)
    .filter(({ method, path }) => method !== 'GET' && !path.endsWith('/token'));
  expect(writes).toEqual([]);
});

describe('names what is wrong, and the cure:', () => {
  it('another client secret', async () => {
    const findings = await examine({ PARTNER_CENTER_CLIENT_SECRET: 'another' });
    expect(toldOf(findings, 'application')).toMatch(/^failed: .*AADSTS7000215.* PARTNER_CENTER_CLIENT_SECRET is not/);
    // What hangs on it is no failure of its own.
    expect(failedIn(findings)).toEqual(['application']);
    expect(toldOf(findings, 'catalogue')).toBe('skipped: Not looked at, because of partner center.');
  });

  it('a tenant that there is not', async () => {
    const findings = await examine({ PARTNER_CENTER_TENANT_ID: randomUUID() });
    expect(toldOf(findings, 'application')).toMatch(/PARTNER_CENTER_TENANT_ID is the id of no tenant/);
  });

  it('an application of another tenant', async () => {
    const findings = await examine({ PARTNER_CENTER_CLIENT_ID: randomUUID() });
    expect(toldOf(findings, 'application')).toMatch(/one of the two belongs to another tenant/);
  });

  it('an application that Partner Center gives no rights', async () => {
    emulators.faults.inject({
      server: 'partner-center',
      path: '/v1/customers\\?',
      kind: 'status',
      status: 403,
      body: { code: 900150, description: 'no' },
    });
    expect(toldOf(await examine(), 'partner center')).toMatch(/^failed: .*give it the role of an admin agent/i);
  });

  it('a consent that was taken back', async () => {
    emulators.entra.revokeRefreshTokens();
    const findings = await examine();
    expect(toldOf(findings, 'user')).toMatch(/^failed: .*run `connector sign-in` .* PARTNER_CENTER_REFRESH_TOKEN/);
    expect(failedIn(findings)).toEqual(['user']);
  });

  it('no consent at all', async () => {
    const findings = await examine({ PARTNER_CENTER_REFRESH_TOKEN: '' });
    expect(toldOf(findings, 'settings')).toMatch(/^warning: PARTNER_CENTER_REFRESH_TOKEN is missing/);
    expect(toldOf(findings, 'billing account')).toMatch(/^skipped/);
    expect(failedIn(findings)).toEqual([]);
  });

  it.each([true, false])('a user without a second factor, refused for it already: %s', async (requireMfa) => {
    emulators.entra.setMfa(false);
    emulators.partnerCenter.setSwitches({ requireMfa });
    const told = toldOf(await examine(), 'multi-factor authentication');
    expect(told).toMatch(/^failed: .*without multi-factor authentication/);
    expect(told).toMatch(/run `connector sign-in` .*multi-factor authentication/i);
  });

  it('a user without the role', async () => {
    emulators.faults.inject({
      server: 'partner-center',
      path: 'relationshiprequests',
      kind: 'status',
      status: 403,
      body: { code: 900308, description: 'no' },
    });
    const findings = await examine();
    expect(toldOf(findings, 'admin agent')).toMatch(/^failed: .*give it the role of an admin agent/);
    expect(failedIn(findings)).toEqual(['admin agent']);
  });

  it('a billing account that the user does not see', async () => {
    const findings = await examine({ AZURE_BILLING_ACCOUNT: 'another' });
    const told = toldOf(findings, 'billing account');
    expect(told).toMatch(/^failed: .*does not see the billing account of AZURE_BILLING_ACCOUNT, but /);
    expect(failedIn(findings)).toEqual(['billing account']);
  });

  it('a token that Cloudesire does not know', async () => {
    const findings = await examine({ CMW_AUTH_TOKEN: 'another' });
    expect(toldOf(findings, 'cloudesire')).toMatch(
      /^failed: .*The connector's token at Cloudesire is void.*Set CMW_AUTH_TOKEN: in the file of CMW_AUTH_TOKEN_FILE .*restarted/,
    );
    expect(failedIn(findings)).toEqual(['cloudesire']);
  });

  it('a token of a customer instead of the vendor', async () => {
    const body = { id: 1301, userCompany: { entity: 'UserCompany', url: 'userCompany/512' } };
    emulators.faults.inject({ server: 'cloudesire', path: '/user/me', kind: 'status', status: 200, body });
    const told = toldOf(await examine(), 'cloudesire');
    expect(told).toMatch(/^failed: .*belongs to a customer.*the permanent token of an account of the vendor/);
  });

  it('an address of Cloudesire without its path', async () => {
    const { CMW_BASE_URL = '' } = emulators.environment();
    const findings = await examine({ CMW_BASE_URL: new URL(CMW_BASE_URL).origin });
    expect(toldOf(findings, 'cloudesire')).toMatch(/^failed: .*CMW_BASE_URL is not the address of the API/);
  });

  it('an upstream that cannot be reached', async () => {
    const PARTNER_CENTER_BASE_URL = `http://127.0.0.1:${await freePort()}`;
    const told = toldOf(await examine({ PARTNER_CENTER_BASE_URL }), 'partner center');
    expect(told).toMatch(/^failed: .*cannot be reached.*Check PARTNER_CENTER_BASE_URL, name resolution, firewall/);
  });

  it('an outage of Partner Center, once, with where to look; what asks it too is no failure of its own', async () => {
    emulators.faults.watch(({ server }) =>
      server === 'partner-center' ? { kind: 'status', status: 503, body: {} } : undefined,
    );
    onTestFinished(() => emulators.faults.watch(() => undefined));
    const findings = await examine();
    expect(failedIn(findings)).toEqual(['partner center']);
    expect(toldOf(findings, 'partner center')).toMatch(
      /^failed: Partner Center failed at .*\(503, identifier .*status page.*network.*proxy/,
    );
    expect(toldOf(findings, 'partner center')).not.toContain('by itself');
    for (const check of ['multi-factor authentication', 'admin agent']) {
      expect(toldOf(findings, check)).toBe('skipped: Not looked at, because of partner center.');
    }
  });

  it('a Redis that throws away and does not keep', async () => {
    const redis = await startRedis({ args: ['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru'] });
    try {
      const told = toldOf(await examine({ REDIS_URL: redis.url }), 'durability');
      expect(told).toMatch(/^failed: .*set maxmemory-policy to noeviction/m);
      expect(told).toMatch(/^failed: .*set appendonly to yes/m);
    } finally {
      await redis.stop();
    }
  });

  it('no Redis, while the upstreams are looked at all the same', async () => {
    const findings = await examine({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
    expect(toldOf(findings, 'redis')).toMatch(/^failed: Redis does not answer at REDIS_URL/);
    expect(failedIn(findings)).toEqual(['redis']);
    expect(toldOf(findings, 'billing account')).toMatch(/^ok/);
  });

  it('a key that does not open what was sealed', async () => {
    const REDIS_PREFIX = `test-${randomUUID()}`;
    const redis = new Redis(redisServer.url);
    const sealed = createSecretBox([Buffer.alloc(32, 7)]).seal('a refresh token');
    await redis.set(createKeys(REDIS_PREFIX).refreshToken, sealed);
    redis.disconnect();
    const told = toldOf(await examine({ REDIS_PREFIX }), 'state key');
    expect(told).toMatch(/^failed: .*sealed with another STATE_KEY.*Add the former STATE_KEY behind the present one/);
  });

  it('a secret that can be guessed', async () => {
    const told = toldOf(await examine({ CMW_EVENT_SECRETS: 'short' }), 'settings');
    expect(told).toMatch(/^warning: CMW_EVENT_SECRETS has a secret of fewer than \d+ characters: take a longer one/);
  });

  it('a webhook that delivers to somebody else', async () => {
    await registerWebhook('https://another.example/partner-center/event');
    const findings = await examine({ PUBLIC_URL });
    expect(toldOf(findings, 'webhook')).toMatch(/^failed: .*https:\/\/another\.example.*If another connector uses/);
    expect(failedIn(findings)).toEqual(['webhook']);
  });

  it('a webhook that nobody registered', async () => {
    const told = toldOf(await examine({ PUBLIC_URL }), 'webhook');
    expect(told).toMatch(/^failed: No webhook is registered.*A worker registers it at its start/);
  });

  it('orders of the sandbox, allowed in a production account', async () => {
    expect(toldOf(await examine({ SANDBOX_ORDERS: 'allow' }), 'account')).toMatch(/^warning: .*bought for money/);
    const items = Array.from({ length: 76 }, () => ({ id: randomUUID(), companyProfile: {} }));
    emulators.faults.inject({
      server: 'partner-center',
      path: '/v1/customers\\?size=500',
      kind: 'status',
      status: 200,
      body: { totalCount: 76, items },
    });
    const told = toldOf(await examine({ SANDBOX_ORDERS: 'allow' }), 'account');
    expect(told).toMatch(/^failed: .*this is a production account.*Set SANDBOX_ORDERS to refuse/);
  });

  it('a host of templates that is not allowed', async () => {
    const findings = await examine({ ARM_TEMPLATE_HOSTS: 'templates.example' });
    expect(toldOf(findings, 'templates')).toMatch(
      /^failed: Plan 2301: .*Add 127\.0\.0\.1:\d+ to ARM_TEMPLATE_HOSTS and restart the service/,
    );
    expect(failedIn(findings)).toEqual(['templates']);
  });

  it('an offer that the catalogue does not have', async () => {
    emulators.cloudesire.putPlanMetadata(2101, { offerId: 'CFQ7TTC0LH18:9999' });
    const findings = await examine();
    expect(toldOf(findings, 'catalogue')).toMatch(
      /^failed: The catalogue of DE does not have CFQ7TTC0LH18:9999, which plan 2101 sells\. Correct offerId/,
    );
  });

  it('a clock that is wrong', async () => {
    await emulators.clock.advance(10 * 60_000);
    const findings = await examine();
    expect(toldOf(findings, 'clock')).toMatch(/^failed: This clock is \d+ s behind that of Entra ID\. Let NTP set/);
  });
});
