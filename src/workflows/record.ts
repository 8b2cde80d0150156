import type { Lane } from '../engine/journal.ts';
import { compact } from '../lib/compact.ts';
import type { Cure, CuredBy } from '../lib/errors.ts';
import type { Turn } from '../lib/turn.ts';
import type { Wait } from '../lib/wait.ts';
import { type Fulfillment, mayBeCharged } from './fulfillment.ts';
import type { Operation, ProductType } from './operations.ts';

/** Where a subscription stands, in the words of the operations API. */
export type RecordState = 'idle' | 'running' | 'waiting' | 'retrying' | 'needs-attention' | 'failed' | 'done';

export interface RecordedError {
  code: string;
  message: string;
  at: string;
  /** What a person presses once the cause is cured; absent for `look`. */
  cure?: Cure;
  curedBy?: CuredBy;
}

/** What the connector knows of one marketplace subscription. Identifiers and states only: no personal data, no secret. */
export interface SubscriptionRecord {
  subscriptionId: number;
  productType?: ProductType;
  productId?: number;
  /** Of the product, as the marketplace called it at the first look. */
  productName?: string;
  /** Owner of the Microsoft customer in the marketplace: `userCompany/512`, or `user/1303` for a private person. */
  customer?: string;
  state: RecordState;
  /** ISO instant of the last change of `state`. */
  since: string;
  operation?: Operation;
  step?: string;
  waitingFor?: Wait;
  /** Code and step of the matter that a person was last told, so that it is told once. */
  alerted?: string;
  /** Kind and place of the mistake of ours that was reported last, as a digest, so that it is told once while it goes on. */
  mistake?: string;
  /** The run that ended last, and how often in a row it was made again because what it had done did not show. */
  lastDone?: { run: string; again: number };
  /** The wait, or the code and step of the failure, that stands last in the timeline, so that polls and tries do not repeat it. */
  told?: string;
  /** Failed tries of the current step in a row. */
  attempts: number;
  /** ISO instant of the first of the failures in a row; the deadline of the operation counts from it. Moved on by what is no failure of it. */
  failingSince?: string;
  /** ISO instant of the first failure after which nothing has succeeded, whatever was waited for or pressed meanwhile. */
  troubledSince?: string;
  /** Of what is retried: ISO instants of the next try, and of the end of trying where that goes on failing. */
  nextTryAt?: string;
  deadlineAt?: string;
  /** ISO instant since which it has been held up by an upstream that takes no calls; with it goes its place in the line for calls. */
  heldUpSince?: string;
  /** What holds up the next look, where the record itself stands for another reason. */
  heldUpBy?: string;
  /** What it stood for when an upstream began to fail, or when what had failed was looked at, as long as nothing has succeeded since. */
  before?: Standing;
  lastError?: RecordedError;
  run?: Run;
  /** A change of plan that needs a person, while the rest goes on: it is taken up again where it stood. */
  aside?: Run;
  fulfillment?: Fulfillment;
  /** A failure that the customer is told about; kept until an operation succeeds. */
  failure?: Failure;
  /** ISO instant at which it was looked for what might exist at Microsoft although nothing of it was recorded. */
  searchedAt?: string;
  /** ISO instant at which Microsoft was last asked how it stands with what is provisioned. */
  inspectedAt?: string;
  /** ISO instant since which Microsoft does not show what is provisioned. */
  unseenSince?: string;
  /** Digest of what Cloudesire said at the last completed look, so that the sweep can pass by what has not changed. */
  seen?: string;
}

/** What a subscription stands for. */
export type Standing = Pick<
  SubscriptionRecord,
  'state' | 'since' | 'attempts' | 'waitingFor' | 'lastError' | 'troubledSince'
>;

/** As much of a record as says what it stands for. */
export function standingOf({ state, since, attempts, waitingFor, lastError, troubledSince }: Standing): Standing {
  return compact({ state, since, attempts, waitingFor, lastError, troubledSince }) as Standing;
}

/** So long Microsoft may not show what is provisioned before a person is told. */
const UNSEEN_FOR_MS = 86_400_000;

/** Whether the matter that operations were told last has this code. */
export function isToldOf({ alerted }: Pick<SubscriptionRecord, 'alerted'>, code: string): boolean {
  return alerted?.startsWith(`${code} `) === true;
}

/** Whether Microsoft has not shown it for that long, at this instant in milliseconds since the epoch. */
export function isUnseen({ unseenSince }: Pick<SubscriptionRecord, 'unseenSince'>, now: number): boolean {
  return unseenSince !== undefined && now - Date.parse(unseenSince) >= UNSEEN_FOR_MS;
}

/** How far the recorded run has got, which decides how soon its next call comes. */
export function progressOf({ run, fulfillment }: Pick<SubscriptionRecord, 'run' | 'fulfillment'>): Turn['progress'] {
  if (!run) return undefined;
  if (run.operation === 'provision' && mayBeCharged(fulfillment)) return 'bought';
  return fulfillment?.customerId === undefined ? undefined : 'begun';
}

