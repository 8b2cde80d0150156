import type { Workflow } from '../engine/workflow.ts';
import type { Subscription } from '../upstreams/cloudesire/schema.ts';
import type { AtMicrosoft, Fulfillment } from './fulfillment.ts';
import type { Look } from './look.ts';
import type { Operation } from './operations.ts';

/** What is known of a product type. */
export interface Product {
  /** Which workflow carries out an operation. */
  operations: Partial<Record<Operation, Workflow<Look>>>;
  /** Seats as sold, where the product counts them. */
  seats?(subscription: Subscription): number | undefined;
  /** Digest of what the customer entered, where that decides about what is deployed. */
  configuration?(subscription: Subscription, known: string | undefined): string;
  /**
   * What exists at Microsoft for a subscription of which nothing is recorded: at the customer `at`, else at the one that the marketplace's
   * metadata name. It only asks.
   */
  recover(subscription: Subscription, at?: string): Promise<Fulfillment | undefined>;
  /** Asks Microsoft how it stands with what was provisioned. @throws {Suspended} while that cannot be said yet */
  inspect(fulfillment: Fulfillment, subscriptionId: number): Promise<AtMicrosoft | undefined>;
}
