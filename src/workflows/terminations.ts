import type { DeploymentStatus } from '../upstreams/cloudesire/schema.ts';
import type { SubscriptionRecord } from './record.ts';

/** So many subscriptions may be ended in one go however few there are. */
const ALWAYS_ALLOWED = 10;

/**
 * How many subscriptions may be ended in one go without the word of a person, of so many that are in service: a tenth, and at least ten.
 * A marketplace that suddenly says that more have ended is more likely mistaken, and an end cannot be taken back.
 */
export function mostTerminations(inService: number): number {
  return Math.max(ALWAYS_ALLOWED, Math.floor(inService / 10));
}

/** Whether something is delivered at Microsoft and not ended, as far as is recorded. */
export function isInService({ fulfillment }: Pick<SubscriptionRecord, 'fulfillment'>): boolean {
  return fulfillment?.deployedAt !== undefined && fulfillment.endedAt === undefined;
}

/** Whether a look would begin to end at Microsoft what it may have of a subscription with this status in the marketplace. */
export function wouldEnd(status: DeploymentStatus, record: SubscriptionRecord | undefined): boolean {
  if (status !== 'UNDEPLOY_SENT' && status !== 'UNDEPLOYED') return false;
  const { fulfillment, run } = record ?? {};
  return fulfillment?.endedAt === undefined && run?.operation !== 'deprovision';
}
