import type { Clock } from '../core/clock.ts';
import type { BillingPeriods } from './billing-periods.ts';
import type { Ledger } from './ledger.ts';
import type { Lifecycle } from './lifecycle.ts';
import { type Invoice, idOf, type Order, type Plan, type Subscription, type SubscriptionType } from './model.ts';
import { monthlyPrice } from './prices.ts';
import { Refusal, refusal, tooHigh, tooLow } from './refusal.ts';
import { billingItemOf, defaultName, parametersOf, pick, type State } from './state.ts';
import type { Switches } from './switches.ts';
import type { Cause, Transitions } from './transitions.ts';

export interface NewOrder {
  plan: number;
  buyer: number;
  type?: SubscriptionType;
  /** Units of the plan's extra resource; when absent, as few as the plan sells, and 25 for a trial. */
  licenses?: number;
  /** By code. */
  parameters?: Record<string, string>;
  /** Whether a card is on file that pays this and later invoices at once. */
  paid?: boolean;
  /** Milliseconds since the epoch. */
  startAt?: number;
  resellerSlug?: string;
  requiresApproval?: boolean;
  externalReference?: string;
}

/** What a change of plan or quantity led to. */
export interface ChangeResult {
  upgrade: 'PAID' | 'DEFERRED' | 'FREE';
  order: Order;
  invoice?: Invoice;
}

const TRIAL_UNITS = 25;

export type Ordering = ReturnType<typeof createOrdering>;

