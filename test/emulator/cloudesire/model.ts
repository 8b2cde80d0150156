export const DEPLOYMENT_STATUSES = [
  'WAITING_PAYMENT',
  'PENDING',
  'DEPLOYED',
  'FAILED',
  'POST_CONFIGURATION',
  'STOPPED',
  'UNDEPLOY_SENT',
  'UNDEPLOYED',
  'PAYMENT_EXPIRED',
  'REQUIRES_APPROVAL',
  'REJECTED',
  'POSTPONED',
] as const;
export type DeploymentStatus = (typeof DEPLOYMENT_STATUSES)[number];

export const SUBSCRIPTION_TYPES = ['NORMAL', 'TRIAL', 'SANDBOX'] as const;
export type SubscriptionType = (typeof SUBSCRIPTION_TYPES)[number];

export const ORDER_TYPES = [
  'NORMAL',
  'TRIAL',
  'SANDBOX',
  'RENEWAL',
  'SYNDICATED_UPGRADE',
  'BILLING_ITEM_UPGRADE',
  'TERMINATION',
  'UNSUBSCRIBE',
  'UNMANAGED',
  'MONTHLY',
  'ONESHOT_COSTS',
  'RECURRING_COSTS',
  'UPSELL',
  'CHUNKED',
  'REFUND',
  'DISK_UPGRADE',
  'ESTIMATE',
  'UPGRADE',
] as const;
export type OrderType = (typeof ORDER_TYPES)[number];

