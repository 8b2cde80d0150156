import { expect, it, onTestFinished, vi } from 'vitest';
import { LaneLostError } from '../../../src/engine/journal.ts';
import { Stopping } from '../../../src/engine/workflow.ts';
import { startRedis } from '../../support/redis.ts';
import { startStopwatch } from '../../support/stopwatch.ts';
import { connected, heldLooks, openQueues } from './setup.ts';

it('looks at a subscription once at a time and once after the last request, for 200 requests and two workers', async () => {
  const { openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const running = new Set<number>();
  let [overlaps, requested, asOf] = [0, 0, 0];
  const look = async (id: number) => {
    if (running.has(id)) overlaps += 1;
    running.add(id);
    const truth = requested;
    await looks.getWaitingCount(); // gives everything else a turn
    asOf = Math.max(asOf, truth);
    running.delete(id);
    return { done: true } as const;
  };
  startWorker({ look });
  startWorker({ look });

  for (let batch = 0; batch < 20; batch += 1) {
    await Promise.all(
      Array.from({ length: 10 }, () => {
        requested += 1;
        return producer.requestLook(50010);
      }),
    );
  }

  await vi.waitFor(() => expect(asOf).toBe(200));
  expect(overlaps).toBe(0);
});

it('looks exactly once more for requests that come during a look which has nothing left to do', async () => {
  const { openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const { look, nth, begun } = heldLooks();
  startWorker({ look });
  await producer.requestLook(1);
  const first = await nth(0);

  await Promise.all([1, 2, 3].map(() => producer.requestLook(1)));
  first.end({ done: true });
  (await nth(1)).end({ done: true });

  await vi.waitFor(async () =>
    expect(await looks.getJobCounts('active', 'wait', 'delayed')).toEqual({ active: 0, wait: 0, delayed: 0 }),
  );
  expect(begun).toHaveLength(2);
});

it('looks exactly once more, and at once, for requests that come during a look which is then put off', async () => {
  const { openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const { look, nth, begun } = heldLooks();
  startWorker({ look });
  await producer.requestLook(1);
  const first = await nth(0);

  await Promise.all([1, 2, 3].map(() => producer.requestLook(1)));
  first.end({ againInMs: 3_600_000 });
  (await nth(1)).end({ againInMs: 3_600_000 });

  await vi.waitFor(async () => expect(await looks.getDelayedCount()).toBe(1));
  expect(begun).toHaveLength(2);
});

it('looks once more when the look after a put-off one has nothing left to do, and was not asked again', async () => {
  const { openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const { look, nth, begun } = heldLooks();
  startWorker({ look });
  await producer.requestLook(1);
  const first = await nth(0);

  await producer.requestLook(1);
  first.end({ againInMs: 3_600_000 });
  (await nth(1)).end({ done: true });

  await vi.waitFor(async () =>
    expect(await looks.getJobCounts('active', 'wait', 'delayed')).toEqual({ active: 0, wait: 0, delayed: 0 }),
  );
  expect(begun).toHaveLength(2);
});

it('gives the place of a look that was put off to others, and wakes it at once when it is asked for', async () => {
  const { openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const { look, nth } = heldLooks();
  startWorker({ look, concurrency: 1 });
  await producer.requestLook(1);
  (await nth(0)).end({ againInMs: 3_600_000 });

  await producer.requestLook(2);
  const other = await nth(1);
  expect(other.subscriptionId).toBe(2);
  other.end({ done: true });

  await producer.requestLook(1);
  const woken = await nth(2);
  expect(woken.subscriptionId).toBe(1);
  woken.end({ done: true });
});

it('looks again after the pause that a look asked for', async () => {
  const { openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const { look, nth } = heldLooks();
  startWorker({ look });
  await producer.requestLook(1);
  const startedAt = performance.now();
  (await nth(0)).end({ againInMs: 200 });

  (await nth(1)).end({ done: true });

  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
});

it('reports an exception out of a look as a bug, and looks again after 30 s', async () => {
  const { openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const bug = new TypeError('seats is undefined');
  const { errors } = startWorker({
    look: async () => {
      throw bug;
    },
  });
  await producer.requestLook(1);

  const job = await vi.waitFor(async () => {
    const [delayed] = await looks.getDelayed();
    return delayed!.id ? delayed! : expect.fail();
  });

  expect(errors).toEqual([bug]);
  expect(job.delay).toBeCloseTo(30_000, -3);
});

it('ends a look quietly whose lane another worker has taken, and leaves the job alone', async () => {
  const { openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const lost = Promise.withResolvers<void>();
  const { errors } = startWorker({
    look: async () => {
      lost.resolve();
      throw new LaneLostError(1);
    },
  });
  await producer.requestLook(1);

  await lost.promise;
  await vi.waitFor(async () =>
    expect(await looks.getJobCounts('active', 'delayed')).toEqual({ active: 1, delayed: 0 }),
  );
  expect(errors).toEqual([]);
});

it('aborts a look that lost its lock, and leaves the job to whoever has it', async () => {
  const { prefix, redis, openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const { look, nth } = heldLooks();
  const { errors } = startWorker({ look });
  await producer.requestLook(1);
  const lost = await nth(0);
  const jobId = await looks.getDeduplicationJobId('1');

  await redis.set(`${prefix}:looks:${jobId}:lock`, 'another worker', 'PX', 10_000);
  await vi.waitFor(() => expect(lost.signal.aborted).toBe(true), 5_000);
  lost.end({ done: true });
  await producer.requestLook(2);
  (await nth(1)).end({ done: true }); // begins after everything that the lost look may have sent to Redis was answered

  expect(errors).toEqual([expect.objectContaining({ code: 'queue.lock-lost' })]);
  expect(await redis.get(`${prefix}:looks:${jobId}:lock`)).toBe('another worker');
  expect(await redis.lrange(`${prefix}:looks:active`, 0, -1)).toContain(jobId);
});

it('hands running looks over when it stops, and another worker goes on with them', async () => {
  const { openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const [leaving, staying] = [heldLooks(), heldLooks()];
  const { worker, errors } = startWorker({ look: leaving.look });
  await producer.requestLook(1);
  const look = await leaving.nth(0);
  look.signal.addEventListener('abort', () => look.fail(new Stopping()));
  startWorker({ look: staying.look });
  expect(worker.isAlive()).toBe(true);

  const tookMs = startStopwatch();
  const stopped = worker.stop();
  expect(worker.isAlive()).toBe(false);
  await stopped;
  expect(tookMs()).toBeLessThan(2_000);

  const next = await staying.nth(0);
  expect(next.subscriptionId).toBe(1);
  next.end({ done: true });
  expect(leaving.begun).toHaveLength(1);
  expect(errors).toEqual([]);
});

it('stops after 10 s although a look does not end', async () => {
  const { openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const { look, nth } = heldLooks();
  const { worker } = startWorker({ look });
  await producer.requestLook(1);
  const stuck = await nth(0);

  const tookMs = startStopwatch();
  const startedAt = performance.now();
  await worker.stop();

  expect(performance.now() - startedAt).toBeGreaterThan(9_900);
  expect(tookMs()).toBeLessThan(11_000);
  expect(stuck.signal.aborted).toBe(true);
  expect(await looks.getActiveCount()).toBe(1); // taken up by another worker once its lock has run out
  stuck.end({ done: true });
});

it('lets a look finish that ends by itself while the worker stops', async () => {
  const { openProducer, startWorker, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const { look, nth } = heldLooks();
  const { worker } = startWorker({ look });
  await producer.requestLook(1);
  const last = await nth(0);

  const stopped = worker.stop();
  last.end({ done: true });
  await stopped;

  expect(await looks.getJobCounts('active', 'wait', 'delayed')).toEqual({ active: 0, wait: 0, delayed: 0 });
});

it('begins to work when Redis comes up after it', async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  await server.kill();
  const { openProducer, startWorker } = openQueues(server.url);
  const producer = openProducer();
  const { look, nth } = heldLooks();
  const { errors } = startWorker({ look });

  await server.restart();
  await connected(producer);
  await producer.requestLook(1);

  (await nth(0)).end({ done: true });
  expect(errors).toEqual([]);
});

it('carries on after Redis was killed in the middle of a look, without looking twice', async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const { openProducer, startWorker, looks } = openQueues(server.url);
  const producer = openProducer();
  await connected(producer);
  const { look, nth, begun } = heldLooks();
  const { errors, worker } = startWorker({ look });
  await producer.requestLook(1);
  const cut = await nth(0);

  await server.kill();
  cut.end({ done: true });
  await server.restart();
  await vi.waitFor(async () => expect(await looks.getActiveCount()).toBe(0), 5_000);
  await vi.waitFor(async () => expect(await producer.requestLook(2)).toBe('queued'), 5_000);
  (await nth(1)).end({ done: true });

  expect(begun.map(({ subscriptionId }) => subscriptionId)).toEqual([1, 2]);
  expect(errors).toEqual([]);
  expect(worker.isAlive()).toBe(true);
});

it('asks a Redis that refuses writes seldom, calls that no mistake, and carries on when it takes them again', async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const { redis: admin, openProducer, startWorker, looks } = openQueues(server.url);
  const producer = openProducer();
  await connected(producer);
  const { look, nth, begun } = heldLooks();
  const { errors, worker } = startWorker({ look, concurrency: 1 });
  await producer.requestLook(1);
  await producer.requestLook(2);
  const first = await nth(0);
  const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await admin.info('stats'))![1]);

  await admin.config('SET', 'min-replicas-to-write', '1');
  const before = await commands();
  first.end({ done: true });
  await vi.waitFor(() => expect(producer.requestLook(3)).rejects.toMatchObject({ code: 'queue.unavailable' }));
  await new Promise((resolve) => producer.connection.once('ready', resolve).disconnect(true));
  expect((await commands()) - before).toBeLessThan(200);
  await admin.config('SET', 'min-replicas-to-write', '0');

  (await nth(1)).end({ done: true });
  await vi.waitFor(async () => expect(await looks.getActiveCount()).toBe(0), 10_000);
  expect(begun.map(({ subscriptionId }) => subscriptionId)).toEqual([1, 2]);
  expect(errors).toEqual([]);
  expect(worker.isAlive()).toBe(true);
});

/** What BullMQ notes on a job that was taken from so many workers, all of which had let its lock run out. */
async function charge({ redis, prefix, looks }: ReturnType<typeof openQueues>, id: number, crashes: number) {
  const job = `${prefix}:looks:${await looks.getDeduplicationJobId(String(id))}`;
  await redis.hset(job, 'stc', crashes);
}

it('puts a look that keeps killing its worker off, so that the others get on, says so, and does not lose it', async () => {
  const queues = openQueues();
  const { openProducer, startWorker, looks } = queues;
  const producer = openProducer();
  await connected(producer);
  await producer.requestLook(1);
  await charge(queues, 1, 6);
  const { look, nth, begun } = heldLooks();
  const setAside = vi.fn(async () => {});
  const { errors } = startWorker({ look, setAside });

  await vi.waitFor(async () =>
    expect(await looks.getDelayed()).toEqual([expect.objectContaining({ stalledCounter: 5 })]),
  );
  expect(begun).toHaveLength(0);
  expect(errors).toEqual([]);
  expect(setAside.mock.calls).toEqual([[1, { crashes: 6, againInMs: 600_000 }]]);

  await producer.requestLook(1);
  (await nth(0)).end({ done: true });
});

it('runs looks whose worker died twice one at a time, beside the others, so that none is charged for another', async () => {
  const queues = openQueues();
  const producer = queues.openProducer();
  await connected(producer);
  for (const id of [1, 2, 3]) await producer.requestLook(id);
  for (const id of [1, 2]) await charge(queues, id, 2);
  const { look, nth, begun } = heldLooks();
  queues.startWorker({ look });

  const [first, other] = [await nth(0), await nth(1)];
  expect([first.subscriptionId, other.subscriptionId]).toContain(3);
  await vi.waitFor(async () => expect(await queues.looks.getDelayedCount()).toBe(1));
  expect(begun).toHaveLength(2);
  (first.subscriptionId === 3 ? other : first).end({ done: true });
  (await nth(2)).end({ done: true });
  expect(new Set(begun.map(({ subscriptionId }) => subscriptionId))).toEqual(new Set([1, 2, 3]));
  (first.subscriptionId === 3 ? first : other).end({ done: true });
});

it('forgets what a look was charged with once one has reached its end', async () => {
  const queues = openQueues();
  const producer = queues.openProducer();
  await connected(producer);
  await producer.requestLook(1);
  await charge(queues, 1, 5);
  const { look, nth } = heldLooks();
  queues.startWorker({ look });

  (await nth(0)).end({ againInMs: 60_000 });
  await vi.waitFor(async () => expect(await queues.looks.getDelayedCount()).toBe(1));
  const [job] = await queues.looks.getDelayed();
  expect(job).toMatchObject({ data: { subscriptionId: 1 }, stalledCounter: 0 });
});

it('reports a sweep that failed, and tries it again later', async () => {
  const { prefix, redis, openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const failure = new Error('the marketplace does not answer');
  const { errors } = startWorker({
    sweep: async () => {
      throw failure;
    },
  });

  await producer.requestSweep();

  await vi.waitFor(async () => expect(await redis.zcard(`${prefix}:sweeps:delayed`)).toBe(1));
  await vi.waitFor(() => expect(errors).toEqual([failure]));
});

it('aborts a sweep when it stops, without calling that a failure', async () => {
  const { prefix, redis, openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  let begun: AbortSignal | undefined;
  const { worker, errors } = startWorker({
    sweep: (signal) =>
      new Promise((_resolve, reject) => {
        begun = signal;
        signal.addEventListener('abort', () => reject(new Stopping()));
      }),
  });
  await producer.requestSweep();
  await vi.waitFor(() => expect(begun).toBeDefined());

  await worker.stop();

  expect(errors).toEqual([]);
  expect(await redis.zcard(`${prefix}:sweeps:delayed`)).toBe(1);
});

it('is not alive before it was started', async () => {
  const { startWorker } = openQueues();
  const { worker } = startWorker({});
  await worker.stop();

  expect(worker.isAlive()).toBe(false);
});
