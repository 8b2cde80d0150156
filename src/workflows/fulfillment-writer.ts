import type { Clock } from '../lib/clock.ts';
import { compact } from '../lib/compact.ts';
import type { Subscription } from '../upstreams/cloudesire/schema.ts';
import type { AtMicrosoft, Fulfillment } from './fulfillment.ts';
import type { PartnerSubscriptionIndex } from './partner-subscription-index.ts';
import type { Product } from './product.ts';
import { progressOf } from './record.ts';
import type { RecordWriter } from './record-writer.ts';
import { mayExist, TAKEN_UP_AGAIN } from './recovery.ts';
import type { Turn } from './turn.ts';

/** What exists at Microsoft for the subscription that is looked at, kept in its record and found by the name that Partner Center has for it. */
export interface FulfillmentWriter {
  /** As far as it was noted. */
  fulfillment(): Fulfillment;
  /** Adds facts and stores them; costs nothing when they are known already. `undefined` takes a fact away. */
  note(facts: { [fact in keyof Fulfillment]?: Fulfillment[fact] | undefined }): Promise<void>;
  /** Stores what Microsoft answered when it was asked how it stands. */
  keepLearned(learned: Fulfillment, atMicrosoft: AtMicrosoft | undefined): Promise<void>;
  /**
   * Nothing is recorded of anything at Microsoft: either nothing was done yet, or the record was lost. Only the second leaves traces, which
   * are looked for once. That it was looked for is noted only once there is an answer.
   */
  recover(subscription: Subscription, product: Pick<Product, 'recover'>): Promise<void>;
}

export interface FulfillmentWriterParts {
  writer: RecordWriter;
  /** Of the look: its progress goes on with what is noted. */
  turn: Turn;
  partnerSubscriptions: Pick<PartnerSubscriptionIndex, 'note'>;
  clock: Clock;
}

/** Begins with what is recorded. */
export function createFulfillmentWriter({
  writer,
  turn,
  partnerSubscriptions,
  clock,
}: FulfillmentWriterParts): FulfillmentWriter {
  const now = (): string => new Date(clock.now()).toISOString();

  return { fulfillment, note, keepLearned, recover };

  function fulfillment(): Fulfillment {
    return writer.record.fulfillment ?? { productType: writer.record.productType ?? 'license' };
  }

  async function note(facts: Parameters<FulfillmentWriter['note']>[0]): Promise<void> {
    const before = fulfillment();
    const after = compact({ ...before, ...facts }) as Fulfillment;
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    await writer.keep({ fulfillment: after, customer: after.owner });
    turn.progress = progressOf(writer.record);
    await index(after);
  }

  async function keepLearned(learned: Fulfillment, atMicrosoft: AtMicrosoft | undefined): Promise<void> {
    const unseenSince = atMicrosoft?.status === 'unknown' ? (writer.record.unseenSince ?? now()) : undefined;
    await writer.keep({ fulfillment: learned, inspectedAt: now(), unseenSince });
    if (!atMicrosoft?.movedTo) return;
    await index(learned);
    await writer.tell('decision', `at Microsoft it goes on as partner subscription ${atMicrosoft.movedTo}`, {});
  }

  async function recover(subscription: Subscription, product: Pick<Product, 'recover'>): Promise<void> {
    if (writer.record.fulfillment || writer.record.run || writer.record.searchedAt || !mayExist(subscription)) return;
    const found = await product.recover(subscription);
    await writer.keep({ searchedAt: now(), fulfillment: found, customer: found?.owner });
    if (!found) return;
    await index(found);
    await writer.tell('decision', TAKEN_UP_AGAIN, {});
  }

  /** Partner Center's events name the partner subscription only. */
  async function index({ partnerSubscriptionId }: Fulfillment): Promise<void> {
    if (partnerSubscriptionId) await partnerSubscriptions.note(partnerSubscriptionId, writer.record.subscriptionId);
  }
}
