/**
 * Virtual time of the emulators: real time plus an offset that grows, so that a month passes when a test says so, and that only
 * `turnBack` makes what it was.
 */
export interface Clock {
  now(): number;
  advance(byMs: number): Promise<void>;
  at(atMs: number, task: () => void | Promise<void>): () => void;
  /** As if time had never been advanced. For a reset of all that keeps instants: timers that are set keep theirs. */
  turnBack(): void;
  stop(): void;
}

interface Timer {
  atMs: number;
  order: number;
  task: () => void | Promise<void>;
}

const LONGEST_REAL_WAIT_MS = 2 ** 31 - 1;

/**
 * Returns a clock that shows `startAt` (milliseconds since the epoch; by default the real time) and runs on from there.
 *
 * `advance` moves time forward and runs, in order, each timer that becomes due on the way, those included that such a
 * timer sets. A task sees its own due time as `now()`, and the next one starts when it has finished. Calls of `advance`
 * queue up, so a task must not await one. It rejects with the first error of a task, after all of them have run.
 *
 * Timers whose time comes by itself start in order too, without waiting for each other; `advance` waits for them
 * before it begins. Their errors are bugs and go to stderr. No timer keeps the process alive; none fires after `stop`.
 *
 * @throws {RangeError} (a rejection) when time would run backwards
 */
export function createClock(startAt?: number): Clock {
  const firstOffsetMs = startAt === undefined ? 0 : startAt - Date.now();
  let offsetMs = firstOffsetMs;
  let frozenAt: number | undefined;
  let stopped = false;
  let lastOrder = 0;
  let timers: Timer[] = [];
  let wakeUp: NodeJS.Timeout | undefined;
  let lastAdvance: Promise<void> = Promise.resolve();
  const running = new Set<Promise<void>>();

  function now(): number {
    return frozenAt ?? Date.now() + offsetMs;
  }

  function takeDue(untilMs: number): Timer | undefined {
    const first = timers[0];
    if (first === undefined || first.atMs > untilMs) return undefined;
    timers.shift();
    return first;
  }

  function armWakeUp(): void {
    clearTimeout(wakeUp);
    const first = timers[0];
    if (first === undefined || frozenAt !== undefined || stopped) return;
    const waitMs = Math.min(Math.max(first.atMs - now(), 0), LONGEST_REAL_WAIT_MS);
    wakeUp = setTimeout(runDue, waitMs).unref();
  }

  function runDue(): void {
    for (let timer = takeDue(now()); timer !== undefined; timer = takeDue(now())) {
      const { task } = timer;
      const run = (async () => task())()
        .catch((error: unknown) => console.error('A timer of the emulator failed:', error))
        .finally(() => running.delete(run));
      running.add(run);
    }
    armWakeUp();
  }

  async function runAdvance(byMs: number): Promise<void> {
    await Promise.all(running);
    const errors: unknown[] = [];
    const untilMs = now() + byMs;
    frozenAt = now();
    clearTimeout(wakeUp);
    for (let timer = takeDue(untilMs); timer !== undefined; timer = takeDue(untilMs)) {
      frozenAt = Math.max(frozenAt, timer.atMs);
      try {
        await timer.task();
      } catch (error) {
        errors.push(error);
      }
    }
    frozenAt = undefined;
    offsetMs += byMs;
    armWakeUp();
    if (errors.length > 0) throw errors[0];
  }

  return {
    now,

    advance(byMs) {
      if (!Number.isFinite(byMs) || byMs < 0) {
        return Promise.reject(new RangeError(`time moves forward by a number of milliseconds, not by ${byMs}`));
      }
      const advance = lastAdvance.then(() => runAdvance(byMs));
      lastAdvance = advance.catch(() => undefined);
      return advance;
    },

    at(atMs, task) {
      if (stopped) return () => undefined;
      lastOrder += 1;
      const timer: Timer = { atMs, order: lastOrder, task };
      timers.push(timer);
      timers.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      armWakeUp();
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },

    turnBack() {
      offsetMs = firstOffsetMs;
      armWakeUp();
    },

    stop() {
      stopped = true;
      timers = [];
      clearTimeout(wakeUp);
    },
  };
}
