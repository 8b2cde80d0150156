import type { Log } from '../lib/log.ts';
import type { Producer } from '../queue/producer.ts';

/** Pause before a sweep is asked for again. */
const ASK_AGAIN_MS = 5_000;
/** Longest time between two checks that sweeps are still scheduled. */
const CHECK_EVERY_MS = 60_000;

export interface SweepScheduleParts {
  producer: Pick<Producer, 'scheduleSweeps' | 'requestSweep' | 'areSweepsScheduled'>;
  everyMs: number;
  isStopping(): boolean;
  log: Log;
}

/** Keeps sweeps scheduled, whatever becomes of the Redis that holds the schedule. */
export interface SweepSchedule {
  start(): void;
  stop(): void;
  /**
   * Schedules sweeps anew and asks for one at once. Resolves after the first try and never throws: what failed is tried again until it
   * succeeds. While a retry is due, a further call tries at once in its place.
   */
  sweepAnew(): Promise<void>;
}

/** Creates what watches the schedule. It checks nothing before it is started. */
export function createSweepSchedule({ producer, everyMs, isStopping, log }: SweepScheduleParts): SweepSchedule {
  let checking: NodeJS.Timeout | undefined;
  let retrying: NodeJS.Timeout | undefined;

  return {
    start() {
      checking = setInterval(() => void check(), Math.min(CHECK_EVERY_MS, everyMs));
    },
    stop() {
      clearInterval(checking);
      clearTimeout(retrying);
    },
    sweepAnew,
  };

  /**
   * A Redis that the connection had not met before may lack what the former one was given: what a master had not replicated, or what came
   * after a backup. A sweep learns all of it from the marketplace.
   */
  async function sweepAnew(): Promise<void> {
    clearTimeout(retrying);
    if (isStopping()) return;
    try {
      await producer.scheduleSweeps(everyMs);
      await producer.requestSweep();
    } catch (err) {
      log.warn({ err }, 'a sweep could not be asked for; it is tried again');
      // Another call may have failed meanwhile; one retry answers both.
      clearTimeout(retrying);
      retrying = setTimeout(() => void sweepAnew(), ASK_AGAIN_MS).unref();
    }
  }

  /** Redis may be emptied while the service runs: then no sweep would be made any more, and nothing that was missed be found. */
  async function check(): Promise<void> {
    // While Redis does not answer nothing is known; when it is back, sweepAnew is called anyway.
    if (await producer.areSweepsScheduled().catch(() => true)) return;
    log.warn('the schedule of the sweeps was gone: was Redis emptied? A sweep begins at once');
    await sweepAnew();
  }
}
