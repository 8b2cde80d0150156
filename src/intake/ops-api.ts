import type { FastifyError, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { PermanentError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Secret } from '../lib/secret.ts';
import type { Failures } from './failures.ts';
import { IdText } from './ids.ts';
import { readJson } from './json.ts';
import { type AnswerDoc, refusals } from './openapi.ts';
import {
  ACTIONS,
  LISTED_STATES,
  OpsAuditEntry,
  OpsBudgets,
  OpsCustomer,
  OpsDeadLetterList,
  OpsExposure,
  OpsOverview,
  OpsQuarantined,
  OpsSubscription,
  OpsSubscriptionStory,
  pageOf,
} from './ops-answers.ts';
import type { OpsOperations, OpsQuery } from './ops-operations.ts';
import {
  presentAuditEntry,
  presentCustomer,
  presentExposure,
  presentLimits,
  presentQuarantined,
  presentRecord,
  presentStory,
} from './ops-present.ts';
import { type Caller, createSessions, Operator, type Sessions } from './ops-session.ts';
import { refuse } from './replies.ts';

export interface OpsParts {
  /** What `Authorization: Bearer` has to carry. */
  token: Secret;
  /** Whoever fails too often waits, before even the right token is looked at: else it could be guessed. */
  failures: Failures;
  operations: OpsOperations;
  /** Whether an error says that the store does not answer at the moment; any other that the operations do not announce is a bug. */
  isOutage: (error: unknown) => boolean;
  clock: Clock;
  log: Log;
}

const PAGE_SIZE = 50;
const RETRY_AFTER_OUTAGE_S = 5;
const RETRY_AFTER_BACKLOG_S = 60;
const REDIS_AWAY =
  'Redis does not answer, so that nothing can be read or pressed, and no order goes on. See whether it runs at REDIS_URL and can be reached from here; the log of the service says what happened. Everything goes on by itself once it is back.';

/** A value of a query; an empty one counts as not given. */
const Filter = z
  .string()
  .max(200)
  .optional()
  .transform((text) => text || undefined);

const Page = z
  .string()
  .regex(/^([1-9]\d{0,6})?$/)
  .optional()
  .transform((text) => Number(text || 1))
  .describe('Counts from 1; 50 to a page');

const ListQuery = z.object({
  state: z
    .enum(['', ...LISTED_STATES])
    .optional()
    .transform((state) => state || undefined),
  product: Filter.describe('Product type, or id of a product'),
  customer: Filter.describe('Owner in the marketplace, Microsoft customer, or its domain'),
  text: Filter.describe('Part of an identifier, a domain, a code or a sentence'),
  page: Page,
});
const PageQuery = z.object({ page: Page });
const AuditQuery = z.object({
  page: Page,
  subscription: z
    .union([z.literal('').transform(() => undefined), IdText])
    .optional()
    .describe('Only what was done to this subscription'),
});

const Id = z.object({ id: IdText });
const ReasonCode = z.object({ code: z.string().regex(/^[\w.-]{1,100}$/) });
const Digest = z.object({ id: z.string().regex(/^[0-9a-f]{64}$/) });

const Reasoned = z
  .object({ reason: z.string().trim().min(1).max(500).describe('Why, for the audit trail') })
  .meta({ id: 'Reason' });
/** To look again, or to take up again, changes nothing that was decided: programs may do so without saying why. */
const MaybeReasoned = Reasoned.extend({ reason: Reasoned.shape.reason.default('(no reason)') }).meta({
  id: 'MaybeReason',
});
const REASONS = { look: MaybeReasoned, retry: MaybeReasoned, hold: Reasoned, release: Reasoned, attach: Reasoned };
const Confirmed = Reasoned.extend({ confirm: z.string().describe('The id of the subscription, typed again') });
const Login = z.object({ token: z.string().min(1).max(1_000), operator: Operator }).meta({ id: 'Login' });

const Acted = z.object({
  status: z
    .enum(['queued', 'backlog-full'])
    .describe(
      'What became of the look that follows. backlog-full, after hold, release, detach and attach: it is done, and the next sweep asks for the look, since too many wait',
    ),
});

const SUMMARIES: Record<(typeof ACTIONS)[number], string> = {
  look: 'Look at it again now',
  retry: 'Forget its failure and resume at the failed step',
  hold: 'Send nothing for it until it is released',
  release: 'Let it go on',
  detach: 'Leave it to people: the connector neither reads nor changes it again',
  attach: 'Give it back to the connector',
};

/**
 * The API of operations: where a subscription stands and why, and what can be done about it. To be registered only when there is a token.
 * 401 without it or a session, 429 after ten wrong ones of an address within a minute and while too many looks wait, 400 for a query or
 * body that cannot be understood, 404 for what is not known, 409 for what does not fit how things stand, 503 while the store does not answer.
 * Who writes says why; only to look and to retry may go without.
 */
export const opsApi: FastifyPluginAsync<OpsParts> = async (app, parts) => {
  const { token, failures, operations, isOutage, clock, log } = parts;
  const sessions = createSessions({ token, clock });

  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => done(null, text));
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    if (error.statusCode !== undefined && error.statusCode < 500) throw error;
    if (error instanceof PermanentError) {
      const status = error.code.startsWith('ops.unknown-') ? 404 : 409;
      return refuse(reply, status, { error: error.code, message: error.message });
    }
    if (error.code === 'backlog.full') {
      return refuse(reply, 429, { error: error.code, message: error.message }, RETRY_AFTER_BACKLOG_S);
    }
    if (!isOutage(error)) throw error;
    log.warn({ err: error }, 'a request of operations could not be answered');
    const refusal = { error: 'ops.unavailable', message: REDIS_AWAY };
    return refuse(reply, 503, refusal, RETRY_AFTER_OUTAGE_S);
  });

  await app.register(loginRoutes, { sessions, failures, log });
  await app.register(async (guarded) => {
    guarded.addHook('onRequest', (request, reply) => admit(request, reply, { sessions, failures }));
    readRoutes(guarded, operations);
    writeRoutes(guarded, operations);
  });
};

