import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { ConnectorError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { within } from './deadline.ts';
import type { Failures } from './failures.ts';
import { readJson } from './json.ts';
import { type RouteDoc, refusals } from './openapi.ts';
import { type Refusal, refuse } from './replies.ts';

/** Events that are counted by their name, `unknown` when it could not be read or trusted. */
export type PartnerCenterEventName = (typeof NAMES)[number] | 'other' | 'unknown';

/** What became of an event. */
export type PartnerCenterEventOutcome =
  | 'look-requested'
  | 'not-ours'
  | 'relationship-told'
  | 'told'
  | 'ignored'
  | 'quarantined'
  | 'unverified'
  | 'backlog-full'
  | 'unavailable';

export interface PartnerCenterEventParts {
  /** Resolves when Partner Center has signed exactly these bytes; rejects with a ConnectorError when it has not. */
  verify: (rawBody: Buffer, headers: IncomingHttpHeaders) => Promise<void>;
  /** The subscription for which a partner subscription was bought; `undefined` when we did not buy it. */
  ownerOf: (partnerSubscriptionId: string) => Promise<number | undefined>;
  /** Resolves once the look is safely stored. */
  requestLook: (subscriptionId: number) => Promise<'queued' | 'backlog-full'>;
  /** Told when a customer has accepted to buy through us; resolves once what follows is safely stored. */
  relationshipAccepted: (customerId: string) => Promise<unknown>;
  /** Tells a person of operations. */
  tell: (matter: { code: string; message: string }) => void;
  /** Keeps a signed body that cannot be understood, for operations. */
  quarantine: (body: Buffer, reason: string) => Promise<void>;
  /** Whether an error says that nothing can be stored at the moment; any other is a bug. */
  isOutage: (error: unknown) => boolean;
  /** Whoever signs wrongly is counted; who signs rightly is never held up by that. */
  failures: Pick<Failures, 'note'>;
  /** Longest time from the complete request to the answer. */
  deadlineMs: number;
  log: Log;
  count: (event: PartnerCenterEventName, outcome: PartnerCenterEventOutcome) => void;
}

const NAMES = [
  'subscription-updated',
  'reseller-relationship-accepted-by-customer',
  'azure-fraud-event-detected',
  'usagerecords-thresholdExceeded',
  'invoice-ready',
  'test-created',
] as const;

/** Events that only a person can follow up. Neither names a subscription of ours. */
const MATTERS: Partial<Record<PartnerCenterEventName, { code: string; message: string }>> = {
  'azure-fraud-event-detected': {
    code: 'partner-center.azure-abuse',
    message:
      'Microsoft has seen signs of abuse in an Azure subscription of a customer. See in Partner Center, under Security alerts, which one it is, and stop what runs there.',
  },
  'usagerecords-thresholdExceeded': {
    code: 'partner-center.budget-exceeded',
    message:
      'A customer has spent more on Azure in this period than its budget. The event does not say who: see Azure spending in Partner Center. Nothing is stopped by that.',
  },
};

/** How an event ends: what is logged and answered. */
const ENDS: Record<
  PartnerCenterEventOutcome,
  { level: 'info' | 'warn'; sentence: string; refusal?: Refusal & { status: number; retryAfterS?: number } }
> = {
  'look-requested': { level: 'info', sentence: 'Partner Center event queued' },
  'not-ours': { level: 'info', sentence: 'Partner Center event ignored: of a partner subscription that is not ours' },
  'relationship-told': {
    level: 'info',
    sentence: 'Partner Center event handed on: a customer accepted the relationship',
  },
  told: { level: 'warn', sentence: 'Partner Center event told to operations' },
  ignored: { level: 'info', sentence: 'Partner Center event acknowledged: nothing follows from it' },
  quarantined: { level: 'warn', sentence: 'Partner Center event kept in quarantine: signed, but not understood' },
  unverified: {
    level: 'warn',
    sentence: 'Partner Center event refused: its signature could not be verified',
    refusal: {
      status: 401,
      error: 'signature.mismatch',
      // Which step failed is not said: it would tell a stranger what our network can reach.
      message: 'The signature could not be verified; the log of the connector says why.',
    },
  },
  'backlog-full': {
    level: 'warn',
    sentence: 'Partner Center event put off: too many subscriptions wait for a look',
    refusal: {
      status: 429,
      retryAfterS: 30,
      error: 'backlog.full',
      message: 'Too many subscriptions wait for a look: send it again later.',
    },
  },
  unavailable: {
    level: 'warn',
    sentence: 'Partner Center event put off: what follows from it could not be stored in time',
    refusal: {
      status: 503,
      retryAfterS: 5,
      error: 'queue.unavailable',
      message: 'The event could not be stored: send it again later.',
    },
  },
};

/** What came of an event: the fields of its log line, besides what is counted. */
interface End {
  event: PartnerCenterEventName;
  outcome: PartnerCenterEventOutcome;
  facts?: object;
}

const DOC: RouteDoc = {
  tag: 'events',
  summary: 'Partner Center tells of a change, signed as it documents',
  body: z.looseObject({ EventName: z.string(), ResourceUri: z.string().optional() }),
  answers: {
    200: { description: 'What follows is safely stored, or nothing follows' },
    ...refusals({
      401: 'The signature cannot be verified',
      413: 'Larger than 64 KiB',
      429: 'Too many subscriptions wait: send it again after Retry-After',
      503: 'It could not be stored: send it again after Retry-After',
    }),
  },
};

/**
 * `POST /partner-center/event`, the webhook that is registered at Partner Center. 200 once what follows is safely stored,
 * also when nothing follows and when a signed body cannot be understood (which is kept in quarantine): whatever else is
 * answered, Partner Center repeats the event ten times and then drops it. 401 when the signature cannot be verified, 413
 * over the limit of the server, 429 and 503 with `Retry-After` when nothing could be stored.
 *
 * Events come late, repeatedly or not at all, so an event only ever leads to a look, and its addresses are never called.
 *
 * @see https://learn.microsoft.com/partner-center/developer/partner-center-webhooks
 */
export const partnerCenterEventRoute: FastifyPluginAsync<PartnerCenterEventParts> = async (app, parts) => {
  // The signature covers the bytes as sent: they are kept as they are, whatever they say they are, and parsed once verified.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.post('/partner-center/event', { config: { doc: DOC } }, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const { event, outcome, facts } = await receive(parts, body, request.headers);
    const { level, sentence, refusal } = ENDS[outcome];
    parts.count(event, outcome);
    if (outcome === 'unverified') parts.failures.note(request.ip, sentence, facts);
    else parts.log[level]({ event, ...facts }, sentence);
    if (refusal === undefined) return reply.code(200).send();
    const { status, retryAfterS, ...reason } = refusal;
    return refuse(reply, status, reason, retryAfterS);
  });
};

