import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to Redis on which a test sees the commands of one process before Redis does. */
export interface RedisWatch {
  /** Address for the process that is watched. */
  url: string;
  /** Calls back once, just before the next commands that fit are passed on. Commands are as on the wire, in the words of RESP. */
  next(fits: RegExp, then: () => void): void;
  close(): void;
}

/** Opens a way to the Redis at `url`. */
export async function watchRedis(url: string): Promise<RedisWatch> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let awaited: { fits: RegExp; then(): void } | undefined;

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
      if (awaited?.fits.test(chunk.toString('latin1'))) {
        const { then } = awaited;
        awaited = undefined;
        then();
      }
      outgoing.write(chunk);
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
