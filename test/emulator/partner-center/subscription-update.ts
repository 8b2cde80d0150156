import { isDeepStrictEqual } from 'node:util';
import { type Fields, fieldsOf, requireText, requireWhole, textOf, withoutAbsent } from './body.ts';
import type { NextTerm, ScheduledAction, Subscription } from './model.ts';
import { invalidInput } from './refusals.ts';

/** A subscription as the body of an update wants it: what was left out stands here as the service takes it, reset. */
export interface WantedSubscription {
  quantity: number;
  status: string;
  autoRenew: boolean;
  friendlyName: string;
  partnerId: string;
  nextTerm?: NextTerm;
  actions?: ScheduledAction[];
  nextCharge?: Fields;
  /** Names of the properties that the body spells out; the others were reset in silence. */
  named: Set<string>;
}

export type ChangedProperty =
  | 'quantity'
  | 'status'
  | 'autoRenew'
  | 'schedule'
  | 'nextCharge'
  | 'friendlyName'
  | 'partnerId';

const SENDABLE_STATUSES = ['active', 'suspended', 'deleted'];
const ACTION_TYPES = ['RenewToNewTerm', 'Cancel', 'RenewToExtendedServiceTerm', 'Transition'];
const SCHEDULE_TYPES = ['TermEnd', 'CustomDate'];

/**
 * Reads the body of an update, which is the whole subscription. Without `autoRenewEnabled` it becomes false, and schedules
 * that are not sent back are gone.
 *
 * @throws {Refusal} 400 800002 when it is not a whole subscription
 */
export function readUpdate(fields: Fields, subscription: Subscription): WantedSubscription {
  const id = textOf(fields, 'id');
  if (id !== undefined && id.toLowerCase() !== subscription.id) throw invalidInput('The id does not fit the path.');
  const status = requireText(fields, 'status').toLowerCase();
  if (status !== subscription.status && !SENDABLE_STATUSES.includes(status)) {
    throw invalidInput(`The status ${status} cannot be set.`);
  }
  const { partnerId, nextChargeInstructions } = fields;
  const actions = readActions(fields.scheduledActions);
  return withoutAbsent({
    quantity: requireWhole(fields, 'quantity', 0),
    status,
    autoRenew: fields.autoRenewEnabled === true,
    friendlyName: textOf(fields, 'friendlyName') ?? subscription.friendlyName,
    partnerId: typeof partnerId === 'string' ? partnerId : subscription.partnerId,
    // With both forms in one body only the newer one counts.
    nextTerm: actions === undefined ? readNextTerm(fields.scheduledNextTermInstructions) : undefined,
    actions,
    nextCharge: nextChargeInstructions == null ? undefined : (nextChargeInstructions as Fields),
    named: new Set(Object.keys(fields)),
  }) as WantedSubscription;
}

function readActions(value: unknown): ScheduledAction[] | undefined {
  if (value == null) return undefined;
  if (!Array.isArray(value)) throw invalidInput('The field scheduledActions must be a list.');
  if (value.length === 0) return undefined;
  return value.map((action: Fields) => {
    const scheduleType = textOf(action, 'scheduleType') ?? textOf(action, 'scheduledType');
    const actionType = requireText(action, 'actionType');
    if (scheduleType === undefined || !SCHEDULE_TYPES.includes(scheduleType)) {
      throw invalidInput(`The scheduleType must be one of ${SCHEDULE_TYPES.join(', ')}.`);
    }
    if (!ACTION_TYPES.includes(actionType))
      throw invalidInput(`The actionType must be one of ${ACTION_TYPES.join(', ')}.`);
    return withoutAbsent({
      scheduleType,
      actionType,
      effectiveDate: textOf(action, 'effectiveDate'),
      instructions: readNextTerm(action.instructions),
    }) as ScheduledAction;
  });
}

function readNextTerm(value: unknown): NextTerm | undefined {
  if (value == null) return undefined;
  if (typeof value !== 'object') throw invalidInput('Instructions for the next term must be an object.');
  const fields = value as Fields;
  const product = fieldsOf(fields, 'product');
  return withoutAbsent({
    product: {
      productId: requireText(product, 'productId').toUpperCase(),
      skuId: requireText(product, 'skuId').toUpperCase(),
      availabilityId: requireText(product, 'availabilityId').toUpperCase(),
      billingCycle: requireText(product, 'billingCycle').toLowerCase(),
      termDuration: requireText(product, 'termDuration').toUpperCase(),
    },
    quantity: requireWhole(fields, 'quantity', 1),
    customTermEndDate: textOf(fields, 'customTermEndDate'),
  }) as NextTerm;
}

/** The properties whose change the body asks for in so many words. What it merely leaves out is no wish. */
export function listChanges(subscription: Subscription, wanted: WantedSubscription): ChangedProperty[] {
  const changed: ChangedProperty[] = [];
  if (wanted.quantity !== subscription.quantity) changed.push('quantity');
  if (wanted.status !== subscription.status) changed.push('status');
  if (wanted.named.has('autoRenewEnabled') && wanted.autoRenew !== subscription.autoRenew) changed.push('autoRenew');
  if (isScheduleChanged(subscription, wanted)) changed.push('schedule');
  if (wanted.named.has('nextChargeInstructions') && !isDeepStrictEqual(wanted.nextCharge, subscription.nextCharge)) {
    changed.push('nextCharge');
  }
  if (wanted.friendlyName !== subscription.friendlyName) changed.push('friendlyName');
  if (wanted.partnerId !== subscription.partnerId) changed.push('partnerId');
  return changed;
}

function isScheduleChanged(subscription: Subscription, { named, nextTerm, actions }: WantedSubscription): boolean {
  if (named.has('scheduledActions') && !isDeepStrictEqual(actions, subscription.actions)) return true;
  if (actions !== undefined || !named.has('scheduledNextTermInstructions')) return false;
  return !isDeepStrictEqual(nextTerm, subscription.nextTerm);
}
