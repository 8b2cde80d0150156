import type { Clock } from './clock.ts';

/** How long an answer is good, in milliseconds, and how many are kept. */
export interface CacheLimits {
  forMs: number;
  atMost: number;
}

/**
 * Returns the same function with a memory: an answer is given again for `forMs` from when it was asked for, and those who
 * ask while it is on its way wait for the same call. A failure is not kept. Beyond `atMost` answers the oldest is forgotten.
 *
 * @param load takes plain data only, for its arguments are compared as JSON; what it returns is shared and must not be changed
 */
export function remember<A extends unknown[], T>(
  load: (...args: A) => Promise<T>,
  { forMs, atMost }: CacheLimits,
  clock: Clock,
): (...args: A) => Promise<T> {
  const known = new Map<string, { answer: Promise<T>; goodUntil: number }>();

  return (...args) => {
    const key = JSON.stringify(args);
    const found = known.get(key);
    if (found && clock.now() < found.goodUntil) return found.answer;

    const asked = { answer: load(...args), goodUntil: clock.now() + forMs };
    // Put in anew rather than replaced: the map is in order of age, its first entry the oldest.
    known.delete(key);
    known.set(key, asked);
    const [oldest] = known.keys();
    if (known.size > atMost && oldest !== undefined) known.delete(oldest);
    asked.answer.catch(() => {
      if (known.get(key) === asked) known.delete(key);
    });
    return asked.answer;
  };
}
