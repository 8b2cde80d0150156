import type { Redis } from 'ioredis';
import type { FinishedSweep, SweepLog } from '../workflows/drift/sweep-log.ts';
import type { Keys } from './keys.ts';

/** The last finished sweep in Redis, of whichever process. */
export function createSweepLog(redis: Redis, keys: Keys): SweepLog {
  return {
    async note(sweep) {
      await redis.set(keys.lastSweep, JSON.stringify(sweep));
    },

    exposuresSeenOn: async () => (await redis.get(keys.exposuresSeen)) ?? undefined,

    async noteExposuresSeen(day) {
      await redis.set(keys.exposuresSeen, day);
    },

    async last() {
      const noted = await redis.get(keys.lastSweep);
      return noted === null ? undefined : (JSON.parse(noted) as FinishedSweep);
    },
  };
}
