import type { DerivedSecrets } from '../../lib/derived-secrets.ts';
import type { Azure } from '../../upstreams/azure/client.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { Subscription } from '../../upstreams/cloudesire/schema.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { ProductType } from '../operations.ts';
import { DELIVERED, readKnownCustomer, readWhose } from '../recovery.ts';
import { reaches } from './access.ts';
import { configurationOf } from './assignment.ts';
import { findAzurePlan } from './azure-plan.ts';
import { groupOf, isDedicated, isOurs, lastAttemptOf, TEMPLATE_TAG } from './names.ts';
import { standingStill } from './power.ts';

export interface RecoverAzureParts {
  cloudesire: Cloudesire;
  partnerCenter: PartnerCenter;
  azure: Pick<Azure, 'in'>;
  secrets: DerivedSecrets;
  privateCustomers: 'refuse' | 'allow';
  now(): number;
}

/**
 * What was deployed for a subscription of which nothing is recorded, as after a loss of Redis: the resource group of the order, wherever it
 * is in the Azure subscriptions of the customer that is named, else of the one that the marketplace's metadata name, if it bears the
 * order's tag.
 */
export async function recoverAzure(
  productType: Exclude<ProductType, 'license'>,
  subscription: Subscription,
  { cloudesire, partnerCenter, azure, secrets, privateCustomers, now }: RecoverAzureParts,
  at?: string,
): Promise<Fulfillment | undefined> {
  const customerId = at ?? (await readKnownCustomer(cloudesire, subscription.id));
  const planId = customerId && (await findAzurePlan({ partnerCenter }, customerId));
  if (!customerId || !planId) return undefined;

  for (const { id: subscriptionId, friendlyName } of await partnerCenter.azure.entitlements(customerId, planId)) {
    const where = { tenantId: customerId, subscriptionId };
    if (!(await reaches(azure, where))) continue;
    const inAzure = azure.in(where);
    const { groups, deployments } = inAzure;
    const group = await groups.get(groupOf(subscription.id));
    if (!group || !isOurs(group, subscription.id)) continue;
    const { planId: sold, endDate, type } = subscription;
    const template = group.tags[TEMPLATE_TAG];
    return {
      productType,
      customerId,
      ...(await readWhose({ cloudesire, privateCustomers }, subscription.buyerId)),
      azure: {
        planId,
        subscriptionId,
        dedicated: isDedicated(friendlyName),
        region: group.location,
        attempt: lastAttemptOf(subscription.id, await deployments.names(groupOf(subscription.id))),
        ...(template && { template }),
      },
      // Which of it ran before it was stopped is not known any more: all that stands still is given back.
      ...(subscription.deploymentStatus === 'STOPPED' && {
        suspended: { at: new Date(now()).toISOString(), ran: await standingStill(inAzure, subscription.id) },
      }),
      ...(DELIVERED.has(subscription.deploymentStatus) && {
        deployedAt: new Date(now()).toISOString(),
        settled: {
          trial: type === 'TRIAL',
          configuration: configurationOf(subscription, secrets),
          ...(sold !== undefined && { planId: sold }),
          ...(endDate && { endDate }),
        },
      }),
    };
  }
  return undefined;
}
