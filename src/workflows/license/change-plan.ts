import type { Workflow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { Look } from '../look.ts';
import { readSelling } from '../selling.ts';
import { type LicenseSettings, readLicenseOrder } from './parameters.ts';
import {
  changePartnerSubscription,
  gone,
  type LicenseParts,
  NOTHING_ON_ORDER,
  onOrder,
  orderNextTerm,
  readPartnerSubscription,
} from './partner-subscription.ts';
import { tellStanding } from './tell-standing.ts';
import { findPlanChange, type PlanChange, transition, type Way } from './transition.ts';

export interface ChangePlanParts extends LicenseParts {
  cloudesire: Cloudesire;
  license: LicenseSettings;
  report: Report;
}

/**
 * Brings the offer in line with the plan: upgrades at once where Microsoft offers the way, anything else at the renewal. The seats stay;
 * if the new plan came with another number, the next look changes that.
 *
 * @see https://learn.microsoft.com/partner-center/developer/transition-a-new-commerce-subscription
 */
export function createChangePlan(parts: ChangePlanParts): Workflow<Look> {
  return {
    name: 'license/change-plan',

    async run(flow, look) {
      const fulfillment = look.fulfillment();
      const { subscription } = look;
      const { planId } = subscription;
      const { isTrial, quantity, ...wanted } = await flow.step('read the new plan', async () => {
        const order = readLicenseOrder(await readSelling(parts.cloudesire, subscription), subscription, parts.license);
        const found = await readPartnerSubscription(parts, fulfillment);
        if (!found) throw gone(fulfillment);
        const { productId, skuId, term, billingCycle } = order;
        const { quantity: seats } = found;
        return { isTrial: found.isTrial, quantity: seats, offerId: `${productId}:${skuId}`, term, billingCycle };
      });
      // Fewer seats may be on order for the renewal as well.
      const seats = fulfillment.settled?.seats ?? quantity;
      const next = { ...wanted, seats };

      // A trial whose continuation is on order is moved with that.
      const change: PlanChange = isTrial
        ? { kind: 'at-renewal' }
        : await flow.step('find the way to the new plan', () => findPlanChange(parts, fulfillment, wanted));
      if (change.kind === 'immediate') await moveNow(change.way);
      if (change.kind === 'at-renewal') await moveAtRenewal();
      if (change.kind === 'same' && fulfillment.scheduled) await stay();
      // What was announced before may not be so any more.
      if (fulfillment.scheduled || look.fulfillment().scheduled)
        await flow.step('tell the customer when', () => tellStanding(look, parts.report));
      await look.settle({ ...(planId !== undefined && { planId }) });

      async function moveNow(way: Way): Promise<void> {
        const { offerId, term: termDuration, billingCycle } = wanted;
        const moved = await transition(flow, fulfillment, way, { quantity, termDuration, billingCycle }, parts);
        // The move drops what was on order; the next look orders fewer seats anew.
        const scheduled = seats < quantity ? next : undefined;
        await look.note({ ...moved, offerId, term: termDuration, billingCycle, scheduled });
      }

      async function moveAtRenewal(): Promise<void> {
        const shown = await orderNextTerm(flow, 'schedule the new plan', fulfillment, next, parts);
        await look.note({ ...shown, scheduled: next });
      }

      /** Back to the plan that it has: another one was on order. */
      async function stay(): Promise<void> {
        await changePartnerSubscription(
          flow,
          'drop the other plan',
          fulfillment,
          { change: () => NOTHING_ON_ORDER, shows: (found) => onOrder(found) === undefined },
          parts,
        );
        await look.note({ scheduled: seats < quantity ? next : undefined });
      }
    },
  };
}
