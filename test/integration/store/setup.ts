import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { inject, onTestFinished } from 'vitest';
import { createKeys, type Keys } from '../../../src/store/keys.ts';
import { createLanes, type Lanes } from '../../../src/store/lanes.ts';
import { workerConnection } from '../../../src/store/redis.ts';
import { createReplication, type Replication } from '../../../src/store/replication.ts';

/** A connection to the Redis of the run and keys that no other test uses; both are gone when the test has finished. */
export function openStore(): { redis: Redis; keys: Keys; prefix: string; replication: Replication } & Lanes {
  const redis = workerConnection(inject('redisUrl'));
  const prefix = `test-${randomUUID()}`;
  const keys = createKeys(prefix);
  const replication = createReplication(redis);
  onTestFinished(async () => {
    await forgetKeys(redis, prefix);
    redis.disconnect();
  });
  return { redis, keys, prefix, replication, ...createLanes(redis, keys, replication) };
}

/** Removes all keys of a test, for the Redis of the run may be one that stays. */
export async function forgetKeys(redis: Redis, prefix: string): Promise<void> {
  for await (const found of redis.scanStream({ match: `${prefix}:*`, count: 1_000 })) {
    if (found.length > 0) await redis.unlink(...(found as string[]));
  }
}

export const neverAborted = new AbortController().signal;
