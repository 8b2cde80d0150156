import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { BadBody, type Call, type CallRecord, type Handler, type Reply } from './call.ts';
import type { Clock } from './clock.ts';
import { type Arguments, builtInCommands, type Command, isControlPath, runControlCall } from './control.ts';
import type { FaultRule, Faults } from './faults.ts';
import { createRouter } from './router.ts';
import { cutOff, discardBody, readBody, send, TooLarge } from './wire.ts';

export { type Arguments, BadBody, type Call, type CallRecord, type Handler, type Reply };

export interface EmulatorServer {
  route(method: string, pattern: string, handler: Handler): void;
  before(hook: (call: Call) => Reply | undefined): void;
  finish(hook: (call: Call, reply: Reply) => Reply): void;
  notFound(handler: Handler): void;
  /** Without `takes`, what it is given is for the command itself to check. */
  command(name: string, run: (args: never) => unknown, takes?: Arguments): void;
  calls: CallRecord[];
  listen(options: ListenOptions): Promise<string>;
  close(): Promise<void>;
}

export interface ListenOptions {
  port?: number;
  host?: string;
  /** What other machines call this one: it stands in the origin, and all addresses are listened on. */
  name?: string;
  tls?: { key: string; cert: string };
}

const KEEP_ALIVE_MS = 60_000;
const REQUEST_ID_HEADERS = ['ms-requestid', 'x-ms-client-request-id', 'client-request-id', 'x-request-id'];

// Shared by all servers of the process, so that their logs can be merged in order.
let lastSeq = 0;

/**
 * Returns one emulated upstream, to be filled with routes and then put on a port with `listen`, which gives its origin.
 *
 * Handlers only turn a call into a reply. The server adds the call log, the faults, a `Date` header in virtual time and
 * the control surface under `/_emulator`, which is neither logged nor hit by faults. Patterns like
 * `/v1/customers/:customerId` match segment by segment: literals without regard to case, and before parameters.
 * `before` hooks run once the route is known, and the first reply they give ends the call; `finish` hooks see every
 * reply. `close` also ends connections that are idle or wait for an answer.
 */
