import type { Workflow } from '../../engine/workflow.ts';
import type { Look } from '../look.ts';
import { changePartnerSubscription, type LicenseParts, readPartnerSubscription } from './partner-subscription.ts';

/**
 * The customer has renewed in the marketplace: Microsoft renews by itself, so it only has to be sure that it will. A monthly period of a
 * yearly term causes no change.
 *
 * @see https://learn.microsoft.com/partner-center/developer/update-a-subscription-by-id
 */
export function createRenewLicense(parts: LicenseParts): Workflow<Look> {
  return {
    name: 'license/renew',

    async run(flow, look) {
      const fulfillment = look.fulfillment();
      const found = await flow.step('read the renewal', async () => {
        const now = await readPartnerSubscription(parts, fulfillment);
        return {
          renews: now?.autoRenewEnabled ?? false,
          seats: now?.quantity ?? 0,
          ...(now?.commitmentEndDate && { commitmentEndDate: now.commitmentEndDate }),
        };
      });
      const { renews, ...shown } = found;
      if (!renews) {
        await changePartnerSubscription(
          flow,
          look,
          'switch the renewal on',
          {
            change: () => ({ autoRenewEnabled: true, scheduledActions: [] }),
            shows: (one) => one?.autoRenewEnabled === true,
          },
          parts,
        );
      }
      await look.note(shown);
      if (look.subscription.endDate) await look.settle({ endDate: look.subscription.endDate });
    },
  };
}
