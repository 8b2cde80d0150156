import type { Workflow } from '../../engine/workflow.ts';
import { hasEnded } from '../../upstreams/partner-center/schema.ts';
import type { Look } from '../look.ts';
import { changeStatus } from './change-status.ts';
import {
  changePartnerSubscription,
  endsWithTerm,
  gone,
  type LicenseParts,
  RUN_OUT,
  readPartnerSubscription,
} from './partner-subscription.ts';

/**
 * Takes the service away until the customer pays. Microsoft forgets renewal and schedules of a suspended subscription, so they are
 * remembered here first. Billing goes on.
 *
 * @see https://learn.microsoft.com/partner-center/developer/suspend-a-subscription
 */
export function createSuspendLicense(parts: LicenseParts): Workflow<Look> {
  return {
    name: 'license/suspend',

    async run(flow, look) {
      const fulfillment = look.fulfillment();
      const at = await flow.step('remember the renewal', async () => {
        const found = await readPartnerSubscription(parts, fulfillment);
        if (!found) throw gone(fulfillment);
        // A suspension that was only half taken back has its memory still, and what it remembers may not be there again yet.
        const before = fulfillment.suspended;
        const renews = found.status === 'active' ? found.autoRenewEnabled : before === undefined;
        return {
          at: before?.at ?? new Date(parts.now()).toISOString(),
          autoRenewEnabled: renews || before?.autoRenewEnabled === true,
          // A trial cannot be suspended, it only can be kept from becoming a paid licence; what has ended needs no suspension.
          skipped: found.isTrial || hasEnded(found),
        };
      });
      // Noted before anything is stopped: whoever pays meanwhile gets back what there was.
      const { scheduled, suspended } = fulfillment;
      const asked = suspended?.asked;
      await look.note({ suspended: { ...at, ...(scheduled && { scheduled }), ...(asked && { asked }) } });
      if (at.skipped) {
        // What was to follow the trial stays noted; paid for in time, it is put on order again by the next look.
        if (at.autoRenewEnabled) {
          const runsOut = { change: () => RUN_OUT, shows: endsWithTerm };
          await changePartnerSubscription(flow, look, 'let the unpaid trial run out', runsOut, parts);
        }
      } else {
        await changeStatus(flow, look, 'suspended', parts);
      }
    },
  };
}
