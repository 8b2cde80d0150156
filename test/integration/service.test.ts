import { spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { CMW_EVENT_SECRETS } from '../emulator/cloudesire/emulator.ts';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { freePort } from '../support/free-port.ts';
import { startRedis } from '../support/redis.ts';
import { type RunningService, runService, startService } from '../support/service.ts';
import { startStopwatch } from '../support/stopwatch.ts';
import { forgetKeys, openStore } from './store/setup.ts';

const OPS_TOKEN = 'operations-token-for-tests';
const DAY_MS = 86_400_000;
/** A life takes seconds; a slow machine may need much longer. */
const LIFE_MS = 120_000;

let emulators: Emulators;
const running: RunningService[] = [];

beforeAll(async () => {
  emulators = await startEmulators();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.end('SIGKILL')));
  emulators.reset();
});

afterAll(() => emulators.close());

async function start(environment: Record<string, string> = {}): Promise<RunningService> {
  const service = await startService({
    ...emulators.environment(),
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: `test-${randomUUID()}`,
    OPS_TOKEN,
    LOG_LEVEL: 'debug',
    POLL_EVERY_MS: '60',
    RETRY_BASE_MS: '50',
    ...environment,
  });
  running.push(service);
  emulators.partnerCenter.acceptAllAttestations(true);
  emulators.partnerCenter.setOrderDelayMs(300);
  return service;
}

function sendEvent(
  service: RunningService,
  body: string,
  { path = '/event', secret = CMW_EVENT_SECRETS[0] ?? '' } = {},
): Promise<Response> {
  const signature = `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`;
  return fetch(`${service.url}${path}`, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json; charset=utf-8', 'CMW-Event-Signature': signature },
  });
}

/** Has a process tell which packages of Azure it loads. */
const TELL_AZURE = [
  "import { registerHooks } from 'node:module';",
  'registerHooks({ resolve(name, context, next) {',
  "if (name.startsWith('@azure')) console.log('loads ' + name);",
  'return next(name, context); } });',
].join('');

const eventBody = (id: number, type = 'CREATED') =>
  JSON.stringify({
    id: String(id),
    entity: 'Subscription',
    entityUrl: `subscription/${id}`,
    type,
    date: '2026-09-01T08:00:00Z',
  });

