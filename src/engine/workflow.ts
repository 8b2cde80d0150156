import type { Clock } from '../lib/clock.ts';
import { AttentionError, ConnectorError } from '../lib/errors.ts';
import type { Wait } from '../lib/wait.ts';
import type { Journal, JournalEntry, Lane } from './journal.ts';

/** The run pauses: the job goes back to the queue and holds no worker until `resumeAt`. */
export class Suspended extends Error {
  readonly resumeAt: number;
  readonly waitingFor: Wait;

  constructor(resumeAt: number, waitingFor: Wait) {
    super(waitingFor);
    this.name = 'Suspended';
    this.resumeAt = resumeAt;
    this.waitingFor = waitingFor;
  }
}

/** The process is stopping: the run is resumed by another worker at the step that was about to begin. */
export class Stopping extends Error {
  constructor() {
    super('The process is stopping; the run goes on in another one.');
    this.name = 'Stopping';
  }
}

/** What `find` answers when the effect did not happen and this call cannot bring it about any more: a new one is prepared. */
export const PREPARE_ANEW: unique symbol = Symbol('prepare anew');

/** A step that buys or creates: its key is stored before the call, and its effect is looked for before it is made again. */
export interface Effect<P, T> {
  /**
   * Looks ahead of the first send whether the effect is there already. A journal may be older than the world, when a backup of the store was
   * restored: that it knows of no send then proves nothing. To be left out where a second act does no harm.
   */
  findEarlier?(): Promise<T | undefined>;
  /** Draws the idempotency key and whatever the act depends on; stored before the first call. */
  prepare(): P | Promise<P>;
  /**
   * Looks for the effect of a call whose answer is not known. `undefined` means that it surely did not happen and
   * the same call may be sent again; throw a RetryableError while that cannot be said yet. `firstSentAt` in ms since the epoch.
   */
  find(prepared: P, sent: { firstSentAt: number; sends: number }): Promise<T | undefined | typeof PREPARE_ANEW>;
  /** The call, and nothing after it: an error that follows a success must not pass for a refusal. */
  act(prepared: P): Promise<T>;
}

/** How often a poll looks: first pause, growth, longest pause. All in milliseconds. */
export interface PollPlan {
  firstMs: number;
  factor: number;
  longestMs: number;
  /** A function where only the look finds it out; it is called after each look without an answer. */
  waitingFor: Wait | (() => Wait);
}

/** What a workflow is given to act with. Step names are keys of the journal: retire them, never rename them. */
export interface Flow {
  /** Whether a step, effect or poll of this name has its result in this run. */
  isDone(name: string): boolean;
  /** Whether anything of it may have happened: it has its result, or was begun and not surely refused. */
  hasBegun(name: string): boolean;
  /**
   * Runs `work` until it succeeds once per run and returns its recorded result ever after. The work must be safe to repeat.
   *
   * @param anewUntil the effects that follow from the result: as long as none of them has begun, each look does the work anew, so that it
   * goes by what was corrected meanwhile
   */
  step<T>(name: string, work: () => Promise<T>, anewUntil?: readonly string[]): Promise<T>;
  /** Makes an effect exactly once per run, whatever fails in between. */
  effect<P, T>(name: string, effect: Effect<P, T>): Promise<T>;
  /** Looks until there is an answer; between two looks the run is suspended. `look` is told how long it has waited. */
  poll<T>(
    name: string,
    plan: PollPlan,
    look: (waited: { sinceMs: number; looks: number }) => Promise<T | undefined>,
  ): Promise<T>;
  /** Waits for so long once per run, however many looks come meanwhile. */
  pause(name: string, plan: PausePlan): Promise<void>;
}

export interface PausePlan {
  forMs: number;
  /** Told when the pause ends, in milliseconds since the epoch. */
  waitingFor(endsAt: number): Wait;
  /** Whether there is nothing to wait for any more; `hasBegun` once it was waited before this look. */
  isOver(waited: { hasBegun: boolean }): Promise<boolean>;
}

/** One recipe: reads from top to bottom, touches the world only through `flow`. */
export interface Workflow<I> {
  /** `product/operation`, e.g. `license/provision`. */
  name: string;
  run(flow: Flow, input: I): Promise<void>;
}

/** What happened to a step, for the log, the timeline and the state that operations see. */
export type FlowEvent =
  | { kind: 'step-started'; step: string }
  | { kind: 'step-finished'; step: string; durationMs: number }
  | { kind: 'step-found'; step: string };

export interface FlowParts {
  journal: Journal;
  lane: Lane;
  runId: string;
  clock: Clock;
  /** Asked before each step, effect and poll. @throws {Suspended} when nothing more is to be done for now */
  mayGoOn(): Promise<void>;
  observe(event: FlowEvent): void | Promise<void>;
  /** Surrounds whatever a step, effect, poll or pause does, once for each time that it is done. */
  around?: (<T>(step: string, work: () => Promise<T>) => Promise<T>) | undefined;
}

