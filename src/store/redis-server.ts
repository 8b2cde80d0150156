import { type Redis, ReplyError } from 'ioredis';
import { ConnectorError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Keys } from './keys.ts';
import type { Replication } from './replication.ts';

/** How long the value written by the health check lives. */
const PROBE_LIFE_S = 10;
/** Pause before INFO is asked again of a server that did not answer it. */
const ASK_AGAIN_MS = 5_000;
const OLDEST_VERSION = [6, 2];

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

/** Asks whether Redis answers, takes writes and keeps them; `undefined` when it does, else a sentence that says what is wrong. */
export async function checkWritable(redis: Redis, keys: Keys, { confirm }: Replication): Promise<string | undefined> {
  if (redis.status !== 'ready') return `Redis is not connected (${redis.status}).`;
  try {
    await redis.set(keys.probe, '1', 'EX', PROBE_LIFE_S);
    await confirm();
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof ConnectorError) return reason;
    return error instanceof ReplyError ? `Redis refuses writes: ${reason}` : `Redis does not answer: ${reason}`;
  }
}

interface ServerWatchParts {
  /** Told of each setting that can lose or throw away what is stored, once for as long as it stays so. */
  tell(sentence: string): void;
  /** Called for each new server: the first, a restarted one, the next master. It may lack writes that the previous one had taken. */
  newServer(): void;
}

/**
 * Examines each Redis server that the connection reaches, after every reconnection. A server that hides its settings is accepted as it is.
 */
export function watchServer(redis: Redis, { tell, newServer }: ServerWatchParts): { notes(): readonly string[] } {
  let notes: string[] = [];
  let lastRunId: string | undefined;

  async function look(): Promise<void> {
    try {
      const facts = await readFacts(redis);
      const found = warningsOf(facts);
      for (const sentence of found) if (!notes.includes(sentence)) tell(sentence);
      notes = found;
      const runId = facts.get('run_id');
      if (runId === undefined || runId !== lastRunId) newServer();
      lastRunId = runId;
    } catch {
      setTimeout(() => {
        if (redis.status === 'ready') void look();
      }, ASK_AGAIN_MS).unref();
    }
  }

  redis.on('ready', () => void look());
  if (redis.status === 'ready') void look();
  return { notes: () => notes };
}

/** One sentence for each setting of this Redis that can lose or throw away what the connector stores. */
export async function redisWarnings(redis: Redis): Promise<string[]> {
  return warningsOf(await readFacts(redis));
}

/** What INFO says, and of CONFIG what INFO leaves out, as far as the administrator allows either. */
async function readFacts(redis: Redis): Promise<ReadonlyMap<string, string>> {
  const facts = new Map<string, string>();
  for (const line of (await redis.info()).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1));
  }
  for (const setting of ['appendfsync', 'min-replicas-to-write']) {
    const [name, value] = await configOf(redis, setting);
    if (name !== undefined && value !== undefined) facts.set(name, value);
  }
  if (redis.options.sentinels) facts.set('found_by', 'sentinel');
  return facts;
}

async function configOf(redis: Redis, setting: string): Promise<string[]> {
  try {
    return (await redis.config('GET', setting)) as string[];
  } catch (error) {
    if (error instanceof ReplyError) return [];
    throw error;
  }
}

function warningsOf(facts: ReadonlyMap<string, string>): string[] {
  const warnings: string[] = [];
  const warnIf = (applies: boolean, sentence: string) => {
    if (applies) warnings.push(sentence);
  };
  const is = (name: string, expected: (value: string) => boolean) => {
    const value = facts.get(name);
    return value !== undefined && expected(value);
  };
  const policy = facts.get('maxmemory_policy');
  const fsync = facts.get('appendfsync');
  const version = facts.get('redis_version') ?? '';
  const isFailover = is('found_by', () => true) || is('connected_slaves', (count) => count !== '0');

  warnIf(
    policy !== undefined && policy !== 'noeviction',
    `Redis may throw away jobs and records when its memory is full: set maxmemory-policy to noeviction (it is ${policy}).`,
  );
  warnIf(
    is('aof_enabled', (value) => value !== '1'),
    'Redis would lose accepted events in a crash: set appendonly to yes, and appendfsync to always.',
  );
  warnIf(
    is('aof_enabled', (value) => value === '1') && fsync !== undefined && fsync !== 'always',
    `Redis would lose what it accepted last when the power fails: set appendfsync to always (it is ${fsync}).`,
  );
  warnIf(isOlder(version), `Redis ${version} is too old: use 6.2 or later.`);
  warnIf(
    is('redis_mode', (mode) => mode === 'cluster'),
    'Redis is a node of a cluster, which the connector does not support: use a single server, or Sentinel.',
  );
  warnIf(
    is('found_by', () => true) && is('connected_slaves', (count) => count === '0'),
    'No replica is connected to the master that Sentinel names: if it fails now, what it holds is gone. Bring a replica back.',
  );
  warnIf(
    isFailover && is('min-replicas-to-write', (count) => count === '0'),
    'A master that is cut off from its replicas would go on taking what a fail-over throws away: set min-replicas-to-write to 1 on each of them.',
  );
  return warnings;
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_VERSION;
  return version !== '' && (major < oldestMajor || (major === oldestMajor && minor < oldestMinor));
}
