import { createHmac } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

/** What became of one request to the connector: a status, or the reason why there is none. Durations in real ms. */
export interface Attempt {
  status?: number;
  error?: string;
  headers: Record<string, string>;
  body: string;
  durationMs: number;
}

export interface OutgoingRequest {
  method: 'POST' | 'GET';
  url: string;
  headers: Record<string, string>;
  body?: string;
  timeoutMs: number;
}

export interface Transport {
  send(request: OutgoingRequest): Promise<Attempt>;
  close(): void;
}

/** `CMW-Event-Signature` of a body: HMAC-SHA1 over its UTF-8 bytes, keyed with the UTF-8 bytes of the secret. */
export function signEvent(body: string, secret: string): string {
  return `sha1=${createHmac('sha1', Buffer.from(secret, 'utf8')).update(Buffer.from(body, 'utf8')).digest('hex')}`;
}

/**
 * Returns the marketplace's own HTTP client. `send` never throws: a refused connection, a time-out or an address that is
 * no URL comes back as `error`. Connections are kept, and one that the other side closed meanwhile is replaced silently.
 */
export function createTransport(): Transport {
  const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };

  function exchange(request: OutgoingRequest, signal: AbortSignal): Promise<Omit<Attempt, 'durationMs'>> {
    return new Promise((resolve, reject) => {
      const url = new URL(request.url);
      const secure = url.protocol === 'https:';
      const outgoing = (secure ? https : http).request(url, {
        method: request.method,
        headers: {
          ...request.headers,
          ...(request.body === undefined ? {} : { 'Content-Length': Buffer.byteLength(request.body) }),
        },
        agent: secure ? agents.https : agents.http,
        signal,
      });
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        const isClosed = error.code === 'ECONNRESET' || error.code === 'EPIPE';
        const isStale = outgoing.reusedSocket && isClosed && !signal.aborted;
        if (isStale) exchange(request, signal).then(resolve, reject);
        else reject(error);
      });
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const headers: Record<string, string> = {};
          for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value);
          resolve({ status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks).toString('utf8') });
        });
      });
      outgoing.end(request.body);
    });
  }

  return {
    async send(request) {
      const startedAt = performance.now();
      const duration = () => Math.round((performance.now() - startedAt) * 10) / 10;
      const signal = AbortSignal.timeout(request.timeoutMs);
      try {
        return { ...(await exchange(request, signal)), durationMs: duration() };
      } catch (error) {
        const text = signal.aborted ? `no answer within ${request.timeoutMs} ms` : describe(error);
        return { error: text, headers: {}, body: '', durationMs: duration() };
      }
    },

    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
}