/** One execution of an operation; it survives retries, waits and restarts. */
export interface Run {
  id: string;
  operation: Operation;
  /** Tells runs of one operation apart, e.g. the wanted number of seats. */
  target?: string;
  startedAt: string;
  /** What the marketplace showed when it began: what it shows later may follow from our own report. */
  status?: string;
}

/** Why an operation failed, and whether the customer has been told. */
export interface Failure {
  /** `customer`: tried again at each look; `final`: only by `retry` of operations. */
  kind: 'customer' | 'final';
  code: string;
  params: Record<string, string>;
  reported: boolean;
}

export interface RecordQuery {
  state?: string;
  /** Cloudesire product id or product type. */
  product?: string;
  customer?: string;
  /** Part of an identifier, a domain, a code or a sentence of the record. */
  text?: string;
  /** Only these subscriptions. */
  among?: ReadonlySet<number>;
  /** ISO date: only those that Microsoft charges on that day although they have ended. */
  exposedOn?: string;
  /** 1-based. */
  page: number;
  pageSize: number;
}

/** How many records stand alike. */
export interface Tally {
  productType: ProductType | 'unknown';
  state: RecordState;
  /** The code of the reason where it stands still, what kind of thing it waits for where it waits, else empty. */
  why: string;
  count: number;
}

/** What one subscription that was ended goes on costing. */
export interface ExposedCost {
  /** Last day of the paid term; absent when Microsoft did not say. */
  until?: string;
  /** Of all seats, before tax, for one billing period; absent when Microsoft did not say. */
  cost?: { amount: number; currency: string };
}

/** Counts of the records, kept with every write of one. Asking takes the same time however many there are. */
export interface Tallies {
  read(): Promise<Tally[]>;
  /** Of every subscription that was ended and that Microsoft has gone on charging. */
  exposedCosts(): Promise<ExposedCost[]>;
  /** Since when the one has waited that has waited longest for a customer to do this, in milliseconds since the epoch. */
  waitingSince(forWhat: CustomersTurn): Promise<number | undefined>;
  /** Counts anew what was written by a version that does not count, or does it otherwise. */
  repair(): Promise<void>;
}

/** What a customer is waited for: to accept the Microsoft Customer Agreement, or the invitation of the partner. */
export type CustomersTurn = 'agreement' | 'invitation';

/** The last sweep that came to its end. */
export interface FinishedSweep {
  /** ISO instant. */
  finishedAt: string;
  durationMs: number;
  /** Living subscriptions that the marketplace listed. */
  listed: number;
  /** Looks that were asked for. */
  looks: number;
}

export interface SweepLog {
  note(sweep: FinishedSweep): Promise<void>;
  last(): Promise<FinishedSweep | undefined>;
}

/** The records of all subscriptions. Writes are fenced by the lane. */
export interface Records {
  get(subscriptionId: number): Promise<SubscriptionRecord | undefined>;
  /** What a run remembers is kept for as long as the record names it; that of those which it no longer names, `runsOver`, for 30 days more. */
  put(lane: Lane, record: SubscriptionRecord, over?: { runsOver: string[] }): Promise<void>;
  list(query: RecordQuery): Promise<{ items: SubscriptionRecord[]; total: number }>;
  /** Every record, newest change first. */
  all(): AsyncIterable<SubscriptionRecord>;
  /** Every recorded subscription id. */
  ids(): AsyncIterable<number>;
  /** Whether what the marketplace had ended before anything was recorded has been looked for. */
  areEndedListed(): Promise<boolean>;
  noteEndedListed(): Promise<void>;
  /** Operations want a look, which therefore ends pauses; remembered until that look. */
  askLook(subscriptionId: number): Promise<void>;
  isLookAsked(subscriptionId: number): Promise<boolean>;
  forgetLook(lane: Lane): Promise<void>;
  /** Operations want a failed operation to be tried again; remembered until a look has acted on it. */
  askRetry(subscriptionId: number): Promise<void>;
  isRetryAsked(subscriptionId: number): Promise<boolean>;
  forgetRetry(lane: Lane): Promise<void>;
}

/** `new`: nothing had been delivered yet when the store was first used; `whole`: everything delivered is recorded. */
export type Extent = 'new' | 'whole';

/** Whether the records are all that there are. Until that is known nothing is decided on them. */
export interface Completeness {
  /** `undefined` when it is not known, as after a loss of the store. */
  extent(): Promise<Extent | undefined>;
  note(extent: Extent | undefined): Promise<void>;
  /** Takes the rebuilding of the records for so long; false when somebody else has it. */
  claim(holder: string, forMs: number): Promise<boolean>;
  /** Keeps it for so long from now; false when it was lost. */
  prolong(holder: string, forMs: number): Promise<boolean>;
  release(holder: string): Promise<void>;
}

