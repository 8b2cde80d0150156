import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffMs } from '../../../src/lib/backoff.ts';

const policy = { baseMs: 1_000, capMs: 60_000, random: () => 1 };

it('doubles the pause with every failure, up to the cap', () => {
  const pausesMs = [1, 2, 3, 4, 5, 6, 7, 8].map((attempts) => backoffMs({ ...policy, attempts }));

  expect(pausesMs).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
});

it('draws half of the pause', () => {
  expect(backoffMs({ ...policy, attempts: 3, random: () => 0 })).toBe(2_000);
  expect(backoffMs({ ...policy, attempts: 3, random: () => 0.5 })).toBe(3_000);
});

it('stays between half the first pause and the cap, however often it failed', () => {
  const anyTry = fc.record({
    attempts: fc.integer({ min: 1, max: 1e9 }),
    drawn: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });
  fc.assert(
    fc.property(anyTry, ({ attempts, drawn }) => {
      const pauseMs = backoffMs({ ...policy, attempts, random: () => drawn });
      expect(pauseMs).toBeGreaterThanOrEqual(500);
      expect(pauseMs).toBeLessThanOrEqual(60_000);
    }),
  );
});
