import { type EventEmitter, once } from 'node:events';
import { DelayedError, isNotConnectionError, type Job, Queue, Worker } from 'bullmq';
import { LaneLostError } from '../engine/journal.ts';
import { Stopping } from '../engine/workflow.ts';
import { RetryableError } from '../lib/errors.ts';
import { LOOKS, Look, lookOptions, type QueueConnection, SWEEPS, type Sweep } from './jobs.ts';

/** Pause after a look that ended with an exception, i.e. with a mistake of ours. */
const AFTER_BUG_MS = 30_000;
/** Pause after a look that took its process down again and again: long enough for the others to get their work done. */
const AFTER_CRASHES_MS = 600_000;
/** Crashes of its process that a look is charged with before that pause. */
const CRASH_LIMIT = 5;
/** Pause before a look goes on elsewhere; without one a stopping process would take it back itself. */
const HAND_OVER_MS = 300;
/** Longest time that a stop waits for looks to reach their next step. */
const STOP_LIMIT_MS = 10_000;

/**
 * A look belongs to its worker as long as the lock is renewed. Renewed every 1 to 2 s, it survives an event loop that is
 * blocked for 8 s; and within about 15 s of a worker's sudden end another one takes its looks up.
 */
const LOCK = { lockDuration: 10_000, lockRenewTime: 2_000, stalledInterval: 5_000 };

/** What a look found: when to look again, or that there is nothing left to do. */
export type LookOutcome = { againInMs: number } | { done: true };

/** The part of a process that runs jobs. */
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
  /** Told of what a person should see: an exception out of a look or a sweep, a look that kills its worker, a lost lock (a RetryableError). */
  onError: (error: unknown) => void;
}

/** Runs looks and sweeps. It decides nothing about subscriptions: when to look again is the answer of `look`. */
export function createWorker({ connection, prefix, concurrency, look, sweep, onError }: Parts): ConnectorWorker {
  const shared = { connection, prefix };
  const running = { ...shared, ...LOCK, maxStalledCount: CRASH_LIMIT, autorun: false, runRetryDelay: 1_000 };
  const looks = new Worker<Look, void, 'look'>(LOOKS, runLook, { ...running, concurrency });
  const sweeps = new Worker<Sweep, void, 'sweep'>(SWEEPS, (_job, _token, signal) => sweep(signal!), running);
  const queue = new Queue<Look, void, 'look', Look, void, 'look'>(LOOKS, shared);
  let stopping = false;
  let stopped: Promise<void> | undefined;

  /** Returning completes the job; DelayedError tells BullMQ to leave it alone, as we have put it off or no longer own it. */
  async function runLook(job: LookJob, token?: string, signal?: AbortSignal): Promise<void> {
    const { subscriptionId } = Look.parse(job.data);
    const asked = { isUrgent: job.priority === 0 };
    const pauseMs = stopping ? HAND_OVER_MS : await lookOnce(subscriptionId, signal!, asked);

    const wasTakenOver = signal!.aborted && !stopping;
    if (wasTakenOver) throw new DelayedError();
    if (pauseMs === undefined) return;
    await putOff(job, token!, subscriptionId, pauseMs);
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
      await (await queue.getBackend().client).del(keptRequest(subscriptionId));
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
      const dueInMs = (await wasRequested(subscriptionId)) ? 0 : pauseMs;
      await job.moveToDelayed(Date.now() + dueInMs, token);
      // A request in between the two may also have met the look already put off: then it is due, and this fails.
      if (dueInMs > 0 && (await wasRequested(subscriptionId))) await job.promote().catch(() => {});
    } catch (error) {
      // The job stays in the queue under a lock that nobody renews: within about 15 s a worker takes it up again.
      onError(toldApart(error));
    }
  }

  async function wasRequested(subscriptionId: number): Promise<boolean> {
    return (await (await queue.getBackend().client).hexists(keptRequest(subscriptionId), 'data')) === 1;
  }

  /** Where BullMQ keeps the last request that came during a look. */
  function keptRequest(subscriptionId: number): string {
    return queue.toKey(`dn:${subscriptionId}`);
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
  looks.on('failed', (job, error) => {
    onError(error);
    // BullMQ has given the look up and freed its lane, but the subscription is still to be looked at.
    if (job?.deferredFailure === undefined) return;
    queue.add('look', job.data, { ...lookOptions(job.data.subscriptionId), delay: AFTER_CRASHES_MS }).catch(onError);
  });
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

/** The health check tells of an outage of Redis; BullMQ passes on every single attempt to reconnect that failed. */
function isOutage(error: Error): boolean {
  return 'syscall' in error || !isNotConnectionError(error) || SILENCE.test(error.message);
}

/** What ioredis says when the other end does not answer, or no Sentinel does. */
const SILENCE = /^(?:Socket timeout|All sentinels are unreachable)/;
/** What BullMQ says of a job that is not this worker's any more. */
const LOCK_LOST = /^(?:could not renew lock|Missing lock|Lock mismatch)/;

/** A lock that ran out is no mistake of ours: so it goes with an outage that lasts longer than a lock. */
function toldApart(error: unknown): unknown {
  if (!(error instanceof Error) || !LOCK_LOST.test(error.message)) return error;
  const message = `A look lost its lock, as happens when Redis or this process stands still for more than ${LOCK.lockDuration / 1000} s. The subscription is looked at again.`;
  return new RetryableError('queue.lock-lost', message, { cause: error });
}
