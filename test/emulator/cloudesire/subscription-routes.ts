import type { Clock } from '../core/clock.ts';
import type { Reply } from '../core/server.ts';
import type { Api, ApiCall } from './api.ts';
import { isAdministrator, isVendor, worksFor } from './authentication.ts';
import type { BillingPeriods } from './billing-periods.ts';
import { DAY_MS } from './calendar.ts';
import type { Ledger } from './ledger.ts';
import type { Lifecycle } from './lifecycle.ts';
import { bracketed, choices, page, wholeNumber } from './listing.ts';
import type { MetadataAccess } from './metadata-routes.ts';
import { DEPLOYMENT_STATUSES, idOf, SUBSCRIPTION_TYPES, type Subscription, type User } from './model.ts';
import type { ChangeResult, Ordering } from './ordering.ts';
import { accessDenied, notFound, refusal } from './refusal.ts';
import { isObject, type Reports } from './reports.ts';
import { pick, type State } from './state.ts';
import type { Reader, SubscriptionForms } from './subscription-form.ts';
import type { Switches } from './switches.ts';

const EXPIRING_WITHIN_DAYS = 14;
const CUSTOM_INVOICE_TYPES = ['UPSELL', 'CHUNKED', 'CASHED', 'REFUND'] as const;

export interface SubscriptionRouteParts {
  api: Api;
  clock: Clock;
  state: State;
  switches: Switches;
  ledger: Ledger;
  lifecycle: Lifecycle;
  periods: BillingPeriods;
  ordering: Ordering;
  reports: Reports;
  forms: SubscriptionForms;
  metadata: MetadataAccess;
}

