import type { Lane } from '../engine/journal.ts';
import { compact } from '../lib/compact.ts';
import type { Cure, CuredBy } from '../lib/errors.ts';
import type { Wait } from '../lib/wait.ts';
import { type Fulfillment, mayBeCharged } from './fulfillment.ts';
import type { Operation, ProductType } from './operations.ts';
import type { Turn } from './turn.ts';

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

/** What names a matter that is told once: its text may change with every try, as the identifier of a call does. */
export function matterOf(code: string, { step }: Pick<SubscriptionRecord, 'step'>): string {
  return `${code} ${step ?? ''}`;
}

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
