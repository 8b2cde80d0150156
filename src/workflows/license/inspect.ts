import { Suspended } from '../../engine/workflow.ts';
import { MINUTE_MS } from '../../lib/durations.ts';
import type { Wait } from '../../lib/wait.ts';
import { hasEnded } from '../../upstreams/partner-center/schema.ts';
import type { AtMicrosoft, Fulfillment } from '../fulfillment.ts';
import { describeAtMicrosoft, type LicenseParts, readPartnerSubscription } from './partner-subscription.ts';
import { findSuccessor } from './transition.ts';

/**
 * How it stands with a licence at Microsoft, also where it was moved to another partner subscription.
 *
 * @throws {Suspended} while Microsoft is moving it: nothing is decided, and least of all bought, before it is known what comes of it
 */
export async function inspectLicense(
  parts: LicenseParts,
  subscriptionId: number,
  fulfillment: Fulfillment,
): Promise<AtMicrosoft | undefined> {
  if (!fulfillment.customerId || !fulfillment.partnerSubscriptionId) return undefined;
  const found = await readPartnerSubscription(parts, fulfillment);
  // A move of ours is followed by the run that asked for it.
  if (!hasEnded(found) || fulfillment.moving) return describeAtMicrosoft(found, parts.now());
  const successor = await findSuccessor(parts, fulfillment, subscriptionId);
  if (successor === undefined) return describeAtMicrosoft(found, parts.now());
  if (successor === 'pending') {
    const waitingFor: Wait = `Microsoft to move partner subscription ${fulfillment.partnerSubscriptionId} to another one`;
    throw new Suspended(parts.now() + parts.grace(5 * MINUTE_MS), waitingFor);
  }
  return { ...describeAtMicrosoft(successor, parts.now()), movedTo: successor.id };
}