/** Routes of subscriptions: reading and listing, the connector's reports, and the actions of the PATCH. */
export function addSubscriptionRoutes(parts: SubscriptionRouteParts): void {
  const { api, clock, state, switches, lifecycle, periods, ordering, reports, forms, metadata } = parts;

  function mayRead(user: User, subscription: Subscription): boolean {
    const product = state.products.get(subscription.product);
    const isSeller = product !== undefined && worksFor(user, idOf(product.company));
    return isAdministrator(user) || isSeller || subscription.buyer === user.id;
  }

  /** The subscription of the path. Foreign ones are forbidden, unknown ones are not found. */
  function addressed({ call, user }: ApiCall): Subscription {
    const id = call.params.subscriptionId ?? '';
    const subscription = pick(state.subscriptions, 'Subscription', id);
    if (subscription.deleted && subscription.deploymentStatus === 'UNDEPLOYED') {
      if (switches.readAfterDeleted === 'not-found') throw notFound('Subscription', id);
    }
    if (!mayRead(user, subscription)) throw accessDenied();
    return subscription;
  }

  function readerOf({ user, apiVersion, language }: ApiCall): Reader {
    return { user, apiVersion, ...(language === undefined ? {} : { language }) };
  }

  function listed(request: ApiCall): Subscription[] {
    const { query } = request.call;
    const status = choices(query, 'status', [...DEPLOYMENT_STATUSES, 'UNKNOWN']);
    const type = choices(query, 'type', SUBSCRIPTION_TYPES);
    const productId = wholeNumber(query, 'product');
    const productType = query.get('productType');
    if (productType !== null && !switches.productTypeFilterAllowed) throw accessDenied();
    const search = (query.get('search') ?? query.get('filter'))?.toLowerCase();
    const ids = query.get('id')?.split(',').map(Number);

    const metadataFilters = bracketed(query, 'metadata');
    const configurationFilters = bracketed(query, 'configuration');

    function isWanted(subscription: Subscription): boolean {
      const { id, deploymentStatus, parameters } = subscription;
      const product = state.products.get(subscription.product);
      const isGone = deploymentStatus === 'UNDEPLOYED' && switches.readAfterDeleted === 'not-found';
      const own = state.metadata.get(`subscription/${id}`);
      return (
        subscription.invisibleReads === 0 &&
        !isGone &&
        (ids === undefined || ids.includes(id)) &&
        (status === undefined || status.includes(deploymentStatus)) &&
        (type === undefined || type.includes(subscription.type)) &&
        (productId === undefined || productId === subscription.product) &&
        (productType === null || productType === product?.type) &&
        (search === undefined || textOf(subscription).includes(search)) &&
        metadataFilters.every(([key, value]) => (own?.[key] ?? '') === value) &&
        configurationFilters.every(([code, value]) => (parameters[code] ?? '') === value) &&
        mayRead(request.user, subscription)
      );
    }
    return [...state.subscriptions.values()].filter(isWanted);
  }

  function textOf({ name, buyer, product }: Subscription): string {
    return [name, state.users.get(buyer)?.fullName, state.products.get(product)?.name].join(' ').toLowerCase();
  }

  function list(request: ApiCall): Reply {
    const representation = /response=(minimal|priced|deployment)/.exec(request.call.headers.prefer ?? '')?.[1];
    return page(request, listed(request), (subscription) => {
      if (representation === 'minimal') return forms.minimal(subscription);
      if (representation === 'priced') return forms.priced(subscription);
      if (representation === 'deployment') return forms.deployment(subscription, readerOf(request));
      return forms.listElement(subscription, readerOf(request));
    });
  }

  api.route('GET', '/subscription', list);
  api.route('HEAD', '/subscription', (request) => {
    const { status, headers } = list(request);
    return { status, headers: headers ?? {} };
  });

  api.route('GET', '/subscription/expiring', (request) => {
    const until = clock.now() + EXPIRING_WITHIN_DAYS * DAY_MS;
    const expiring = [...state.subscriptions.values()].filter(
      (subscription) =>
        mayRead(request.user, subscription) &&
        subscription.deploymentStatus === 'DEPLOYED' &&
        !subscription.autoRenew &&
        subscription.endAt !== undefined &&
        subscription.endAt <= until,
    );
    return page(request, expiring, (subscription) => forms.listElement(subscription, readerOf(request)));
  });

  api.route('GET', '/subscription/:subscriptionId', (request) => {
    const subscription = addressed(request);
    if (subscription.invisibleReads > 0) {
      subscription.invisibleReads -= 1;
      throw notFound('Subscription', subscription.id);
    }
    const isMinimal = /response=minimal/.test(request.call.headers.prefer ?? '');
    const body = isMinimal ? forms.minimal(subscription) : forms.detail(subscription, readerOf(request));
    return { status: 200, body };
  });

  api.route('DELETE', '/subscription/:subscriptionId', (request) => {
    const { id } = addressed(request);
    state.note('deletion-refused', { subscription: id, ...requestId(request) });
    throw accessDenied();
  });

  api.route('POST', '/subscription/:subscriptionId/endpoints', (request) => {
    return write(request, (subscription, body) => reports.endpoints(subscription, body, request.cause));
  });
  api.route('POST', '/subscription/:subscriptionId/instructions', (request) => {
    return write(request, (subscription, body) => reports.instructions(subscription, body, request.cause));
  });
  api.route('POST', '/subscription/:subscriptionId/credentials', (request) => {
    return write(request, (subscription, body) => reports.credentials(subscription, body, request.cause));
  });

  function write(request: ApiCall, take: (subscription: Subscription, body: unknown) => void): Reply {
    const subscription = addressed(request);
    requireSeller(request.user);
    take(subscription, request.body());
    const { postReply, postReplyBody } = switches;
    if (postReplyBody === 'absent' || postReply === 204) return { status: postReply };
    return { status: postReply, body: forms.detail(subscription, readerOf(request)) };
  }

  function requireSeller(user: User): void {
    if (!isVendor(user) && !isAdministrator(user)) throw accessDenied();
  }

  api.route('PATCH', '/subscription/:subscriptionId', (request) => {
    const subscription = addressed(request);
    const body = request.body();
    if (!isObject(body)) throw refusal(400, 'The body is not an object');
    if (body.deploymentStatus !== undefined && body.action !== undefined) {
      throw refusal(400, 'Either a deployment status or an action can be set');
    }
    if (body.deploymentStatus !== undefined) {
      requireSeller(request.user);
      reports.status(subscription, body.deploymentStatus, request.cause);
      return patched({});
    }
    return act(request, subscription, body);
  });

  function act(request: ApiCall, subscription: Subscription, body: Record<string, unknown>): Reply {
    const { cause, user } = request;
    const { id } = subscription;
    const action = typeof body.action === 'string' ? body.action.toUpperCase() : '';
    switch (action) {
      case 'SET_NAME':
        reports.name(subscription, body.name, cause);
        return patched();
      case 'RENEW':
        periods.renew(id, {}, cause);
        return patched();
      case 'SYNDICATED_UPGRADE':
        if (body.from !== undefined) throw refusal(400, 'An upgrade from a later date on is not emulated');
        return patched(changed(ordering.changePlan(id, idOf(reference(body.productVersion)), {}, cause)));
      case 'BILLING_ITEM_UPGRADE':
        return patched(changed(ordering.changeQuantity(id, firstQuantity(body.billingItems), {}, cause)));
      case 'AUTORENEW':
        if (typeof body.autoRenew !== 'boolean') throw refusal(400, 'autoRenew is true or false');
        lifecycle.switchAutoRenew(id, body.autoRenew, cause);
        return patched();
      case 'KILL':
        if (periods.planOf(subscription).unkillable === true && !isAdministrator(user)) throw accessDenied();
        lifecycle.terminate(id, cause);
        return patched();
      default:
        throw refusal(400, `The action ${String(body.action)} is not possible`);
    }
  }

  /** Answer to a PATCH with something to say, or without. */
  function patched(result?: Record<string, unknown>): Reply {
    if (switches.patchReply === 'empty-object') return { status: 200, body: {} };
    if (switches.patchReply === 'none' || result === undefined) return { status: 204 };
    return { status: 200, body: result };
  }

  function changed({ upgrade, order, invoice }: ChangeResult): Record<string, unknown> {
    const write = (path: string) => (switches.upgradeReferences === 'object' ? { url: path } : path);
    if (upgrade === 'DEFERRED') return { upgrade, order: write(`order/${order.id}`) };
    return invoice === undefined ? { upgrade } : { upgrade, invoice: write(`invoice/${invoice.id}`) };
  }

  metadata.addRoutes('subscription', (request) => `subscription/${addressed(request).id}`);

  addInvoicingRoutes(parts, addressed);
}