/** One line in the story of a subscription. */
export interface TimelineEntry {
  at: string;
  kind: 'event' | 'look' | 'call' | 'decision' | 'step' | 'wait' | 'error' | 'report' | 'operator';
  text: string;
  [fact: string]: unknown;
}

export interface Timeline {
  /** What a look has to tell; fenced by its lane. */
  add(lane: Lane, entry: TimelineEntry): Promise<void>;
  /** What others did, who hold no lane. */
  note(subscriptionId: number, entry: TimelineEntry): Promise<void>;
  /** What is heard of a subscription that may turn out not to be ours: what is told of such a one alone is forgotten after a day. */
  hear(subscriptionId: number, entry: TimelineEntry): Promise<void>;
  /** A call to an upstream. Only the last of them are kept, apart from the rest, so that many calls push nothing else out. */
  noteCall(subscriptionId: number, entry: TimelineEntry): Promise<void>;
  /** All of it, newest first. */
  read(subscriptionId: number): Promise<TimelineEntry[]>;
}

/** The Microsoft customer that belongs to a marketplace company (or private buyer). */
export interface KnownCustomer {
  customerId: string;
  domain: string;
  /** First administrator of a tenant that we created: name, and the password sealed until it was handed over. */
  administrator?: { userName: string; sealedPassword?: string };
  /** The Microsoft Customer Agreement is known to be accepted. */
  agreed?: boolean;
  /** ISO instant at which that was last learned. */
  agreedAt?: string;
}

/** Which company has which Microsoft customer. Creating one is the privilege of the subscription that claimed it. */
export interface CustomerDirectory {
  find(owner: string): Promise<KnownCustomer | undefined>;
  /** Whose Microsoft customer it is, as far as we know. */
  ownerOf(customerId: string): Promise<string | undefined>;
  /** Claims the creation for this subscription; answers who holds the claim (oneself: the claim is ours). */
  claim(owner: string, subscriptionId: number): Promise<number>;
  /** Takes a claim from a subscription that no longer works on it. False when the claim had changed hands meanwhile. */
  takeOver(owner: string, from: number, to: number): Promise<boolean>;
  save(lane: Lane, owner: string, customer: KnownCustomer): Promise<void>;
  /** Reserves a domain for the owner; false when another owner has it. */
  reserveDomain(domain: string, owner: string): Promise<boolean>;
  /** Notes, just before the call, that the creation of a customer with this domain is sent. Kept until a customer is saved. */
  noteAttempt(owner: string, domain: string): Promise<void>;
  /** Domains for which a creation was sent, by whichever subscription of the owner. */
  attempts(owner: string): Promise<string[]>;
  /** Takes note that nothing came of the creation with this domain. */
  forgetAttempt(owner: string, domain: string): Promise<void>;
  /** Gives a claim of the lane's subscription back, if it has one. */
  release(lane: Lane, owner: string): Promise<void>;
  /** The cart with which the Azure plan of this customer is bought, if one was made. */
  azurePlanCart(customerId: string): Promise<string | undefined>;
  /** Shares a cart with all orders of the customer, unless another one was shared meanwhile; answers which one it is. */
  shareAzurePlanCart(customerId: string, cart: { instead: string | undefined; cartId: string }): Promise<string>;
}

/** Which subscription a partner subscription was bought for, since Partner Center names only its own. */
export interface PartnerSubscriptionIndex {
  /** Harmless when repeated; the last owner noted counts. */
  note(partnerSubscriptionId: string, subscriptionId: number): Promise<void>;
  /** `undefined` when none was noted: the partner subscription is not ours. */
  ownerOf(partnerSubscriptionId: string): Promise<number | undefined>;
}

/** Encrypts what must rest in Redis although it is secret. */
export interface SecretBox {
  seal(plain: string): string;
  /** @throws when the text was sealed with another key or tampered with */
  open(sealed: string): string;
}

/** Secrets that are derived when they are needed, and kept nowhere. */
export interface DerivedSecrets {
  /** The password for a subject: 24 characters of four classes, or as many as are allowed; always the same for the same key. */
  password(subject: string, atMost?: number): string;
  /** Tells texts apart without telling anything of them to those who lack the key. */
  digest(text: string): string;
  /** Tells keys apart without telling anything of them. */
  fingerprint: string;
  /** The same with the key of this fingerprint, as long as it is among the keys. */
  madeWith(fingerprint: string): DerivedSecrets | undefined;
}

/** Templates by the SHA-256 of their content, in hexadecimal digits. */
export interface TemplateStore {
  get(sha256: string): Promise<string | undefined>;
  put(sha256: string, text: string): Promise<void>;
}

/** What deployments have cost, by billing period. */
export interface Costs {
  /** The cost of a period so far; a lower one than before changes nothing. */
  note(subscriptionId: number, period: string, cost: number): Promise<void>;
  /** Over all periods. With `since`, an ISO instant: without what was known when that was asked for the first time. */
  total(subscriptionId: number, since: string | undefined): Promise<number>;
}
