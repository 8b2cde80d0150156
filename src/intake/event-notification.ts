import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Log } from '../lib/log.ts';
import { isFitting, type Secret } from '../lib/secret.ts';
import { within } from './deadline.ts';
import type { Failures } from './failures.ts';
import { Id } from './ids.ts';
import { readJson } from './json.ts';
import { type RouteDoc, refusals } from './openapi.ts';
import { refuse } from './replies.ts';
import { isSignedBy } from './signature.ts';

/** What Cloudesire says of a change; only good for the timeline, since the subscription itself is read afterwards. */
export interface EventNotification {
  type: 'CREATED' | 'MODIFIED' | 'DELETED' | 'UNKNOWN';
  eventId?: number;
  /** ISO instant at which the marketplace made the event. */
  date?: string;
}

/** What became of a request. */
export type EventOutcome = 'queued' | 'ignored' | 'unsigned' | 'invalid' | 'backlog-full' | 'unavailable';

export interface EventNotificationParts {
  /** Secrets that may have signed an event; one suffices. */
  secrets: Secret<readonly string[]>;
  /** Resolves once the look is safely stored. */
  requestLook: (subscriptionId: number, event: EventNotification) => Promise<'queued' | 'backlog-full'>;
  /** Keeps a signed body that cannot be understood, for operations. */
  quarantine: (body: Buffer, reason: string) => Promise<void>;
  /** Whether an error says that nothing can be stored at the moment; any other is a bug. */
  isOutage: (error: unknown) => boolean;
  /** Whoever signs wrongly is counted; who signs rightly is never held up by that. */
  failures: Pick<Failures, 'note'>;
  /** Longest time from the complete request to the answer. */
  deadlineMs: number;
  log: Log;
  count: (outcome: EventOutcome) => void;
}

/** The marketplace has one address per kind of CSP product; which one it takes makes no difference here. */
const PATHS = ['/event', '/event/license', '/event/azure', '/event/arm'];

const RETRY_AFTER_OUTAGE_S = 5;
const RETRY_AFTER_BACKLOG_S = 30;

const TYPES = ['CREATED', 'MODIFIED', 'DELETED'] as const;

const AnyNotification = z.object({ entity: z.string().min(1) });

const SubscriptionNotification = z.object({
  id: Id,
  type: z.string().transform((text) => TYPES.find((type) => type === text) ?? 'UNKNOWN'),
  eventId: Id.optional().catch(undefined),
  date: z.iso.datetime({ offset: true }).optional().catch(undefined),
});

const PROBE: RouteDoc = {
  tag: 'events',
  summary: 'Answers whoever tries the address',
  answers: { 200: { description: 'It can be reached', schema: z.object({ status: z.literal('ok') }) } },
};

const EVENT: RouteDoc = {
  tag: 'events',
  summary: 'The marketplace tells that something has changed',
  security: 'event-signature',
  body: z
    .looseObject({ ...AnyNotification.shape, ...SubscriptionNotification.shape })
    .partial({ id: true, type: true }),
  answers: {
    204: { description: 'Safely stored, or deliberately nothing to do' },
    ...refusals({
      400: 'Signed, but no notification: it is kept for operations',
      401: 'Not signed by a secret of ours',
      413: 'Larger than 64 KiB',
      415: 'No JSON, or encoded',
      429: 'Too many subscriptions wait: send it again after Retry-After',
      503: 'It could not be stored: send it again after Retry-After',
    }),
  },
};

/**
 * `POST /event` and its sisters: 204 once the look is safely stored, so that a crash before that makes Cloudesire send
 * the event again. The other answers: 400 not a notification (kept in quarantine), 401 not signed by one of ours,
 * 413, 415, 429 backlog over its limit, 503 nothing could be stored. `GET` answers probes.
 *
 * @see https://docs.cloudesire.com/docs/event-notification.html
 */
export const eventNotificationRoutes: FastifyPluginAsync<EventNotificationParts> = async (app, parts) => {
  // The signature covers the bytes as sent: they are kept as they are, and parsed only once verified.
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  for (const path of PATHS) {
    app.get(path, { config: { doc: PROBE } }, async () => ({ status: 'ok' }));
    app.post(path, { onRequest: refuseEncodedBody, config: { doc: EVENT } }, (request, reply) =>
      receive(parts, request, reply),
    );
  }
};

async function refuseEncodedBody(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  return (request.headers['content-encoding'] ?? 'identity') === 'identity' ? undefined : refuseMedia(reply);
}

