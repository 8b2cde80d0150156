import { randomUUID } from 'node:crypto';
import { type Lane, LaneLostError } from '../../engine/journal.ts';
import type { Alerts } from '../../lib/alerts.ts';
import type { Clock } from '../../lib/clock.ts';
import { eachOf } from '../../lib/each-of.ts';
import { AttentionError, ConnectorError, RetryableError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { patiently } from '../../lib/patience.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { Subscription, SubscriptionSummary } from '../../upstreams/cloudesire/schema.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Catalog } from '../catalog.ts';
import type { Completeness } from '../completeness.ts';
import type { CustomerDirectory } from '../customer-directory.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { ProductType } from '../operations.ts';
import type { PartnerSubscriptionIndex } from '../partner-subscription-index.ts';
import type { Records } from '../record.ts';
import { readKnownCustomer, TAKEN_UP_AGAIN } from '../recovery.ts';
import type { Timeline } from '../timeline.ts';
import { cspSubscriptions, endedSubscriptions, LIVING, readCspType } from './csp-subscriptions.ts';
import type { Inventory } from './inventory.ts';

export interface RebuildParts {
  cloudesire: Pick<Cloudesire, 'subscriptions' | 'catalogue'>;
  customers: Pick<PartnerCenter['customers'], 'get'>;
  catalog: Catalog;
  takeInventory(signal: AbortSignal): Promise<Inventory>;
  records: Records;
  completeness: Completeness;
  timeline: Timeline;
  directory: CustomerDirectory;
  partnerSubscriptions: Pick<PartnerSubscriptionIndex, 'note'>;
  openLane(subscriptionId: number, signal: AbortSignal): Promise<Lane>;
  alerts: Alerts;
  clock: Clock;
  log: Log;
}

export interface RebuildOptions {
  /** Only tells what would be recorded. */
  dryRun: boolean;
  /** A person says that what the marketplace shows as delivered and Microsoft does not have, or the marketplace cannot show, is not to be waited for. */
  acceptMissing: boolean;
}

/** What was found at Microsoft for a subscription of which nothing was recorded. */
export interface RebuiltRecord {
  subscriptionId: number;
  productType: ProductType;
  customerId: string | undefined;
  partnerSubscriptionId: string | undefined;
  /** `delivered`: in service, or stopped; `ended`: nothing is left to end; `under-way`: bought or begun, not delivered yet. */
  stands: 'delivered' | 'ended' | 'under-way';
}

export interface RebuildResult {
  dryRun: boolean;
  /** Subscriptions of the marketplace that were looked at. */
  compared: number;
  /** Those that were recorded already, and left as they were. */
  kept: number;
  rebuilt: RebuiltRecord[];
  /** Delivered by this connector, as the marketplace's metadata say, but nothing at Microsoft bears their mark. */
  missing: number[];
  /** Shown as delivered, without any trace of this connector: delivered by others. */
  foreign: number[];
  /** What could not be looked at before a person does something. */
  unreadable: { subscriptionId?: number; customerId?: string; code: string; message: string }[];
  /** Whether the records are whole now: operations are carried out again. */
  isWhole: boolean;
}

export interface Rebuild {
  /**
   * Records again what exists at Microsoft for every subscription of which nothing is recorded, by the marks that it bears. What is recorded
   * stays as it is. Nothing is bought or changed anywhere but in the records, so it may be interrupted and repeated at any time.
   *
   * @throws {RetryableError} `rebuild.under-way` while another process does it; and when an upstream does not answer
   */
  rebuild(options: RebuildOptions, signal: AbortSignal): Promise<RebuildResult>;
  /**
   * Sees to it that the records are whole before anything is decided on them: a store that is empty although the marketplace shows what was
   * delivered is rebuilt. A new installation is none of that.
   *
   * @throws {AttentionError} `rebuild.incomplete` when something that was delivered is not found at Microsoft; as `rebuild`
   */
  ensureWhole(signal: AbortSignal): Promise<void>;
}

/** For so long a process that was killed keeps others from going on. */
const CLAIM_MS = 60_000;
/** Subscriptions looked at at the same time. */
const AT_ONCE = 4;

