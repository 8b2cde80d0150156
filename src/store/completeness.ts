import type { Redis } from 'ioredis';
import type { Completeness, Extent } from '../workflows/completeness.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './script.ts';

/** Deletes or prolongs (ARGV[2] in ms) a claim that ARGV[1] holds. */
const CHANGE_CLAIM = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;

/** Whether the records in this Redis are complete. A Redis that was lost has lost this mark too, which is its purpose. */
export function createCompleteness(redis: Redis, keys: Keys): Completeness {
  const changeClaim = defineScript(redis, 'changeRebuildClaim', CHANGE_CLAIM);

  return {
    extent: async () => ((await redis.get(keys.recordsExtent)) as Extent | null) ?? undefined,

    async note(extent) {
      if (extent === undefined) {
        await redis.del(keys.recordsExtent);
      } else {
        await redis.set(keys.recordsExtent, extent);
        await redis.del(keys.recordsShortfall);
      }
    },

    shortfall: async () => (await redis.get(keys.recordsShortfall)) ?? undefined,

    async noteShortfall(text) {
      await redis.set(keys.recordsShortfall, text);
    },

    claim: async (holder, forMs) => (await redis.set(keys.rebuildClaim, holder, 'PX', forMs, 'NX')) === 'OK',

    prolong: async (holder, forMs) => Number(await changeClaim([keys.rebuildClaim], [holder, forMs])) === 1,

    async release(holder) {
      await changeClaim([keys.rebuildClaim], [holder, 0]);
    },
  };
}
