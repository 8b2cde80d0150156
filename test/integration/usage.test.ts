import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { compose } from '../../src/compose/service.ts';
import { loadConfig } from '../../src/config.ts';
import { freePort } from '../support/free-port.ts';
import { createMemoryLog } from '../support/memory-log.ts';

import { startStopwatch } from '../support/stopwatch.ts';
import { createWorld, type World } from '../support/world.ts';

const SECRET = 'endpoint-secret';
const DAY_MS = 86_400_000;
const STEP_MS = 60_000;

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
beforeEach(async () => {
  await world.reset();
  world.emulators.partnerCenter.acceptAllAttestations(true);
});
afterAll(() => world.close());

/** A web process without the process, beside the worker of this world. */
async function startWeb(): Promise<string> {
  const port = await freePort();
  const environment = {
    ...world.emulators.environment(),
    REDIS_URL: world.config.redis.url,
    REDIS_PREFIX: world.config.redis.prefix,
    ROLE: 'web',
    ENDPOINT_SECRET: SECRET,
    HOST: '127.0.0.1',
    PORT: String(port),
  };
  const web = compose(loadConfig(environment), { log: createMemoryLog().log });
  await web.start();
  onTestFinished(() => web.stop());
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(200), { timeout: 10_000 });
  return url;
}

async function read(url: string, metric: string, subscription: number | string, secret = SECRET) {
  const response = await fetch(`${url}/usage/${secret}/${metric}`, {
    headers: { 'CD-Subscription-Id': String(subscription) },
  });
  return { status: response.status, body: (await response.json()) as { value?: number; error?: string } };
}

/** Asks until Azure has been read: a slow machine may not get that far in the time of one answer. */
async function readCost(url: string, id: number, above = 0): Promise<number> {
  return vi.waitFor(
    async () => {
      const { value = 0 } = (await read(url, 'azure-cost', id)).body;
      expect(value).toBeGreaterThan(above);
      return value;
    },
    { timeout: 120_000, interval: 100 },
  );
}

async function deploy(facts: { type?: 'TRIAL'; label?: string } = {}): Promise<number> {
  const id = world.emulators.cloudesire.placeOrder({
    plan: 2201,
    buyer: 1301,
    parameters: { DNS_PREFIX: facts.label ?? 'officine-web' },
    ...(facts.type ? { type: facts.type } : { paid: true }),
  });
  await world.settle(id, { atLeastMs: STEP_MS, looks: 300 });
  expect(world.emulators.cloudesire.subscription(id).deploymentStatus).toBe('DEPLOYED');
  return id;
}

it('the cost of a deployment grows while it runs, and is that of its own resource group', async () => {
  const id = await deploy();
  await world.pass(3 * DAY_MS);
  const other = await deploy({ label: 'officine-shop' });

  const first = await readCost(await startWeb(), id);
  await world.pass(3 * DAY_MS);
  // A process that has asked before answers from memory for a minute of real time.
  const url = await startWeb();
  const second = await readCost(url, id, first);

  expect((await read(url, 'azure-cost', other)).body.value).toBeLessThan(second);
});

it('the last known cost is told in time while Microsoft cannot be asked', async () => {
  const id = await deploy();
  await world.pass(3 * DAY_MS);
  const value = await readCost(await startWeb(), id);
  const url = await startWeb();
  await world.pass(3 * DAY_MS);
  world.emulators.faults.inject({ server: 'partner-center', kind: 'timeout-after', times: 100 });

  const tookMs = startStopwatch();
  expect((await read(url, 'azure-cost', id)).body.value).toBe(value);
  expect(tookMs()).toBeLessThan(3_000);
});

it('the cost of a trial is not charged: it begins at zero with the first payment', async () => {
  world.emulators.cloudesire.putPlanMetadata(2201, { partnerCenterTrialOfferId: 'allowed' });
  const url = await startWeb();
  const id = await deploy({ type: 'TRIAL' });
  await world.pass(3 * DAY_MS);
  await readCost(url, id);

  world.emulators.cloudesire.convertTrial(id, { paid: true });
  await world.settle(id, { atLeastMs: STEP_MS });

  expect((await read(url, 'azure-cost', id)).body.value).toBe(0);
  await world.pass(3 * DAY_MS);
  await readCost(await startWeb(), id);
});

it('the seats of a licence are those at Microsoft, and none once it has ended', async () => {
  const url = await startWeb();
  const id = world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 12, paid: true });
  await world.settle(id);
  expect(await read(url, 'seats', id)).toMatchObject({ status: 200, body: { value: 12 } });

  world.emulators.cloudesire.terminate(id);
  await world.settle(id);
  expect(await read(url, 'seats', id)).toMatchObject({ status: 200, body: { value: 0 } });
});

it('is told to nobody without the secret, and of nothing that is not ours', async () => {
  const url = await startWeb();

  expect((await read(url, 'seats', 50010, 'another')).status).toBe(404);
  expect((await read(url, 'cpu', 50010)).status).toBe(404);
  expect(await read(url, 'seats', 50099)).toMatchObject({ status: 404, body: { error: 'subscription.unknown' } });
  for (const unreadable of ['x', '0x10', '1e3'])
    expect(await read(url, 'seats', unreadable)).toMatchObject({
      status: 400,
      body: { error: 'usage.subscription-missing' },
    });
});

it('however often it is asked for, Microsoft is asked once a minute for all orders of a customer', async () => {
  const url = await startWeb();
  const ids = [await deploy(), await deploy({ label: 'officine-shop' })];
  const isUsage = ({ path }: { path: string }) => path.endsWith('/resourceusagerecords');
  const before = world.emulators.calls().filter(isUsage).length;

  for (const id of [...ids, ...ids]) await read(url, 'azure-cost', id);

  expect(world.emulators.calls().filter(isUsage)).toHaveLength(before + 1);
});
