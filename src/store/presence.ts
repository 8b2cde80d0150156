import type { Redis } from 'ioredis';
import type { Presence } from '../workflows/ops/standing.ts';
import type { Keys } from './keys.ts';

/** Silence after which a worker counts as gone: its process has died or hangs. The same as the lock of a look. */
const ABSENT_AFTER_MS = 10_000;
/** Member that stands for all workers that have left in good order. */
const LEFT = 'left';

/** Heartbeats of the workers, in one sorted set, by the time of Redis: each worker shows itself every few seconds. */
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

    /** How many workers take looks, and when one was last seen. Those long gone are removed. */
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