function addInvoicingRoutes(
  { api, state, ledger, clock }: SubscriptionRouteParts,
  addressed: (request: ApiCall) => Subscription,
): void {
  api.route('POST', '/subscription/:subscriptionId/invoice', (request) => {
    const subscription = addressed(request);
    const type = choices(request.call.query, 'type', CUSTOM_INVOICE_TYPES)?.[0] ?? 'UPSELL';
    const lines = linesOf(request.body());
    const isExpired = subscription.endAt !== undefined && subscription.endAt <= clock.now();
    if (subscription.deploymentStatus !== 'DEPLOYED' || isExpired || subscription.type === 'TRIAL') {
      throw refusal(400, "You can't bill for an undeployed, expired or trial subscription.");
    }
    const price = lines.reduce((sum, line) => sum + line.amount * line.quantity, 0);
    const invoice = ledger.issueInvoice(subscription, {
      type: type === 'CASHED' ? 'UPSELL' : type,
      price,
      description: lines.map(({ description }) => description).join(', '),
      paid: type === 'CASHED',
    });
    state.note('billed', { subscription: subscription.id, invoice: invoice.id, price, ...requestId(request) });
    const path = request.call.path.replace(/\/subscription\/.*$/i, `/invoice/${invoice.id}`);
    return { status: 201, headers: { Location: `http://${request.call.headers.host ?? 'localhost'}${path}` } };
  });

  for (const [path, field] of [
    ['oneshot', 'oneshotCosts'],
    ['recurring', 'recurringCosts'],
  ] as const) {
    api.route('POST', `/subscription/:subscriptionId/invoice/${path}`, (request) => {
      const subscription = addressed(request);
      const body = request.body();
      linesOf(body);
      subscription[field] = body as unknown[];
      state.note(`${path}-lines-set`, { subscription: subscription.id, lines: subscription[field].length });
      return { status: 200, body: {} };
    });
  }
}

function linesOf(body: unknown): Array<{ amount: number; quantity: number; description: string }> {
  if (!Array.isArray(body)) throw refusal(400, 'The body is not an array');
  return body.map((line: unknown) => {
    const price = isObject(line) && isObject(line.price) ? line.price : undefined;
    const amount = Number(price?.price);
    if (!isObject(line) || price === undefined || !Number.isFinite(amount) || typeof price.currency !== 'string') {
      throw refusal(400, 'A line has a price with amount and currency');
    }
    return {
      amount,
      quantity: Number(line.quantity ?? 1),
      description: typeof line.description === 'string' ? line.description : '',
    };
  });
}

function firstQuantity(quantities: unknown): number {
  const value = isObject(quantities) ? Object.values(quantities)[0] : undefined;
  if (typeof value !== 'number') throw refusal(400, 'billingItems is a map of resource to quantity');
  return value;
}

function reference(value: unknown): string {
  if (typeof value === 'string') return value;
  if (isObject(value) && typeof value.url === 'string') return value.url;
  throw refusal(400, 'A reference is an object with a url');
}

function requestId({ cause }: ApiCall): { requestId?: string } {
  return cause.requestId === undefined ? {} : { requestId: cause.requestId };
}
