import { setTimeout } from 'node:timers/promises';
import { getCACertificates } from 'node:tls';
import type { Redis } from 'ioredis';
import type { Config } from './config.ts';
import { createCertificateDownload } from './intake/certificate-download.ts';
import { eventNotificationRoutes } from './intake/event-notification.ts';
import { healthRoutes } from './intake/health.ts';
import { metricsRoute } from './intake/metrics.ts';
import { opsApi } from './intake/ops-api.ts';
import { orderValidationRoute } from './intake/order-validation.ts';
import { parameterValuesRoute } from './intake/parameter-values.ts';
import { partnerCenterEventRoute } from './intake/partner-center-event.ts';
import { createPartnerCenterSignature } from './intake/partner-center-signature.ts';
import { createServer } from './intake/server.ts';
import { type AlertParts, type Alerts, createAlerts } from './lib/alerts.ts';
import { remember } from './lib/cache.ts';
import { systemClock } from './lib/clock.ts';
import { AttentionError, ConnectorError, RetryableError } from './lib/errors.ts';
import type { Log } from './lib/log.ts';
import { createMetrics } from './lib/metrics.ts';
import { createProducer } from './queue/producer.ts';
import { backoffMs } from './queue/retry-policy.ts';
import { createWorker } from './queue/worker.ts';
import { createAnswers } from './report/answers.ts';
import { createReport } from './report/report.ts';
import { createBudget } from './store/budget.ts';
import { createCustomerDirectory } from './store/customers.ts';
import { createJournal } from './store/journal.ts';
import { createKeys } from './store/keys.ts';
import { createLanes } from './store/lanes.ts';
import { createPartnerSubscriptionIndex } from './store/partner-subscriptions.ts';
import { createQuarantine } from './store/quarantine.ts';
import { createRecords } from './store/records.ts';
import { checkWritable, producerConnection, redisWarnings, tellOutages, workerConnection } from './store/redis.ts';
import { createRefreshTokenStore } from './store/refresh-token.ts';
import { createSecretBox } from './store/secret-box.ts';
import { createTimeline } from './store/timeline.ts';
import { createCloudesire } from './upstreams/cloudesire/client.ts';
import { createHttp, type Http, type UpstreamCall } from './upstreams/http.ts';
import { createPartnerCenter } from './upstreams/partner-center/client.ts';
import { createTokens } from './upstreams/partner-center/token.ts';
import { createCatalog } from './workflows/catalog.ts';
import type { ProposedOrder } from './workflows/checks.ts';
import { listExposures } from './workflows/exposures.ts';
import { createParameterValues } from './workflows/license/parameter-values.ts';
import type { LicenseSettings } from './workflows/license/parameters.ts';
import { createReconcile } from './workflows/reconcile.ts';
import { createSweep } from './workflows/sweep.ts';
import { createValidateOrder } from './workflows/validate-order.ts';

/** Answers to an event never take longer; the promise to the marketplace is 2 s. */
const EVENT_ANSWER_WITHIN_MS = 1_800;
/** What is asked while a customer orders is found out by then; the promise to the marketplace is 3 s. */
const QUESTION_DEADLINE_MS = 2_500;
/** An answer that comes too late for one question is still good for the next. */
const LATE_ANSWER_MS = 10_000;
/** Looks at once in one process. Most of their time they wait for an upstream. */
const CONCURRENT_LOOKS = 20;
/** Longest pause between two tries of something that fails. */
const LONGEST_BACKOFF_MS = 300_000;

/**
 * Partner Center allows 500 calls a minute and partner; a tenth is left to people and other programs.
 * https://learn.microsoft.com/partner-center/developer/api-throttling-guidance
 */
const PARTNER_CENTER_CALLS_PER_MINUTE = 450;
/** Where Cloudesire limits calls, it allows 5,000 a minute unless configured otherwise. https://docs.cloudesire.com */
const CLOUDESIRE_CALLS_PER_MINUTE = 4_500;
/** A process that starts gives Redis so long before it listens, so that the first event is not refused. */
const REDIS_WITHIN_MS = 2_000;
/** After it was told to stop, a process listens for so long at least: long enough for a load balancer to see that it is not ready. */
const LEAVE_MS = 1_000;

/** What Partner Center is asked to tell. */
const WEBHOOK_EVENTS = ['subscription-updated', 'reseller-relationship-accepted-by-customer', 'test-created'];

/** A running service. */
export interface Service {
  /** Begins to listen, to work, or both. Resolves once the address is bound. */
  start(): Promise<void>;
  /** Not ready from now on; finishes what is open, hands over what is not, and lets go of everything. */
  stop(): Promise<void>;
}

