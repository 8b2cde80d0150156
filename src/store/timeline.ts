import type { Redis } from 'ioredis';
import type { Timeline, TimelineEntry } from '../workflows/timeline.ts';
import type { Keys } from './keys.ts';
import { createFencedWrite, type WriteCommand } from './lanes.ts';
import { defineScript } from './script.ts';

/** Lines kept per subscription; the oldest go first. */
const KEPT_ENTRIES = 500;
/** Calls kept per subscription: about those of ten looks. */
const KEPT_CALLS = 200;
/** How long an event is kept of a subscription that was never looked at. */
const HEARSAY_LIFE_S = 86_400;

/** ARGV: the entry, how many are kept, and the time to live in seconds of a list that this entry begins. */
const HEAR = `
  local lines = redis.call('LPUSH', KEYS[1], ARGV[1])
  redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
  if lines == 1 then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
  return 0
`;

/** The stories of subscriptions in Redis, newest line first, 500 lines and 200 calls each. */
export function createTimeline(redis: Redis, keys: Keys): Timeline {
  const fencedWrite = createFencedWrite(redis, keys);
  const hear = defineScript(redis, 'hearOfSubscription', HEAR);

  return {
    async add(lane, entry) {
      const key = keys.timeline(lane.subscriptionId);
      await fencedWrite(lane, ...adding(key, entry, KEPT_ENTRIES));
    },

    async note(subscriptionId, entry) {
      await redis.multi(adding(keys.timeline(subscriptionId), entry, KEPT_ENTRIES)).exec();
    },

    async hear(subscriptionId, entry) {
      await hear([keys.timeline(subscriptionId)], [JSON.stringify(entry), KEPT_ENTRIES, HEARSAY_LIFE_S]);
    },

    async noteCall(subscriptionId, entry) {
      await redis.multi(adding(keys.calls(subscriptionId), entry, KEPT_CALLS)).exec();
    },

    async read(subscriptionId) {
      const lists = [keys.timeline(subscriptionId), keys.calls(subscriptionId)];
      const [told = [], calls = []] = await Promise.all(lists.map((key) => redis.lrange(key, 0, -1)));
      const entries = [...told, ...calls].map((entry) => JSON.parse(entry) as TimelineEntry);
      // A stable sort: entries of the same millisecond keep the order of their list.
      return entries.sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
    },
  };
}

/** Adds an entry and removes the time to live that a list of mere events has. */
function adding(key: string, entry: TimelineEntry, kept: number): WriteCommand[] {
  return [
    ['lpush', key, JSON.stringify(entry)],
    ['ltrim', key, 0, kept - 1],
    ['persist', key],
  ];
}
