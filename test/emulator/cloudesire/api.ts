import type { Clock } from '../core/clock.ts';
import { BadBody, type Call, type EmulatorServer, type Handler, type Reply } from '../core/server.ts';
import type { Authentication } from './authentication.ts';
import { isVendor } from './authentication.ts';
import type { User } from './model.ts';
import { Refusal, refusal, slug } from './refusal.ts';
import type { Switches } from './switches.ts';
import type { Cause } from './transitions.ts';
import { toWire } from './wire-form.ts';

/** A call whose sender is known. */
export interface ApiCall {
  call: Call;
  user: User;
  /** 0 when the call names none and that counts as the oldest. */
  apiVersion: number;
  language?: string;
  cause: Cause;
  /** @throws {Refusal} 400 when the body is not JSON */
  body(): unknown;
}

export type ApiHandler = (request: ApiCall) => Reply | Promise<Reply>;

export interface Api {
  route(method: string, pattern: string, handler: ApiHandler): void;
}

export const LATEST_API_VERSION = 20250109;
const MINUTE_MS = 60_000;
const FIRST_REQUEST_ID = 0x3f1c1a90;

/**
 * Returns the frame around every resource: authentication, API version, token bucket, the common response headers, and
 * errors in the platform's own form. Routes are relative to `prefix`. A known path with another method answers 405.
 *
 * @see https://docs.cloudesire.com/docs/api.html
 */
export function createApi(parts: {
  server: EmulatorServer;
  prefix: string;
  clock: Clock;
  switches: Switches;
  authentication: Authentication;
}): Api {
  const { server, prefix, clock, switches, authentication } = parts;
  const patterns: RegExp[] = [];
  const bucket = { minute: 0, used: 0 };
  let requests = 0;

  function takeToken(): number {
    const minute = Math.floor(clock.now() / MINUTE_MS);
    if (bucket.minute !== minute) Object.assign(bucket, { minute, used: 0 });
    bucket.used += 1;
    return switches.rateLimitPerMinute - bucket.used;
  }

  function respond(run: (call: Call, requestId: string) => Reply | Promise<Reply>): Handler {
    return async (call) => {
      requests += 1;
      const requestId = (FIRST_REQUEST_ID + requests).toString(16);
      const remaining = takeToken();
      const startedAt = performance.now();
      const reply = await attempt(() => {
        if (switches.rateLimit === 'enforced' && remaining < 0) throw rateLimited();
        return run(call, requestId);
      });
      return {
        status: reply.status,
        headers: {
          'CMW-Request-Id': requestId,
          'CMW-Response-Time-MS': String(Math.round(performance.now() - startedAt)),
          'X-Rate-Limit-Remaining': String(Math.max(remaining, 0)),
          ...(remaining < 0 && reply.status === 429
            ? { 'X-Rate-Limit-Retry-After-Milliseconds': String(Math.ceil(MINUTE_MS - (clock.now() % MINUTE_MS))) }
            : {}),
          ...reply.headers,
        },
        ...(reply.body === undefined ? {} : { body: toWire(reply.body, switches.dateForm) }),
      };
    };
  }

  async function attempt(run: () => Reply | Promise<Reply>): Promise<Reply> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const body =
        switches.errorForm === 'errors'
          ? { errors: error.problems.map(({ error: text }) => text) }
          : {
              errorHolders: error.problems.map(({ error: text, key, extraFields }) => ({
                key: key ?? slug(text),
                error: text,
                extraFields: extraFields ?? {},
              })),
            };
      return { status: error.status, body };
    }
  }

  function identify(call: Call, requestId: string): ApiCall {
    const user = authentication.userOf(call);
    const language = call.query.get('language') ?? undefined;
    if (language !== undefined && !/^[a-z]{2}$/i.test(language)) throw refusal(400, 'A language has two letters');
    return {
      call,
      user,
      apiVersion: apiVersionOf(call),
      ...(language === undefined ? {} : { language: language.toLowerCase() }),
      cause: { by: isVendor(user) ? 'connector' : 'customer', user: user.id, requestId },
      body: () => readBody(call),
    };
  }

  function apiVersionOf(call: Call): number {
    const given = call.query.get('apiVersion');
    if (given === null) return switches.missingApiVersion === 'newest' ? LATEST_API_VERSION : 0;
    if (!/^\d{8}$/.test(given)) throw refusal(400, 'An apiVersion has the form yyyymmdd');
    return Number(given);
  }

  server.notFound(
    respond((call, requestId) => {
      identify(call, requestId);
      if (patterns.some((pattern) => pattern.test(call.path))) throw refusal(405, 'Method not allowed');
      throw refusal(404, 'Resource not found', 'resource-not-found');
    }),
  );

  return {
    route(method, pattern, handler) {
      const path = `${prefix}${pattern}`;
      patterns.push(new RegExp(`^${path.replace(/:[^/]+/g, '[^/]+')}$`, 'i'));
      server.route(
        method,
        path,
        respond((call, requestId) => handler(identify(call, requestId))),
      );
    },
  };
}

function readBody(call: Call): unknown {
  try {
    return call.json();
  } catch (error) {
    if (error instanceof BadBody) throw refusal(400, 'The body is not valid JSON');
    throw error;
  }
}

function rateLimited(): Refusal {
  return refusal(429, 'Rate limit exceeded', 'too-many-requests');
}
