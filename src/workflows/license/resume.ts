import type { Workflow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Look } from '../look.ts';
import { reportDeployed } from '../steps/report-deployed.ts';
import { changeStatus } from './change-status.ts';
import { changePartnerSubscription, type LicenseParts } from './partner-subscription.ts';

/**
 * Gives the service back, then the renewal, which the suspension had switched off. A reduction that was on order for the renewal is set
 * again by the next look, which finds it missing.
 *
 * @see https://learn.microsoft.com/partner-center/developer/reactivate-a-suspended-a-subscription
 */
export function createResumeLicense(parts: LicenseParts & { report: Report }): Workflow<Look> {
  return {
    name: 'license/resume',

    async run(flow, look) {
      const fulfillment = look.fulfillment();
      const suspended = fulfillment.suspended;
      if (suspended && !suspended.skipped) {
        await changeStatus(flow, look, 'active', parts);
        if (suspended.autoRenewEnabled) {
          await changePartnerSubscription(
            flow,
            look,
            'restore the renewal',
            { change: () => ({ autoRenewEnabled: true }), shows: (found) => found?.autoRenewEnabled === true },
            parts,
          );
        }
      }
      await look.note({ suspended: undefined });
      // What was suspended while it was made anew is handed over first.
      if (look.subscription.deploymentStatus === 'DEPLOYED' || !fulfillment.deployedAt) return;
      await reportDeployed(flow, look, { report: parts.report, heard: ['DEPLOYED'] });
    },
  };
}
