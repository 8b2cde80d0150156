import type { Api, Request } from './api.ts';
import { type Fields, requireList, requireText, requireWhole, textOf, withoutAbsent } from './body.ts';
import type { Books } from './books.ts';
import { findCustomer } from './customers.ts';
import type { Customer, Line, Order, OrderLine } from './model.ts';
import type { Orders, OrdersParts } from './orders.ts';
import { refuseBlockedPurchase, refuseUnsignedReseller } from './purchase-gate.ts';
import { examineLines, type WantedLine } from './purchase-lines.ts';
import { invalidInput, type Refusal, refusal } from './refusals.ts';
import { collection, created, ok } from './replies.ts';

export interface OrderOperationParts extends OrdersParts {
  api: Api;
  books: Books;
  orders: Orders;
  partnerTenantId: string;
}

/**
 * Direct orders, reading of orders and their provisioning, and the cancellation of software.
 *
 * @see https://learn.microsoft.com/partner-center/developer/create-an-order
 * @see https://learn.microsoft.com/partner-center/developer/get-all-of-a-customer-s-orders
 */
export function defineOrders(parts: OrderOperationParts): void {
  const { api, clock, state, switches, books, orders, subscriptions } = parts;

  api.define('any', 'POST', '/v1/customers/:customerId/orders', (request) => {
    const customer = findCustomer(request, parts);
    const fields = request.fields();
    const lineItems = requireList(fields, 'lineItems');
    const billingCycle = textOf(fields, 'billingCycle')?.toLowerCase();
    const currencyCode = textOf(fields, 'currencyCode');
    const wanted = lineItems.map((line) =>
      readLine(line, { billingCycle: billingCycle ?? defaultCycle(line), currencyCode }),
    );
    if (customer.associatedPartnerId !== undefined && request.token.kind !== 'user') throw refusal(403, 900329);
    if (fields.partnerOnRecordAttestationAccepted !== true) throw refusal(400, 900206);
    refuseBlockedPurchase(customer, parts);
    const lines = examineLines(wanted, customer, parts);
    for (const line of lines) if (line.error !== undefined) throw asRefusal(line, parts);
    refuseUnsignedReseller(lines, parts);
    const { cause } = request;
    const placed = orders.place({ customer, lines, cause, ...(billingCycle === undefined ? {} : { billingCycle }) });
    if ('code' in placed) throw refusal(403, placed.code);
    return created(orders.view(placed));
  });

  api.define('any', 'GET', '/v1/customers/:customerId/orders', (request) => {
    const customer = findCustomer(request, parts);
    const { query, call } = request;
    const billingType = query.get('billingType')?.toLowerCase();
    const items = [...state.orders.values()]
      .filter((order) => order.customerId === customer.id)
      .filter((order) => order.createdAt + switches.orderListDelayMs <= clock.now())
      .filter((order) => billingType === undefined || order.billingCycle === billingType)
      .map((order) => orders.view(order, { withPrice: wantsPrice(query) }));
    return collection(items, call.path.replace(/^\/v1/i, ''));
  });

  api.define('any', 'GET', '/v1/customers/:customerId/orders/:orderId', (request) =>
    ok(orders.view(findOrder(request, findCustomer(request, parts)), { withPrice: wantsPrice(request.query) })),
  );

  api.define('user', 'GET', '/v1/customers/:customerId/orders/:orderId/provisioningstatus', (request) => {
    const order = findOrder(request, findCustomer(request, parts));
    return collection(
      order.lines.map((line) => {
        const status = provisioningOf(order, line, clock.now());
        return {
          orderLineItemId: line.number,
          lineItemNumber: line.number,
          status,
          quantityProvisioningInformation: [{ quantity: line.quantity, status }],
        };
      }),
    );
  });

  for (const path of ['/orders/:orderId/activationlinks', '/orders/:orderId/lineitems/:number/activationlinks']) {
    api.define('any', 'GET', `/v1/customers/:customerId${path}`, (request) => {
      findOrder(request, findCustomer(request, parts));
      return collection([], request.call.path.replace(/^\/v1/i, ''));
    });
  }

  api.define('any', 'PATCH', '/v1/customers/:customerId/orders/:orderId', (request) => {
    const customer = findCustomer(request, parts);
    const order = findOrder(request, customer);
    const fields = request.fields();
    if (textOf(fields, 'status')?.toLowerCase() !== 'cancelled')
      throw invalidInput('The only change of an order is its cancellation.');
    const wanted = Array.isArray(fields.lineItems) ? (fields.lineItems as Fields[]) : undefined;
    const lines = wanted === undefined ? order.lines : wanted.map((one) => findLine(order, one));
    for (const line of lines) refuseCancellation(line);
    for (const line of lines) {
      const subscription = line.subscriptionId === undefined ? undefined : state.subscriptions.get(line.subscriptionId);
      if (subscription !== undefined)
        subscriptions.end(subscription, 'deleted', request.cause, 'cancelled at the order');
      line.quantity = 0;
    }
    if (order.lines.every(({ quantity }) => quantity === 0)) order.status = 'cancelled';
    const lineNumbers = lines.map(({ number }) => number);
    books.write('order cancelled', request.cause, { customerId: customer.id, orderId: order.id, lineNumbers });
    return ok(orders.view(order));
  });

  function defaultCycle(fields: Fields): string {
    const item = parts.catalog.resolve(textOf(fields, 'offerId') ?? '');
    return typeof item !== 'string' && item.sku.supportedBillingCycles.includes('one_time') ? 'one_time' : 'monthly';
  }

  function refuseCancellation(line: OrderLine): void {
    const subscription = line.subscriptionId === undefined ? undefined : state.subscriptions.get(line.subscriptionId);
    if (subscription?.kind === 'plan' && switches.environment === 'production') throw refusal(403, 800019);
    if (subscription?.kind !== 'software') throw refusal(400, 800061);
    if (subscription.status === 'deleted') throw refusal(400, 800061);
    if ((subscription.cancellableUntil ?? 0) < clock.now()) throw refusal(400, switches.lateCancelCode);
  }

  function findOrder({ params }: Request, customer: Customer): Order {
    const order = state.orders.get(params.orderId!.toLowerCase());
    if (order === undefined || order.customerId !== customer.id) throw refusal(404, 20000);
    if (order.createdAt + switches.orderReadableAfterMs > clock.now()) throw refusal(404, 20000);
    return order;
  }
}

