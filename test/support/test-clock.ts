import type { Clock } from '../../src/lib/clock.ts';

/** A clock that stands still until it is advanced. */
export function createTestClock(startAt = Date.parse('2026-09-01T08:00:00Z')): Clock & { advance(byMs: number): void } {
  let at = startAt;
  return {
    now: () => at,
    advance(byMs) {
      at += byMs;
    },
  };
}
