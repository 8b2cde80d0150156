import { createHash } from 'node:crypto';
import type { SubscriptionSummary } from '../upstreams/cloudesire/schema.ts';

/**
 * Digest of what decides about a subscription; where it and the record are unchanged and at rest, no look is needed.
 */
export function digest(seen: SubscriptionSummary): string {
  const seats = seen.extraResources.map(({ identifier, value }) => `${identifier}=${value}`).sort();
  const facts = [seen.deploymentStatus, seen.type, seen.paid, seen.planId, seen.endDate, ...seats];
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url').slice(0, 16);
}
