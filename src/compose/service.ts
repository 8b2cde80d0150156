import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { createAnnouncement } from '../announce/consul.ts';
import type { Config } from '../config.ts';
import { healthRoutes } from '../intake/health.ts';
import { metricsRoute } from '../intake/metrics.ts';
import { describeRoutes } from '../intake/openapi.ts';
import { createServer } from '../intake/server.ts';
import { createAlerts } from '../lib/alerts.ts';
import { systemClock } from '../lib/clock.ts';
import type { ErrorReporting } from '../lib/error-reporting.ts';
import type { Log } from '../lib/log.ts';
import { createMetrics, type Metrics } from '../lib/metrics.ts';
import type { Tracing } from '../lib/tracing.ts';
import { createProducer } from '../queue/producer.ts';
import { producerConnection, whenReady } from '../store/redis.ts';
import { tellOutages, watchServer } from '../store/redis-server.ts';
import type { UpstreamCall } from '../upstreams/http.ts';
import { VERSION } from '../version.ts';
import { noteOnBacklog, standstillOf } from '../workflows/ops/standing.ts';
import { composeIntake } from './intake.ts';
import { composeMetrics } from './metrics.ts';
import { composeStore } from './store.ts';
import { createSweepSchedule } from './sweep-schedule.ts';
import { composeTracing, type Traces } from './tracing.ts';
import { composeWorker } from './worker.ts';

/** How long a starting process waits for Redis before it listens, so that the first event is not refused. */
const REDIS_WITHIN_MS = 2_000;
/** How long a stopping process goes on listening at least, so that a load balancer sees that it is not ready. */
const LEAVE_MS = 1_000;
/** How often to check that Consul still knows this instance. */
const ANNOUNCE_EVERY_MS = 10_000;

/** A running service. */
export interface Service {
  /** Begins to listen, to work, or both. Resolves once the address is bound. */
  start(): Promise<void>;
  /** Not ready from now on; finishes what is open, hands over what is not, and lets go of everything. */
  stop(): Promise<void>;
}

export interface ServiceParts {
  log: Log;
  /** Absent where nobody is to hear of errors but the log. */
  reporting?: ErrorReporting | undefined;
  /** Absent where nobody follows what is done. */
  tracing?: Tracing | undefined;
}

