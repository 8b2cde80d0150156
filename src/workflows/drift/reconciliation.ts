import { type Lane, LaneLostError } from '../../engine/journal.ts';
import { Suspended } from '../../engine/workflow.ts';
import type { Alerts } from '../../lib/alerts.ts';
import type { Clock } from '../../lib/clock.ts';
import { eachOf } from '../../lib/each-of.ts';
import { AttentionError, ConnectorError } from '../../lib/errors.ts';
import { patiently } from '../../lib/patience.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { Subscription } from '../../upstreams/cloudesire/schema.ts';
import type { Catalog } from '../catalog.ts';
import { compare } from '../comparison.ts';
import type { Completeness } from '../completeness.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { Interventions } from '../interventions.ts';
import type { Marked } from '../marked.ts';
import type { PlanSettings } from '../plan-operation.ts';
import { isUnseen, type Records, type SubscriptionRecord } from '../record.ts';
import { mayExist, readKnownCustomer } from '../recovery.ts';
import { isSameId } from '../same-id.ts';
import type { Timeline } from '../timeline.ts';
import { cspSubscriptions, LIVING, readCspType } from './csp-subscriptions.ts';
import { type Difference, differencesOf, recordedSide } from './differences.ts';
import type { Inventory } from './inventory.ts';
import { isInService, mostChanges } from './out-of-service.ts';
import { isOver } from './sweep.ts';

export interface ReconciliationParts {
  cloudesire: Pick<Cloudesire, 'subscriptions' | 'catalogue'>;
  catalog: Catalog;
  takeInventory(signal: AbortSignal, customerIds?: Iterable<string>): Promise<Inventory>;
  records: Records;
  interventions: Pick<Interventions, 'all'>;
  completeness: Pick<Completeness, 'extent'>;
  timeline: Timeline;
  openLane(subscriptionId: number, signal: AbortSignal): Promise<Lane>;
  requestLook(subscriptionId: number): Promise<'queued' | 'backlog-full'>;
  alerts: Alerts;
  clock: Clock;
  settings: PlanSettings;
}

export interface ReconciliationOptions {
  /** Only tells what differs. */
  dryRun: boolean;
  /** Compares this one only, and what its Microsoft customer has. */
  subscriptionId?: number | undefined;
  /** So many subscriptions may be changed; without it a tenth of those in service, and at least ten. */
  limit?: number | undefined;
}

export interface ReconciliationResult {
  dryRun: boolean;
  /** Subscriptions that were compared, those on their way included. */
  compared: number;
  differences: Difference[];
  /** What could not be compared before a person, or Microsoft, does something. */
  unreadable: { subscriptionId?: number; customerId?: string; code: string; message: string }[];
  /** Subscriptions that are to be changed, and how many may be. */
  changes: number;
  limit: number;
  /** More are to be changed than may be: no look was asked for. */
  isHeld: boolean;
  /** Subscriptions for which a look was asked for, which carries out what is needed by then. */
  looks: number;
  /** Subscriptions for which none could be asked for, since too many wait: they differ until they are compared again. */
  refused: number;
}

/** Subscriptions compared at the same time; the limits of calls are shared with everybody else. */
const AT_ONCE = 4;
/** So many subscriptions may fail to be read before an upstream counts as out of order. */
const MOST_UNREADABLE = 20;

/**
 * Returns what compares the marketplace, the records and Microsoft for all subscriptions, tells in what they differ, and asks for looks at
 * those where a look does something about it. What bears our mark at Microsoft and belongs to nobody is told, and never ended, unless it is
 * the very thing that was recorded of a subscription that the marketplace has ended.
 *
 * @throws {AttentionError} `records.not-whole` after a loss of the store
 * @throws {RetryableError} when an upstream does not answer
 */
