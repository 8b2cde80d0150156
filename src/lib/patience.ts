import { setTimeout } from 'node:timers/promises';
import { RetryableError, ThrottledError } from './errors.ts';

const MOST_FAILURES = 4;
const FIRST_PAUSE_MS = 1_000;

/**
 * Does work that somebody sits by and waits for: a limit of calls is waited out, however often, and what may pass by itself is tried four
 * times in a row. The work must be safe to repeat. Rejects as the work did last, or as the signal was aborted.
 */
export async function patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 0; ; ) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
      if (!(error instanceof ThrottledError)) failures += 1;
      if (failures === MOST_FAILURES) throw error;
      // The pause ends early with the signal, whose own reason is what it rejects with.
      await setTimeout(error.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** failures, undefined, { signal }).catch(() => {});
    }
  }
}
