import { AttentionError, CustomerError } from '../../lib/errors.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { Subscription } from '../../upstreams/cloudesire/schema.ts';
import { hasEnded, type PartnerSubscription } from '../../upstreams/partner-center/schema.ts';
import type { Fulfillment } from '../fulfillment.ts';
import { bearsMark } from '../mark.ts';
import { DELIVERED, readKnownCustomer, readWhose, unlessHidden } from '../recovery.ts';
import { isSameId } from '../same-id.ts';
import { readSelling } from '../selling.ts';
import { findOrder } from '../steps/purchase.ts';
import { type LicenseSettings, readLicenseOrder } from './order.ts';
import { itemOf, type LicenseParts, runsOut } from './partner-subscription.ts';

export interface RecoverParts extends LicenseParts {
  cloudesire: Cloudesire;
  license: LicenseSettings;
  privateCustomers: 'refuse' | 'allow';
}

/**
 * What was bought for a subscription of which nothing is recorded, as after a loss of Redis. It is looked for at the Microsoft customer
 * that is named, else at the one of the marketplace's metadata; since customers can write them too, only what bears our mark is believed:
 * a partner subscription, else an order.
 */
export async function recoverLicense(
  parts: RecoverParts,
  subscription: Subscription,
  at?: string,
): Promise<Fulfillment | undefined> {
  const { cloudesire, partnerCenter, now } = parts;
  const customerId = at ?? (await readKnownCustomer(cloudesire, subscription.id));
  if (!customerId) return undefined;
  const bought = await unlessHidden(partnerCenter.subscriptions.list(customerId));
  if (!bought) return undefined;
  const marked = bought.filter((one) => bearsMark(one.friendlyName, subscription.id));
  // Where all have ended, what was sold last counts: a trial ends before the licence that follows it.
  const found =
    marked.find((one) => !hasEnded(one)) ?? newestOf(marked.filter((one) => !one.isTrial)) ?? newestOf(marked);
  if (!found) {
    const orderId = await unlessHidden(findOrder(partnerCenter, customerId, subscription.id));
    return orderId ? { productType: 'license', customerId, orderId } : undefined;
  }
  // Their orders bear the mark as well, and must not be taken for one of what is bought next.
  const former = marked.flatMap(({ orderId }) => (orderId && !isSameId(orderId, found.orderId) ? [orderId] : []));
  const { planId, endDate } = subscription;
  return {
    productType: 'license',
    customerId,
    partnerSubscriptionId: found.id,
    seats: found.quantity,
    trial: found.isTrial,
    ...(found.commitmentEndDate && { commitmentEndDate: found.commitmentEndDate }),
    settled: {
      seats: found.quantity,
      trial: found.isTrial,
      ...(planId !== undefined && { planId }),
      ...(endDate && { endDate }),
    },
    ...itemOf(found),
    ...(await readWhose(parts, subscription.buyerId)),
    // What is sold is what it is to be: if Microsoft shows something else, the next look puts that right.
    ...(await readSale(parts, subscription, found.isTrial)),
    ...(found.orderId && { orderId: found.orderId }),
    ...(former.length > 0 && { formerOrderIds: [...new Set(former)] }),
    ...(wasDelivered(subscription, found) && { deployedAt: new Date(now()).toISOString() }),
    ...(isUnpaid(subscription, found) && {
      suspended: { at: new Date(now()).toISOString(), autoRenewEnabled: true, skipped: false },
    }),
    ...(subscription.deploymentStatus === 'UNDEPLOYED' && runsOut(found) && ended(found, now())),
  };
}

function newestOf(ended: PartnerSubscription[]): PartnerSubscription | undefined {
  const endOf = ({ commitmentEndDate = '' }: PartnerSubscription): string => commitmentEndDate;
  return ended.toSorted((one, other) => (endOf(one) < endOf(other) ? 1 : -1))[0];
}

/** What was paid for again may be pending in the marketplace while it is suspended at Microsoft still. */
function wasDelivered(subscription: Subscription, found: PartnerSubscription): boolean {
  return DELIVERED.has(subscription.deploymentStatus) || isUnpaid(subscription, found);
}

/** Suspended for want of a payment. Where it was Microsoft that suspended it, it refuses to bring it back, and that is told. */
function isUnpaid({ deploymentStatus }: Subscription, { status }: PartnerSubscription): boolean {
  return status === 'suspended' && (deploymentStatus === 'STOPPED' || deploymentStatus === 'PENDING');
}

/** Nothing is left to end; what is paid for is charged all the same. */
function ended(found: PartnerSubscription, now: number): Pick<Fulfillment, 'endedAt' | 'exposure'> {
  const { id: partnerSubscriptionId, quantity: seats, commitmentEndDate: until } = found;
  return {
    endedAt: new Date(now).toISOString(),
    ...(!hasEnded(found) && { exposure: { partnerSubscriptionId, seats, ...(until && { until }) } }),
  };
}

/** As what it was bought, for later changes; what the marketplace does not say now is missing then, and told. */
async function readSale(
  { cloudesire, license }: RecoverParts,
  subscription: Subscription,
  isTrial: boolean,
): Promise<Partial<Fulfillment>> {
  try {
    const order = readLicenseOrder(await readSelling(cloudesire, subscription), subscription, license);
    const { productId, skuId, segment, term, billingCycle } = order;
    return {
      segment,
      ...(!isTrial && !order.trial && { offerId: `${productId}:${skuId}`, term, billingCycle }),
    };
  } catch (error) {
    if (error instanceof AttentionError || error instanceof CustomerError) return {};
    throw error;
  }
}