/** Builds every part by its role in this process and connects them. Nothing else knows more than its own parts. */
export function compose(config: Config, { log, capture }: { log: Log; capture?: AlertParts['capture'] }): Service {
  const clock = systemClock;
  const metrics = createMetrics();
  const alerts = createAlerts({ log, ...(capture && { capture }), count: (code) => metrics.alerts.inc({ code }) });
  const { prefix } = config.redis;
  const keys = createKeys(prefix);
  let stopping = false;

  const producerRedis = producerConnection(config.redis.url);
  tellOutages(producerRedis, log);
  const producer = createProducer({ redis: producerRedis, prefix, backlogLimit: config.backlogLimit });
  const worker = config.role === 'web' ? undefined : composeWorker();

  const server = createServer({ bug: (error, facts) => alerts.bug(error, facts) });
  server.register(healthRoutes, {
    log,
    isStopping: () => stopping,
    notes: config.warnings,
    checks: {
      redis: () => checkWritable(producerRedis, keys),
      ...(worker && { worker: async () => (worker.isAlive() ? undefined : 'The worker does not take jobs.') }),
    },
  });
  server.register(metricsRoute, { registry: metrics.registry });
  metrics.gauge('connector_backlog_looks', 'Subscriptions that wait for a look', () => producer.backlog());
  if (config.role !== 'worker') registerIntake();

  return {
    async start() {
      if (worker) {
        worker.start();
        void producerReady(producerRedis)
          .then(async () => {
            await producer.scheduleSweeps(config.timing.sweepEveryMs);
            await producer.requestSweep();
            for (const warning of await redisWarnings(producerRedis))
              log.warn({ warning }, 'Redis is not set up to keep what it is given');
          })
          .catch((error: unknown) =>
            log.warn(
              { err: error },
              'the first sweep could not be asked for; the schedule of another process or the next start does it',
            ),
          );
      }
      // Without Redis it listens all the same, to say what it lacks.
      await Promise.race([producerReady(producerRedis), setTimeout(REDIS_WITHIN_MS)]);
      await server.listen({ host: config.http.host, port: config.http.port });
      log.info({ role: config.role, addresses: server.addresses() }, 'ready to serve');
    },

    async stop() {
      stopping = true;
      await Promise.all([worker?.stop(), setTimeout(LEAVE_MS)]);
      await server.close();
      await producer.close();
      producerRedis.disconnect();
    },
  };

  function observe(call: UpstreamCall): void {
    const { upstream, method, status, errorCode, durationMs } = call;
    metrics.upstreamSeconds.observe(
      { upstream, method, status: String(status ?? errorCode ?? 'none') },
      durationMs / 1000,
    );
    if (call.withheld) log.info({ ...call }, 'dry run: call withheld');
    else log.debug({ ...call }, 'upstream call');
  }

  function registerIntake(): void {
    const records = createRecords(producerRedis, keys);
    const timeline = createTimeline(producerRedis, keys);
    const quarantine = createQuarantine(producerRedis, keys, clock);
    metrics.gauge('connector_quarantine_size', 'Signed bodies that were no notification', () => quarantine.size());

    server.register(eventNotificationRoutes, {
      secrets: config.cloudesire.eventSecrets,
      requestLook: (subscriptionId) => producer.requestLook(subscriptionId),
      quarantine: (body, reason) => quarantine.add(body, reason),
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
      requestLook: (id) => producer.requestLook(id),
      // Whoever waits for a tenant to be linked is looked at by the sweep.
      relationshipAccepted: () => producer.requestSweep(),
      quarantine: (body, reason) => quarantine.add(body, reason),
      deadlineMs: EVENT_ANSWER_WITHIN_MS,
      log,
      count: (event, outcome) => metrics.partnerCenterEvents.inc({ event, outcome }),
    });

    if (config.http.endpointSecret !== undefined) {
      const question = {
        secret: config.http.endpointSecret,
        deadlineMs: QUESTION_DEADLINE_MS,
        log,
        bug: alerts.bug,
      };
      const { validate, suggest } = composeChecks(config, { redis: producerRedis, log, alerts, observe });
      server.register(orderValidationRoute, { ...question, validate });
      server.register(parameterValuesRoute, { ...question, suggest });
    }

    if (config.http.opsToken === undefined) return;
    const tellOf = (id: number, text: string, reason: string | undefined) =>
      timeline.add(id, { at: new Date(clock.now()).toISOString(), kind: 'operator', text, ...(reason && { reason }) });
    const lookSoon = async (id: number): Promise<void> => {
      if ((await producer.requestLook(id)) === 'queued') return;
      throw new RetryableError('backlog.full', 'Too many subscriptions wait for a look; ask again in a minute.');
    };
    server.register(opsApi, {
      token: config.http.opsToken,
      log,
      list: (query) => records.list(query),
      listExposures: (page) => listExposures(records, new Date(clock.now()).toISOString().slice(0, 10), page),
      async show(id) {
        const record = await records.get(id);
        return record && { ...record, timeline: await timeline.read(id) };
      },
      async look(id, reason) {
        await lookSoon(id);
        await tellOf(id, 'operations asked for a look', reason);
      },
      async retry(id, reason) {
        if (!(await records.get(id))) return false;
        await records.askRetry(id);
        await lookSoon(id);
        await tellOf(id, 'operations asked to retry', reason);
        return true;
      },
    });
  }

  function composeWorker() {
    // Two connections, for BullMQ's blocking reads must not hold up the store.
    const queueRedis = workerConnection(config.redis.url);
    const redis = workerConnection(config.redis.url);
    const { look, sweep, registerWebhook } = composeLooks(config, {
      redis,
      log,
      alerts,
      requestLook: (id) => producer.requestLook(id, { urgent: false }),
      observe,
    });
    const runner = createWorker({
      connection: queueRedis,
      prefix,
      concurrency: CONCURRENT_LOOKS,
      async look(subscriptionId, signal) {
        const outcome = await look(subscriptionId, signal);
        metrics.looks.inc({ outcome: 'done' in outcome ? 'done' : 'again' });
        return outcome;
      },
      async sweep(signal) {
        await producer.repairStrayLooks();
        await sweep(signal);
      },
      onError(error) {
        if (error instanceof AttentionError) alerts.attention({ code: error.code, message: error.message });
        else if (error instanceof ConnectorError)
          log.warn({ err: error }, 'a sweep did not come to its end; it is made again');
        else alerts.bug(error);
      },
    });
    return {
      start() {
        runner.start();
        void registerWebhook();
      },
      isAlive: () => runner.isAlive(),
      async stop() {
        await runner.stop();
        queueRedis.disconnect();
        redis.disconnect();
      },
    };
  }
}

