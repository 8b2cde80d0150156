import type { Clock } from '../core/clock.ts';
import type { Call, EmulatorServer, Reply } from '../core/server.ts';
import type { Token, Tokens } from '../core/tokens.ts';
import { type Fields, readFields } from './body.ts';
import type { Cause } from './books.ts';
import { MINUTE_MS } from './calendar.ts';
import { newGuid } from './identifiers.ts';
import { Refusal, refusal } from './refusals.ts';
import type { Switches } from './switches.ts';

const AUDIENCE = 'https://api.partnercenter.microsoft.com';

/** Which tokens an operation takes: every kind, App+User only, or app-only only. */
export type Auth = 'any' | 'user' | 'app';

/** A call that has passed authentication and throttling. */
export interface Request {
  call: Call;
  token: Token;
  cause: Cause;
  params: Record<string, string>;
  query: URLSearchParams;
  /** @throws {Refusal} 400 800002 when the body is no JSON object */
  fields(): Fields;
}

export type Operation = (request: Request) => Reply | Promise<Reply>;

export interface Api {
  define(auth: Auth, method: string, pattern: string, operation: Operation): void;
  reset(): void;
}

interface RequestIds {
  requestId: string;
  correlationId: string;
}

/**
 * Puts operations on the server as Partner Center does: token, then throttling, then the operation, errors in their
 * documented bodies, and the tracing headers on every reply. An unknown path gets 404 once the token is good.
 *
 * A POST whose `MS-RequestId` was answered on the same path within the last ten minutes of virtual time gets that answer
 * again; conflicts and errors of the service are not remembered, for they are there to be tried again.
 *
 * @see https://learn.microsoft.com/partner-center/developer/headers
 * @see https://learn.microsoft.com/partner-center/developer/api-throttling-guidance
 */
