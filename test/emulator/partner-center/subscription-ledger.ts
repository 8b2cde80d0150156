import type { Clock } from '../core/clock.ts';
import type { Books, Cause, Happening } from './books.ts';
import type { Subscription } from './model.ts';
import type { Webhooks } from './webhooks.ts';

export interface SubscriptionLedger {
  /** Writes what happened to a subscription, what is billed from now on, and tells the webhook. */
  note(what: Happening, subscription: Subscription, cause: Cause, facts?: Record<string, unknown>): void;
  /** The seats that are on the invoice at an instant. */
  billed(subscription: Subscription, atMs: number): number;
}

/** Keeps for every subscription how many seats were billed when, next to the books. */
export function createSubscriptionLedger(parts: {
  clock: Clock;
  books: Books;
  webhooks: Pick<Webhooks, 'announce'>;
}): SubscriptionLedger {
  const { clock, books, webhooks } = parts;
  return {
    note(what, subscription, cause, facts = {}) {
      const { id: subscriptionId, customerId, quantity: seats, status } = subscription;
      const billedSeats = seatsOnInvoice(subscription);
      if (subscription.billing.at(-1)?.seats !== billedSeats) {
        subscription.billing.push({ at: clock.now(), seats: billedSeats });
      }
      books.write(what, cause, { subscriptionId, customerId, seats, status, billedSeats, ...facts });
      webhooks.announce('subscription-updated', {
        path: `/webhooks/v1/customers/${customerId}/subscriptions/${subscriptionId}`,
        resource: 'subscription',
        ids: [customerId, 'updatesubscription'],
      });
    },

    billed(subscription, atMs) {
      return subscription.billing.findLast(({ at }) => at <= atMs)?.seats ?? 0;
    },
  };
}

/** Suspension does not stop billing, the end of the term does; trials are free and plans are billed by usage. */
function seatsOnInvoice({ kind, status, quantity }: Subscription): number {
  if (kind === 'trial' || kind === 'plan') return 0;
  return status === 'active' || status === 'suspended' ? quantity : 0;
}
