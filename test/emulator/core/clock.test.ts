import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Clock, createClock } from './clock.ts';

const START_AT = Date.parse('2026-09-01T09:00:00Z');
const HOUR_MS = 3_600_000;

describe('the virtual clock', () => {
  let clock: Clock;

  afterEach(() => clock.stop());

  it('starts where it is told and moves by what it is advanced', async () => {
    clock = createClock(START_AT);
    await clock.advance(30 * 24 * HOUR_MS);

    const sinceStartMs = clock.now() - START_AT - 30 * 24 * HOUR_MS;
    expect(sinceStartMs).toBeGreaterThanOrEqual(0);
    expect(sinceStartMs).toBeLessThan(HOUR_MS);
  });

  it('is turned back to where it would be without having been advanced', async () => {
    clock = createClock(START_AT);
    await clock.advance(30 * 24 * HOUR_MS);
    clock.turnBack();

    expect(clock.now() - START_AT).toBeGreaterThanOrEqual(0);
    expect(clock.now() - START_AT).toBeLessThan(HOUR_MS);
  });

  it('runs timers in order of their time, each seeing its own due time, and waits for each', async () => {
    clock = createClock(START_AT);
    const seen: string[] = [];
    const note = (name: string, dueAt: number) => async () => {
      seen.push(`${name} begins ${clock.now() - dueAt}`);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(`${name} ends ${clock.now() - dueAt}`);
    };
    const first = clock.now() + HOUR_MS;
    clock.at(first + 1, note('second', first + 1));
    clock.at(first, note('first', first));
    clock.at(first + 1, note('third', first + 1));

    await clock.advance(2 * HOUR_MS);
    expect(seen).toEqual([
      'first begins 0',
      'first ends 0',
      'second begins 0',
      'second ends 0',
      'third begins 0',
      'third ends 0',
    ]);
  });

  it('runs timers that a timer sets on the way, but none that lies beyond', async () => {
    clock = createClock(START_AT);
    const dueAt: number[] = [];
    const everyHour = (at: number): void => {
      clock.at(at, () => {
        dueAt.push(at);
        everyHour(at + HOUR_MS);
      });
    };
    const first = clock.now() + HOUR_MS;
    everyHour(first);

    await clock.advance(3 * HOUR_MS);
    expect(dueAt).toEqual([first, first + HOUR_MS, first + 2 * HOUR_MS]);
  });

  it('runs a timer by itself when real time reaches it', async () => {
    clock = createClock(START_AT);
    await new Promise<void>((resolve) => clock.at(clock.now() + 1, resolve));
    expect(clock.now()).toBeGreaterThan(START_AT);
  });

  it('does not begin an advance while a timer that came due by itself still runs', async () => {
    clock = createClock(START_AT);
    const seen: string[] = [];
    let finish = (): void => undefined;
    const started = new Promise<void>((resolve) => {
      clock.at(clock.now(), async () => {
        resolve();
        await new Promise<void>((done) => {
          finish = done;
        });
        seen.push('timer');
      });
    });
    await started;
    clock.at(clock.now() + HOUR_MS, () => void seen.push('later timer'));
    const advanced = clock.advance(HOUR_MS + 1_000);
    finish();
    await advanced;
    expect(seen).toEqual(['timer', 'later timer']);
  });

  it('lets advances queue up, so that none sees time stand still for another', async () => {
    clock = createClock(START_AT);
    await Promise.all([clock.advance(HOUR_MS), clock.advance(HOUR_MS)]);
    expect(clock.now() - START_AT).toBeGreaterThanOrEqual(2 * HOUR_MS);
  });

  it('never runs a timer that was cancelled, or any after stop', async () => {
    clock = createClock(START_AT);
    const task = vi.fn();
    clock.at(clock.now() + HOUR_MS, task)();
    clock.at(clock.now() + HOUR_MS, task);
    clock.stop();
    clock.at(clock.now(), task);
    await clock.advance(2 * HOUR_MS);
    expect(task).not.toHaveBeenCalled();
  });

  it('reports the failure of a timer after the others have run', async () => {
    clock = createClock(START_AT);
    const other = vi.fn();
    clock.at(clock.now() + 1, () => {
      throw new Error('broken timer');
    });
    clock.at(clock.now() + 2, other);
    await expect(clock.advance(HOUR_MS)).rejects.toThrow('broken timer');
    expect(other).toHaveBeenCalledOnce();
  });

  it('refuses to run backwards', async () => {
    clock = createClock(START_AT);
    await expect(clock.advance(-1)).rejects.toThrow(RangeError);
  });
});
