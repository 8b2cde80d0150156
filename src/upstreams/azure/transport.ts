import type { ClientOptions } from '@azure-rest/core-client';
import { AttentionError, type ConnectorError } from '../../lib/errors.ts';
import type { Answer, Http, HttpRequest, Method } from '../http.ts';
import { nameOf } from '../names.ts';

/** What the SDK sends with instead of its own client. */
export type HttpClient = NonNullable<ClientOptions['httpClient']>;
type SdkAnswer = Awaited<ReturnType<HttpClient['sendRequest']>>;

/** A request as the SDK, or MSAL, wants it sent. */
export interface Outgoing {
  method: string;
  /** Absolute. */
  url: string;
  headers: Record<string, string>;
  /** JSON or a form, by its content type. */
  body?: string | undefined;
}

/** What is decided for each request by who sends it. */
export type Decide = (outgoing: Outgoing & { path: string }) => {
  isRead?: boolean;
  budgetKeys?: string[];
  accept?(answer: Answer): boolean;
  toError(answer: Answer): ConnectorError | undefined;
};

/**
 * Returns a function that sends what Azure's libraries want sent in the way of this service: limits, dry run, time limits and
 * observation are those of `http`, redirects are not followed, proxies of the environment not used. All that `http` throws
 * reaches the caller unchanged, for the libraries pass on what is not their own.
 *
 * @param baseUrl where `http` sends, the only place that anything is sent to. Addresses come from answers too (further pages,
 *   operations, token endpoints), and a token goes with each of them.
 * @throws {AttentionError} `<upstream>.foreign-address` for any other place
 */
export function createSend({ http, upstream, baseUrl }: { http: Http; upstream: string; baseUrl: string }) {
  const { origin, pathname } = new URL(baseUrl);
  const root = pathname.replace(/\/+$/, '');

  return (outgoing: Outgoing, decide: Decide): Promise<Answer> => {
    const url = URL.parse(outgoing.url);
    if (url?.origin !== origin || !url.pathname.startsWith(`${root}/`)) {
      throw new AttentionError(
        `${upstream}.foreign-address`,
        `An answer of ${nameOf(upstream)} names an address on another host, ${url?.host ?? 'unreadable'}, which is not followed. Check whether the configured address is the right one.`,
        { facts: { upstream }, effect: 'none' },
      );
    }
    const path = url.pathname.slice(root.length);
    return http.send({
      method: outgoing.method as Method,
      path,
      query: Object.fromEntries(url.searchParams),
      ...contentOf(outgoing),
      ...decide({ ...outgoing, path }),
    });
  };
}

export type Send = ReturnType<typeof createSend>;

/** The SDK's way of sending, on ours. */
export function createHttpClient(send: Send, decide: (request: object) => Decide): HttpClient {
  return {
    async sendRequest(request) {
      const outgoing: Outgoing = {
        method: request.method,
        url: request.url,
        headers: request.headers.toJSON(),
        body: typeof request.body === 'string' ? request.body : undefined,
      };
      const { status, headers, body } = await send(outgoing, decide(request));
      return {
        request,
        status,
        headers: headersOf(headers),
        bodyAsText: body === undefined ? null : JSON.stringify(body),
      };
    },
  };
}

function contentOf({ headers, body }: Outgoing): Pick<HttpRequest, 'headers' | 'body' | 'form'> {
  if (body === undefined) return { headers };
  const isForm = new Headers(headers).get('content-type')?.includes('x-www-form-urlencoded');
  return isForm
    ? { headers, form: Object.fromEntries(new URLSearchParams(body)) }
    : { headers, body: JSON.parse(body) as unknown };
}

/** Headers as the SDK reads them; the names come in lower case. */
function headersOf(plain: Record<string, string>): SdkAnswer['headers'] {
  const held = new Map(Object.entries(plain));
  return {
    get: (name) => held.get(name.toLowerCase()),
    has: (name) => held.has(name.toLowerCase()),
    set: (name, value) => void held.set(name.toLowerCase(), String(value)),
    delete: (name) => void held.delete(name.toLowerCase()),
    toJSON: () => Object.fromEntries(held),
    [Symbol.iterator]: () => held[Symbol.iterator](),
  };
}
