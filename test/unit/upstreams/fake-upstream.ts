import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What arrived at the upstream. */
export interface Received {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: IncomingHttpHeaders;
  body: string;
  /** The connection it came on, counted from 1. */
  connection: number;
}

/** `json` is sent as JSON, `text` as it is; `reset` cuts the connection after that, `silent` never answers. */
export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
  text?: string;
  fault?: 'reset' | 'silent';
}

/**
 * An upstream on loopback that answers the calls of one test, the n-th (from 0) as `respond` says, and is gone afterwards.
 *
 * @param tls key and certificate in PEM, for https
 */
export async function startUpstream(
  respond: (request: Received, n: number) => Reply,
  tls?: { key: string; cert: string },
) {
  const received: Received[] = [];
  let connections = 0;
  const numbers = new WeakMap<object, number>();
  function reply(call: Received): Reply {
    try {
      return respond(call, received.length - 1);
    } catch (error) {
      // Seen by the caller as a refusal, so that a mistake in a test shows at once.
      return { status: 418, text: String(error) };
    }
  }
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://upstream');
      const call: Received = {
        method: request.method ?? '',
        path: pathname,
        query: Object.fromEntries(searchParams),
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        connection: numbers.get(request.socket) ?? 0,
      };
      received.push(call);
      const { status = 200, headers = {}, json, text, fault } = reply(call);
      if (fault === 'silent') return;
      const body = text ?? (json === undefined ? '' : JSON.stringify(json));
      if (fault === 'reset') {
        // A connection under TLS cannot be reset, only closed.
        const cut = (): unknown => (tls ? request.socket.destroy() : request.socket.resetAndDestroy());
        if (text !== undefined) {
          response.writeHead(status, { 'Content-Length': body.length + 1, ...headers });
          response.write(body, cut);
        } else cut();
        return;
      }
      response
        .writeHead(status, { ...(json !== undefined && { 'Content-Type': 'application/json' }), ...headers })
        .end(body);
    });
  };
  const server = tls ? createSecureServer(tls, listener) : createServer(listener);
  server.on(tls ? 'secureConnection' : 'connection', (socket: object) => {
    connections += 1;
    numbers.set(socket, connections);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}
