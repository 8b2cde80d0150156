import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

/** Which subscription a partner subscription was bought for, since Partner Center names only its own. */
export interface PartnerSubscriptionIndex {
  /** Harmless when repeated; the last owner noted counts. */
  note(partnerSubscriptionId: string, subscriptionId: number): Promise<void>;
  /** `undefined` when none was noted: the partner subscription is not ours. */
  ownerOf(partnerSubscriptionId: string): Promise<number | undefined>;
}

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
