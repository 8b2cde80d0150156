import type { Workflow } from '../../engine/workflow.ts';
import type { Look } from '../look.ts';
import {
  changePartnerSubscription,
  endsWithTerm,
  type LicenseParts,
  orderNextTerm,
  RUN_OUT,
} from './partner-subscription.ts';

/**
 * Puts on order again what is to happen at the end of the term, after Microsoft or somebody else dropped it: a trial runs out, a change
 * that the customer was told of comes about.
 *
 * @see https://learn.microsoft.com/partner-center/developer/create-scheduled-changes
 */
export function createSetTermEnd(parts: LicenseParts): Workflow<Look> {
  return {
    name: 'license/set-term-end',

    async run(flow, look) {
      const fulfillment = look.fulfillment();
      const { scheduled, settled } = fulfillment;
      if (settled?.trial) {
        const runsOut = { change: () => RUN_OUT, shows: endsWithTerm };
        await changePartnerSubscription(flow, look, 'let the trial run out', runsOut, parts);
      } else if (scheduled) {
        await look.note(await orderNextTerm(flow, look, 'put on order again', scheduled, parts));
      }
    },
  };
}
