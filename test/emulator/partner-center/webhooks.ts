import type { Clock } from '../core/clock.ts';
import type { EmulatorServer } from '../core/server.ts';
import type { Api } from './api.ts';
import { type Fields, requireText } from './body.ts';
import { type Books, MICROSOFT } from './books.ts';
import { MINUTE_MS, printInstant } from './calendar.ts';
import { newGuid } from './identifiers.ts';
import { invalidInput, Refusal, refusal } from './refusals.ts';
import { ok } from './replies.ts';
import type { Schedule } from './schedule.ts';
import type { Signer } from './signing.ts';
import type { Switches } from './switches.ts';

const EVENT_NAMES = [
  'azure-fraud-event-detected',
  'dap-admin-relationship-approved',
  'dap-admin-relationship-terminated',
  'dap-admin-relationship-terminated-by-microsoft',
  'granular-admin-access-assignment-activated',
  'granular-admin-access-assignment-created',
  'granular-admin-access-assignment-deleted',
  'granular-admin-access-assignment-updated',
  'granular-admin-relationship-activated',
  'granular-admin-relationship-approved',
  'granular-admin-relationship-expired',
  'granular-admin-relationship-terminated',
  'invoice-ready',
  'new-commerce-migration-completed',
  'new-commerce-migration-created',
  'new-commerce-migration-failed',
  'new-commerce-migration-schedule-failed',
  'reseller-relationship-accepted-by-customer',
  'subscription-updated',
  'test-created',
  'usagerecords-thresholdExceeded',
] as const;

export type EventName = (typeof EVENT_NAMES)[number];

export const CERTIFICATE_PATH = '/certificates/pcnotifications-dispatch.cer';
const HOST = 'api.partnercenter.microsoft.com';
const MAX_ATTEMPTS = 10;
const ATTEMPT_TIMEOUT_MS = 10_000;
const TEST_EVENTS_PER_MINUTE = 2;

export interface WebhookParts {
  api: Api;
  server: EmulatorServer;
  clock: Clock;
  switches: Switches;
  books: Books;
  schedule: Schedule;
  signer: () => Signer;
  /** Where the signing certificate can be fetched. */
  certificateUrl: () => string;
  partnerTenantId: string;
}

export interface Announcement {
  /** Path of the resource below the host of the API, e.g. `/v1/customers/{id}`. */
  path: string;
  resource?: string;
  /** Parts of the id of the audit record, where there is one. */
  ids?: string[];
}

/** One event on its way to the registered address. */
export interface Delivery {
  eventName: EventName;
  url: string;
  body: string;
  attempts: { at: string; result: string }[];
  state: 'waiting' | 'delivered' | 'parked';
}

export interface Webhooks {
  announce(eventName: EventName, announcement: Announcement): void;
  deliveries(): Delivery[];
  /** Sends what waits, without regard to delays and pauses between attempts. */
  deliverNow(): Promise<void>;
  registration(): { url: string; events: string[] } | undefined;
  reset(): void;
}

interface Registration {
  subscriberId: string;
  url: string;
  events: string[];
  signsInMsHeader: boolean;
}

/**
 * The registration of a webhook and the signed events it gets: at most ten attempts, with pauses of 1, 2, 4 … minutes of
 * virtual time, until the address answers 2xx.
 *
 * @see https://learn.microsoft.com/partner-center/developer/partner-center-webhooks
 * @see https://learn.microsoft.com/partner-center/developer/partner-center-webhook-events
 */
