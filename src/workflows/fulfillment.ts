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
  /** Set just before a checkout, until it is known that nothing came of it: from here on something may have been bought. */
  checkoutAt?: string;
  orderId?: string;
  partnerSubscriptionId?: string;
  /** Orders whose subscription has ended at Microsoft, and which count no more. */
  formerOrderIds?: string[];
  /** What it is to be in the present term: `product:sku`, term and billing cycle as bought, or as changed since. */
  offerId?: string;
  term?: string;
  billingCycle?: string;
  /** Seats at Microsoft when last seen. */
  seats?: number;
  trial?: boolean;
  /** Last day of the term at Microsoft when last seen. */
  commitmentEndDate?: string;
  /** What of the marketplace's wishes has been carried out, or scheduled where Microsoft allows no more. */
  settled?: Wish;
  /** What Microsoft was told to do at the end of the term, because it was not possible at once. */
  scheduled?: TermItem;
  /** Set from just before Microsoft is asked to move the licence to another item, which cannot be taken back, until it is known what came of it. */
  moving?: Moving;
  /** Set while the licence is suspended: what has to be restored on resuming. */
  suspended?: Suspension;
  /** Set while the customer of what is in service reads what they have to do instead of the way in, which has to be put back. */
  askedAt?: string;
  /** Set when DEPLOYED was reported. */
  deployedAt?: string;
  /** Set once nothing is left that we could still end. */
  endedAt?: string;
  /** What Microsoft goes on charging for although the marketplace has ended it. */
  exposure?: Exposure;
  /** Where and what was deployed, of an Azure product. */
  azure?: AzureFulfillment;
}

/** Whether something may exist at Microsoft that is charged. */
export function mayBeCharged({
  checkoutAt,
  orderId,
  partnerSubscriptionId,
  azure,
}: Partial<Fulfillment> = {}): boolean {
  const first = checkoutAt ?? orderId ?? partnerSubscriptionId ?? azure?.subscriptionAskedAt ?? azure?.subscriptionId;
  return first !== undefined;
}

/** What exists in Azure for one subscription. Everything of it lies in one resource group, whose name follows from the subscription. */
export interface AzureFulfillment {
  /** Azure plan of the customer: a partner subscription. */
  planId?: string;
  /** The Azure subscription, and whether it is this order's alone. */
  subscriptionId?: string;
  dedicated?: boolean;
  /** Instant since which Azure has not known that subscription, while something is to be done there. */
  unseenSince?: string;
  /** Set just before an Azure subscription is asked for: from here on there may be one. */
  subscriptionAskedAt?: string;
  region?: string;
  /** SHA-256 of the template that this order keeps to, in hexadecimal digits. */
  template?: string;
  /** What the template creates, by role, as `Microsoft.Compute/virtualMachines`. */
  architecture?: Record<string, string[]>;
  /** Number of the last deployment that was started; 0 before the first. */
  attempt?: number;
  /** Tells whether generated secrets can be generated again: it changes with STATE_KEY. */
  secretsKey?: string;
  /** Resources that changes have left behind, by id in lower case: nothing deletes them before the end, unless a person does. */
  leftBehind?: string[];
  /** What the customer may do there. */
  access?: 'reader' | 'contributor' | 'owner';
  /** Administrators of the tenant who were given that access, by object id. */
  accessOf?: string[];
  /** Instant of the first payment after a trial: usage counts from there. */
  usageSince?: string;
}

/** What the marketplace wants of a subscription in service. */
export interface Wish {
  planId?: number;
  seats?: number;
  trial: boolean;
  /** ISO instant up to which the customer has the subscription. */
  endDate?: string;
  /** Digest of what the customer entered, where that decides about what is deployed. */
  configuration?: string;
}

/** A move to another item that is under way, as far as Microsoft has named it. */
export interface Moving {
  operationId?: string;
  /** The partner subscription in which it ends, which may be another one. */
  toSubscriptionId?: string;
}

export interface Suspension {
  at: string;
  /** Of a licence: the status that Microsoft was asked for and has not shown yet. */
  asked?: 'suspended' | 'active';
  /** Of a licence, whether it renewed by itself. */
  autoRenewEnabled?: boolean;
  scheduled?: TermItem;
  /** Ids of the Azure resources that ran, in the order in which they were stopped. */
  ran?: string[];
  /** A trial cannot be suspended: it runs on to its end, and nothing follows it. */
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

/** What Microsoft says when asked of what is in service. */
export interface AtMicrosoft {
  status: 'active' | 'suspended' | 'ended' | 'unknown';
  /** What has this status, where it is not the partner subscription itself. */
  what?: string;
  suspensionReasons: string[];
  /** Of a licence that was moved: the partner subscription in which it is now. */
  movedTo?: string;
  /** Of a licence: its last day, and what runs and renews. */
  commitmentEndDate?: string;
  license?: LicenseAtMicrosoft;
  /** Of what is suspended in Azure: whether something of it runs all the same. */
  runs?: boolean;
}

export interface LicenseAtMicrosoft extends Partial<Omit<TermItem, 'seats'>> {
  seats: number;
  isTrial: boolean;
  autoRenewEnabled: boolean;
  /** What is on order for the next term. */
  next?: Partial<TermItem>;
  /** Seats that Microsoft takes back now; absent where it does not say. */
  refundable?: number;
}
