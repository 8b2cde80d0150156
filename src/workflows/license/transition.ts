import { randomUUID } from 'node:crypto';
import type { Flow } from '../../engine/workflow.ts';
import { PREPARE_ANEW, Suspended } from '../../engine/workflow.ts';
import { HOUR_MS, MINUTE_MS } from '../../lib/durations.ts';
import { AttentionError, ConnectorError } from '../../lib/errors.ts';
import type { Wait } from '../../lib/wait.ts';
import type { Subscription } from '../../upstreams/cloudesire/schema.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import { hasEnded, type PartnerSubscription, type Transition } from '../../upstreams/partner-center/schema.ts';
import type { NewTransition } from '../../upstreams/partner-center/subscriptions.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { Look } from '../look.ts';
import { bearsMark, bearsOtherMark, markOf } from '../mark.ts';
import { isSameId } from '../same-id.ts';
import { pollPlan } from '../steps/polls.ts';
import { isSameItem, type TermItem } from '../term-item.ts';
import { boughtOf } from './bought.ts';
import {
  changePartnerSubscription,
  gone,
  itemOf,
  type LicenseParts,
  offerOf,
  readPartnerSubscription,
} from './partner-subscription.ts';

type Item = Omit<TermItem, 'seats'>;
type AskingParts = { partnerCenter: Pick<PartnerCenter, 'subscriptions'> };

/** A way that Microsoft offers to another item. */
export interface Way {
  catalogItemId: string;
  transitionType: string;
}

/**
 * The way that Microsoft offers from a licence to another offer, at once or at the renewal; null when there is none.
 *
 * @see https://learn.microsoft.com/partner-center/developer/transition-a-new-commerce-subscription
 */
export async function findWay(
  { partnerCenter }: AskingParts,
  fulfillment: Fulfillment,
  offerId: string,
  when: 'immediate' | 'scheduled',
): Promise<Way | null> {
  const { customerId, partnerSubscriptionId } = boughtOf(fulfillment);
  const targets = await partnerCenter.subscriptions.transitionEligibilities(customerId, partnerSubscriptionId, when);
  for (const target of targets) {
    if (!isSameItem({ offerId: offerOf(target.catalogItemId) }, { offerId })) continue;
    // With its licences, where Microsoft can move them; else they are assigned anew by the customer.
    const eligible = target.eligibilities
      .filter(({ isEligible }) => isEligible)
      .map(({ transitionType }) => transitionType);
    const transitionType = eligible.find((type) => type === 'transition_with_license_transfer') ?? eligible[0];
    if (transitionType) return { catalogItemId: target.catalogItemId, transitionType };
  }
  return null;
}

/** How a licence comes from the present item to what another plan sells; `same`: it has it already. */
export interface PlanChange {
  kind: 'same' | 'immediate' | 'at-renewal';
  present: Partial<Item>;
}

const TERMS = ['P1M', 'P1Y', 'P3Y'];

/**
 * Decides from what Microsoft shows now how a licence comes to what another plan sells. At once only to another offer or a longer term, and
 * only where Microsoft offers the way; a shorter term, or another billing cycle alone, comes with the renewal.
 *
 * @throws {AttentionError} `plan.change-not-possible` when Microsoft offers no way at all
 * @see https://learn.microsoft.com/partner-center/developer/transition-a-new-commerce-subscription
 */
export async function findPlanChange(
  parts: AskingParts,
  fulfillment: Fulfillment,
  wanted: Item,
  { atOnce = true } = {},
): Promise<PlanChange> {
  const { offerId, term, billingCycle } = fulfillment;
  const found = await readPartnerSubscription(parts, fulfillment);
  const present = {
    ...(offerId && { offerId }),
    ...(term && { term }),
    ...(billingCycle && { billingCycle }),
    ...(found && itemOf(found)),
  };
  if (isSameItem(present, wanted)) return { kind: 'same', present };
  const isSameOffer = isSameItem({ offerId: present.offerId }, { offerId: wanted.offerId });
  const longer = TERMS.indexOf(wanted.term) - TERMS.indexOf(present.term ?? wanted.term);
  const isUpward = longer > 0 || (longer === 0 && !isSameOffer);
  if (atOnce && isUpward && (await findWay(parts, fulfillment, wanted.offerId, 'immediate')))
    return { kind: 'immediate', present };
  if (isSameOffer || (await findWay(parts, fulfillment, wanted.offerId, 'scheduled')))
    return { kind: 'at-renewal', present };
  throw noWay(present.offerId, wanted.offerId);
}

