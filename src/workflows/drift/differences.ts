import type { Subscription } from '../../upstreams/cloudesire/schema.ts';
import type { Comparison } from '../comparison.ts';
import type { AtMicrosoft, Fulfillment } from '../fulfillment.ts';
import type { Marked } from '../marked.ts';
import type { ProductType } from '../operations.ts';
import { type Decision, type Known, type PlanSettings, planOperation } from '../plan-operation.ts';
import type { SubscriptionRecord } from '../record.ts';

/**
 * `missed-event`: the marketplace says something else than the record; `changed-at-microsoft`: Microsoft does; `orphan-at-microsoft`:
 * something there bears the mark of a subscription that does not have it; `orphan-record`: the marketplace does not know what is recorded.
 */
export type DifferenceKind = 'missed-event' | 'changed-at-microsoft' | 'orphan-at-microsoft' | 'orphan-record';

/** What the marketplace, the record or Microsoft says of a subscription. */
export interface Side {
  /** In its own words. */
  status: string;
  seats?: number | undefined;
  planId?: number | undefined;
  /** What it is: offer, term and billing cycle. */
  item?: string | undefined;
  /** What follows the present term. */
  next?: string | undefined;
  /** Of Microsoft: whether it goes on after the term. */
  renews?: boolean | undefined;
  endDate?: string | undefined;
  termEnd?: string | undefined;
}

export interface Difference {
  kind: DifferenceKind;
  subscriptionId: number;
  productType?: ProductType;
  customerId?: string;
  /** What it is at Microsoft, where it bears the mark of a subscription that does not have it. */
  object?: Pick<Marked, 'what' | 'id'>;
  marketplace?: Side;
  recorded?: Side;
  microsoft?: Side;
  /** What a look does about it, or what a person may. */
  remedy: string;
  /**
   * What comes of it: a look changes something at Microsoft or in the marketplace, only records it, or tells a person; `nothing` is done by
   * itself, and this result alone tells it.
   */
  leadsTo: 'change' | 'note' | 'alert' | 'nothing';
}

/** In what a subscription differs so that a look would act on it, or tell it; nothing when it is in order, or on its way already. */
export function differencesOf(
  { subscription, record, isRecovered }: Compared,
  known: Known,
  { decision, seen, atMicrosoft, learned }: Comparison,
  settings: PlanSettings,
): Difference[] {
  if (isOnItsWay(decision, record)) return [];
  const fulfillment = known.fulfillment;
  const isLearned = learned !== undefined && !isSame(learnedPart(learned), learnedPart(record?.fulfillment));
  const isAtRest = decision.kind === 'settled' || decision.kind === 'wait';
  if (isAtRest && record && !isRecovered && !isLearned) return [];
  return [
    {
      kind:
        isRecovered || (isAtRest ? isLearned : !isSame(decision, planOperation(seen, known, settings)))
          ? 'changed-at-microsoft'
          : 'missed-event',
      subscriptionId: subscription.id,
      ...(fulfillment && { productType: fulfillment.productType }),
      ...(fulfillment?.customerId && { customerId: fulfillment.customerId }),
      marketplace: {
        status: subscription.deploymentStatus,
        seats: seen.seats,
        planId: seen.planId,
        endDate: seen.endDate,
      },
      ...(record?.fulfillment && { recorded: recordedSide(record.fulfillment) }),
      ...(atMicrosoft && { microsoft: microsoftSide(atMicrosoft) }),
      ...remedyFor(decision, isRecovered),
    },
  ];
}

export interface Compared {
  subscription: Subscription;
  record: SubscriptionRecord | undefined;
  /** Nothing was recorded of what was found at Microsoft by its mark. */
  isRecovered: boolean;
}

/** What is recorded, in words. */
export function recordedSide({ settled, seats, scheduled, commitmentEndDate, ...rest }: Fulfillment): Side {
  return {
    status: rest.endedAt ? 'ended' : rest.suspended ? 'suspended' : rest.deployedAt ? 'in service' : 'under way',
    seats: settled?.seats ?? seats,
    planId: settled?.planId,
    item: itemText(rest),
    next: scheduled && itemText(scheduled),
    endDate: settled?.endDate,
    termEnd: commitmentEndDate,
  };
}

function microsoftSide({
  status,
  suspensionReasons,
  what,
  license,
  commitmentEndDate,
  movedTo,
  runs,
}: AtMicrosoft): Side {
  const words = [
    what,
    runs ? 'runs' : status,
    suspensionReasons.length > 0 && `(${suspensionReasons.join(', ')})`,
    movedTo && `now ${movedTo}`,
  ];
  return {
    status: words.filter((word) => word).join(' '),
    seats: license?.seats,
    item: license && itemText(license),
    next: license?.next && itemText(license.next),
    renews: license?.autoRenewEnabled,
    termEnd: commitmentEndDate,
  };
}

function itemText(item: {
  offerId?: string;
  term?: string;
  billingCycle?: string;
  seats?: number;
}): string | undefined {
  const words = [
    item.offerId,
    item.term,
    item.billingCycle,
    item.seats === undefined ? undefined : `${item.seats} seats`,
  ];
  return words.filter((word) => word !== undefined).join(' ') || undefined;
}

function remedyFor(decision: Decision, isRecovered: boolean): Pick<Difference, 'remedy' | 'leadsTo'> {
  switch (decision.kind) {
    case 'run':
      return { remedy: [decision.operation, decision.target].filter((word) => word).join(' '), leadsTo: 'change' };
    case 'attention':
      return { remedy: decision.message, leadsTo: 'alert' };
    case 'wait':
      return { remedy: `recorded; waits for ${decision.waitingFor}`, leadsTo: 'note' };
    case 'settled':
      return { remedy: isRecovered ? 'recorded again' : 'recorded', leadsTo: 'note' };
  }
}

/** What is learned from Microsoft. */
function learnedPart(fulfillment: Fulfillment | undefined): object {
  const { partnerSubscriptionId, commitmentEndDate, seats } = fulfillment ?? {};
  return { partnerSubscriptionId, commitmentEndDate, seats };
}

/** What is being carried out differs until it is done. */
function isOnItsWay(decision: Decision, record: SubscriptionRecord | undefined): boolean {
  if (decision.kind !== 'run' || !record?.run) return false;
  return record.run.operation === decision.operation && record.run.target === decision.target;
}

/** Plain data, whatever the order of their fields. */
function isSame(one: object | undefined, other: object | undefined): boolean {
  return sorted(one) === sorted(other);
}

function sorted(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, found: unknown) =>
    found !== null && typeof found === 'object' && !Array.isArray(found)
      ? Object.fromEntries(Object.entries(found).sort(([one], [other]) => (one < other ? -1 : 1)))
      : found,
  );
}