/** Returns what brings lost records back. */
export function createRebuild(parts: RebuildParts): Rebuild {
  const { cloudesire, catalog, records, completeness, directory, clock, alerts, log } = parts;
  const now = (): string => new Date(clock.now()).toISOString();

  async function rebuild(options: RebuildOptions, signal: AbortSignal): Promise<RebuildResult> {
    if (options.dryRun) return run(options, signal);
    const holder = randomUUID();
    if (!(await completeness.claim(holder, CLAIM_MS))) {
      const message = 'The records are being rebuilt by another process; ask again in a minute.';
      throw new RetryableError('rebuild.under-way', message, { effect: 'none' });
    }
    // Real time, as the claim has it. A claim that is lost all the same does no harm: each record is written under its lane.
    const prolonging = setInterval(() => {
      completeness.prolong(holder, CLAIM_MS).catch(() => {});
    }, CLAIM_MS / 4);
    try {
      const result = await run(options, signal);
      if (result.isWhole) await completeness.note('whole');
      const { rebuilt, kept, missing, foreign, isWhole } = result;
      log.info({ rebuilt: rebuilt.length, kept, missing, foreign, isWhole }, 'records rebuilt');
      return result;
    } finally {
      clearInterval(prolonging);
      await completeness.release(holder);
    }
  }

  async function run({ dryRun, acceptMissing }: RebuildOptions, signal: AbortSignal): Promise<RebuildResult> {
    const sold: SubscriptionSummary[] = [];
    const garbled = await readSold(sold, signal);
    const { marked, unreadable } = await parts.takeInventory(signal);
    const customersOf = Map.groupBy(marked, ({ subscriptionId }) => subscriptionId);
    const result: RebuildResult = {
      dryRun,
      compared: sold.length,
      kept: 0,
      rebuilt: [],
      missing: [],
      foreign: [],
      unreadable: [...(garbled ? [{ code: garbled.code, message: garbled.message }] : []), ...unreadable],
      isWhole: false,
    };

    await eachOf(sold, AT_ONCE, async ({ id }) => {
      signal.throwIfAborted();
      const customerIds = new Set(customersOf.get(id)?.map(({ customerId }) => customerId));
      try {
        await patiently(() => take(id, customerIds, result, signal), signal);
      } catch (error) {
        if (!(error instanceof AttentionError)) throw error;
        // Its own look meets the same again before it decides anything, and tells it.
        result.unreadable.push({ subscriptionId: id, code: error.code, message: error.message });
      }
    });

    // What bears no trace of this connector on either side was delivered by others; but only to whoever could look everywhere.
    const isAnythingUnknown = result.foreign.length > 0 && unreadable.length > 0;
    const isAnythingFound = result.kept + result.rebuilt.length > 0;
    result.isWhole =
      acceptMissing || (!garbled && result.missing.length === 0 && (isAnythingFound || !isAnythingUnknown));
    return result;
  }

  /**
   * What may exist at Microsoft. Answers what of the marketplace's list could not be understood.
   *
   * @throws {RetryableError} when the marketplace does not answer
   */
  function readSold(sold: SubscriptionSummary[], signal: AbortSignal): Promise<ConnectorError | undefined> {
    const { subscriptions } = cloudesire;
    return patiently(async () => {
      sold.length = 0;
      let garbled: ConnectorError | undefined;
      for (const list of [
        cspSubscriptions(subscriptions, [...LIVING]),
        endedSubscriptions(subscriptions, clock.now()),
      ]) {
        try {
          for await (const one of list) sold.push(one);
        } catch (error) {
          if (!(error instanceof ConnectorError) || error.code !== 'cloudesire.malformed') throw error;
          garbled = error;
        }
      }
      return garbled;
    }, signal);
  }

  async function take(id: number, marks: Set<string>, result: RebuildResult, signal: AbortSignal): Promise<void> {
    if (await isRecorded(id)) {
      result.kept += 1;
      return;
    }
    const subscription = await cloudesire.subscriptions.get(id);
    const productType = subscription && (await readCspType(cloudesire, subscription));
    if (!productType) return;
    const named = await readKnownCustomer(cloudesire, id);
    const fulfillment = await find(subscription, productType, named ? new Set([...marks, named]) : marks);
    if (!fulfillment) {
      if (isShownInService(subscription)) (named ? result.missing : result.foreign).push(id);
      return;
    }
    if (!result.dryRun && !(await store(subscription, productType, fulfillment, await parts.openLane(id, signal)))) {
      result.kept += 1;
      return;
    }
    const { customerId, partnerSubscriptionId, endedAt, deployedAt } = fulfillment;
    const stands = endedAt ? 'ended' : deployedAt ? 'delivered' : 'under-way';
    result.rebuilt.push({ subscriptionId: id, productType, customerId, partnerSubscriptionId, stands });
  }

  async function find(subscription: Subscription, productType: ProductType, customerIds: Set<string>) {
    let found: Fulfillment | undefined;
    for (const customerId of customerIds) {
      const fulfillment = await catalog[productType].recover(subscription, customerId);
      // What has ended elsewhere does not stand for what goes on here.
      if (fulfillment && (!found || (found.endedAt && !fulfillment.endedAt))) found = fulfillment;
    }
    return found;
  }

  /** False when a look has recorded something meanwhile, which knows more. */
  async function store(
    { id, productId }: Subscription,
    productType: ProductType,
    fulfillment: Fulfillment,
    lane: Lane,
  ): Promise<boolean> {
    const before = await records.get(id);
    if (before?.fulfillment || before?.run) return false;
    const { owner, customerId, partnerSubscriptionId } = fulfillment;
    try {
      // The record comes last: with it the subscription counts as recorded.
      if (partnerSubscriptionId) await parts.partnerSubscriptions.note(partnerSubscriptionId, id);
      if (owner && customerId) await noteCustomer(lane, owner, customerId);
      await parts.timeline.add(lane, { at: now(), kind: 'decision', text: TAKEN_UP_AGAIN });
      await records.put(lane, {
        state: 'idle',
        since: now(),
        attempts: 0,
        ...before,
        subscriptionId: id,
        productType,
        productId,
        ...(owner && { customer: owner }),
        fulfillment,
        searchedAt: now(),
      });
      return true;
    } catch (error) {
      if (error instanceof LaneLostError) return false;
      throw error;
    }
  }

  /** What bears the mark of a subscription of that owner stands in a tenant of the owner. */
  async function noteCustomer(lane: Lane, owner: string, customerId: string): Promise<void> {
    if ((await directory.find(owner)) || (await directory.ownerOf(customerId))) return;
    const customer = await parts.customers.get(customerId);
    if (customer) await directory.save(lane, owner, { customerId: customer.id, domain: customer.domain });
  }

  async function isRecorded(id: number): Promise<boolean> {
    const record = await records.get(id);
    return record?.fulfillment !== undefined || record?.run !== undefined;
  }

  async function isAnythingDelivered(): Promise<boolean> {
    for await (const _one of cspSubscriptions(cloudesire.subscriptions, [...IN_SERVICE])) return true;
    return false;
  }

  async function isAnythingRecorded(): Promise<boolean> {
    for await (const id of records.ids()) if (await isRecorded(id)) return true;
    return false;
  }

  async function ensureWhole(signal: AbortSignal): Promise<void> {
    const extent = await completeness.extent();
    if (extent === 'whole') return;
    const isRecordedOf = await isAnythingRecorded();
    if (!(await isAnythingDelivered()) && !isRecordedOf) {
      await completeness.note('new');
      return;
    }
    // What was delivered since the store was new is recorded in it.
    if (extent === 'new' && isRecordedOf) {
      await completeness.note('whole');
      return;
    }
    if (extent !== undefined) await completeness.note(undefined);
    const isTold = (await completeness.shortfall()) !== undefined;
    if (!isTold)
      alerts.attention({
        code: 'store.lost',
        message:
          'The records in Redis are not known to be complete, while the marketplace shows subscriptions that were delivered: Redis was lost, or is another one, or this is the first start beside what others have delivered. The records are rebuilt from what bears our marks at Microsoft; until that is done nothing is bought, changed or ended. What people had held or detached is not known any more: say it again.',
      });
    const result = await rebuild({ dryRun: false, acceptMissing: false }, signal);
    if (result.isWhole) return;
    const error = incomplete(result);
    await completeness.noteShortfall(error.message);
    throw error;
  }

  return { rebuild, ensureWhole };
}

/** States in the marketplace that say that something was delivered. */
const IN_SERVICE = ['DEPLOYED', 'STOPPED', 'UNDEPLOY_SENT'] as const;
function isShownInService({ deploymentStatus }: SubscriptionSummary): boolean {
  return IN_SERVICE.some((status) => status === deploymentStatus);
}

/** So many ids are named in a message. */
const MOST_NAMED = 10;

function incomplete({ missing, unreadable }: RebuildResult): AttentionError {
  const [first] = unreadable;
  const what =
    missing.length > 0
      ? `The marketplace says that this connector has delivered ${missing.length} subscriptions of which nothing is found at Microsoft (${named(missing)}).`
      : `Part of the marketplace's list cannot be understood, or nothing at all of what it shows as delivered is found at Microsoft${first ? ` (${first.message})` : ''}.`;
  return new AttentionError(
    'rebuild.incomplete',
    `${what} Until that is clear nothing is bought, changed or ended for any subscription. It is looked for again; if nothing more is to be found, say so with: connector rebuild --accept-missing --reason "…"`,
  );
}

function named(ids: number[]): string {
  return ids.length > MOST_NAMED ? `${ids.slice(0, MOST_NAMED).join(', ')} and more` : ids.join(', ');
}
