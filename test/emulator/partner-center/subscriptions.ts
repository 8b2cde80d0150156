import type { Clock } from '../core/clock.ts';
import type { Azure } from './azure.ts';
import { type Cause, MICROSOFT } from './books.ts';
import {
  DAY_MS,
  lastDayOfBillingPeriod,
  lastDayOfTerm,
  NO_END_AT,
  printInstant,
  printSecond,
  startOfDay,
} from './calendar.ts';
import type { Catalog } from './catalog.ts';
import { newGuid } from './identifiers.ts';
import type { Order, OrderLine, ScheduledAction, State, Subscription, SubscriptionStatus } from './model.ts';
import { resellerOf } from './purchase-lines.ts';
import { linkTo } from './replies.ts';
import type { SubscriptionLedger } from './subscription-ledger.ts';
import type { Switches } from './switches.ts';
import type { TermEnd } from './term-end.ts';

const TRIAL_MS = 30 * DAY_MS;
const LICENCE_TYPE = 'OnlineServicesNCE';
const PRODUCT_TYPES = { licence: LICENCE_TYPE, trial: LICENCE_TYPE, plan: 'Azure', software: 'Software' } as const;

export interface SubscriptionParts {
  clock: Clock;
  state: State;
  switches: Switches;
  catalog: Catalog;
  ledger: SubscriptionLedger;
  termEnd: TermEnd;
  azure: Pick<Azure, 'openPlan'>;
}

export interface Subscriptions {
  /** Provisions one line of an order and returns the id of the subscription. */
  create(order: Order, line: OrderLine): string;
  end(subscription: Subscription, status: SubscriptionStatus, cause: Cause, how: string): void;
  view(subscription: Subscription): Record<string, unknown>;
}

/**
 * Subscriptions as they are provisioned and shown. Licences start with auto-renew on and seven days to give seats back;
 * a trial carries the instructions that will make it a paid subscription; a plan has no end.
 *
 * @see https://learn.microsoft.com/partner-center/developer/subscription-resources
 */
