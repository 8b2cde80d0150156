import type { Fields } from './body.ts';

export interface Address extends Record<string, string | undefined> {
  country: string;
}

export interface BillingProfile {
  id: string;
  etag: string;
  firstName?: string;
  lastName?: string;
  email?: string;
  culture: string;
  language: string;
  companyName: string;
  defaultAddress: Address;
}

export interface Contact {
  firstName: string;
  lastName: string;
  email: string;
  phoneNumber?: string;
}

export interface Agreement {
  contact: Contact;
  templateId: string;
  dateAgreed: string;
  type: string;
  userId: string;
  attestationId?: string;
  /** Given for an older text: listed still, but no longer enough to buy. */
  superseded: boolean;
}

export interface Attestation {
  id: string;
  country: string;
  language: string;
  companyName: string;
  contact: Contact;
  status: 'pending' | 'accepted' | 'expired' | 'agreementCreated';
  createdAt: number;
  expiresAt: number;
  acceptedAt?: number;
  customerId?: string;
}

export interface Qualification {
  qualification: string;
  vettingStatus: string;
  vettingReason?: string;
  createdAt: number;
}

/** A tenant that is, was, or may become a customer: `related` tells whether the reseller relationship holds. */
export interface Customer {
  id: string;
  commerceId: string;
  domain: string;
  companyName: string;
  country: string;
  related: boolean;
  readableAt: number;
  registrationNumber?: string;
  billingProfile: BillingProfile;
  associatedPartnerId?: string;
  enableGdapByDefault?: boolean;
  password?: string;
  agreements: Agreement[];
  signedDirectly: boolean;
  vetting?: { status: string; changedAt: number };
  locked: boolean;
  qualifications: Qualification[];
  trialsUsed: Set<string>;
  budget?: number;
}

export interface Pricing {
  listPrice: number;
  discountedPrice: number;
  proratedPrice: number;
  price: number;
  extendedPrice: number;
}

export interface LineError {
  code: number;
  description: string;
  additionalInformation?: { availableQuantity: number; purchasedQuantity: number };
}

/** A line of a cart or of a direct order. `orderGroup` tells which lines become one order. */
export interface Line {
  number: number;
  catalogItemId: string;
  friendlyName?: string;
  quantity: number;
  currencyCode: string;
  billingCycle: string;
  termDuration?: string;
  customTermEndDate?: string;
  promotionId?: string;
  participants?: Fields[];
  partnerIdOnRecord?: string;
  additionalPartnerIdsOnRecord?: string[];
  orderGroup: string;
  pricing?: Pricing;
  error?: LineError;
}

export interface Cart {
  id: string;
  customerId: string;
  createdAt: number;
  modifiedAt: number;
  expiresAt: number;
  modifiedBy: string;
  partnerAttested: boolean;
  ordered: boolean;
  processing: boolean;
  lines: Line[];
  orderByGroup: Map<string, string>;
  firstAnswer?: unknown;
}

export const ORDER_STATUSES = [
  'unknown',
  'completed',
  'pending',
  'cancelled',
  'suspended',
  'pending review',
  'pending po upload',
  'po upload complete',
  'po review rejected',
  'partial success',
  'error',
] as const;

export type OrderStatus = (typeof ORDER_STATUSES)[number];

export interface OrderLine extends Line {
  subscriptionId?: string;
  /** From when on replies show the subscription. */
  subscriptionShownAt?: number;
}

export interface Order {
  id: string;
  customerId: string;
  country: string;
  billingCycle: string;
  createdAt: number;
  status: OrderStatus;
  lines: OrderLine[];
}

export type SubscriptionStatus = 'active' | 'suspended' | 'expired' | 'disabled' | 'deleted';

/** Seats that came at one time and may be given back until `until`. */
export interface Batch {
  seats: number;
  until: number;
}

export interface NextTerm {
  product: { productId: string; skuId: string; availabilityId: string; billingCycle: string; termDuration: string };
  quantity: number;
  customTermEndDate?: string;
}

export interface ScheduledAction {
  scheduleType: string;
  actionType: string;
  effectiveDate?: string;
  instructions?: NextTerm;
}

export interface TransitionEvent {
  name: string;
  status: string;
  at: number;
  errors?: { code: number; description: string }[];
}

export interface Transition {
  operationId: string;
  fromCatalogItemId: string;
  fromSubscriptionId: string;
  toCatalogItemId: string;
  toSubscriptionId: string;
  quantity: number;
  termDuration: string;
  billingCycle: string;
  transitionType: string;
  events: TransitionEvent[];
}

export interface Subscription {
  id: string;
  customerId: string;
  country: string;
  orderId: string;
  kind: 'licence' | 'trial' | 'plan' | 'software';
  catalogItemId: string;
  productId: string;
  skuId: string;
  segment: string;
  offerName: string;
  friendlyName: string;
  quantity: number;
  createdAt: number;
  startedAt: number;
  /** Last day of the term, at midnight UTC. */
  lastDayAt: number;
  cancellableUntil?: number;
  status: SubscriptionStatus;
  statusSince: number;
  /** How long a disabled subscription is kept before it is deleted. */
  keptForMs?: number;
  autoRenew: boolean;
  billingCycle: string;
  termDuration?: string;
  partnerId: string;
  batches: Batch[];
  nextTerm?: NextTerm;
  actions?: ScheduledAction[];
  nextCharge?: Fields;
  suspensionReasons: string[];
  suspendedByMicrosoft: boolean;
  /** In extended service term since the term named here ended. */
  extendedFrom?: string;
  renewing: boolean;
  updatePending: boolean;
  updates: number;
  transitions: Transition[];
  /** Seats on the invoice, from each instant on. */
  billing: { at: number; seats: number }[];
  /** Of an Azure plan: since when it is being enabled for reservations. */
  registrationStartedAt?: number;
  stopTimer?: () => void;
}

export interface Entitlement {
  id: string;
  customerId: string;
  planId: string;
  friendlyName: string;
  status: 'active' | 'inactive';
  /** When it was active; the last period may be open. */
  periods: { from: number; to?: number }[];
  /** What its virtual machine costs in an hour, in the currency of the partner. */
  machineCostPerHour: number;
}

export interface Reseller {
  tenantId: string;
  partnerId: string;
  name: string;
  agreementSigned: boolean;
}

/** Everything that Partner Center remembers, except the webhook. */
export interface State {
  customers: Map<string, Customer>;
  takenDomains: Set<string>;
  attestations: Map<string, Attestation>;
  carts: Map<string, Cart>;
  orders: Map<string, Order>;
  subscriptions: Map<string, Subscription>;
  entitlements: Map<string, Entitlement>;
  resellers: Reseller[];
  passwords: string[];
  /** Personal data that came in, even in requests that were refused. */
  personalData: Set<string>;
}

export function createState(): State {
  return {
    customers: new Map(),
    takenDomains: new Set(),
    attestations: new Map(),
    carts: new Map(),
    orders: new Map(),
    subscriptions: new Map(),
    entitlements: new Map(),
    resellers: [],
    passwords: [],
    personalData: new Set(),
  };
}
