import { toTheMinute, toTheSecond } from '../../lib/moment.ts';
import { nameOf } from '../../upstreams/names.ts';
import type { Intervention } from '../interventions.ts';
import type { RecordedError, SubscriptionRecord } from '../record.ts';
import { THEN_RETRY } from '../record-writer.ts';

/** Who takes looks. */
export interface Presence {
  /** Workers that take looks at this moment. */
  count: number;
  /** ISO instant at which one was seen last; absent when none was ever seen. */
  lastSeenAt?: string;
}

/** How workers take looks. */
export interface Taking {
  /** Looks that wait for a worker, and that are made at this moment. */
  waiting: number;
  active: number;
  /** Since when the first that is due has waited, in milliseconds since the epoch. */
  oldestSinceMs?: number | undefined;
  /** Key in Redis whose field `paused` keeps every worker from taking looks. */
  pausedIn?: string | undefined;
}

/** How it stands with the next look. */
export interface NextLook {
  /** That nobody takes looks, as `standstillOf` says it. */
  standstill?: string | undefined;
  /** ISO instant since which it waits for a worker. */
  queuedSince?: string | undefined;
}

/** A look is taken at once where a worker is free. */
const LONG_WAIT_MS = 60_000;

/** That nobody takes looks at the instant `nowMs`, in sentences, and what to do; `undefined` where somebody does. */
export function standstillOf(workers: Presence, taking: Taking, nowMs: number): string | undefined {
  if (workers.count === 0) return noteOnWorkers(workers);
  const { pausedIn, oldestSinceMs, active } = taking;
  if (pausedIn !== undefined) {
    return `The queue of looks is paused in Redis: no worker takes any, and nothing goes on until it is resumed. Resume it there: HDEL ${pausedIn} paused.`;
  }
  if (active > 0 || !isLong(oldestSinceMs, nowMs)) return undefined;
  return `No look is taken, although a worker is there: the first has waited since ${atSecond(oldestSinceMs)}. Read the log of the worker, and restart it where that does not say why.`;
}

/** That looks wait for a worker although none is idle, in a sentence. */
export function noteOnBacklog({ oldestSinceMs, waiting, active }: Taking, nowMs: number): string | undefined {
  if (active === 0 || !isLong(oldestSinceMs, nowMs)) return undefined;
  return `Workers take looks later than they are due: the first has waited since ${atSecond(oldestSinceMs)}, with ${waiting} in line and ${active} at work. It goes on by itself; where it lasts, start another process with ROLE worker.`;
}

function isLong(sinceMs: number | undefined, nowMs: number): sinceMs is number {
  return sinceMs !== undefined && nowMs - sinceMs > LONG_WAIT_MS;
}

function atSecond(ms: number): string {
  return toTheSecond(new Date(ms).toISOString());
}

function noteOnWorkers({ lastSeenAt }: Presence): string {
  const since = lastSeenAt ? `none was seen since ${toTheSecond(lastSeenAt)}` : 'none was ever seen';
  return `No worker takes looks (${since}): nothing goes on until one does. Start a process with ROLE worker or all.`;
}

/** An upstream that has refused calls for a minute or more. */
export interface Throttle {
  upstream: string;
  /** ISO instant until which it does. */
  until: string;
  /** Orders that wait for it. */
  waiting: number;
}

/** That an upstream takes no calls, in a sentence. */
export function noteOnThrottle({ upstream, until, waiting }: Throttle): string {
  const orders = waiting === 1 ? '1 order waits' : `${waiting || 'No'} orders wait`;
  return `${nameOf(upstream)} refuses calls as too many (429) until ${toTheSecond(until)}: ${orders} for that. It goes on by itself then; should it happen again, find out who else uses the account.`;
}

/** What fails for less than this is mostly over before anybody could do anything. */
const LONG_FAILING_MS = 600_000;
/** So many orders are named in a note. */
const NAMED = 5;

/** Of records that are retried: which have been failing for long at the instant `nowMs`, and with which codes, in a sentence. */
export function noteOnFailing(
  retried: Pick<SubscriptionRecord, 'subscriptionId' | 'troubledSince' | 'lastError'>[],
  nowMs: number,
): string | undefined {
  const failing = retried.filter(({ troubledSince }) => Date.parse(troubledSince ?? '') < nowMs - LONG_FAILING_MS);
  if (failing.length === 0) return undefined;
  const ids = failing.map(({ subscriptionId }) => subscriptionId);
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : '';
  const codes = [...new Set(failing.map(({ lastError }) => lastError?.code))].join(', ');
  const orders = ids.length === 1 ? '1 order has' : `${ids.length} orders have`;
  return `${orders} been failing for more than ${LONG_FAILING_MS / 60_000} minutes (${codes}): ${ids.slice(0, NAMED).join(', ')}${more}. What fails is tried again by itself; the page of an order says what its last try has found, and until when it is tried.`;
}

