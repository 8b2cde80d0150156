import type { Azure } from '../../upstreams/azure/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { PartnerSubscription } from '../../upstreams/partner-center/schema.ts';
import type { Marked } from '../marked.ts';
import { unlessHidden } from '../recovery.ts';
import { reaches } from './access.ts';
import { livingPlans } from './azure-plan.ts';
import { orderNamedBy, orderOf } from './names.ts';

export interface MarkedInAzureParts {
  partnerCenter: Pick<PartnerCenter, 'azure'>;
  azure: Pick<Azure, 'in'>;
}

/**
 * What bears our marks in a customer's Azure: resource groups by their tag, wherever Azure lets us in, and subscriptions that are one
 * order's alone by their name.
 */
export async function markedInAzure(
  customerId: string,
  bought: PartnerSubscription[],
  { partnerCenter, azure }: MarkedInAzureParts,
): Promise<Marked[]> {
  const found: Marked[] = [];
  for (const { id: planId } of livingPlans(bought)) {
    for (const entitlement of (await unlessHidden(partnerCenter.azure.entitlements(customerId, planId))) ?? []) {
      const { id: subscriptionId, friendlyName, status } = entitlement;
      const owner = orderNamedBy(friendlyName);
      const isActive = status === 'active';
      if (owner !== undefined) {
        const goesOn = isActive ? 'yes' : 'no';
        found.push({
          subscriptionId: owner,
          customerId,
          what: 'Azure subscription',
          id: subscriptionId,
          status,
          goesOn,
        });
      }
      const where = { tenantId: customerId, subscriptionId };
      if (!isActive || !(await reaches(azure, where))) continue;
      for (const group of await azure.in(where).groups.all()) {
        const orderId = orderOf(group);
        if (orderId === undefined) continue;
        const id = `${subscriptionId}/${group.name}`;
        found.push({
          subscriptionId: orderId,
          customerId,
          what: 'resource group',
          id,
          status: 'there',
          goesOn: 'yes',
        });
      }
    }
  }
  return found;
}
