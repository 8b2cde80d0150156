import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Config } from '../config.ts';
import type { Alerts } from '../lib/alerts.ts';
import type { ErrorReporting } from '../lib/error-reporting.ts';
import { AttentionError, ConnectorError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Producer } from '../queue/producer.ts';
import { createWorker } from '../queue/worker.ts';
import { whenReady, workerConnection } from '../store/redis.ts';
import type { UpstreamCall } from '../upstreams/http.ts';
import { composeLooks } from './looks.ts';
import { measuresOf } from './metrics.ts';
import { composeStore, type Store } from './store.ts';
import type { Traces } from './tracing.ts';

/** Looks that one process makes at a time. They spend most of their time waiting for an upstream. */
const CONCURRENT_LOOKS = 20;
/** How often to check whether subscriptions in line for calls may come sooner than they were told. */
const CALL_UP_EVERY_MS = 2_000;
/** How often a worker shows in Redis that it takes looks. */
const SHOW_EVERY_MS = 2_000;
/** How a failing sweep is reported. One failure is no news, since a sweep is retried soon. */
const SWEEP = { name: 'sweep', failuresUntilTold: 3 };

export interface WorkerParts {
  /** From `producerConnection`. */
  redis: Redis;
  /** Over that connection. */
  store: Store;
  producer: Pick<Producer, 'requestLook' | 'repairStrayLooks'>;
  /** Absent where errors go to the log only. */
  reporting?: ErrorReporting | undefined;
  /** Absent where nothing is traced. */
  traces?: Traces | undefined;
  metrics: Metrics;
  alerts: Alerts;
  observe(call: UpstreamCall): void;
  isStopping(): boolean;
  log: Log;
}

/** Builds the worker, which takes looks and sweeps from the queue and makes them. */
export function composeWorker(config: Config, parts: WorkerParts) {
  const { producer, reporting, traces, metrics, alerts, observe, isStopping, log } = parts;
  const { prefix } = config.redis;
  const apart: ErrorReporting['apart'] = reporting ? reporting.apart : (work) => work();
  // Two connections, since BullMQ's blocking reads must not hold up the store.
  const queueRedis = workerConnection(config.redis.url);
  const redis = workerConnection(config.redis.url);
  const { look, sweep, setAside, webhookRegistration, calledUp } = composeLooks(config, {
    store: composeStore(config, redis),
    log,
    alerts,
    requestLook: (id) => producer.requestLook(id, { urgent: false }),
    observe,
    measures: measuresOf(metrics),
    aroundStep: traces?.step,
    later(work, inMs) {
      setTimeout(() => {
        if (!isStopping()) void apart(work);
      }, inMs).unref();
    },
  });
  const regularly = (work: () => Promise<void>): Promise<void> =>
    reporting ? reporting.regularly({ ...SWEEP, everyMs: config.timing.sweepEveryMs }, work) : work();
  const runner = createWorker({
    connection: queueRedis,
    prefix,
    concurrency: CONCURRENT_LOOKS,
    async look(subscriptionId, signal, asked) {
      const make = () => apart(() => look(subscriptionId, signal, asked));
      const outcome = await (traces ? traces.look(subscriptionId, make) : make());
      metrics.looks.inc({ outcome: 'done' in outcome ? 'done' : 'again' });
      return outcome;
    },
    async sweep(signal) {
      const make = async () => {
        await producer.repairStrayLooks();
        await sweep(signal);
      };
      await regularly(() => (traces ? traces.sweep(make) : make()));
    },
    setAside,
    onError(error) {
      if (error instanceof AttentionError) alerts.attention({ code: error.code, message: error.message });
      else if (error instanceof ConnectorError)
        log.warn({ err: error }, 'a look or a sweep did not come to its end; it is made again');
      else alerts.bug(error);
    },
  });
  const { presence } = parts.store;
  const self = randomUUID();
  let callingUp: NodeJS.Timeout | undefined;
  let showing: NodeJS.Timeout | undefined;

  async function show(): Promise<void> {
    if (!runner.isAlive()) return;
    await presence.show(self).catch((err: unknown) => log.debug({ err }, 'the worker could not show itself'));
  }

  /** Subscriptions in line for calls were told when to come. When others have left the line, their turn comes sooner. */
  async function callUp(): Promise<void> {
    try {
      for (const id of await calledUp(CALL_UP_EVERY_MS)) await producer.requestLook(id, { urgent: false });
    } catch (err) {
      log.debug({ err }, 'nobody in a line was called up early; they come at the time that they were told');
    }
  }

  return {
    start() {
      runner.start();
      void whenReady(parts.redis).then(show);
      showing = setInterval(() => void show(), SHOW_EVERY_MS);
      callingUp = setInterval(() => void callUp(), CALL_UP_EVERY_MS);
      if (webhookRegistration) void apart(webhookRegistration.start);
    },
    notes() {
      const note = webhookRegistration?.note();
      return note === undefined ? [] : [note];
    },
    isAlive: () => runner.isAlive(),
    isWebhookRegistered: webhookRegistration?.isRegistered,
    async stop() {
      clearInterval(callingUp);
      clearInterval(showing);
      // A failure does no harm: a worker that no longer shows itself soon counts as gone.
      await Promise.all([runner.stop(), presence.leave(self).catch(() => {})]);
      queueRedis.disconnect();
      redis.disconnect();
    },
  };
}
