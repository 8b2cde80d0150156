import { randomUUID } from 'node:crypto';
import type { Workflow } from '../../engine/workflow.ts';
import { ConnectorError, CustomerError } from '../../lib/errors.ts';
import type { Report } from '../../report/report.ts';
import type { Look } from '../look.ts';
import { isSameItem } from '../term-item.ts';
import { boughtOf } from './bought.ts';
import { refuseImpossibleSeats } from './catalog-item.ts';
import { type LicenseSettings, readSeats } from './order.ts';
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
import { tellStanding } from './tell-standing.ts';

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
      const { scheduled } = fulfillment;
      const seats = readSeats(look.subscription, parts.license.licenseIdentifier, {
        id: look.subscription.planId ?? 0,
      });
      const before = await flow.step('read seats', async () => {
        const found = await readPartnerSubscription(parts, fulfillment);
        if (!found) throw gone(fulfillment);
        const { offerId = '', term = 'P1M', billingCycle = 'monthly' } = { ...fulfillment, ...itemOf(found) };
        const ordered = onOrder(found)?.seats ?? found.quantity;
        return { isTrial: found.isTrial, ordered, item: { offerId, term, billingCycle, seats: found.quantity } };
      });
      if (!before.isTrial) await refuseWhatCannotBe(before.item.offerId);
      // What else is on order for the next term stays so, with the new number; a change within the term drops it, and the next look orders it anew.
      const isOnOrder = scheduled && (before.isTrial || !isSameItem({ ...scheduled, seats: undefined }, before.item));
      const next = isOnOrder ? { ...scheduled, seats } : undefined;

      if (before.isTrial) {
        // The seats of a trial are fixed: the number counts for the licence that follows it.
        await look.note({ scheduled: next });
      } else if (seats > before.item.seats) {
        const shown = await changePartnerSubscription(
          flow,
          look,
          'raise seats',
          { change: () => ({ quantity: seats }), shows: (found) => (found?.quantity ?? 0) >= seats },
          parts,
        );
        await look.note({ ...shown, scheduled: next });
      } else if (seats < before.item.seats) {
        await lower(seats, before.item.seats);
      } else {
        if (!next && before.ordered !== seats) {
          await changePartnerSubscription(
            flow,
            look,
            'drop the schedule',
            { change: () => NOTHING_ON_ORDER, shows: (found) => (onOrder(found)?.seats ?? seats) === seats },
            parts,
          );
        }
        await look.note({ scheduled: next });
      }
      // What was announced before may not be so any more.
      if (scheduled || look.fulfillment().scheduled)
        await flow.step('tell the customer when', () => tellStanding(look, parts.report));
      await look.settle({ seats });

      /** The customer can choose another number; operations see that they have not done so yet. */
      async function refuseWhatCannotBe(offerId: string): Promise<void> {
        try {
          await refuseImpossibleSeats(parts.partnerCenter, { ...fulfillment, offerId }, seats);
        } catch (error) {
          if (!(error instanceof CustomerError)) throw error;
          await flow.step('tell that so many are not possible', async () => {
            await look.note({ askedAt: new Date(parts.now()).toISOString() });
            await parts.report.seatsNotPossible(look.subscription.id, error.params);
          });
          throw error;
        }
      }

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
                boughtOf(fulfillment).customerId,
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
            look,
            'fewer seats',
            { change: () => ({ quantity: wanted }), shows: (found) => found !== undefined && found.quantity <= wanted },
            parts,
          );
          await look.note({ ...shown, scheduled: next });
          return;
        }
        await schedule(wanted);
      }

      async function schedule(wanted: number): Promise<void> {
        const item = next ?? { ...before.item, seats: wanted };
        const shown = await orderNextTerm(
          flow,
          look,
          'schedule fewer seats for the renewal, since none are taken back now',
          item,
          parts,
        );
        await look.note({ ...shown, scheduled: item });
      }
    },
  };
}
