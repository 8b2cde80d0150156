import type { Workflow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Look } from '../look.ts';
import { gone, itemOf, type LicenseParts, readPartnerSubscription } from './partner-subscription.ts';

/** What was on order for the renewal has come about: the record says so, and the customer is told in place of the announcement. */
export function createNoteRenewal(parts: Pick<LicenseParts, 'partnerCenter'> & { report: Report }): Workflow<Look> {
  return {
    name: 'license/note-renewal',

    async run(flow, look) {
      const fulfillment = look.fulfillment();
      const now = await flow.step('read the new term', async () => {
        const found = await readPartnerSubscription(parts, fulfillment);
        if (!found) throw gone(fulfillment);
        return { ...itemOf(found), seats: found.quantity, trial: found.isTrial };
      });
      const change = fulfillment.trial ? 'afterTrial' : 'renewed';
      await flow.step('tell the customer', () => parts.report.newTerm(look.subscription.id, change, now));
      await look.note({ ...now, scheduled: undefined });
    },
  };
}
