import { Stopping } from '../../engine/workflow.ts';
import type { Alerts } from '../../lib/alerts.ts';
import type { Clock } from '../../lib/clock.ts';
import { ConnectorError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { SubscriptionSummary } from '../../upstreams/cloudesire/schema.ts';
import { digest } from '../digest.ts';
import type { Interventions } from '../interventions.ts';
import type { Records, SubscriptionRecord } from '../record.ts';
import { cspSubscriptions, endedSubscriptions, LIVING } from './csp-subscriptions.ts';
import { isInService, isTakenOut, mostChanges } from './out-of-service.ts';
import type { SweepLog } from './sweep-log.ts';

export interface SweepParts {
  cloudesire: Pick<Cloudesire, 'subscriptions'>;
  records: Records;
  sweepLog: Pick<SweepLog, 'note'>;
  interventions: Pick<Interventions, 'all'>;
  /** Sees to it that the records are whole. @throws while they are not */
  ensureWhole(signal: AbortSignal): Promise<void>;
  requestLook(subscriptionId: number): Promise<'queued' | 'backlog-full'>;
  alerts: Alerts;
  clock: Clock;
  log: Log;
}

/** Changes at Microsoft are told late or never, so it is asked at least once in so long. */
const INSPECT_EVERY_MS = 24 * 3_600_000;
/** States of a record that only a change in the marketplace can move. */
const AT_REST = new Set<SubscriptionRecord['state']>(['idle', 'done']);

/**
 * Finds what no event told: asks the marketplace for all living CSP subscriptions, and gives a look to each that is not at rest or has
 * changed since the last look; then to each that we hold for alive although the marketplace did not list it. The first sweep over a store
 * also looks at what has ended, since Microsoft may go on charging for it, and so do those after it until all of that could be asked for.
 * Where suddenly more is to be ended or suspended than is likely, a person is told instead.
 *
 * @throws {Stopping} when this process is to stop before the records were whole; as `ensureWhole`
 */
export function createSweep({
  cloudesire,
  records,
  sweepLog,
  interventions,
  ensureWhole,
  requestLook,
  alerts,
  clock,
  log,
}: SweepParts): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    const startedAt = clock.now();
    try {
      await ensureWhole(signal);
    } catch (error) {
      throw signal.aborted ? new Stopping() : error;
    }
    const decided = await interventions.all();
    const listed = new Set<number>();
    const toTakeOut: number[] = [];
    let inService = 0;
    let looks = 0;
    let refused = 0;
    // What cannot be read of a list must not keep the rest from being found: it is told at the end.
    let unreadable = await asFarAsReadable(readList);
    if (!(await records.areEndedListed())) unreadable ??= await asFarAsReadable(readEnded);
    for await (const id of records.ids()) {
      if (signal.aborted) return;
      const record = await records.get(id);
      if (record && isInService(record)) inService += 1;
      if (listed.has(id) || isOver(record)) continue;
      const status = record && isInService(record) ? await statusOf(id) : undefined;
      await decide(id, status !== undefined && isTakenOut(status, record));
    }
    await takeOutOrTell();
    if (signal.aborted) return;
    if (unreadable) throw unreadable;
    const finished = { durationMs: clock.now() - startedAt, listed: listed.size, looks };
    await sweepLog.note({ finishedAt: new Date(clock.now()).toISOString(), ...finished });
    log.info(finished, 'sweep finished');
    if (refused > 0) log.warn({ refused }, 'a sweep could not ask for some looks, as too many wait: the next one does');

    async function decide(id: number, isTaken: boolean): Promise<void> {
      // Of what operations hold nothing is ended.
      if (isTaken && !decided.has(id)) {
        toTakeOut.push(id);
        return;
      }
      if ((await requestLook(id)) === 'queued') looks += 1;
      else refused += 1;
    }

    /** Detached, and its look has written that down. */
    function isLeftAlone(id: number, record: SubscriptionRecord | undefined): boolean {
      return decided.get(id)?.kind === 'detached' && record?.state === 'idle';
    }

    async function takeOutOrTell(): Promise<void> {
      const most = mostChanges(inService);
      if (toTakeOut.length > most) {
        alerts.attention({
          code: 'sweep.held',
          message: `The marketplace shows ${toTakeOut.length} subscriptions as ended or suspended, of which no event told, while ${inService} are in service; more than ${most} are not ended or suspended without a person's approval. See in the marketplace whether that is right; list them with: connector reconcile --dry-run, and approve them with: connector reconcile --limit ${toTakeOut.length} --reason "…"`,
        });
        return;
      }
      for (const id of toTakeOut) {
        if (signal.aborted) return;
        await decide(id, false);
      }
    }

    async function readEnded(): Promise<void> {
      const refusedBefore = refused;
      for await (const { id } of endedSubscriptions(cloudesire.subscriptions, clock.now())) {
        if (signal.aborted) return;
        if (await records.get(id)) continue;
        await decide(id, false);
      }
      // Nothing else finds again what was refused.
      if (refused === refusedBefore) await records.noteEndedListed();
    }

    async function readList(): Promise<void> {
      for await (const seen of cspSubscriptions(cloudesire.subscriptions, [...LIVING])) {
        if (signal.aborted) return;
        listed.add(seen.id);
        const record = await records.get(seen.id);
        if (isSettled(record, seen, clock.now()) || isLeftAlone(seen.id, record)) continue;
        await decide(seen.id, isTakenOut(seen.deploymentStatus, record));
      }
    }

    async function asFarAsReadable(read: () => Promise<void>): Promise<ConnectorError | undefined> {
      try {
        await read();
        return undefined;
      } catch (error) {
        if (error instanceof ConnectorError) return error;
        throw error;
      }
    }

    /** Undefined where the marketplace does not show it, or cannot say now: its look finds out. */
    async function statusOf(id: number): Promise<SubscriptionSummary['deploymentStatus'] | undefined> {
      try {
        return (await cloudesire.subscriptions.get(id))?.deploymentStatus;
      } catch (error) {
        if (error instanceof ConnectorError) return undefined;
        throw error;
      }
    }
  };
}

function isSettled(record: SubscriptionRecord | undefined, seen: SubscriptionSummary, now: number): boolean {
  if (!record || !AT_REST.has(record.state) || record.seen !== digest(seen)) return false;
  return record.inspectedAt === undefined || now - Date.parse(record.inspectedAt) < INSPECT_EVERY_MS;
}

/** Ended at Microsoft and in the marketplace, or never begun: nothing is left to find. */
export function isOver(record: SubscriptionRecord | undefined): boolean {
  if (!record) return true;
  return record.fulfillment?.endedAt !== undefined || (record.state === 'idle' && !record.fulfillment && !record.run);
}
