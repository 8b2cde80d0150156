import { expect, it, onTestFinished, vi } from 'vitest';
import { startRedis } from '../../support/redis.ts';
import { startStopwatch } from '../../support/stopwatch.ts';
import { forgetKeys } from '../store/setup.ts';
import { connected, heldLooks, openQueues } from './setup.ts';

async function openPrivate() {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  return { server, ...openQueues(server.url) };
}

async function msOf(work: Promise<unknown>): Promise<number> {
  const tookMs = startStopwatch();
  await work.catch(() => {});
  return tookMs();
}

it('makes one look of all requests for a subscription that came before it began', async () => {
  const { looks, openProducer } = openQueues();
  const [one, other] = [openProducer(), openProducer()];
  await Promise.all([connected(one), connected(other)]);

  const requests = Array.from({ length: 100 }, (_, index) => (index % 2 ? one : other).requestLook(50010));

  expect(new Set(await Promise.all(requests))).toEqual(new Set(['queued']));
  expect(await looks.getJobCounts('wait', 'prioritized', 'delayed')).toEqual({ wait: 1, prioritized: 0, delayed: 0 });
});

it('keeps nothing in Redis but the id of the subscription', async () => {
  const { looks, openProducer } = openQueues();
  const producer = openProducer();
  await connected(producer);
  await producer.requestLook(50010);

  const [job] = await looks.getJobs('wait');

  expect(job!.data).toEqual({ subscriptionId: 50010 });
});

it('turns looks away once as many wait as may, and takes them again when there is room', async () => {
  const { openProducer, startWorker, looks } = openQueues(undefined, { backlogLimit: 2 });
  const producer = openProducer();
  await connected(producer);
  await producer.requestLook(1);
  await producer.requestLook(2);

  expect(await producer.requestLook(3)).toBe('backlog-full');
  expect(await looks.getWaitingCount()).toBe(2);

  startWorker({});
  await vi.waitFor(async () => expect(await producer.requestLook(3)).toBe('queued'), 5_000);
});

it('takes what adds no look although as many wait as may: for a subscription that waits, is looked at, or was put off', async () => {
  const { openProducer, startWorker, looks } = openQueues(undefined, { backlogLimit: 1 });
  const producer = openProducer();
  await connected(producer);
  const { look, nth, begun } = heldLooks();
  startWorker({ look, concurrency: 2 });
  for (const [index, id] of [1, 2].entries()) {
    await vi.waitFor(async () => expect(await producer.requestLook(id)).toBe('queued'), 30_000);
    await nth(index);
  }
  (await nth(0)).end({ againInMs: 3_600_000 });
  await vi.waitFor(async () => expect(await looks.getDelayedCount()).toBe(1), 30_000);
  await looks.pause();
  await vi.waitFor(async () => expect(await producer.requestLook(3, { urgent: false })).toBe('queued'), 30_000);
  expect(await producer.requestLook(4)).toBe('backlog-full');

  expect(await Promise.all([1, 2, 3].map((id) => producer.requestLook(id)))).toEqual(['queued', 'queued', 'queued']);

  await looks.resume();
  (await nth(1)).end({ done: true });
  for (const index of [2, 3, 4]) (await nth(index)).end({ done: true });
  const made = begun.map(({ subscriptionId }) => subscriptionId);
  expect(made.toSorted((one, other) => one - other)).toEqual([1, 1, 2, 2, 3]);
});

