import { randomUUID } from 'node:crypto';
import type { Workflow } from '../../engine/workflow.ts';
import { ConnectorError } from '../../lib/errors.ts';
import type { Report } from '../../report/report.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { Look } from '../look.ts';
import { findCatalogItem } from './catalog-item.ts';
import { type LicenseSettings, readSeats } from './parameters.ts';
import {
  changePartnerSubscription,
  gone,
  type LicenseParts,
  readPartnerSubscription,
  renewWith,
  scheduledFor,
  scheduledSeats,
} from './partner-subscription.ts';

export interface ChangeSeatsParts extends LicenseParts {
  license: LicenseSettings;
  report: Report;
}

/** Microsoft's answers to fewer seats after the window has closed. https://learn.microsoft.com/partner-center/developer/error-codes */
const WINDOW_CLOSED = new Set(['800090', '900214', '900257']);

/**
 * Brings the seats in line with the marketplace: more at once; fewer at once while Microsoft takes them back, else at the renewal.
 *
 * @see https://learn.microsoft.com/partner-center/developer/change-the-quantity-of-a-subscription
 */
export function createChangeSeats(parts: ChangeSeatsParts): Workflow<Look> {
  return {
    name: 'license/change-seats',

    async run(flow, look) {
      const fulfillment = look.fulfillment();
      const seats = readSeats(look.subscription, parts.license.licenseIdentifier, {
        id: look.subscription.planId ?? 0,
      });
      const before = await flow.step('read seats', async () => {
        const found = await readPartnerSubscription(parts, fulfillment);
        if (!found) throw gone(fulfillment);
        return { seats: found.quantity, nextSeats: scheduledSeats(found) ?? null };
      });

      if (seats > before.seats) {
        const shown = await changePartnerSubscription(
          flow,
          'raise seats',
          fulfillment,
          { change: () => ({ quantity: seats }), shows: (found) => (found?.quantity ?? 0) >= seats },
          parts,
        );
        await look.note({ ...shown, scheduled: undefined });
      } else if (seats < before.seats) {
        await lower(seats, before.seats);
      } else if (before.nextSeats !== null && before.nextSeats !== seats) {
        await changePartnerSubscription(
          flow,
          'drop the schedule',
          fulfillment,
          {
            change: () => ({ scheduledActions: [], scheduledNextTermInstructions: null }),
            shows: (found) => (scheduledSeats(found) ?? seats) === seats,
          },
          parts,
        );
        await look.note({ scheduled: undefined });
      }
      await look.settle({ seats });

      async function lower(wanted: number, current: number): Promise<void> {
        const read = () => readPartnerSubscription(parts, fulfillment);
        const outcome = await flow.effect<{ requestId: string }, 'lowered' | 'window-closed'>('ask for fewer seats', {
          prepare: () => ({ requestId: randomUUID() }),
          find: async () => (((await read())?.quantity ?? current) <= wanted ? 'lowered' : undefined),
          async act({ requestId }) {
            const found = await read();
            if (!found) throw gone(fulfillment);
            if (found.quantity <= wanted) return 'lowered';
            // What Microsoft says may be given back is known beforehand; without a word of it the attempt tells.
            if (found.refundableQuantity && found.refundableQuantity.totalQuantity < found.quantity - wanted)
              return 'window-closed';
            try {
              await parts.partnerCenter.subscriptions.update(
                fulfillment.customerId ?? '',
                found.id,
                { quantity: wanted },
                { requestId },
              );
              return 'lowered';
            } catch (error) {
              if (error instanceof ConnectorError && WINDOW_CLOSED.has(error.facts.upstreamCode ?? ''))
                return 'window-closed';
              throw error;
            }
          },
        });
        if (outcome === 'lowered') {
          const shown = await changePartnerSubscription(
            flow,
            'fewer seats',
            fulfillment,
            { change: () => ({ quantity: wanted }), shows: (found) => found !== undefined && found.quantity <= wanted },
            parts,
          );
          await look.note({ ...shown, scheduled: undefined });
          return;
        }
        await schedule(wanted);
      }

      async function schedule(wanted: number): Promise<void> {
        if (!(await readPartnerSubscription(parts, fulfillment))?.autoRenewEnabled) {
          await changePartnerSubscription(
            flow,
            'renew',
            fulfillment,
            { change: () => ({ autoRenewEnabled: true }), shows: (found) => found?.autoRenewEnabled === true },
            parts,
          );
        }
        const item = await flow.step('find the item of the next term', () => nextTermItem(fulfillment, wanted));
        const shown = await changePartnerSubscription(
          flow,
          'schedule fewer seats',
          fulfillment,
          { change: () => renewWith(item), shows: (found) => scheduledSeats(found) === wanted },
          parts,
        );
        await look.note({ ...shown, scheduled: scheduledFor(item) });
        await flow.step('tell the customer when', () =>
          parts.report.seatsAtRenewal(look.subscription.id, {
            seats: wanted,
            ...(shown.commitmentEndDate && { until: shown.commitmentEndDate }),
          }),
        );
      }

      /** The offer of the next term, which is the same unless another plan is on order, under the availability of today. */
      function nextTermItem(
        {
          offerId: currentOfferId = '',
          scheduled,
          country = '',
          segment = 'commercial',
          term = 'P1M',
          billingCycle = 'monthly',
        }: Fulfillment,
        quantity: number,
      ) {
        const [productId = '', skuId = ''] = (scheduled?.offerId ?? currentOfferId).split(':');
        return findCatalogItem(
          parts.partnerCenter,
          { productId, skuId, segment, term, billingCycle, seats: quantity },
          country,
        );
      }
    },
  };
}
