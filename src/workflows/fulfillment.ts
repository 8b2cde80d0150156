import type { ProductType } from './operations.ts';
import type { TermItem } from './term-item.ts';

/** What exists at Microsoft for one subscription: identifiers and dates, never a secret, never personal data. */
export interface Fulfillment {
  productType: ProductType;
  /** Whose Microsoft customer it is: `userCompany/512`, or `user/1303` for a private person. */
  owner?: string;
  /** Partner Center customer, which is the tenant. */
  customerId?: string;
  domain?: string;
  /** Market and segment that it was bought in. */
  country?: string;
  segment?: string;
  cartId?: string;
  /** Set just before the first checkout: from here on something may have been bought. */
  checkoutAt?: string;
  orderId?: string;
  partnerSubscriptionId?: string;
  /** Orders whose subscription has ended at Microsoft, and which count no more. */
  formerOrderIds?: string[];
  /** `product:sku` that was bought. */
  offerId?: string;
  /** Seats at Microsoft when last seen. */
  seats?: number;
  term?: string;
  billingCycle?: string;
  trial?: boolean;
  /** Last day of the term at Microsoft when last seen. */
  commitmentEndDate?: string;
  /** What of the marketplace's wishes has been carried out, or scheduled where Microsoft allows no more. */
  settled?: Wish;
  /** What Microsoft was told to do at the end of the term, because it was not possible at once. */
  scheduled?: TermItem;
  /** Set while the licence is suspended: what has to be restored on resuming. */
  suspended?: Suspension;
  /** Set when DEPLOYED was reported. */
  deployedAt?: string;
  /** Set once nothing is left that we could still end. */
  endedAt?: string;
  /** What Microsoft goes on charging for although the marketplace has ended it. */
  exposure?: Exposure;
}

/** What the marketplace wants of a running licence. */
export interface Wish {
  planId?: number;
  seats?: number;
  trial: boolean;
  /** ISO instant up to which the customer has the subscription. */
  endDate?: string;
}

export interface Suspension {
  at: string;
  autoRenewEnabled: boolean;
  scheduled?: TermItem;
  /** A trial cannot be suspended: it runs on. */
  skipped?: boolean;
}

/** A term that is paid to its end after termination. */
export interface Exposure {
  partnerSubscriptionId: string;
  seats: number;
  /** Last day of the paid term, as Microsoft states it; absent when Microsoft did not say. */
  until?: string;
  /** Before tax, for one seat and one billing period; absent when Microsoft did not say. */
  price?: { amount: number; currency: string };
}

/** What Microsoft says of a licence when asked. */
export interface AtMicrosoft extends Partial<Omit<TermItem, 'seats'>> {
  status: 'active' | 'suspended' | 'ended' | 'unknown';
  seats: number;
  isTrial: boolean;
  autoRenewEnabled: boolean;
  /** What is on order for the next term. */
  next?: Partial<TermItem>;
  suspensionReasons: string[];
  commitmentEndDate?: string;
}
