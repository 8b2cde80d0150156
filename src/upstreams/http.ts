import http, { validateHeaderValue } from 'node:http';
import https from 'node:https';
import axios, { type AxiosRequestConfig, type AxiosResponse } from 'axios';
import { z } from 'zod';
import {
  AttentionError,
  ConnectorError,
  type ErrorFacts,
  RetryableError,
  ThrottledError,
  WithheldError,
} from '../lib/errors.ts';
import { parseForeignJson } from '../lib/json.ts';
import { toTheMinute, toTheSecond } from '../lib/moment.ts';
import { LASTING_PAUSE_MS } from '../lib/wait.ts';
import { nameOf } from './names.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpRequest {
  method: Method;
  /** Below the base URL. Build it with `path` so that inserted values stay inside their segment. */
  path: string;
  query?: Record<string, string | number | undefined> | undefined;
  headers?: Record<string, string> | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as a form instead of a body. */
  form?: Record<string, string>;
  /** Whether nothing changes upstream. By default a GET or HEAD is a read and anything else a write. */
  isRead?: boolean | undefined;
  /** It concerns no customer and no order: when the upstream fails at it, it would fail at anything. */
  concernsAll?: boolean | undefined;
  /** Budgets that the call draws from, all at once. */
  budgetKeys?: string[];
  /** Refusals that the caller understands: returned instead of thrown. */
  accept?: ((answer: Answer) => boolean) | undefined;
  /** The body of the answer does not matter and is not parsed. A web page is still refused: it does not come from the upstream. */
  ignoreBody?: boolean | undefined;
  /** The caller's meaning of a refusal; `undefined` leaves it to the rules of `createHttp`. */
  toError?: (answer: Answer) => ConnectorError | undefined;
}

export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Parsed JSON; `undefined` when the body was empty, ignored, or the unreadable part of a refusal. */
  body: unknown;
  /** What an error about this answer should know. */
  facts: ErrorFacts;
  /** The `effect` of an error found later in this answer: none for a read, unknown for a write. */
  effect: 'none' | 'unknown';
}

/** The rate limiter of the upstreams, shared by all processes. */
export interface Budget {
  /**
   * Takes one call from every key, or from none: then answers how long to wait, in milliseconds, and, where the upstream has refused calls
   * for a minute or more, the ISO instant until which it does.
   */
  take(keys: string[]): Promise<{ waitMs: number; refusedUntil?: string } | undefined>;
  /**
   * Allows no call of these keys for `ms`, by anybody. Of two pauses the one that ends later counts. `refused`: the upstream has refused a
   * call, rather than warned us.
   */
  pause(keys: string[], ms: number, options: { refused: boolean }): Promise<void>;
}

/** The circuit breakers of the upstreams, shared by all processes. */
export interface Circuit {
  /** Asks for a permit. While the circuit is open it answers how long to wait instead, in milliseconds, and since when it is open. */
  enter(
    upstream: string,
    call: { isRead: boolean; timeoutMs: number },
  ): Promise<Passage | { waitMs: number; since: string }>;
}

/** The permit for one call. Its outcome has to be reported by exactly one of these methods. */
export interface Passage {
  /** The upstream is there, whatever it said. */
  answered(): Promise<void>;
  /** `kind` tells failures of different calls apart; without one it is a failure that any call would have met. */
  failed(because: string, kind?: string): Promise<void>;
  /** It was not sent after all, or failed by a mistake of ours: that says nothing of the upstream. */
  unsent(): Promise<void>;
}

/** What may be told of one call, in logs and metrics. Nothing secret, nothing personal. */
export interface UpstreamCall {
  upstream: string;
  method: Method;
  /** Without query. */
  path: string;
  /** Absent when no answer came. */
  status?: number;
  durationMs: number;
  /** The upstream's identifier of the call; without an answer, the one that we sent. */
  correlationId?: string;
  /** The idempotency key that was sent as `MS-RequestId`. */
  requestId?: string;
  /** The call was not sent because of the dry run. */
  withheld?: true;
  errorCode?: string;
}

export interface HttpParts {
  /** Name in codes and messages, e.g. `partner-center`. */
  upstream: string;
  /** Path included; paths of requests are appended to it, whatever slashes either has. */
  baseUrl: string;
  /** Limit of a read from connecting to the last byte. Writes get three times that. */
  readTimeoutMs: number;
  /** Dry run: writes are observed and refused with `WithheldError`. */
  readOnly: boolean;
  budget?: Budget | undefined;
  circuit?: Circuit | undefined;
  /**
   * Asked last before a write is sent, when tokens and budgets have been waited for; what it throws keeps the write back. A process can
   * still be stopped between its answer and the sending, for however long: that is why every write that buys or creates bears a key under
   * which the upstream makes it once, and any other may be repeated.
   */
  mayWrite?: (() => Promise<void>) | undefined;
  observe: (call: UpstreamCall) => void;
}