function wantsPrice(query: URLSearchParams): boolean {
  return query.get('include_price')?.toLowerCase() === 'true';
}

function provisioningOf(
  { status }: Order,
  { subscriptionId, subscriptionShownAt = 0 }: OrderLine,
  nowMs: number,
): string {
  if (subscriptionId !== undefined && subscriptionShownAt <= nowMs) return 'fulfilled';
  return status === 'pending' || status === 'completed' ? 'prefulfillmentPending' : 'unfulfilled';
}

function findLine(order: Order, fields: Fields): OrderLine {
  const number = requireWhole(fields, 'lineItemNumber', 0);
  const line = order.lines[number];
  if (line === undefined) throw refusal(400, 800071, 'The line number is out of range.');
  return line;
}

function readLine(fields: Fields, order: { billingCycle: string; currencyCode: string | undefined }): WantedLine {
  const { additionalPartnerIdsOnRecord } = fields;
  return withoutAbsent({
    number: requireWhole(fields, 'lineItemNumber', 0),
    catalogItemId: requireText(fields, 'offerId').toUpperCase(),
    friendlyName: textOf(fields, 'friendlyName'),
    quantity: requireWhole(fields, 'quantity', 1),
    billingCycle: order.billingCycle,
    termDuration: textOf(fields, 'termDuration')?.toUpperCase(),
    currencyCode: order.currencyCode,
    customTermEndDate: textOf(fields, 'customTermEndDate'),
    promotionId: textOf(fields, 'promotionId'),
    partnerIdOnRecord: textOf(fields, 'partnerIdOnRecord'),
    additionalPartnerIdsOnRecord: Array.isArray(additionalPartnerIdsOnRecord)
      ? additionalPartnerIdsOnRecord.map(String)
      : undefined,
  }) as WantedLine;
}

/** What a direct order answers where a cart would show an error on the line. */
function asRefusal(line: Line, { catalog }: OrderOperationParts): Refusal {
  const missing = catalog.resolve(line.catalogItemId);
  const { code = 10006, description = '' } = line.error ?? {};
  if (missing === 'product') return refusal(404, 400013);
  if (missing === 'sku') return refusal(404, 400018);
  if (missing === 'availability') return refusal(404, 400019);
  const mapped: Record<number, Refusal> = {
    10001: refusal(400, 800086),
    10004: refusal(400, 800016),
    10006: refusal(403, 2006),
    10009: refusal(400, 900116),
    10015: refusal(403, 800067),
    10017: refusal(400, 900242),
  };
  return mapped[code] ?? invalidInput(description);
}
