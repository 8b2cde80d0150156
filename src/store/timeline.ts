import type { Redis } from 'ioredis';
import type { Timeline, TimelineEntry } from '../workflows/record.ts';
import type { Keys } from './keys.ts';

/** Lines kept per subscription; the oldest go first. */
const KEPT_ENTRIES = 500;

/** The stories of subscriptions in Redis, newest line first, 500 lines each. Adding is not fenced: a late line does no harm. */
export function createTimeline(redis: Redis, keys: Keys): Timeline {
  return {
    async add(subscriptionId, entry) {
      const key = keys.timeline(subscriptionId);
      await redis
        .multi()
        .lpush(key, JSON.stringify(entry))
        .ltrim(key, 0, KEPT_ENTRIES - 1)
        .exec();
    },

    async read(subscriptionId) {
      const entries = await redis.lrange(keys.timeline(subscriptionId), 0, -1);
      return entries.map((entry) => JSON.parse(entry) as TimelineEntry);
    },
  };
}
