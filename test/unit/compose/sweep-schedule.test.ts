import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createSweepSchedule } from '../../../src/compose/sweep-schedule.ts';
import { RetryableError } from '../../../src/lib/errors.ts';
import { createMemoryLog } from '../../support/memory-log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp() {
  const redis = { isAway: false, isEmpty: false };
  const tries: number[] = [];
  let isStopping = false;
  const schedule = createSweepSchedule({
    producer: {
      async scheduleSweeps() {
        tries.push(Date.now());
        if (redis.isAway) throw new RetryableError('queue.unavailable', 'Redis is not connected.');
      },
      async requestSweep() {},
      areSweepsScheduled: async () => !redis.isEmpty,
    },
    everyMs: 900_000,
    isStopping: () => isStopping,
    log: createMemoryLog().log,
  });
  return {
    redis,
    schedule,
    tries,
    stop() {
      isStopping = true;
      schedule.stop();
    },
  };
}

it('goes on asking for a sweep in one chain of tries, whoever began it, until one is taken', async () => {
  const { redis, schedule, tries, stop } = setUp();
  redis.isAway = true;
  redis.isEmpty = true;
  schedule.start();
  await Promise.all([schedule.sweepAnew(), schedule.sweepAnew()]);
  await schedule.sweepAnew();
  await vi.advanceTimersByTimeAsync(180_000);
  tries.length = 0;

  await vi.advanceTimersByTimeAsync(50_000);
  expect(tries).toHaveLength(10);

  redis.isAway = false;
  redis.isEmpty = false;
  await vi.advanceTimersByTimeAsync(5_000);
  tries.length = 0;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(tries).toEqual([]);
  stop();
});

it('asks for nothing more once the process is stopping', async () => {
  const { redis, schedule, tries, stop } = setUp();
  redis.isAway = true;
  schedule.start();
  await schedule.sweepAnew();
  stop();
  await schedule.sweepAnew();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(tries).toHaveLength(1);
});
