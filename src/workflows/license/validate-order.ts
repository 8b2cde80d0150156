import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import { hasEnded } from '../../upstreams/partner-center/schema.ts';
import { readBuyer } from '../buyer.ts';
import type { Checks, ProposedOrder } from '../checks.ts';
import type { CustomerDirectory } from '../customer-directory.ts';
import type { Fulfillment } from '../fulfillment.ts';
import { isRefusedSandbox, type PlanSettings } from '../plan-operation.ts';
import type { Records } from '../record.ts';
import { readSelling } from '../selling.ts';
import { checkCustomer } from '../steps/check-customer.ts';
import { findCatalogItem, refuseImpossibleSeats } from './catalog-item.ts';
import { type LicenseOrder, type LicenseSettings, readLicenseOrder, readSeats } from './order.ts';
import { offerOf } from './partner-subscription.ts';
import { findTermEnd } from './term-end.ts';
import { findPlanChange } from './transition.ts';

export interface ValidateLicenseOrderParts extends PlanSettings {
  cloudesire: Pick<Cloudesire, 'catalogue' | 'customers'>;
  partnerCenter: Pick<PartnerCenter, 'catalog' | 'customers' | 'subscriptions'>;
  directory: Pick<CustomerDirectory, 'find' | 'ownerOf'>;
  records: Pick<Records, 'get'>;
  license: LicenseSettings;
  privateCustomers: 'refuse' | 'allow';
  now(): number;
}

/** What a plan sells. */
interface Offered {
  order: LicenseOrder;
  /** What the plan sells for money, also where a trial is ordered. */
  paidOfferId: string | undefined;
}

/**
 * Returns the checks of an order of licences. Independent ones run side by side, so that a slow answer takes no time from the
 * others. Order types that are not known here are not checked.
 */
export function createValidateLicenseOrder(
  parts: ValidateLicenseOrderParts,
): (order: ProposedOrder, checks: Checks) => Promise<void> {
  const { cloudesire, partnerCenter, records, license } = parts;

  return async (order, checks) => {
    switch (order.orderType) {
      case 'NORMAL':
      case 'TRIAL':
      case 'SANDBOX':
        return validatePurchase(order, checks);
      case 'BILLING_ITEM_UPGRADE':
      case 'SYNDICATED_UPGRADE':
      case 'RENEWAL':
        return validateChange(order, checks);
    }
  };

  async function validatePurchase(order: ProposedOrder, checks: Checks): Promise<void> {
    if (isRefusedSandbox(order.orderType, parts)) return checks.object('order.sandbox');
    const { buyerId } = order;
    const reading = checks.make('plan', () => readPlan(order, order.orderType === 'TRIAL' ? 'TRIAL' : 'NORMAL'));
    const knowing =
      buyerId === undefined ? undefined : checks.make('buyer', () => readBuyer(cloudesire, buyerId, parts));
    await Promise.all([checkOffer(), checkBuyer()]);

    async function checkOffer(): Promise<void> {
      const [offered, buyer] = await Promise.all([reading, knowing]);
      if (!offered || !buyer) return;
      await checks.make('offer', () => findCatalogItem(partnerCenter, offered.order, buyer.country));
    }

    async function checkBuyer(): Promise<void> {
      const buyer = await knowing;
      if (!buyer) return;
      const customer = await checkCustomer(buyer, order.parameters[license.domainParameter], checks, parts);
      const offered = await reading;
      if (!customer || !offered) return;
      const { id: customerId } = customer;
      const { trial, term } = offered.order;
      if (!trial) {
        const chosen = order.parameters[license.termEndParameter];
        await checks.make('end of the term', () => findTermEnd(parts, { chosen, customerId, term }));
      } else if (customerId && (await checks.make('trial', () => isTrialUsed(customerId, offered)))) {
        checks.object('trial.used');
      }
    }
  }

  /**
   * Microsoft gives a trial once to each customer, and not to those who own the product.
   *
   * @see https://learn.microsoft.com/partner-center/offer-your-customers-trials-of-microsoft-products
   */
  async function isTrialUsed(customerId: string, { order, paidOfferId }: Offered): Promise<boolean> {
    const owned = await partnerCenter.subscriptions.list(customerId);
    return owned.some((one) => {
      const offerId = offerOf(one.offerId ?? '').toUpperCase();
      const isTrial = offerId === `${order.productId}:${order.skuId}`.toUpperCase();
      const isPaid = paidOfferId !== undefined && offerId === offerOf(paidOfferId).toUpperCase();
      return isTrial || (isPaid && !hasEnded(one));
    });
  }

  async function validateChange(order: ProposedOrder, checks: Checks): Promise<void> {
    const { subscriptionId } = order;
    if (subscriptionId === undefined) return;
    const fulfillment = await checks.make('record', async () => (await records.get(subscriptionId))?.fulfillment);
    // Of what is not in service nothing is known that could speak against a change.
    if (!fulfillment?.deployedAt || fulfillment.endedAt) return;

    const changed = withSeats(order, fulfillment);
    if (order.orderType === 'BILLING_ITEM_UPGRADE' && changesTrial(changed, fulfillment))
      return checks.object('trial.seats-fixed');
    if (order.orderType === 'SYNDICATED_UPGRADE' || fulfillment.trial) return checkMove(changed, fulfillment, checks);
    await checks.make('quantity', () => checkQuantity(changed, fulfillment));
  }

  /** A change that names no seats leaves them as they are. */
  function withSeats(order: ProposedOrder, { seats }: Fulfillment): ProposedOrder {
    const identifier = license.licenseIdentifier;
    const isNamed = order.extraResources.some((one) => one.identifier === identifier);
    if (isNamed || seats === undefined) return order;
    return { ...order, extraResources: [{ identifier, value: seats }] };
  }

  /** Once the licence that follows a trial is on order, the number counts for that. */
  function changesTrial(order: ProposedOrder, { trial, scheduled, seats }: Fulfillment): boolean {
    const wanted = order.extraResources.find(({ identifier }) => identifier === license.licenseIdentifier)?.value;
    return trial === true && !scheduled && wanted !== seats;
  }

  /** Another plan, or the paid one after a trial: it must be for sale, and Microsoft must offer a way to it. */
  async function checkMove(order: ProposedOrder, fulfillment: Fulfillment, checks: Checks): Promise<void> {
    const offered = await checks.make('plan', () => readPlan(order, 'NORMAL'));
    if (!offered) return;
    const { productId, skuId, term, billingCycle } = offered.order;
    // A trial becomes whatever is sold when it ends.
    if (!fulfillment.trial) {
      const wanted = { offerId: `${productId}:${skuId}`, term, billingCycle };
      const change = await checks.make('way to the plan', () => findPlanChange(parts, fulfillment, wanted));
      if (!change || change.kind === 'same') return;
    }
    const { country } = fulfillment;
    if (country) await checks.make('offer', () => findCatalogItem(partnerCenter, offered.order, country));
  }

  /** Fewer seats are no matter of refusal: if not at once, they take effect at the renewal. */
  async function checkQuantity(order: ProposedOrder, fulfillment: Fulfillment): Promise<void> {
    const seats = readSeats(order, license.licenseIdentifier, { id: order.planId });
    await refuseImpossibleSeats(partnerCenter, fulfillment, seats);
  }

  async function readPlan(order: ProposedOrder, type: 'NORMAL' | 'TRIAL'): Promise<Offered> {
    const selling = await readSelling(cloudesire, order);
    return {
      order: readLicenseOrder(selling, { type, extraResources: order.extraResources }, license),
      paidOfferId: selling.find('offerId'),
    };
  }
}
