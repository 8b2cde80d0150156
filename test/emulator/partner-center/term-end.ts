import type { Clock } from '../core/clock.ts';
import { type Cause, MICROSOFT } from './books.ts';
import { addMonths, DAY_MS, lastDayOfTerm, startOfDay } from './calendar.ts';
import type { Catalog } from './catalog.ts';
import type { NextTerm, Subscription, SubscriptionStatus } from './model.ts';
import type { Schedule } from './schedule.ts';
import type { SubscriptionLedger } from './subscription-ledger.ts';
import type { Switches } from './switches.ts';

/** Terms that end after this day follow the rules of extended service terms. */
const FIRST_EXTENDED_END_AT = Date.UTC(2026, 4, 4);
export const WINDOW_MS = 7 * DAY_MS;
const EXPIRED_FOR_MS = 30 * DAY_MS;
const DISABLED_FOR_MS = 90 * DAY_MS;
const DISABLED_AFTER_SUSPENSION_FOR_MS = 120 * DAY_MS;

export interface TermEndParts {
  clock: Clock;
  schedule: Schedule;
  switches: Switches;
  catalog: Catalog;
  ledger: SubscriptionLedger;
}

export interface TermEnd {
  /** Sets the timer for whatever time will do to the subscription next. */
  arm(subscription: Subscription): void;
  /** Opens a new window in which all seats may be given back. */
  openWindow(subscription: Subscription): void;
  end(subscription: Subscription, status: SubscriptionStatus, cause: Cause, how: string): void;
  /** What a trial becomes when nothing else is scheduled. */
  paidEquivalent(subscription: Subscription): NextTerm | undefined;
  /** Turns a trial into what the instructions say, from now on and under the same id. */
  convert(subscription: Subscription, next: NextTerm, firstDayAt: number): void;
}

/**
 * What time does to subscriptions: renewal, conversion of trials, extended service term, expiry, and the stages after it.
 * A term ends when its last day is over, at midnight UTC.
 *
 * @see https://learn.microsoft.com/partner-center/subscription-lifecycle
 * @see https://learn.microsoft.com/partner-center/customers/extended-service-terms
 */
