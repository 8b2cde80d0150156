import type { DeploymentStatus } from '../../upstreams/cloudesire/schema.ts';
import type { SubscriptionRecord } from '../record.ts';

/** So many subscriptions may change in one go however few there are. */
const ALWAYS_ALLOWED = 10;

/**
 * How many subscriptions may be changed in one go without a person's approval, of so many that are in service: a tenth, and at least ten.
 * Where suddenly more differ, the marketplace or Microsoft is more likely mistaken, and hardly anything of it can be taken back.
 */
export function mostChanges(inService: number): number {
  return Math.max(ALWAYS_ALLOWED, Math.floor(inService / 10));
}

/** Whether something is delivered at Microsoft and not ended, as far as is recorded. */
export function isInService({ fulfillment }: Pick<SubscriptionRecord, 'fulfillment'>): boolean {
  return fulfillment?.deployedAt !== undefined && fulfillment.endedAt === undefined;
}

/** Whether a look would begin to end or to suspend at Microsoft what it may have of a subscription with this status in the marketplace. */
export function isTakenOut(status: DeploymentStatus, record: SubscriptionRecord | undefined): boolean {
  const { fulfillment, run } = record ?? {};
  if (fulfillment?.endedAt !== undefined) return false;
  if (status === 'UNDEPLOY_SENT' || status === 'UNDEPLOYED') return run?.operation !== 'deprovision';
  if (status !== 'STOPPED' || fulfillment?.deployedAt === undefined) return false;
  return fulfillment.suspended === undefined && run?.operation !== 'suspend';
}