export interface Http {
  send: (request: HttpRequest) => Promise<Answer>;
}

const WRITE_TIMEOUT_FACTOR = 3;
const ANSWER_LIMIT_BYTES = 10 * 1024 * 1024;
const DEFAULT_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 3_600_000;
const CLOUDESIRE_PAUSE_HEADER = 'x-rate-limit-retry-after-milliseconds';
/** Names of headers that hold a pause in milliseconds; Azure's own clients heed the latter two. */
const PAUSE_MS_HEADERS = [CLOUDESIRE_PAUSE_HEADER, 'retry-after-ms', 'x-ms-retry-after-ms'];
/**
 * How many calls Azure has left for us, where it says so. It refills at least ten a second.
 * https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
 */
const REMAINING_HEADER = /^x-ms-ratelimit-remaining-(subscription|tenant)-(reads|writes|deletes)$/;
const SCARCE_CALLS = 10;
const SCARCE_PAUSE_MS = 1_000;
/** Where the upstreams put their identifier of a call. */
const CORRELATION_HEADERS = ['ms-correlationid', 'cmw-request-id', 'x-ms-correlation-request-id', 'x-ms-request-id'];

/**
 * Builds a path in which inserted values cannot leave their segment: `` path`/v1/carts/${cartId}` ``.
 *
 * @throws {AttentionError} `upstream.id-unusable` for `.` and `..`, which lead to another place however they are written
 */
export function path(texts: TemplateStringsArray, ...values: (string | number)[]): string {
  if (values.some((value) => value === '.' || value === '..')) {
    throw new AttentionError(
      'upstream.id-unusable',
      'An identifier consists of dots only, so that no address can be made of it. Look in the subscription, its plan and its template for where it comes from.',
      { effect: 'none' },
    );
  }
  return String.raw({ raw: texts }, ...values.map(encodeURIComponent));
}

/**
 * Returns the one way to call an upstream: connections kept alive, no proxy, no redirects, JSON both ways.
 *
 * `send` returns 2xx answers and those that the caller accepts. What it throws, with `<upstream>` as first part of the code:
 *
 * @throws {ThrottledError} `.budget` when the budget is used up, `.outage` while the circuit is open, `.throttled` on 429 and when
 *   a refusal names a rate-limit pause; the pause is also written into every budget key of the call
 * @throws {RetryableError} `.unreachable` when no connection came about (surely without effect), `.no-answer` when it
 *   broke or timed out, `.unavailable` on 408 and 5xx, `.malformed` for a 2xx that is no JSON, a web page or too large
 * @throws {AttentionError} `.redirected` on 3xx, `.unexplained` on a 4xx that the caller's `toError` does not explain
 * @throws {WithheldError} `read-only.withheld` for a write in a dry run
 * @throws whatever `mayWrite` throws
 */
