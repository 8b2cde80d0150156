import type { Redis } from 'ioredis';
import type { Timeline, TimelineEntry } from '../workflows/record.ts';
import type { Keys } from './keys.ts';
import { createFencedWrite, type WriteCommand } from './lanes.ts';

/** Lines kept per subscription; the oldest go first. */
const KEPT_ENTRIES = 500;

/** The stories of subscriptions in Redis, newest line first, 500 lines each. */
export function createTimeline(redis: Redis, keys: Keys): Timeline {
  const fencedWrite = createFencedWrite(redis, keys);

  return {
    async add(lane, entry) {
      const key = keys.timeline(lane.subscriptionId);
      await fencedWrite(lane, ...adding(key, entry));
    },

    async note(subscriptionId, entry) {
      await redis.multi(adding(keys.timeline(subscriptionId), entry)).exec();
    },

    async read(subscriptionId) {
      const entries = await redis.lrange(keys.timeline(subscriptionId), 0, -1);
      return entries.map((entry) => JSON.parse(entry) as TimelineEntry);
    },
  };
}

function adding(key: string, entry: TimelineEntry): WriteCommand[] {
  return [
    ['lpush', key, JSON.stringify(entry)],
    ['ltrim', key, 0, KEPT_ENTRIES - 1],
  ];
}