/** How a subscription stands that was heard of, and not looked at yet. */
export function unseen(subscriptionId: number, queuedSince: string, standstill: string | undefined) {
  const heard = `Heard of at ${toTheSecond(queuedSince)}, and waits for a worker to look at it for the first time.`;
  return {
    subscriptionId,
    state: 'waiting' as const,
    waitingFor: 'a worker to look at it for the first time',
    since: queuedSince,
    attempts: 0,
    why: [heard, standstill].filter(Boolean).join(' '),
  };
}

/**
 * Where a subscription stands, in one sentence or two for the person who wonders why it does not move: what it waits for, since when, and
 * what to do. `undefined` when it is in order and nothing is to come.
 */
export function whyOf(
  record: SubscriptionRecord,
  intervention: Intervention | undefined,
  next: NextLook = {},
): string | undefined {
  if (intervention?.kind === 'detached') {
    return `Detached by ${intervention.by} since ${toTheMinute(intervention.at)} (${intervention.reason}): the connector leaves it alone, and people look after it. Attach it to give it back.`;
  }
  if (intervention) {
    return `Held by ${intervention.by} since ${toTheMinute(intervention.at)} (${intervention.reason}): nothing is sent for it. Release it once that is settled.`;
  }
  const why = whyItStands(record, next.standstill === undefined ? GOES_ON : '');
  const heldUpSince = record.heldUpSince ?? record.failingSince;
  const heldUp =
    record.heldUpBy && heldUpSince
      ? `The next look has waited since ${toTheMinute(heldUpSince)} for ${record.heldUpBy}.`
      : undefined;
  const queued = next.queuedSince && `Its next look has waited for a worker since ${toTheSecond(next.queuedSince)}.`;
  // What is at rest needs no worker.
  const isAtRest = record.state === 'idle' || record.state === 'done';
  const nobody = queued || !isAtRest ? next.standstill : undefined;
  return [why, why && heldUp, queued, nobody].filter(Boolean).join(' ') || undefined;
}

const GOES_ON = ' It goes on by itself.';
const UNTOLD_FAILURE =
  'The marketplace shows that it has failed; why is not recorded any more, as after a loss of Redis. Press retry: what is still wrong is told then.';

/** `goesOn`: the sentence that says so, if it does. */
function whyItStands(record: SubscriptionRecord, goesOn: string): string | undefined {
  const troubled = record.troubledSince && toTheMinute(record.troubledSince);
  const since = toTheMinute(record.since);
  const at = record.step ? ` at step "${record.step}"` : '';
  const doing = record.operation ?? 'a look';
  const said = record.lastError?.message ?? `${record.waitingFor ?? 'the cause is not known'}.`;

  switch (record.state) {
    case 'needs-attention':
      return `Has needed you since ${troubled ?? since}, for ${doing}${at}: ${said} ${thenOf(record.lastError)}`;
    case 'failed':
      if (!record.lastError) return UNTOLD_FAILURE;
      return record.failure?.kind === 'customer'
        ? `Failed since ${since}, and the customer was told what is missing (${record.failure.code}): ${said} Look once they have supplied it.`
        : `Failed since ${since}, and the customer was told: ${said} Cure the cause, then press retry: it resumes at the failed step.`;
    case 'retrying':
      return `Failing since ${troubled ?? toTheMinute(record.failingSince ?? record.since)}, ${timesOf(record.attempts)}, at ${doing}${at}: ${said} ${nextTryOf(record)}${formerlyOf(record)}`;
    case 'waiting':
      return `Waiting since ${since} for ${record.waitingFor ?? 'its next look'}${troubled ? `, after failing since ${troubled}` : ''}.${goesOn}`;
    case 'running':
      return `At work since ${since}: ${doing}${at}.`;
    case 'idle':
    case 'done':
      return record.waitingFor && `Waiting since ${since} for ${record.waitingFor}.`;
  }
}

/** What is left to do once a person has done what the error says. */
function thenOf({ cure, curedBy }: Partial<RecordedError> = {}): string {
  if (cure === 'retry') return THEN_RETRY;
  if (curedBy === 'setting') return 'Once it is taken up, the order goes on by itself, or at once with look.';
  return 'Then it goes on by itself, or at once with look.';
}

/** That it is tried again, which errors do not say themselves: when, until when, and what then. */
function nextTryOf({ nextTryAt, deadlineAt, run, failure }: SubscriptionRecord): string {
  if (!nextTryAt || !deadlineAt) return 'It is tried again by itself.';
  const isGivenUp = run?.operation === 'provision' && failure?.reported !== false;
  const then = isGivenUp ? 'then it is given up, and the customer told' : 'then a person is told, and it goes on';
  return `It is tried again by itself, next at ${toTheSecond(nextTryAt)}, until ${toTheMinute(deadlineAt)}: ${then}.`;
}

/** What somebody was to do before, which may be still to do. */
function formerlyOf({ before }: SubscriptionRecord): string {
  if (before?.state === 'needs-attention' && before.lastError)
    return ` Before that it needed you: ${before.lastError.message}`;
  return before?.waitingFor ? ` Before that it waited for ${before.waitingFor}.` : '';
}

function timesOf(attempts: number): string {
  return attempts === 1 ? 'once' : `${attempts} times`;
}