function noWay(from: string | undefined, to: string): AttentionError {
  return new AttentionError(
    'plan.change-not-possible',
    `Microsoft offers no way from ${from} to ${to}, neither at once nor at the renewal. Settle with the customer which plan they keep, and change it back in the marketplace, or order the new one separately.`,
    { effect: 'none' },
  );
}

/**
 * What a licence that has ended was moved into, by whomever: a living partner subscription that is no other order's, or `pending` while
 * Microsoft is still moving it.
 */
export async function findSuccessor(
  parts: AskingParts,
  fulfillment: Fulfillment,
  ourId: number,
): Promise<PartnerSubscription | 'pending' | undefined> {
  const moves = await readTransitions(parts, fulfillment);
  for (const { toSubscriptionId } of moves.toReversed()) {
    if (!toSubscriptionId || isSameId(toSubscriptionId, fulfillment.partnerSubscriptionId)) continue;
    const found = await readPartnerSubscription(parts, { ...fulfillment, partnerSubscriptionId: toSubscriptionId });
    if (found && !hasEnded(found) && !bearsOtherMark(found.friendlyName, ourId)) return found;
  }
  return moves.some(isUnderWay) ? 'pending' : undefined;
}

/** The moves of a licence, or the one of an operation; none where its partner subscription is gone. */
async function readTransitions(
  { partnerCenter }: AskingParts,
  fulfillment: Fulfillment,
  operationId?: string,
): Promise<Transition[]> {
  const { customerId, partnerSubscriptionId } = boughtOf(fulfillment);
  try {
    return await partnerCenter.subscriptions.transitions(customerId, partnerSubscriptionId, operationId);
  } catch (error) {
    if (error instanceof ConnectorError && error.facts.status === 404) return [];
    throw error;
  }
}

export interface Move extends Item {
  /** All that there are, unless another number is named. */
  seats?: number;
  /** Whether the marketplace still wants it, asked just before. */
  isWanted(fresh: Subscription): boolean;
}

/** Microsoft's answers to a term or a billing cycle that an immediate move cannot have. https://learn.microsoft.com/partner-center/developer/error-codes */
const ONLY_LATER = new Set(['900267', '900268', '900269', '900270', '800107', '800122']);
/** A move that is missing in the history for longer surely was not begun. */
const LISTED_WITHIN_MS = 15 * MINUTE_MS;
/** Pause between two looks for a move that is missing there and no longer wanted. */
const LOOK_WHILE_UNWANTED_EVERY_MS = MINUTE_MS;
/** A person is told of a move that takes longer. */
const LATE_AFTER_MS = 24 * HOUR_MS;
/** The same while the customer waits for the end, since Microsoft's window for it may close. */
const LATE_BEFORE_END_AFTER_MS = HOUR_MS;

type Moved = 'moved' | 'only-later' | 'again';
type Begun = { operationId: string; toSubscriptionId?: string } | { refused: string };

/**
 * Moves a licence to another item at once and waits until Microsoft has done it; `only-later` when it cannot be had at once, `again` when
 * Microsoft gave up on it and operations want it anew, which is for the caller to begin, by what is wanted then. A move cannot be
 * taken back: once asked for, it stands in the record until it is known what came of it, and may end in another partner subscription. What
 * is there already, however it came about, is not asked for again.
 *
 * @throws {AttentionError} `transition.failed` when Microsoft gave up on it; `retry` asks anew, and a move by hand is taken over
 * @throws {AttentionError} `transition.slow` when it takes longer than a day
 * @throws {AttentionError} `transition.holds-up-end` when the marketplace has ended the subscription and it takes longer than an hour; `retry`
 * gives up following it, so that what is there now is ended
 * @see https://learn.microsoft.com/partner-center/developer/transition-a-new-commerce-subscription
 */