export function createApi(parts: {
  server: EmulatorServer;
  clock: Clock;
  tokens: Tokens;
  switches: Switches;
  /** Object id of the only user here who is an admin agent. */
  integrationUserId: string;
}): Api {
  const { server, clock, tokens, switches, integrationUserId } = parts;
  const idsOfCall = new WeakMap<Call, RequestIds>();
  const answered = new Map<string, { reply: Reply; at: number }>();
  let throttle = { minute: -1, calls: 0 };

  function identify(call: Call): RequestIds {
    const known = idsOfCall.get(call);
    if (known !== undefined) return known;
    const ids = {
      requestId: call.headers['ms-requestid'] ?? newGuid(),
      correlationId: call.headers['ms-correlationid'] ?? newGuid(),
    };
    idsOfCall.set(call, ids);
    return ids;
  }

  function findToken(call: Call): Token | undefined {
    const value = /^Bearer\s+(\S+)$/i.exec(call.headers.authorization ?? '')?.[1];
    const token = value === undefined ? undefined : tokens.find(value);
    return token !== undefined && token.expiresAt > clock.now() ? token : undefined;
  }

  function authenticate(call: Call): Token {
    const token = findToken(call);
    if (token === undefined) throw refusal(401, 400);
    if (token.audience.replace(/\/$/, '') !== AUDIENCE) throw refusal(401, 900420);
    if (token.kind === 'user' && !token.mfa && switches.requireMfa) {
      if (switches.mfaRefusal === 'bare') throw new Refusal(401, undefined, '401 MFA required');
      throw refusal(401, 900421);
    }
    return token;
  }

  function authorize(token: Token, auth: Auth): void {
    if (auth === 'user' && token.kind !== 'user') throw refusal(403, 900329);
    if (auth === 'app' && token.kind !== 'app') throw refusal(403, 900308);
    const isAdminAgent = token.objectId === undefined || token.objectId === integrationUserId;
    if (token.kind === 'user' && !isAdminAgent) throw refusal(403, 900308);
  }

  function countCall(call: Call): void {
    if (!isThrottled(call)) return;
    const minute = Math.floor(clock.now() / MINUTE_MS);
    if (throttle.minute !== minute) throttle = { minute, calls: 0 };
    throttle.calls += 1;
    if (throttle.calls <= switches.throttlePerMinute) return;
    const seconds = Math.max(1, Math.ceil(((minute + 1) * MINUTE_MS - clock.now()) / 1000));
    throw new Throttled(seconds);
  }

  async function run(call: Call, token: Token, operation: Operation): Promise<Reply> {
    const { requestId, correlationId } = identify(call);
    const key = `${token.tenant} ${call.method} ${call.path.toLowerCase()} ${requestId}`;
    const replays = switches.replayRequests && call.method === 'POST' && call.headers['ms-requestid'] !== undefined;
    const earlier = answered.get(key);
    if (replays && earlier !== undefined && clock.now() - earlier.at < switches.replayWindowMs) return earlier.reply;

    const cause: Cause = { by: 'partner', requestId, correlationId };
    const { params, query } = call;
    const reply = await toReply(() => operation({ call, token, cause, params, query, fields: () => readFields(call) }));
    if (replays && reply.status !== 409 && reply.status < 500) remember(key, reply);
    return reply;
  }

  function remember(key: string, reply: Reply): void {
    for (const [oldest, { at }] of answered) {
      if (clock.now() - at < switches.replayWindowMs) break;
      answered.delete(oldest);
    }
    answered.delete(key);
    answered.set(key, { reply, at: clock.now() });
  }

  async function toReply(work: () => Reply | Promise<Reply>): Promise<Reply> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Throttled) return error.toReply();
      if (error instanceof Refusal) return spellCode(error.toReply(), switches.errorCodeAs);
      throw error;
    }
  }

  server.notFound((call) =>
    toReply(() => {
      authenticate(call);
      throw refusal(404, 1000);
    }),
  );

  server.finish((call, reply) => {
    const { requestId, correlationId } = identify(call);
    const token = call.headers.validatemfa?.toLowerCase() === 'true' ? findToken(call) : undefined;
    return {
      ...reply,
      headers: {
        'MS-RequestId': requestId,
        'MS-CorrelationId': correlationId,
        'MS-CV': `${correlationId.replaceAll('-', '').slice(0, 16)}.0`,
        'MS-ServerId': '030020344',
        ...(token === undefined ? {} : { isMfaCompliant: String(token.kind === 'app' || token.mfa) }),
        ...reply.headers,
      },
    };
  });

  return {
    define(auth, method, pattern, operation) {
      server.route(method, pattern, (call) =>
        toReply(() => {
          const token = authenticate(call);
          authorize(token, auth);
          countCall(call);
          return run(call, token, operation);
        }),
      );
    },

    reset() {
      answered.clear();
      throttle = { minute: -1, calls: 0 };
    },
  };
}

class Throttled extends Error {
  readonly seconds: number;

  constructor(seconds: number) {
    super(`throttled for ${seconds} s`);
    this.seconds = seconds;
  }

  toReply(): Reply {
    const message = `Rate limit is exceeded. Try again in ${this.seconds} seconds.`;
    return { status: 429, headers: { 'Retry-After': String(this.seconds) }, body: { statusCode: 429, message } };
  }
}

/** Orders, carts, subscriptions and what stands below them, the read of one customer, and product upgrades. */
function isThrottled({ method, path }: Call): boolean {
  if (/^\/v1\/customers\/[^/]+\/(orders|carts|subscriptions)(\/|$)/i.test(path)) return true;
  if (/^\/v1\/customers\/[^/]+$/i.test(path)) return method === 'GET';
  return /^\/v1\/productUpgrades(\/|$)/i.test(path);
}

function spellCode(reply: Reply, as: Switches['errorCodeAs']): Reply {
  const { body } = reply;
  if (as === 'number' || typeof body !== 'object' || body === null || !('code' in body)) return reply;
  return { ...reply, body: { ...body, code: String(body.code) } };
}
