import type { Lane } from '../engine/journal.ts';
import type { DeploymentStatus, Subscription } from '../upstreams/cloudesire/schema.ts';
import type { Fulfillment, Wish } from './fulfillment.ts';

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
  /** Whether operations have pressed retry. True once for each press: it starts one thing again, not everything. */
  takeRetry(): boolean;
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