interface Door {
  sessions: Sessions;
  failures: Failures;
}

const callers = new WeakMap<FastifyRequest, string>();

async function admit(request: FastifyRequest, reply: FastifyReply, { sessions, failures }: Door) {
  const bySession = sessions.ofCookie(request);
  if (isKnown(bySession)) {
    // A form of another page can send the cookie, though never this type.
    if (request.method !== 'GET' && request.headers['content-type']?.split(';')[0] !== 'application/json') {
      const message = 'Send application/json.';
      return refuse(reply, 415, { error: 'ops.input-invalid', message });
    }
    callers.set(request, bySession.by);
    return undefined;
  }
  const waitMs = failures.waitMs(request.ip);
  if (waitMs > 0) return refuseForAWhile(reply, waitMs);
  const byToken = sessions.ofToken(request);
  if (isKnown(byToken)) {
    callers.set(request, byToken.by);
    return undefined;
  }
  if (byToken === 'misnamed') {
    const message = 'X-Operator names nobody: up to 80 letters, digits and . _ @ + - blanks.';
    return refuse(reply, 400, { error: 'ops.input-invalid', message });
  }
  // Who shows nothing guesses nothing: a console whose session is over asks on.
  if (byToken === 'wrong') {
    failures.note(request.ip, 'operations refused: not the token of OPS_TOKEN');
  }
  reply.header('www-authenticate', 'Bearer');
  if (bySession === 'former' && byToken === 'nobody') {
    const message = 'The operations token was changed: log in with the new one.';
    return refuse(reply, 401, { error: 'ops.token-changed', message });
  }
  return refuse(reply, 401, {
    error: 'ops.unauthorized',
    message: 'Send the value of OPS_TOKEN as Authorization: Bearer, or log in.',
  });
}

function isKnown(caller: Caller): caller is { by: string } {
  return typeof caller === 'object';
}

function refuseForAWhile(reply: FastifyReply, waitMs: number): FastifyReply {
  const message = 'Too many wrong tokens came from this address: wait, then send the value of OPS_TOKEN.';
  return refuse(reply, 429, { error: 'ops.too-many-failures', message }, Math.ceil(waitMs / 1_000));
}

const loginRoutes: FastifyPluginAsync<Door & { log: Log }> = async (app, { sessions, failures, log }) => {
  const login = {
    tag: 'operations',
    summary: 'Begin a session of a browser, for eight hours',
    body: Login,
    answers: {
      204: { description: 'The cookie ops is set' },
      ...refusals({ 400: 'No token, or no usable name', 401: 'Another token', 429: 'Too many wrong tokens' }),
    },
  } as const;
  app.post('/ops/login', { config: { doc: login } }, async (request, reply) => {
    const waitMs = failures.waitMs(request.ip);
    if (waitMs > 0) return refuseForAWhile(reply, waitMs);
    const body = Login.safeParse(bodyOf(request));
    if (!body.success) return refuseInput(reply, body.error);
    if (!sessions.isToken(body.data.token)) {
      failures.note(request.ip, 'login refused: not the token of OPS_TOKEN');
      return refuse(reply, 401, { error: 'ops.unauthorized', message: 'This is not the value of OPS_TOKEN.' });
    }
    log.info('somebody of operations has logged in');
    return reply.code(204).header('set-cookie', sessions.begin(request, body.data.operator)).send();
  });

  const logout = {
    tag: 'operations',
    summary: 'End the session of this browser',
    answers: { 204: { description: 'The cookie is gone' } },
  } as const;
  app.post('/ops/logout', { config: { doc: logout } }, async (request, reply) =>
    reply.code(204).header('set-cookie', sessions.end(request)).send(),
  );
};

