/**
 * The pause before the next try, in milliseconds: `baseMs` after the first failed attempt, doubled with each further one up
 * to `capMs`. Of that, half is certain and half is drawn, so that what failed together does not return together.
 *
 * `attempts` counts failures in a row, from 1; `random` draws from [0, 1), like Math.random.
 */
export function backoffMs(policy: { attempts: number; baseMs: number; capMs: number; random: () => number }): number {
  const wholeMs = Math.min(policy.baseMs * 2 ** (policy.attempts - 1), policy.capMs);
  return Math.round(wholeMs / 2 + (policy.random() * wholeMs) / 2);
}
