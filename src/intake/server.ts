import { STATUS_CODES } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { type Refusal, refuse } from './replies.ts';

export interface ServerParts {
  /** Told of every error that no route has expected. */
  bug: (error: unknown, facts: { route: string }) => void;
  /** True from the moment on at which callers are to go elsewhere: each answer then ends its connection. */
  isStopping: () => boolean;
}

const BODY_LIMIT_BYTES = 64 * 1024;
/** A whole request, head and body, has to be here by then. */
const REQUEST_WITHIN_MS = 5_000;
/** Secrets in paths may be long. */
const LONGEST_PATH_PART = 500;
const IDLE_CONNECTION_MS = 10_000;
/** Longer than a proxy keeps its idle connections (60 s with Nginx), so that it never sends into one that we just closed. */
const KEEP_ALIVE_MS = 75_000;
/** A request on a connection that stands already is waited for so long after no new ones are taken. */
const ARRIVING_MS = 300;
const CLOSE_WITHIN_MS = 5_000;

/**
 * Whose `X-Forwarded-For` is believed: a proxy stands on this machine or in the private network. It only decides whose failed tries are
 * counted together.
 */
const PROXIES = 'loopback,linklocal,uniquelocal';

const SECURITY_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

const REFUSALS: Record<number, Refusal> = {
  408: { error: 'request.too-slow', message: `The request was not complete within ${REQUEST_WITHIN_MS / 1000} s.` },
  413: { error: 'body.too-large', message: `The body is larger than ${BODY_LIMIT_BYTES / 1024} KiB.` },
  415: { error: 'body.unsupported-media-type', message: 'Send the body as application/json.' },
  431: { error: 'request.head-too-large', message: 'The head of the request is too large.' },
};
const UNREADABLE: Refusal = { error: 'request.unreadable', message: 'The request cannot be read: check its form.' };

/**
 * Creates the HTTP server, without routes and not yet listening: routes are registered as plugins, each with parsers for
 * the bodies that it takes, since none is taken by default. Every refusal is JSON `{ error, message }` without a stack:
 * 404 and 405 (with `Allow`) for addresses that are not there, 408, 413, 415, 431, 400 for what cannot be read, and 500
 * for what no route expected.
 *
 * `close()` takes no new connections, answers what is open and what arrives within 0.3 s on connections that stand, then
 * ends all of them, after 5 s in any case.
 */
export function createServer({ bug, isStopping }: ServerParts): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    connectionTimeout: IDLE_CONNECTION_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_WITHIN_MS,
    trustProxy: PROXIES,
    routerOptions: { maxParamLength: LONGEST_PATH_PART },
    http: { headersTimeout: REQUEST_WITHIN_MS, connectionsCheckingInterval: 500 },
    return503OnClosing: false,
    frameworkErrors: (error, _request, reply) => {
      reply.headers(SECURITY_HEADERS);
      refuse(reply, error.statusCode ?? 400, UNREADABLE);
    },
    clientErrorHandler: refuseUnreadable,
  });
  app.removeAllContentTypeParsers();
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (isStopping()) reply.header('connection', 'close');
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return refuse(reply, status, REFUSALS[status] ?? UNREADABLE);
    bug(error, { route: request.routeOptions.url ?? 'unknown' });
    return refuse(reply, 500, {
      error: 'internal',
      message: 'Something failed here that should not; it was reported.',
    });
  });
  refuseUnknownRoutes(app);
  endConnectionsOnClose(app);
  return app;
}

/** Answers 405 where another method would do, else 404. */
function refuseUnknownRoutes(app: FastifyInstance): void {
  const routes: { url: string; methods: string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ url, methods: [method].flat() });
  });
  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const [path = ''] = request.url.split('?');
    const methods = routes.filter(({ url }) => fits(url, path)).flatMap((route) => route.methods);
    if (methods.length === 0) {
      return refuse(reply, 404, { error: 'route.unknown', message: 'There is nothing at this address.' });
    }
    const allowed = methods.join(', ');
    reply.header('allow', allowed);
    return refuse(reply, 405, { error: 'route.method-not-allowed', message: `This address answers ${allowed} only.` });
  });
}

/** Whether a path is one of a route's, whose `:names` stand for any segment. */
function fits(url: string, path: string): boolean {
  const wanted = url.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((segment, position) => segment.startsWith(':') || segment === given[position])
  );
}

/**
 * Closing alone would end connections on which a request is just arriving, and then wait for those that never send one, for as long as their
 * peers like.
 */
function endConnectionsOnClose(app: FastifyInstance): void {
  let openRequests = 0;
  const quiet = Promise.withResolvers<void>();
  let isWaitedFor = false;
  const tellWhenQuiet = () => {
    if (isWaitedFor && openRequests === 0) quiet.resolve();
  };
  app.server.on('request', (_request, response) => {
    openRequests += 1;
    response.once('close', () => {
      openRequests -= 1;
      tellWhenQuiet();
    });
  });
  app.addHook('preClose', async () => {
    const ended = Promise.withResolvers<void>();
    // Of the server beneath HTTP: it takes no new connections and leaves the others alone.
    NetServer.prototype.close.call(app.server, () => ended.resolve());
    await Promise.race([ended.promise, setTimeout(ARRIVING_MS, undefined, { ref: false })]);
    // After a process that stood still its timers come before its sockets: what has arrived by now is read first.
    await setImmediate();
    isWaitedFor = true;
    tellWhenQuiet();
    await Promise.race([ended.promise, quiet.promise, setTimeout(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    app.server.closeAllConnections();
  });
}

/** Refuses what is no HTTP, or comes too slowly, before there is a request that a route could answer. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const statuses: Record<string, number> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };
  const status = statuses[error.code ?? ''] ?? 400;
  const body = JSON.stringify(REFUSALS[status] ?? UNREADABLE);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
