import { ErrorCode, isNotConnectionError, type Queue } from 'bullmq';

/*
 * Everything in which this service relies on what BullMQ does not document: keys and scores in Redis, and the errors that it raises. All of
 * it was read in the code of BullMQ 6.7.0; each fact names its file there. test/integration/queue/bullmq-internals.test.ts fails with any
 * other version: read those files again before it is changed.
 */

/** Keys that one step of a scan visits. */
const SCAN_COUNT = 1_000;
/** The upper bits of a score in the sorted set `delayed` are the instant at which a job is due (commands/includes/getDelayedScore.lua). */
const DUE_FACTOR = 0x1000;
/** Field of a job that counts how often its lock ran out while a worker had it (commands/moveStalledJobsToWait-9.lua). */
const STALLED_COUNT = 'stc';

/** What BullMQ keeps about the jobs of a queue and offers no method for. */
export interface QueueInternals {
  /** Ids under which a job holds the lane that deduplication gives it, in batches; an id may come twice. */
  laneIds(): AsyncGenerator<string[]>;
  /** Whether a request came while the job of this lane was running: it is kept for the end of that job. */
  isRequestKept(laneId: string): Promise<boolean>;
  forgetKeptRequest(laneId: string): Promise<void>;
  /** When the delayed job with this id is due, in milliseconds since the epoch; `undefined` when it is not delayed. */
  dueAtMs(jobId: string): Promise<number | undefined>;
  /** When the first of all delayed jobs is due. */
  firstDueAtMs(): Promise<number | undefined>;
  /** Sets what BullMQ calls the `stalledCounter` of a job. */
  setStalledCount(jobId: string, count: number): Promise<void>;
  clearStalledCount(jobId: string): Promise<void>;
  /** The hash whose field `paused` stops all workers of the queue (commands/pause-7.lua). */
  pauseKey: string;
}

/** Returns access to the internals of a queue. Its methods reject when Redis does not answer, as those of the queue do. */
export function internalsOf(queue: Pick<Queue, 'toKey' | 'getBackend'>): QueueInternals {
  const redis = () => queue.getBackend().client;
  /** Holds the id of the job of a lane (`deduplicationKey` in commands/addStandardJob-9.lua). */
  const laneKey = (laneId: string) => queue.toKey(`de:${laneId}`);
  /** Holds the last request of a lane that came while its job was running (commands/includes/storeDeduplicatedNextJob.lua). */
  const keptKey = (laneId: string) => queue.toKey(`dn:${laneId}`);
  const delayed = queue.toKey('delayed');

  return {
    async *laneIds() {
      const start = laneKey('');
      for await (const keys of (await redis()).scanStream({ match: `${start}*`, count: SCAN_COUNT })) {
        yield (keys as string[]).map((key) => key.slice(start.length));
      }
    },

    isRequestKept: async (laneId) => (await (await redis()).hexists(keptKey(laneId), 'data')) === 1,

    async forgetKeptRequest(laneId) {
      await (await redis()).del(keptKey(laneId));
    },

    async dueAtMs(jobId) {
      return dueAtMsOf(await (await redis()).zscore(delayed, jobId));
    },

    async firstDueAtMs() {
      const [, score] = await (await redis()).zrange(delayed, 0, 0, { WITHSCORES: true });
      return dueAtMsOf(score);
    },

    async setStalledCount(jobId, count) {
      await (await redis()).hset(queue.toKey(jobId), { [STALLED_COUNT]: count });
    },

    async clearStalledCount(jobId) {
      await (await redis()).hdel(queue.toKey(jobId), STALLED_COUNT);
    },

    pauseKey: queue.toKey('meta'),
  };
}

function dueAtMsOf(score: string | number | null | undefined): number | undefined {
  return score === null || score === undefined ? undefined : Math.floor(Number(score) / DUE_FACTOR);
}

/**
 * `maxStalledCount` of a worker: above it BullMQ fails a job, which frees its lane as if nothing had happened. So it must never be reached.
 */
export const NEVER_FAIL_STALLED = 1_000_000;

/** Codes of errors about a job that this worker no longer owns (enums/error-code.ts, classes/finished-errors.ts). */
const LOCK_LOST = new Set<unknown>([ErrorCode.JobLockNotExist, ErrorCode.JobLockMismatch]);
/** How the renewal of locks says the same: this error alone has no code (classes/lock-manager.ts). */
const NOT_RENEWED = /^could not renew lock for job /;

/** Whether an error of a worker says that it no longer holds the lock of a job. */
export function isLockLost(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return 'code' in error ? LOCK_LOST.has(error.code) : NOT_RENEWED.test(error.message);
}

/** How ioredis, whose errors BullMQ passes on, says that neither a server nor a Sentinel answers: these errors have no code. */
const NO_ANSWER = /^(?:Socket timeout|All sentinels are unreachable)/;

/** Whether an error of a queue or worker only says that Redis is away, as it does with each attempt to reconnect. */
export function isOutage(error: Error): boolean {
  return 'syscall' in error || !isNotConnectionError(error) || NO_ANSWER.test(error.message);
}