async function receive(parts: PartnerCenterEventParts, body: Buffer, headers: IncomingHttpHeaders): Promise<End> {
  const startedAt = performance.now();
  try {
    await within(parts.deadlineMs, () => parts.verify(body, headers));
  } catch (err) {
    // Whatever else is thrown is no verdict about the request, but a bug.
    if (!(err instanceof ConnectorError)) throw err;
    return { event: 'unknown', outcome: 'unverified', facts: { err } };
  }

  const event = parseEvent(body);
  try {
    const leftMs = Math.round(parts.deadlineMs - (performance.now() - startedAt));
    return await within(leftMs, () => follow(parts, event, body));
  } catch (err) {
    if (parts.isOutage(err)) return { event: event.name, outcome: 'unavailable', facts: { err } };
    parts.count(event.name, 'unavailable');
    throw err;
  }
}

async function follow(parts: PartnerCenterEventParts, event: ParsedEvent, body: Buffer): Promise<End> {
  switch (event.kind) {
    case 'subscription': {
      const { name, customerId, partnerSubscriptionId } = event;
      const subscriptionId = await parts.ownerOf(partnerSubscriptionId);
      if (subscriptionId === undefined) {
        return { event: name, outcome: 'not-ours', facts: { customerId, partnerSubscriptionId } };
      }
      const answer = await parts.requestLook(subscriptionId);
      const outcome = answer === 'queued' ? 'look-requested' : answer;
      return { event: name, outcome, facts: { subscriptionId, customerId, partnerSubscriptionId } };
    }
    case 'relationship':
      await parts.relationshipAccepted(event.customerId);
      return { event: event.name, outcome: 'relationship-told', facts: { customerId: event.customerId } };
    case 'matter':
      parts.tell(event.matter);
      return { event: event.name, outcome: 'told', facts: { code: event.matter.code } };
    case 'other':
      return { event: event.name, outcome: 'ignored', facts: { eventName: event.eventName } };
    case 'unreadable':
      await parts.quarantine(body, event.reason);
      return { event: event.name, outcome: 'quarantined', facts: { reason: event.reason, sizeBytes: body.length } };
  }
}

