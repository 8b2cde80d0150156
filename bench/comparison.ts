import { Redis } from 'ioredis';

/** What a benchmark found, in rows of text. */
export interface Comparison {
  title: string;
  headings: string[];
  rows: string[][];
}

/** Leaves nothing of a benchmark in a Redis that may be somebody else's. */
export async function forget(redisUrl: string, prefix: string): Promise<void> {
  const redis = new Redis(redisUrl);
  for await (const found of redis.scanStream({ match: `*${prefix}*`, count: 1_000 })) {
    if ((found as string[]).length > 0) await redis.unlink(...(found as string[]));
  }
  redis.disconnect();
}
