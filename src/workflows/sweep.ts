import type { Clock } from '../lib/clock.ts';
import { ConnectorError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { DeploymentStatus, SubscriptionSummary } from '../upstreams/cloudesire/schema.ts';
import { digest } from './reconcile.ts';
import type { Records, SubscriptionRecord } from './record.ts';

export interface SweepParts {
  cloudesire: Pick<Cloudesire, 'subscriptions'>;
  records: Records;
  requestLook(subscriptionId: number): Promise<unknown>;
  clock: Clock;
  log: Log;
}

/** States in the marketplace that call for something, or may hide a change that no event told. */
const LIVING = ['PENDING', 'DEPLOYED', 'STOPPED', 'UNDEPLOY_SENT', 'FAILED'] as const;
/** Changes at Microsoft are told late or never, so it is asked at least once in so long. */
const INSPECT_EVERY_MS = 24 * 3_600_000;
/** No term that Microsoft sells is longer than 36 months, and this is what may be left of one that was sold on the last day. */
const LONGEST_TERM_MS = 37 * 31 * 24 * 3_600_000;
/** States of a record that only a change in the marketplace can move. */
const AT_REST = new Set<SubscriptionRecord['state']>(['idle', 'done']);

/**
 * Finds what no event told: asks the marketplace for all living CSP subscriptions, and gives a look to each that is not at rest or has
 * changed since the last look; then to each that we hold for alive although the marketplace did not list it. The first sweep over a store,
 * which may be one that was lost, also looks at what has ended, since Microsoft may go on charging for it.
 */
export function createSweep({
  cloudesire,
  records,
  requestLook,
  clock,
  log,
}: SweepParts): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    const listed = new Set<number>();
    let looks = 0;
    // What cannot be read of the list must not keep the rest from being found: it is told at the end.
    const unreadable = await readList();
    if (!(await records.areEndedListed())) await readEnded();
    for await (const id of records.ids()) {
      if (signal.aborted) return;
      if (listed.has(id) || isOver(await records.get(id))) continue;
      await requestLook(id);
      looks += 1;
    }
    if (unreadable) throw unreadable;
    log.info({ listed: listed.size, looks }, 'sweep finished');

    async function readEnded(): Promise<void> {
      for await (const { id, endDate } of cspSubscriptions(cloudesire.subscriptions, ['UNDEPLOYED'])) {
        if (signal.aborted) return;
        const isLongAgo = endDate !== undefined && clock.now() - Date.parse(endDate) > LONGEST_TERM_MS;
        if (isLongAgo || (await records.get(id))) continue;
        await requestLook(id);
        looks += 1;
      }
      await records.noteEndedListed();
    }

    async function readList(): Promise<ConnectorError | undefined> {
      try {
        for await (const seen of cspSubscriptions(cloudesire.subscriptions, [...LIVING])) {
          if (signal.aborted) return undefined;
          listed.add(seen.id);
          if (isSettled(await records.get(seen.id), seen, clock.now())) continue;
          await requestLook(seen.id);
          looks += 1;
        }
        return undefined;
      } catch (error) {
        if (error instanceof ConnectorError) return error;
        throw error;
      }
    }
  };
}

async function* cspSubscriptions(
  subscriptions: Cloudesire['subscriptions'],
  statuses: DeploymentStatus[],
): AsyncIterable<SubscriptionSummary> {
  try {
    yield* subscriptions.list({ productType: 'CSP', statuses });
  } catch (error) {
    // Some accounts may not filter by product type; then each look finds out by itself what is ours.
    const notAllowed = error instanceof ConnectorError && [400, 403, 422].includes(error.facts.status ?? 0);
    if (!notAllowed) throw error;
    yield* subscriptions.list({ statuses });
  }
}

function isSettled(record: SubscriptionRecord | undefined, seen: SubscriptionSummary, now: number): boolean {
  if (!record || !AT_REST.has(record.state) || record.seen !== digest(seen)) return false;
  return record.inspectedAt === undefined || now - Date.parse(record.inspectedAt) < INSPECT_EVERY_MS;
}

/** Ended at Microsoft and in the marketplace, or never begun: nothing is left to find. */
function isOver(record: SubscriptionRecord | undefined): boolean {
  if (!record) return true;
  return record.fulfillment?.endedAt !== undefined || (record.state === 'idle' && !record.fulfillment && !record.run);
}