/** Builds every part by its role in this process and connects them. Nothing else knows more than its own parts. */
export function compose(config: Config, { log, reporting, tracing }: ServiceParts): Service {
  const metrics = createMetrics();
  const alerts = createAlerts({ log, reporting, trace: tracing?.current, count: (code) => metrics.countAlert(code) });
  const { prefix } = config.redis;
  const clock = systemClock;
  let stopping = false;
  const isStopping = () => stopping;

  const redis = producerConnection(config.redis.url);
  tellOutages(redis, log);
  const store = composeStore(config, redis);
  const traces = tracing && composeTracing(tracing, store.traces, clock);
  const producer = createProducer({
    redis,
    prefix,
    confirm: store.replication.confirm,
    backlogLimit: config.backlogLimit,
  });
  const shared = { store, producer, metrics, alerts, traces, observe, log };
  const worker = config.role === 'web' ? undefined : composeWorker(config, { ...shared, redis, reporting, isStopping });
  const sweepSchedule =
    worker && createSweepSchedule({ producer, everyMs: config.timing.sweepEveryMs, isStopping, log });
  const redisServer = watchServer(redis, {
    tell: (message) => alerts.attention({ code: 'redis.setup', message }),
    newServer: () => void sweepSchedule?.sweepAnew(),
  });

  const announcement =
    config.consul &&
    createAnnouncement({
      ...config.consul,
      role: config.role,
      host: config.http.host,
      everyMs: ANNOUNCE_EVERY_MS,
      log,
    });

  const server = createServer({ bug: (error, facts) => alerts.bug(error, facts), isStopping });
  followRequests(server, { metrics, reporting, traces });
  describeRoutes(server, { version: VERSION });
  const notes = async () => [
    ...config.warnings,
    ...config.secretProblems(),
    ...redisServer.notes(),
    ...(worker?.notes() ?? []),
    ...[announcement?.note()].filter((note) => note !== undefined),
    ...(await noteOnRecords()),
  ];
  const checks = {
    redis: store.checkWritable,
    ...(worker && { worker: async () => (worker.isAlive() ? undefined : 'The worker does not take jobs.') }),
  };
  server.register(healthRoutes, {
    log,
    isStopping,
    notes: async () => [...(await notes()), ...(await noteOnQueue())],
    checks,
  });
  server.register(metricsRoute, { registry: metrics.registry });
  composeMetrics(config, {
    metrics,
    store,
    producer,
    isReady,
    redisNotes: redisServer.notes,
    isWebhookRegistered: worker?.isWebhookRegistered,
  });
  if (config.role !== 'worker') composeIntake(config, { ...shared, server, notes });

  return {
    async start() {
      worker?.start();
      sweepSchedule?.start();
      // Without Redis it listens all the same, to say what it lacks.
      await Promise.race([whenReady(redis), setTimeout(REDIS_WITHIN_MS)]);
      await server.listen({ host: config.http.host, port: config.http.port });
      log.info({ role: config.role, addresses: server.addresses() }, 'ready to serve');
      announcement?.start((server.server.address() as AddressInfo).port);
    },

    async stop() {
      stopping = true;
      sweepSchedule?.stop();
      await Promise.all([worker?.stop(), announcement?.withdraw(), setTimeout(LEAVE_MS)]);
      await server.close();
      await producer.close();
      redis.disconnect();
    },
  };

  async function isReady(): Promise<boolean> {
    if (stopping) return false;
    const problems = await Promise.all(Object.values(checks).map((check) => check()));
    return problems.every((problem) => problem === undefined);
  }

  async function noteOnQueue(): Promise<string[]> {
    try {
      const [workers, taking] = await Promise.all([store.presence.read(), producer.taking()]);
      // A missing worker is not this process's concern, and normal while the first one starts.
      if (workers.count === 0) return [];
      const nowMs = clock.now();
      return [standstillOf(workers, taking, nowMs) ?? noteOnBacklog(taking, nowMs)].filter(
        (note) => note !== undefined,
      );
    } catch {
      // Without an answer another check says what is wrong.
      return [];
    }
  }

  async function noteOnRecords(): Promise<string[]> {
    // Without an answer another check says what is wrong.
    const isKnown = await store.completeness.extent().then(
      (extent) => extent !== undefined,
      () => true,
    );
    if (isKnown) return [];
    return ['The records are not known to be whole: until they are rebuilt nothing is bought, changed or ended.'];
  }

  function observe(call: UpstreamCall): void {
    const { upstream, method, status, errorCode, durationMs } = call;
    metrics.upstreamSeconds.observe(
      { upstream, method, status: String(status ?? errorCode ?? 'none') },
      durationMs / 1000,
    );
    reporting?.crumb(call);
    traces?.called(call);
    if (errorCode === `${upstream}.throttled`) metrics.throttled.inc({ upstream });
    if (call.withheld) log.info({ ...call }, 'dry run: call withheld');
    else log.debug({ ...call }, 'upstream call');
  }
}

interface RequestFollowers {
  metrics: Metrics;
  reporting: ErrorReporting | undefined;
  traces: Traces | undefined;
}

/** Counts each request, and tells what comes of it apart from all others. */
function followRequests(
  server: ReturnType<typeof createServer>,
  { metrics, reporting, traces }: RequestFollowers,
): void {
  server.addHook('onResponse', async (request, { statusCode, elapsedTime }) => {
    const labels = { route: request.routeOptions.url ?? 'unknown', method: request.method, status: String(statusCode) };
    metrics.requestSeconds.observe(labels, elapsedTime / 1_000);
    traces?.answered(request, statusCode);
  });
  // Not before the body is read: callbacks of its stream run outside our async context.
  if (reporting) server.addHook('preValidation', (_request, _reply, done) => reporting.apart(done));
  if (traces)
    server.addHook('preValidation', (request, { elapsedTime }, done) => {
      const { method, routeOptions } = request;
      traces.request(request, { method, route: routeOptions.url ?? 'unknown', elapsedMs: elapsedTime }, done);
    });
}
