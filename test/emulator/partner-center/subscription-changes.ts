import type { Clock } from '../core/clock.ts';
import { hasAcceptedAgreement } from './agreements.ts';
import type { Azure } from './azure.ts';
import type { Cause } from './books.ts';
import type { Catalog } from './catalog.ts';
import type { Customer, State, Subscription } from './model.ts';
import { SANDBOX_SEATS } from './purchase-lines.ts';
import { invalidInput, refusal } from './refusals.ts';
import { checkSchedule, type ScheduleParts } from './scheduled-changes.ts';
import type { SubscriptionLedger } from './subscription-ledger.ts';
import { type ChangedProperty, listChanges, type WantedSubscription } from './subscription-update.ts';
import type { Switches } from './switches.ts';
import { type TermEnd, WINDOW_MS } from './term-end.ts';

export interface ChangeParts extends ScheduleParts {
  clock: Clock;
  state: State;
  switches: Switches;
  catalog: Catalog;
  ledger: SubscriptionLedger;
  termEnd: TermEnd;
  azure: Pick<Azure, 'hasActiveEntitlements'>;
}

export interface SubscriptionChanges {
  /**
   * Checks what an update asks for, without doing it.
   *
   * @throws {Refusal} with the code of the first rule that it breaks
   */
  check(subscription: Subscription, wanted: WantedSubscription, customer: Customer): ChangedProperty[];
  /** Makes the change, and returns whether there was any. */
  apply(subscription: Subscription, wanted: WantedSubscription, changed: ChangedProperty[], cause: Cause): boolean;
  /** Gives seats back, those that came last first. */
  setSeats(subscription: Subscription, quantity: number): void;
}

const READ_ONLY_WHILE_RENEWING: ChangedProperty[] = ['autoRenew', 'schedule', 'nextCharge'];

/**
 * The rules of an update. A subscription is written as a whole: what is left out of auto-renew and schedules is reset, and
 * most changes in the middle of a term drop whatever was scheduled for its end.
 *
 * @see https://learn.microsoft.com/partner-center/developer/update-a-subscription-by-id
 * @see https://learn.microsoft.com/partner-center/developer/create-scheduled-changes
 */
