import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { CMW_EVENT_SECRETS } from '../emulator/cloudesire/emulator.ts';
import { startEmulators } from '../emulator/emulators.ts';
import { startRedis } from '../support/redis.ts';
import { startService } from '../support/service.ts';

const IN_FILES = [
  'CMW_AUTH_TOKEN',
  'CMW_EVENT_SECRETS',
  'PARTNER_CENTER_CLIENT_SECRET',
  'PARTNER_CENTER_REFRESH_TOKEN',
  'ENDPOINT_SECRET',
  'OPS_TOKEN',
] as const;
const ROOT = join(import.meta.dirname, '../..');
const PASSWORD = 'password-of-the-acl';

/** The user of Redis that the documentation gives, and nobody else. */
function documentedUser(): string[] {
  const [, words = ''] = /```acl\nuser (.*)\n```/.exec(readFileSync(join(ROOT, 'docs/security.md'), 'utf8')) ?? [];
  expect(words).toContain('~microsoft-connector:*');
  return words.replace('PASSWORD', PASSWORD).split(' ');
}

/** What the image lets Node do, for the folders of this test. */
function documentedPermissions(...folders: string[]): string {
  const [, command = '[]'] = /^CMD (\[.*\])$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')) ?? [];
  const flags = (JSON.parse(command) as string[]).filter((flag) => /^--(permission|allow-)/.test(flag));
  expect(flags).toEqual(['--permission', '--allow-fs-read=/app/', '--allow-fs-read=/run/secrets/']);
  return ['--permission', ...folders.map((folder) => `--allow-fs-read=${folder}/`)].join(' ');
}

/** Each takes a second or two; a slow machine may need much longer. */
const WITHIN_MS = 60_000;

/**
 * A service with no more rights than it is documented to need, whose secrets rest in files, under the load of callers who know what is
 * right at the moment.
 */
