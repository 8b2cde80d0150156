import type { Api, ApiCall } from './api.ts';
import { isAdministrator, isVendor, worksFor } from './authentication.ts';
import type { Ledger } from './ledger.ts';
import { isOpen } from './ledger.ts';
import type { Lifecycle } from './lifecycle.ts';
import { choices, flag, instant, page, wholeNumber } from './listing.ts';
import {
  INVOICE_STATUSES,
  type Invoice,
  idOf,
  ORDER_STATUSES,
  ORDER_TYPES,
  type Order,
  refTo,
  SUBSCRIPTION_TYPES,
  type SubscriptionType,
  type User,
} from './model.ts';
import type { NewOrder, Ordering } from './ordering.ts';
import { CURRENCY, VAT_PERCENT } from './prices.ts';
import { accessDenied, notFound, refusal } from './refusal.ts';
import { isObject } from './reports.ts';
import { parametersOf, pick, type State } from './state.ts';
import type { SubscriptionForms } from './subscription-form.ts';

/** Routes of orders and invoices. */
export function addOrderRoutes(parts: {
  api: Api;
  state: State;
  ledger: Ledger;
  lifecycle: Lifecycle;
  ordering: Ordering;
  forms: SubscriptionForms;
}): void {
  const { api, state, lifecycle, ordering, forms } = parts;

  function mayRead(user: User, subscriptionId: number): boolean {
    const subscription = pick(state.subscriptions, 'Subscription', subscriptionId);
    const product = pick(state.products, 'Product', subscription.product);
    return isAdministrator(user) || worksFor(user, idOf(product.company)) || subscription.buyer === user.id;
  }

  function writeOrder(order: Order): Record<string, unknown> {
    const plan = pick(state.plans, 'ProductVersion', order.plan);
    const reseller = [...state.resellers.values()].find(({ slug }) => slug === order.resellerSlug);
    const waits = order.status === 'REQUIRES_APPROVAL';
    return {
      id: order.id,
      self: `order/${order.id}`,
      buyer: refTo('user', order.buyer),
      creator: refTo('user', order.creator),
      budget: {
        nation: 'IT',
        configuration: refTo('productVersion', order.plan),
        currency: CURRENCY,
        vat: VAT_PERCENT,
        selfBilled: false,
        billingPeriod: plan.billingPeriod,
        minimumDuration: plan.minimumDuration,
        iaasBilling: 'PRE_PAID',
        stampDuty: false,
      },
      type: order.type,
      subscription: refTo('subscription', order.subscription),
      date: new Date(order.date),
      currency: CURRENCY,
      productVersion: refTo('productVersion', order.plan),
      billingItems: forms.billingItemsOfOrder(order),
      billingItemValues: [],
      customerCloudCredential: false,
      availableOperations: waits ? ['APPROVE', 'REJECT'] : [],
      ...(waits ? { approve: { url: `order/${order.id}/approve`, method: 'POST', resourceType: 'Order' } } : {}),
      status: order.status,
      startDate: date(order.startAt),
      endOfPeriod: date(order.endOfPeriodAt),
      previousBillingPeriodEnd: date(order.previousBillingPeriodEndAt),
      // Vendors do not see the prices of what a reseller sold.
      totalPrice: reseller === undefined ? order.totalPrice : undefined,
      externalReference: order.externalReference,
      reseller: reseller === undefined ? undefined : { url: reseller.self },
      distributor: reseller?.distributors?.[0],
      approvedBy: order.approvedBy === undefined ? undefined : refTo('user', order.approvedBy),
      approvedAt: date(order.approvedAt),
    };
  }

  function orderOf({ call, user }: ApiCall): Order {
    const key = call.params.orderId ?? '';
    const external = /^externalReference=(.*)$/.exec(key)?.[1];
    const order =
      external === undefined
        ? pick(state.orders, 'Order', key)
        : [...state.orders.values()].find(({ externalReference }) => externalReference === external);
    if (order === undefined) throw notFound('Order', key);
    if (!mayRead(user, order.subscription)) throw accessDenied();
    return order;
  }

  api.route('GET', '/order', (request) => {
    const { query } = request.call;
    const types = choices(query, 'type', ORDER_TYPES);
    const statuses = choices(query, 'status', ORDER_STATUSES);
    const subscriptionId = wholeNumber(query, 'subscriptionId');
    const from = instant(query, 'from');
    const to = instant(query, 'to');
    const orders = [...state.orders.values()].filter(
      (order) =>
        mayRead(request.user, order.subscription) &&
        (types === undefined || types.includes(order.type)) &&
        (statuses === undefined || (order.status !== undefined && statuses.includes(order.status))) &&
        (subscriptionId === undefined || order.subscription === subscriptionId) &&
        (from === undefined || order.date >= from) &&
        (to === undefined || order.date <= to),
    );
    return page(request, orders, writeOrder);
  });
  api.route('GET', '/order/:orderId', (request) => ({ status: 200, body: writeOrder(orderOf(request)) }));

  api.route('POST', '/order', (request) => {
    const subscription = ordering.place(readOrder(request), request.cause);
    const order = pick(state.orders, 'Order', subscription.orders[0] ?? 0);
    return { status: 201, body: writeOrder(order) };
  });

  function readOrder(request: ApiCall): NewOrder {
    const { user } = request;
    const input = request.body();
    if (!isObject(input)) throw refusal(400, 'The body is not an object');
    const type = SUBSCRIPTION_TYPES.find((known) => known === input.type);
    if (type === undefined) throw refusal(400, 'The type of an order is NORMAL, TRIAL or SANDBOX');
    const plan = pick(state.plans, 'ProductVersion', idOf(path(input.productVersion)));
    const buyer = input.buyer === undefined ? user.id : idOf(path(input.buyer));
    if (buyer !== user.id && !isVendor(user) && !isAdministrator(user)) throw accessDenied();
    const quantity = Object.values(isObject(input.billingItems) ? input.billingItems : {})[0];
    const start = typeof input.start === 'string' ? Date.parse(input.start) : undefined;
    return {
      plan: plan.id,
      buyer,
      type: type satisfies SubscriptionType,
      parameters: checkedParameters(plan.id, input.configurationParameters),
      ...(typeof quantity === 'number' ? { licenses: quantity } : {}),
      ...(start === undefined ? {} : { startAt: start }),
      ...(typeof input.externalReference === 'string' ? { externalReference: input.externalReference } : {}),
    };
  }

  /** Values by code from values by path, with everything that the definitions demand. */
  function checkedParameters(planId: number, given: unknown): Record<string, string> {
    const values = new Map(
      Object.entries(isObject(given) ? given : {}).map(([key, value]) => [idOf(key), String(value)]),
    );
    const byCode: Record<string, string> = {};
    for (const parameter of parametersOf(state, pick(state.plans, 'ProductVersion', planId))) {
      const value = values.get(parameter.id);
      if (value === undefined || value === '') {
        if (parameter.required === true) throw refusal(400, `The parameter ${parameter.code} is required`);
        continue;
      }
      const fitsPattern = parameter.validation === undefined || new RegExp(parameter.validation).test(value);
      if (!fitsPattern || (parameter.acceptedValues !== undefined && !(value in parameter.acceptedValues))) {
        throw refusal(400, `The value of ${parameter.code} is not valid`);
      }
      byCode[parameter.code] = value;
    }
    return byCode;
  }

  for (const decision of ['approve', 'reject'] as const) {
    api.route('POST', `/order/:orderId/${decision}`, (request) => {
      const order = orderOf(request);
      if (!isVendor(request.user) && !isAdministrator(request.user)) throw accessDenied();
      lifecycle[decision](order.subscription, { ...request.cause, by: 'auditor' });
      return { status: 204 };
    });
  }

  addInvoiceRoutes(parts, mayRead);
}

