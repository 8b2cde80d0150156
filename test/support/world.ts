import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { inject } from 'vitest';
import { composeStore } from '../../src/compose/store.ts';
import type { Config } from '../../src/config.ts';
import { type Alerts, createAlerts } from '../../src/lib/alerts.ts';
import { createKeys, type Keys } from '../../src/store/keys.ts';
import { workerConnection } from '../../src/store/redis.ts';
import type { RebuildOptions, RebuildResult } from '../../src/workflows/drift/rebuild.ts';
import type { ReconciliationOptions, ReconciliationResult } from '../../src/workflows/drift/reconciliation.ts';
import type { Records } from '../../src/workflows/record.ts';
import type { Timeline } from '../../src/workflows/timeline.ts';
import { trustAuthority } from '../emulator/core/tls.ts';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { createMemoryLog } from './memory-log.ts';
import { PRESENT, type Release } from './release.ts';

export interface World {
  emulators: Emulators;
  config: Config;
  redis: Redis;
  keys: Keys;
  records: Records;
  timeline: Timeline;
  /** Everything that was logged, as text. */
  logged(): string;
  /** Every key and value that the connector has in Redis, as text. */
  stored(): Promise<string>;
  /** Codes of the alerts so far. */
  alerts: string[];
  /** One look at a subscription, as a worker makes it. */
  look(subscriptionId: number): Promise<{ done: true } | { againInMs: number }>;
  sweep(): Promise<number[]>;
  /** The same so far, of one that has failed. */
  requested: readonly number[];
  /** So many looks can be asked for by one sweep or comparison from now on, until the reset: for more the backlog is full. */
  limitLooks(most: number): void;
  /** A new process takes the place of the old one: nothing is remembered but what is in Redis. The environment may differ, and the release. */
  restart(environment?: Record<string, string>, release?: Release): void;
  /** Virtual time passes, and with it the limits of calls, which count real time, begin anew. */
  pass(ms: number): Promise<void>;
  /** Looks until nothing is left to do, or it waits for somebody: then virtual time moves on, by `atLeastMs`, at most `looks` times. */
  settle(subscriptionId: number, options?: { looks?: number; atLeastMs?: number }): Promise<void>;
  /** Everything that the connector stored is gone; what is recorded from here on counts as all there is. */
  forget(): Promise<void>;
  /** Redis is lost, as in real life: nothing says that what is recorded from here on is all there is. */
  lose(): Promise<void>;
  /** Rebuilds the records, as the command does. */
  rebuild(options?: Partial<RebuildOptions>, until?: AbortSignal): Promise<RebuildResult>;
  /** Compares all sides, as the command does; the subscriptions for which a look was asked for are in `asked`. */
  reconcile(options?: Partial<ReconciliationOptions>): Promise<ReconciliationResult & { asked: number[] }>;
  /** Back to the seed: nothing is sold, nothing remembered, and the budget of calls is whole. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

/** Looking for keys goes through a whole database: in one of its own a test meets no keys of those beside it. */
function databaseOfThisWorker(): string {
  const url = new URL(inject('redisUrl'));
  url.pathname = `/${Number(process.env.VITEST_POOL_ID ?? 0) % 16}`;
  return url.href;
}

/**
 * The connector's own workflows, clients and store, in process, against the emulators and a real Redis. No queue: the test
 * decides when there is a look.
 */
export async function createWorld(environment: Record<string, string> = {}): Promise<World> {
  const emulators = await startEmulators();
  trustAuthority(emulators.caFile);
  const prefix = `test-${randomUUID()}`;
  const configWith = (changes: Record<string, string>, { loadConfig }: Release): Config =>
    loadConfig({
      ...emulators.environment(),
      REDIS_URL: databaseOfThisWorker(),
      REDIS_PREFIX: prefix,
      POLL_EVERY_MS: '10',
      RETRY_BASE_MS: '10',
      // No slow machine may cause a time-out.
      HTTP_TIMEOUT_MS: '20000',
      ...environment,
      ...changes,
    });
  const config = configWith({}, PRESENT);
  const redis = workerConnection(config.redis.url);
  const keys = createKeys(prefix);
  const alerts: string[] = [];
  const requested: number[] = [];
  let room = Number.POSITIVE_INFINITY;
  let { looks, text } = start(config, PRESENT);
  const signal = new AbortController().signal;
  const { completeness, records, timeline } = composeStore(config, redis);
  await completeness.note('whole');
  const look = (subscriptionId: number) => looks.look(subscriptionId, signal, { isUrgent: true });

  return {
    emulators,
    config,
    redis,
    keys,
    records,
    timeline,
    logged: () => text(),
    stored,
    alerts,
    look,
    requested,
    async sweep() {
      requested.length = 0;
      await looks.sweep(signal);
      return [...requested];
    },
    limitLooks(most) {
      room = most;
    },
    restart(changes = {}, release = PRESENT) {
      ({ looks, text } = start(configWith(changes, release), release));
    },
    async settle(subscriptionId, { looks: most = 100, atLeastMs = 500 } = {}) {
      for (let looksMade = 0; looksMade < most; looksMade += 1) {
        const outcome = await look(subscriptionId);
        if ('done' in outcome) return;
        await pass(Math.max(outcome.againInMs, atLeastMs));
      }
    },
    pass,
    forget,
    lose,
    rebuild: (options, until = signal) => looks.rebuild({ dryRun: false, acceptMissing: false, ...options }, until),
    async reconcile(options) {
      requested.length = 0;
      const result = await looks.reconcile({ dryRun: false, ...options }, signal);
      return { ...result, asked: [...requested] };
    },
    async reset() {
      alerts.length = 0;
      room = Number.POSITIVE_INFINITY;
      emulators.reset();
      await forget();
    },
    async close() {
      await lose();
      redis.disconnect();
      await emulators.close();
    },
  };

  function start(settings: Config, release: Release) {
    const { log, text: written } = createMemoryLog();
    const told: Alerts = createAlerts({ log, count: (code) => alerts.push(code) });
    const composed = release.composeLooks(settings, {
      store: release.composeStore(settings, redis),
      log,
      alerts: told,
      async requestLook(id) {
        if (requested.length >= room) return 'backlog-full';
        requested.push(id);
        return 'queued';
      },
      observe: () => {},
      later: () => {},
    });
    return { looks: composed, text: written };
  }

  async function pass(ms: number): Promise<void> {
    await emulators.clock.advance(ms);
    await unlinkAll(keys.budget('*'));
    await unlinkAll(keys.budgetPause('*'));
  }

  async function stored(): Promise<string> {
    const values: string[] = [];
    for await (const found of redis.scanStream({ match: `${prefix}:*`, count: 1_000 })) {
      for (const key of found as string[]) {
        const type = await redis.type(key);
        if (type === 'string') values.push(key, (await redis.get(key)) ?? '');
        else if (type === 'hash') values.push(key, ...Object.entries(await redis.hgetall(key)).flat());
        else if (type === 'list') values.push(key, ...(await redis.lrange(key, 0, -1)));
        else values.push(key);
      }
    }
    return values.join('\n');
  }

  async function forget(): Promise<void> {
    await lose();
    await completeness.note('whole');
  }

  function lose(): Promise<void> {
    return unlinkAll(`${prefix}:*`);
  }

  async function unlinkAll(match: string): Promise<void> {
    for await (const found of redis.scanStream({ match, count: 1_000 })) {
      if (found.length > 0) await redis.unlink(...(found as string[]));
    }
  }
}