interface OpsRoute<P, Q, B> {
  method: 'GET' | 'POST';
  url: string;
  summary: string;
  params?: z.ZodObject & z.ZodType<P>;
  query?: z.ZodObject & z.ZodType<Q>;
  body?: z.ZodType<B>;
  /** Of a success: 202 when there is a body, else 200. */
  answer: z.ZodType;
  /** What a path parameter that fits nothing means. */
  unknown?: () => never;
  work(input: { params: P; query: Q; body: B; by: string }): Promise<unknown>;
}

/** Registers a route whose schemas read what is asked, and describe it. */
function route<P, Q, B>(app: FastifyInstance, { method, url, summary, unknown, ...given }: OpsRoute<P, Q, B>): void {
  const { params, query, body, answer, work } = given;
  const status = body ? 202 : 200;
  const answers: Record<number, AnswerDoc> = {
    [status]: { description: body ? 'It is done, or will be at once' : 'As asked for', schema: answer },
    ...refusals({
      ...((query || body) && { 400: 'A query or body that cannot be understood' }),
      401: 'Neither token nor session',
      ...(params && { 404: 'Nothing is known of it' }),
      ...(body && { 409: 'It does not fit how things stand' }),
      429: `Too many wrong tokens came from this address${body ? ', or too many looks wait' : ''}`,
      503: 'The store does not answer',
    }),
  };
  const doc = {
    tag: 'operations',
    security: 'operations',
    summary,
    ...(params && { params }),
    ...(query && { query }),
    ...(body && { body }),
    answers,
  } as const;

  app.route({
    method,
    url,
    config: { doc },
    async handler(request, reply) {
      const read = {
        params: params?.safeParse(request.params),
        query: query?.safeParse(request.query),
        body: body?.safeParse(bodyOf(request)),
      };
      if (read.params && !read.params.success) unknown?.();
      for (const part of [read.query, read.body]) if (part && !part.success) return refuseInput(reply, part.error);
      const input = {
        params: read.params?.data as P,
        query: read.query?.data as Q,
        body: read.body?.data as B,
        by: callers.get(request) ?? '',
      };
      return reply.code(status).send(await work(input));
    },
  });
}

function readRoutes(app: FastifyInstance, operations: OpsOperations): void {
  route(app, {
    method: 'GET',
    url: '/ops/api/overview',
    summary: 'How everything stands, in numbers',
    answer: OpsOverview,
    work: () => operations.overview(),
  });

  route(app, {
    method: 'GET',
    url: '/ops/api/subscriptions',
    summary: 'Subscriptions, what changed last first',
    query: ListQuery,
    answer: pageOf(OpsSubscription),
    async work({ query }) {
      const { items, total } = await operations.list({ ...onlyGiven(query), pageSize: PAGE_SIZE });
      return { items: items.map(presentRecord), page: query.page, total };
    },
  });

  route(app, {
    method: 'GET',
    url: '/ops/api/subscriptions/:id',
    summary: 'One subscription, its story, and what can be done now',
    params: Id,
    answer: OpsSubscriptionStory,
    unknown: unknownSubscription,
    async work({ params: { id } }) {
      const found = (await operations.show(id)) ?? unknownSubscription();
      return presentStory(found);
    },
  });

  route(app, {
    method: 'GET',
    url: '/ops/api/exposures',
    summary: 'What Microsoft goes on charging for although the marketplace has ended it',
    query: PageQuery,
    answer: pageOf(OpsExposure),
    async work({ query: { page } }) {
      const { items, total } = await operations.listExposures({ page, pageSize: PAGE_SIZE });
      return { items: items.map(presentExposure), page, total };
    },
  });

  route(app, {
    method: 'GET',
    url: '/ops/api/customers',
    summary: 'Microsoft customers and what was sold to them',
    query: PageQuery,
    answer: pageOf(OpsCustomer),
    async work({ query: { page } }) {
      const { items, total } = await operations.listCustomers({ page, pageSize: PAGE_SIZE });
      return { items: items.map(presentCustomer), page, total };
    },
  });

  route(app, {
    method: 'GET',
    url: '/ops/api/quarantine',
    summary: 'Signed bodies that were no notification, without their content',
    query: PageQuery,
    answer: pageOf(OpsQuarantined),
    async work({ query: { page } }) {
      const { items, total } = await operations.listQuarantine({ page, pageSize: PAGE_SIZE });
      return { items: items.map(presentQuarantined), page, total };
    },
  });

  route(app, {
    method: 'GET',
    url: '/ops/api/dead-letters',
    summary: 'What stands still and why: counts by the code of the reason, the most frequent first',
    answer: OpsDeadLetterList,
    work: async () => ({ items: await operations.listDeadLetters() }),
  });

  route(app, {
    method: 'GET',
    url: '/ops/api/budgets',
    summary: 'How many calls the upstreams still allow, and which of them are out',
    answer: OpsBudgets,
    work: async () => presentLimits(await operations.limits()),
  });

  route(app, {
    method: 'GET',
    url: '/ops/api/audit',
    summary: 'What operations have changed, newest first',
    query: AuditQuery,
    answer: pageOf(OpsAuditEntry),
    async work({ query: { page, subscription } }) {
      const { items, total } = await operations.listAudit({
        page,
        pageSize: PAGE_SIZE,
        ...(subscription !== undefined && { subscriptionId: subscription }),
      });
      return { items: items.map(presentAuditEntry), page, total };
    },
  });
}

