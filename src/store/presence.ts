import type { Redis } from 'ioredis';
import type { Presence } from '../workflows/ops/standing.ts';
import type { Keys } from './keys.ts';

/** A worker that has shown nothing for so long takes no looks: its process is gone or stands still. As long as a look stays locked. */
const ABSENT_AFTER_MS = 10_000;
/** Stands for all that have left in good order. */
const LEFT = 'left';

/** Who takes looks: each worker shows itself every few seconds, in one sorted set, by the time of Redis. */
export function createPresence(redis: Redis, keys: Keys) {
  async function nowMs(): Promise<number> {
    const [seconds, microseconds] = (await redis.time()).map(Number);
    return Math.floor(Number(seconds) * 1_000 + Number(microseconds) / 1_000);
  }

  return {
    /** This worker takes looks at this moment. */
    async show(worker: string): Promise<void> {
      await redis.zadd(keys.workers, await nowMs(), worker);
    },

    /** This worker takes no more. */
    async leave(worker: string): Promise<void> {
      await redis.zadd(keys.workers, await nowMs(), LEFT);
      await redis.zrem(keys.workers, worker);
    },

    /** How many take looks, and when one did last. Who has long been gone is forgotten. */
    async read(): Promise<Presence> {
      const absentAt = (await nowMs()) - ABSENT_AFTER_MS;
      const seen = await redis.zrange(keys.workers, 0, '-1', 'WITHSCORES');
      const shown = seen.flatMap((worker, at) => (at % 2 === 0 ? [{ worker, atMs: Number(seen[at + 1]) }] : []));
      const last = shown.at(-1);
      const gone = shown.slice(0, -1).filter(({ atMs }) => atMs < absentAt);
      if (gone.length > 0) await redis.zrem(keys.workers, ...gone.map(({ worker }) => worker));
      return {
        count: shown.filter(({ worker, atMs }) => worker !== LEFT && atMs >= absentAt).length,
        ...(last && { lastSeenAt: new Date(last.atMs).toISOString() }),
      };
    },
  };
}
