import { getCACertificates } from 'node:tls';
import type { Config } from '../config.ts';
import { createCertificateDownload } from '../intake/certificate-download.ts';
import { consoleRoutes } from '../intake/console.ts';
import { eventNotificationRoutes } from '../intake/event-notification.ts';
import { createFailures, type Door } from '../intake/failures.ts';
import { opsApi } from '../intake/ops-api.ts';
import { orderValidationRoute } from '../intake/order-validation.ts';
import { parameterValuesRoute } from '../intake/parameter-values.ts';
import { partnerCenterEventRoute } from '../intake/partner-center-event.ts';
import { createPartnerCenterSignature } from '../intake/partner-center-signature.ts';
import type { createServer } from '../intake/server.ts';
import { usageRoute } from '../intake/usage.ts';
import type { Alerts } from '../lib/alerts.ts';
import { systemClock } from '../lib/clock.ts';
import { RetryableError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Producer } from '../queue/producer.ts';
import { isOutage as isRedisOutage } from '../store/redis.ts';
import type { UpstreamCall } from '../upstreams/http.ts';
import { composeChecks } from './checks.ts';
import { composeOperations } from './operations.ts';
import type { Store } from './store.ts';
import type { Traces } from './tracing.ts';

/** Deadline of the answer to an event; the marketplace is promised 2 s. */
const EVENT_ANSWER_WITHIN_MS = 1_800;
/** Deadline of the answer to a question while a customer orders; the marketplace is promised 3 s. */
const QUESTION_DEADLINE_MS = 2_500;

export interface IntakeParts {
  server: ReturnType<typeof createServer>;
  /** Over a connection from `producerConnection`. */
  store: Store;
  producer: Producer;
  /** Absent where nobody follows what is done. */
  traces?: Traces | undefined;
  metrics: Metrics;
  alerts: Alerts;
  observe(call: UpstreamCall): void;
  /** What is worth knowing now, in sentences. */
  notes(): Promise<readonly string[]>;
  log: Log;
}

/** Opens the doors of the service: to the events of both sides, to the questions of the marketplace, and to operations. */
export function composeIntake(config: Config, parts: IntakeParts): void {
  const { server, store, producer, traces, metrics, alerts, observe, notes, log } = parts;
  const clock = systemClock;
  const { quarantine, timeline, partnerSubscriptions, replication } = store;
  const keepInQuarantine = async (body: Buffer, reason: string) => {
    await quarantine.add(body, reason);
    await replication.confirm();
  };

  const ask = (id: number) => (traces ? traces.ask(id, () => producer.requestLook(id)) : producer.requestLook(id));

  /** The event itself is safe in the queue: losing an entry of the timeline in an outage does not matter. */
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
    isOutage,
    failures: failuresAt('event'),
    deadlineMs: EVENT_ANSWER_WITHIN_MS,
    log,
    count: (outcome) => metrics.events.inc({ outcome }),
  });

  const { baseUrl, authorityUrl } = config.partnerCenter;
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
    isOutage,
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
    const { validate, suggest, usage } = composeChecks(config, { store, log, alerts, observe });
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
    operations: composeOperations({ store, config, producer, notes }),
    isOutage,
  });
}

/** Redis fails a command without a word of ours; what reads and writes more than one thing there says itself that it may be tried again. */
function isOutage(error: unknown): boolean {
  return error instanceof RetryableError || isRedisOutage(error);
}
