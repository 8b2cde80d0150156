import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { onTestFinished } from 'vitest';
import { createFailures, type Door, type Failures } from '../../../src/intake/failures.ts';
import { createServer } from '../../../src/intake/server.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { RetryableError } from '../../../src/lib/errors.ts';
import type { Log } from '../../../src/lib/log.ts';

export interface Served {
  app: FastifyInstance;
  url: string;
  port: number;
  /** Errors that the server has reported as bugs. */
  bugs: unknown[];
  /** As if the process had been told to stop, and listened on for a while. */
  beginToStop(): void;
}

/** The server with the given routes, listening on a free port of loopback until the test ends. */
export async function serve(addRoutes: (app: FastifyInstance) => void): Promise<Served> {
  const bugs: unknown[] = [];
  let isStopping = false;
  const app = createServer({ bug: (error) => bugs.push(error), isStopping: () => isStopping });
  addRoutes(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    app.server.closeAllConnections();
    await app.close();
  });
  const { port } = app.server.address() as AddressInfo;
  return {
    app,
    url: `http://127.0.0.1:${port}`,
    port,
    bugs,
    beginToStop() {
      isStopping = true;
    },
  };
}

/** What operations and queue fail with while the store is away. */
export const AWAY = new Error('Connection is closed.');
export const isOutage = (error: unknown) => error === AWAY || error instanceof RetryableError;

/** The memory of failed authentications as the service has it. */
export function failuresAt(door: Door, log: Log): Failures {
  return createFailures({ door, clock: systemClock, log, count() {} });
}

/** A connection over which nothing has been sent yet. */
export async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  return socket;
}

/** Everything that the server says on a connection until it ends it. */
export async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  if (!socket.closed) await once(socket, 'close');
  return text;
}

/** Sends bytes as they are and returns all that comes back until the server ends the connection. */
export async function exchange(port: number, ...parts: (string | Buffer)[]): Promise<string> {
  const socket = await open(port);
  const answer = readAll(socket);
  for (const part of parts) socket.write(part);
  return answer;
}