/** Loads what is remembered of a run and returns the flow that carries it on. */
export async function resumeFlow({ journal, lane, runId, clock, mayGoOn, observe, around }: FlowParts): Promise<Flow> {
  const entries = await journal.load(runId);

  /** What is remembered of a step. Where another release has sent what is no effect in this one, it would be begun anew, and so perhaps made twice. */
  function remembered(step: string, isEffect = false): JournalEntry | undefined {
    const entry = entries.get(step);
    if (!entry || entry.state === 'done' || entry.state === 'polling') return entry;
    if (isEffect && entry.state === 'sent') return entry;
    throw new AttentionError(
      'step.unreadable',
      `What is remembered of the step "${step}" is of another release of the connector, which this one cannot go on from; nothing of it is done again. Bring that release back until the operation has ended.`,
    );
  }

  async function record(step: string, entry: JournalEntry): Promise<void> {
    await journal.write(lane, runId, step, entry);
    entries.set(step, entry);
  }

  async function forget(step: string): Promise<void> {
    await journal.forget(lane, runId, step);
    entries.delete(step);
  }

  async function finish<T>(step: string, result: T, startedAt: number): Promise<T> {
    await record(step, { state: 'done', result, at: clock.now() });
    await observe({ kind: 'step-finished', step, durationMs: clock.now() - startedAt });
    return result;
  }

  async function begin(step: string): Promise<number> {
    if (lane.signal.aborted) throw new Stopping();
    await lane.assertHeld();
    await mayGoOn();
    await observe({ kind: 'step-started', step });
    return clock.now();
  }

  const flow: Flow = {
    isDone: (name) => entries.get(name)?.state === 'done',
    hasBegun: (name) => entries.has(name),

    async step<T>(name: string, work: () => Promise<T>, anewUntil?: readonly string[]): Promise<T> {
      const entry = remembered(name);
      const isKept = !anewUntil || anewUntil.some((effect) => entries.has(effect));
      if (entry?.state === 'done' && isKept) return entry.result as T;
      const startedAt = await begin(name);
      const result = await work();
      // Done anew it gets nothing further, so nobody is told.
      if (entry?.state !== 'done') return finish(name, result, startedAt);
      await record(name, { state: 'done', result, at: clock.now() });
      return result;
    },

    async effect<P, T>(name: string, { findEarlier, prepare, find, act }: Effect<P, T>): Promise<T> {
      const entry = remembered(name, true);
      if (entry?.state === 'done') return entry.result as T;
      const startedAt = await begin(name);

      let prepared: P | undefined;
      let sent = { firstSentAt: clock.now(), sends: 0 };
      if (entry?.state === 'sent') {
        const found = await find(entry.prepared as P, { firstSentAt: entry.firstSentAt, sends: entry.sends });
        if (found === PREPARE_ANEW) {
          await forget(name);
        } else if (found === undefined) {
          prepared = entry.prepared as P;
          sent = { firstSentAt: entry.firstSentAt, sends: entry.sends };
        } else {
          await observe({ kind: 'step-found', step: name });
          return finish(name, found, startedAt);
        }
      } else {
        const found = await findEarlier?.();
        if (found !== undefined) {
          await observe({ kind: 'step-found', step: name });
          return finish(name, found, startedAt);
        }
      }
      prepared ??= await prepare();

      // A worker that lost its lane fails in this fenced write, or when the clients of the upstreams ask once more, last before they send.
      // It may still be stopped in between and send after another worker has found nothing and sent the same: hence the key.
      await record(name, { state: 'sent', prepared, firstSentAt: sent.firstSentAt, sends: sent.sends + 1 });
      try {
        return await finish(name, await act(prepared), startedAt);
      } catch (error) {
        // A refusal of the only send proves that nothing happened: the next attempt draws a new key and looks at the world anew.
        // After a send whose fate is unknown a later refusal proves nothing: its key stays.
        if (error instanceof ConnectorError && error.effect === 'none' && sent.sends === 0) await forget(name);
        throw error;
      }
    },

    async poll<T>(
      name: string,
      plan: PollPlan,
      look: (waited: { sinceMs: number; looks: number }) => Promise<T | undefined>,
    ): Promise<T> {
      const entry = remembered(name);
      if (entry?.state === 'done') return entry.result as T;
      const startedAt = await begin(name);
      const since = entry?.state === 'polling' ? entry.since : startedAt;
      const looks = entry?.state === 'polling' ? entry.looks : 0;

      const answer = await look({ sinceMs: clock.now() - since, looks });
      if (answer !== undefined) return finish(name, answer, since);
      await record(name, { state: 'polling', since, looks: looks + 1 });
      const pauseMs = Math.min(plan.firstMs * plan.factor ** looks, plan.longestMs);
      const { waitingFor } = plan;
      throw new Suspended(clock.now() + pauseMs, typeof waitingFor === 'function' ? waitingFor() : waitingFor);
    },

    async pause(name: string, { forMs, waitingFor, isOver }: PausePlan): Promise<void> {
      const entry = remembered(name);
      if (entry?.state === 'done') return;
      const startedAt = await begin(name);
      const hasBegun = entry?.state === 'polling';
      const since = hasBegun ? entry.since : startedAt;
      if (!hasBegun) await record(name, { state: 'polling', since, looks: 1 });
      if (clock.now() - since < forMs && !(await isOver({ hasBegun })))
        throw new Suspended(since + forMs, waitingFor(since + forMs));
      await finish(name, true, since);
    },
  };
  return around ? surrounded(flow, around) : flow;
}

function surrounded(flow: Flow, around: NonNullable<FlowParts['around']>): Flow {
  const once = <T>(name: string, work: () => Promise<T>): Promise<T> =>
    flow.isDone(name) ? work() : around(name, work);
  return {
    isDone: flow.isDone,
    hasBegun: flow.hasBegun,
    step: (name, work, anewUntil) => once(name, () => flow.step(name, work, anewUntil)),
    effect: (name, effect) => once(name, () => flow.effect(name, effect)),
    poll: (name, plan, look) => once(name, () => flow.poll(name, plan, look)),
    pause: (name, plan) => once(name, () => flow.pause(name, plan)),
  };
}