async function ops(
  service: RunningService,
  path: string,
  method = 'GET',
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${service.url}/ops/api${path}`, {
    method,
    headers: { authorization: `Bearer ${OPS_TOKEN}`, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: JSON.stringify({ reason: 'the cause is cured' }) }),
  });
  return { status: response.status, body: (await response.json().catch(() => ({}))) as Record<string, unknown> };
}

const ordersPlaced = () => emulators.partnerCenter.books().entries.filter(({ what }) => what === 'order placed');
const customersCreated = () =>
  emulators.partnerCenter.books().entries.filter(({ what }) => what === 'customer created');

describe('the service', () => {
  it('sells a licence from the event to the delivery and ends it, and its log of all that holds no secret and no personal datum', async () => {
    const service = await start();
    emulators.connectTo(service.url);
    const paid = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    const unpaid = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1302, licenses: 4 });
    await emulators.cloudesire.whenStatus(paid, 'DEPLOYED', LIFE_MS);
    expect((await ops(service, `/subscriptions/${unpaid}`)).body).toMatchObject({
      state: 'idle',
      waitingFor: 'the first payment',
    });
    emulators.cloudesire.pay(unpaid);
    await emulators.cloudesire.whenStatus(unpaid, 'DEPLOYED', LIFE_MS);

    emulators.cloudesire.terminate(paid);
    await emulators.cloudesire.whenStatus(paid, 'UNDEPLOYED', LIFE_MS);
    await emulators.clock.advance(10 * DAY_MS);
    emulators.cloudesire.terminate(unpaid);
    await emulators.cloudesire.whenStatus(unpaid, 'UNDEPLOYED', LIFE_MS);

    const secrets = emulators.secrets().filter((secret) => secret.length > 3);
    expect(secrets.length).toBeGreaterThan(20);
    expect(service.output()).toContain('upstream call');
    expect(secrets.filter((secret) => service.output().includes(secret))).toEqual([]);
    expect(await service.end('SIGTERM')).toBe(0);
  });

  it('tells in its metrics how many calls each upstream still allows, which is out, and that one has throttled, of no customer by name', async () => {
    const service = await start();
    const throttled = { kind: 'status', status: 429, headers: { 'retry-after': '1' }, body: {} } as const;
    emulators.faults.inject({ server: 'partner-center', ...throttled });
    const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    await sendEvent(service, eventBody(id));
    await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);

    const lines = (await (await fetch(`${service.url}/metrics`)).text()).split('\n');
    const told = (name: string) => lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
    expect(told('connector_upstream_throttled_total{upstream="partner-center"}')).toBe('1');
    expect(told('connector_upstream_circuit_open{upstream="partner-center"}')).toBe('0');
    const left = Number(told('connector_upstream_budget_left{upstream="partner-center",kind="customer"}'));
    expect(left).toBeGreaterThan(300);
    expect(left).toBeLessThan(450);
    expect(told('connector_upstream_budget_left{upstream="arm",kind="write"}')).toBe('180');
    expect(lines.filter((line) => line.startsWith('connector_upstream_budget_left{'))).toHaveLength(5);
  });

  it('makes one customer and one order of the same event fifty times at once, in swapped order, on two processes', async () => {
    const REDIS_PREFIX = `test-${randomUUID()}`;
    const services = await Promise.all([start({ REDIS_PREFIX }), start({ REDIS_PREFIX })]);
    const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    const events = ['MODIFIED', 'CREATED'].flatMap((type) => Array.from({ length: 50 }, () => eventBody(id, type)));
    const paths = ['/event', '/event/license', '/event/azure', '/event/arm'];
    await Promise.all(
      events.map(async (body, index) => {
        const send = () => sendEvent(services[index % 2]!, body, { path: paths[index % 4]! });
        // A slow machine may not take all of them in time: then they come again, as from the marketplace.
        await vi.waitFor(async () => expect((await send()).status).toBe(204), { interval: 500 });
      }),
    );

    await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);
    expect(customersCreated()).toHaveLength(1);
    expect(ordersPlaced()).toHaveLength(1);
  });

  it('finds without any event what is to be done, at start and by the sweep', async () => {
    const before = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 1, paid: true });
    await start({ SWEEP_EVERY_MS: '300' });
    await emulators.cloudesire.whenStatus(before, 'DEPLOYED', LIFE_MS);
    const after = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1302, licenses: 1, paid: true });
    await emulators.cloudesire.whenStatus(after, 'DEPLOYED', LIFE_MS);
  });

  it('started over a Redis that was lost, records by itself what it had sold, and only then sells on', async () => {
    const first = await start();
    const sold = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    await sendEvent(first, eventBody(sold));
    await emulators.cloudesire.whenStatus(sold, 'DEPLOYED', LIFE_MS);
    await first.end('SIGKILL');

    const next = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1302, licenses: 3, paid: true });
    const second = await start();
    await emulators.cloudesire.whenStatus(next, 'DEPLOYED', LIFE_MS);
    const { body } = await ops(second, `/subscriptions/${sold}`);
    expect(body).toMatchObject({ fulfillment: { deployedAt: expect.any(String), seats: 10 } });
    expect(second.output()).toContain('"code":"store.lost"');
    expect(ordersPlaced()).toHaveLength(2);
  });

  it('has what it had sold on record again when Redis is emptied under it, and sells on', async () => {
    const REDIS_PREFIX = `test-${randomUUID()}`;
    const service = await start({ REDIS_PREFIX, SWEEP_EVERY_MS: '1000' });
    const sold = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    await emulators.cloudesire.whenStatus(sold, 'DEPLOYED', LIFE_MS);
    const { redis } = openStore();
    await forgetKeys(redis, REDIS_PREFIX);

    const next = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1302, licenses: 3, paid: true });
    await emulators.cloudesire.whenStatus(next, 'DEPLOYED', LIFE_MS);
    const { body } = await ops(service, `/subscriptions/${sold}`);
    expect(body).toMatchObject({ fulfillment: { deployedAt: expect.any(String), seats: 10 } });
    expect(ordersPlaced()).toHaveLength(2);
  });

  it('killed with SIGKILL at the checkout, in another process goes on where it was and orders nothing twice', async () => {
    const REDIS_PREFIX = `test-${randomUUID()}`;
    const first = await start({ REDIS_PREFIX });
    let killed = false;
    emulators.partnerCenter.server.finish((call, reply) => {
      if (!killed && call.path.endsWith('/checkout')) {
        killed = true;
        first.process.kill('SIGKILL');
      }
      return reply;
    });
    const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    expect((await sendEvent(first, eventBody(id))).status).toBe(204);
    expect(await first.ended).toBe('SIGKILL');

    await start({ REDIS_PREFIX });
    await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);
    expect(ordersPlaced()).toHaveLength(1);
    expect(customersCreated()).toHaveLength(1);
  });

  it('told to stop in the middle of the work, exits 0, and the next process goes on', async () => {
    const REDIS_PREFIX = `test-${randomUUID()}`;
    const first = await start({ REDIS_PREFIX });
    emulators.partnerCenter.setOrderDelayMs(5_000);
    const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    await sendEvent(first, eventBody(id));
    await vi.waitFor(() => expect(ordersPlaced()).toHaveLength(1), { timeout: LIFE_MS, interval: 20 });
    expect(await first.end('SIGTERM')).toBe(0);

    await start({ REDIS_PREFIX });
    await emulators.clock.advance(6_000);
    await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);
    expect(ordersPlaced()).toHaveLength(1);
  });

  it('says beside its readiness that the queue is paused, and that it is not ready as soon as it was told to stop', async () => {
    const { redis, prefix } = openStore();
    const service = await start({ REDIS_PREFIX: prefix });
    await redis.hset(`${prefix}:looks:meta`, 'paused', 1);
    await vi.waitFor(async () => {
      const ready = await fetch(`${service.url}/health/ready`);
      const { status, notes } = (await ready.json()) as { status: string; notes: string[] };
      expect({ status, notes }).toEqual({
        status: 'ok',
        notes: expect.arrayContaining([expect.stringMatching(/^The queue of looks is paused in Redis: .* paused\.$/)]),
      });
    }, LIFE_MS);
    const stopped = service.end('SIGTERM');
    await vi.waitFor(async () => expect((await fetch(`${service.url}/health/ready`)).status).toBe(503));
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
    expect(await stopped).toBe(0);
  });

  it('started by npm, ends with npm', async () => {
    const port = String(await freePort());
    const child = spawn('npm', ['start'], {
      env: {
        ...process.env,
        ...emulators.environment(),
        REDIS_URL: inject('redisUrl'),
        REDIS_PREFIX: `test-${randomUUID()}`,
        HOST: '127.0.0.1',
        PORT: port,
      },
      stdio: 'ignore',
    });
    const live = () => fetch(`http://127.0.0.1:${port}/health/live`);
    await vi.waitFor(async () => expect((await live()).status).toBe(200), 10_000);
    child.kill('SIGTERM');
    await once(child, 'exit');
    await vi.waitFor(() => expect(live()).rejects.toThrow(), 10_000);
  });

  it('lets operations see a stuck order, cure it and press retry', async () => {
    emulators.partnerCenter.forceOrderOutcome('error');
    const service = await start();
    emulators.connectTo(service.url);
    const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    await emulators.cloudesire.whenStatus(id, 'FAILED', LIFE_MS);
    await vi.waitFor(
      async () =>
        expect((await ops(service, `/subscriptions/${id}`)).body).toMatchObject({
          state: 'failed',
          lastError: { code: 'order.failed' },
        }),
      { timeout: LIFE_MS },
    );

    expect((await ops(service, '/subscriptions?state=failed')).body).toMatchObject({
      total: 1,
      page: 1,
      items: [{ subscriptionId: id }],
    });
    expect((await ops(service, `/subscriptions/${id}/retry`, 'POST')).status).toBe(202);
    await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);
  });

  it('needs less than 150 MB of memory when idle, before and after it has worked', async () => {
    const service = await start({ LOG_LEVEL: 'info' });
    await vi.waitFor(() => expect(service.output()).toContain('sweep finished'), { timeout: LIFE_MS });
    expect(service.residentBytes()).toBeLessThan(150 * 1024 * 1024);

    emulators.connectTo(service.url);
    const orders = Array.from({ length: 10 }, () =>
      emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 2, paid: true }),
    );
    await Promise.all(orders.map((id) => emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS)));
    for (const body of orders.flatMap((id) => Array.from({ length: 30 }, () => eventBody(id))))
      expect((await sendEvent(service, body)).status).toBe(204);
    expect(service.residentBytes()).toBeLessThan(150 * 1024 * 1024);
  });
});

