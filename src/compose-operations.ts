import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { composeLooks } from './compose-looks.ts';
import type { Config } from './config.ts';
import { createAlerts } from './lib/alerts.ts';
import { systemClock } from './lib/clock.ts';
import { RetryableError } from './lib/errors.ts';
import type { Log } from './lib/log.ts';
import { createProducer, type Producer } from './queue/producer.ts';
import { createKeys } from './store/keys.ts';
import { createRecords } from './store/records.ts';
import { producerConnection, tellOutages } from './store/redis.ts';
import { createTimeline } from './store/timeline.ts';
import { type Exposed, listExposures } from './workflows/exposures.ts';
import type { RebuildOptions, RebuildResult } from './workflows/rebuild.ts';
import type { RecordQuery, SubscriptionRecord, TimelineEntry } from './workflows/record.ts';

/** The store gets so long to answer a command that somebody has typed. */
const REDIS_WITHIN_MS = 5_000;

/** What operations can ask for and press, whether over HTTP or on the command line. */
export interface Operations {
  list(query: RecordQuery): Promise<{ items: SubscriptionRecord[]; total: number }>;
  /** What Microsoft goes on charging for although the marketplace has ended it. */
  listExposures(page: { page: number; pageSize: number }): Promise<{ items: Exposed[]; total: number }>;
  /** The record and the story of a subscription; `undefined` when nothing is known of it. */
  show(subscriptionId: number): Promise<(SubscriptionRecord & { timeline: TimelineEntry[] }) | undefined>;
  /**
   * Has a subscription looked at now, also one of which nothing is known yet.
   *
   * @throws {RetryableError} `backlog.full` when too many looks wait, `queue.unavailable` without Redis
   */
  look(subscriptionId: number, reason: string | undefined): Promise<void>;
  /** Forgets the failure and resumes at the failed step; false when nothing is known of the subscription. @throws as `look` */
  retry(subscriptionId: number, reason: string | undefined): Promise<boolean>;
}

export interface OperationsParts {
  /** From `producerConnection`. */
  redis: Redis;
  /** Of the keys in Redis. */
  prefix: string;
  producer: Pick<Producer, 'requestLook'>;
}

/** Builds the actions of operations. */
export function composeOperations({ redis, prefix, producer }: OperationsParts): Operations {
  const clock = systemClock;
  const keys = createKeys(prefix);
  const records = createRecords(redis, keys);
  const timeline = createTimeline(redis, keys);
  const now = (): string => new Date(clock.now()).toISOString();

  function tellOf(subscriptionId: number, text: string, reason: string | undefined): Promise<void> {
    return timeline.note(subscriptionId, { at: now(), kind: 'operator', text, ...(reason && { reason }) });
  }

  async function lookSoon(subscriptionId: number): Promise<void> {
    if ((await producer.requestLook(subscriptionId)) === 'queued') return;
    throw new RetryableError('backlog.full', 'Too many subscriptions wait for a look; ask again in a minute.');
  }

  return {
    list: (query) => records.list(query),

    listExposures: (page) => listExposures(records, now().slice(0, 10), page),

    async show(subscriptionId) {
      const record = await records.get(subscriptionId);
      return record && { ...record, timeline: await timeline.read(subscriptionId) };
    },

    async look(subscriptionId, reason) {
      await records.askLook(subscriptionId);
      await lookSoon(subscriptionId);
      await tellOf(subscriptionId, 'operations asked for a look', reason);
    },

    async retry(subscriptionId, reason) {
      if (!(await records.get(subscriptionId))) return false;
      await records.askRetry(subscriptionId);
      await lookSoon(subscriptionId);
      await tellOf(subscriptionId, 'operations asked to retry', reason);
      return true;
    },
  };
}

/** What takes minutes, and so is asked for on the command line only. All of it ends early, harmlessly, when the signal is aborted. */
export interface Maintenance {
  /** Records again what exists at Microsoft. @throws as `createRebuild` */
  rebuild(options: RebuildOptions): Promise<RebuildResult>;
}

/**
 * The actions of operations for a process that runs beside the service, on connections of its own.
 *
 * @throws {RetryableError} `store.unavailable` when Redis does not answer within 5 s
 */
export async function openOperations(
  config: Config,
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<Operations & Maintenance & { close(): Promise<void> }> {
  const { url, prefix } = config.redis;
  const redis = producerConnection(url);
  tellOutages(redis, log);
  try {
    if (redis.status !== 'ready') await once(redis, 'ready', { signal: AbortSignal.timeout(REDIS_WITHIN_MS) });
  } catch (cause) {
    redis.disconnect();
    const message = 'Redis does not answer at REDIS_URL. The commands need the very Redis that the service uses.';
    throw new RetryableError('store.unavailable', message, { cause, effect: 'none' });
  }
  const producer = createProducer({ redis, prefix, backlogLimit: config.backlogLimit });
  const { rebuild } = composeLooks(config, {
    redis,
    log,
    alerts: createAlerts({ log, count: () => {} }),
    requestLook: (id) => producer.requestLook(id, { urgent: false }),
    observe: () => {},
    later: () => {},
  });
  return {
    ...composeOperations({ redis, prefix, producer }),
    rebuild: (options) => rebuild(options, signal),
    async close() {
      await producer.close();
      redis.disconnect();
    },
  };
}
