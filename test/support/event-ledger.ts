import type { Emulators } from '../emulator/emulators.ts';

/** Tells whether every event that was accepted has led to a look: the subscription was read in the marketplace after it was sent. */
export interface EventLedger {
  /** To be asked just before an event is sent. */
  now(): number;
  /** An event of this subscription, sent at that moment, was answered 204. */
  accepted(subscriptionId: number, sentAt: number): void;
  /** Subscriptions that were not read since. */
  unread(): number[];
  /** How often each subscription was read. */
  reads(): Map<number, number>;
}

export function createEventLedger({ cloudesire }: Pick<Emulators, 'cloudesire'>): EventLedger {
  const { calls } = cloudesire.server;
  const lastSentAt = new Map<number, number>();

  function* readsInOrder(): Iterable<[subscriptionId: number, at: number]> {
    for (const [at, { method, path }] of calls.entries()) {
      const id = method === 'GET' && /\/subscription\/(\d+)$/.exec(path)?.[1];
      if (id) yield [Number(id), at];
    }
  }

  return {
    now: () => calls.length,
    accepted(id, sentAt) {
      lastSentAt.set(id, Math.max(sentAt, lastSentAt.get(id) ?? sentAt));
    },
    unread() {
      const lastReadAt = new Map(readsInOrder());
      return [...lastSentAt].filter(([id, sentAt]) => (lastReadAt.get(id) ?? -1) < sentAt).map(([id]) => id);
    },
    reads() {
      const counts = new Map<number, number>();
      for (const [id] of readsInOrder()) counts.set(id, (counts.get(id) ?? 0) + 1);
      return counts;
    },
  };
}