export const ORDER_STATUSES = ['REQUIRES_APPROVAL', 'REJECTED', 'POSTPONED', 'DEFERRED', 'FREE', 'PAID'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export const INVOICE_STATUSES = [
  'UNPAID',
  'PENDING',
  'DELAYED',
  'REQUIRES_ACTION',
  'REQUIRES_CAPTURE',
  'EXPIRED',
  'PAID',
] as const;
export type InvoiceStatus = (typeof INVOICE_STATUSES)[number];

export const ENDPOINT_CATEGORIES = ['APP', 'PASSWORD_RESET', 'DOCUMENTATION', 'VIDEO'] as const;
export type EndpointCategory = (typeof ENDPOINT_CATEGORIES)[number];

export interface Ref {
  url: string;
}

/** A resource of the catalogue or the customer base, as it is sent, with the fields that the emulator itself reads. */
export interface Resource {
  id: number;
  self: string;
  [field: string]: unknown;
}

export interface User extends Resource {
  userName: string;
  userRole: string;
  email: string;
  language?: string;
  company?: Ref;
  userCompany?: Ref;
}

export interface Company extends Resource {
  name: string;
  syndicationEndpoint?: string;
  notificationSecretToken?: string;
}

export interface Reseller extends Resource {
  slug: string;
  defaultCatalog?: Ref;
  distributors?: Ref[];
}

export interface Product extends Resource {
  name: string;
  sku: string;
  type: string;
  cspProductType?: 'license' | 'azure' | 'arm';
  company: Ref;
  productVersion: Ref[];
  /** References here; the definitions are embedded when the product is sent. */
  configurationParameters: Ref[];
  syndicationEndpoints: string[];
  notificationSecretToken?: string;
  orderValidationUrls: string[];
  subscriptionApproval?: boolean;
}

/** Price of one unit of an extra resource while the quantity lies between `start` and `end` (open when absent). */
export interface BillingItemValue extends Resource {
  item: Ref;
  start: number;
  end?: number;
  price: number;
  step: number;
}

export interface Plan extends Resource {
  name: string;
  product: Ref;
  identifier: string;
  price: number;
  /** Months between invoices. */
  billingPeriod: number;
  /** Months; 0 for a plan without end. */
  minimumDuration: number;
  /** Hours, for short plans that do not renew. */
  lifespan?: number;
  trial: 'NOT_ALLOWED' | 'ALLOWED' | 'ALLOWED_WO_PAYMENT_METHOD';
  /** Days. */
  trialLength?: number;
  autoRenewable?: boolean;
  upgradable?: boolean;
  unkillable?: boolean;
  billingItemValues: BillingItemValue[];
  configurationParameters: Ref[];
}

export interface BillingItem extends Resource {
  identifier: string;
  unit?: string;
  downgradable?: boolean;
}

export interface ConfigurationParameter extends Resource {
  code: string;
  validation?: string;
  acceptedValues?: Record<string, string>;
  externalValuesUrl?: string;
  required?: boolean;
  sensitive?: boolean;
}

export interface Endpoint {
  id: number;
  endpoint: string;
  category: EndpointCategory;
  description?: string;
}

export interface Credential {
  key: string;
  value?: string;
  weight: number;
  description?: Record<string, string>;
}

/** Who caused a change; `connector` is the account of the vendor. */
export type Actor = 'platform' | 'connector' | 'customer' | 'auditor';

export interface StatusChange {
  at: string;
  from?: DeploymentStatus;
  to: DeploymentStatus;
  by: Actor;
  requestId?: string;
}

/** A deployment message that the dashboard shows. */
export interface DeploymentLogEntry {
  id: number;
  at: number;
  status: DeploymentStatus;
}

/** A change that waits for the next billing period, or for its invoice to be paid. */
export interface WaitingChange {
  order: number;
  plan?: number;
  licenses?: number;
  until: 'next-period' | 'invoice-paid';
}

/** Everything the platform holds of one subscription. Instants are milliseconds since the epoch. */
export interface Subscription {
  id: number;
  name: string;
  /** The platform's own name follows the plan; a name from the customer wins over one from the connector. */
  namedBy: 'platform' | 'connector' | 'customer';
  deploymentStatus: DeploymentStatus;
  type: SubscriptionType;
  product: number;
  plan: number;
  buyer: number;
  /** Quantity of the plan's extra resource; absent when the plan has none. */
  licenses?: number;
  parameters: Record<string, string>;
  cardOnFile: boolean;
  autoRenew: boolean;
  createdAt: number;
  updatedAt: number;
  startAt?: number;
  endAt?: number;
  billingPeriodStartAt?: number;
  billingPeriodEndAt?: number;
  /** Start of the next billing period; the end of the subscription when it is the last one. */
  nextBillingAt?: number;
  orders: number[];
  invoices: number[];
  endpoints: Endpoint[];
  instructions: Record<string, string>;
  credentials: Credential[];
  oneshotCosts: unknown[];
  recurringCosts: unknown[];
  waitingChanges: WaitingChange[];
  statusHistory: StatusChange[];
  deploymentLog: DeploymentLogEntry[];
  resellerSlug?: string;
  /** Reads that will still answer 404. */
  invisibleReads: number;
  /** Whether the platform sent `DELETED`. */
  deleted: boolean;
}

export interface Order {
  id: number;
  type: OrderType;
  subscription: number;
  buyer: number;
  creator: number;
  plan: number;
  licenses?: number;
  status?: OrderStatus;
  date: number;
  startAt?: number;
  endOfPeriodAt?: number;
  previousBillingPeriodEndAt?: number;
  totalPrice?: number;
  externalReference?: string;
  resellerSlug?: string;
  approvedBy?: number;
  approvedAt?: number;
}

export interface Invoice {
  id: number;
  type: OrderType;
  subscription: number;
  plan: number;
  order?: number;
  nominee: number;
  date: number;
  price: number;
  total: number;
  currency: string;
  description: string;
  status: InvoiceStatus;
  paymentReference?: string;
  paymentReceivedAt?: number;
}

/** One line of the emulator's books: what happened, when (virtual), to which subscription, by which request. */
export interface BookEntry {
  seq: number;
  at: string;
  what: string;
  subscription?: number;
  requestId?: string;
  [detail: string]: unknown;
}

/** The identifier at the end of a reference such as `product/210`. */
export function idOf(reference: Ref | string): number {
  const digits = /(\d+)$/.exec(typeof reference === 'string' ? reference : reference.url);
  return digits === null ? Number.NaN : Number(digits[1]);
}

/** A reference to a resource. */
export function refTo(kind: string, id: number): Ref {
  return { url: `${kind}/${id}` };
}
