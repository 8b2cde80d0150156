import type { Books, Cause } from './books.ts';
import { printInstant } from './calendar.ts';
import { findCountry } from './countries.ts';
import { newOrderId } from './identifiers.ts';
import type { Customer, Line, LineError, Order, OrderLine, OrderStatus } from './model.ts';
import type { LineParts } from './purchase-lines.ts';
import { refusal } from './refusals.ts';
import { linkTo } from './replies.ts';
import type { Schedule } from './schedule.ts';
import type { Subscriptions } from './subscriptions.ts';

/** How an order may come out other than well: a final status, or a refusal (`credit`, `credit-line`, `risk`). */
export type OrderOutcome = Exclude<OrderStatus, 'completed' | 'pending'> | 'credit' | 'credit-line' | 'risk';

const REFUSALS: Partial<Record<OrderOutcome, number>> = { credit: 900121, 'credit-line': 800023 };
const OUTCOMES_BY_NAME: Record<string, OrderOutcome> = {
  error: 'error',
  cancelled: 'cancelled',
  suspended: 'suspended',
  'pending-review': 'pending review',
  po: 'pending po upload',
  'po-rejected': 'po review rejected',
  partial: 'partial success',
  unknown: 'unknown',
  credit: 'credit',
  'credit-line': 'credit-line',
  risk: 'risk',
};

export interface OrdersParts extends LineParts {
  books: Books;
  schedule: Schedule;
  subscriptions: Subscriptions;
}

export interface NewOrder {
  customer: Customer;
  lines: Line[];
  cause: Cause;
  cartId?: string;
  billingCycle?: string;
}

export interface Orders {
  /** Places an order, or tells why this group of lines is refused. */
  place(order: NewOrder): Order | LineError;
  /** Ends a pending order, with subscriptions when it is completed. */
  settle(order: Order, status: OrderStatus, cause: Cause): void;
  view(order: Order, options?: { withPrice?: boolean }): object;
  /** Lets the next `times` orders come out this way. */
  force(outcome: OrderOutcome, times: number): void;
  reset(): void;
}

/**
 * Orders: pending for some seconds of virtual time, then completed and provisioned. A line named `EMU:error`,
 * `EMU:pending-review`, `EMU:po`, `EMU:credit`, `EMU:risk` or `EMU:slow=600` (seconds) makes its order come out that way.
 *
 * @see https://learn.microsoft.com/partner-center/developer/order-resources
 */
