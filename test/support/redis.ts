import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';

/** Longest time a Redis may take from its start to its first PONG. */
const START_LIMIT_MS = 60_000;

/** A private Redis on loopback, with the durability that production needs: what it answered survives a kill. */
export interface RedisServer {
  url: string;
  port: number;
  /**
   * Sends a signal, `SIGKILL` unless told otherwise. `SIGSTOP` freezes the server (connections stay open, nothing
   * answers) and `SIGCONT` thaws it; after any other signal the promise resolves once the process is gone.
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port, with what it had stored; one that still runs is killed first. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts `redis-server` from the PATH on a free port (or on `port`) in a temporary folder of its own, and resolves once it
 * answers PING. `args` are appended to its command line, so they override the settings made here; a
 * `password` that they demand goes into the address.
 *
 * @throws when `redis-server` is not installed, or does not answer in time; its own output is quoted
 */
export async function startRedis(
  options: { args?: string[]; port?: number; password?: string } = {},
): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const login = options.password === undefined ? '' : `:${options.password}@`;
  const url = `redis://${login}127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'connector-redis-'));
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const settings = {
      port: String(port),
      bind: '127.0.0.1',
      dir: folder,
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      'maxmemory-policy': 'noeviction',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    child = spawn('redis-server', [...args, ...(options.args ?? [])]);
    endWithUs(child, folder);
    await answersPing(child, url);
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (child === undefined || hasExited(child)) return;
    const gone = signal === 'SIGSTOP' || signal === 'SIGCONT' ? undefined : once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async function stop(): Promise<void> {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    url,
    port,
    kill,
    async restart() {
      await kill();
      await start();
    },
    stop,
  };
}

/** Sees to it that the server and its folder are gone when this process ends without having called `stop`, killed or not. */
function endWithUs(server: ChildProcess, folder: string): void {
  if (server.pid === undefined) return;
  // The pipe to its input is closed by the system when this process is gone, however it ended.
  const waitForEnd = 'read _; kill -9 "$0"; rm -rf "$1"';
  const guard = spawn('sh', ['-c', waitForEnd, String(server.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  (guard.stdin as Socket).unref();
  server.once('exit', () => guard.kill('SIGKILL'));
}

/** Resolves once the server says that it accepts connections and has proved it by a PONG. */
async function answersPing(child: ChildProcess, url: string): Promise<void> {
  const output: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  const ready = new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`redis-server ${why}. It said:\n${output.slice(-10).join('\n')}`));
    timer = setTimeout(() => fail(`did not accept connections within ${START_LIMIT_MS} ms`), START_LIMIT_MS);
    child.once('close', (code, signal) => fail(`ended (${signal ?? code}) before it accepted connections`));
    child.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') return reject(cause);
      reject(
        new Error('redis-server is not on the PATH: install Redis 6.2 or newer, e.g. apt-get install redis-server.'),
      );
    });
    // Read to the end of its life, not only to this line: a full pipe would stop the server.
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream! }).on('line', (line) => {
        output.push(line);
        if (line.includes('Ready to accept connections')) resolve();
      });
    }
  });

  try {
    await ready;
    await ping(url);
  } finally {
    clearTimeout(timer);
  }
}

async function ping(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, connectTimeout: START_LIMIT_MS });
  redis.on('error', () => {}); // connect() rejects with the same error
  try {
    await redis.connect();
    await redis.ping();
  } finally {
    redis.disconnect();
  }
}

function hasExited(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
