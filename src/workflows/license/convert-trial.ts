import type { Workflow } from '../../engine/workflow.ts';
import type { Look } from '../look.ts';
import { readSelling } from '../selling.ts';
import type { ChangePlanParts } from './change-plan.ts';
import { readLicenseOrder } from './parameters.ts';
import { gone, orderNextTerm, readPartnerSubscription } from './partner-subscription.ts';
import { tellStanding } from './tell-standing.ts';
import { findWay, transition } from './transition.ts';

/**
 * Turns a trial into the paid licence, in the same tenant. At once where Microsoft allows it, which demands at least the seats of the
 * trial; with fewer seats at the end of the trial, so that nobody pays for seats that were not sold.
 *
 * @see https://learn.microsoft.com/partner-center/offer-your-customers-trials-of-microsoft-products
 */
export function createConvertTrial(parts: ChangePlanParts): Workflow<Look> {
  return {
    name: 'license/convert-trial',

    async run(flow, look) {
      const fulfillment = look.fulfillment();
      const { subscription } = look;
      const trial = await flow.step('read the trial', async () => {
        const found = await readPartnerSubscription(parts, fulfillment);
        if (!found) throw gone(fulfillment);
        return { isTrial: found.isTrial, seats: found.quantity };
      });
      const order = await flow.step('read the plan', async () =>
        readLicenseOrder(await readSelling(parts.cloudesire, subscription), subscription, parts.license),
      );
      const offerId = `${order.productId}:${order.skuId}`;
      const seats = order.seats ?? trial.seats;

      if (trial.isTrial) await convert();
      const { planId, endDate } = subscription;
      await look.settle({ trial: false, seats, ...(planId !== undefined && { planId }), ...(endDate && { endDate }) });

      async function convert(): Promise<void> {
        const { term, billingCycle } = order;
        const way =
          seats >= trial.seats
            ? await flow.step('ask for the way', () => findWay(parts, fulfillment, offerId, 'immediate'))
            : null;
        if (way) {
          const item = { quantity: seats, termDuration: term, billingCycle };
          const moved = await transition(flow, fulfillment, way, item, parts);
          await look.note({ ...moved, trial: false, offerId, seats, term, billingCycle });
          return;
        }
        const next = { offerId, seats, term, billingCycle };
        const shown = await orderNextTerm(flow, 'schedule the conversion', fulfillment, next, parts);
        await look.note({ ...shown, scheduled: next });
        await flow.step('tell the customer when', () => tellStanding(look, parts.report));
      }
    },
  };
}
