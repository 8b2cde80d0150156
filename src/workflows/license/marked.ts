import { hasEnded, type PartnerSubscription } from '../../upstreams/partner-center/schema.ts';
import { subscriptionMarkedBy } from '../mark.ts';
import type { Marked } from '../marked.ts';
import { runsOut } from './partner-subscription.ts';

/** Which of a customer's partner subscriptions bear our mark. */
export function markedLicenses(customerId: string, bought: PartnerSubscription[]): Marked[] {
  return bought.flatMap((found) => {
    const subscriptionId = subscriptionMarkedBy(found.friendlyName);
    if (subscriptionId === undefined) return [];
    return [
      {
        subscriptionId,
        customerId,
        what: 'partner subscription' as const,
        id: found.id,
        status: found.status,
        goesOn: hasEnded(found) ? 'no' : runsOut(found) ? 'to-its-end' : 'yes',
      },
    ];
  });
}
