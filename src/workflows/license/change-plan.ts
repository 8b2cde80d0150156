import type { Flow, Workflow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { Look } from '../look.ts';
import { readSelling } from '../selling.ts';
import { isSameItem } from '../term-item.ts';
import { type LicenseSettings, readLicenseOrder } from './order.ts';
import {
  changePartnerSubscription,
  gone,
  itemOf,
  type LicenseParts,
  NOTHING_ON_ORDER,
  onOrder,
  orderNextTerm,
  readPartnerSubscription,
} from './partner-subscription.ts';
import { inRounds, type Refused, type RoundOutcome } from './rounds.ts';
import { tellStanding } from './tell-standing.ts';
import { findPlanChange, type PlanChange, transition } from './transition.ts';

export interface ChangePlanParts extends LicenseParts {
  cloudesire: Cloudesire;
  license: LicenseSettings;
  report: Report;
}

/** Before any of these, what the plan says may still be corrected. */
const CHANGES = ['transition', 'schedule the new plan', 'drop the other plan'];

/**
 * Brings offer, term and billing cycle in line with the plan, from whatever Microsoft shows now: upgrades at once where it offers the way,
 * anything else at the renewal. The seats stay; if the new plan came with another number, the next look changes that.
 *
 * @see https://learn.microsoft.com/partner-center/developer/transition-a-new-commerce-subscription
 */
export function createChangePlan(parts: ChangePlanParts): Workflow<Look> {
  return {
    name: 'license/change-plan',
    run: (flow, look) => inRounds(flow, (round, refused) => changePlan(round, look, refused)),
  };

  async function changePlan(flow: Flow, look: Look, refused: Refused): Promise<RoundOutcome> {
    const fulfillment = look.fulfillment();
    const { planId, isTrial, isOtherOnOrder, quantity, ...wanted } = await flow.step(
      'read the new plan',
      async () => {
        const { subscription } = look;
        const order = readLicenseOrder(await readSelling(parts.cloudesire, subscription), subscription, parts.license);
        const found = await readPartnerSubscription(parts, fulfillment);
        if (!found) throw gone(fulfillment);
        const { productId, skuId, term, billingCycle } = order;
        const next = onOrder(found);
        return {
          planId: subscription.planId,
          isTrial: found.isTrial,
          isOtherOnOrder: next !== undefined && !isSameItem({ ...next, seats: undefined }, itemOf(found)),
          quantity: found.quantity,
          offerId: `${productId}:${skuId}`,
          term,
          billingCycle,
        };
      },
      CHANGES,
    );
    // Fewer seats may be on order for the renewal as well.
    const seats = fulfillment.settled?.seats ?? quantity;
    const next = { ...wanted, seats };

    // A trial whose continuation is on order is moved with that.
    const outcome = await (isTrial ? moveAtRenewal({}) : move());
    if (outcome !== 'through') return outcome;
    // What was announced before may not be so any more.
    if (fulfillment.scheduled || look.fulfillment().scheduled)
      await flow.step('tell the customer when', () => tellStanding(look, parts.report));
    await look.settle({ ...(planId !== undefined && { planId }) });
    return 'through';

    async function move(): Promise<RoundOutcome> {
      const atOnce = refused === undefined || !isSameItem(refused, wanted);
      const { kind, present } = await flow.step(
        'find the way to the new plan',
        () => findPlanChange(parts, fulfillment, wanted, { atOnce }),
        CHANGES,
      );
      if (kind === 'same') return stay();
      if (kind === 'at-renewal') return moveAtRenewal(present);
      const isWanted = (fresh: Look['subscription']) => fresh.planId === planId && fresh.paid;
      const moved = await transition(flow, look, { ...wanted, isWanted }, parts);
      if (moved === 'again') return moved;
      if (moved === 'only-later') return { refused: wanted };
      // The move drops what was on order; the next look orders fewer seats anew.
      await look.note({ scheduled: seats < quantity ? next : undefined });
      return 'through';
    }

    async function moveAtRenewal(present: PlanChange['present']): Promise<'through'> {
      const writtenIn = `offerId of plan ${planId}`;
      const shown = await orderNextTerm(flow, look, 'schedule the new plan', { ...next, writtenIn }, parts);
      await look.note({ ...shown, ...present, ...(!isTrial && { trial: false }), scheduled: next });
      return 'through';
    }

    /** It has the plan. Another one that is on order must not come about. */
    async function stay(): Promise<'through'> {
      if (fulfillment.scheduled || isOtherOnOrder) {
        await changePartnerSubscription(
          flow,
          look,
          'drop the other plan',
          { change: () => NOTHING_ON_ORDER, shows: (found) => onOrder(found) === undefined },
          parts,
        );
      }
      const isForLater = fulfillment.scheduled && seats < quantity;
      await look.note({ ...wanted, trial: false, scheduled: isForLater ? next : undefined });
      return 'through';
    }
  }
}