export function createHttp(parts: HttpParts): Http {
  const { upstream, baseUrl, readTimeoutMs, readOnly, budget, circuit, mayWrite, observe } = parts;
  const name = nameOf(upstream);
  const base = baseUrl.replace(/\/+$/, '');
  const isSecure = base.startsWith('https:');
  const agent = isSecure ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });

  async function send(request: HttpRequest): Promise<Answer> {
    const { method, headers = {} } = request;
    const isRead = request.isRead ?? (method === 'GET' || method === 'HEAD');
    // The SDK of Azure names each call itself.
    const { 'MS-RequestId': requestId } = headers;
    const correlationId = headers['MS-CorrelationId'] ?? headers['x-ms-client-request-id'];
    const path = `/${request.path.replace(/^\/+/, '')}`;
    const facts = { upstream, method, path, ...(requestId && { requestId }) };
    const sending: Sending = { request, facts, effect: isRead ? 'none' : 'unknown', seen: {} };
    if (correlationId) sending.seen.correlationId = correlationId;
    if (requestId) sending.seen.requestId = requestId;

    const startedAt = performance.now();
    try {
      return await exchange(sending);
    } catch (error) {
      sending.seen.errorCode =
        error instanceof ConnectorError ? error.code : error instanceof Error ? error.name : 'bug';
      throw error;
    } finally {
      const durationMs = Math.round(performance.now() - startedAt);
      observe({ upstream, method, path: facts.path, durationMs, ...sending.seen });
    }
  }

  async function exchange(sending: Sending): Promise<Answer> {
    const { request, facts, effect, seen } = sending;
    const { budgetKeys = [], accept, toError } = request;
    const what = `${facts.method} ${facts.path}`;
    const kind = request.concernsAll ? undefined : what;
    if (readOnly && effect !== 'none') {
      seen.withheld = true;
      throw new WithheldError('read-only.withheld', `would send ${what}`, { facts, effect: 'none' });
    }
    requireSendable(request.headers ?? {}, what, facts);
    const isRead = effect === 'none';
    const timeoutMs = isRead ? readTimeoutMs : readTimeoutMs * WRITE_TIMEOUT_FACTOR;
    const passage = await circuit?.enter(upstream, { isRead, timeoutMs });
    if (passage && 'waitMs' in passage) {
      throw new ThrottledError(
        `${upstream}.outage`,
        `${name} has not been available since ${toTheSecond(passage.since)}; ${what} waits until it is back.`,
        {
          facts,
          effect: 'none',
          retryAfterMs: passage.waitMs,
          waitingFor: `the return of ${name}, which has not been available since ${toTheSecond(passage.since)}`,
        },
      );
    }
    try {
      const wait = budgetKeys.length > 0 ? await budget?.take(budgetKeys) : undefined;
      if (wait) {
        const message = `${what} waits ${wait.waitMs} ms for its turn within the rate limit of ${name}.`;
        throw throttled('budget', message, facts, wait.waitMs, wait.refusedUntil);
      }
      if (!isRead) await mayWrite?.();
    } catch (error) {
      await passage?.unsent();
      throw error;
    }

    const answer = await transmit(sending, timeoutMs).catch(async (error: unknown) => {
      await tell(passage, error, kind);
      throw error;
    });
    if (answer.status >= 500) await passage?.failed(`it answered ${what} with ${answer.status}`, kind);
    else await passage?.answered();

    const pauseMs = pauseOf(answer);
    if (pauseMs !== undefined) {
      if (budgetKeys.length > 0) await budget?.pause(budgetKeys, pauseMs, { refused: true });
      const message = `${name} throttles: ${what} was refused with ${answer.status} and is sent again in ${pauseMs} ms.`;
      // A refused call queues like those that come after it.
      const turn = pauseMs < LASTING_PAUSE_MS ? undefined : await budget?.take(budgetKeys);
      throw throttled('throttled', message, answer.facts, Math.max(pauseMs, turn?.waitMs ?? 0), turn?.refusedUntil);
    }
    if (budgetKeys.length > 0 && isScarce(answer)) await budget?.pause(budgetKeys, SCARCE_PAUSE_MS, { refused: false });
    if (isSuccess(answer) || accept?.(answer)) return answer;
    throw toError?.(answer) ?? refusal(answer);
  }

  /** Any call would have met a failure to connect; a missing answer may be due to what was sent. */
  async function tell(passage: Passage | undefined, error: unknown, kind: string | undefined): Promise<void> {
    // A mistake of ours says nothing of the upstream.
    if (!(error instanceof ConnectorError)) return passage?.unsent();
    const { code, message } = error;
    if (code === `${upstream}.unreachable`) await passage?.failed(message);
    else if (code === `${upstream}.no-answer`) await passage?.failed(message, kind);
    else await passage?.answered();
  }

  async function transmit({ request, facts, effect, seen }: Sending, timeoutMs: number): Promise<Answer> {
    let isConnected = false;
    const { status, headers, data } = await axios
      .request<string>({
        ...encode(request),
        url: base + facts.path,
        responseType: 'text',
        validateStatus: () => true,
        maxRedirects: 0,
        maxContentLength: ANSWER_LIMIT_BYTES,
        proxy: false,
        httpAgent: agent,
        httpsAgent: agent,
        signal: AbortSignal.timeout(timeoutMs),
        transport: watchedTransport(isSecure, () => {
          isConnected = true;
        }),
      })
      .catch((error: unknown) => {
        const isTransmission = axios.isCancel(error) || axios.isAxiosError(error);
        throw isTransmission ? transmissionError(error, { facts, effect, isConnected, timeoutMs }) : error;
      });

    const answer: Answer = {
      status,
      headers: plainHeaders(headers),
      body: undefined,
      facts: { ...facts, status },
      effect,
    };
    const correlationId = correlationIdOf(answer.headers) ?? seen.correlationId;
    if (correlationId) answer.facts.correlationId = seen.correlationId = correlationId;
    seen.status = status;
    // A gateway's page says nothing of the upstream, not even when nobody would read the answer.
    if (isSuccess(answer) && isWebPage(answer)) throw malformed(answer, 'is a web page');
    if (!(request.ignoreBody && isSuccess(answer))) answer.body = parseBody(data, answer);
    return answer;
  }

  return { send };
}

