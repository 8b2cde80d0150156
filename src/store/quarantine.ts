import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../lib/clock.ts';
import type { Keys } from './keys.ts';

/**
 * A signed request body that was not a valid notification, as shown to operations: without its content. A body that arrives again is
 * counted, not stored twice.
 */
export interface Quarantined {
  /** SHA-256 of the body, hexadecimal. */
  digest: string;
  sizeBytes: number;
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
  /** Latest first; pages count from 1. */
  list(page: { page: number; pageSize: number }): Promise<{ items: Quarantined[]; total: number }>;
  /** Throws a body away; false when there is none with this digest. */
  discard(digest: string): Promise<boolean>;
}

/** The quarantine in Redis. Nothing leaves it by itself. */
export function createQuarantine(redis: Redis, keys: Keys, clock: Clock): Quarantine {
  async function read(digest: string): Promise<Quarantined> {
    const key = keys.quarantined(digest);
    const [sizeBytes, [reason, count, firstAt, lastAt]] = await Promise.all([
      redis.hstrlen(key, 'body'),
      redis.hmget(key, 'reason', 'count', 'firstAt', 'lastAt'),
    ]);
    return {
      digest,
      sizeBytes,
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

    async list({ page, pageSize }) {
      const first = (page - 1) * pageSize;
      const digests = await redis.zrevrange(keys.quarantine, first, first + pageSize - 1);
      return { items: await Promise.all(digests.map(read)), total: await redis.zcard(keys.quarantine) };
    },

    async discard(digest) {
      const removed = await redis.zrem(keys.quarantine, digest);
      await redis.unlink(keys.quarantined(digest));
      return removed === 1;
    },
  };
}
