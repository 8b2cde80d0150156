import { ConnectorError } from '../../lib/errors.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { Subscription } from '../../upstreams/cloudesire/schema.ts';
import type { Fulfillment } from '../fulfillment.ts';
import { bearsMark } from './mark.ts';
import { hasEnded, type LicenseParts, offerOf } from './partner-subscription.ts';

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** States that a subscription reaches only after its delivery. */
const DELIVERED = new Set<Subscription['deploymentStatus']>(['DEPLOYED', 'STOPPED', 'UNDEPLOY_SENT', 'UNDEPLOYED']);

/**
 * What was bought for a subscription of which nothing is recorded, as after a loss of Redis. The marketplace's metadata say where to look;
 * since customers can write them too, only a partner subscription that bears our mark is believed.
 */
export async function recoverLicense(
  { cloudesire, partnerCenter, now }: LicenseParts & { cloudesire: Pick<Cloudesire, 'subscriptions'> },
  subscription: Subscription,
): Promise<Fulfillment | undefined> {
  const { microsoftCustomerId: customerId = '' } = await readMetadata(cloudesire, subscription.id);
  if (!GUID.test(customerId)) return undefined;
  const bought = await partnerCenter.subscriptions.list(customerId).catch((error: unknown) => {
    if (error instanceof ConnectorError && (error.facts.status === 403 || error.facts.status === 404)) return [];
    throw error;
  });
  const marked = bought.filter((one) => bearsMark(one.friendlyName, subscription.id));
  const found = marked.find((one) => !hasEnded(one)) ?? marked[0];
  if (!found) return undefined;
  const { planId, endDate } = subscription;
  return {
    productType: 'license',
    customerId,
    partnerSubscriptionId: found.id,
    seats: found.quantity,
    trial: found.isTrial,
    settled: {
      seats: found.quantity,
      trial: found.isTrial,
      ...(planId !== undefined && { planId }),
      ...(endDate && { endDate }),
    },
    ...(found.orderId && { orderId: found.orderId }),
    ...(found.offerId && { offerId: offerOf(found.offerId) }),
    ...(found.termDuration && { term: found.termDuration }),
    ...(found.billingCycle && { billingCycle: found.billingCycle }),
    ...(DELIVERED.has(subscription.deploymentStatus) && { deployedAt: new Date(now()).toISOString() }),
  };
}

async function readMetadata(
  { subscriptions }: Pick<Cloudesire, 'subscriptions'>,
  id: number,
): Promise<Record<string, string>> {
  try {
    return await subscriptions.metadata(id);
  } catch (error) {
    if (error instanceof ConnectorError && (error.facts.status === 403 || error.facts.status === 404)) return {};
    throw error;
  }
}
