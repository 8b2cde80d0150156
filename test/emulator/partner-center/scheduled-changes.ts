import type { Clock } from '../core/clock.ts';
import { DAY_MS } from './calendar.ts';
import { type Catalog, findTerm, type Sku } from './catalog.ts';
import type { Customer, NextTerm, ScheduledAction, State, Subscription } from './model.ts';
import { isTermEndAllowed } from './purchase-lines.ts';
import { invalidInput, refusal } from './refusals.ts';
import type { WantedSubscription } from './subscription-update.ts';
import type { Switches } from './switches.ts';

export interface ScheduleParts {
  clock: Clock;
  state: State;
  catalog: Catalog;
  switches: Switches;
}

/**
 * Refuses a schedule for the end of the term that cannot be kept. A renewal needs auto-renew on; the end of the contract
 * and the extended service term need it off.
 *
 * @throws {Refusal} 400 800002, 404 400019, 400 2002, 900236 or 900246
 * @see https://learn.microsoft.com/partner-center/developer/create-scheduled-changes
 */
export function checkSchedule(
  subscription: Subscription,
  { autoRenew, nextTerm, actions = [] }: WantedSubscription,
  customer: Customer,
  parts: ScheduleParts,
): void {
  if (nextTerm === undefined && actions.length === 0) return;
  if (subscription.kind !== 'licence' && subscription.kind !== 'trial') {
    throw invalidInput('Nothing can be scheduled for this subscription.');
  }
  if (nextTerm !== undefined) {
    if (!autoRenew) throw invalidInput('Changes can be scheduled only while auto-renew is on.');
    checkInstructions(subscription, nextTerm, customer, parts);
  }
  for (const action of actions) checkAction(subscription, action, autoRenew, customer, parts);
}

function checkAction(
  subscription: Subscription,
  { scheduleType, actionType, instructions }: ScheduledAction,
  autoRenew: boolean,
  customer: Customer,
  parts: ScheduleParts,
): void {
  if (scheduleType === 'CustomDate' || actionType === 'Transition') {
    throw refusal(400, 'EMULATED_SCHEDULE_NOT_SUPPORTED', 'The emulator knows no such schedule.');
  }
  if (autoRenew !== (actionType === 'RenewToNewTerm')) {
    throw invalidInput(`The action ${actionType} does not go with autoRenewEnabled ${autoRenew}.`);
  }
  if (instructions !== undefined) checkInstructions(subscription, instructions, customer, parts);
}

function checkInstructions(subscription: Subscription, next: NextTerm, customer: Customer, parts: ScheduleParts): void {
  const { productId, skuId, availabilityId, billingCycle, termDuration } = next.product;
  const item = parts.catalog.resolve(`${productId}:${skuId}:${availabilityId}`);
  if (item === 'product') throw refusal(404, 400013);
  if (item === 'sku') throw refusal(404, 400018);
  if (item === 'availability') throw refusal(404, 400019);
  if (!isReachable(subscription, `${productId}:${skuId}`, parts)) throw refusal(400, 900236);
  if (findTerm(item.sku, termDuration, billingCycle) === undefined) {
    throw invalidInput('The SKU is not sold for this term and billing cycle.');
  }
  if (!isWithinBounds(next.quantity, item.sku)) throw refusal(400, 2002);
  if (next.customTermEndDate === undefined) return;
  const endAt = Date.parse(next.customTermEndDate);
  const startAt = subscription.lastDayAt + DAY_MS;
  if (!isTermEndAllowed({ endAt, startAt, termDuration }, customer, parts.state)) throw refusal(400, 900246);
}

/** The offers from which a subscription's SKU can be reached by an upgrade. */
export function downgradesOf({ productId, skuId }: Subscription, catalog: Catalog): string[] {
  const isLower = ({ upgradeTargetOffers = [] }: Sku): boolean => upgradeTargetOffers.includes(`${productId}:${skuId}`);
  return catalog.products().flatMap(({ id, skus }) => skus.filter(isLower).map((sku) => `${id}:${sku.id}`));
}

/** At renewal a subscription may keep its SKU or move up, or down where the switch says so; a trial may become what the catalog says. */
function isReachable(subscription: Subscription, offer: string, { catalog, switches }: ScheduleParts): boolean {
  const { productId, skuId, kind } = subscription;
  if (switches.scheduledDowngrades && downgradesOf(subscription, catalog).includes(offer)) return true;
  const sku = catalog.findSku(productId, skuId);
  if (kind === 'trial') return sku?.convertsTo?.includes(offer) === true;
  return offer === `${productId}:${skuId}` || sku?.upgradeTargetOffers?.includes(offer) === true;
}

function isWithinBounds(quantity: number, { minimumQuantity, maximumQuantity }: Sku): boolean {
  return quantity >= minimumQuantity && quantity <= maximumQuantity;
}
