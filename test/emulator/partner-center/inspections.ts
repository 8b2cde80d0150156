import type { Clock } from '../core/clock.ts';
import type { Books } from './books.ts';
import type { State } from './model.ts';
import type { Orders } from './orders.ts';
import type { SubscriptionLedger } from './subscription-ledger.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Switches } from './switches.ts';
import type { Webhooks } from './webhooks.ts';

export interface InspectionParts {
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
  orders: Orders;
  ledger: SubscriptionLedger;
  subscriptions: Subscriptions;
  webhooks: Webhooks;
}

/** What a test may ask the emulator about: copies of its state, the bill and the books. */
export function createInspections(parts: InspectionParts) {
  const { clock, state, switches, books, orders, ledger, subscriptions, webhooks } = parts;

  return {
    switches: (): Switches => structuredClone(switches),

    /** The seats on the invoice at an instant of virtual time (milliseconds since the epoch); now by default. */
    billed(subscriptionId: string, at: number = clock.now()): number {
      const subscription = state.subscriptions.get(subscriptionId.toLowerCase());
      if (subscription === undefined) throw new Error(`There is no subscription ${subscriptionId}.`);
      return ledger.billed(subscription, at);
    },

    deliveries: () => webhooks.deliveries(),
    webhook: () => webhooks.registration() ?? null,

    customers: () =>
      [...state.customers.values()].map((customer) => {
        const { id, domain, companyName, country, related, signedDirectly, vetting, agreements: list } = customer;
        return {
          id,
          domain,
          companyName,
          country,
          related,
          signedDirectly,
          vetting: vetting?.status ?? null,
          agreements: list.length,
        };
      }),

    subscriptions: () =>
      [...state.subscriptions.values()].map((subscription) => ({
        customerId: subscription.customerId,
        kind: subscription.kind,
        billedSeats: ledger.billed(subscription, clock.now()),
        ...subscriptions.view(subscription),
      })),

    orders: () => [...state.orders.values()].map((order) => orders.view(order, { withPrice: true })),

    carts: () =>
      [...state.carts.values()].map(({ id, customerId, ordered, lines, orderByGroup }) => ({
        id,
        customerId,
        status: ordered ? 'Ordered' : 'Active',
        lines: structuredClone(lines),
        orderIds: [...orderByGroup.values()],
      })),

    attestations: () => [...state.attestations.values()].map((attestation) => structuredClone(attestation)),

    agreements: () =>
      [...state.customers.values()].flatMap(({ id, agreements: list }) =>
        list.map((agreement) => ({ customerId: id, ...structuredClone(agreement) })),
      ),

    entitlements: () => [...state.entitlements.values()].map((entitlement) => structuredClone(entitlement)),

    /** Everything that happened, in order, and again by kind: customers made, orders placed, subscriptions changed. */
    books: () => {
      const entries = books.entries();
      const of = (...kinds: string[]) => entries.filter(({ what }) => kinds.includes(what));
      return {
        entries,
        customers: of('customer created'),
        agreements: of('agreement created', 'agreement signed directly'),
        carts: of('cart created'),
        orders: of('order placed'),
        changes: of('subscription changed'),
        ended: of('subscription ended'),
      };
    },
  };
}
