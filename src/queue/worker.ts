import { type EventEmitter, once } from 'node:events';
import { DelayedError, type Job, Queue, Worker } from 'bullmq';
import { LaneLostError } from '../engine/journal.ts';
import { Stopping } from '../engine/workflow.ts';
import { RetryableError } from '../lib/errors.ts';
import { internalsOf, isLockLost, isOutage, NEVER_FAIL_STALLED } from './bullmq-internals.ts';
import { LOOKS, Look, type QueueConnection, SWEEPS, type Sweep } from './jobs.ts';

/** Pause after a look that threw, i.e. met a bug of ours. */
const AFTER_BUG_MS = 30_000;
/** Pause after a look that has crashed its process again and again: long enough for other looks to finish. */
const AFTER_CRASHES_MS = 600_000;
/** Crashes in a row that are counted against a look before it gets that pause. */
const CRASH_LIMIT = 5;
/**
 * A look that was active in this many crashes in a row is a suspect. Only one suspect runs at a time, so that the next crash is counted
 * against the look that causes it and not against those that were active beside it.
 */
const SUSPECT_CRASHES = 2;
/** Pause before a suspect is tried again while another one is active. */
const SUSPECT_PAUSE_MS = 1_000;
/** Delay of a look that a stopping process gives up; without it the same process would fetch the look again. */
const HAND_OVER_MS = 300;
/** Longest time that `stop` waits for active looks to reach their next step. */
const STOP_LIMIT_MS = 10_000;

/**
 * A worker owns a look for as long as it renews the lock. With a renewal every 1 to 2 s the lock survives an event loop that is blocked for
 * 8 s. About 15 s after a worker has crashed, another one takes over its looks.
 */
const LOCK = { lockDuration: 10_000, lockRenewTime: 2_000, stalledInterval: 5_000 };

/** The part of a process that runs jobs. */
/** What the queue is to do with a subscription after a look at it: nothing, or look again after a pause. */
export type LookOutcome = { done: true } | { againInMs: number };

export interface ConnectorWorker {
  /** Begins to take jobs, as soon as Redis is there. */
  start(): void;
  /**
   * Takes no new job, aborts the signals of the active ones and waits at most 10 s for them. Another process resumes them at the step that
   * they had reached; it takes over a job that did not end in time once the lock of that job has expired.
   */
  stop(): Promise<void>;
  /** Whether jobs are being taken. */
  isAlive(): boolean;
}

interface Parts {
  /** From `workerConnection`. */
  connection: QueueConnection;
  prefix: string;
  /** Looks that run at the same time in this process. */
  concurrency: number;
  /**
   * Looks at a subscription; never called twice at a time for the same one. The signal is aborted when the process is to stop, and when
   * another worker has taken over the look. `isUrgent`: somebody waits for it. Expected failures must be outcomes: whatever else is thrown,
   * apart from Stopping and LaneLostError, is taken for a bug.
   */
  look: (subscriptionId: number, signal: AbortSignal, asked: { isUrgent: boolean }) => Promise<LookOutcome>;
  sweep: (signal: AbortSignal) => Promise<void>;
  /** Called when the looks at a subscription have crashed their process too often in a row: the next look comes after `againInMs`. */
  setAside: (subscriptionId: number, facts: { crashes: number; againInMs: number }) => Promise<void>;
  /** Called with what a person should see: an exception from a look or a sweep, or a lost lock (a RetryableError). */
  onError: (error: unknown) => void;
}

