import { path, readBody } from '../http.ts';
import type { Call, Effect } from './call.ts';
import { refusedWith } from './errors.ts';
import { Cart, Checkout, collection, Order } from './schema.ts';

/** One line of a cart. Lines are processed in their order. */
export interface NewCartLine {
  /** `product:sku:availability`, looked up just before. */
  catalogItemId: string;
  quantity: number;
  /** `monthly`, `annual`, `triennial`, `one_time`, or `none` for trials. */
  billingCycle: string;
  /** ISO 8601 duration. Left out for an Azure plan. */
  termDuration?: string;
  /** ISO instant of the last day of the first term, where that is to be shorter: one of `customTermEndDates`. */
  customTermEndDate?: string;
  /** Becomes the name of the partner subscription. Left out for an Azure plan. */
  friendlyName?: string;
  /** The indirect reseller: `transaction_reseller` with its PartnerID, and at most five `additional_transaction_reseller`. */
  participants?: { key: string; value: string }[];
}

export type Carts = ReturnType<typeof createCarts>;
export type Orders = ReturnType<typeof createOrders>;

/**
 * Returns the calls about carts, through which everything is bought: a cart can be checked out once.
 *
 * @see https://learn.microsoft.com/partner-center/developer/cart-resources
 */
export function createCarts(call: Call) {
  /**
   * Puts lines into a new cart, which lives for seven days and costs nothing. A line that will not be sold has an `error`.
   *
   * @see https://learn.microsoft.com/partner-center/developer/create-a-cart
   */
  async function create(
    customerId: string,
    { lineItems }: { lineItems: NewCartLine[] },
    { requestId }: Effect,
  ): Promise<Cart> {
    const answer = await call({
      method: 'POST',
      path: path`/v1/customers/${customerId}/carts`,
      requestId,
      body: {
        // We state that we act as the direct partner, or as provider of the reseller who is named.
        PartnerOnRecordAttestationAccepted: true,
        lineItems: lineItems.map((line, id) => ({ id, ...line })),
      },
    });
    return readBody(answer, Cart);
  }

  /** A cart as it stands; `undefined` once it has expired. */
  async function get(customerId: string, cartId: string): Promise<Cart | undefined> {
    const answer = await call({
      method: 'GET',
      path: path`/v1/customers/${customerId}/carts/${cartId}`,
      accept: refusedWith('800008'),
    });
    return answer.status === 404 ? undefined : readBody(answer, Cart);
  }

  /**
   * Buys what is in a cart. Success may contain failures: `orderErrors` has those groups of lines that were not ordered.
   *
   * Repeated, it answers as the first time, or with `partner-center.800065` because the cart was submitted.
   *
   * @see https://learn.microsoft.com/partner-center/developer/checkout-a-cart
   */
  async function checkout(customerId: string, cartId: string, { requestId }: Effect): Promise<Checkout> {
    const answer = await call({
      method: 'POST',
      path: path`/v1/customers/${customerId}/carts/${cartId}/checkout`,
      requestId,
    });
    return readBody(answer, Checkout);
  }

  return { create, get, checkout };
}

/**
 * Returns the calls about orders.
 *
 * @see https://learn.microsoft.com/partner-center/developer/order-resources
 */
export function createOrders(call: Call) {
  /**
   * An order, with its prices if these are wanted; `undefined` when there is none, or not yet: a new one may take 15 minutes to show.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-an-order-by-id
   */
  async function get(customerId: string, orderId: string, { withPrice = false } = {}): Promise<Order | undefined> {
    const answer = await call({
      method: 'GET',
      path: path`/v1/customers/${customerId}/orders/${orderId}`,
      ...(withPrice && { query: { include_price: 'true' } }),
      accept: refusedWith('20000'),
    });
    return answer.status === 404 ? undefined : readBody(answer, Order);
  }

  /**
   * All orders of a customer. A new one may take 15 minutes to show.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-all-of-a-customer-s-orders
   */
  async function list(customerId: string): Promise<Order[]> {
    return readBody(await call({ method: 'GET', path: path`/v1/customers/${customerId}/orders` }), collection(Order));
  }

  return { get, list };
}
