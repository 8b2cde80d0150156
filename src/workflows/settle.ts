import { createHash } from 'node:crypto';
import { LaneLostError } from '../engine/journal.ts';
import { Stopping, Suspended } from '../engine/workflow.ts';
import type { Clock } from '../lib/clock.ts';
import {
  AttentionError,
  ConnectorError,
  CustomerError,
  PermanentError,
  RetryableError,
  ThrottledError,
  WithheldError,
} from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { toTheMinute } from '../lib/moment.ts';
import type { Wait } from '../lib/wait.ts';
import type { Report } from '../report/report.ts';
import { nameOf } from '../upstreams/names.ts';
import type { LookOutcome } from './look.ts';
import { type Failure, matterOf, type SubscriptionRecord, standingOf } from './record.ts';
import { type Changes, lastErrorOf, messageOf, type RecordWriter } from './record-writer.ts';
import type { Turn } from './turn.ts';

export interface SettleParts {
  writer: RecordWriter;
  turn: Turn;
  /** Whether the marketplace shows that somebody waits for a delivery. */
  isAwaited(): boolean;
  report: Pick<Report, 'failed'>;
  log: Log;
  clock: Clock;
  /** How long to wait after so many failed tries in a row, in milliseconds. */
  backoffMs(attempts: number): number;
  settings: { deadlineMs: number; retryBaseMs: number };
}

