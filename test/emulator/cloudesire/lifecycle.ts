import type { Clock } from '../core/clock.ts';
import type { BillingPeriods } from './billing-periods.ts';
import { addMonths, DAY_MS } from './calendar.ts';
import type { Ledger } from './ledger.ts';
import type { DeploymentStatus, Invoice, Order, Subscription } from './model.ts';
import { periodPrice } from './prices.ts';
import { refusal } from './refusal.ts';
import { pick, type State } from './state.ts';
import type { Switches } from './switches.ts';
import { type Cause, PLATFORM, TERMINABLE, type Transitions } from './transitions.ts';

const CUSTOMER: Cause = { by: 'customer' };
const AUDITOR: Cause = { by: 'auditor' };

export type Lifecycle = ReturnType<typeof createLifecycle>;

/**
 * Returns what people do to subscriptions outside the connector: approve, pay, let expire, terminate.
 *
 * @see https://docs.cloudesire.com/docs/syndication.html
 */
export function createLifecycle(parts: {
  clock: Clock;
  state: State;
  switches: Switches;
  ledger: Ledger;
  transitions: Transitions;
  periods: BillingPeriods;
}) {
  const { clock, state, switches, ledger, transitions, periods } = parts;
  const { find, setStatus, emit } = transitions;

  /** Takes a new order: to the auditor, to its later start, or on to payment and provisioning. */
  function accept(subscription: Subscription, order: Order, cause: Cause): void {
    if (order.status === 'REQUIRES_APPROVAL') setStatus(subscription, 'REQUIRES_APPROVAL', cause);
    else proceed(subscription, order, cause);
    emit(subscription, 'CREATED');
  }

  function proceed(subscription: Subscription, order: Order, cause: Cause): void {
    if (order.startAt === undefined || order.startAt <= clock.now()) {
      begin(subscription, order, cause);
      return;
    }
    order.status = 'POSTPONED';
    setStatus(subscription, 'POSTPONED', cause);
    transitions.schedule(subscription, 'postponed-start', order.startAt, () => {
      if (subscription.deploymentStatus !== 'POSTPONED') return;
      delete order.status;
      begin(subscription, order, PLATFORM);
      emit(subscription, 'MODIFIED');
    });
  }

  /** Invoices the first period, or lets a trial, a sandbox or a free plan pass. */
  function begin(subscription: Subscription, order: Order, cause: Cause): void {
    const plan = periods.planOf(subscription);
    const price = subscription.type === 'NORMAL' ? periodPrice(plan, subscription.licenses ?? 0) : 0;
    if (subscription.type === 'NORMAL') {
      subscription.billingPeriodStartAt = clock.now();
      subscription.billingPeriodEndAt = addMonths(clock.now(), plan.billingPeriod);
    }
    if (price === 0) {
      if (subscription.type !== 'SANDBOX') order.status = 'FREE';
      setStatus(subscription, 'PENDING', cause);
      return;
    }
    const paid = subscription.cardOnFile;
    ledger.issueInvoice(subscription, { order, type: order.type, price, description: 'Period charge', paid });
    setStatus(subscription, paid ? 'PENDING' : 'WAITING_PAYMENT', cause);
    if (paid) return;
    const expiresAt = clock.now() + switches.firstPaymentDays * DAY_MS;
    transitions.schedule(subscription, 'first-payment', expiresAt, () => {
      if (subscription.deploymentStatus === 'WAITING_PAYMENT') expirePayment(subscription.id);
    });
  }

  function orderToApprove(subscription: Subscription): Order {
    const orders = subscription.orders.map((id) => pick(state.orders, 'Order', id));
    const order = orders.find(({ status }) => status === 'REQUIRES_APPROVAL');
    if (order === undefined) throw refusal(409, `No order of subscription ${subscription.id} waits for approval`);
    return order;
  }

  function approve(id: number, cause: Cause = AUDITOR): void {
    const subscription = find(id);
    const order = orderToApprove(subscription);
    delete order.status;
    order.approvedAt = clock.now();
    if (cause.user !== undefined) order.approvedBy = cause.user;
    proceed(subscription, order, cause);
    emit(subscription, 'MODIFIED');
  }

  function reject(id: number, cause: Cause = AUDITOR): void {
    const subscription = find(id);
    orderToApprove(subscription).status = 'REJECTED';
    setStatus(subscription, 'REJECTED', cause);
    emit(subscription, 'MODIFIED');
  }

  function expirePayment(id: number): void {
    const subscription = find(id);
    if (subscription.deploymentStatus !== 'WAITING_PAYMENT') {
      throw refusal(409, `Subscription ${id} is not waiting for its first payment`);
    }
    for (const invoice of ledger.openInvoices(subscription)) invoice.status = 'EXPIRED';
    setStatus(subscription, 'PAYMENT_EXPIRED', PLATFORM);
    emit(subscription, 'MODIFIED');
  }

  /** Pays one invoice, or all that are open: a first order goes on, a suspended subscription resumes. */
  function pay(id: number, cause: Cause = CUSTOMER, only?: { invoice: Invoice; reference?: string }): Invoice[] {
    const subscription = find(id);
    const open = only === undefined ? ledger.openInvoices(subscription) : [only.invoice];
    if (open.length === 0) throw refusal(409, `Subscription ${id} has no open invoice`);
    if (open.some(({ status }) => status === 'EXPIRED')) throw refusal(409, 'The invoice has expired');
    for (const invoice of open) ledger.settle(invoice, only?.reference ?? `pay-${invoice.id}`);
    periods.applyPaidChanges(subscription);
    transitions.touch(subscription);

    const isPaid = ledger.isPaid(subscription);
    if (isPaid && subscription.deploymentStatus === 'WAITING_PAYMENT') {
      setStatus(subscription, 'PENDING', cause);
      emit(subscription, 'MODIFIED');
    } else if (isPaid && subscription.deploymentStatus === 'STOPPED') {
      transitions.resume(subscription);
    } else if (switches.laterPaymentEmitsEvent) {
      emit(subscription, 'MODIFIED');
    }
    return open;
  }

  /** Suspends a running subscription now, as if an invoice were overdue; for want of one the last payment bounces. */
  function stop(id: number): void {
    const subscription = find(id);
    transitions.requireDeployed(subscription);
    const newest = ledger.invoicesOf(subscription).at(-1);
    if (newest === undefined) throw refusal(409, `Subscription ${id} has no invoice that could be overdue`);
    if (ledger.openInvoices(subscription).length === 0) {
      newest.status = 'UNPAID';
      delete newest.paymentReference;
      delete newest.paymentReceivedAt;
    }
    transitions.suspend(subscription);
  }

  function terminate(id: number, cause: Cause = CUSTOMER): Order {
    const subscription = find(id);
    if (!TERMINABLE.includes(subscription.deploymentStatus)) {
      throw refusal(409, `A subscription that is ${subscription.deploymentStatus} is not terminated`);
    }
    const order = ledger.addOrder(subscription, 'TERMINATION', cause);
    delete order.licenses;
    transitions.undeploy(subscription, cause);
    return order;
  }

  function switchAutoRenew(id: number, autoRenew: boolean, cause: Cause = CUSTOMER): void {
    const subscription = find(id);
    if (subscription.autoRenew && !autoRenew) ledger.addOrder(subscription, 'UNSUBSCRIBE', cause);
    subscription.autoRenew = autoRenew;
    transitions.touch(subscription);
    state.note('auto-renew-switched', { subscription: id, autoRenew });
  }

  /** Puts a subscription into a state by hand, as an administrator of the platform can. */
  function overrideStatus(id: number, to: DeploymentStatus): void {
    const subscription = find(id);
    setStatus(subscription, to, PLATFORM);
    if (to === 'DEPLOYED') periods.start(subscription);
    emit(subscription, 'MODIFIED');
  }

  return { accept, approve, reject, expirePayment, pay, stop, terminate, switchAutoRenew, overrideStatus };
}
