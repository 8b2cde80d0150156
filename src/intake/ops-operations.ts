import type { ACTIONS, DEAD_STATES, OpsOverview, STATES } from './ops-answers.ts';

/* What the API of operations needs of the service. */

export interface OpsPage {
  /** 1-based. */
  page: number;
  pageSize: number;
}

export interface OpsQuery extends OpsPage {
  state?: (typeof STATES)[number] | 'held' | 'detached';
  product?: string;
  customer?: string;
  /** Part of an identifier, a domain, a code or a sentence. */
  text?: string;
}

interface OpsList<T> {
  items: T[];
  total: number;
}

/** What a person has decided about a subscription. */
interface OpsIntervention {
  kind: 'held' | 'detached';
  by: string;
  reason: string;
  at: string;
}

/** What is known of one subscription, as operations may see it. */
export interface OpsRecord {
  subscriptionId: number;
  productType?: string;
  productId?: number;
  productName?: string;
  state: (typeof STATES)[number];
  operation?: string;
  step?: string;
  waitingFor?: string;
  since: string;
  attempts: number;
  lastError?: { code: string; message: string; at: string; cure?: 'look' | 'retry' };
  troubledSince?: string;
  nextTryAt?: string;
  deadlineAt?: string;
  fulfillment?: object;
  why?: string | undefined;
  intervention?: OpsIntervention | undefined;
}

/** What Microsoft goes on charging for although the marketplace has ended it. */
export interface OpsExposed {
  subscriptionId: number;
  owner?: string;
  customerId?: string;
  partnerSubscriptionId: string;
  offerId?: string;
  seats: number;
  billingCycle?: string;
  /** Before tax, for one seat and one billing period. */
  price?: { amount: number; currency: string };
  /** Last day that is charged. */
  until?: string;
}

export interface OpsKnownCustomer {
  owner: string;
  customerId?: string;
  domain?: string;
  /** Of the Microsoft Customer Agreement. */
  agreement: 'accepted' | 'pending' | 'unknown';
  subscriptions: number[];
}

/** A signed body that was no notification. */
export interface OpsKept {
  digest: string;
  sizeBytes: number;
  reason: string;
  count: number;
  firstAt: string;
  lastAt: string;
}

/** What stands still for one reason. */
export interface OpsDeadLetters {
  code: string;
  state: (typeof DEAD_STATES)[number];
  count: number;
  oldestAt: string;
  /** The first 20. */
  subscriptionIds: number[];
}

/** How it stands with the calls that upstreams allow. */
export interface OpsLimits {
  budgets: {
    budget: string;
    used: number;
    limit: number;
    waiting: number;
    pausedUntil?: string;
    refusedUntil?: string;
  }[];
  circuits: { upstream: string; openSince?: string; nextProbeAt?: string }[];
}

/** Who wants something, and why. */
interface OpsPress {
  by: string;
  reason: string;
}

/** A line of the audit trail. */
export interface OpsAudited extends OpsPress {
  at: string;
  action: string;
  subscriptionId?: number;
  target?: string;
  /** The first of those that a press on many reaches. */
  subscriptionIds?: number[];
  outcome: 'accepted' | 'failed' | 'refused';
  code?: string;
}

/** A record with its story, newest line first, and what can be done now. */
export type OpsStory = OpsRecord & {
  /** ISO instant since which its next look waits for a worker. */
  queuedSince?: string | undefined;
  timeline: { at: string; kind: string; text: string }[];
  actions: (typeof ACTIONS)[number][];
};

/**
 * The actions throw a PermanentError with a code of `ops.`, which the caller reads: `ops.unknown-…` where there is no such thing, any other
 * where it does not fit how things stand.
 */
export interface OpsOperations {
  overview(): Promise<OpsOverview>;
  list(query: OpsQuery): Promise<OpsList<OpsRecord>>;
  show(subscriptionId: number): Promise<OpsStory | undefined>;
  /** Tells what became of the look that follows; `backlog-full`: the next sweep asks for it, and what was decided is in force. */
  act(action: (typeof ACTIONS)[number], subscriptionId: number, press: OpsPress): Promise<'queued' | 'backlog-full'>;
  listExposures(page: OpsPage): Promise<OpsList<OpsExposed>>;
  listCustomers(page: OpsPage): Promise<OpsList<OpsKnownCustomer>>;
  listDeadLetters(): Promise<OpsDeadLetters[]>;
  /** What was asked for, and how many more there are. */
  retryAll(code: string, press: OpsPress): Promise<{ queued: number; left: number }>;
  limits(): Promise<OpsLimits>;
  listQuarantine(page: OpsPage): Promise<OpsList<OpsKept>>;
  discardQuarantined(digest: string, press: OpsPress): Promise<void>;
  listAudit(query: OpsPage & { subscriptionId?: number }): Promise<OpsList<OpsAudited>>;
}