/** Builds the clients of the upstreams. Those of all processes draw from one budget. */
function composeUpstreams(
  config: Config,
  { redis, observe, readTimeoutMs }: { redis: Redis; observe(call: UpstreamCall): void; readTimeoutMs: number },
) {
  const keys = createKeys(config.redis.prefix);
  const box = createSecretBox(config.redis.stateKey);
  const budget = createBudget(redis, keys, (key) =>
    key === 'cloudesire' ? CLOUDESIRE_CALLS_PER_MINUTE : PARTNER_CENTER_CALLS_PER_MINUTE,
  );
  const { baseUrl, authorityUrl, refreshToken, ...app } = config.partnerCenter;

  const httpFor = (upstream: string, base: string): Http =>
    createHttp({ upstream, baseUrl: base, readTimeoutMs, readOnly: config.readOnly, budget, observe });
  const tokens = createTokens({
    ...app,
    http: httpFor('entra', authorityUrl),
    clock: systemClock,
    refreshTokens: createRefreshTokenStore(redis, keys, box),
    seed: refreshToken,
  });
  return {
    cloudesire: createCloudesire({
      http: httpFor('cloudesire', config.cloudesire.baseUrl),
      token: config.cloudesire.authToken,
    }),
    partnerCenter: createPartnerCenter({ http: httpFor('partner-center', baseUrl), tokens }),
  };
}

export interface LookParts {
  /** From `workerConnection`. */
  redis: Redis;
  log: Log;
  alerts: Alerts;
  requestLook(subscriptionId: number): Promise<unknown>;
  observe(call: UpstreamCall): void;
}

