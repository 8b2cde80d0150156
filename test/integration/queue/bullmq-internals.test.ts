import { readFileSync } from 'node:fs';
import { Worker } from 'bullmq';
import { expect, it, onTestFinished, vi } from 'vitest';
import { internalsOf, isLockLost } from '../../../src/queue/bullmq-internals.ts';
import { connected, heldLooks, openQueues } from './setup.ts';

/* What src/queue/bullmq-internals.ts relies on, and BullMQ promises to nobody. */

async function open() {
  const queues = openQueues();
  const producer = queues.openProducer();
  await connected(producer);
  return { ...queues, requestLook: producer.requestLook, internals: internalsOf(queues.looks) };
}

it('was read in the version of BullMQ that is installed', () => {
  const manifest = new URL('../../../node_modules/bullmq/package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const source = readFileSync(new URL('../../../src/queue/bullmq-internals.ts', import.meta.url), 'utf8');
  expect(source, 'read again what the comments name, then correct the version there').toContain(`BullMQ ${version};`);
});

it('a job holds its lane under the id of its deduplication, and a request that comes while it runs is kept apart', async () => {
  const { requestLook, startWorker, looks, redis, prefix, internals } = await open();
  const { look, nth } = heldLooks();
  startWorker({ look });
  await requestLook(50010);
  const held = await nth(0);
  const lanes = new Set<string>();
  for await (const ids of internals.laneIds()) for (const id of ids) lanes.add(id);
  expect(lanes).toEqual(new Set(['50010']));
  expect(await redis.get(`${prefix}:looks:de:50010`)).toBe(await looks.getDeduplicationJobId('50010'));

  expect(await internals.isRequestKept('50010')).toBe(false);
  await requestLook(50010);
  expect(await internals.isRequestKept('50010')).toBe(true);
  await internals.forgetKeptRequest('50010');
  expect(await internals.isRequestKept('50010')).toBe(false);
  held.end({ done: true });
  await vi.waitFor(async () => expect(await looks.getActiveCount()).toBe(0), 30_000);
  expect(await looks.getWaitingCount()).toBe(0);
});

it('a delayed job stands at the instant at which it is due', async () => {
  const { looks, internals } = await open();
  expect(await internals.firstDueAtMs()).toBeUndefined();
  const timestamp = Date.now();
  for (const [jobId, delay] of [
    ['first', 60_000],
    ['second', 60_000],
    ['last', 3_600_001],
  ] as const)
    await looks.add('look', { subscriptionId: 1 }, { jobId, timestamp, delay });

  expect(await internals.firstDueAtMs()).toBe(timestamp + 60_000);
  expect(await internals.dueAtMs('second')).toBe(timestamp + 60_000);
  expect(await internals.dueAtMs('last')).toBe(timestamp + 3_600_001);
  expect(await internals.dueAtMs('none')).toBeUndefined();
});

it('a job tells how often it was taken from a worker, and can be told otherwise', async () => {
  const { looks, redis, prefix, internals } = await open();
  await looks.add('look', { subscriptionId: 1 }, { jobId: 'job' });
  const count = async () => (await looks.getJob('job'))?.stalledCounter;
  const crashing = new Worker('looks', null, { connection: redis, prefix, skipStalledCheck: true });
  onTestFinished(() => crashing.close());
  await crashing.getNextJob('crashed');
  await redis.del(`${prefix}:looks:job:lock`);
  const rescuing = new Worker('looks', null, { connection: redis, prefix, stalledInterval: 50, autorun: false });
  onTestFinished(() => rescuing.close());
  await rescuing.startStalledCheckTimer();
  await vi.waitFor(async () => expect(await count()).toBe(1), 30_000);

  await internals.setStalledCount('job', 5);
  expect(await count()).toBe(5);
  await internals.clearStalledCount('job');
  expect(await count()).toBe(0);
});

it('a queue is paused by one field alone', async () => {
  const { looks, redis, internals } = await open();
  await looks.pause();
  expect(await looks.isPaused()).toBe(true);
  await redis.hdel(internals.pauseKey, 'paused');
  expect(await looks.isPaused()).toBe(false);
});

it('an error about a lost lock is told from all others', async () => {
  const { looks, redis, prefix } = await open();
  for (const jobId of ['foreign', 'missing', 'gone']) await looks.add('look', { subscriptionId: 1 }, { jobId });
  const worker = new Worker('looks', null, { connection: redis, prefix, skipStalledCheck: true, lockRenewTime: 20 });
  onTestFinished(() => worker.close());
  const jobs = [await worker.getNextJob('us'), await worker.getNextJob('us'), await worker.getNextJob('us')] as const;
  const lockOf = (id: string) => `${prefix}:looks:${id}:lock`;
  await redis.set(lockOf('foreign'), 'another worker', 'PX', 60_000);
  await redis.del(lockOf('missing'), `${prefix}:looks:gone`);

  const refusals = await Promise.all(
    jobs.map((job) =>
      job!.moveToDelayed(Date.now() + 60_000, 'us').then(
        () => undefined,
        (error: unknown) => error,
      ),
    ),
  );
  expect(refusals.map(isLockLost)).toEqual([true, true, false]);
});
