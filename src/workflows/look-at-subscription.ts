import type { Lane } from '../engine/journal.ts';
import { Suspended } from '../engine/workflow.ts';
import type { Alerts } from '../lib/alerts.ts';
import { AttentionError } from '../lib/errors.ts';
import { nameIn } from '../lib/foreign-text.ts';
import type { Report } from '../report/report.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { Subscription } from '../upstreams/cloudesire/schema.ts';
import type { Catalog } from './catalog.ts';
import { compare } from './comparison.ts';
import type { Completeness } from './completeness.ts';
import { digest } from './digest.ts';
import { createFulfillmentWriter, type FulfillmentWriterParts } from './fulfillment-writer.ts';
import { lookAtIntervened } from './intervened.ts';
import type { LookOutcome } from './look.ts';
import type { ProductType } from './operations.ts';
import { isUnseen, matterOf, progressOf, type Records } from './record.ts';
import { createRecordWriter, QUIET, type RecordWriter } from './record-writer.ts';
import { createRunOperation, type RunOperationParts } from './run-operation.ts';
import { createSettle } from './settle.ts';
import type { Timeline } from './timeline.ts';
import type { Turn, Turns } from './turn.ts';
import { lookAtUnshown } from './unshown.ts';

/** What the look itself asks, and what its rooms need beyond that. */
export interface LookAtSubscriptionParts
  extends Omit<RunOperationParts & FulfillmentWriterParts, 'lane' | 'writer' | 'turn' | 'facts'> {
  cloudesire: Pick<Cloudesire, 'subscriptions' | 'catalogue'>;
  catalog: Catalog;
  report: Pick<Report, 'failed'>;
  records: RunOperationParts['records'] & Pick<Records, 'get' | 'put' | 'isLookAsked' | 'forgetLook' | 'isRetryAsked'>;
  completeness: Pick<Completeness, 'extent' | 'shortfall'>;
  timeline: Pick<Timeline, 'add'>;
  /** Does the work so that its calls to upstreams are made in this turn. */
  withinTurn: Turns['within'];
  /** Gives up the place of a look in the lines for calls. */
  leaveLines(holder: string): Promise<void>;
  alerts: Pick<Alerts, 'attention' | 'bug'>;
  settings: { sandboxOrders: 'refuse' | 'allow'; deadlineMs: number; retryBaseMs: number };
}

/** So many first back-offs lie between two looks while the records are rebuilt. */
const UNTIL_REBUILT = 20;

/**
 * Looks at the subscription of a lane: reads it, decides what it needs, carries that on as far as it goes, and writes down where it stands.
 * Every failure ends in a state that names what is waited for; thrown is only what the worker has to know.
 *
 * @throws {LaneLostError} when another worker has taken the subscription over
 * @throws {Stopping} when this process is to stop
 */
