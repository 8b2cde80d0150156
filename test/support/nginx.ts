import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createTls } from '../emulator/core/tls.ts';
import { type Instance, renderConsulTemplate } from './consul-template.ts';
import { freePort } from './free-port.ts';

const CONFIGURATION = join(import.meta.dirname, '../../docker/nginx');
/** Debian installs it where only root has a path to. */
const ENVIRONMENT = { PATH: `${process.env.PATH}:/usr/sbin` };
/** Starting takes a few milliseconds; a slow machine may need much longer. */
const START_WITHIN_MS = 30_000;

/** The real Nginx with the configuration of this project, on free ports of loopback. */
export interface Nginx {
  /** Where the marketplace and Microsoft call. */
  url: string;
  /** Where operations call. */
  operationsUrl: string;
  /** The authority that its certificate hangs from, PEM. */
  ca: string;
  /** What it wrote about requests, one object for each. */
  accessLog(): Record<string, unknown>[];
  /** Everything that it wrote, as text. */
  output(): string;
  /** Puts these instances in the place of the former ones, as consul-template does, and lets Nginx read them. */
  setInstances(instances: Instance[]): void;
  /** Resolves once nobody who knows the former instances takes connections any more. */
  hasRead(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts Nginx in front of these instances, in a folder of its own, and resolves once it takes connections.
 *
 * @throws {Error} when there is no Nginx, or its configuration is refused; its own words are quoted
 */
export async function startNginx(instances: Instance[]): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'connector-nginx-'));
  // Its workers run as a user without rights and look for their temporary folders below it.
  chmodSync(folder, 0o755);
  cpSync(CONFIGURATION, folder, { recursive: true });
  for (const name of ['tls', 'upstreams']) mkdirSync(join(folder, name));
  const tls = await createTls();
  const ca = readFileSync(tls.caFile, 'utf8');
  writeFileSync(join(folder, 'tls/fullchain.pem'), tls.cert);
  writeFileSync(join(folder, 'tls/privkey.pem'), tls.key);
  tls.remove();

  const [port, operationsPort] = [await freePort(), await freePort()];
  const configuration = join(folder, 'nginx.conf');
  let text = readFileSync(configuration, 'utf8');
  for (const [from, to] of [
    ['listen 8443 ', `listen 127.0.0.1:${port} `],
    ['listen 8444 ', `listen 127.0.0.1:${operationsPort} `],
  ] as const) {
    if (text.split(from).length !== 2) throw new Error(`nginx.conf has to say once: ${from}`);
    text = text.replace(from, to);
  }
  writeFileSync(configuration, text);
  render(instances);

  const command = ['-e', 'stderr', '-p', folder, '-c', configuration, '-g', 'daemon off;'];
  const outputFile = join(folder, 'output');
  const output = openSync(outputFile, 'a');
  const child = spawn('nginx', command, { stdio: ['ignore', output, output], env: ENVIRONMENT });
  const failed = once(child, 'error').then(([error]) => {
    throw new Error('Nginx cannot be started: install it, or run `node scripts/setup.mjs nginx`.', { cause: error });
  });
  endWithUs(child, folder);
  let former: number[] = [];
  await Promise.race([listens(port), failed]);

  function render(present: Instance[]): void {
    const template = readFileSync(join(folder, 'connector.conf.ctmpl'), 'utf8');
    writeFileSync(
      join(folder, 'upstreams/connector.conf'),
      renderConsulTemplate(template, () => present),
    );
  }

  async function listens(onPort: number): Promise<void> {
    const until = performance.now() + START_WITHIN_MS;
    while (!(await takesConnections(onPort))) {
      if (child.exitCode !== null || performance.now() > until)
        throw new Error(`Nginx does not take connections. It said:\n${readFileSync(outputFile, 'utf8')}`);
      await pause(20);
    }
  }

  return {
    url: `https://localhost:${port}`,
    operationsUrl: `https://localhost:${operationsPort}`,
    ca,
    output: () => readFileSync(outputFile, 'utf8'),
    accessLog: () =>
      readFileSync(outputFile, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    setInstances(present) {
      former = workersOf(child);
      render(present);
      const { status } = spawnSync('nginx', ['-t', '-q', ...command], {
        stdio: ['ignore', output, output],
        env: ENVIRONMENT,
      });
      if (status !== 0) throw new Error(`Nginx refuses its configuration:\n${readFileSync(outputFile, 'utf8')}`);
      child.kill('SIGHUP');
    },

    async hasRead() {
      const until = performance.now() + START_WITHIN_MS;
      for (;;) {
        const taking = workersOf(child);
        if (taking.length > 0 && taking.every((pid) => !former.includes(pid))) return;
        if (performance.now() > until) throw new Error('Nginx does not read its configuration anew.');
        await pause(20);
      }
    },
    async stop() {
      const gone = once(child, 'exit');
      if (child.exitCode === null && child.kill('SIGTERM')) await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Sees to it that Nginx and its folder are gone when this process ends without having called `stop`, killed or not. */
function endWithUs(nginx: ChildProcess, folder: string): void {
  if (nginx.pid === undefined) return;
  const waitForEnd = 'read _; kill "$0"; rm -rf "$1"';
  const guard = spawn('sh', ['-c', waitForEnd, String(nginx.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  (guard.stdin as Socket).unref();
  nginx.once('exit', () => guard.kill('SIGKILL'));
}

/** The workers of an Nginx that take connections: those of a former configuration end, and say so in their title. */
function workersOf({ pid: master }: ChildProcess): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const [, parent] = /^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      return Number(parent) === master && !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('shutting down');
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}
