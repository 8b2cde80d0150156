import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AttentionError, ConnectorError, type ErrorFacts, RetryableError } from '../lib/errors.ts';
import { isBlocked, openGuarded, readAtMost } from '../lib/guarded-request.ts';

export interface TemplateHostParts {
  /**
   * `host` or `host:port`, without port 443: the setting ARM_TEMPLATE_HOSTS. Outside the public internet may lie only what
   * an entry names itself, as the number of an address or as `localhost`.
   */
  hosts: readonly string[];
  /** From the look-up of the first name to the last byte of the last answer. */
  timeoutMs?: number;
}

export interface FetchedTemplate {
  /** Without byte order mark. */
  text: string;
  /** Of the file as the host keeps it, in hex. */
  sha256: string;
}

export type TemplateHost = ReturnType<typeof createTemplateHost>;

const TIMEOUT_MS = 10_000;
/** More is refused by Azure too. https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices#template-limits */
const LARGEST_BYTES = 4 * 1024 * 1024;
const MOST_REDIRECTS = 3;
const REDIRECTS = [301, 302, 303, 307, 308];
const LONGEST_PAUSE_S = 3_600;
/** Many hosts of files call JSON a text, or say nothing of it. */
const READABLE = /^\s*(application\/(json|octet-stream|[\w.-]+\+json)|text\/(plain|json))\s*(;|$)/i;

/** Fetches templates from the hosts that the operator of the connector has allowed. */
export function createTemplateHost({ hosts, timeoutMs = TIMEOUT_MS }: TemplateHostParts) {
  const allowed = new Set(hosts.map((entry) => URL.parse(`https://${entry}`)?.host ?? ''));

  /** The address, once it is known that it may be asked. */
  function admit(address: string, base?: URL): URL {
    const url = URL.parse(address, base?.href);
    if (url?.protocol !== 'https:') throw refused('it does not begin with https://. Correct the address.');
    if (url.username || url.password)
      throw refused('it carries a user name or password. Remove them from the address.');
    if (allowed.has(url.host)) return url;
    const advice = `Add ${url.host} to ARM_TEMPLATE_HOSTS and restart the service if it is to be trusted, or correct the address.`;
    throw refused(`its host is not among those that templates may come from. ${advice}`, url);
  }

  async function follow(url: URL, signal: AbortSignal, redirectsLeft: number): Promise<Buffer> {
    const headers = { accept: 'application/json, text/plain, */*;q=0.1', 'accept-encoding': 'gzip' };
    const request = openGuarded(url, { signal, mayBePrivate: isNamedByItself(url), headers });
    let target: URL;
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      const { location } = response.headers;
      if (!REDIRECTS.includes(response.statusCode ?? 0) || location === undefined) return await read(response, url);
      if (redirectsLeft === 0)
        throw refused(`it redirects more than ${MOST_REDIRECTS} times. Use the last address.`, url);
      target = admit(location, url);
    } catch (error) {
      throw explain(url, error, signal);
    } finally {
      request.destroy();
    }
    return follow(target, signal, redirectsLeft - 1);
  }

  return {
    /**
     * Returns the file at an https address, which must lie on an allowed host, as must every address that it redirects to
     * (three at most). Only checked addresses are connected to; 4 MB and 10 s at most, UTF-8.
     *
     * @throws {AttentionError} `template.address-refused`, `template.too-large` or `template.not-readable`: only the operator
     *   of the marketplace, or of the connector, can cure that
     * @throws {RetryableError} `template-host.unreachable` when the host is away, too slow or busy
     */
    async fetch(address: string): Promise<FetchedTemplate> {
      const url = admit(address);
      const bytes = await follow(url, AbortSignal.timeout(timeoutMs), MOST_REDIRECTS);
      try {
        const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
        return { text, sha256: createHash('sha256').update(bytes).digest('hex') };
      } catch (error) {
        throw notReadable(url, 'is not encoded in UTF-8', error);
      }
    },
  };
}

/** Allowing a private address by its number, or `localhost`, is deliberate; any other name could be made to resolve to one. */
function isNamedByItself({ hostname }: URL): boolean {
  return hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

async function read(response: IncomingMessage, url: URL): Promise<Buffer> {
  const { statusCode = 0, headers } = response;
  if (statusCode === 408 || statusCode === 429 || statusCode >= 500)
    throw busy(url, statusCode, headers['retry-after']);
  if (statusCode !== 200) throw notReadable(url, `was answered with ${statusCode}`);
  const type = headers['content-type'];
  if (type !== undefined && !READABLE.test(type)) throw notReadable(url, `has the content type ${type.slice(0, 60)}`);
  return await readAtMost(decoded(response, url), LARGEST_BYTES, () => {
    const message = `The template at ${where(url)} is larger than 4 MB, which Azure does not take either. Make it smaller.`;
    return new AttentionError('template.too-large', message, { facts: factsOf(url), effect: 'none' });
  });
}

/** Some stores keep files compressed and serve them so, whatever `Accept-Encoding` says. */
function decoded(response: IncomingMessage, url: URL): Readable {
  const encoding = response.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return response;
  if (encoding !== 'gzip') throw notReadable(url, `has the content encoding ${encoding.slice(0, 60)}`);
  // Whoever reads hears of failures.
  return pipeline(response, createGunzip(), () => {});
}

function explain(url: URL, error: unknown, signal: AbortSignal): ConnectorError {
  if (error instanceof ConnectorError) return error;
  if (isBlocked(error)) {
    return refused(
      'its host lies in a private network, or on this very machine. Publish it where the internet can reach it, or name it in ARM_TEMPLATE_HOSTS by the number of its address, and restart the service.',
      url,
    );
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code?.startsWith('Z_')) return notReadable(url, 'is not compressed as its host says', error);
  const reason = signal.aborted ? 'it took too long' : (code ?? 'the connection broke');
  const message = `The template at ${where(url)} could not be fetched: ${reason}. If that goes on, check name, network and certificate of the host.`;
  return new RetryableError('template-host.unreachable', message, {
    cause: error,
    facts: factsOf(url),
    effect: 'none',
  });
}

function busy(url: URL, status: number, retryAfter: string | undefined): RetryableError {
  const message = `The template at ${where(url)} could not be fetched: its host answered ${status}.`;
  const pause = /^\d{1,9}$/.test(retryAfter ?? '') ? Math.min(Number(retryAfter), LONGEST_PAUSE_S) : undefined;
  return new RetryableError('template-host.unreachable', message, {
    facts: { ...factsOf(url), status },
    effect: 'none',
    ...(pause !== undefined && { retryAfterMs: pause * 1_000 }),
  });
}

function refused(reason: string, url?: URL): AttentionError {
  const address = url
    ? `The template address ${where(url)}`
    : "The template address of the plan, in the plan's metadata,";
  const options = { effect: 'none', ...(url && { facts: factsOf(url) }) } as const;
  return new AttentionError('template.address-refused', `${address} is not used: ${reason}`, options);
}

function notReadable(url: URL, flaw: string, cause?: unknown): AttentionError {
  const message = `The template at ${where(url)} ${flaw}, so that it cannot be read. Publish it there as plain JSON, or correct the address in the plan's metadata.`;
  return new AttentionError('template.not-readable', message, { cause, facts: factsOf(url), effect: 'none' });
}

/** Without the query, which may hold a signature that gives access to a private store. */
function where({ origin, pathname }: URL): string {
  return `${origin}${pathname}`.slice(0, 200);
}

function factsOf({ pathname }: URL): ErrorFacts {
  return { upstream: 'template-host', method: 'GET', path: pathname.slice(0, 200) };
}