export function createSubscriptionChanges(parts: ChangeParts): SubscriptionChanges {
  const { clock, switches, catalog, ledger, termEnd, azure } = parts;

  function check(subscription: Subscription, wanted: WantedSubscription, customer: Customer): ChangedProperty[] {
    const { id, status } = subscription;
    if (status === 'deleted') {
      throw refusal(400, 2011, `Subscription with ID ${id} and deleted status can't be updated.`);
    }
    if (status === 'expired' || status === 'disabled') throw refusal(400, 900279);
    if (subscription.updatePending) throw refusal(409, 900278);
    if (subscription.updates >= switches.updatesPerSubscription) throw refusal(400, 900311);
    const changed = listChanges(subscription, wanted);
    if (switches.oneChangePerPatch && countedChanges(changed, wanted) > 1) {
      throw invalidInput(`Only one property can be changed at a time, not ${changed.join(', ')}.`);
    }
    if (subscription.renewing) checkWhileRenewing(changed, wanted);
    if (status === 'suspended') checkWhileSuspended(changed);
    if (changed.includes('quantity')) checkQuantity(subscription, wanted.quantity, customer);
    if (changed.includes('status')) checkStatus(subscription, wanted.status);
    if (changed.includes('partnerId')) checkPartner(subscription, wanted.partnerId);
    if (changed.includes('autoRenew') && subscription.kind !== 'licence' && subscription.kind !== 'trial') {
      throw refusal(400, 800093);
    }
    if (changed.includes('nextCharge') && wanted.nextCharge !== undefined && subscription.termDuration !== 'P3Y') {
      throw refusal(400, 800097);
    }
    if (changed.includes('schedule')) checkSchedule(subscription, wanted, customer, parts);
    return changed;
  }

  function checkQuantity(subscription: Subscription, quantity: number, customer: Customer): void {
    const { kind, productId, skuId, quantity: before } = subscription;
    if (kind === 'trial' || kind === 'plan') throw refusal(400, 800095);
    if (switches.agreementGuardsQuantity && !hasAcceptedAgreement(customer)) throw refusal(403, 13605);
    const { minimumQuantity = 1, maximumQuantity = Number.POSITIVE_INFINITY } = catalog.findSku(productId, skuId) ?? {};
    if (quantity < minimumQuantity || quantity > maximumQuantity) throw refusal(400, 2002);
    if (switches.environment === 'sandbox' && quantity > SANDBOX_SEATS) throw refusal(400, 900116);
    if (quantity >= before) return;
    if (kind === 'software' || openSeats(subscription) < before - quantity)
      throw refusal(400, switches.lateDecreaseCode);
  }

  function openSeats({ batches }: Subscription): number {
    return batches.filter(({ until }) => until >= clock.now()).reduce((sum, { seats }) => sum + seats, 0);
  }

  function checkStatus(subscription: Subscription, status: string): void {
    const { kind } = subscription;
    if (kind === 'trial') throw refusal(400, 800096);
    if (status === 'active') {
      if (subscription.suspendedByMicrosoft) throw refusal(400, 800096);
      return;
    }
    if (kind === 'plan') {
      if (azure.hasActiveEntitlements(subscription)) throw refusal(403, 900115);
      return;
    }
    if (status === 'suspended') return;
    const isFree = subscription.extendedFrom !== undefined;
    if (!isFree && (subscription.cancellableUntil ?? 0) < clock.now()) throw refusal(400, switches.lateCancelCode);
  }

  function checkPartner({ kind }: Subscription, partnerId: string): void {
    if (kind === 'trial') throw refusal(400, 800098);
    const isKnown = parts.state.resellers.some((reseller) => reseller.partnerId === partnerId);
    if (partnerId !== '' && !isKnown) throw refusal(404, 800015);
  }

  function apply(
    subscription: Subscription,
    wanted: WantedSubscription,
    changed: ChangedProperty[],
    cause: Cause,
  ): boolean {
    const before = snapshot(subscription);
    if (changed.includes('quantity')) setSeats(subscription, wanted.quantity);
    subscription.friendlyName = wanted.friendlyName;
    subscription.partnerId = wanted.partnerId;
    writeOptional(subscription, 'nextCharge', wanted.nextCharge);
    writeSchedule(subscription, wanted, changed);
    if (changed.includes('status')) setStatus(subscription, wanted.status as Subscription['status']);
    else if (subscription.status === 'active') subscription.autoRenew = wanted.autoRenew;

    const after = snapshot(subscription);
    const differences = Object.keys(after).filter((name) => after[name] !== before[name]);
    if (differences.length === 0) return false;
    subscription.updates += 1;
    termEnd.arm(subscription);
    const changes = differences.map((property) => ({
      property,
      before: JSON.parse(before[property]!) as unknown,
      after: JSON.parse(after[property]!) as unknown,
    }));
    ledger.note('subscription changed', subscription, cause, { changes });
    return true;
  }

  function writeSchedule(subscription: Subscription, wanted: WantedSubscription, changed: ChangedProperty[]): void {
    const turnsOff = subscription.autoRenew && !wanted.autoRenew;
    const isImmediate = changed.includes('quantity') || changed.includes('status') || turnsOff;
    const staysWithIt = turnsOff && changed.includes('schedule');
    const nextTerm = isImmediate || wanted.actions !== undefined ? undefined : wanted.nextTerm;
    writeOptional(subscription, 'actions', isImmediate && !staysWithIt ? undefined : wanted.actions);
    writeOptional(subscription, 'nextTerm', nextTerm ?? defaultSchedule(subscription, wanted));
  }

  /** A trial that will become paid always says what it will become. */
  function defaultSchedule(subscription: Subscription, { autoRenew, actions }: WantedSubscription) {
    const becomesPaid = subscription.kind === 'trial' && autoRenew && actions === undefined;
    return becomesPaid ? termEnd.paidEquivalent(subscription) : undefined;
  }

  function setStatus(subscription: Subscription, status: Subscription['status']): void {
    subscription.status = status;
    subscription.statusSince = clock.now();
    subscription.autoRenew = false;
    subscription.suspensionReasons = [];
    if (status === 'deleted') subscription.batches = [];
  }

  function setSeats(subscription: Subscription, quantity: number): void {
    const now = clock.now();
    if (quantity > subscription.quantity) {
      subscription.batches.push({ seats: quantity - subscription.quantity, until: now + WINDOW_MS });
    }
    let toTake = subscription.quantity - quantity;
    for (const batch of subscription.batches.toReversed()) {
      if (toTake <= 0) break;
      if (batch.until < now) continue;
      const taken = Math.min(batch.seats, toTake);
      batch.seats -= taken;
      toTake -= taken;
    }
    subscription.quantity = quantity;
  }

  return { check, apply, setSeats };
}

/** Auto-renew and the schedule that belongs to it travel together, and a cancellation may say that nothing renews. */
function countedChanges(changed: ChangedProperty[], { status, autoRenew }: WantedSubscription): number {
  const renewalPair = changed.includes('autoRenew') && changed.includes('schedule');
  const endsAnyway = changed.includes('status') && changed.includes('autoRenew') && status === 'deleted' && !autoRenew;
  return changed.length - (renewalPair || endsAnyway ? 1 : 0);
}

function checkWhileRenewing(changed: ChangedProperty[], { status }: WantedSubscription): void {
  const isReadOnly = changed.some((property) => READ_ONLY_WHILE_RENEWING.includes(property));
  if (isReadOnly || (changed.includes('status') && status !== 'deleted')) throw refusal(400, 900280);
  if (changed.length > 0) throw refusal(409, 900278);
}

function checkWhileSuspended(changed: ChangedProperty[]): void {
  if (changed.includes('quantity')) throw refusal(400, 2001);
  if (changed.some((property) => property !== 'status')) throw refusal(400, 800091);
}

function writeOptional<K extends 'nextTerm' | 'actions' | 'nextCharge'>(
  subscription: Subscription,
  property: K,
  value: Subscription[K] | undefined,
): void {
  if (value === undefined) delete subscription[property];
  else subscription[property] = value;
}

/** What an update can change, as text, to see afterwards what it did change. */
function snapshot(subscription: Subscription): Record<string, string> {
  const { quantity, status, autoRenew, friendlyName, partnerId, nextTerm, actions, nextCharge } = subscription;
  return {
    quantity: JSON.stringify(quantity),
    status: JSON.stringify(status),
    autoRenewEnabled: JSON.stringify(autoRenew),
    friendlyName: JSON.stringify(friendlyName),
    partnerId: JSON.stringify(partnerId),
    scheduledNextTermInstructions: JSON.stringify(nextTerm ?? null),
    scheduledActions: JSON.stringify(actions ?? null),
    nextChargeInstructions: JSON.stringify(nextCharge ?? null),
  };
}