export function createServer(name: string, { clock, faults }: { clock: Clock; faults: Faults }): EmulatorServer {
  const router = createRouter<Handler>();
  const beforeHooks: Array<(call: Call) => Reply | undefined> = [];
  const finishHooks: Array<(call: Call, reply: Reply) => Reply> = [];
  const commands = new Map<string, Command>();
  const calls: CallRecord[] = [];
  let handleUnknown: Handler = ({ method, path }) => ({
    status: 404,
    body: { error: `no such route: ${method} ${path}` },
  });
  let listening: http.Server | undefined;

  async function dispatch(call: Call, handler: Handler | undefined): Promise<Reply> {
    for (const hook of beforeHooks) {
      const reply = hook(call);
      if (reply !== undefined) return reply;
    }
    return (handler ?? handleUnknown)(call);
  }

  async function answer(call: Call, handler: Handler | undefined, fault: FaultRule | undefined): Promise<Reply> {
    try {
      const reply = fault?.kind === 'status' ? statusReply(fault) : await dispatch(call, handler);
      return finishHooks.reduce((finished, hook) => hook(call, finished), reply);
    } catch (error) {
      if (error instanceof BadBody) {
        const reply: Reply = { status: 400, body: { error: error.message } };
        return finishHooks.reduce((finished, hook) => hook(call, finished), reply);
      }
      console.error(`A handler of the ${name} emulator failed at ${call.method} ${call.path}:`, error);
      return { status: 500, body: { error: 'This is a bug of the emulator, not an answer of the upstream.' } };
    }
  }

  async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const method = request.method ?? 'GET';
    const { path, query } = splitTarget(request.url ?? '/');
    if (isControlPath(path)) {
      await runControlCall({ name, clock, commands, request, response, method, path });
      return;
    }

    const headers = plainHeaders(request.headers);
    const fault = faults.take({ server: name, method, path, query });
    const record = recordCall({ method, path, query, headers }, fault);
    if (fault?.kind === 'refuse' || fault?.kind === 'reset-before') {
      request.socket.destroy();
      return;
    }

    let rawBody: Buffer;
    try {
      rawBody = await readBody(request);
    } catch (error) {
      if (!(error instanceof TooLarge)) return; // the caller went away
      record.status = 413;
      discardBody(request);
      send(response, { status: 413, headers: { connection: 'close' }, body: { error: error.message } }, clock.now());
      return;
    }
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.delayMs));

    const match = router.find(method, path);
    const call = createCall({ method, path, query, headers, rawBody, params: match?.params ?? {} });
    const reply = await answer(call, match?.target, fault);
    record.status = reply.status;
    if (fault?.kind === 'reset-after') request.socket.destroy();
    else if (fault?.kind === 'malformed') send(response, cutOff(reply), clock.now());
    else if (fault?.kind === 'replace') send(response, statusReply(fault), clock.now());
    else if (fault?.kind !== 'timeout-after') send(response, reply, clock.now());
  }

  function recordCall(
    { method, path, query, headers }: { method: string; path: string; query: string; headers: Record<string, string> },
    fault: FaultRule | undefined,
  ): CallRecord {
    lastSeq += 1;
    const requestId = REQUEST_ID_HEADERS.map((header) => headers[header]).find((value) => value !== undefined);
    const record: CallRecord = {
      seq: lastSeq,
      at: new Date(clock.now()).toISOString(),
      server: name,
      method,
      path,
      query,
      status: 0,
      ...(requestId === undefined ? {} : { requestId }),
      ...(fault === undefined ? {} : { fault: fault.kind }),
    };
    calls.push(record);
    return record;
  }

  for (const [command, run, takes = {}] of builtInCommands({ clock, faults, calls })) {
    commands.set(command, { run, takes });
  }

  return {
    calls,

    route(method, pattern, handler) {
      router.add(method, pattern, handler);
    },

    before(hook) {
      beforeHooks.push(hook);
    },

    finish(hook) {
      finishHooks.push(hook);
    },

    notFound(handler) {
      handleUnknown = handler;
    },

    command(command, run, takes = {}) {
      commands.set(command, { run: run as Command['run'], takes });
    },

    async listen({ port = 0, name, host = name === undefined ? '127.0.0.1' : '0.0.0.0', tls }) {
      const onRequest: http.RequestListener = (request, response) => {
        serve(request, response).catch((error: unknown) => {
          console.error(`The ${name} emulator failed:`, error);
          request.socket.destroy();
        });
      };
      const server = tls === undefined ? http.createServer(onRequest) : https.createServer(tls, onRequest);
      server.keepAliveTimeout = KEEP_ALIVE_MS;
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, resolve);
      });
      listening = server;
      const { port: boundPort } = server.address() as AddressInfo;
      return `${tls === undefined ? 'http' : 'https'}://${name ?? (host.includes(':') ? `[${host}]` : host)}:${boundPort}`;
    },

    async close() {
      const server = listening;
      if (server === undefined) return;
      listening = undefined;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function createCall(parts: Omit<Call, 'json' | 'query'> & { query: string }): Call {
  return {
    ...parts,
    query: new URLSearchParams(parts.query),
    json() {
      try {
        return JSON.parse(parts.rawBody.toString('utf8'));
      } catch {
        throw new BadBody('The body is not valid JSON.');
      }
    },
  };
}

function statusReply({ status, headers, body }: FaultRule): Reply {
  return {
    status: status ?? 500,
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  };
}

function splitTarget(target: string): { path: string; query: string } {
  const at = target.indexOf('?');
  return at < 0 ? { path: target, query: '' } : { path: target.slice(0, at), query: target.slice(at + 1) };
}

function plainHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (value !== undefined) plain[header] = Array.isArray(value) ? value.join(', ') : value;
  }
  return plain;
}