export function createReconciliation(
  parts: ReconciliationParts,
): (options: ReconciliationOptions, signal: AbortSignal) => Promise<ReconciliationResult> {
  const { cloudesire, catalog, records, settings, clock, alerts } = parts;

  return async ({ dryRun, subscriptionId: only, limit: allowed }, signal) => {
    if ((await parts.completeness.extent()) === undefined) throw notWhole();
    const differences: Difference[] = [];
    const toReopen = new Set<number>();
    const decided = await parts.interventions.all();
    const { marked, unreadable } = await parts.takeInventory(
      signal,
      only === undefined ? undefined : await customersOf(only),
    );
    const goingOn = Map.groupBy(
      marked.filter((one) => one.goesOn !== 'no' && (only === undefined || one.subscriptionId === only)),
      ({ subscriptionId }) => subscriptionId,
    );
    const result: ReconciliationResult = {
      dryRun,
      compared: 0,
      differences,
      unreadable: [...unreadable],
      changes: 0,
      limit: 0,
      isHeld: false,
      looks: 0,
      refused: 0,
    };
    let inService = 0;
    let failed = 0;

    await eachOf(only === undefined ? everything() : [only], AT_ONCE, async (id) => {
      try {
        await patiently(() => examine(id), signal);
      } catch (error) {
        note(error, id);
      }
    });

    differences.sort((one, other) => one.subscriptionId - other.subscriptionId);
    result.changes = idsOf(({ leadsTo }) => leadsTo === 'change').size;
    result.limit = allowed ?? mostChanges(inService);
    result.isHeld = result.changes > result.limit;
    if (dryRun) return result;
    if (result.isHeld) {
      alerts.attention(held(result));
      return result;
    }
    for (const id of idsOf(({ leadsTo }) => leadsTo !== 'nothing')) {
      signal.throwIfAborted();
      if (toReopen.has(id)) await reopen(id);
      if ((await parts.requestLook(id)) === 'queued') result.looks += 1;
      else result.refused += 1;
    }
    return result;

    function idsOf(isMeant: (one: Difference) => boolean): Set<number> {
      return new Set(differences.filter(isMeant).map(({ subscriptionId }) => subscriptionId));
    }

    /** What may differ: all that lives in the marketplace, all that is recorded and not over, and all that goes on at Microsoft. */
    async function* everything(): AsyncGenerator<number> {
      const told = new Set<number>();
      for (const id of await readLiving()) {
        told.add(id);
        yield id;
      }
      for await (const id of records.ids()) {
        const record = await records.get(id);
        if (record && isInService(record)) inService += 1;
        if (told.has(id) || isOver(record)) continue;
        told.add(id);
        yield id;
      }
      for (const id of goingOn.keys()) if (!told.has(id)) yield id;
    }

    async function readLiving(): Promise<Set<number>> {
      const living = new Set<number>();
      try {
        await patiently(async () => {
          for await (const { id } of cspSubscriptions(cloudesire.subscriptions, [...LIVING])) living.add(id);
        }, signal);
      } catch (error) {
        note(error);
      }
      return living;
    }

    function note(error: unknown, subscriptionId?: number): void {
      failed += 1;
      if (!(error instanceof ConnectorError) || signal.aborted || failed > MOST_UNREADABLE) throw error;
      const { code, message } = error;
      result.unreadable.push({ ...(subscriptionId !== undefined && { subscriptionId }), code, message });
    }

    async function examine(id: number): Promise<void> {
      signal.throwIfAborted();
      // People look after what is detached.
      if (decided.get(id)?.kind === 'detached') return;
      const there = goingOn.get(id) ?? [];
      const subscription = await cloudesire.subscriptions.get(id);
      // Read after Microsoft was, so that it knows of all that was found there.
      const record = await records.get(id);
      const found = subscription
        ? [...(await differ(subscription, record)), ...strays(subscription, record, there)]
        : unknown(id, record, there);
      result.compared += 1;
      differences.push(...(decided.has(id) ? found.map(whileHeld) : found));
      if (!decided.has(id) && found.some(({ kind, leadsTo }) => kind === 'orphan-at-microsoft' && leadsTo === 'change'))
        toReopen.add(id);
    }

    async function differ(subscription: Subscription, record: SubscriptionRecord | undefined): Promise<Difference[]> {
      const productType = record?.productType ?? (await readCspType(cloudesire, subscription));
      if (!productType) return [];
      const product = catalog[productType];
      const isUnknown = !record?.fulfillment && !record?.run && !record?.searchedAt && mayExist(subscription);
      const recovered = isUnknown ? await product.recover(subscription) : undefined;
      const known = {
        ...record,
        ...(recovered && { fulfillment: recovered }),
        retryAsked: await records.isRetryAsked(subscription.id),
        isUnseen: record !== undefined && isUnseen(record, clock.now()),
      };
      try {
        const comparison = await compare(subscription, known, product, settings);
        const isRecovered = recovered !== undefined;
        return differencesOf({ subscription, record, isRecovered }, known, comparison, settings);
      } catch (error) {
        // Microsoft is at it, and its look waits for that.
        if (error instanceof Suspended) return [];
        throw error;
      }
    }

    /** Ended here, it goes on there: what has ended is looked at again as if it had not. */
    async function reopen(id: number): Promise<void> {
      const lane = await parts.openLane(id, signal);
      const record = await records.get(id);
      if (!record) return;
      const { fulfillment, ...facts } = record;
      delete facts.searchedAt;
      const reopened = fulfillment && { ...fulfillment };
      delete reopened?.endedAt;
      // What is left to pay for shows once it is ended again.
      delete reopened?.exposure;
      const at = new Date(clock.now()).toISOString();
      try {
        await parts.timeline.add(lane, {
          at,
          kind: 'decision',
          text: 'at Microsoft it goes on: it is ended there again',
        });
        await records.put(lane, { ...facts, ...(reopened && { fulfillment: reopened }) });
      } catch (error) {
        // A look has it, which reads the record anew afterwards.
        if (!(error instanceof LaneLostError)) throw error;
      }
    }
  };

  async function customersOf(id: number): Promise<string[]> {
    const { fulfillment } = (await records.get(id)) ?? {};
    const ids = [fulfillment?.customerId, await readKnownCustomer(cloudesire, id)];
    return ids.filter((customerId) => customerId !== undefined);
  }
}

