import type { TestProject } from 'vitest/node';
import { startRedis } from './redis.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of a Redis shared by the whole test run: keep to a key prefix of your own. */
    redisUrl: string;
  }
}

/** Gives the run one Redis: the one at `REDIS_URL`, else a private one that is gone afterwards. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env.REDIS_URL;
  if (given) {
    project.provide('redisUrl', given);
    return undefined;
  }
  // What a power failure would take is no concern of tests that share it, and waiting for the disk would be most of their time.
  const redis = await startRedis({ args: ['--appendfsync', 'no'] });
  project.provide('redisUrl', redis.url);
  return () => redis.stop();
}
