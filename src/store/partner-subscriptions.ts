import type { Redis } from 'ioredis';
import type { PartnerSubscriptionIndex } from '../workflows/partner-subscription-index.ts';
import type { Keys } from './keys.ts';

/** The index in Redis. Partner Center writes the same id now in lower, now in upper case, so the case makes no difference. */
export function createPartnerSubscriptionIndex(redis: Redis, keys: Keys): PartnerSubscriptionIndex {
  return {
    async note(partnerSubscriptionId, subscriptionId) {
      await redis.hset(keys.partnerSubscriptions, partnerSubscriptionId.toLowerCase(), subscriptionId);
    },

    async ownerOf(partnerSubscriptionId) {
      const owner = await redis.hget(keys.partnerSubscriptions, partnerSubscriptionId.toLowerCase());
      return owner === null ? undefined : Number(owner);
    },
  };
}