/** Runs looks and sweeps. It decides nothing about subscriptions: when to look again is the answer of `look`. */
export function createWorker(parts: Parts): ConnectorWorker {
  const { connection, prefix, concurrency, look, sweep, setAside, onError } = parts;
  const shared = { connection, prefix };
  const running = { ...shared, ...LOCK, maxStalledCount: NEVER_FAIL_STALLED, autorun: false, runRetryDelay: 1_000 };
  const looks = new Worker<Look, void, 'look'>(LOOKS, runLook, { ...running, concurrency });
  const sweeps = new Worker<Sweep, void, 'sweep'>(SWEEPS, (_job, _token, signal) => sweep(signal!), running);
  const queue = new Queue<Look, void, 'look', Look, void, 'look'>(LOOKS, shared);
  const internals = internalsOf(queue);
  let stopping = false;
  let stopped: Promise<void> | undefined;
  let isSuspectAtWork = false;

  /** To return completes the job. DelayedError tells BullMQ not to touch it, since it was delayed or is no longer ours. */
  async function runLook(job: LookJob, token?: string, signal?: AbortSignal): Promise<void> {
    const { subscriptionId } = Look.parse(job.data);
    if (job.stalledCounter > CRASH_LIMIT) return putAside(job, token!, subscriptionId);
    const isSuspect = job.stalledCounter >= SUSPECT_CRASHES;
    if (isSuspect && isSuspectAtWork) return leave(job, token!, SUSPECT_PAUSE_MS);
    isSuspectAtWork ||= isSuspect;
    const asked = { isUrgent: job.priority === 0 };
    const pauseMs = stopping
      ? HAND_OVER_MS
      : await lookOnce(subscriptionId, signal!, asked).finally(() => {
          if (isSuspect) isSuspectAtWork = false;
        });
    // A look that reaches its end clears the count of the crashes before it.
    if (job.stalledCounter > 0) await internals.clearStalledCount(job.id!);

    const wasTakenOver = signal!.aborted && !stopping;
    if (wasTakenOver) throw new DelayedError();
    if (pauseMs === undefined) return;
    await putOff(job, token!, subscriptionId, pauseMs);
    throw new DelayedError();
  }

  /**
   * Delays a look that has reached the limit of crashes. Its count is set back by one only: when it is tried again, after the pause or
   * because of a new request, it can crash one more process at most.
   */
  async function putAside(job: LookJob, token: string, subscriptionId: number): Promise<never> {
    await setAside(subscriptionId, { crashes: job.stalledCounter, againInMs: AFTER_CRASHES_MS }).catch(onError);
    return leave(job, token, AFTER_CRASHES_MS, () => internals.setStalledCount(job.id!, CRASH_LIMIT));
  }

  /** Delays a look without making it. */
  async function leave(job: LookJob, token: string, pauseMs: number, then = async () => {}): Promise<never> {
    try {
      await job.moveToDelayed(Date.now() + pauseMs, token);
      await then();
    } catch (error) {
      // The job stays active under a lock that expires: a worker finds it within about 15 s.
      onError(toldApart(error));
    }
    throw new DelayedError();
  }

  /** Looks, and answers how long to wait before the next look; `undefined` when none is needed. */
  async function lookOnce(
    subscriptionId: number,
    signal: AbortSignal,
    asked: { isUrgent: boolean },
  ): Promise<number | undefined> {
    try {
      // A request that is still kept came before this look, which therefore answers it.
      await internals.forgetKeptRequest(String(subscriptionId));
      const outcome = await look(subscriptionId, signal, asked);
      return 'done' in outcome ? undefined : outcome.againInMs;
    } catch (error) {
      if (error instanceof Stopping) return HAND_OVER_MS;
      if (error instanceof LaneLostError) throw new DelayedError();
      onError(error);
      return AFTER_BUG_MS;
    }
  }

  /**
   * Delays an active look, or makes it due at once when a request has come meanwhile: BullMQ adds a job for such a request when the active
   * job completes, which a delayed one does not.
   */
  async function putOff(job: LookJob, token: string, subscriptionId: number, pauseMs: number): Promise<void> {
    try {
      const wasRequested = () => internals.isRequestKept(String(subscriptionId));
      const dueInMs = (await wasRequested()) ? 0 : pauseMs;
      await job.moveToDelayed(Date.now() + dueInMs, token);
      // A request between the two calls may have found the look delayed already and made it due: then promote() fails.
      if (dueInMs > 0 && (await wasRequested())) await job.promote().catch(() => {});
    } catch (error) {
      // The job stays active under a lock that nobody renews: a worker takes it over within about 15 s.
      onError(toldApart(error));
    }
  }

  for (const part of [looks, sweeps, queue] as EventEmitter[]) {
    part.on('error', (error: Error) => {
      if (!isOutage(error)) onError(toldApart(error));
    });
  }
  for (const worker of [looks, sweeps]) {
    worker.on('lockRenewalFailed', (jobIds: string[]) => {
      for (const jobId of jobIds) worker.cancelJob(jobId, 'taken over by another worker');
    });
  }
  looks.on('failed', (_job, error) => onError(error));
  sweeps.on('failed', (_job, error) => {
    if (!(error instanceof Stopping)) onError(error);
  });

  async function end(): Promise<void> {
    const closed = Promise.all([looks.close(), sweeps.close()]).then(() => queue.close());
    for (const worker of [looks, sweeps]) worker.cancelAllJobs('the process is stopping');
    await Promise.race([closed, once(AbortSignal.timeout(STOP_LIMIT_MS), 'abort')]);
  }

  return {
    start() {
      for (const worker of [looks, sweeps]) worker.run().catch(onError);
    },

    stop() {
      stopping = true;
      stopped ??= end();
      return stopped;
    },

    isAlive: () => !stopping && looks.isRunning() && sweeps.isRunning(),
  };
}

type LookJob = Job<Look, void, 'look'>;

/** An expired lock is no bug of ours: any outage that lasts longer than a lock causes it. */
function toldApart(error: unknown): unknown {
  if (!isLockLost(error)) return error;
  const message = `A look lost its lock, as happens when Redis or this process stands still for more than ${LOCK.lockDuration / 1000} s. The subscription is looked at again.`;
  return new RetryableError('queue.lock-lost', message, { cause: error });
}