function writeRoutes(app: FastifyInstance, operations: OpsOperations): void {
  for (const action of ACTIONS) {
    if (action === 'detach') continue;
    route(app, {
      method: 'POST',
      url: `/ops/api/subscriptions/:id/${action}`,
      summary: SUMMARIES[action],
      params: Id,
      body: REASONS[action],
      answer: Acted,
      unknown: unknownSubscription,
      async work({ params: { id }, body: { reason }, by }) {
        return { status: await operations.act(action, id, { by, reason }) };
      },
    });
  }

  route(app, {
    method: 'POST',
    url: '/ops/api/subscriptions/:id/detach',
    summary: SUMMARIES.detach,
    params: Id,
    body: Confirmed,
    answer: Acted,
    unknown: unknownSubscription,
    async work({ params: { id }, body: { reason, confirm }, by }) {
      if (confirm !== String(id)) {
        throw new PermanentError('ops.not-confirmed', `To detach subscription ${id}, send its id as "confirm" too.`);
      }
      return { status: await operations.act('detach', id, { by, reason }) };
    },
  });

  route(app, {
    method: 'POST',
    url: '/ops/api/dead-letters/:code/retry',
    summary: 'Retry all that stand still for a reason, at most 500 at once, those that have stood for longest first',
    params: ReasonCode,
    body: Reasoned,
    answer: z.object({ queued: z.int(), left: z.int().describe('Of that reason, to be asked for again') }),
    unknown: () => {
      throw new PermanentError('ops.unknown-reason', 'Nothing stands still for such a reason.');
    },
    work: ({ params: { code }, body: { reason }, by }) => operations.retryAll(code, { by, reason }),
  });

  route(app, {
    method: 'POST',
    url: '/ops/api/quarantine/:id/discard',
    summary: 'Throw a quarantined body away',
    params: Digest,
    body: Reasoned,
    answer: z.object({ status: z.literal('discarded') }),
    unknown: () => {
      throw new PermanentError('ops.unknown-body', 'There is no such body in quarantine.');
    },
    async work({ params: { id }, body: { reason }, by }) {
      await operations.discardQuarantined(id, { by, reason });
      return { status: 'discarded' };
    },
  });
}

/** The body may be left out; one that is no JSON becomes something that no schema takes. */
function bodyOf({ body }: FastifyRequest): unknown {
  return body ? readJson(body) : {};
}

function onlyGiven({ state, product, customer, text, page }: z.output<typeof ListQuery>): Omit<OpsQuery, 'pageSize'> {
  return {
    page,
    ...(state !== undefined && { state }),
    ...(product !== undefined && { product }),
    ...(customer !== undefined && { customer }),
    ...(text !== undefined && { text }),
  };
}

/** What may be given, by field. */
const RULES: Record<string, string> = {
  body: 'Send an object in JSON.',
  state: `A state is one of ${LISTED_STATES.join(', ')}.`,
  page: 'Pages count from 1.',
  subscription: 'A subscription has a number, like 50010.',
  reason: 'Say why in 1 to 500 characters, not all of them blanks: it stands in the audit trail.',
  confirm: 'Give the number of the subscription once more, in quotation marks, like "50010".',
  operator: 'A name has up to 80 letters, digits and . _ @ + - blanks.',
};

function refuseInput(reply: FastifyReply, error: z.ZodError): FastifyReply {
  const fields = [...new Set(error.issues.map((issue) => String(issue.path[0] ?? 'body')))];
  const rules = fields.flatMap((field) => RULES[field] ?? []);
  const message = [`Not usable: ${fields.join(', ')}.`, ...rules].join(' ');
  return refuse(reply, 400, { error: 'ops.input-invalid', message });
}

function unknownSubscription(): never {
  throw new PermanentError('ops.unknown-subscription', 'Nothing is known of this subscription.');
}
