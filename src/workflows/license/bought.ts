import { AttentionError } from '../../lib/errors.ts';
import type { Fulfillment } from '../fulfillment.ts';

/** What was bought, as Partner Center names it. */
export interface Bought {
  customerId: string;
  partnerSubscriptionId: string;
}

/** @throws {AttentionError} `fulfillment.incomplete` where the record lacks them: an address made without them would be that of something else */
export function boughtOf({ customerId, partnerSubscriptionId }: Fulfillment): Bought {
  if (customerId && partnerSubscriptionId) return { customerId, partnerSubscriptionId };
  throw new AttentionError(
    'fulfillment.incomplete',
    'The record of the subscription lacks identifiers of Microsoft although it counts as provisioned. Tell the developers; until that is mended look after it by hand, and detach it.',
  );
}
