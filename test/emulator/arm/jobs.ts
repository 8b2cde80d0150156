import type { Clock } from '../core/clock.ts';
import type { Switches } from './switches.ts';

type Step = () => void;

/** Work that Azure does by and by. */
export interface Job {
  isDone(): boolean;
  /** Somebody looks: without time as the measure, this is what moves the work on. */
  look(): void;
  /** Adds steps that come before those that are left. */
  insert(steps: Step[]): void;
  /** Drops what is left. */
  stop(): void;
  /** Does what is left at once. */
  finish(): void;
}

export interface Jobs {
  /** Spreads steps evenly over a time; the last one runs at its end. */
  start(work: { takesMs: number; steps: Step[] }): Job;
  /** Runs a task later in virtual time, unless the emulator is reset before. */
  at(atMs: number, task: Step): void;
  finishAll(): void;
  clear(): void;
}

/**
 * The work in progress. It moves with virtual time, or, when `pollsUntilDone` is set as it starts, with that many looks:
 * the last of them finds it done.
 */
export function createJobs({ clock, switches }: { clock: Clock; switches: Switches }): Jobs {
  const running = new Set<Job>();
  const timers = new Set<() => void>();

  function at(atMs: number, task: Step): () => void {
    const cancel = clock.at(atMs, () => {
      timers.delete(cancel);
      task();
    });
    timers.add(cancel);
    return () => {
      timers.delete(cancel);
      cancel();
    };
  }

  function start({ takesMs, steps }: { takesMs: number; steps: Step[] }): Job {
    const queue = [...steps];
    const polls = switches.pollsUntilDone;
    const everyMs = takesMs / Math.max(1, steps.length);
    let pollsLeft = polls ?? 0;
    let cancelTimer: () => void = () => undefined;

    function runOne(): void {
      queue.shift()?.();
      if (queue.length === 0) running.delete(job);
    }

    function arm(dueAt: number): void {
      if (queue.length === 0) return;
      cancelTimer = at(dueAt, () => {
        runOne();
        arm(dueAt + everyMs);
      });
    }

    const job: Job = {
      isDone: () => queue.length === 0,
      look() {
        if (polls === null || queue.length === 0) return;
        pollsLeft -= 1;
        if (pollsLeft <= 0) job.finish();
        else for (let due = Math.floor(queue.length / (pollsLeft + 1)); due > 0; due -= 1) runOne();
      },
      insert: (more) => void queue.unshift(...more),
      stop() {
        cancelTimer();
        queue.length = 0;
        running.delete(job);
      },
      finish() {
        cancelTimer();
        while (queue.length > 0) runOne();
        running.delete(job);
      },
    };
    running.add(job);
    if (queue.length === 0) running.delete(job);
    else if (polls === null) arm(clock.now() + everyMs);
    return job;
  }

  return {
    start,
    at: (atMs, task) => void at(atMs, task),
    finishAll() {
      while (running.size > 0) for (const job of [...running]) job.finish();
    },
    clear() {
      for (const cancel of timers) cancel();
      timers.clear();
      running.clear();
    },
  };
}
