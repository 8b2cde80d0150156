import type { Workflow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Look } from '../look.ts';
import { gone, type LicenseParts, readPartnerSubscription } from './partner-subscription.ts';

/** What was on order for the renewal has come about: the record says so, and the customer is told in place of the announcement. */
export function createNoteRenewal(parts: Pick<LicenseParts, 'partnerCenter'> & { report: Report }): Workflow<Look> {
  return {
    name: 'license/note-renewal',

    async run(flow, look) {
      const fulfillment = look.fulfillment();
      const { seats } = await flow.step('read the new term', async () => {
        const found = await readPartnerSubscription(parts, fulfillment);
        if (!found) throw gone(fulfillment);
        return { seats: found.quantity };
      });
      await flow.step('tell the customer', () => parts.report.renewed(look.subscription.id, { seats }));
      await look.note({ seats, offerId: fulfillment.scheduled?.offerId, scheduled: undefined });
    },
  };
}