/** The marketplace does not show the subscription. */
function unknown(id: number, record: SubscriptionRecord | undefined, there: Marked[]): Difference[] {
  const found = there.map((one) => stray(one, NOBODYS, 'nothing'));
  if (!record || isOver(record)) return found;
  const { fulfillment, productType } = record;
  return [
    {
      kind: 'orphan-record',
      subscriptionId: id,
      ...(productType && { productType }),
      ...(fulfillment?.customerId && { customerId: fulfillment.customerId }),
      recorded: fulfillment ? recordedSide(fulfillment) : { status: record.state },
      remedy: VANISHED,
      leadsTo: 'alert',
    },
    // What is recorded of it is told already.
    ...found.filter((_one, at) => !fulfillment || !isOf(there[at]!, fulfillment)),
  ];
}

/** What goes on at Microsoft under the mark of a subscription that does not have it or has ended. */
function strays(subscription: Subscription, record: SubscriptionRecord | undefined, there: Marked[]): Difference[] {
  const fulfillment = record?.fulfillment;
  const isEnded = subscription.deploymentStatus === 'UNDEPLOYED' && (!fulfillment || fulfillment.endedAt !== undefined);
  return there.flatMap((one) => {
    // A term that is paid for runs to its end: that is an exposure, and listed as one.
    if (isEnded && one.goesOn === 'to-its-end') return [];
    if (!fulfillment) return strayOfNone(one, subscription);
    if (isOf(one, fulfillment)) return isEnded ? [stray(one, ENDED_HERE, 'change')] : [];
    return isUnsettled(fulfillment) ? [] : [stray(one, ONE_TOO_MANY, 'nothing')];
  });
}

/** Nothing is recorded of it: a look takes up again what its state lets be delivered, and a person has to know of the rest. */
function strayOfNone(one: Marked, subscription: Subscription): Difference[] {
  if (subscription.deploymentStatus === 'UNDEPLOYED') return [stray(one, ENDED_HERE, 'change')];
  return mayExist(subscription) ? [] : [stray(one, NEVER_SOLD, 'nothing')];
}

const ENDED_HERE = 'The marketplace has ended it: it is ended here too.';
const NEVER_SOLD =
  'The marketplace shows the subscription whose mark it bears as never delivered, or closed: compare the two, and end it by hand unless it was paid.';
const NOBODYS =
  'The marketplace does not know the subscription whose mark it bears: find out whose it is, and end it by hand.';
const ONE_TOO_MANY =
  'The subscription whose mark it bears has another one: it may have been bought twice. Compare the two, and end by hand the one that is too many.';
const VANISHED =
  'Nothing is ended on that alone: find out why the marketplace does not show it, and end by hand at Microsoft what it has there.';

function stray(
  { subscriptionId, customerId, what, id, status }: Marked,
  remedy: string,
  leadsTo: 'change' | 'nothing',
): Difference {
  const object = { what, id };
  return { kind: 'orphan-at-microsoft', subscriptionId, customerId, object, microsoft: { status }, remedy, leadsTo };
}

/** What it will be is not recorded yet, or is another thing soon. */
function isUnsettled({ deployedAt, moving }: Fulfillment): boolean {
  return deployedAt === undefined || moving !== undefined;
}

function isOf({ what, id }: Marked, { partnerSubscriptionId, azure }: Fulfillment): boolean {
  const [marked, recorded] =
    what === 'partner subscription' ? [id, partnerSubscriptionId] : [id.split('/')[0], azure?.subscriptionId];
  return isSameId(marked, recorded);
}

function whileHeld(one: Difference): Difference {
  return { ...one, remedy: `nothing, since operations hold it; else: ${one.remedy}`, leadsTo: 'nothing' };
}

function notWhole(): AttentionError {
  return new AttentionError(
    'records.not-whole',
    'Redis was lost, and the records in it are not known to be whole, so nothing can be compared with them. Rebuild them first: connector rebuild --reason "…"',
  );
}

function held({ changes, limit }: ReconciliationResult): { code: string; message: string } {
  return {
    code: 'reconcile.held',
    message: `${changes} subscriptions would be changed, more than the ${limit} that may be without a person's approval; none was. Look at the differences, and approve them with: connector reconcile --limit ${changes} --reason "…"`,
  };
}