export function defineWebhooks(parts: WebhookParts): Webhooks {
  const { api, server, clock, switches, books, schedule } = parts;
  let registration: Registration | undefined;
  let deliveries: Array<Delivery & { cancel?: () => void }> = [];
  let tests = new Map<string, Delivery>();
  let testTimes: number[] = [];

  api.define('any', 'GET', '/webhooks/v1/registration/events', () => ok([...EVENT_NAMES]));

  api.define('any', 'GET', '/webhooks/v1/registration', () => {
    if (registration === undefined) throw refusal(404, 1000);
    return ok({ WebhookUrl: registration.url, WebhookEvents: [...registration.events] });
  });

  for (const method of ['POST', 'PUT']) {
    api.define('any', method, '/webhooks/v1/registration', ({ fields, cause }) => {
      if (method === 'PUT' && registration === undefined) throw refusal(404, 1000);
      registration = { ...readRegistration(fields()), subscriberId: registration?.subscriberId ?? newGuid() };
      const { subscriberId, url, events } = registration;
      books.write('webhook registered', cause, { url, events });
      return ok({ SubscriberId: subscriberId, WebhookUrl: url, WebhookEvents: [...events] });
    });
  }

  api.define('any', 'POST', '/webhooks/v1/registration/validationEvents', () => {
    if (registration === undefined || !registration.events.includes('test-created')) {
      throw invalidInput('No webhook is registered for test-created.');
    }
    testTimes = testTimes.filter((at) => at > clock.now() - MINUTE_MS);
    if (testTimes.length >= TEST_EVENTS_PER_MINUTE) {
      const message = 'Rate limit is exceeded. Try again in 60 seconds.';
      throw new Refusal(429, { statusCode: 429, message }, message);
    }
    testTimes.push(clock.now());
    const correlationId = newGuid();
    const path = `/webhooks/v1/registration/validationEvents/${correlationId}`;
    const delivery = enqueue('test-created', { path, resource: 'test' }, 0);
    if (delivery !== undefined) tests.set(correlationId, delivery);
    return ok({ correlationId });
  });

  api.define('any', 'GET', '/webhooks/v1/registration/validationEvents/:correlationId', ({ params }) => {
    const delivery = tests.get(params.correlationId!.toLowerCase());
    if (delivery === undefined) throw refusal(404, 1000);
    return ok({
      correlationId: params.correlationId,
      partnerId: parts.partnerTenantId,
      status: delivery.state === 'waiting' ? 'EMULATED_waiting' : 'completed',
      callbackUrl: delivery.url,
      results: delivery.attempts.map(({ at, result }) => ({
        responseCode: result,
        responseMessage: '',
        systemError: false,
        dateTimeUtc: at,
      })),
    });
  });

  server.route('GET', CERTIFICATE_PATH, () => ({
    status: 200,
    headers: { 'content-type': 'application/pkix-cert' },
    body: parts.signer().certificate,
  }));

  function enqueue(eventName: EventName, announcement: Announcement, delayMs: number): Delivery | undefined {
    if (registration === undefined || !registration.events.includes(eventName)) return undefined;
    const body = JSON.stringify(formEvent(eventName, announcement, clock.now(), parts.partnerTenantId));
    const delivery: Delivery & { cancel?: () => void } = {
      eventName,
      url: registration.url,
      body,
      attempts: [],
      state: 'waiting',
    };
    deliveries.push(delivery);
    delivery.cancel = schedule.at(clock.now() + delayMs, () => attempt(delivery));
    return delivery;
  }

  async function attempt(delivery: Delivery & { cancel?: () => void }): Promise<void> {
    delete delivery.cancel;
    const result = await post(delivery);
    delivery.attempts.push({ at: printInstant(clock.now()).replace('Z', ''), result });
    const { eventName, url } = delivery;
    if (result === 'OK') {
      delivery.state = 'delivered';
      books.write('webhook delivered', MICROSOFT, { eventName, url, attempts: delivery.attempts.length });
    } else if (delivery.attempts.length >= MAX_ATTEMPTS) {
      delivery.state = 'parked';
      books.write('webhook failed', MICROSOFT, { eventName, url, attempts: MAX_ATTEMPTS });
    } else {
      const pauseMs = 2 ** (delivery.attempts.length - 1) * MINUTE_MS;
      delivery.cancel = schedule.at(clock.now() + pauseMs, () => attempt(delivery));
    }
  }

  async function post({ url, body }: Delivery): Promise<string> {
    const signature = `Signature ${parts.signer().sign(Buffer.from(body))}`;
    const header = registration?.signsInMsHeader === true ? 'x-ms-signature' : 'authorization';
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'x-ms-certificate-url': parts.certificateUrl(),
          'x-ms-signature-algorithm': 'rsa-sha256',
          [header]: signature,
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(ATTEMPT_TIMEOUT_MS),
      });
      await response.arrayBuffer();
      return response.ok ? 'OK' : String(response.status);
    } catch {
      return 'no answer';
    }
  }

  return {
    announce(eventName, announcement) {
      enqueue(eventName, announcement, switches.webhookDelayMs);
    },

    deliveries() {
      return deliveries.map(({ cancel: _cancel, ...delivery }) => structuredClone(delivery));
    },

    async deliverNow() {
      for (const delivery of deliveries.filter(({ state, cancel }) => state === 'waiting' && cancel !== undefined)) {
        delivery.cancel?.();
        await attempt(delivery);
      }
    },

    registration() {
      return registration === undefined ? undefined : { url: registration.url, events: [...registration.events] };
    },

    reset() {
      registration = undefined;
      deliveries = [];
      tests = new Map();
      testTimes = [];
    },
  };
}

function readRegistration(fields: Fields): Omit<Registration, 'subscriberId'> {
  const url = requireText(fields, 'webhookUrl');
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw invalidInput('The WebhookUrl is not valid.');
  const { webhookEvents } = fields;
  if (!Array.isArray(webhookEvents)) throw invalidInput('The field WebhookEvents must be a list.');
  const events = webhookEvents.map(String);
  const unknown = events.find((name) => !(EVENT_NAMES as readonly string[]).includes(name));
  if (unknown !== undefined) throw invalidInput(`The event ${unknown} does not exist.`);
  return { url, events, signsInMsHeader: fields.signatureTokenToMsSignatureHeader === true };
}

function formEvent(
  eventName: EventName,
  { path, resource, ids }: Announcement,
  nowMs: number,
  partnerId: string,
): object {
  const scheme = path.startsWith('/webhooks') ? 'http' : 'https';
  const ticks = (BigInt(Math.trunc(nowMs)) + 62_135_596_800_000n) * 10_000n;
  const audit = ids === undefined ? null : `https://${HOST}/v1/auditrecords/${[partnerId, ...ids].join('_')}_${ticks}`;
  return {
    EventName: eventName,
    ResourceUri: `${scheme}://${HOST}${path}`,
    ...(resource === undefined ? {} : { ResourceName: resource }),
    AuditUri: audit,
    ResourceChangeUtcDate: printInstant(nowMs).replace('Z', '+00:00'),
  };
}
