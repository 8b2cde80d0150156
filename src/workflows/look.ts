import type { Lane } from '../engine/journal.ts';
import { Suspended } from '../engine/workflow.ts';
import type { Clock } from '../lib/clock.ts';
import { compact } from '../lib/compact.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { DeploymentStatus, Subscription } from '../upstreams/cloudesire/schema.ts';
import type { Fulfillment, Wish } from './fulfillment.ts';
import { isToldOf, type SubscriptionRecord } from './record.ts';

/** What a workflow is given: the subscription as Cloudesire showed it at the start of this look, and the record of it. */
export interface Look {
  lane: Lane;
  subscription: Subscription;
  /** What exists at Microsoft, as far as it was noted. */
  fulfillment(): Fulfillment;
  /** Whether a person has asked for this look, by `look` or `retry`. */
  isAskedFor: boolean;
  /** Whether operations have pressed retry, and nothing was started again for it yet. */
  isRetryAsked(): boolean;
  /**
   * Whether operations have pressed retry. True once for each press: it starts one thing again, not everything.
   *
   * @param matter code of what they must have been told last: whoever pressed because of something else does not know of it
   */
  takeRetry(matter?: string): boolean;
  /** Adds facts to the fulfillment and stores it; costs nothing when they are known already. */
  note(facts: { [fact in keyof Fulfillment]?: Fulfillment[fact] | undefined }): Promise<void>;
  /** Tells operations of what only a person can cure although the order goes on without it: as an alert and in its timeline. */
  tellOperations(matter: { code: string; message: string }): Promise<void>;
  /** Notes which of the marketplace's wishes have been carried out now; `undefined` where nobody can tell any more. */
  settle(done: { [K in keyof Wish]?: Wish[K] | undefined }): Promise<void>;
  /**
   * Reads the subscription again, just before something that cannot be undone.
   *
   * @throws {Suspended} when its status is no longer one of these, or it is not what is wanted: the next look, at once, decides anew
   */
  stillIn(statuses: DeploymentStatus[], isWanted?: (fresh: Subscription) => boolean): Promise<Subscription>;
  /** Reads the subscription again: whether its status is one of these and it is what is wanted. For where a decision has to wait. */
  isStillIn(statuses: DeploymentStatus[], isWanted: (fresh: Subscription) => boolean): Promise<boolean>;
}

/** What comes of a look: nothing more is to be done, or another look after a pause. */
export type LookOutcome = { done: true } | { againInMs: number };

/** What operations have pressed. */
export interface Asked {
  look: boolean;
  retry: boolean;
}

export interface LookParts extends Pick<Look, 'lane' | 'fulfillment' | 'note' | 'tellOperations'> {
  /** As recorded when the look began. */
  record: Pick<SubscriptionRecord, 'alerted'>;
  cloudesire: Pick<Cloudesire, 'subscriptions'>;
  clock: Clock;
}

/** What the workflow of this look is given. */
export function createLook(
  { lane, record, fulfillment, note, tellOperations, cloudesire, clock }: LookParts,
  subscription: Subscription,
  asked: Asked,
): Look {
  let retryToTake = asked.retry;
  return {
    lane,
    subscription,
    isAskedFor: asked.look || asked.retry,
    isRetryAsked: () => retryToTake,
    takeRetry(matter) {
      const isTaken = retryToTake && (matter === undefined || isToldOf(record, matter));
      if (isTaken) retryToTake = false;
      return isTaken;
    },
    fulfillment,
    note,
    tellOperations,
    async settle(done) {
      await note({ settled: compact({ trial: false, ...fulfillment().settled, ...done }) as Wish });
    },
    async stillIn(statuses, isWanted = () => true) {
      const fresh = await cloudesire.subscriptions.get(lane.subscriptionId);
      if (fresh && statuses.includes(fresh.deploymentStatus) && isWanted(fresh)) return fresh;
      throw new Suspended(
        clock.now(),
        `a new decision: the marketplace shows ${fresh?.deploymentStatus ?? 'nothing'} now`,
      );
    },
    async isStillIn(statuses, isWanted) {
      const fresh = await cloudesire.subscriptions.get(lane.subscriptionId);
      return fresh !== undefined && statuses.includes(fresh.deploymentStatus) && isWanted(fresh);
    },
  };
}