/** Returns the ways to buy: new subscriptions, other plans, other quantities. */
export function createOrdering(parts: {
  clock: Clock;
  state: State;
  switches: Switches;
  ledger: Ledger;
  transitions: Transitions;
  periods: BillingPeriods;
  lifecycle: Lifecycle;
}) {
  const { clock, state, switches, ledger, transitions, periods, lifecycle } = parts;

  /**
   * Places an order and returns its new subscription. Values of parameters are taken as they come.
   *
   * @throws {Refusal} when plan, buyer or reseller are unknown, or plan and order do not fit
   */
  function place(input: NewOrder, cause: Cause): Subscription {
    const plan = pick(state.plans, 'ProductVersion', input.plan);
    const product = pick(state.products, 'Product', idOf(plan.product));
    const buyer = pick(state.users, 'User', input.buyer);
    const type = input.type ?? 'NORMAL';
    if (type === 'TRIAL' && plan.trial === 'NOT_ALLOWED') throw refusal(400, 'The plan has no trial');
    const licenses = unitsFor(plan, input.licenses, type);
    const codes = new Set(parametersOf(state, plan).map(({ code }) => code));
    const unknown = Object.keys(input.parameters ?? {}).find((code) => !codes.has(code));
    if (unknown !== undefined) throw refusal(400, `The plan has no parameter ${unknown}`);
    const reseller = [...state.resellers.values()].find(({ slug }) => slug === input.resellerSlug);
    if (input.resellerSlug !== undefined && reseller === undefined) throw refusal(400, 'The reseller is unknown');

    const now = clock.now();
    const subscription: Subscription = {
      id: state.nextId('subscription'),
      name: defaultName(product, plan, type),
      namedBy: 'platform',
      deploymentStatus: 'PENDING',
      type,
      product: product.id,
      plan: plan.id,
      buyer: buyer.id,
      ...(licenses === undefined ? {} : { licenses }),
      parameters: { ...input.parameters },
      cardOnFile: input.paid ?? false,
      autoRenew: type === 'NORMAL' && (plan.autoRenewable ?? false),
      createdAt: now,
      updatedAt: now,
      orders: [],
      invoices: [],
      endpoints: [],
      instructions: {},
      credentials: [],
      oneshotCosts: [],
      recurringCosts: [],
      waitingChanges: [],
      statusHistory: [],
      deploymentLog: [],
      ...(input.resellerSlug === undefined ? {} : { resellerSlug: input.resellerSlug }),
      invisibleReads: switches.invisibleReads,
      deleted: false,
    };
    state.subscriptions.set(subscription.id, subscription);
    const needsApproval = input.requiresApproval ?? product.subscriptionApproval ?? false;
    const order = ledger.addOrder(subscription, type, cause, {
      ...(needsApproval ? { status: 'REQUIRES_APPROVAL' } : {}),
      ...(input.startAt === undefined ? {} : { startAt: input.startAt }),
      ...(input.externalReference === undefined ? {} : { externalReference: input.externalReference }),
    });
    lifecycle.accept(subscription, order, cause);
    return subscription;
  }

  function unitsFor(plan: Plan, wanted: number | undefined, type: SubscriptionType): number | undefined {
    if (billingItemOf(state, plan) === undefined) {
      if (wanted !== undefined) throw refusal(400, 'The plan has no extra resource to choose a quantity of');
      return undefined;
    }
    const units = wanted ?? (type === 'TRIAL' ? TRIAL_UNITS : (plan.billingItemValues[0]?.start ?? 1));
    checkUnits(plan, units);
    return units;
  }

  function checkUnits(plan: Plan, units: number): void {
    const lowest = Math.min(...plan.billingItemValues.map(({ start }) => start));
    const highest = Math.max(...plan.billingItemValues.map(({ end }) => end ?? Infinity));
    if (!Number.isInteger(units)) throw refusal(400, 'A quantity is a whole number');
    if (units < lowest) throw new Refusal(400, tooLow(lowest));
    if (units > highest) throw new Refusal(400, tooHigh(highest));
  }

  /**
   * Moves a running subscription to another plan of its product: at once with a prorated invoice when that costs more,
   * at the next period when it costs less, at once without invoice when it costs the same.
   */
  function changePlan(id: number, planId: number, payment: { paid?: boolean }, cause: Cause): ChangeResult {
    const subscription = transitions.find(id);
    requireActive(subscription);
    const from = periods.planOf(subscription);
    const to = pick(state.plans, 'ProductVersion', planId);
    if (to.id === from.id) throw refusal(400, 'The subscription is on this plan already');
    if (idOf(to.product) !== subscription.product || from.upgradable === false) {
      throw refusal(400, 'The plan is not a possible upgrade');
    }
    const units = subscription.licenses ?? 0;
    const difference = monthlyPrice(to, units) - monthlyPrice(from, units);
    const order = ledger.addOrder(subscription, 'SYNDICATED_UPGRADE', cause, { plan: planId });
    return change(subscription, order, { plan: planId }, difference * from.billingPeriod, payment);
  }

  /** Sets another quantity: more at once with a prorated invoice, fewer at the next period. */
  function changeQuantity(id: number, licenses: number, payment: { paid?: boolean }, cause: Cause): ChangeResult {
    const subscription = transitions.find(id);
    requireActive(subscription);
    const plan = periods.planOf(subscription);
    const item = billingItemOf(state, plan);
    if (item === undefined) throw refusal(400, 'The plan has no extra resource to choose a quantity of');
    checkUnits(plan, licenses);
    const before = subscription.licenses ?? 0;
    if (licenses === before) throw refusal(400, 'The subscription has this quantity already');
    if (licenses < before && item.downgradable === false) throw refusal(400, 'The resource cannot be lowered');
    const difference = (monthlyPrice(plan, licenses) - monthlyPrice(plan, before)) * plan.billingPeriod;
    const order = ledger.addOrder(subscription, 'BILLING_ITEM_UPGRADE', cause, { licenses });
    return change(subscription, order, { licenses }, licenses < before ? -1 : difference, payment);
  }

  function change(
    subscription: Subscription,
    order: Order,
    wanted: { plan?: number; licenses?: number },
    periodDifference: number,
    payment: { paid?: boolean },
  ): ChangeResult {
    if (periodDifference < 0) {
      order.status = 'DEFERRED';
      if (subscription.nextBillingAt !== undefined) order.startAt = subscription.nextBillingAt;
      subscription.waitingChanges.push({ order: order.id, ...wanted, until: 'next-period' });
      return { upgrade: 'DEFERRED', order };
    }
    const price = periodDifference * restOfPeriod(subscription);
    const paid = payment.paid ?? subscription.cardOnFile;
    const invoice = periods.charge(subscription, order, { paid, price });
    const waits = invoice !== undefined && !paid && switches.upgradeShows === 'settled';
    if (waits) subscription.waitingChanges.push({ order: order.id, ...wanted, until: 'invoice-paid' });
    else periods.applyChange(subscription, wanted);
    transitions.touch(subscription);
    if (invoice !== undefined || switches.freeChangeEmitsEvent) transitions.emit(subscription, 'MODIFIED');
    return invoice === undefined ? { upgrade: 'FREE', order } : { upgrade: 'PAID', order, invoice };
  }

  /** The part of the period that is left, by the hour. */
  function restOfPeriod({ billingPeriodStartAt, nextBillingAt }: Subscription): number {
    if (billingPeriodStartAt === undefined || nextBillingAt === undefined) return 1;
    const wholeMs = Math.max(nextBillingAt - billingPeriodStartAt, 1);
    return Math.min(1, Math.max(0, (nextBillingAt - clock.now()) / wholeMs));
  }

  function requireActive(subscription: Subscription): void {
    if (subscription.type !== 'NORMAL') throw refusal(409, `A ${subscription.type} subscription is not changed`);
    transitions.requireDeployed(subscription);
  }

  return { place, changePlan, changeQuantity };
}