/** What becomes of a look that ended before its time: every failure ends in a state that names what is waited for. */
export function createSettle(parts: SettleParts) {
  const { writer, turn, isAwaited, report, log, clock, backoffMs, settings } = parts;
  const { standAt, keep, tell, alert } = writer;
  const { subscriptionId } = writer.record;
  const now = (): string => isoOf(clock.now());

  return { settle, tellFailure };

  async function settle(error: unknown): Promise<LookOutcome> {
    if (error instanceof LaneLostError || error instanceof Stopping) {
      log.info(
        { runId: writer.record.run?.id, step: writer.record.step, reason: error.message },
        'look ended before its time',
      );
      throw error;
    }
    if (error instanceof Suspended) {
      await wait(error.waitingFor);
      return { againInMs: Math.max(0, error.resumeAt - clock.now()) };
    }
    if (error instanceof WithheldError) {
      await standAt('waiting', { waitingFor: `the end of the dry run (CMW_READ_ONLY): ${error.message}` });
      return { done: true };
    }
    if (error instanceof ThrottledError) {
      const pauseMs = error.retryAfterMs ?? settings.retryBaseMs;
      const isOutage = error.code.endsWith('.outage');
      const waitingFor = error.waitingFor ?? `the limit of ${nameOf(error.facts.upstream)}`;
      const heldUpSince = new Date(turn.sinceAt).toISOString();
      // What holds up everything is no failure of this operation: that time does not count for its deadline.
      const failingSince =
        writer.record.failingSince && new Date(Date.parse(writer.record.failingSince) + pauseMs).toISOString();
      await standAgain();
      if (waitsForSomebody(writer.record)) {
        const { state, since } = writer.record;
        const told = state === 'waiting' ? tellIfSlow(writer.record.waitingFor ?? waitingFor, since) : {};
        await keep({ heldUpSince, heldUpBy: waitingFor, failingSince, ...told });
        return { againInMs: pauseMs };
      }
      await standAt('waiting', {
        waitingFor,
        heldUpSince,
        // An outage is told once for all that it holds up.
        ...(!isOutage && tellIfSlow(waitingFor, heldUpSince)),
        failingSince,
      });
      return { againInMs: pauseMs };
    }
    if (error instanceof AttentionError) return needAttention(error);
    if (error instanceof CustomerError || error instanceof PermanentError) {
      if (mayFail() && isAwaited()) return fail(error instanceof CustomerError ? 'customer' : 'final', error);
      return needAttention(error);
    }
    return retry(error);
  }

  /** What it stood for before the upstream began to fail goes on while only the look at it has to wait. */
  async function standAgain(): Promise<void> {
    const { before } = writer.record;
    if (!before) return;
    const { state, since, attempts, waitingFor, lastError, troubledSince } = before;
    const former = { state, since, attempts, waitingFor, lastError, troubledSince };
    await keep({ ...former, before: undefined, nextTryAt: undefined, deadlineAt: undefined });
  }

  /** The customer is told of a failed delivery only while nothing is bought: what is bought has to be delivered. */
  function mayFail(): boolean {
    const { orderId, partnerSubscriptionId } = writer.record.fulfillment ?? {};
    return writer.record.run?.operation === 'provision' && (orderId ?? partnerSubscriptionId) === undefined;
  }

  async function wait(waitingFor: Wait): Promise<void> {
    const since = writer.record.state === 'waiting' ? writer.record.since : now();
    await standAt('waiting', {
      waitingFor,
      attempts: 0,
      failingSince: undefined,
      troubledSince: undefined,
      ...tellIfSlow(waitingFor, since),
    });
  }

  /** A wait has no deadline, since what is waited for may come at any time; but one that takes longer than that is told once. */
  function tellIfSlow(waitingFor: Wait, since: string): Changes {
    if (clock.now() - Date.parse(since) < settings.deadlineMs) return {};
    const alerted = matterOf('operation.slow', writer.record);
    if (writer.record.alerted !== alerted) {
      const message = `Subscription ${subscriptionId} has been waiting since ${toTheMinute(since)} for ${waitingFor}. It goes on when that comes: find out whether it will.`;
      alert(new AttentionError('operation.slow', message));
    }
    return { alerted };
  }

  async function needAttention(error: ConnectorError): Promise<{ againInMs: number }> {
    const attempts = writer.record.attempts + 1;
    const alerted = matterOf(error.code, writer.record);
    if (writer.record.alerted !== alerted) alert(error);
    const waitingFor = 'operations to do what the last error says';
    await standAt('needs-attention', {
      attempts,
      alerted,
      waitingFor,
      failingSince: undefined,
      troubledSince: writer.record.troubledSince ?? now(),
      ...lastErrorOf(error, now()),
    });
    return { againInMs: Math.min(10 * settings.retryBaseMs * 2 ** Math.min(attempts - 1, 7), 900_000) };
  }

  async function retry(error: unknown): Promise<LookOutcome> {
    const attempts = writer.record.attempts + 1;
    const nowMs = clock.now();
    const failingSince = writer.record.failingSince ?? isoOf(nowMs);
    const known = error instanceof ConnectorError ? error : undefined;
    if (!known) tellMistake(error);

    const pauseMs = error instanceof RetryableError ? (error.retryAfterMs ?? 0) : 0;
    if (error instanceof RetryableError && error.waitingFor !== undefined) {
      // Nothing is failing where it is known what takes its time.
      await wait(error.waitingFor);
      return { againInMs: Math.max(backoffMs(1), pauseMs) };
    }
    const deadlineAtMs = Date.parse(failingSince) + settings.deadlineMs;
    const isOver = nowMs >= deadlineAtMs;
    const isTold = writer.record.failure?.reported !== false;
    if (isOver && mayFail() && isTold) {
      return fail(
        'final',
        new PermanentError(
          'operation.deadline',
          `Given up after failing since ${toTheMinute(failingSince)}; the last failure: ${messageOf(error)}`,
          { cause: error },
        ),
      );
    }
    if (isOver) {
      const what = isTold ? (writer.record.run?.operation ?? 'the look') : 'telling the customer what went wrong';
      const overdue = new AttentionError(
        'operation.overdue',
        `${what} has been failing since ${toTheMinute(failingSince)} and is still tried. Last failure: ${messageOf(error)}`,
      );
      const { againInMs } = await needAttention(overdue);
      await keep({ failingSince });
      return { againInMs: Math.max(againInMs, pauseMs) };
    }
    const retryInMs = Math.max(backoffMs(attempts), pauseMs);
    log.warn(
      { err: error, runId: writer.record.run?.id, step: writer.record.step, attempt: attempts, retryInMs },
      'step will be retried',
    );
    if (known && writer.record.state === 'needs-attention') {
      await standOn(known, { attempts, failingSince });
      return { againInMs: retryInMs };
    }
    await standAt('retrying', {
      before: waitsForSomebody(writer.record) ? standingOf(writer.record) : writer.record.before,
      attempts,
      failingSince,
      troubledSince: writer.record.troubledSince ?? failingSince,
      nextTryAt: isoOf(nowMs + retryInMs),
      deadlineAt: isoOf(deadlineAtMs),
      waitingFor: `the next try, number ${attempts + 1}`,
      ...lastErrorOf(error, now()),
    });
    return { againInMs: retryInMs };
  }

  /** At once, but not again with every try. */
  function tellMistake(error: unknown): void {
    const mistake = mistakeOf(error);
    if (writer.record.attempts === 0 || writer.record.mistake !== mistake) writer.reportBug(error);
    writer.foresee({ mistake });
  }

  /** Whoever has to do something can do it meanwhile: it must not look as if it went on by itself. */
  async function standOn(error: ConnectorError, facts: Changes): Promise<void> {
    const { upstream, status } = error.facts;
    const failed = upstream ? `${nameOf(upstream)} failed${status ? ` (${status})` : ''}` : 'it failed';
    const told = matterOf(error.code, writer.record);
    const isNews = writer.record.told !== told;
    await keep({ ...facts, heldUpSince: undefined, heldUpBy: `the next try, since ${failed}`, told });
    if (isNews) await tell('error', error.message, { code: error.code, state: writer.record.state });
  }

  async function fail(kind: Failure['kind'], error: ConnectorError): Promise<LookOutcome> {
    const same =
      writer.record.failure?.code === error.code &&
      JSON.stringify(writer.record.failure.params) === JSON.stringify(error.params);
    const failure: Failure = {
      kind,
      code: error.code,
      params: error.params,
      reported: same && writer.record.failure?.reported === true,
    };
    if (!same) {
      log.warn({ err: error, step: writer.record.step }, 'operation failed');
      if (kind === 'final') alert(error);
      writer.measureOperation(kind === 'final' ? 'failed' : 'refused');
    }
    await keep({ failure, ...lastErrorOf(error, now(), kind === 'final' ? 'retry' : 'look') });
    const { before } = writer.record;
    const since = same && before?.state === 'failed' ? before.since : undefined;
    return failure.reported ? standFailed(failure, since) : tellFailure(failure).catch(settle);
  }

  /** The failure itself stays recorded until it was told: telling it is tried again like anything else, for as long as it takes. */
  async function tellFailure(failure: Failure): Promise<LookOutcome> {
    writer.foresee({ step: 'tell the customer' });
    const sent = await report.failed(subscriptionId, failure);
    if (sent !== undefined) await tell('report', `the customer was told: ${failure.code}`, { ...failure.params, sent });
    return standFailed({ ...failure, reported: true });
  }

  /** `since`: when it had failed so, if that is what it stood for before. */
  async function standFailed(failure: Failure, since?: string): Promise<LookOutcome> {
    const waitingFor =
      failure.kind === 'customer'
        ? 'the customer to supply what is missing'
        : 'operations to press retry once the cause is cured';
    await standAt('failed', { failure, waitingFor, attempts: 0, failingSince: undefined, ...(since && { since }) });
    return { done: true };
  }
}

/** It stands for a reason of its own, which goes on when only the look at it has to wait: that must not be hidden. */
function waitsForSomebody({ state, heldUpSince, heldUpBy }: SubscriptionRecord): boolean {
  if (state === 'waiting') return heldUpSince === undefined || heldUpBy !== undefined;
  return state === 'needs-attention' || state === 'failed';
}

/** A line of a stack in code that is not ours. */
const FOREIGN_FRAME = /node_modules|[ (]node:|\(<anonymous>\)/;

/**
 * Tells one mistake of ours from another, by the kind of the error and the first place in our code, or anywhere where it came by none. What
 * the error says is left out: it may change with every try, and hold anything.
 */
function mistakeOf(error: unknown): string {
  const frames = error instanceof Error ? (error.stack?.match(/^ +at .+$/gm) ?? []) : [];
  const place = frames.find((frame) => !FOREIGN_FRAME.test(frame)) ?? frames[0] ?? '';
  return createHash('sha256')
    .update(`${messageOf(error)} ${place.trim()}`)
    .digest('base64url')
    .slice(0, 16);
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
