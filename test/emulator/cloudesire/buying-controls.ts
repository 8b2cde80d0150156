import type { BillingPeriods } from './billing-periods.ts';
import type { Ledger } from './ledger.ts';
import type { Lifecycle } from './lifecycle.ts';
import {
  type BookEntry,
  DEPLOYMENT_STATUSES,
  type DeploymentStatus,
  type Invoice,
  type Order,
  type Subscription,
} from './model.ts';
import type { ChangeResult, NewOrder, Ordering } from './ordering.ts';
import { refusal } from './refusal.ts';
import { withSampleParameters } from './sample-parameters.ts';
import { pick, type State } from './state.ts';
import type { Cause, Transitions } from './transitions.ts';
import { whenBooked, whenStatus } from './waiting.ts';

/** Everything about one subscription, credentials in clear, with its orders, invoices and metadata. */
export interface SubscriptionState extends Subscription {
  paid: boolean;
  metadata: Record<string, string>;
  orderList: Order[];
  invoiceList: Invoice[];
}

/** What a change led to, by ids. */
export interface Change {
  upgrade: ChangeResult['upgrade'];
  order: number;
  invoice?: number;
}

const CUSTOMER: Cause = { by: 'customer' };

export type BuyingControls = ReturnType<typeof createBuyingControls>;

/** Returns what customers, auditors and administrators do with subscriptions, as functions for tests. */
export function createBuyingControls(parts: {
  state: State;
  ledger: Ledger;
  lifecycle: Lifecycle;
  ordering: Ordering;
  periods: BillingPeriods;
  transitions: Transitions;
}) {
  const { state, ledger, lifecycle, ordering, periods, transitions } = parts;

  function view(subscription: Subscription): SubscriptionState {
    return structuredClone({
      ...subscription,
      paid: ledger.isPaid(subscription),
      metadata: state.metadata.get(`subscription/${subscription.id}`) ?? {},
      orderList: subscription.orders.map((id) => pick(state.orders, 'Order', id)),
      invoiceList: ledger.invoicesOf(subscription),
    });
  }

  return {
    /**
     * Places an order and returns the id of its subscription. `paid` means that a card is on file, which pays this
     * invoice and the later ones at once. Required parameters that are left out get a sample value.
     *
     * @throws {Refusal} when the order does not fit the catalogue
     */
    placeOrder(order: NewOrder): number {
      const plan = pick(state.plans, 'ProductVersion', order.plan);
      const parameters = withSampleParameters(state, plan, order.buyer, order.parameters ?? {});
      return ordering.place({ ...order, parameters }, CUSTOMER).id;
    },

    /** Pays every open invoice and returns their ids. */
    pay: (subscription: number): number[] => lifecycle.pay(subscription).map(({ id }) => id),

    expirePayment: (subscription: number): void => lifecycle.expirePayment(subscription),
    approve: (subscription: number): void => lifecycle.approve(subscription),
    reject: (subscription: number): void => lifecycle.reject(subscription),

    /** Renews now, as if the period had ended, and returns the id of the order. */
    renew: (subscription: number, payment: { paid?: boolean } = {}): number =>
      periods.renew(subscription, payment, CUSTOMER).id,

    changePlan: (subscription: number, plan: number, payment: { paid?: boolean } = {}): Change =>
      summary(ordering.changePlan(subscription, plan, payment, CUSTOMER)),

    changeQuantity: (subscription: number, licenses: number, payment: { paid?: boolean } = {}): Change =>
      summary(ordering.changeQuantity(subscription, licenses, payment, CUSTOMER)),

    /** Turns a trial into a paid subscription and returns the id of the order. */
    convertTrial: (subscription: number, payment: { paid?: boolean } = {}): number =>
      periods.convertTrial(subscription, payment, CUSTOMER).id,

    /** Returns the id of the order. */
    terminate: (subscription: number): number => lifecycle.terminate(subscription).id,

    switchAutoRenew: (subscription: number, autoRenew: boolean): void =>
      lifecycle.switchAutoRenew(subscription, autoRenew),

    /** Suspends for non-payment now. */
    stop: (subscription: number): void => lifecycle.stop(subscription),

    /** Pays what a suspended subscription owes, so that it resumes. */
    resume(subscription: number): void {
      if (transitions.find(subscription).deploymentStatus !== 'STOPPED') {
        throw refusal(409, `Subscription ${subscription} is not stopped`);
      }
      lifecycle.pay(subscription);
    },

    overrideStatus(subscription: number, status: DeploymentStatus): void {
      if (!DEPLOYMENT_STATUSES.includes(status)) throw refusal(400, `There is no status ${status}`);
      lifecycle.overrideStatus(subscription, status);
    },

    /** Shows another quantity or plan, as after a change whose order and invoice are of no interest. */
    overrideOrder(subscription: number, order: { licenses?: number; plan?: number }): void {
      Object.assign(transitions.find(subscription), order);
    },

    /** Shows other values of configuration parameters, as after somebody edited them. */
    changeParameters(subscription: number, values: Record<string, string>): void {
      const found = transitions.find(subscription);
      found.parameters = { ...found.parameters, ...values };
    },

    subscription: (id: number): SubscriptionState => view(transitions.find(id)),
    subscriptions: (): SubscriptionState[] => [...state.subscriptions.values()].map(view),

    /** Resolves as soon as the status is reached, without polling; rejects after `withinRealMs` of real time. */
    async whenStatus(
      id: number,
      status: DeploymentStatus | DeploymentStatus[],
      withinRealMs = 10_000,
    ): Promise<SubscriptionState> {
      return view(await whenStatus(state, id, status, withinRealMs));
    },

    /**
     * Resolves with the first line of the books, past or to come, that has these fields, for instance
     * `{ what: 'instructions-reported', subscription }`; rejects after `withinRealMs` of real time.
     */
    whenBooked: (wanted: Partial<BookEntry>, withinRealMs = 10_000): Promise<BookEntry> =>
      whenBooked(state, wanted, withinRealMs),
  };
}

function summary({ upgrade, order, invoice }: ChangeResult): Change {
  return { upgrade, order: order.id, ...(invoice === undefined ? {} : { invoice: invoice.id }) };
}
