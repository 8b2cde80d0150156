import type { Log } from '../lib/log.ts';
import type { Producer } from '../queue/producer.ts';

/** Pause before a sweep is asked for again. */
const ASK_AGAIN_MS = 5_000;
/** How often it is seen whether sweeps are still on schedule, at most. */
const SEE_EVERY_MS = 60_000;

export interface SweepScheduleParts {
  producer: Pick<Producer, 'scheduleSweeps' | 'requestSweep' | 'areSweepsScheduled'>;
  everyMs: number;
  isStopping(): boolean;
  log: Log;
}

/** Keeps the sweeps on schedule, whatever becomes of the Redis that has it. */
export interface SweepSchedule {
  start(): void;
  stop(): void;
  /** Begins a new schedule, with a sweep at once. Never throws: it goes on trying. */
  sweepAnew(): Promise<void>;
}

/** Creates what sees to the schedule. It sees nothing before it is started. */
export function createSweepSchedule({ producer, everyMs, isStopping, log }: SweepScheduleParts): SweepSchedule {
  let timer: NodeJS.Timeout | undefined;

  return {
    start() {
      timer = setInterval(() => void see(), Math.min(SEE_EVERY_MS, everyMs));
    },
    stop: () => clearInterval(timer),
    sweepAnew,
  };

  /**
   * A Redis that was not there before may lack what the last one was given: what a master had not passed on, what came after a backup. The
   * marketplace knows it all.
   */
  async function sweepAnew(): Promise<void> {
    if (isStopping()) return;
    try {
      await producer.scheduleSweeps(everyMs);
      await producer.requestSweep();
    } catch (err) {
      log.warn({ err }, 'a sweep could not be asked for; it is tried again');
      setTimeout(() => void sweepAnew(), ASK_AGAIN_MS).unref();
    }
  }

  /** Redis may be emptied under a service that lives on: then nobody would sweep any more, and nothing be found again. */
  async function see(): Promise<void> {
    // Without an answer there is no telling; a Redis that comes back is asked anyway.
    if (await producer.areSweepsScheduled().catch(() => true)) return;
    log.warn('the schedule of the sweeps was gone: was Redis emptied? A sweep begins at once');
    await sweepAnew();
  }
}
