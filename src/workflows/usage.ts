import { aborted } from '../lib/aborted.ts';
import type { Log } from '../lib/log.ts';
import type { PartnerCenter } from '../upstreams/partner-center/client.ts';
import type { AzureUsage } from '../upstreams/partner-center/schema.ts';
import { findAzurePlan } from './azure/azure-plan.ts';
import { groupOf } from './azure/names.ts';
import type { Fulfillment } from './fulfillment.ts';
import type { Records } from './record.ts';
import { isSameId } from './same-id.ts';

/** What deployments have cost, by billing period. */
export interface Costs {
  /** The cost of a period so far; a lower one than before changes nothing. */
  note(subscriptionId: number, period: string, cost: number): Promise<void>;
  /** Over all periods. With `since`, an ISO instant: without what was known when that was asked for the first time. */
  total(subscriptionId: number, since: string | undefined): Promise<number>;
}

/** What the marketplace may ask for: seats of a licence, and what a deployment has cost so far in the currency of Partner Center. */
export type Metric = 'seats' | 'azure-cost';

export interface UsageParts {
  records: Pick<Records, 'get'>;
  costs: Costs;
  partnerCenter: Pick<PartnerCenter, 'subscriptions'> & {
    azure: Pick<PartnerCenter['azure'], 'usage' | 'billingPeriod'>;
  };
  log: Log;
}

/**
 * Returns what a metric of a subscription stands at; undefined when nothing is known of the subscription.
 *
 * Microsoft estimates costs day by day for the running billing period: those of earlier periods are added to them, and what is known stays
 * the answer while Microsoft cannot be asked in time. A cost never goes down, but begins at zero with the first payment after a trial.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-a-customer-subscription-resource-usage-records
 */
export function createUsage({
  records,
  costs,
  partnerCenter,
  log,
}: UsageParts): (metric: Metric, subscriptionId: number, signal: AbortSignal) => Promise<number | undefined> {
  return async (metric, subscriptionId, signal) => {
    const fulfillment = (await records.get(subscriptionId))?.fulfillment;
    if (!fulfillment) return undefined;
    if (metric === 'seats') return fulfillment.endedAt ? 0 : (fulfillment.seats ?? 0);

    const since = fulfillment.azure?.usageSince;
    const known = () => costs.total(subscriptionId, since);
    const read = readCost(subscriptionId, fulfillment);
    try {
      await Promise.race([read, aborted(signal)]);
    } catch (error) {
      log.warn({ err: error, subscriptionId }, 'cost could not be read; the last known one is answered');
    }
    return known();
  };

  /** Asks for the costs of the running billing period and keeps them; it goes on when nobody waits for it any more. */
  async function readCost(subscriptionId: number, { customerId, azure }: Fulfillment): Promise<void> {
    if (!customerId || !azure?.subscriptionId) return;
    const planId = azure.planId ?? (await findAzurePlan({ partnerCenter }, customerId));
    if (!planId) return;
    // What has been used does not say in which period. Where that turns meanwhile it is not known, and the next question tells.
    const period = await partnerCenter.azure.billingPeriod(customerId, planId);
    const usage = await partnerCenter.azure.usage(customerId, planId);
    if ((await partnerCenter.azure.billingPeriod(customerId, planId)) !== period) return;
    const ours = usage.filter((one) => isOurs(one, subscriptionId, azure));
    await costs.note(
      subscriptionId,
      period,
      ours.reduce((sum, { totalCost }) => sum + totalCost, 0),
    );
  }
}

function isOurs(
  { entitlementId, resourceGroupName }: AzureUsage,
  orderId: number,
  { subscriptionId, dedicated }: NonNullable<Fulfillment['azure']>,
): boolean {
  if (!isSameId(entitlementId, subscriptionId)) return false;
  return dedicated === true || resourceGroupName?.toLowerCase() === groupOf(orderId);
}
