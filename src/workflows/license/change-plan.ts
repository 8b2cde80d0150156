import type { Workflow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { Look } from '../look.ts';
import { readSelling } from '../selling.ts';
import { findCatalogItem } from './catalog-item.ts';
import { type LicenseSettings, readLicenseOrder } from './parameters.ts';
import {
  changePartnerSubscription,
  gone,
  type LicenseParts,
  readPartnerSubscription,
  renewWith,
  scheduledFor,
  scheduledSeats,
} from './partner-subscription.ts';
import { findPlanChange, transition, type Way } from './transition.ts';

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
      const wanted = await flow.step('read the new plan', async () => {
        const order = readLicenseOrder(await readSelling(parts.cloudesire, subscription), subscription, parts.license);
        const found = await readPartnerSubscription(parts, fulfillment);
        if (!found) throw gone(fulfillment);
        return { ...order, offerId: `${order.productId}:${order.skuId}`, quantity: found.quantity };
      });
      const change = await flow.step('find the way to the new plan', () => findPlanChange(parts, fulfillment, wanted));
      if (change.kind === 'immediate') await moveNow(change.way);
      if (change.kind === 'at-renewal') await moveAtRenewal();
      await look.settle({ ...(planId !== undefined && { planId }) });

      async function moveNow(way: Way): Promise<void> {
        const { offerId, quantity, term: termDuration, billingCycle } = wanted;
        const moved = await transition(flow, fulfillment, way, { quantity, termDuration, billingCycle }, parts);
        await look.note({ ...moved, offerId, term: termDuration, billingCycle, scheduled: undefined });
      }

      async function moveAtRenewal(): Promise<void> {
        // Fewer seats may be on order for the renewal as well.
        const quantity = fulfillment.settled?.seats ?? wanted.quantity;
        const item = await flow.step('find the item of the next term', () =>
          findCatalogItem(parts.partnerCenter, { ...wanted, seats: quantity }, fulfillment.country ?? ''),
        );
        const shown = await changePartnerSubscription(
          flow,
          'schedule the new plan',
          fulfillment,
          { change: () => renewWith(item), shows: (found) => scheduledSeats(found) === quantity },
          parts,
        );
        await look.note({ ...shown, scheduled: scheduledFor(item) });
        await flow.step('tell the customer when', () =>
          parts.report.planAtRenewal(subscription.id, {
            ...(shown.commitmentEndDate && { until: shown.commitmentEndDate }),
          }),
        );
      }
    },
  };
}
