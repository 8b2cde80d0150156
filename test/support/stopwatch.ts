const TICK_MS = 5;
/** A longer gap between two ticks is no time in which anything here could have been done. */
const LONGEST_GAP_MS = 2 * TICK_MS;

/**
 * Begins to measure, and returns what tells how long it took until now, in milliseconds: the time in which this process was given the
 * processor, or was idle. What a machine loses that is busy with other things does not count, so that a promise of seconds can be tested on
 * any. For what computes for long without a pause it is no measure.
 */
export function startStopwatch(): () => number {
  let passedMs = 0;
  let lastAt = performance.now();
  const count = () => {
    const now = performance.now();
    passedMs += Math.min(now - lastAt, LONGEST_GAP_MS);
    lastAt = now;
  };
  const ticking = setInterval(count, TICK_MS);
  ticking.unref();
  return () => {
    clearInterval(ticking);
    count();
    return passedMs;
  };
}