export function createSubscriptions(parts: SubscriptionParts): Subscriptions {
  const { clock, state, switches, catalog, ledger, termEnd, azure } = parts;

  function create(order: Order, line: OrderLine): string {
    const [productId = '', skuId = ''] = line.catalogItemId.split(':');
    const sku = catalog.findSku(productId, skuId);
    const item = catalog.resolve(line.catalogItemId);
    const kind = sku?.kind ?? 'licence';
    const offerName = sku?.title ?? productId;
    const now = clock.now();
    const subscription: Subscription = {
      id: newGuid(),
      customerId: order.customerId,
      country: order.country,
      orderId: order.id,
      kind,
      catalogItemId: line.catalogItemId,
      productId,
      skuId,
      segment: typeof item === 'string' ? 'commercial' : item.segment,
      offerName,
      // A plan ignores the name of its line; it can be named once it exists.
      friendlyName: kind === 'plan' ? offerName : (line.friendlyName ?? offerName),
      quantity: line.quantity,
      createdAt: now,
      startedAt: now,
      lastDayAt: firstTermEnd(kind, line, now),
      status: 'active',
      statusSince: now,
      autoRenew: kind === 'licence' || kind === 'trial',
      billingCycle: line.billingCycle,
      ...(line.termDuration === undefined ? {} : { termDuration: line.termDuration }),
      partnerId: resellerOf(line) ?? '',
      batches: [],
      suspensionReasons: [],
      suspendedByMicrosoft: false,
      renewing: false,
      updatePending: false,
      updates: 0,
      transitions: [],
      billing: [],
    };
    state.subscriptions.set(subscription.id, subscription);
    if (kind === 'licence' || kind === 'software') termEnd.openWindow(subscription);
    if (kind === 'trial') {
      const paid = termEnd.paidEquivalent(subscription);
      if (paid !== undefined) subscription.nextTerm = paid;
      state.customers.get(order.customerId)?.trialsUsed.add(`${productId}:${skuId}`);
    }
    termEnd.arm(subscription);
    const facts = { orderId: order.id, catalogItemId: line.catalogItemId, kind };
    ledger.note('subscription created', subscription, MICROSOFT, facts);
    if (kind === 'plan') azure.openPlan(subscription);
    return subscription.id;
  }

  function view(subscription: Subscription): Record<string, unknown> {
    const { id, customerId, kind, lastDayAt, startedAt, status, nextTerm, actions, nextCharge } = subscription;
    const isLicence = kind === 'licence';
    const hasTerm = kind !== 'plan';
    return {
      id,
      offerId: subscription.catalogItemId,
      offerName: subscription.offerName,
      friendlyName: subscription.friendlyName,
      productType: { id: PRODUCT_TYPES[kind], displayName: PRODUCT_TYPES[kind] },
      quantity: subscription.quantity,
      unitType: kind === 'plan' ? 'Usage-based' : 'Licenses',
      hasPurchasableAddons: false,
      creationDate: printInstant(subscription.createdAt),
      effectiveStartDate: printInstant(startedAt),
      commitmentEndDate: printSecond(lastDayAt),
      commitmentEndDateTime: printSecond(lastDayAt + DAY_MS - 1000),
      ...(subscription.cancellableUntil === undefined
        ? {}
        : { cancellationAllowedUntilDate: printInstant(subscription.cancellableUntil) }),
      ...(isLicence ? viewBillingEnd(subscription) : {}),
      status,
      autoRenewEnabled: subscription.autoRenew,
      isTrial: kind === 'trial',
      billingType: kind === 'plan' ? 'usage' : 'license',
      billingCycle: subscription.billingCycle,
      ...(hasTerm ? { termDuration: subscription.termDuration, renewalTermDuration: '' } : {}),
      isMicrosoftProduct: true,
      partnerId: subscription.partnerId,
      ...(subscription.suspensionReasons.length > 0 ? { suspensionReasons: [...subscription.suspensionReasons] } : {}),
      attentionNeeded: false,
      actionTaken: false,
      contractType: 'subscription',
      links: viewLinks(subscription),
      publisherName: 'Microsoft Corporation',
      ...(isLicence ? { refundableQuantity: viewRefundable(subscription, clock.now()) } : {}),
      orderId: subscription.orderId,
      attributes: { objectType: 'Subscription' },
      ...(kind === 'trial' || nextTerm !== undefined
        ? { scheduledNextTermInstructions: structuredClone(nextTerm ?? null) }
        : {}),
      ...(actions === undefined ? {} : { scheduledActions: actions.map((action) => viewAction(action)) }),
      ...(nextCharge === undefined ? {} : { nextChargeInstructions: structuredClone(nextCharge) }),
      ...(subscription.extendedFrom !== undefined && switches.markExtendedTerms
        ? { EMULATED_extendedServiceTerm: true }
        : {}),
    };

    function viewLinks({ productId, skuId, catalogItemId, country }: Subscription): object {
      const product = `/products/${productId}`;
      const sku = `${product}/skus/${skuId}`;
      return {
        product: linkTo(`${product}?country=${country}`),
        sku: linkTo(`${sku}?country=${country}`),
        availability: linkTo(`${sku}/availabilities/${catalogItemId.split(':')[2]}?country=${country}`),
        self: linkTo(`/customers/${customerId}/subscriptions/${id}`),
      };
    }
  }

  function viewBillingEnd({ startedAt, billingCycle, lastDayAt }: Subscription): object {
    const endAt = lastDayOfBillingPeriod(startedAt, billingCycle, clock.now(), lastDayAt);
    return { billingCycleEndDate: printSecond(endAt), billingCycleEndDateTime: printSecond(endAt + DAY_MS - 1000) };
  }

  function viewAction({ scheduleType, ...rest }: ScheduledAction): object {
    return { [switches.scheduleTypeName]: scheduleType, ...structuredClone(rest) };
  }

  return { create, end: termEnd.end, view };
}

function firstTermEnd(kind: Subscription['kind'], line: OrderLine, nowMs: number): number {
  if (kind === 'plan') return NO_END_AT;
  if (kind === 'trial') return startOfDay(nowMs + TRIAL_MS) - DAY_MS;
  if (line.customTermEndDate !== undefined) return startOfDay(Date.parse(line.customTermEndDate));
  return lastDayOfTerm(nowMs, line.termDuration ?? 'P1Y');
}

/** The seats that may still be given back; null while the subscription is not active. */
function viewRefundable({ status, batches }: Subscription, nowMs: number): object | null {
  if (status !== 'active') return null;
  const open = batches.filter(({ until, seats }) => until >= nowMs && seats > 0);
  return {
    totalQuantity: open.reduce((sum, { seats }) => sum + seats, 0),
    details: open.map(({ seats, until }) => ({ quantity: seats, allowedUntilDateTime: printInstant(until) })),
  };
}