function addInvoiceRoutes(
  { api, state, lifecycle }: { api: Api; state: State; lifecycle: Lifecycle },
  mayRead: (user: User, subscriptionId: number) => boolean,
): void {
  function writeInvoice(invoice: Invoice): Record<string, unknown> {
    const { id, price, total, currency, type } = invoice;
    const subscription = pick(state.subscriptions, 'Subscription', invoice.subscription);
    const product = pick(state.products, 'Product', subscription.product);
    return {
      id,
      self: `invoice/${id}`,
      company: product.company,
      date: new Date(invoice.date),
      total: { price, currency, vatSpunOff: Math.round((total - price) * 100) / 100, vat: VAT_PERCENT, total },
      nominee: refTo('user', invoice.nominee),
      selfBilled: false,
      stampDuty: false,
      type,
      product: product.name,
      productVersion: state.plans.get(invoice.plan)?.name,
      subscription: refTo('subscription', invoice.subscription),
      order: invoice.order === undefined ? undefined : refTo('order', invoice.order),
      availableOperations: [],
      entries: [
        {
          price: { price, currency, vat: VAT_PERCENT },
          quantity: 1,
          unit: 'un',
          description: invoice.description,
          type: 'CONFIGURATION',
          setup: false,
          subtotal: price,
        },
      ],
      cashed: false,
      status: invoice.status,
      paid: !isOpen(invoice),
      paymentReference: invoice.paymentReference,
      paymentReceived: date(invoice.paymentReceivedAt),
    };
  }

  function invoiceOf({ call, user }: ApiCall): Invoice {
    const invoice = pick(state.invoices, 'Invoice', call.params.invoiceId ?? '');
    if (!mayRead(user, invoice.subscription)) throw accessDenied();
    return invoice;
  }

  api.route('GET', '/invoice', (request) => {
    const { query } = request.call;
    const statuses = choices(query, 'status', INVOICE_STATUSES);
    const types = choices(query, 'type', ORDER_TYPES);
    const paid = flag(query, 'paid');
    const subscriptionId = wholeNumber(query, 'subscriptionId');
    const from = instant(query, 'from');
    const to = instant(query, 'to');
    const invoices = [...state.invoices.values()].filter(
      (invoice) =>
        mayRead(request.user, invoice.subscription) &&
        (statuses === undefined || statuses.includes(invoice.status)) &&
        (types === undefined || types.includes(invoice.type)) &&
        (paid === undefined || paid === !isOpen(invoice)) &&
        (subscriptionId === undefined || invoice.subscription === subscriptionId) &&
        (from === undefined || invoice.date >= from) &&
        (to === undefined || invoice.date <= to),
    );
    return page(request, invoices, writeInvoice);
  });
  api.route('GET', '/invoice/:invoiceId', (request) => ({ status: 200, body: writeInvoice(invoiceOf(request)) }));

  api.route('PATCH', '/invoice/:invoiceId/pay', (request) => {
    const invoice = invoiceOf(request);
    if (!isAdministrator(request.user)) throw accessDenied();
    const body = request.body();
    const reference = isObject(body) && typeof body.reference === 'string' ? { reference: body.reference } : {};
    lifecycle.pay(invoice.subscription, request.cause, { invoice, ...reference });
    return { status: 200, body: writeInvoice(invoice) };
  });
}

function path(value: unknown): string {
  if (typeof value === 'string') return value;
  if (isObject(value) && typeof value.url === 'string') return value.url;
  throw refusal(400, 'A reference is an object with a url');
}

function date(at: number | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at);
}
