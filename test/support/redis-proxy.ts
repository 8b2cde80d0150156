import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network in front of a Redis, which can fail in the ways of a network. */
export interface RedisProxy {
  url: string;
  /** Nothing comes through any more, in either direction, and nothing is closed: as when a cable is pulled or a host loses its power. */
  stall(): void;
  /** All connections end, and new ones are refused. */
  cut(): void;
  /** All connections are reset, once; new ones come through. */
  reset(): void;
  /** Everything comes through again; what was stalled stays lost, as its connections do. */
  mend(): void;
  stop(): Promise<void>;
}

/** Starts a proxy on a free port of loopback in front of that port. */
export async function startRedisProxy(targetPort: number): Promise<RedisProxy> {
  const pairs = new Set<[Socket, Socket]>();
  let isStalled = false;
  let isCut = false;

  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const target = connect(targetPort, '127.0.0.1');
    const pair: [Socket, Socket] = [client, target];
    pairs.add(pair);
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      let isLost = isStalled;
      from.on('data', (bytes) => {
        isLost ||= isStalled;
        if (!isLost) to.write(bytes);
      });
      from.on('error', () => {});
      from.on('close', () => {
        pairs.delete(pair);
        to.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  function destroyAll(): void {
    for (const [client, target] of pairs) {
      client.resetAndDestroy();
      target.destroy();
    }
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    stall() {
      isStalled = true;
    },
    cut() {
      isCut = true;
      destroyAll();
    },
    reset: destroyAll,
    mend() {
      isStalled = false;
      isCut = false;
    },
    async stop() {
      destroyAll();
      server.close();
      await once(server, 'close');
    },
  };
}
