import type { Exposure } from '../fulfillment.ts';
import type { Records, SubscriptionRecord } from '../record.ts';

/** A subscription that the marketplace has ended and Microsoft still charges. */
export interface Exposed extends Exposure {
  subscriptionId: number;
  /** Owner in the marketplace: `userCompany/512`. */
  owner?: string;
  customerId?: string;
  offerId?: string;
  /** What the price counts per: `monthly`, `annual`, `triennial`. */
  billingCycle?: string;
}

/** What is still charged on the ISO date `today`, a page of it. */
export async function listExposures(
  records: Pick<Records, 'list'>,
  today: string,
  page: { page: number; pageSize: number },
): Promise<{ items: Exposed[]; total: number }> {
  const { items, total } = await records.list({ exposedOn: today, ...page });
  return { items: items.flatMap(exposed), total };
}

function exposed({ subscriptionId, fulfillment }: SubscriptionRecord): Exposed[] {
  if (!fulfillment?.exposure) return [];
  const { owner, customerId, offerId, billingCycle, exposure } = fulfillment;
  return [
    {
      subscriptionId,
      ...(owner && { owner }),
      ...(customerId && { customerId }),
      ...(offerId && { offerId }),
      ...(billingCycle && { billingCycle }),
      ...exposure,
    },
  ];
}