export function createLookAtSubscription(
  parts: LookAtSubscriptionParts,
): (lane: Lane, asked: { isUrgent: boolean }) => Promise<LookOutcome> {
  const { cloudesire, records, clock, settings } = parts;

  return async (lane, { isUrgent }) => {
    const { subscriptionId } = lane;
    const log = parts.log.child({ subscriptionId });
    const stored = await records.get(subscriptionId);
    let awaitsDelivery = false;
    const turn: Turn = {
      holder: String(subscriptionId),
      urgency: isUrgent ? 'urgent' : 'background',
      sinceAt: stored?.heldUpSince ? Date.parse(stored.heldUpSince) : clock.now(),
      progress: stored && progressOf(stored),
    };
    const writer = createRecordWriter({ ...parts, lane, stored });
    const { keep, standAt } = writer;
    const facts = createFulfillmentWriter({ ...parts, writer, turn });
    const runOperation = createRunOperation({ ...parts, lane, writer, turn, facts, log });
    const { settle, tellFailure } = createSettle({ ...parts, writer, turn, log, isAwaited: () => awaitsDelivery });

    return await parts.withinTurn(turn, async () => {
      const outcome = await lookOrSettle();
      // Whoever has stopped waiting for a call must not keep those behind waiting.
      if (stored?.heldUpSince && !writer.record.heldUpSince) await parts.leaveLines(String(subscriptionId));
      return outcome;
    });

    async function lookOrSettle(): Promise<LookOutcome> {
      try {
        const intervention = await parts.interventions.get(subscriptionId);
        return await (intervention ? lookAtIntervened({ writer, cloudesire }, intervention) : look());
      } catch (error) {
        return await settle(error);
      }
    }

    async function look(): Promise<LookOutcome> {
      const subscription = await cloudesire.subscriptions.get(subscriptionId);
      if (!subscription) return lookAtUnshown({ writer, backoffMs: parts.backoffMs });
      awaitsDelivery = isAwaitingDelivery(subscription);

      const known = writer.record.productType;
      const sold = known ? { productType: known } : await readProduct(subscription);
      if (sold === undefined) return { done: true };
      const { productType } = sold;
      const asked = {
        look: await records.isLookAsked(subscriptionId),
        retry: await records.isRetryAsked(subscriptionId),
      };
      if (asked.look) await records.forgetLook(lane);
      // A press that outlives a try, since the upstreams failed, does not begin the back-off anew.
      const isPressedNow = asked.retry && writer.record.failingSince === undefined;
      await keep({
        ...sold,
        productId: subscription.productId,
        ...(asked.retry && { failure: undefined }),
        ...(isPressedNow && { attempts: 0, failingSince: undefined }),
      });

      await awaitWholeRecords(writer);
      if (writer.record.failure && !writer.record.failure.reported && awaitsDelivery)
        return tellFailure(writer.record.failure);

      const product = parts.catalog[productType];
      await facts.recover(subscription, product);
      const { decision, atMicrosoft, learned } = await compare(
        subscription,
        { ...writer.record, retryAsked: asked.retry, isUnseen: isUnseen(writer.record, clock.now()) },
        product,
        settings,
      );
      if (learned) await facts.keepLearned(learned, atMicrosoft);
      if (asked.retry && decision.kind !== 'run') await records.forgetRetry(lane);
      switch (decision.kind) {
        case 'run':
          return runOperation(decision, product, subscription, asked);
        case 'attention':
          throw new AttentionError(decision.code, decision.message, decision.cure && { cure: decision.cure });
        case 'wait':
          await standAt(decision.state, {
            ...(decision.state === 'idle' && QUIET),
            waitingFor: decision.waitingFor,
            seen: digest(subscription),
          });
          break;
        case 'settled':
          await standAt(decision.state, {
            ...QUIET,
            run: undefined,
            aside: undefined,
            step: undefined,
            seen: digest(subscription),
          });
          break;
      }
      return { done: true };
    }
  };

  /** After a loss of the store nothing is decided on what little is recorded, and least of all bought. */
  async function awaitWholeRecords({ record, keep }: Pick<RecordWriter, 'record' | 'keep'>): Promise<void> {
    if ((await parts.completeness.extent()) !== undefined) return;
    const shortfall = await parts.completeness.shortfall();
    if (shortfall !== undefined) {
      const error = new AttentionError('rebuild.incomplete', shortfall);
      // An alert tells it once for all that it holds up.
      await keep({ alerted: matterOf(error.code, record) });
      throw error;
    }
    const waitingFor = 'the records to be rebuilt, since Redis had lost them (connector rebuild)';
    throw new Suspended(clock.now() + UNTIL_REBUILT * settings.retryBaseMs, waitingFor);
  }

  /** Undefined for what is not ours: products that are not sold through the Cloud Solution Provider programme. */
  async function readProduct({
    productId,
  }: Subscription): Promise<{ productType: ProductType; productName?: string } | undefined> {
    const product = await cloudesire.catalogue.product(productId);
    if (product && product.type !== 'CSP') return undefined;
    if (product?.cspProductType) {
      return { productType: product.cspProductType, ...(product.name && { productName: nameIn(product.name) }) };
    }
    throw new AttentionError(
      'product.unreadable',
      `The marketplace does not show product ${productId}, or it does not say whether it is license, azure or arm. Check its import in the marketplace.`,
    );
  }
}

function isAwaitingDelivery({ deploymentStatus }: Subscription): boolean {
  return deploymentStatus === 'PENDING' || deploymentStatus === 'FAILED';
}