/** A request on its way: what its errors and its observation will say. */
interface Sending {
  request: HttpRequest;
  facts: ErrorFacts & { path: string };
  effect: 'none' | 'unknown';
  seen: Pick<UpstreamCall, 'status' | 'correlationId' | 'requestId' | 'withheld' | 'errorCode'>;
}

/** Some header values come from answers: they could inject another header, or cannot be sent at all. */
function requireSendable(headers: Record<string, string>, what: string, facts: ErrorFacts): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderValue(name, value);
    } catch {
      const message = `${what} was not sent: the value for its header ${name} holds characters that no header can. If that goes on, look where ${nameOf(facts.upstream)} tells that value.`;
      throw new RetryableError(`${facts.upstream}.malformed`, message, { facts, effect: 'none' });
    }
  }
}

function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

function isWebPage({ headers }: Answer): boolean {
  return /^\s*text\/html\b/i.test(headers['content-type'] ?? '');
}

function encode({ method, query = {}, headers = {}, body, form }: HttpRequest): AxiosRequestConfig {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, String(value));
  const [type, data] = form
    ? ['application/x-www-form-urlencoded', new URLSearchParams(form).toString()]
    : ['application/json; charset=utf-8', JSON.stringify(body)];
  return {
    method,
    params,
    // Without a body there is no type either, which the HTTP client would make up otherwise.
    headers: { 'Content-Type': data !== undefined && type, ...headers },
    data,
    transformRequest: (text) => text,
  };
}

function parseBody(text: string, answer: Answer): unknown {
  if (!text) return undefined;
  try {
    return parseForeignJson(text);
  } catch {
    // Refusals may come from a proxy and speak HTML: their status says enough.
    if (isSuccess(answer)) throw malformed(answer, 'is no JSON, or nested without end');
    return undefined;
  }
}

/**
 * Reads an answer's body with a schema.
 *
 * @throws {RetryableError} `<upstream>.malformed` naming the fields that do not fit, never their values
 */
export function readBody<S extends z.ZodType>(answer: Answer, schema: S): z.output<S> {
  const result = schema.safeParse(answer.body);
  if (result.success) return result.data;
  const places = new Set(result.error.issues.map((issue) => issue.path.join('.') || 'the body as a whole'));
  throw malformed(answer, `does not fit at ${[...places].slice(0, 5).join(', ')}`);
}

/** The error for an answer that came, but does not say what it should: `<upstream>.malformed`. */
export function malformed({ facts, effect }: Answer, why: string): RetryableError {
  const message = `The answer of ${nameOf(facts.upstream)} to ${facts.method} ${facts.path} (${facts.status}) ${why}. If that goes on, compare the answer with the API's documentation.`;
  return new RetryableError(`${facts.upstream}.malformed`, message, { facts, effect });
}

/** A transport that tells when the connection is established: what fails before that surely had no effect. */
function watchedTransport(isSecure: boolean, onConnected: () => void) {
  return {
    request(options: https.RequestOptions, onResponse: (response: http.IncomingMessage) => void): http.ClientRequest {
      const outgoing = (isSecure ? https : http).request(options, onResponse);
      outgoing.once('socket', (socket) => {
        if (outgoing.reusedSocket) onConnected();
        else socket.once(isSecure ? 'secureConnect' : 'connect', onConnected);
      });
      return outgoing;
    },
  };
}

function transmissionError(
  error: Error & { code?: string },
  {
    facts,
    effect,
    isConnected,
    timeoutMs,
  }: Pick<Sending, 'facts' | 'effect'> & { isConnected: boolean; timeoutMs: number },
): RetryableError {
  const { upstream, method, path: sentTo } = facts;
  const name = nameOf(upstream);
  // The HTTP client's error holds the whole request, token included; only what lies beneath it may travel on.
  const options = { facts, effect, ...(error.cause instanceof Error && { cause: error.cause }) } as const;
  const reason = axios.isCancel(error) ? `nothing within ${timeoutMs} ms` : (error.code ?? error.name);

  if (!isConnected) {
    const message = `${name} cannot be reached (${reason}): ${method} ${sentTo} was not sent. Check address, DNS, network and certificate.`;
    return new RetryableError(`${upstream}.unreachable`, message, { ...options, effect: 'none' });
  }
  if (error.message.startsWith('maxContentLength')) {
    const message = `The answer of ${name} to ${method} ${sentTo} exceeds ${ANSWER_LIMIT_BYTES} bytes and was not read.`;
    return new RetryableError(`${upstream}.malformed`, message, options);
  }
  const then = effect === 'none' ? '' : ' What it has done is looked for before it is sent anew.';
  const message = `${name} did not answer ${method} ${sentTo} (${reason}).${then}`;
  return new RetryableError(`${upstream}.no-answer`, message, options);
}

