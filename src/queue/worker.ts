import { type EventEmitter, once } from 'node:events';
import { DelayedError, type Job, Queue, Worker } from 'bullmq';
import { LaneLostError } from '../engine/journal.ts';
import { Stopping } from '../engine/workflow.ts';
import { RetryableError } from '../lib/errors.ts';
import { internalsOf, isLockLost, isOutage, NEVER_FAIL_STALLED } from './bullmq-internals.ts';
import { LOOKS, Look, type QueueConnection, SWEEPS, type Sweep } from './jobs.ts';

/** Pause after a look that ended with an exception, i.e. with a mistake of ours. */
const AFTER_BUG_MS = 30_000;
/** Pause after a look that took its process down again and again: long enough for the others to get their work done. */
const AFTER_CRASHES_MS = 600_000;
/** Crashes of its process in a row that a look is charged with before that pause. */
const CRASH_LIMIT = 5;
/**
 * A look that was at work when its process went down so often runs beside no other such look: of all that were at work the one that does it
 * is found, and the others are not charged with it.
 */
const SUSPECT_CRASHES = 2;
/** Pause before a suspect is taken up again when another one is at work. */
const SUSPECT_PAUSE_MS = 1_000;
/** Pause before a look goes on elsewhere; without one a stopping process would take it back itself. */
const HAND_OVER_MS = 300;
/** Longest time that a stop waits for looks to reach their next step. */
const STOP_LIMIT_MS = 10_000;

/**
 * A look belongs to its worker as long as the lock is renewed. Renewed every 1 to 2 s, it survives an event loop that is
 * blocked for 8 s; and within about 15 s of a worker's sudden end another one takes its looks up.
 */
const LOCK = { lockDuration: 10_000, lockRenewTime: 2_000, stalledInterval: 5_000 };

/** The part of a process that runs jobs. */
/** What the queue is to do with a subscription after a look at it: nothing, or look again after a pause. */
export type LookOutcome = { done: true } | { againInMs: number };

export interface ConnectorWorker {
  /** Begins to take jobs, as soon as Redis is there. */
  start(): void;
  /**
   * Takes no new job, aborts the signal of the running ones and waits at most 10 s for them. They go on in another process
   * at the step that they had reached; one that did not end in time does so once its lock has run out.
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
   * Looks at a subscription; one look at a time for each. The signal is aborted when the process is to stop, and when another
   * worker has taken the look over. `isUrgent`: somebody waits for it. Every failure that is understood must be an outcome: what is thrown is taken for a bug,
   * apart from Stopping and LaneLostError.
   */
  look: (subscriptionId: number, signal: AbortSignal, asked: { isUrgent: boolean }) => Promise<LookOutcome>;
  sweep: (signal: AbortSignal) => Promise<void>;
  /** Told of a subscription whose looks took their process down so often in a row that it is looked at again only after a pause. */
  setAside: (subscriptionId: number, facts: { crashes: number; againInMs: number }) => Promise<void>;
  /** Told of what a person should see: an exception out of a look or a sweep, a lost lock (a RetryableError). */
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

  /** Returning completes the job; DelayedError tells BullMQ to leave it alone, as we have put it off or no longer own it. */
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
    // Crashes that came before a look which reached its end are not charged to the next one.
    if (job.stalledCounter > 0) await internals.clearStalledCount(job.id!);

    const wasTakenOver = signal!.aborted && !stopping;
    if (wasTakenOver) throw new DelayedError();
    if (pauseMs === undefined) return;
    await putOff(job, token!, subscriptionId, pauseMs);
    throw new DelayedError();
  }

  /**
   * Puts a look aside, whoever asks for it. It stays charged with all but one of its crashes: whenever it is tried again, after the pause or
   * because of a new request, it costs one more at most.
   */
  async function putAside(job: LookJob, token: string, subscriptionId: number): Promise<never> {
    await setAside(subscriptionId, { crashes: job.stalledCounter, againInMs: AFTER_CRASHES_MS }).catch(onError);
    return leave(job, token, AFTER_CRASHES_MS, () => internals.setStalledCount(job.id!, CRASH_LIMIT));
  }

  /** Puts a look off that was not made. */
  async function leave(job: LookJob, token: string, pauseMs: number, then = async () => {}): Promise<never> {
    try {
      await job.moveToDelayed(Date.now() + pauseMs, token);
      await then();
    } catch (error) {
      // Within about 15 s a worker finds it again.
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
      // A request that was kept until now came before this look, which therefore answers it.
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
   * Puts a running look off, or makes it due at once when a request came meanwhile: BullMQ answers such a request at the end
   * of the job, which a job that is put off has not reached.
   */
  async function putOff(job: LookJob, token: string, subscriptionId: number, pauseMs: number): Promise<void> {
    try {
      const wasRequested = () => internals.isRequestKept(String(subscriptionId));
      const dueInMs = (await wasRequested()) ? 0 : pauseMs;
      await job.moveToDelayed(Date.now() + dueInMs, token);
      // A request in between the two may also have met the look already put off: then it is due, and this fails.
      if (dueInMs > 0 && (await wasRequested())) await job.promote().catch(() => {});
    } catch (error) {
      // The job stays in the queue under a lock that nobody renews: within about 15 s a worker takes it up again.
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

/** A lock that ran out is no mistake of ours: so it goes with an outage that lasts longer than a lock. */
function toldApart(error: unknown): unknown {
  if (!isLockLost(error)) return error;
  const message = `A look lost its lock, as happens when Redis or this process stands still for more than ${LOCK.lockDuration / 1000} s. The subscription is looked at again.`;
  return new RetryableError('queue.lock-lost', message, { cause: error });
}