export async function transition(flow: Flow, look: Look, move: Move, parts: LicenseParts): Promise<Moved> {
  const { subscriptions } = parts.partnerCenter;
  const { offerId, term, billingCycle } = move;
  const from = look.fulfillment();
  const { customerId, partnerSubscriptionId } = boughtOf(from);
  const waitingFor: Wait = `Microsoft to move partner subscription ${partnerSubscriptionId} to ${offerId}`;
  const plan = pollPlan('purchase', parts.pollEveryMs, waitingFor);

  const { there } = await flow.poll('nothing else is moving', plan, async ({ sinceMs }) => {
    const moves = await history();
    if (!moves.some(isUnderWay)) return { there: await findArrived() };
    if (isLate(sinceMs)) throw await late();
    return undefined;
  });
  if (there) return arrive(there);

  const begun = await begin();
  if ('refused' in begun) return 'only-later';
  const outcome = await follow(begun);
  if ('partnerSubscriptionId' in outcome) return arrive(outcome.partnerSubscriptionId);

  const byHand = await flow.step('see to the failed move', async () => {
    await look.note({ moving: undefined });
    const arrived = await findArrived();
    if (arrived || look.takeRetry()) return { arrived };
    throw new AttentionError(
      'transition.failed',
      `Microsoft did not move partner subscription ${partnerSubscriptionId} to ${offerId} (errors: ${outcome.failed}). Look at it in Partner Center and cure the cause: retry asks for it anew. A move made there by hand is taken over.`,
      { cure: 'retry' },
    );
  });
  return byHand.arrived ? arrive(byHand.arrived) : 'again';

  function begin(): Promise<Begun> {
    let isUnclear = false;
    return flow.effect<{ requestId: string; earlier: string[]; target: NewTransition }, Begun>('transition', {
      async prepare() {
        // Nothing is sent that still counts: a mark that was left behind must not keep from deciding anew.
        await look.note({ moving: undefined });
        const way = await findWay(parts, from, offerId, 'immediate');
        if (!way) throw noWay(from.offerId, offerId);
        const found = await readPartnerSubscription(parts, from);
        if (!found) throw gone(from);
        const earlier = (await history()).map(({ operationId }) => operationId);
        await look.stillIn(['DEPLOYED'], move.isWanted);
        const { catalogItemId: toCatalogItemId, transitionType } = way;
        const quantity = move.seats ?? found.quantity;
        const target = { toCatalogItemId, quantity, transitionType, termDuration: term, billingCycle };
        return { requestId: randomUUID(), earlier, target };
      },
      async find({ earlier }, { firstSentAt }) {
        const ours = (await history()).find((one) => !earlier.some((id) => isSameId(id, one.operationId)));
        if (ours) return begunOf(ours);
        isUnclear = parts.now() - firstSentAt <= parts.grace(LISTED_WITHIN_MS);
        if (!isUnclear) return PREPARE_ANEW;
        if (await look.isStillIn(['DEPLOYED'], move.isWanted)) return undefined;
        // It may have begun all the same, so nothing else is decided yet; but nobody is sold by another try what they no longer want.
        throw new Suspended(
          parts.now() + parts.grace(LOOK_WHILE_UNWANTED_EVERY_MS),
          `Microsoft to show whether it moves partner subscription ${partnerSubscriptionId} to ${offerId}, which is no longer wanted`,
        );
      },
      async act({ requestId, target }) {
        // Only once the journal says that it is sent: the mark alone would hold up every other decision.
        await look.note({ moving: {} });
        try {
          return begunOf(await subscriptions.transition(customerId, partnerSubscriptionId, target, { requestId }));
        } catch (error) {
          if (isUnclear || !(error instanceof ConnectorError) || error.effect !== 'none') throw error;
          await look.note({ moving: undefined });
          const code = error.facts.upstreamCode ?? '';
          if (ONLY_LATER.has(code)) return { refused: code };
          throw error;
        }
      },
    });
  }

  function follow(
    begun: Exclude<Begun, { refused: string }>,
  ): Promise<{ partnerSubscriptionId: string } | { failed: string }> {
    const { operationId } = begun;
    return flow.poll<{ partnerSubscriptionId: string } | { failed: string }>(
      'transition completed',
      plan,
      async ({ sinceMs }) => {
        const listed = (await history(operationId)).find((one) => isSameId(one.operationId, operationId));
        const toSubscriptionId =
          listed?.toSubscriptionId ?? look.fulfillment().moving?.toSubscriptionId ?? begun.toSubscriptionId;
        await look.note({ moving: { operationId, ...(toSubscriptionId && { toSubscriptionId }) } });
        const conversion = listed && conversionOf(listed);
        if (conversion?.status === 'failed')
          return { failed: conversion.errors.map(({ code }) => code).join(', ') || 'none' };

        const found = await read(toSubscriptionId ?? partnerSubscriptionId);
        // The history may be ahead of the partner subscription, or gone with the former one.
        const isOver = listed === undefined || conversion?.status === 'completed';
        if (found && isOver && hasArrived(found)) return { partnerSubscriptionId: found.id };
        // Another term than asked for is put right like any other difference.
        if (found && isOver && isLate(sinceMs) && isOfOffer(found)) return { partnerSubscriptionId: found.id };
        if (isLate(sinceMs)) throw await late(found);
        return undefined;
      },
    );
  }

  /** The record follows the licence to where it is now. */
  async function arrive(id: string): Promise<'moved'> {
    const shown = await flow.step('see where it is now', async () => {
      const found = await read(id);
      return {
        isElsewhere: !isSameId(id, look.fulfillment().partnerSubscriptionId),
        ...(found && { seats: found.quantity }),
        ...(found?.orderId && { orderId: found.orderId }),
        ...(found?.commitmentEndDate && { commitmentEndDate: found.commitmentEndDate }),
      };
    });
    const { isElsewhere, ...facts } = shown;
    const { orderId, formerOrderIds = [] } = look.fulfillment();
    const isOtherOrder = facts.orderId !== undefined && orderId !== undefined && !isSameId(facts.orderId, orderId);
    await look.note({
      ...facts,
      ...(isOtherOrder && { formerOrderIds: [...formerOrderIds, orderId] }),
      partnerSubscriptionId: id,
      trial: false,
      offerId,
      term,
      billingCycle,
      moving: undefined,
    });
    if (!isElsewhere) return 'moved';
    const ourId = look.subscription.id;
    await changePartnerSubscription(
      flow,
      look,
      'name the partner subscription',
      { change: () => ({ friendlyName: markOf(ourId) }), shows: (found) => bearsMark(found?.friendlyName, ourId) },
      parts,
    );
    return 'moved';
  }

  /** Where the licence is of the wanted item already: it itself, or what it was moved into. */
  async function findArrived(): Promise<string | null> {
    const own = await read(partnerSubscriptionId);
    if (own && hasArrived(own)) return own.id;
    if (own && !hasEnded(own)) return null;
    const successor = await findSuccessor(parts, from, look.subscription.id);
    return successor && successor !== 'pending' && hasArrived(successor) ? successor.id : null;
  }

  function hasArrived(found: PartnerSubscription): boolean {
    return isOfOffer(found) && isSameItem(itemOf(found), { term });
  }

  function isOfOffer(found: PartnerSubscription): boolean {
    const { offerId: shown } = itemOf(found);
    return shown !== undefined && isSameItem({ offerId: shown }, { offerId }) && !found.isTrial && !hasEnded(found);
  }

  function read(id: string): Promise<PartnerSubscription | undefined> {
    return readPartnerSubscription(parts, { ...from, partnerSubscriptionId: id });
  }

  function history(operationId?: string): Promise<Transition[]> {
    return readTransitions(parts, from, operationId);
  }

  function isBeingEnded(): boolean {
    return look.subscription.deploymentStatus === 'UNDEPLOY_SENT';
  }

  function isLate(sinceMs: number): boolean {
    return sinceMs > parts.grace(isBeingEnded() ? LATE_BEFORE_END_AFTER_MS : LATE_AFTER_MS);
  }

  /** What a person is told of a move that does not end. Where an end waits for it, their `retry` puts the end first. */
  async function late(found?: PartnerSubscription): Promise<Error> {
    const which = `partner subscription ${partnerSubscriptionId} of customer ${customerId}`;
    if (!isBeingEnded()) {
      return new AttentionError(
        'transition.slow',
        `Microsoft has been moving ${which} to another item for more than a day. Ask the support of Partner Center; the connector goes on looking, and changes nothing else of this licence until it is known what came of it.`,
      );
    }
    if (look.takeRetry()) {
      await look.note({ moving: undefined });
      return new Suspended(parts.now(), 'a new decision: it is ended without waiting for the move');
    }
    const window = found?.cancellationAllowedUntilDate
      ? `Microsoft lets it be cancelled until ${found.cancellationAllowedUntilDate}; after that its whole term is charged`
      : 'Microsoft charges the whole term once its window for cancellations has closed';
    return new AttentionError(
      'transition.holds-up-end',
      `The customer has terminated, but Microsoft is still moving ${which} to another item, and ending it waits for that. ${window}. Ask the support of Partner Center; or retry, which ends what is there now without waiting: then look in Partner Center whether the move has left another subscription.`,
      { cure: 'retry' },
    );
  }
}

function conversionOf({ events }: Transition): Transition['events'][number] | undefined {
  return events.filter(({ name }) => name.toLowerCase() === 'conversion').at(-1);
}

function isUnderWay(move: Transition): boolean {
  return conversionOf(move)?.status === 'started';
}

function begunOf({ operationId, toSubscriptionId }: Transition): Begun {
  return { operationId, ...(toSubscriptionId && { toSubscriptionId }) };
}