async function setup() {
  const emulators = await startEmulators();
  onTestFinished(() => emulators.close());
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const write = (name: (typeof IN_FILES)[number], text: string) => writeFileSync(join(folder, name), `${text}\n`);

  const known = { event: CMW_EVENT_SECRETS[0] ?? '', endpoint: 'endpoint-secret-1', token: 'operations-token-1' };
  const environment: Record<string, string> = {
    ...emulators.environment(),
    ENDPOINT_SECRET: known.endpoint,
    OPS_TOKEN: known.token,
  };
  for (const name of IN_FILES) {
    write(name, environment[name] ?? '');
    delete environment[name];
    environment[`${name}_FILE`] = join(folder, name);
  }
  const redis = await startRedis({ args: ['--user', ...documentedUser()] });
  onTestFinished(() => redis.stop());
  const service = await startService({
    ...environment,
    NODE_OPTIONS: documentedPermissions(ROOT, realpathSync(join(ROOT, 'node_modules')), folder),
    REDIS_URL: redis.url.replace('//', `//connector:${PASSWORD}@`),
    AGREEMENT_MODE: 'classic',
    POLL_EVERY_MS: '60',
    RETRY_BASE_MS: '50',
  });
  onTestFinished(async () => void (await service.end('SIGKILL')));
  emulators.connectTo(service.url);
  emulators.partnerCenter.setOrderDelayMs(50);

  const calls = {
    async event(secret: string) {
      const body = JSON.stringify({ id: 1, entity: 'Subscription', type: 'MODIFIED' });
      const signature = `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`;
      const headers = { 'Content-Type': 'application/json', 'CMW-Event-Signature': signature };
      return (await fetch(`${service.url}/event`, { method: 'POST', body, headers })).status;
    },
    async endpoint(secret: string) {
      return (await fetch(`${service.url}/order-validation/${secret}`, { method: 'POST', body: '{}' })).status;
    },
    async token(token: string) {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${service.url}/ops/api/exposures`, { headers })).status;
    },
  };

  const answers: string[] = [];
  let isOver = false;
  const load = (async () => {
    while (!isOver) {
      for (const kind of ['event', 'endpoint', 'token'] as const)
        answers.push(`${kind} ${await calls[kind](known[kind])}`);
    }
  })();

  return {
    emulators,
    service,
    /** What was refused to the user of Redis, but for the settings of the server, which it asks for and does without. */
    async refusedByRedis() {
      const administrator = new Redis(redis.url);
      onTestFinished(() => administrator.disconnect());
      const entries = (await administrator.acl('LOG')) as unknown[][];
      return entries.filter((entry) => !entry.includes('config|get'));
    },
    write,
    /** Goes on once the service takes a new secret, after which all callers use it. */
    async introduce(kind: keyof typeof known, secret: string) {
      await vi.waitFor(async () => expect(await calls[kind](secret)).toBeLessThan(300), {
        timeout: WITHIN_MS,
        interval: 400,
      });
      known[kind] = secret;
    },
    isAccepted: async (kind: keyof typeof known, secret: string) => (await calls[kind](secret)) < 300,
    async sell(buyer: number) {
      const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer, licenses: 5, paid: true });
      await emulators.cloudesire.whenStatus(id, 'DEPLOYED', WITHIN_MS);
    },
    async endLoad() {
      isOver = true;
      await load;
      return [...new Set(answers)].sort();
    },
  };
}

it('with no more rights than documented every secret is replaced in its file under load, and no event, question or order is refused for that', async () => {
  const { emulators, service, refusedByRedis, write, introduce, isAccepted, sell, endLoad } = await setup();
  await sell(1301);

  write('CMW_EVENT_SECRETS', `event-secret-2,${CMW_EVENT_SECRETS.join()}`);
  await introduce('event', 'event-secret-2');
  write('ENDPOINT_SECRET', 'endpoint-secret-2,endpoint-secret-1');
  await introduce('endpoint', 'endpoint-secret-2');
  write('OPS_TOKEN', 'operations-token-2');
  await introduce('token', 'operations-token-2');
  expect(await isAccepted('token', 'operations-token-1')).toBe(false);

  // The former token is void from the moment at which there is a new one.
  emulators.cloudesire.server.finish((call, reply) => {
    if (call.path.endsWith('/login')) write('CMW_AUTH_TOKEN', JSON.parse(String(reply.body)));
    return reply;
  });
  const { CMW_BASE_URL = '', CMW_AUTH_TOKEN = '' } = emulators.environment();
  const headers = { 'CMW-Auth-Token': CMW_AUTH_TOKEN };
  expect((await fetch(`${CMW_BASE_URL}/login?expire=false`, { method: 'POST', headers })).status).toBe(200);

  write('PARTNER_CENTER_CLIENT_SECRET', emulators.entra.rotateClientSecret());
  emulators.entra.expireTokens();
  await sell(1301);

  emulators.entra.revokeRefreshTokens();
  write('PARTNER_CENTER_REFRESH_TOKEN', emulators.entra.renewConsent());
  emulators.entra.expireTokens();
  await sell(1302);

  // Of the token there is one at a time: who operates the connector may be told twice. On a slow machine Redis may not confirm an event in
  // time, which has nothing to do with secrets.
  const answers = (await endLoad()).filter((answer) => answer !== 'token 401' && answer !== 'event 503');
  expect(answers).toEqual(['endpoint 204', 'event 204', 'token 200']);
  expect(await refusedByRedis()).toEqual([]);
  expect(service.output()).not.toContain('ERR_ACCESS_DENIED');
  expect(service.output()).not.toContain('a person has to look');
  expect(service.output()).not.toContain('will be retried');
  expect(service.output().match(/"msg":"a secret was replaced"/g)).toHaveLength(6);
  expect(emulators.secrets().filter((secret) => secret.length > 3 && service.output().includes(secret))).toEqual([]);
  expect(service.output()).not.toMatch(/(event|endpoint)-secret-|operations-token-/);
});
