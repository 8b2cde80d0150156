import { randomUUID } from 'node:crypto';
import { type JobsOptions, Queue } from 'bullmq';
import { RetryableError } from '../lib/errors.ts';
import { internalsOf } from './bullmq-internals.ts';
import { LOOKS, type Look, lookOptions, type QueueConnection, SWEEPS, type Sweep } from './jobs.ts';

/** Priority of looks that nobody waits for. BullMQ takes jobs without a priority first. */
const NOT_URGENT = 10;
/** How long a count of the backlog is used, however many events arrive. What this process adds meanwhile is added to the count. */
const COUNT_LIFE_MS = 250;
/** States of BullMQ in which a look is due. */
const WAITING = ['wait', 'prioritized'] as const;
/** The same states as `getState` names them. */
const WAITING_STATES = new Set<string>(['waiting', 'prioritized']);
/** Number of looks at the head of each queue that are searched for the one that has waited longest. */
const SEEN_OF_BACKLOG = 50;
/** A failed sweep is retried after 30 s, 1 min, 2 min, 4 min and 8 min. After that the next period brings a new one. */
const SWEEP_OPTIONS: JobsOptions = {
  attempts: 6,
  backoff: { type: 'exponential', delay: 30_000 },
  removeOnComplete: true,
  removeOnFail: true,
};

/** How workers take looks. */
interface Taking {
  /** Looks that wait for a worker, and looks that are active. */
  waiting: number;
  active: number;
  /** As `oldestWaitingSince` tells it. */
  oldestSinceMs?: number | undefined;
  /** Key of the hash in Redis whose field `paused` stops all workers; absent unless somebody has paused the queue. */
  pausedIn?: string | undefined;
}

/**
 * Adds jobs to the queues. Every method rejects with a RetryableError `queue.unavailable`: at once while Redis is disconnected, and within
 * 2 s when Redis stops answering. Its `effect` tells whether the request may have been stored all the same.
 */
export interface Producer {
  /**
   * Asks for a look at a subscription. Once this resolves with `queued` no crash loses the request: the subscription will be
   * read after this moment. `urgent`, the default, is for what somebody waits for; other looks come after those. `backlog-full`:
   * nothing was queued, since as many looks wait as may. A subscription that has a look already is never turned away.
   */
  requestLook(subscriptionId: number, options?: { urgent?: boolean }): Promise<'queued' | 'backlog-full'>;
  /** Asks for a sweep now. Requests that come before it has begun lead to one sweep. */
  requestSweep(): Promise<void>;
  /** Schedules a sweep every `everyMs` for all processes together; the last call decides. A new period begins with a sweep at once. */
  scheduleSweeps(everyMs: number): Promise<void>;
  /** Whether the schedule exists. Only somebody who empties Redis takes it away. */
  areSweepsScheduled(): Promise<boolean>;
  /** Number of looks that wait for a worker, at most a quarter of a second old. Delayed looks do not count. */
  backlog(): Promise<number>;
  /** Numbers of looks that wait for a worker, are delayed, or are active. */
  looks(): Promise<{ waiting: number; delayed: number; active: number }>;
  /** Since when the look that has waited longest for a worker has been due, in milliseconds since the epoch. */
  oldestWaitingSince(): Promise<number | undefined>;
  /** How workers take looks. */
  taking(): Promise<Taking>;
  /**
   * Since when a look at this subscription has waited for a worker, in milliseconds since the epoch. `undefined` when none waits, or when
   * the one that waits was delayed before: it is not known when a worker ended its delay.
   */
  queuedSince(subscriptionId: number): Promise<number | undefined>;
  /**
   * Replaces looks that hold the lane of a subscription although they are in no queue: such a look would swallow every later request.
   * BullMQ leaves none behind; a restored backup or a change by hand may. Resolves with how many there were.
   */
  repairStrayLooks(): Promise<number>;
  /** Closes the producer. The connection stays open: it belongs to the caller. */
  close(): Promise<void>;
}

