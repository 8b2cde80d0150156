import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Log } from '../lib/log.ts';
import type { Secret } from '../lib/secret.ts';
import type { Failures } from './failures.ts';
import { refuse } from './replies.ts';
import { isSameSecret } from './secret.ts';

const STATES = ['idle', 'running', 'waiting', 'retrying', 'needs-attention', 'failed', 'done'] as const;

/** What Microsoft goes on charging for although the marketplace has ended it. */
export interface OpsExposure {
  subscriptionId: number;
  owner?: string;
  customerId?: string;
  partnerSubscriptionId: string;
  offerId?: string;
  seats: number;
  billingCycle?: string;
  /** Before tax, for one seat and one billing period. */
  price?: { amount: number; currency: string };
  /** Last day that is charged. */
  until?: string;
}

/** What is known of one subscription, as operations may see it. */
export interface OpsRecord {
  subscriptionId: number;
  productType?: string;
  state: (typeof STATES)[number];
  operation?: string;
  step?: string;
  waitingFor?: string;
  since: string;
  attempts: number;
  lastError?: { code: string; message: string; at: string };
  fulfillment?: object;
}

export interface OpsQuery {
  state?: (typeof STATES)[number];
  product?: string;
  customer?: string;
  /** 1-based. */
  page: number;
  pageSize: number;
}

export interface OpsParts {
  /** What `Authorization: Bearer` has to carry. */
  token: Secret;
  /** Whoever fails too often waits, before even the right token is looked at: else it could be guessed. */
  failures: Failures;
  list: (query: OpsQuery) => Promise<{ items: OpsRecord[]; total: number }>;
  listExposures: (page: { page: number; pageSize: number }) => Promise<{ items: OpsExposure[]; total: number }>;
  show: (subscriptionId: number) => Promise<(OpsRecord & { timeline: unknown[] }) | undefined>;
  /** Looks again now, also at a subscription of which nothing is known yet. */
  look: (subscriptionId: number, reason: string | undefined) => Promise<unknown>;
  /** Forgets the failure and resumes at the failed step; false when nothing is known of the subscription. */
  retry: (subscriptionId: number, reason: string | undefined) => Promise<boolean>;
  log: Log;
}

const PAGE_SIZE = 50;
const RETRY_AFTER_OUTAGE_S = 5;

const Filter = z
  .string()
  .max(200)
  .optional()
  .transform((text) => text || undefined);

const Query = z.object({
  state: z.preprocess((text) => text || undefined, z.enum(STATES).optional()),
  product: Filter,
  customer: Filter,
  page: z.preprocess((text) => text || undefined, z.coerce.number().int().min(1).max(1_000_000).default(1)),
});

const Body = z.object({ reason: z.string().max(500).optional() });

const SubscriptionId = z
  .string()
  .regex(/^\d{1,10}$/)
  .transform(Number)
  .pipe(
    z
      .int()
      .positive()
      .max(2 ** 31 - 1),
  );

/**
 * The API of operations: where a subscription stands and why, and the two buttons. To be registered only when there is a
 * token. 401 without it, 429 after ten wrong ones of an address within a minute, 400 for a query or body that cannot be understood, 404 for a subscription of which nothing is
 * known, 503 while the store does not answer.
 */