export function createOrders(parts: OrdersParts): Orders {
  const { clock, state, switches, books, schedule, subscriptions } = parts;
  let forced: { outcome: OrderOutcome; times: number } | undefined;

  function takeForced(): OrderOutcome | undefined {
    const outcome = forced?.outcome;
    if (forced !== undefined) forced = forced.times > 1 ? { ...forced, times: forced.times - 1 } : undefined;
    return outcome;
  }

  function place({ customer, lines, cause, cartId, billingCycle }: NewOrder): Order | LineError {
    const wish = readWish(lines);
    const outcome = takeForced() ?? wish.outcome;
    const facts = { customerId: customer.id, ...(cartId === undefined ? {} : { cartId }), lines: lines.map(sumUp) };
    const refused = outcome === undefined ? undefined : REFUSALS[outcome];
    if (refused !== undefined) {
      books.write('order refused', cause, { ...facts, code: refused });
      throw refusal(403, refused);
    }
    if (outcome === 'risk') {
      books.write('order refused', cause, { ...facts, code: 800069 });
      return { code: 800069, description: 'Order failed Risk Management check' };
    }

    const order: Order = {
      id: newOrderId(),
      customerId: customer.id,
      country: customer.country,
      billingCycle: billingCycle ?? lines[0]?.billingCycle ?? 'none',
      createdAt: clock.now(),
      status: 'pending',
      lines: lines.map((line, number): OrderLine => ({ ...line, number })),
    };
    state.orders.set(order.id, order);
    const seats = lines.reduce((sum, { quantity }) => sum + quantity, 0);
    books.write('order placed', cause, { orderId: order.id, seats, ...facts });

    const delayMs = wish.delayMs ?? switches.orderDelayMs;
    const status = (outcome as OrderStatus | undefined) ?? 'completed';
    if (delayMs === 0) settle(order, status, { by: 'microsoft' });
    else schedule.at(clock.now() + delayMs, () => settle(order, status, { by: 'microsoft' }));
    return order;
  }

  function settle(order: Order, status: OrderStatus, cause: Cause): void {
    order.status = status;
    const provisioned =
      status === 'completed' ? order.lines : status === 'partial success' ? order.lines.slice(0, 1) : [];
    for (const line of provisioned) {
      if (line.subscriptionId !== undefined) continue;
      line.subscriptionId = subscriptions.create(order, line);
      line.subscriptionShownAt = clock.now() + switches.subscriptionIdDelayMs;
    }
    const subscriptionIds = order.lines.map(({ subscriptionId }) => subscriptionId).filter((id) => id !== undefined);
    books.write('order settled', cause, { orderId: order.id, customerId: order.customerId, status, subscriptionIds });
  }

  function view(order: Order, { withPrice = false }: { withPrice?: boolean } = {}): object {
    const path = `/customers/${order.customerId}/orders/${order.id}`;
    const currencyCode = order.lines[0]?.currencyCode ?? 'EUR';
    const prices = order.lines.map(({ pricing }) => pricing?.extendedPrice).filter((price) => price !== undefined);
    const total = prices.reduce((sum, price) => sum + price, 0);
    return {
      id: order.id,
      alternateId: order.id,
      referenceCustomerId: order.customerId,
      billingCycle: order.billingCycle,
      currencyCode,
      currencySymbol: symbolOf(currencyCode, order.country),
      lineItems: order.lines.map((line) => viewLine(order, line, withPrice)),
      creationDate: printInstant(order.createdAt),
      status: switches.orderStatusSpelling === 'snake' ? order.status.replaceAll(' ', '_') : order.status,
      transactionType: 'UserPurchase',
      links: {
        self: linkTo(path),
        provisioningStatus: linkTo(`${path}/provisioningstatus`),
        patchOperation: linkTo(path, 'PATCH'),
      },
      ...(withPrice && prices.length > 0 ? { totalPrice: Math.round(total * 100) / 100 } : {}),
      client: {},
      attributes: { objectType: 'Order' },
    };
  }

  function viewLine({ customerId, country }: Order, line: OrderLine, withPrice: boolean): object {
    const [productId, skuId, availabilityId] = line.catalogItemId.split(':');
    const { subscriptionId, subscriptionShownAt = 0, pricing, partnerIdOnRecord, additionalPartnerIdsOnRecord } = line;
    const isShown = subscriptionId !== undefined && subscriptionShownAt <= clock.now();
    const product = `/products/${productId}`;
    const sku = `${product}/skus/${skuId}`;
    return {
      lineItemNumber: line.number,
      offerId: line.catalogItemId,
      ...(isShown ? { subscriptionId } : {}),
      ...(line.termDuration === undefined ? {} : { termDuration: line.termDuration }),
      transactionType: 'New',
      friendlyName: line.friendlyName ?? parts.catalog.findSku(productId!, skuId!)?.title,
      quantity: line.quantity,
      ...(partnerIdOnRecord === undefined ? {} : { partnerIdOnRecord }),
      ...(additionalPartnerIdsOnRecord === undefined ? {} : { additionalPartnerIdsOnRecord }),
      ...(withPrice && pricing !== undefined ? { pricing: { ...pricing } } : {}),
      links: {
        product: linkTo(`${product}?country=${country}`),
        sku: linkTo(`${sku}?country=${country}`),
        availability: linkTo(`${sku}/availabilities/${availabilityId}?country=${country}`),
        ...(isShown ? { subscription: linkTo(`/customers/${customerId}/subscriptions/${subscriptionId}`) } : {}),
      },
    };
  }

  return {
    place,
    settle,
    view,
    force(outcome, times) {
      if (!Object.values(OUTCOMES_BY_NAME).includes(outcome)) {
        throw new Error(`An order comes out as one of ${Object.values(OUTCOMES_BY_NAME).join(', ')}.`);
      }
      forced = { outcome, times };
    },
    reset() {
      forced = undefined;
    },
  };
}

function readWish(lines: Line[]): { outcome?: OrderOutcome; delayMs?: number } {
  for (const { friendlyName } of lines) {
    const wish = /^EMU:([a-z-]+)(?:=(\d+))?$/.exec(friendlyName ?? '');
    if (wish === null) continue;
    if (wish[1] === 'slow') return { delayMs: Number(wish[2] ?? 0) * 1000 };
    const outcome = OUTCOMES_BY_NAME[wish[1]!];
    if (outcome !== undefined) return { outcome };
  }
  return {};
}

function sumUp({ catalogItemId, quantity, termDuration, billingCycle }: Line): object {
  return { catalogItemId, seats: quantity, billingCycle, ...(termDuration === undefined ? {} : { termDuration }) };
}

function symbolOf(currencyCode: string, country: string): string {
  const currency = findCountry(country)?.currency;
  return currency?.code === currencyCode ? currency.symbol : '€';
}
