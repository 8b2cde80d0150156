import type { Clock } from '../core/clock.ts';
import { addMonths, DAY_MS, HOUR_MS } from './calendar.ts';
import { isOpen, type Ledger } from './ledger.ts';
import type { Invoice, Order, Plan, Subscription, WaitingChange } from './model.ts';
import { periodPrice } from './prices.ts';
import { refusal } from './refusal.ts';
import { defaultName, pick, type State } from './state.ts';
import type { Switches } from './switches.ts';
import { type Cause, PLATFORM, TERMINABLE, type Transitions } from './transitions.ts';

export type BillingPeriods = ReturnType<typeof createBillingPeriods>;

/** Returns what time does to a running subscription: periods, renewals, the end, and overdue invoices. */
export function createBillingPeriods(parts: {
  clock: Clock;
  state: State;
  switches: Switches;
  ledger: Ledger;
  transitions: Transitions;
}) {
  const { clock, state, switches, ledger, transitions } = parts;

  function planOf(subscription: Subscription): Plan {
    return pick(state.plans, 'ProductVersion', subscription.plan);
  }

  /** Sets begin and end once provisioning is reported; nothing when the subscription has started before. */
  function start(subscription: Subscription): void {
    if (subscription.startAt !== undefined) return;
    const plan = planOf(subscription);
    const now = clock.now();
    subscription.startAt = now;
    if (subscription.type === 'TRIAL') subscription.endAt = now + (plan.trialLength ?? 1) * DAY_MS;
    else if (subscription.type === 'SANDBOX') subscription.endAt = now + switches.sandboxHours * HOUR_MS;
    else if (plan.lifespan !== undefined) subscription.endAt = now + plan.lifespan * HOUR_MS;
    else if (plan.minimumDuration > 0) subscription.endAt = addMonths(now, plan.minimumDuration);

    const order = state.orders.get(subscription.orders[0] ?? 0);
    if (order !== undefined) {
      order.startAt = now;
      if (subscription.endAt !== undefined) order.endOfPeriodAt = subscription.endAt;
    }
    const isPeriodic = subscription.type === 'NORMAL' && plan.lifespan === undefined && plan.billingPeriod > 0;
    const next = isPeriodic ? addMonths(now, plan.billingPeriod) : subscription.endAt;
    if (next !== undefined) nextPeriodAt(subscription, next);
  }

  function nextPeriodAt(subscription: Subscription, wantedAt: number): void {
    const at = Math.min(wantedAt, subscription.endAt ?? wantedAt);
    subscription.nextBillingAt = at;
    transitions.schedule(subscription, 'period-end', at, () => endPeriod(subscription));
  }

  function endPeriod(subscription: Subscription): void {
    const { endAt, type, deploymentStatus, autoRenew, cardOnFile } = subscription;
    if (endAt === undefined || clock.now() < endAt) {
      nextPeriod(subscription);
      return;
    }
    const mayRenew = deploymentStatus === 'DEPLOYED' && autoRenew && planOf(subscription).lifespan === undefined;
    if (mayRenew && type === 'TRIAL') convertTrial(subscription.id, { paid: cardOnFile }, PLATFORM);
    else if (mayRenew && type === 'NORMAL') renew(subscription.id, { paid: cardOnFile }, PLATFORM);
    else if (TERMINABLE.includes(deploymentStatus)) transitions.undeploy(subscription, PLATFORM);
  }

  /** A billing period inside a longer commitment: deferred changes take effect, and the next invoice is issued. */
  function nextPeriod(subscription: Subscription): void {
    const from = clock.now();
    if (subscription.deploymentStatus !== 'DEPLOYED') {
      nextPeriodAt(subscription, addMonths(from, planOf(subscription).billingPeriod));
      return;
    }
    applyDeferredChanges(subscription);
    const order = ledger.addOrder(subscription, 'MONTHLY', PLATFORM, { startAt: from });
    openPeriod(subscription, order, from);
    charge(subscription, order, { paid: subscription.cardOnFile });
    transitions.touch(subscription);
    transitions.emit(subscription, 'MODIFIED');
  }

  function openPeriod(subscription: Subscription, order: Order, from: number): void {
    const plan = planOf(subscription);
    const to = addMonths(from, Math.max(plan.billingPeriod, 1));
    order.startAt = from;
    order.endOfPeriodAt = to;
    subscription.billingPeriodStartAt = from;
    subscription.billingPeriodEndAt = to;
    nextPeriodAt(subscription, to);
  }

  function applyDeferredChanges(subscription: Subscription): void {
    applyChanges(
      subscription,
      subscription.waitingChanges.filter(({ until }) => until === 'next-period'),
    );
  }

  /** Lets changes take effect whose invoice is paid by now. */
  function applyPaidChanges(subscription: Subscription): void {
    const unpaid = new Set(ledger.openInvoices(subscription).map(({ order }) => order));
    applyChanges(
      subscription,
      subscription.waitingChanges.filter(({ until, order }) => until === 'invoice-paid' && !unpaid.has(order)),
    );
  }

  function applyChange(subscription: Subscription, { plan, licenses }: { plan?: number; licenses?: number }): void {
    if (licenses !== undefined) subscription.licenses = licenses;
    if (plan === undefined) return;
    subscription.plan = plan;
    if (subscription.namedBy !== 'platform') return;
    const product = pick(state.products, 'Product', subscription.product);
    subscription.name = defaultName(product, planOf(subscription), subscription.type);
  }

  function applyChanges(subscription: Subscription, due: WaitingChange[]): void {
    for (const { order, ...wanted } of due) {
      applyChange(subscription, wanted);
      state.note('change-applied', { subscription: subscription.id, order });
    }
    subscription.waitingChanges = subscription.waitingChanges.filter((change) => !due.includes(change));
  }

  /** Invoices an order, by default over one period. Unpaid, it is due after some days and then leads to suspension. */
  function charge(
    subscription: Subscription,
    order: Order,
    { paid, price = periodPrice(planOf(subscription), subscription.licenses ?? 0) }: { paid: boolean; price?: number },
  ): Invoice | undefined {
    if (price <= 0) {
      order.status = 'FREE';
      return undefined;
    }
    const { type } = order;
    const invoice = ledger.issueInvoice(subscription, { order, type, price, description: 'Period charge', paid });
    if (!paid) {
      const overdueAt = clock.now() + (switches.invoiceTermDays + switches.sleepDays) * DAY_MS;
      transitions.schedule(subscription, `overdue-${invoice.id}`, overdueAt, () => {
        if (isOpen(invoice) && subscription.deploymentStatus === 'DEPLOYED') transitions.suspend(subscription);
      });
    }
    return invoice;
  }

  /**
   * Renews a running subscription: its end moves by the plan's duration, deferred changes take effect and an invoice is
   * issued, paid as the card on file allows unless told otherwise. A renewal counts as the begin of the new period
   * whenever it happens. A trial is converted instead.
   */
  function renew(id: number, payment: { paid?: boolean }, cause: Cause): Order {
    const subscription = transitions.find(id);
    transitions.requireDeployed(subscription);
    if (subscription.type === 'TRIAL') return convertTrial(id, payment, cause);
    if (subscription.type === 'SANDBOX') throw refusal(409, 'A sandbox is not renewed');
    if (planOf(subscription).lifespan !== undefined) throw refusal(409, 'The plan does not renew');
    applyDeferredChanges(subscription);
    const from = subscription.endAt ?? subscription.nextBillingAt ?? clock.now();
    const order = ledger.addOrder(subscription, 'RENEWAL', cause, { previousBillingPeriodEndAt: from });
    prolong(subscription, order, from, payment);
    return order;
  }

  /** Turns a running trial into a paid subscription, whose first paid period follows the trial. */
  function convertTrial(id: number, payment: { paid?: boolean }, cause: Cause): Order {
    const subscription = transitions.find(id);
    transitions.requireDeployed(subscription);
    const plan = planOf(subscription);
    if (subscription.type !== 'TRIAL') throw refusal(409, `Subscription ${id} is not a trial`);
    if (plan.lifespan !== undefined) throw refusal(409, 'A trial of a plan with a lifespan is not converted');
    subscription.type = 'NORMAL';
    subscription.autoRenew = plan.autoRenewable ?? false;
    const order = ledger.addOrder(subscription, 'RENEWAL', cause);
    state.note('trial-converted', { subscription: id, order: order.id });
    prolong(subscription, order, subscription.endAt ?? clock.now(), payment);
    return order;
  }

  function prolong(subscription: Subscription, order: Order, from: number, payment: { paid?: boolean }): void {
    const { minimumDuration } = planOf(subscription);
    if (minimumDuration > 0) subscription.endAt = addMonths(from, minimumDuration);
    else delete subscription.endAt;
    openPeriod(subscription, order, from);
    charge(subscription, order, { paid: payment.paid ?? subscription.cardOnFile });
    transitions.touch(subscription);
    transitions.emit(subscription, 'MODIFIED');
  }

  return { planOf, start, charge, renew, convertTrial, applyChange, applyPaidChanges };
}
