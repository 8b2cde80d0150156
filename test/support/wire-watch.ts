import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server on which a test sees what one process sends before the server does. */
export interface WireWatch {
  /** Address for the process that is watched. */
  url: string;
  /**
   * Calls back once, just before the next bytes that fit are passed on, as they stand on the wire. What the connection brings
   * from there on is held back until that has ended.
   */
  next(fits: RegExp, then: () => void | Promise<void>): void;
  close(): void;
}

/** Opens a way to the server at `url`, e.g. `redis://127.0.0.1:6379` or `http://127.0.0.1:8092`. */
export async function watchWire(url: string): Promise<WireWatch> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let awaited: { fits: RegExp; then(): void | Promise<void> } | undefined;

  const server = createServer((incoming) => {
    const outgoing = connect(Number(target.port || 6379), target.hostname);
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.once('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    incoming.on('data', (chunk: Buffer) => {
      const met = awaited?.fits.test(chunk.toString('latin1')) ? awaited : undefined;
      if (met) awaited = undefined;
      const ended = met?.then();
      if (!ended) {
        outgoing.write(chunk);
        return;
      }
      incoming.pause();
      void ended.then(() => {
        outgoing.write(chunk);
        incoming.resume();
      });
    });
    outgoing.on('data', (chunk) => incoming.write(chunk));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const watched = new URL(url);
  watched.hostname = '127.0.0.1';
  watched.port = String((server.address() as AddressInfo).port);

  return {
    url: watched.href,
    next(fits, then) {
      awaited = { fits, then };
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
