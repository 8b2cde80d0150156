import { AsyncLocalStorage } from 'node:async_hooks';

/** On whose behalf upstreams are called, which decides who goes first where only so many calls are allowed. */
export interface Turn {
  /** Who comes back when a call is put off, e.g. the id of a subscription. Whoever does not come back has no place in a line. */
  holder?: string;
  /** `asked`: somebody waits for the answer this very moment; `urgent`: somebody waits for the outcome; `background`: nobody does. */
  urgency: 'asked' | 'urgent' | 'background';
  /** How far the awaited order has got: `begun` once anything exists at Microsoft, `bought` once it is paid for but not delivered. */
  progress?: 'begun' | 'bought' | undefined;
  /** Since when the holder has wanted to make its calls, in milliseconds since the epoch: of two alike the older goes first. */
  sinceAt: number;
}

/** Carries a turn from where a look begins to where its calls are counted. */
export interface Turns {
  /** Does the work; every call that comes of it is made in this turn, whose urgency and progress may still be changed meanwhile. */
  within<T>(turn: Turn, work: () => Promise<T>): Promise<T>;
  /** The turn in which this very call is made. */
  current(): Turn | undefined;
}

/**
 * Creates what carries turns. They follow the asynchronous calls of the work, since between a look and its calls lie workflows,
 * clients and the Azure SDK, none of which has anything to do with them.
 *
 * @see https://nodejs.org/api/async_context.html
 */
export function createTurns(): Turns {
  const storage = new AsyncLocalStorage<Turn>();
  return {
    within: (turn, work) => storage.run(turn, work),
    current: () => storage.getStore(),
  };
}
