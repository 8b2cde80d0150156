import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { getCACertificates } from 'node:tls';
import type { Redis } from 'ioredis';
import { createAnnouncement } from '../announce/consul.ts';
import type { Config } from '../config.ts';
import { createCertificateDownload } from '../intake/certificate-download.ts';
import { consoleRoutes } from '../intake/console.ts';
import { eventNotificationRoutes } from '../intake/event-notification.ts';
import { createFailures, type Door } from '../intake/failures.ts';
import { healthRoutes } from '../intake/health.ts';
import { metricsRoute } from '../intake/metrics.ts';
import { describeRoutes } from '../intake/openapi.ts';
import { opsApi } from '../intake/ops-api.ts';
import { orderValidationRoute } from '../intake/order-validation.ts';
import { parameterValuesRoute } from '../intake/parameter-values.ts';
import { partnerCenterEventRoute } from '../intake/partner-center-event.ts';
import { createPartnerCenterSignature } from '../intake/partner-center-signature.ts';
import { createServer } from '../intake/server.ts';
import { usageRoute } from '../intake/usage.ts';
import { createAlerts } from '../lib/alerts.ts';
import { systemClock } from '../lib/clock.ts';
import type { ErrorReporting } from '../lib/error-reporting.ts';
import { AttentionError, ConnectorError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import type { Tracing } from '../lib/tracing.ts';
import { createProducer } from '../queue/producer.ts';
import { createWorker } from '../queue/worker.ts';
import { createCompleteness } from '../store/completeness.ts';
import { createKeys } from '../store/keys.ts';
import { createPartnerSubscriptionIndex } from '../store/partner-subscriptions.ts';
import { createPresence } from '../store/presence.ts';
import { createQuarantine } from '../store/quarantine.ts';
import { producerConnection, workerConnection } from '../store/redis.ts';
import { checkWritable, tellOutages, watchServer } from '../store/redis-server.ts';
import { createReplication } from '../store/replication.ts';
import { createTimeline } from '../store/timeline.ts';
import type { UpstreamCall } from '../upstreams/http.ts';
import { VERSION } from '../version.ts';
import { composeChecks } from './checks.ts';
import { composeLooks } from './looks.ts';
import { composeMetrics, measuresOf } from './metrics.ts';
import { composeOperations } from './operations.ts';
import { composeTracing } from './tracing.ts';

/** Answers to an event never take longer; the promise to the marketplace is 2 s. */
const EVENT_ANSWER_WITHIN_MS = 1_800;
/** What is asked while a customer orders is found out by then; the promise to the marketplace is 3 s. */
const QUESTION_DEADLINE_MS = 2_500;
/** Looks at once in one process. Most of their time they wait for an upstream. */
const CONCURRENT_LOOKS = 20;

/** A process that starts gives Redis so long before it listens, so that the first event is not refused. */
const REDIS_WITHIN_MS = 2_000;
/** Pause before a sweep is asked for again. */
const ASK_FOR_SWEEP_AGAIN_MS = 5_000;
/** How often it is seen whether sweeps are still on schedule, at most. */
const SEE_SCHEDULE_EVERY_MS = 60_000;
/** After it was told to stop, a process listens for so long at least: long enough for a load balancer to see that it is not ready. */
const LEAVE_MS = 1_000;
/** How often it is made sure that Consul still knows of this instance. */
const ANNOUNCE_EVERY_MS = 10_000;

/** So often it is looked whether somebody may have calls sooner than they were told. */
const CALL_UP_EVERY_MS = 2_000;
/** How often a worker shows that it takes looks. */
const SHOW_EVERY_MS = 2_000;

/** A sweep that fails is soon made again. */
const SWEEP = { name: 'sweep', failuresUntilTold: 3 };

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
  const clock = systemClock;
  const metrics = createMetrics();
  const alerts = createAlerts({ log, reporting, trace: tracing?.current, count: (code) => metrics.countAlert(code) });
  const { prefix } = config.redis;
  const keys = createKeys(prefix);
  let stopping = false;
  let scheduleSeen: NodeJS.Timeout | undefined;
  const seeEveryMs = Math.min(SEE_SCHEDULE_EVERY_MS, config.timing.sweepEveryMs);

  const producerRedis = producerConnection(config.redis.url);
  tellOutages(producerRedis, log);
  const traces = tracing && composeTracing(tracing, { redis: producerRedis, keys });
  const completeness = createCompleteness(producerRedis, keys);
  const replication = createReplication(producerRedis);
  const producer = createProducer({
    redis: producerRedis,
    prefix,
    confirm: replication.confirm,
    backlogLimit: config.backlogLimit,
  });
  const worker = config.role === 'web' ? undefined : composeWorker();
  const redisServer = watchServer(producerRedis, {
    tell: (message) => alerts.attention({ code: 'redis.setup', message }),
    newServer: () => void (worker && sweepAnew()),
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

  const server = createServer({ bug: (error, facts) => alerts.bug(error, facts), isStopping: () => stopping });
  server.addHook('onResponse', async (request, { statusCode, elapsedTime }) => {
    const labels = { route: request.routeOptions.url ?? 'unknown', method: request.method, status: String(statusCode) };
    metrics.requestSeconds.observe(labels, elapsedTime / 1_000);
    traces?.answered(request, statusCode);
  });
  // Not before the body is read: what is called by the events of its stream is in no context of ours.
  if (reporting) server.addHook('preValidation', (_request, _reply, done) => reporting.apart(done));
  if (traces)
    server.addHook('preValidation', (request, { elapsedTime }, done) => {
      const { method, routeOptions } = request;
      traces.request(request, { method, route: routeOptions.url ?? 'unknown', elapsedMs: elapsedTime }, done);
    });
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
    redis: () => checkWritable(producerRedis, keys, replication),
    ...(worker && { worker: async () => (worker.isAlive() ? undefined : 'The worker does not take jobs.') }),
  };
  server.register(healthRoutes, {
    log,
    isStopping: () => stopping,
    notes,
    checks,
  });
  server.register(metricsRoute, { registry: metrics.registry });
  composeMetrics(config, {
    metrics,
    redis: producerRedis,
    producer,
    isReady,
    redisNotes: redisServer.notes,
    isWebhookRegistered: worker?.isWebhookRegistered,
  });
  if (config.role !== 'worker') registerIntake();

  return {
    async start() {
      worker?.start();
      if (worker) scheduleSeen = setInterval(() => void seeSchedule(), seeEveryMs);
      // Without Redis it listens all the same, to say what it lacks.
      await Promise.race([producerReady(producerRedis), setTimeout(REDIS_WITHIN_MS)]);
      await server.listen({ host: config.http.host, port: config.http.port });
      log.info({ role: config.role, addresses: server.addresses() }, 'ready to serve');
      announcement?.start((server.server.address() as AddressInfo).port);
    },

    async stop() {
      stopping = true;
      clearInterval(scheduleSeen);
      await Promise.all([worker?.stop(), announcement?.withdraw(), setTimeout(LEAVE_MS)]);
      await server.close();
      await producer.close();
      producerRedis.disconnect();
    },
  };

  async function isReady(): Promise<boolean> {
    if (stopping) return false;
    const problems = await Promise.all(Object.values(checks).map((check) => check()));
    return problems.every((problem) => problem === undefined);
  }

  async function noteOnRecords(): Promise<string[]> {
    // Without an answer another check says what is wrong.
    const isKnown = await completeness.extent().then(
      (extent) => extent !== undefined,
      () => true,
    );
    if (isKnown) return [];
    return ['The records are not known to be whole: until they are rebuilt nothing is bought, changed or ended.'];
  }

  /**
   * A Redis that was not there before may lack what the last one was given: what a master had not passed on, what came after a backup. The
   * marketplace knows it all.
   */
  async function sweepAnew(): Promise<void> {
    if (stopping) return;
    try {
      await producer.scheduleSweeps(config.timing.sweepEveryMs);
      await producer.requestSweep();
    } catch (err) {
      log.warn({ err }, 'a sweep could not be asked for; it is tried again');
      globalThis.setTimeout(() => void sweepAnew(), ASK_FOR_SWEEP_AGAIN_MS).unref();
    }
  }

  /** Redis may be emptied under a service that lives on: then nobody would sweep any more, and nothing be found again. */
  async function seeSchedule(): Promise<void> {
    // Without an answer there is no telling; a Redis that comes back is asked anyway.
    if (await producer.areSweepsScheduled().catch(() => true)) return;
    log.warn('the schedule of the sweeps was gone: was Redis emptied? A sweep begins at once');
    await sweepAnew();
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

  function registerIntake(): void {
    const quarantine = createQuarantine(producerRedis, keys, clock);
    const timeline = createTimeline(producerRedis, keys);
    const keepInQuarantine = async (body: Buffer, reason: string) => {
      await quarantine.add(body, reason);
      await replication.confirm();
    };

    const ask = (id: number) => (traces ? traces.ask(id, () => producer.requestLook(id)) : producer.requestLook(id));

    /** The event itself is safe in the queue: that a line of its story is lost in an outage does not matter. */
    function heard(subscriptionId: number, text: string, facts: object = {}): void {
      const entry = { at: new Date(clock.now()).toISOString(), kind: 'event', text, ...facts } as const;
      timeline.hear(subscriptionId, entry).catch((err: unknown) => log.debug({ err }, 'an event is not in the story'));
    }

    const failuresAt = (door: Door) =>
      createFailures({ door, clock, log, count: () => metrics.failedAuthentications.inc({ door }) });

    server.register(eventNotificationRoutes, {
      secrets: config.cloudesire.eventSecrets,
      async requestLook(subscriptionId, { type, eventId, date }) {
        const outcome = await ask(subscriptionId);
        const facts = { ...(eventId !== undefined && { eventId }), ...(date && { madeAt: date }) };
        heard(subscriptionId, `the marketplace told of a change (${type})`, facts);
        return outcome;
      },
      quarantine: keepInQuarantine,
      failures: failuresAt('event'),
      deadlineMs: EVENT_ANSWER_WITHIN_MS,
      log,
      count: (outcome) => metrics.events.inc({ outcome }),
    });

    const { baseUrl, authorityUrl } = config.partnerCenter;
    const partnerSubscriptions = createPartnerSubscriptionIndex(producerRedis, keys);
    server.register(partnerCenterEventRoute, {
      verify: createPartnerCenterSignature({
        fetchCertificate: createCertificateDownload({
          trustedHosts: [baseUrl, authorityUrl].map((url) => new URL(url).hostname),
        }),
        // What Node trusts, NODE_EXTRA_CA_CERTS included.
        roots: getCACertificates('default'),
        clock,
      }),
      ownerOf: (id) => partnerSubscriptions.ownerOf(id),
      requestLook: ask,
      // Whoever waits for a tenant to be linked is looked at by the sweep.
      relationshipAccepted: () => producer.requestSweep(),
      tell: (matter) => alerts.attention(matter),
      quarantine: keepInQuarantine,
      failures: failuresAt('partner-center'),
      deadlineMs: EVENT_ANSWER_WITHIN_MS,
      log,
      count: (event, outcome) => metrics.partnerCenterEvents.inc({ event, outcome }),
    });

    if (config.http.endpointSecrets !== undefined) {
      const question = {
        secrets: config.http.endpointSecrets,
        failures: failuresAt('question'),
        deadlineMs: QUESTION_DEADLINE_MS,
        log,
        bug: alerts.bug,
      };
      const { validate, suggest, usage } = composeChecks(config, { redis: producerRedis, log, alerts, observe });
      server.register(orderValidationRoute, { ...question, validate });
      server.register(parameterValuesRoute, { ...question, suggest });
      server.register(usageRoute, { ...question, usage });
    }

    if (config.http.opsToken === undefined) return;
    server.register(consoleRoutes);
    server.register(opsApi, {
      token: config.http.opsToken,
      failures: failuresAt('ops'),
      clock,
      log,
      operations: composeOperations({ redis: producerRedis, config, producer, notes }),
    });
  }

  function composeWorker() {
    const apart: ErrorReporting['apart'] = reporting ? reporting.apart : (work) => work();
    // Two connections, for BullMQ's blocking reads must not hold up the store.
    const queueRedis = workerConnection(config.redis.url);
    const redis = workerConnection(config.redis.url);
    const { look, sweep, setAside, webhookRegistration, calledUp } = composeLooks(config, {
      redis,
      log,
      alerts,
      requestLook: (id) => producer.requestLook(id, { urgent: false }),
      observe,
      measures: measuresOf(metrics),
      aroundStep: traces?.step,
      later(work, inMs) {
        globalThis
          .setTimeout(() => {
            if (!stopping) void apart(work);
          }, inMs)
          .unref();
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
    const presence = createPresence(producerRedis, keys);
    const self = randomUUID();
    let callingUp: NodeJS.Timeout | undefined;
    let showing: NodeJS.Timeout | undefined;

    async function show(): Promise<void> {
      if (!runner.isAlive()) return;
      await presence.show(self).catch((err: unknown) => log.debug({ err }, 'the worker could not show itself'));
    }

    /** Those who stand in a line were told when to come; where others have left it, it is their turn sooner. */
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
        void producerReady(producerRedis).then(show);
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
        // Nobody need hear of it: who shows nothing is soon taken for gone.
        await Promise.all([runner.stop(), presence.leave(self).catch(() => {})]);
        queueRedis.disconnect();
        redis.disconnect();
      },
    };
  }
}

/** Resolves when the connection can be used, now or later. */
function producerReady(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((resolve) => redis.once('ready', () => resolve()));
}