it('does not count looks that were put off into the backlog', async () => {
  const { openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  startWorker({ look: async () => ({ againInMs: 3_600_000 }) });
  await Promise.all([1, 2, 3].map((id) => producer.requestLook(id)));

  await vi.waitFor(async () => expect(await looks.getDelayedCount()).toBe(3));
  await vi.waitFor(async () => expect(await producer.backlog()).toBe(0));
});

it('knows since when a look waits for a worker, also one whose pause nobody ends', async () => {
  const { openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  expect(await producer.queuedSince(1)).toBeUndefined();
  const beforeMs = Date.now();
  await producer.requestLook(1);
  await producer.requestLook(2, { urgent: false });
  for (const id of [1, 2]) expect(await producer.queuedSince(id)).toBeGreaterThanOrEqual(beforeMs);

  const { worker } = startWorker({ look: async () => ({ againInMs: 3_600_000 }) });
  await vi.waitFor(async () => expect(await looks.getDelayedCount()).toBe(2), 30_000);
  expect(await producer.queuedSince(1)).toBeUndefined();
  await worker.stop();
  const askedMs = Date.now();
  await producer.requestLook(1);
  expect(await producer.queuedSince(1)).toBeGreaterThanOrEqual(askedMs);
});

it('tells of a queue that somebody has paused, and since when looks wait there, also those whose pause nobody ends', async () => {
  const { openProducer, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  expect(await producer.taking()).toEqual({ waiting: 0, active: 0 });
  await looks.add('look', { subscriptionId: 3 }, { delay: 20 });
  const dueMs = Date.now() + 20;
  await looks.pause();
  await vi.waitFor(async () => expect((await producer.taking()).oldestSinceMs).toBeDefined());
  await producer.requestLook(1);
  const taking = await producer.taking();
  expect(taking).toMatchObject({ waiting: 1, active: 0, pausedIn: looks.toKey('meta') });
  expect(taking.oldestSinceMs).toBeLessThanOrEqual(dueMs);
});

it('lets urgent looks go first, also one that began as not urgent', async () => {
  const { openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  for (const id of [1, 2, 3]) await producer.requestLook(id, { urgent: false });
  await producer.requestLook(4);
  await producer.requestLook(3);
  await producer.requestLook(2, { urgent: false });
  const order: number[] = [];

  startWorker({
    concurrency: 1,
    look: async (id) => {
      order.push(id);
      return { done: true };
    },
  });

  await vi.waitFor(() => expect(order).toHaveLength(4));
  expect(order).toEqual([4, 3, 1, 2]);
});

it('does not let a subscription lose its turn by being asked for again', async () => {
  const { openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  for (const id of [1, 2, 3]) await producer.requestLook(id);
  await producer.requestLook(1);
  const order: number[] = [];

  startWorker({
    concurrency: 1,
    look: async (id) => {
      order.push(id);
      return { done: true };
    },
  });

  await vi.waitFor(() => expect(order).toEqual([1, 2, 3]));
});

it('rejects at once while Redis is away from the start, and works when it has come', async () => {
  const { server, openProducer, looks } = await openPrivate();
  await server.kill();
  const producer = openProducer();

  const away = producer.requestLook(1);
  expect(await msOf(away)).toBeLessThan(100);
  for (const refused of [away, producer.areSweepsScheduled()])
    await expect(refused).rejects.toMatchObject({ code: 'queue.unavailable', effect: 'none' });

  await server.restart();
  await vi.waitFor(async () => expect(await producer.requestLook(1)).toBe('queued'), 5_000);
  expect(await looks.getWaitingCount()).toBe(1);
});

it('rejects within 2 s while Redis is frozen, at once when it is gone, and works again when it is back', async () => {
  const { server, openProducer } = await openPrivate();
  const producer = openProducer();
  await connected(producer);
  await producer.requestLook(1);

  await server.kill('SIGSTOP');
  const frozen = producer.requestLook(2);
  expect(await msOf(frozen)).toBeLessThan(2_000);
  await expect(frozen).rejects.toMatchObject({ code: 'queue.unavailable', effect: 'unknown' });

  await server.kill();
  await vi.waitFor(() => expect(producer.connection.status).not.toBe('ready'));
  expect(await msOf(producer.requestLook(2))).toBeLessThan(100);

  await server.restart();
  await vi.waitFor(async () => expect(await producer.requestLook(2)).toBe('queued'), 5_000);
});

it('loses no request that it confirmed when Redis is killed', async () => {
  const { server, openProducer, startWorker } = await openPrivate();
  const producer = openProducer();
  await connected(producer);
  const confirmed = new Set<number>();
  let lastId = 0;
  const clients = Array.from({ length: 20 }, async () => {
    for (;;) {
      lastId += 1;
      const id = lastId;
      const outcome = await producer.requestLook(id).catch(() => 'refused');
      if (outcome === 'refused') return;
      confirmed.add(id);
    }
  });
  await vi.waitFor(() => expect(confirmed.size).toBeGreaterThan(100), { interval: 1, timeout: 10_000 });

  await server.kill();
  await Promise.all(clients);
  await server.restart();
  const seen = new Set<number>();
  startWorker({
    look: async (id) => {
      seen.add(id);
      return { done: true };
    },
  });

  await vi.waitFor(() => expect([...confirmed].filter((id) => !seen.has(id))).toEqual([]), 10_000);
});

it('frees a subscription whose look stands in no queue, and leaves all others alone', async () => {
  const { prefix, redis, looks, openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const ids = [1, 2, 3, 4, 5, 6, 7, 8];
  for (const id of ids) await producer.requestLook(id, { urgent: id % 2 === 0 });
  const others = await Promise.all([1, 3, 4, 5, 6, 7, 8].map((id) => looks.getDeduplicationJobId(String(id))));
  const strayId = (await looks.getDeduplicationJobId('2'))!;
  await redis.lrem(`${prefix}:looks:wait`, 1, strayId);
  await producer.requestLook(2); // swallowed: the look that it meets will never run

  expect(await producer.repairStrayLooks()).toBe(1);
  expect(await producer.repairStrayLooks()).toBe(0);
  expect(await Promise.all([1, 3, 4, 5, 6, 7, 8].map((id) => looks.getDeduplicationJobId(String(id))))).toEqual(others);

  const seen: number[] = [];
  startWorker({
    look: async (id) => {
      seen.push(id);
      return { done: true };
    },
  });
  await vi.waitFor(() => expect(new Set(seen)).toEqual(new Set(ids)));
  expect(seen).toHaveLength(8);
  expect(await redis.exists(`${prefix}:looks:${strayId}`)).toBe(0);
});

it('keeps the request of a look that stands in no queue although as many wait as may', async () => {
  const { prefix, redis, looks, openProducer } = openQueues(undefined, { backlogLimit: 2 });
  const producer = openProducer();
  await connected(producer);
  await producer.requestLook(1);
  await producer.requestLook(2);
  await redis.lrem(`${prefix}:looks:wait`, 1, (await looks.getDeduplicationJobId('2'))!);
  await vi.waitFor(async () => expect(await producer.requestLook(3)).toBe('queued'), 30_000);

  expect(await producer.repairStrayLooks()).toBe(1);

  const kept = await looks.getJobs(['wait', 'prioritized']);
  expect(new Set(kept.map(({ data }) => data.subscriptionId))).toEqual(new Set([1, 2, 3]));
});

it('takes looks that are running or put off for what they are when it searches for stray ones', async () => {
  const { looks, openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const { look, nth } = heldLooks();
  startWorker({ look });
  await producer.requestLook(1);
  await producer.requestLook(2);
  (await nth(0)).end({ againInMs: 3_600_000 });
  await nth(1);
  await vi.waitFor(async () => expect(await looks.getDelayedCount()).toBe(1));

  expect(await producer.repairStrayLooks()).toBe(0);

  expect(await looks.getJobCounts('active', 'delayed', 'wait')).toEqual({ active: 1, delayed: 1, wait: 0 });
  (await nth(1)).end({ done: true });
});

it('makes one sweep of all requests that came before it began, and one more of those that came meanwhile', async () => {
  const { prefix, redis, openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const ends: (() => void)[] = [];
  await Promise.all(Array.from({ length: 10 }, () => producer.requestSweep()));
  startWorker({ sweep: () => new Promise((resolve) => ends.push(resolve)) });
  await vi.waitFor(() => expect(ends).toHaveLength(1));

  await Promise.all(Array.from({ length: 10 }, () => producer.requestSweep()));
  ends[0]!();
  await vi.waitFor(() => expect(ends).toHaveLength(2));
  ends[1]!();

  await vi.waitFor(async () => expect(await redis.llen(`${prefix}:sweeps:active`)).toBe(0));
  expect(await redis.llen(`${prefix}:sweeps:wait`)).toBe(0);
  expect(ends).toHaveLength(2);
});

it('sweeps at once and then periodically, once for all processes, with the period that was asked for last', async () => {
  const { openProducer, startWorker } = openQueues();
  const [one, other] = [openProducer(), openProducer()];
  await Promise.all([connected(one), connected(other)]);
  let sweeps = 0;
  startWorker({
    sweep: async () => {
      sweeps += 1;
    },
  });

  await one.scheduleSweeps(3_600_000);
  await other.scheduleSweeps(3_600_000);
  await vi.waitFor(() => expect(sweeps).toBe(1));

  await other.scheduleSweeps(50);
  await vi.waitFor(() => expect(sweeps).toBeGreaterThan(3), 5_000);
});

it('knows that sweeps are on no schedule any more once Redis was emptied', async () => {
  const { redis, prefix, openProducer } = openQueues();
  const producer = openProducer();
  await connected(producer);
  await producer.scheduleSweeps(3_600_000);
  expect(await producer.areSweepsScheduled()).toBe(true);

  await forgetKeys(redis, prefix);
  expect(await producer.areSweepsScheduled()).toBe(false);
});

it('can be closed while Redis is away', async () => {
  const { server, openProducer } = await openPrivate();
  await server.kill();
  const producer = openProducer();

  await expect(producer.close()).resolves.toBeUndefined();
});