/** Builds what a worker does: the look at one subscription, and the sweep over all. */
export function composeLooks(config: Config, { redis, log, alerts, requestLook, observe }: LookParts) {
  const clock = systemClock;
  const { timing, sales } = config;
  const keys = createKeys(config.redis.prefix);
  const lanes = createLanes(redis, keys);
  const records = createRecords(redis, keys);
  const directory = createCustomerDirectory(redis, keys);
  const box = createSecretBox(config.redis.stateKey);
  const { cloudesire, partnerCenter } = composeUpstreams(config, {
    redis,
    observe,
    readTimeoutMs: timing.httpTimeoutMs,
  });
  const report = createReport({ cloudesire, languages: config.cloudesire.languages });

  const catalog = createCatalog({
    cloudesire,
    partnerCenter,
    report,
    directory,
    box,
    alerts,
    mode: sales.agreementMode,
    privateCustomers: sales.privateCustomers,
    resellerPartnerIds: sales.resellerPartnerIds,
    license: licenseSettings(config),
    pollEveryMs: timing.pollEveryMs,
    now: () => clock.now(),
    async isProvisioning(subscriptionId) {
      const record = await records.get(subscriptionId);
      return record?.run?.operation === 'provision' && ['running', 'waiting', 'retrying'].includes(record.state);
    },
  });
  const look = createReconcile({
    cloudesire,
    catalog,
    report,
    records,
    timeline: createTimeline(redis, keys),
    journal: createJournal(redis, keys),
    directory,
    partnerSubscriptions: createPartnerSubscriptionIndex(redis, keys),
    alerts,
    log,
    clock,
    openLane: (subscriptionId, signal) => lanes.openLane(subscriptionId, signal),
    backoffMs: (attempts) =>
      backoffMs({ attempts, baseMs: timing.retryBaseMs, capMs: LONGEST_BACKOFF_MS, random: Math.random }),
    settings: {
      sandboxOrders: sales.sandboxOrders,
      deadlineMs: timing.operationDeadlineMs,
      retryBaseMs: timing.retryBaseMs,
    },
  });
  /** Without Partner Center's events changes there are found by the sweep only, so a failure is no reason not to work. */
  async function registerWebhook(): Promise<void> {
    const { publicUrl } = config.http;
    if (publicUrl === undefined || config.readOnly) return;
    try {
      const outcome = await partnerCenter.webhooks.register({
        url: `${publicUrl}/partner-center/event`,
        events: WEBHOOK_EVENTS,
      });
      log.info({ outcome }, "Partner Center's webhook is registered");
    } catch (error) {
      log.warn({ err: error }, "Partner Center's webhook could not be registered; it is tried again at the next start");
    }
  }

  return { registerWebhook, look, sweep: createSweep({ cloudesire, records, requestLook, clock, log }) };
}

export interface CheckParts {
  /** From `producerConnection`. */
  redis: Redis;
  log: Log;
  alerts: Alerts;
  observe(call: UpstreamCall): void;
}

/**
 * Builds what the marketplace asks while a customer orders. Nothing of it changes anything anywhere. What the catalogues of
 * both sides say is remembered for a while; what says anything of a person is asked anew each time.
 */
export function composeChecks(config: Config, { redis, log, alerts, observe }: CheckParts) {
  const keys = createKeys(config.redis.prefix);
  const directory = createCustomerDirectory(redis, keys);
  const answers = createAnswers({ languages: config.cloudesire.languages });
  const readTimeoutMs = Math.min(config.timing.httpTimeoutMs, LATE_ANSWER_MS);
  const { cloudesire, partnerCenter } = composeUpstreams(config, { redis, observe, readTimeoutMs });
  const { catalogue } = cloudesire;
  const { catalog } = partnerCenter;

  const forOneMinute = remembering(60_000);
  const forFiveMinutes = remembering(5 * 60_000);
  const forOneDay = remembering(24 * 60 * 60_000);
  const asked = {
    catalogue: {
      product: forOneMinute(catalogue.product),
      plan: forOneMinute(catalogue.plan),
      productMetadata: forOneMinute(catalogue.productMetadata),
      planMetadata: forOneMinute(catalogue.planMetadata),
    },
    customers: { ...cloudesire.customers, countryCodes: forOneDay(cloudesire.customers.countryCodes) },
  };
  const microsoft = {
    catalog: { sku: forFiveMinutes(catalog.sku), availabilities: forFiveMinutes(catalog.availabilities) },
    customers: { ...partnerCenter.customers, countryRules: forOneDay(partnerCenter.customers.countryRules) },
    subscriptions: partnerCenter.subscriptions,
  };

  const parts = {
    cloudesire: asked,
    partnerCenter: microsoft,
    directory,
    license: licenseSettings(config),
    now: () => systemClock.now(),
    log,
    alerts,
  };
  const validateOrder = createValidateOrder({
    ...parts,
    records: createRecords(redis, keys),
    privateCustomers: config.sales.privateCustomers,
    sandboxOrders: config.sales.sandboxOrders,
  });
  return {
    suggest: createParameterValues({ ...parts, answers }),
    validate: async (order: ProposedOrder, language: string | undefined, signal: AbortSignal): Promise<string[]> =>
      answers.objections(await validateOrder(order, signal), language),
  };
}

function licenseSettings({ cloudesire }: Config): LicenseSettings {
  const { licenseIdentifier, domainParameter, termEndParameter } = cloudesire;
  return { licenseIdentifier, domainParameter, termEndParameter };
}

/** Answers that are kept for so long. There are never so many products in a marketplace that one would be pushed out early. */
function remembering(forMs: number) {
  return <A extends unknown[], T>(load: (...args: A) => Promise<T>) =>
    remember(load, { forMs, atMost: 1_000 }, systemClock);
}

/** Resolves when the connection can be used, now or later. */
function producerReady(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((resolve) => redis.once('ready', () => resolve()));
}