type ParsedEvent = { name: PartnerCenterEventName } & (
  | { kind: 'subscription'; customerId: string; partnerSubscriptionId: string }
  | { kind: 'relationship'; customerId: string }
  | { kind: 'matter'; matter: { code: string; message: string } }
  | { kind: 'other'; eventName: string }
  | { kind: 'unreadable'; reason: string }
);

const Guid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** Scheme, host and what stands in front vary and are worth nothing: only the identifiers are taken. */
const SUBSCRIPTION_URI = new RegExp(`/customers/(${Guid})/subscriptions/(${Guid})/?(?:[?#]|$)`, 'i');
const CUSTOMER_URI = new RegExp(`/customers/(${Guid})/?(?:[?#]|$)`, 'i');

/** Names are written now `EventName`, now `eventName`. */
const Notification = z.preprocess(
  (json) => (typeof json === 'object' && json !== null ? lowerCaseNames(json) : json),
  z.object({ eventname: z.string().min(1), resourceuri: z.string().catch('') }),
);

/**
 * Reads a signed body. What is not understood of it is unreadable only where something would follow from it.
 *
 * @see https://learn.microsoft.com/partner-center/developer/partner-center-webhook-events
 */
function parseEvent(body: Buffer): ParsedEvent {
  const json = readJson(body);
  if (json === undefined) {
    return {
      kind: 'unreadable',
      name: 'unknown',
      reason: 'an event of Partner Center, but not JSON in UTF-8, or nested without end',
    };
  }
  const parsed = Notification.safeParse(json);
  if (!parsed.success) {
    return { kind: 'unreadable', name: 'unknown', reason: 'an event of Partner Center, but without a name' };
  }

  const { eventname: eventName, resourceuri: uri } = parsed.data;
  const name = NAMES.find((known) => known.toLowerCase() === eventName.toLowerCase()) ?? 'other';
  const missing = (what: string) =>
    ({ kind: 'unreadable', name, reason: `${name} of Partner Center without ${what}` }) as const;
  switch (name) {
    case 'subscription-updated': {
      const [, customerId, partnerSubscriptionId] = SUBSCRIPTION_URI.exec(uri) ?? [];
      if (customerId === undefined || partnerSubscriptionId === undefined) return missing('the ids of a subscription');
      return { kind: 'subscription', name, customerId, partnerSubscriptionId };
    }
    case 'reseller-relationship-accepted-by-customer': {
      const [, customerId] = CUSTOMER_URI.exec(uri) ?? [];
      return customerId === undefined ? missing('the id of a customer') : { kind: 'relationship', name, customerId };
    }
    default: {
      const matter = MATTERS[name];
      return matter ? { kind: 'matter', name, matter } : { kind: 'other', name, eventName };
    }
  }
}

function lowerCaseNames(json: object): object {
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name.toLowerCase(), value]));
}
