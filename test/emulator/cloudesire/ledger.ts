import type { Clock } from '../core/clock.ts';
import type { Events } from './events.ts';
import type { Invoice, Order, OrderType, Subscription } from './model.ts';
import { CURRENCY, money, withVat } from './prices.ts';
import { pick, type State } from './state.ts';
import type { Switches } from './switches.ts';
import type { Cause } from './transitions.ts';

export type Ledger = ReturnType<typeof createLedger>;

/** Returns the orders and invoices of subscriptions: how they come about, and what is still open. */
export function createLedger(parts: { clock: Clock; state: State; switches: Switches; events: Events }) {
  const { clock, state, switches, events } = parts;

  function addOrder(subscription: Subscription, type: OrderType, cause: Cause, details: Partial<Order> = {}): Order {
    const order: Order = {
      id: state.nextId('order'),
      type,
      subscription: subscription.id,
      buyer: subscription.buyer,
      creator: cause.user ?? subscription.buyer,
      plan: subscription.plan,
      ...(subscription.licenses === undefined ? {} : { licenses: subscription.licenses }),
      ...(subscription.resellerSlug === undefined ? {} : { resellerSlug: subscription.resellerSlug }),
      date: clock.now(),
      ...details,
    };
    state.orders.set(order.id, order);
    subscription.orders.push(order.id);
    const { id, plan, licenses } = order;
    state.note('order-placed', {
      subscription: subscription.id,
      order: id,
      type,
      plan,
      ...(licenses === undefined ? {} : { licenses }),
      ...(cause.requestId === undefined ? {} : { requestId: cause.requestId }),
    });
    return order;
  }

  /** Issues an invoice over `price` (without VAT), settled at once when `paid`. */
  function issueInvoice(
    subscription: Subscription,
    charge: { order?: Order; type: OrderType; price: number; description: string; paid: boolean },
  ): Invoice {
    const { order, type, price, description, paid } = charge;
    const invoice: Invoice = {
      id: state.nextId('invoice'),
      type,
      subscription: subscription.id,
      plan: order?.plan ?? subscription.plan,
      ...(order === undefined ? {} : { order: order.id }),
      nominee: subscription.buyer,
      date: clock.now(),
      price: money(price),
      total: withVat(price),
      currency: CURRENCY,
      description,
      status: 'UNPAID',
    };
    state.invoices.set(invoice.id, invoice);
    subscription.invoices.push(invoice.id);
    state.note('invoice-issued', { subscription: subscription.id, invoice: invoice.id, type, price: invoice.price });
    events.emit({ entity: 'Invoice', id: invoice.id, type: 'CREATED' });
    if (order !== undefined) {
      order.status = 'PAID';
      order.totalPrice = invoice.total;
    }
    if (paid) settle(invoice, `card-${invoice.id}`);
    return invoice;
  }

  function settle(invoice: Invoice, reference: string): void {
    invoice.status = 'PAID';
    invoice.paymentReference = reference;
    invoice.paymentReceivedAt = clock.now();
    state.note('invoice-paid', { subscription: invoice.subscription, invoice: invoice.id });
    events.emit({ entity: 'Invoice', id: invoice.id, type: 'MODIFIED' });
  }

  function invoicesOf(subscription: Subscription): Invoice[] {
    return subscription.invoices.map((id) => pick(state.invoices, 'Invoice', id));
  }

  function openInvoices(subscription: Subscription): Invoice[] {
    return invoicesOf(subscription).filter(isOpen);
  }

  /** Whether every invoice so far is paid; without invoices a trial goes by the switch. */
  function isPaid(subscription: Subscription): boolean {
    if (subscription.invoices.length > 0) return openInvoices(subscription).length === 0;
    if (subscription.type === 'TRIAL') return switches.trialPaid;
    return !['REQUIRES_APPROVAL', 'REJECTED', 'POSTPONED'].includes(subscription.deploymentStatus);
  }

  return { addOrder, issueInvoice, settle, invoicesOf, openInvoices, isPaid };
}

/** `DELAYED` counts as paid although no money has come yet. */
export function isOpen({ status }: Invoice): boolean {
  return status !== 'PAID' && status !== 'DELAYED';
}