describe('the service without a Redis', () => {
  it('answers events with 503 in time, is live but not ready, and takes events as soon as Redis is back', async () => {
    const redis = await startRedis();
    const service = await start({ REDIS_URL: redis.url });
    await redis.stop();
    await vi.waitFor(() => expect(service.output()).toMatch(/Redis cannot be reached/));
    const tookMs = startStopwatch();
    const refused = await sendEvent(service, eventBody(50010));
    expect(tookMs()).toBeLessThan(2_000);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
    const ready = await fetch(`${service.url}/health/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ checks: { redis: expect.stringMatching(/Redis/) } });
  });
});

describe('a configuration that cannot work', () => {
  it('ends the start with code 78 and every problem at once, and prints no secret', async () => {
    const { code, output } = await runService({
      CMW_BASE_URL: 'http://marketplace.example/api',
      CMW_AUTH_TOKEN: 'token with blanks',
      PORT: 'eighty',
      STATE_KEY: 'short-secret',
    });
    expect(code).toBe(78);
    for (const name of [
      'CMW_BASE_URL',
      'CMW_AUTH_TOKEN',
      'CMW_EVENT_SECRETS',
      'PORT',
      'STATE_KEY',
      'PARTNER_CENTER_TENANT_ID',
      'PARTNER_CENTER_CLIENT_ID',
      'PARTNER_CENTER_CLIENT_SECRET',
    ]) {
      expect(output).toContain(`${name}:`);
    }
    expect(output).not.toContain('token with blanks');
    expect(output).not.toContain('short-secret');
  });
});

describe('the packages of Azure', () => {
  const told = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(TELL_AZURE)}` };

  it('are loaded by a worker at its first order of Azure, and never by the web role', async () => {
    const prefix = { REDIS_PREFIX: `test-${randomUUID()}`, ENDPOINT_SECRET: 'for-questions' };
    const web = await start({ ...told, ...prefix, ROLE: 'web' });
    const worker = await start({ ...told, ...prefix, ROLE: 'worker' });
    emulators.connectTo(web.url);
    const licence = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 5, paid: true });
    await emulators.cloudesire.whenStatus(licence, 'DEPLOYED', LIFE_MS);
    expect(worker.output()).not.toContain('loads @azure');

    // The first call to Azure waits for a subscription that only virtual time brings.
    const machine = emulators.cloudesire.placeOrder({ plan: 2201, buyer: 1301, paid: true });
    await vi.waitFor(() => expect(worker.output()).toContain('loads @azure/'), { timeout: LIFE_MS, interval: 50 });
    const asked = { plan: 2201, buyer: 1301, url: `${web.url}/order-validation/for-questions` };
    await fetch(asked.url, {
      method: 'POST',
      body: JSON.stringify({ orderType: 'NORMAL', product: 220, productVersion: 2201, buyer: 1301 }),
    });
    await fetch(`${web.url}/usage/for-questions/azure-cost`, { headers: { 'CD-Subscription-Id': String(machine) } });
    expect(web.output()).not.toContain('loads @azure');
  });
});