export const opsApi: FastifyPluginAsync<OpsParts> = async (
  app,
  { token, failures, list, listExposures, show, look, retry, log },
) => {
  app.addHook('onRequest', async (request, reply) => {
    const waitMs = failures.waitMs(request.ip);
    if (waitMs > 0) {
      const message = 'Too many wrong tokens came from this address: wait, then send the value of OPS_TOKEN.';
      return refuse(reply, 429, { error: 'ops.too-many-failures', message }, Math.ceil(waitMs / 1_000));
    }
    if (carriesToken(request, token)) return;
    failures.note(request.ip, 'operations refused: not the token of OPS_TOKEN');
    reply.header('www-authenticate', 'Bearer');
    return refuse(reply, 401, {
      error: 'ops.unauthorized',
      message: 'Send the value of OPS_TOKEN as Authorization: Bearer.',
    });
  });
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => done(null, text));

  // A failure here is one of the store: the routes themselves only pass on.
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    if (error.statusCode !== undefined && error.statusCode < 500) throw error;
    log.warn({ err: error }, 'operations could not be answered');
    const refusal = { error: 'ops.unavailable', message: 'The store does not answer: try again later.' };
    return refuse(reply, 503, refusal, RETRY_AFTER_OUTAGE_S);
  });

  app.get('/ops/api/subscriptions', async (request, reply) => {
    const query = Query.safeParse(request.query);
    if (!query.success) return refuseInput(reply, query.error);
    const { items, total } = await list({ ...onlyGiven(query.data), page: query.data.page, pageSize: PAGE_SIZE });
    return reply.send({ items: items.map(presentRecord), page: query.data.page, total });
  });

  app.get('/ops/api/exposures', async (request, reply) => {
    const query = Query.pick({ page: true }).safeParse(request.query);
    if (!query.success) return refuseInput(reply, query.error);
    const { page } = query.data;
    const { items, total } = await listExposures({ page, pageSize: PAGE_SIZE });
    return reply.send({ items: items.map(presentExposure), page, total });
  });

  app.get<{ Params: { id: string } }>('/ops/api/subscriptions/:id', async (request, reply) => {
    const id = SubscriptionId.safeParse(request.params.id);
    const found = id.success ? await show(id.data) : undefined;
    if (found === undefined) return refuseUnknown(reply);
    return reply.send({ ...presentRecord(found), timeline: found.timeline });
  });

  const buttons = {
    look: async (id: number, reason: string | undefined) => {
      await look(id, reason);
      return true;
    },
    retry,
  };
  for (const [button, press] of Object.entries(buttons)) {
    app.post<{ Params: { id: string } }>(`/ops/api/subscriptions/:id/${button}`, async (request, reply) => {
      const id = SubscriptionId.safeParse(request.params.id);
      if (!id.success) return refuseUnknown(reply);
      const body = Body.safeParse(parseJson(request.body));
      if (!body.success) return refuseInput(reply, body.error);
      if (!(await press(id.data, body.data.reason))) return refuseUnknown(reply);
      return reply.code(202).send({ status: 'queued' });
    });
  }
};

function carriesToken(request: FastifyRequest, token: Secret): boolean {
  const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const known = token.read();
  return isSameSecret(given, known) || (token.isReplaced(known) && isSameSecret(given, token.read()));
}

/** The body may be left out; one that is no JSON becomes something that no schema takes. */
function parseJson(text: unknown): unknown {
  if (typeof text !== 'string' || text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function onlyGiven({ state, product, customer }: z.output<typeof Query>): Omit<OpsQuery, 'page' | 'pageSize'> {
  return {
    ...(state === undefined ? {} : { state }),
    ...(product === undefined ? {} : { product }),
    ...(customer === undefined ? {} : { customer }),
  };
}

/** Every field is always there, `null` when there is nothing to say. */
function presentRecord(record: OpsRecord) {
  return {
    subscriptionId: record.subscriptionId,
    productType: record.productType ?? null,
    state: record.state,
    operation: record.operation ?? null,
    step: record.step ?? null,
    waitingFor: record.waitingFor ?? null,
    since: record.since,
    attempts: record.attempts,
    lastError: record.lastError ?? null,
    fulfillment: record.fulfillment ?? null,
  };
}

/** Prices are before tax; what is still to come is `perPeriod` for every billing period that is left until `until`. */
function presentExposure({ price, seats, ...exposure }: OpsExposure) {
  return {
    subscriptionId: exposure.subscriptionId,
    customer: exposure.owner ?? null,
    customerId: exposure.customerId ?? null,
    partnerSubscriptionId: exposure.partnerSubscriptionId,
    offerId: exposure.offerId ?? null,
    seats,
    until: exposure.until ?? null,
    billingCycle: exposure.billingCycle ?? null,
    price: price
      ? { perSeat: price.amount, perPeriod: roundToCents(price.amount * seats), currency: price.currency }
      : null,
  };
}

function roundToCents(amount: number): number {
  return Math.round(amount * 100) / 100;
}

function refuseInput(reply: FastifyReply, error: z.ZodError): FastifyReply {
  const fields = error.issues.map((issue) => issue.path[0] ?? 'body');
  const message = `Not usable: ${[...new Set(fields)].join(', ')}. A state is one of ${STATES.join(', ')}; pages count from 1; a reason has at most 500 characters.`;
  return refuse(reply, 400, { error: 'ops.input-invalid', message });
}

function refuseUnknown(reply: FastifyReply): FastifyReply {
  return refuse(reply, 404, { error: 'ops.unknown-subscription', message: 'Nothing is known of this subscription.' });
}
