import { randomUUID } from 'node:crypto';
import type { Flow } from '../../engine/workflow.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { CatalogItem } from './catalog-item.ts';
import { type LicenseParts, offerOf, readPartnerSubscription } from './partner-subscription.ts';

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
  { partnerCenter }: { partnerCenter: Pick<PartnerCenter, 'subscriptions'> },
  { customerId = '', partnerSubscriptionId = '' }: Fulfillment,
  offerId: string,
  when: 'immediate' | 'scheduled',
): Promise<Way | null> {
  const targets = await partnerCenter.subscriptions.transitionEligibilities(customerId, partnerSubscriptionId, when);
  for (const target of targets) {
    if (offerOf(target.catalogItemId).toUpperCase() !== offerId.toUpperCase()) continue;
    // With its licences, where Microsoft can move them; else they are assigned anew by the customer.
    const eligible = target.eligibilities
      .filter(({ isEligible }) => isEligible)
      .map(({ transitionType }) => transitionType);
    const transitionType = eligible.find((type) => type === 'transition_with_license_transfer') ?? eligible[0];
    if (transitionType) return { catalogItemId: target.catalogItemId, transitionType };
  }
  return null;
}

/** How a licence comes to what another plan sells; `same`: it has it already. */
export type PlanChange = { kind: 'same' } | { kind: 'immediate'; way: Way } | { kind: 'at-renewal' };

/**
 * Decides how a licence comes to what another plan sells: at once where Microsoft offers the way, else at its renewal.
 *
 * @throws {AttentionError} `plan.change-not-possible` when Microsoft offers no way at all
 */
export async function findPlanChange(
  parts: { partnerCenter: Pick<PartnerCenter, 'subscriptions'> },
  fulfillment: Fulfillment,
  { offerId, term, billingCycle }: { offerId: string; term: string; billingCycle: string },
): Promise<PlanChange> {
  const isSameOffer = offerId === fulfillment.offerId;
  if (isSameOffer && term === fulfillment.term && billingCycle === fulfillment.billingCycle) return { kind: 'same' };
  const way = await findWay(parts, fulfillment, offerId, 'immediate');
  if (way) return { kind: 'immediate', way };
  if (isSameOffer || (await findWay(parts, fulfillment, offerId, 'scheduled'))) return { kind: 'at-renewal' };
  throw new AttentionError(
    'plan.change-not-possible',
    `Microsoft offers no way from ${fulfillment.offerId} to ${offerId}, neither at once nor at the renewal. Settle with the customer which plan they keep, and change it back in the marketplace, or order the new one separately.`,
  );
}

/**
 * Moves a licence to another item at once and waits until Microsoft has done it. Cannot be taken back.
 *
 * @throws {AttentionError} `transition.failed` when Microsoft gave up on it
 */
export async function transition(
  flow: Flow,
  fulfillment: Fulfillment,
  way: Way,
  { quantity, termDuration, billingCycle }: Pick<CatalogItem, 'quantity' | 'termDuration' | 'billingCycle'>,
  parts: LicenseParts,
): Promise<{ partnerSubscriptionId: string }> {
  const { subscriptions } = parts.partnerCenter;
  const { customerId = '', partnerSubscriptionId = '' } = fulfillment;
  const { operationId } = await flow.effect<{ requestId: string; earlier: string[] }, { operationId: string }>(
    'transition',
    {
      async prepare() {
        const earlier = await subscriptions.transitions(customerId, partnerSubscriptionId);
        return { requestId: randomUUID(), earlier: earlier.map((one) => one.operationId) };
      },
      async find({ earlier }) {
        const begun = await subscriptions.transitions(customerId, partnerSubscriptionId);
        const ours = begun.find((one) => !earlier.includes(one.operationId));
        return ours && { operationId: ours.operationId };
      },
      act: ({ requestId }) =>
        subscriptions.transition(
          customerId,
          partnerSubscriptionId,
          {
            toCatalogItemId: way.catalogItemId,
            quantity,
            transitionType: way.transitionType,
            termDuration,
            billingCycle,
          },
          { requestId },
        ),
    },
  );

  const plan = {
    firstMs: parts.pollEveryMs / 3,
    factor: 1.5,
    longestMs: 60 * parts.pollEveryMs,
    waitingFor: `Microsoft to move partner subscription ${partnerSubscriptionId} to ${offerOf(way.catalogItemId)}`,
  };
  return flow.poll('transition completed', plan, async () => {
    const [found] = (await subscriptions.transitions(customerId, partnerSubscriptionId, operationId)).filter(
      (one) => one.operationId === operationId,
    );
    const conversion = found?.events.filter(({ name }) => name.toLowerCase() === 'conversion').at(-1);
    if (conversion?.status === 'failed') {
      const codes = conversion.errors.map(({ code }) => code).join(', ') || 'none';
      throw new AttentionError(
        'transition.failed',
        `Microsoft did not move partner subscription ${partnerSubscriptionId} to ${offerOf(way.catalogItemId)} (errors: ${codes}). Look at it in Partner Center.`,
      );
    }
    if (conversion?.status !== 'completed') return undefined;
    const moved = { ...fulfillment, partnerSubscriptionId: found?.toSubscriptionId ?? partnerSubscriptionId };
    // The history may be ahead of the subscription itself.
    const now = await readPartnerSubscription(parts, moved);
    if (!now?.offerId || offerOf(now.offerId).toUpperCase() !== offerOf(way.catalogItemId).toUpperCase())
      return undefined;
    return { partnerSubscriptionId: now.id };
  });
}