function throttled(
  kind: 'budget' | 'throttled',
  message: string,
  facts: ErrorFacts,
  retryAfterMs: number,
  refusedUntil: string | undefined,
): ThrottledError {
  const limit = `the limit of ${nameOf(facts.upstream)}` as const;
  return new ThrottledError(`${facts.upstream}.${kind}`, message, {
    facts,
    effect: 'none',
    retryAfterMs,
    waitingFor: refusedUntil
      ? `${limit}, which refuses calls as too many (429) until ${toTheMinute(refusedUntil)}`
      : limit,
  });
}

function refusal(answer: Answer): ConnectorError {
  const { status, facts, effect } = answer;
  const isFailure = status === 408 || status >= 500;
  const code = isFailure ? codeIn(answer) : undefined;
  const details = [status, code && `code ${code}`, facts.correlationId && `identifier ${facts.correlationId}`];
  const what = `${facts.method} ${facts.path} (${details.filter(Boolean).join(', ')})`;
  if (status >= 300 && status < 400) {
    const message = `${nameOf(facts.upstream)} answered ${what} with a redirect, which is not followed. Check the configured base URL.`;
    return new AttentionError(`${facts.upstream}.redirected`, message, { facts, effect });
  }
  if (isFailure) {
    const retryAfterMs = retryAfterOf(answer);
    // Whether it fails at other calls too is for the circuit to find out.
    const message = `${nameOf(facts.upstream)} failed at ${what}. If that goes on, ask the support of ${nameOf(facts.upstream)}${facts.correlationId ? ', and quote the identifier' : ''}.`;
    return new RetryableError(`${facts.upstream}.unavailable`, message, {
      facts,
      effect,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }
  const message = `${nameOf(facts.upstream)} refused ${what} ${isSilent(answer) ? 'and gave no reason: ask its support, and quote the identifier' : 'without a reason that is known here. Look the call up with its identifier'}.`;
  return new AttentionError(`${facts.upstream}.unexplained`, message, { facts, effect });
}

const Code = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().regex(/^\w{1,40}$/));
/** Where the upstreams put their code of a failure. */
const Failure = z.union([
  z.object({ error: z.object({ code: Code }) }).transform(({ error }) => error.code),
  z.object({ error: Code }).transform(({ error }) => error),
  z.object({ code: Code }).transform(({ code }) => code),
  z.object({ Code }).transform(({ Code: code }) => code),
]);

/** The upstream's own code of a failure, to be told. Nothing is decided by it: what a call that failed has done, only a look can tell. */
function codeIn({ body }: Answer): string | undefined {
  return Failure.optional().catch(undefined).parse(body);
}

function isSilent({ body }: Answer): boolean {
  return body === undefined || body === null || body === '';
}

/** How long a throttled call has to wait; `undefined` when it was not throttled. */
function pauseOf(answer: Answer): number | undefined {
  const { status, headers } = answer;
  // Cloudesire does not document the status of a call that exceeds its limit, but names the pause in a header of its own.
  const isThrottled = status === 429 || (status >= 400 && status < 500 && Number(headers[CLOUDESIRE_PAUSE_HEADER]) > 0);
  return isThrottled ? (retryAfterOf(answer) ?? DEFAULT_PAUSE_MS) : undefined;
}

/** Whether a successful answer warns that the next calls may be throttled. */
function isScarce({ headers }: Answer): boolean {
  return Object.entries(headers).some(
    ([name, left]) => REMAINING_HEADER.test(name) && /^\d+$/.test(left) && Number(left) < SCARCE_CALLS,
  );
}

/** The pause that an answer asks for, at most an hour. A date is measured against the server's own clock. */
function retryAfterOf({ headers }: Answer): number | undefined {
  const namedMs = PAUSE_MS_HEADERS.map((name) => Number(headers[name])).find((ms) => ms > 0);
  if (namedMs !== undefined) return Math.min(namedMs, LONGEST_PAUSE_MS);
  const text = headers['retry-after']?.trim() ?? '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.parse(headers.date ?? '');
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_PAUSE_MS);
}

function plainHeaders(headers: AxiosResponse['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

function correlationIdOf(headers: Record<string, string>): string | undefined {
  const found = CORRELATION_HEADERS.find((name) => headers[name]);
  // Partner Center sometimes repeats the value, separated by a comma.
  return found && headers[found]?.split(',')[0]?.trim();
}
