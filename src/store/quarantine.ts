import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../lib/clock.ts';
import type { Keys } from './keys.ts';

/** Entries that `list` returns at most. */
const LISTED_ENTRIES = 100;

/** A signed body that was no valid notification. A body that comes again is counted, not kept twice. */
export interface Quarantined {
  /** SHA-256 of the body, hexadecimal. */
  digest: string;
  body: Buffer;
  /** Why it was refused the last time. */
  reason: string;
  count: number;
  /** ISO instants of the first and the last time it came. */
  firstAt: string;
  lastAt: string;
}

export interface Quarantine {
  add(body: Buffer, reason: string): Promise<void>;
  /** Number of different bodies. */
  size(): Promise<number>;
  /** The 100 that came last, newest first. */
  list(): Promise<Quarantined[]>;
}

/** The quarantine in Redis. Nothing leaves it by itself. */
export function createQuarantine(redis: Redis, keys: Keys, clock: Clock): Quarantine {
  async function read(digest: string): Promise<Quarantined> {
    const { body, reason, count, firstAt, lastAt } = await redis.hgetallBuffer(keys.quarantined(digest));
    return {
      digest,
      body: body ?? Buffer.alloc(0),
      reason: String(reason),
      count: Number(count),
      firstAt: String(firstAt),
      lastAt: String(lastAt),
    };
  }

  return {
    async add(body, reason) {
      const digest = createHash('sha256').update(body).digest('hex');
      const key = keys.quarantined(digest);
      const now = clock.now();
      const at = new Date(now).toISOString();
      await redis
        .multi()
        .hset(key, { body, reason, lastAt: at })
        .hsetnx(key, 'firstAt', at)
        .hincrby(key, 'count', 1)
        .zadd(keys.quarantine, now, digest)
        .exec();
    },

    size: () => redis.zcard(keys.quarantine),

    async list() {
      const digests = await redis.zrevrange(keys.quarantine, 0, LISTED_ENTRIES - 1);
      return Promise.all(digests.map(read));
    },
  };
}
