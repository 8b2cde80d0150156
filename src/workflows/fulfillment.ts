import type { ProductType } from './operations.ts';

/** What exists at Microsoft for one subscription: identifiers and dates, never a secret, never personal data. */
export interface Fulfillment {
  productType: ProductType;
  /** Whose Microsoft customer it is: `userCompany/512`, or `user/1303` for a private person. */
  owner?: string;
  /** Partner Center customer, which is the tenant. */
  customerId?: string;
  domain?: string;
  cartId?: string;
  /** Set just before the first checkout: from here on something may have been bought. */
  checkoutAt?: string;
  orderId?: string;
  partnerSubscriptionId?: string;
  /** `product:sku` that was bought. */
  offerId?: string;
  seats?: number;
  term?: string;
  billingCycle?: string;
  /** Plan of the marketplace for which it was bought. */
  planId?: number;
  trial?: boolean;
  /** Set when DEPLOYED was reported. */
  deployedAt?: string;
  /** Set once nothing is left that we could still end. */
  endedAt?: string;
  /** What Microsoft goes on charging for although the marketplace has ended it. */
  exposure?: Exposure;
}

/** A term that is paid to its end after termination. */
export interface Exposure {
  partnerSubscriptionId: string;
  seats: number;
  /** Last day of the paid term, as Microsoft states it; absent when Microsoft did not say. */
  until?: string;
}