export function createTermEnd({ clock, schedule, switches, catalog, ledger }: TermEndParts): TermEnd {
  function arm(subscription: Subscription): void {
    subscription.stopTimer?.();
    delete subscription.stopTimer;
    const dueAt = nextDue(subscription);
    if (dueAt !== undefined) subscription.stopTimer = schedule.at(dueAt, () => onDue(subscription));
  }

  function nextDue({
    kind,
    status,
    statusSince,
    lastDayAt,
    keptForMs = DISABLED_FOR_MS,
  }: Subscription): number | undefined {
    if (kind === 'plan') return undefined;
    if (status === 'active' || status === 'suspended') return lastDayAt + DAY_MS;
    if (status === 'expired') return statusSince + EXPIRED_FOR_MS;
    return status === 'disabled' ? statusSince + keptForMs : undefined;
  }

  function onDue(subscription: Subscription): void {
    if (subscription.status === 'active') endTerm(subscription);
    else if (subscription.status === 'expired') end(subscription, 'disabled', MICROSOFT, 'expired for 30 days');
    else if (subscription.status === 'disabled') end(subscription, 'deleted', MICROSOFT, 'disabled to the end');
    else if (subscription.status === 'suspended') {
      subscription.keptForMs = DISABLED_AFTER_SUSPENSION_FOR_MS;
      end(subscription, 'disabled', MICROSOFT, 'term ended while suspended');
    }
  }

  function endTerm(subscription: Subscription): void {
    if (subscription.autoRenew) {
      startRenewal(subscription);
      return;
    }
    const isExtendable = subscription.kind === 'licence' && followsExtendedTerms(subscription);
    const action = subscription.actions?.find(({ scheduleType }) => scheduleType === 'TermEnd')?.actionType;
    const isChosen = action === 'RenewToExtendedServiceTerm' || subscription.extendedFrom !== undefined;
    if (action === 'Cancel') end(subscription, cancelledStatus(subscription), MICROSOFT, 'cancelled at term end');
    else if (isExtendable && (isChosen || switches.withoutChoice === 'extend')) extend(subscription);
    else end(subscription, 'expired', MICROSOFT, 'term ended without renewal');
  }

  function startRenewal(subscription: Subscription): void {
    const queuedMs = switches.renewalQueueMs;
    subscription.renewing = queuedMs > 0;
    if (queuedMs === 0) renew(subscription);
    else subscription.stopTimer = schedule.at(clock.now() + queuedMs, () => renew(subscription));
  }

  function followsExtendedTerms({ lastDayAt }: Subscription): boolean {
    if (switches.endOfTermDialect === 'by-date') return lastDayAt > FIRST_EXTENDED_END_AT;
    return switches.endOfTermDialect === '2026';
  }

  function cancelledStatus(subscription: Subscription): SubscriptionStatus {
    if (subscription.kind !== 'licence') return 'expired';
    if (switches.cancelledAtTermEndStatus !== 'by-dialect') return switches.cancelledAtTermEndStatus;
    return followsExtendedTerms(subscription) ? 'disabled' : 'expired';
  }

  function renew(subscription: Subscription): void {
    subscription.renewing = false;
    const next =
      subscription.actions?.find(({ actionType }) => actionType === 'RenewToNewTerm')?.instructions ??
      subscription.nextTerm;
    const firstDayAt = subscription.lastDayAt + DAY_MS;
    if (subscription.kind === 'trial') {
      endTrial(subscription, next ?? paidEquivalent(subscription), firstDayAt);
      return;
    }
    if (subscription.extendedFrom !== undefined) subscription.termDuration = subscription.extendedFrom;
    delete subscription.extendedFrom;
    if (next !== undefined) applyInstructions(subscription, next);
    startTerm(subscription, firstDayAt, next?.customTermEndDate);
    ledger.note('subscription renewed', subscription, MICROSOFT, {
      how: next === undefined ? 'unchanged' : 'as scheduled',
    });
  }

  function endTrial(subscription: Subscription, paid: NextTerm | undefined, firstDayAt: number): void {
    if (paid === undefined) {
      end(subscription, 'expired', MICROSOFT, 'trial ended');
      return;
    }
    convert(subscription, paid, firstDayAt);
    ledger.note('subscription renewed', subscription, MICROSOFT, { how: 'trial converted' });
  }

  function convert(subscription: Subscription, next: NextTerm, firstDayAt: number): void {
    subscription.kind = 'licence';
    applyInstructions(subscription, next);
    subscription.autoRenew = true;
    startTerm(subscription, firstDayAt, next.customTermEndDate);
  }

  function applyInstructions(subscription: Subscription, { product, quantity }: NextTerm): void {
    const { productId, skuId, availabilityId, billingCycle, termDuration } = product;
    const sku = catalog.findSku(productId, skuId);
    const given = `${productId}:${skuId}:${availabilityId}`;
    const wasNamedAfterOffer = subscription.friendlyName === subscription.offerName;
    subscription.catalogItemId = catalog.currentItemId(productId, skuId, subscription.segment) ?? given;
    Object.assign(subscription, { productId, skuId, billingCycle, termDuration, quantity });
    subscription.offerName = sku?.title ?? subscription.offerName;
    if (wasNamedAfterOffer) subscription.friendlyName = subscription.offerName;
  }

  function startTerm(subscription: Subscription, firstDayAt: number, customEnd?: string): void {
    subscription.startedAt = clock.now();
    subscription.lastDayAt =
      customEnd === undefined
        ? lastDayOfTerm(firstDayAt, subscription.termDuration ?? 'P1M')
        : startOfDay(Date.parse(customEnd));
    delete subscription.nextTerm;
    delete subscription.actions;
    openWindow(subscription);
    arm(subscription);
  }

  /** Month by month, at a surcharge, until somebody ends it: no commitment, and so no window to watch. */
  function extend(subscription: Subscription): void {
    subscription.extendedFrom ??= subscription.termDuration ?? 'P1Y';
    const firstDayAt = subscription.lastDayAt + DAY_MS;
    Object.assign(subscription, { termDuration: 'P1M', billingCycle: 'monthly', startedAt: clock.now(), batches: [] });
    subscription.lastDayAt = startOfDay(addMonths(firstDayAt, 1)) - DAY_MS;
    delete subscription.nextTerm;
    delete subscription.actions;
    arm(subscription);
    ledger.note('subscription extended', subscription, MICROSOFT);
  }

  function end(subscription: Subscription, status: SubscriptionStatus, cause: Cause, how: string): void {
    Object.assign(subscription, { status, statusSince: clock.now(), autoRenew: false, batches: [] });
    delete subscription.nextTerm;
    delete subscription.actions;
    arm(subscription);
    ledger.note('subscription ended', subscription, cause, { how });
  }

  function openWindow(subscription: Subscription): void {
    subscription.cancellableUntil = clock.now() + WINDOW_MS;
    subscription.batches = [{ seats: subscription.quantity, until: subscription.cancellableUntil }];
  }

  function paidEquivalent({ productId, skuId, segment, quantity }: Subscription): NextTerm | undefined {
    const offer = catalog.findSku(productId, skuId)?.convertsTo?.[0];
    const paid = offer === undefined ? undefined : catalog.findOffer(offer);
    if (paid === undefined) return undefined;
    const availabilityId = catalog.currentItemId(paid.product.id, paid.sku.id, segment)?.split(':')[2];
    if (availabilityId === undefined) return undefined;
    const product = {
      productId: paid.product.id,
      skuId: paid.sku.id,
      availabilityId,
      billingCycle: 'monthly',
      termDuration: 'P1Y',
    };
    return { product, quantity };
  }

  return { arm, openWindow, end, paidEquivalent, convert };
}