interface Parts {
  /** From `producerConnection`. */
  redis: QueueConnection;
  prefix: string;
  /** Resolves once what was queued is also on a replica, where Redis has any. */
  confirm: () => Promise<void>;
  /** Looks that may wait before one at a further subscription is turned away. */
  backlogLimit: number;
}

/** Opens the queues for adding. Redis need not be there yet. */
export function createProducer({ redis, prefix, confirm, backlogLimit }: Parts): Producer {
  // Both skips are needed: created while Redis is away, a Queue would hang without them, and with only one of them fail for ever.
  const options = { connection: redis, prefix, skipWaitingForReady: true, skipVersionCheck: true };
  const looks = new Queue<Look, void, 'look', Look, void, 'look'>(LOOKS, options);
  const sweeps = new Queue<Sweep, void, 'sweep', Sweep, void, 'sweep'>(SWEEPS, options);
  const internals = internalsOf(looks);
  // Calls reject on their own during an outage; but without a listener Node would end the process.
  for (const queue of [looks, sweeps]) queue.on('error', () => {});

  async function confirmed<T>(request: () => Promise<T>): Promise<T> {
    if (redis.status !== 'ready') {
      const message = 'Redis is not connected, so nothing was queued; ask again in a moment.';
      throw new RetryableError('queue.unavailable', message, { effect: 'none' });
    }
    try {
      return await request();
    } catch (cause) {
      const message = 'Redis did not confirm the request, which may be queued all the same; asking again is harmless.';
      throw new RetryableError('queue.unavailable', message, { cause });
    }
  }

  let counted: { atMs: number; backlog: Promise<number>; added: number } | undefined;

  async function backlog(): Promise<number> {
    if (counted === undefined || performance.now() - counted.atMs > COUNT_LIFE_MS) {
      counted = { atMs: performance.now(), backlog: countBacklog(), added: 0 };
    }
    const { backlog: before } = counted;
    return (await before) + counted.added;
  }

  async function countBacklog(): Promise<number> {
    const { wait = 0, prioritized = 0 } = await looks.getJobCounts('wait', 'prioritized');
    return wait + prioritized;
  }

  async function countLooks(): Promise<{ waiting: number; delayed: number; active: number }> {
    const {
      wait = 0,
      prioritized = 0,
      delayed = 0,
      active = 0,
    } = await looks.getJobCounts(...WAITING, 'delayed', 'active');
    return { waiting: wait + prioritized, delayed, active };
  }

  /** A look that a worker has had before does not count: it was delayed since, and has waited for something else. */
  async function oldestWaitingSince(): Promise<number | undefined> {
    const first = await Promise.all(WAITING.map((state) => looks.getJobs([state], 0, SEEN_OF_BACKLOG - 1, true)));
    const fresh = first.flat().filter((look) => look !== undefined && look.processedOn === undefined);
    const dueAtMs = await internals.firstDueAtMs();
    const overdue = dueAtMs !== undefined && dueAtMs <= Date.now() ? [dueAtMs] : [];
    const since = [...fresh.map(({ timestamp }) => timestamp), ...overdue];
    return since.length === 0 ? undefined : Math.min(...since);
  }

  async function taking(): Promise<Taking> {
    const [{ waiting, active }, oldestSinceMs, isPaused] = await Promise.all([
      countLooks(),
      oldestWaitingSince(),
      looks.isPaused(),
    ]);
    return { waiting, active, oldestSinceMs, ...(isPaused && { pausedIn: internals.pauseKey }) };
  }

  async function queuedSince(subscriptionId: number): Promise<number | undefined> {
    const jobId = await looks.getDeduplicationJobId(String(subscriptionId));
    const look = jobId === null ? undefined : await looks.getJob(jobId);
    if (jobId === null || look === undefined) return undefined;
    const state = await look.getState();
    if (WAITING_STATES.has(state)) return look.processedOn === undefined ? look.timestamp : undefined;
    if (state !== 'delayed') return undefined;
    // A delayed look that is due stays delayed until a worker moves it.
    const dueAtMs = await internals.dueAtMs(jobId);
    return dueAtMs !== undefined && dueAtMs <= Date.now() ? dueAtMs : undefined;
  }

  async function requestLook(subscriptionId: number, urgent: boolean): Promise<'queued' | 'backlog-full'> {
    const isFull = (await backlog()) >= backlogLimit;
    // A request for a look that exists adds none. Only a full backlog makes it worth asking whether it does.
    if (isFull && (await looks.getDeduplicationJobId(String(subscriptionId))) === null) return 'backlog-full';
    await putLook(subscriptionId, urgent);
    return 'queued';
  }

  /** Adds a look, however many wait already, or hurries the one that exists. */
  async function putLook(subscriptionId: number, urgent: boolean): Promise<void> {
    const jobId = `${subscriptionId}-${randomUUID()}`;
    const priority = urgent ? 0 : NOT_URGENT;
    const look = await looks.add('look', { subscriptionId }, { ...lookOptions(subscriptionId), jobId, priority });
    const wasThere = look.id !== jobId;
    if (counted && !wasThere) counted.added += 1;
    if (urgent && wasThere) await hurry(look.id!);
    await confirm();
  }

  /** Moves a look that nobody waited for until now among the urgent ones. */
  async function hurry(jobId: string): Promise<void> {
    const look = await looks.getJob(jobId);
    if (look && look.priority > 0) await look.changePriority({ priority: 0 });
  }

  async function scheduleSweeps(everyMs: number): Promise<void> {
    // Removed first when the period changes: BullMQ would keep the offset of the old one, and wait for up to an old period.
    const known = await sweeps.getJobScheduler('sweep');
    if (known && known.every !== everyMs) await sweeps.removeJobScheduler('sweep');
    const template = { name: 'sweep', data: {}, opts: SWEEP_OPTIONS } as const;
    await sweeps.upsertJobScheduler('sweep', { every: everyMs }, template);
  }

  async function repairStrayLooks(): Promise<number> {
    let repaired = 0;
    for (const [jobId, subscriptionId] of await findUnlisted()) {
      const look = await looks.getJob(jobId);
      // Checked once more by BullMQ itself, since a look is about to be deleted. One that ended meanwhile is gone already.
      if (look === undefined || (await look.getState()) !== 'unknown') continue;
      await look.remove();
      // Its request was confirmed, so that no limit may turn it away any more.
      await putLook(subscriptionId, false);
      repaired += 1;
    }
    return repaired;
  }

  /** Ids of jobs that hold the lane of a subscription and are in no queue, each with its subscription. */
  async function findUnlisted(): Promise<Map<string, number>> {
    const holders = new Map<string, number>();
    for await (const ids of internals.laneIds()) {
      const found = ids.map(async (id) => {
        const jobId = await looks.getDeduplicationJobId(id);
        if (jobId !== null) holders.set(jobId, Number(id));
      });
      await Promise.all(found);
    }
    // Read in one step and after the lanes, so that a job that moves between queues is not missed.
    const listed = await looks.getRanges(['wait', 'prioritized', 'delayed', 'active'], 0, -1);
    for (const jobId of listed) holders.delete(jobId);
    return holders;
  }

  return {
    requestLook: (subscriptionId, { urgent = true } = {}) => confirmed(() => requestLook(subscriptionId, urgent)),

    async requestSweep() {
      const deduplication = { id: 'sweep', keepLastIfActive: true };
      await confirmed(() => sweeps.add('sweep', {}, { ...SWEEP_OPTIONS, deduplication }));
    },

    scheduleSweeps: (everyMs) => confirmed(() => scheduleSweeps(everyMs)),
    areSweepsScheduled: () => confirmed(async () => (await sweeps.getJobScheduler('sweep')) !== undefined),

    backlog: () => confirmed(backlog),
    looks: () => confirmed(countLooks),
    oldestWaitingSince: () => confirmed(oldestWaitingSince),
    taking: () => confirmed(taking),
    queuedSince: (subscriptionId) => confirmed(() => queuedSince(subscriptionId)),
    repairStrayLooks: () => confirmed(repairStrayLooks),

    async close() {
      await Promise.all([looks.close(), sweeps.close()]);
    },
  };
}