async function receive(
  parts: EventNotificationParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const body = request.body;
  if (request.headers['content-type'] === undefined) return refuseMedia(reply);
  if (!Buffer.isBuffer(body) || body.length === 0) {
    return refuse(reply, 400, { error: 'body.missing', message: 'The request has no body: send the event as JSON.' });
  }
  const signature = request.headers['cmw-event-signature'];
  if (!isFitting(parts.secrets, (secrets) => isSignedBy(secrets, body, signature))) {
    parts.count('unsigned');
    parts.failures.note(request.ip, 'event refused: not signed by a secret of CMW_EVENT_SECRETS', {
      sizeBytes: body.length,
    });
    return refuse(reply, 401, {
      error: 'signature.mismatch',
      message: 'CMW-Event-Signature is missing, or was made with another secret: compare the secrets of both sides.',
    });
  }

  const event = parseNotification(body);
  switch (event.kind) {
    case 'subscription':
      return queueLook(parts, reply, event.subscriptionId, event.notification);
    case 'other':
      parts.count('ignored');
      parts.log.debug({ entity: event.entity }, 'event ignored: not of a subscription');
      return reply.code(204).send();
    case 'invalid':
      return quarantine(parts, reply, body, event.reason);
  }
}

async function queueLook(
  parts: EventNotificationParts,
  reply: FastifyReply,
  subscriptionId: number,
  notification: EventNotification,
): Promise<FastifyReply> {
  const facts = { subscriptionId, eventType: notification.type, eventId: notification.eventId };
  let outcome: 'queued' | 'backlog-full';
  try {
    outcome = await within(parts.deadlineMs, () => parts.requestLook(subscriptionId, notification));
  } catch (err) {
    parts.count('unavailable');
    if (!parts.isOutage(err)) throw err;
    parts.log.warn({ err, ...facts }, 'event put off: the queue does not take it');
    return refuseOutage(reply);
  }
  parts.count(outcome);
  if (outcome === 'queued') {
    parts.log.info(facts, 'event queued');
    return reply.code(204).send();
  }
  parts.log.warn(facts, 'event put off: too many subscriptions wait for a look');
  const refusal = { error: 'backlog.full', message: 'Too many subscriptions wait for a look: send it again later.' };
  return refuse(reply, 429, refusal, RETRY_AFTER_BACKLOG_S);
}

async function quarantine(
  parts: EventNotificationParts,
  reply: FastifyReply,
  body: Buffer,
  reason: string,
): Promise<FastifyReply> {
  try {
    await within(parts.deadlineMs, () => parts.quarantine(body, reason));
  } catch (err) {
    parts.count('unavailable');
    if (!parts.isOutage(err)) throw err;
    parts.log.warn({ err, reason }, 'event put off: the quarantine does not take it');
    return refuseOutage(reply);
  }
  parts.count('invalid');
  parts.log.warn({ reason, sizeBytes: body.length }, 'event kept in quarantine: signed, but no notification');
  return refuse(reply, 400, { error: 'event.invalid', message: `The event is ${reason}. It is kept for operations.` });
}

function refuseMedia(reply: FastifyReply): FastifyReply {
  const message = 'Send the event as application/json, without a content encoding.';
  return refuse(reply, 415, { error: 'body.unsupported-media-type', message });
}

function refuseOutage(reply: FastifyReply): FastifyReply {
  const refusal = { error: 'queue.unavailable', message: 'The event could not be stored: send it again later.' };
  return refuse(reply, 503, refusal, RETRY_AFTER_OUTAGE_S);
}

type ParsedEvent =
  | { kind: 'subscription'; subscriptionId: number; notification: EventNotification }
  | { kind: 'other'; entity: string }
  | { kind: 'invalid'; reason: string };

/** Reads a signed body. Only subscriptions concern us, so that of any other entity nothing but its name has to fit. */
function parseNotification(body: Buffer): ParsedEvent {
  const json = readJson(body);
  if (json === undefined) return { kind: 'invalid', reason: 'not JSON in UTF-8, or nested without end' };
  const any = AnyNotification.safeParse(json);
  if (!any.success) return { kind: 'invalid', reason: 'no object that names an entity' };
  if (any.data.entity !== 'Subscription') return { kind: 'other', entity: any.data.entity };

  const parsed = SubscriptionNotification.safeParse(json);
  if (!parsed.success) {
    const fields = [...new Set(parsed.error.issues.map((issue) => issue.path[0]))].join(' and ');
    return { kind: 'invalid', reason: `of a subscription, but without a usable ${fields}` };
  }
  const { id, type, eventId, date } = parsed.data;
  return {
    kind: 'subscription',
    subscriptionId: id,
    notification: { type, ...(eventId === undefined ? {} : { eventId }), ...(date === undefined ? {} : { date }) },
  };
}
