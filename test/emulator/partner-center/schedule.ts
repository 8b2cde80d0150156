import type { Clock } from '../core/clock.ts';

/** Timers on the virtual clock that end with a reset. */
export interface Schedule {
  at(atMs: number, task: () => void | Promise<void>): () => void;
  clear(): void;
}

export function createSchedule(clock: Clock): Schedule {
  const pending = new Set<() => void>();
  return {
    at(atMs, task) {
      const cancel = clock.at(atMs, () => {
        pending.delete(cancel);
        return task();
      });
      pending.add(cancel);
      return () => {
        pending.delete(cancel);
        cancel();
      };
    },
    clear() {
      for (const cancel of pending) cancel();
      pending.clear();
    },
  };
}
