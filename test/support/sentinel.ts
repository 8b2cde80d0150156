import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedis } from './redis.ts';

/** The name under which the Sentinels watch the master. */
const NAME = 'mymaster';
/** Sentinels call a master dead that has not answered for so long. */
const DOWN_AFTER_MS = 1_000;
const READY_LIMIT_MS = 30_000;

/** A Redis with two replicas, watched by three Sentinels. */
export interface SentinelSetup {
  url: string;
  servers: RedisServer[];
  /** The server that the Sentinels call the master now. */
  master(): Promise<RedisServer>;
  /** Resolves once the Sentinels call another server the master than this one, and it takes writes. */
  failedOver(from: RedisServer): Promise<RedisServer>;
  stop(): Promise<void>;
}

/** Starts real servers and Sentinels on free ports; every server demands `password`, also of its master. */
export async function startSentinels({ password = 'secret', args = [] as string[] } = {}): Promise<SentinelSetup> {
  const login = ['--requirepass', password, '--masterauth', password];
  const [first, ...others] = await Promise.all(
    [0, 1, 2].map(() => startRedis({ password, args: [...login, '--repl-diskless-sync-delay', '0', ...args] })),
  );
  const servers = [first!, ...others];
  const admins = new Map(servers.map((server) => [server, adminOf(server.port, password)]));
  await Promise.all(others.map((other) => admins.get(other)!.replicaof('127.0.0.1', first!.port)));
  await until(async () => (await replicasOf(admins.get(first!)!)) === 2);

  const ports = await Promise.all([0, 1, 2].map(() => freePort()));
  const processes = ports.map((port) => startSentinel(port, first!.port, password));
  const sentinels = ports.map((port) => adminOf(port));
  // A fail-over needs Sentinels that know each other and both replicas.
  await until(async () => {
    const known = await Promise.all(sentinels.map((one) => one.call('SENTINEL', 'MASTER', NAME)));
    return known.every((facts) => {
      const text = (facts as string[]).join(' ');
      return /num-slaves 2\b/.test(text) && /num-other-sentinels 2\b/.test(text);
    });
  });

  async function master(): Promise<RedisServer> {
    const [, port] = (await sentinels[0]!.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as [string, string];
    return servers.find((server) => server.port === Number(port))!;
  }

  return {
    url: `redis+sentinel://:${password}@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${NAME}`,
    servers,
    master,
    async failedOver(from) {
      let next = from;
      await until(async () => {
        next = await master();
        if (next === from) return false;
        return ((await admins.get(next)!.call('ROLE')) as string[])[0] === 'master';
      });
      return next;
    },
    async stop() {
      for (const one of [...sentinels, ...admins.values()]) one.disconnect();
      await Promise.all(processes.map(({ end }) => end()));
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

function startSentinel(port: number, masterPort: number, password: string): { end(): Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), 'connector-sentinel-'));
  const settings = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel auth-pass ${NAME} ${password}`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} 5000`,
  ];
  writeFileSync(settings, lines.join('\n'));
  // A pipe that closes with us ends it, however we end.
  const child: ChildProcess = spawn('sh', ['-c', 'redis-server "$0" --sentinel & read _; kill -9 $!', settings], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return {
    async end() {
      const ended = once(child, 'exit');
      child.stdin?.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function adminOf(port: number, password?: string): Redis {
  const redis = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null, ...(password && { password }) });
  return redis.on('error', () => {});
}

async function replicasOf(redis: Redis): Promise<number> {
  const [, , replicas] = (await redis.call('ROLE')) as [string, number, unknown[]];
  return replicas.length;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const endAt = performance.now() + READY_LIMIT_MS;
  while (!(await isSo())) {
    if (performance.now() > endAt) throw new Error(`The Sentinels were not ready within ${READY_LIMIT_MS} ms.`);
    await pause(50);
  }
}
