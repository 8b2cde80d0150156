import { Redis, ReplyError } from 'ioredis';
import type { Log } from '../lib/log.ts';
import type { Keys } from './keys.ts';

/** How long the value written by the health check lives. */
const PROBE_LIFE_S = 10;

const COMMON = {
  connectTimeout: 2_000,
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000),
};

/**
 * A connection for code that somebody waits for: a command fails at once while Redis is away and after 1.5 s when Redis
 * does not answer. Such a failure says nothing about the command, which may have been carried out all the same.
 * It reconnects by itself, at least once a second.
 */
export function producerConnection(url: string): Redis {
  const redis = new Redis(url, {
    ...COMMON,
    connectionName: 'microsoft-connector-producer',
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: 1_500,
  });
  return redis.on('error', outageIsTold);
}

/**
 * A connection for work that can wait: commands are held back while Redis is away and sent when it has returned. BullMQ
 * demands this of its workers, whose blocking reads also forbid a time-out for commands.
 */
export function workerConnection(url: string): Redis {
  const redis = new Redis(url, {
    ...COMMON,
    connectionName: 'microsoft-connector-worker',
    maxRetriesPerRequest: null,
  });
  return redis.on('error', outageIsTold);
}

/** `tellOutages` and the health check tell of an outage. Without a listener ioredis prints each failed reconnection. */
function outageIsTold(): void {}

/** Logs when Redis cannot be reached, once for each outage, and when it is back. */
export function tellOutages(redis: Redis, log: Log): void {
  let isAway = false;
  redis.on('error', (error: Error & { code?: string }) => {
    if (isAway) return;
    isAway = true;
    const reason = error.code ?? error.message;
    log.error({ reason }, 'Redis cannot be reached: events are answered 503 and no work is done until it is back');
  });
  redis.on('ready', () => {
    if (isAway) log.info('Redis is back');
    isAway = false;
  });
}

/** Asks whether Redis answers and takes writes; `undefined` when it does, else a sentence that says what is wrong. */
export async function checkWritable(redis: Redis, keys: Keys): Promise<string | undefined> {
  if (redis.status !== 'ready') return `Redis is not connected (${redis.status}).`;
  try {
    await redis.set(keys.probe, '1', 'EX', PROBE_LIFE_S);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return error instanceof ReplyError ? `Redis refuses writes: ${reason}` : `Redis does not answer: ${reason}`;
  }
}

/** One sentence for each setting of this Redis that can lose or throw away what the connector stores. */
export async function redisWarnings(redis: Redis): Promise<string[]> {
  const info = new Map<string, string>();
  for (const line of (await redis.info()).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) info.set(line.slice(0, colon), line.slice(colon + 1));
  }

  const warnings: string[] = [];
  const policy = info.get('maxmemory_policy');
  if (policy !== 'noeviction') {
    warnings.push(
      `Redis may throw away jobs and records when its memory is full: set maxmemory-policy to noeviction (it is ${policy}).`,
    );
  }
  if (info.get('aof_enabled') !== '1') {
    warnings.push('Redis would lose accepted events in a crash: set appendonly to yes, and appendfsync to always.');
  }
  return warnings;
}
