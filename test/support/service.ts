import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

const ROOT = join(import.meta.dirname, '../..');
const { scripts, bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: { start: string };
  bin: { connector: string };
};
/** What `npm start` hands to Node. */
const START = scripts.start.replace(/^exec node /, '').split(' ');
/** What each process would compile anew, as the tests start some seventy of them. */
const COMPILED = { NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/compiled') };
/** Starting takes under a second; a slow machine may take much longer. */
const START_WITHIN_MS = 120_000;

/** The connector as a process of its own, started as `npm start` does. */
export interface RunningService {
  url: string;
  process: ChildProcess;
  /** Everything it wrote so far. */
  output(): string;
  /** Resident memory in bytes. */
  residentBytes(): number;
  /** Resolves when it has ended, with the exit code or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals | null>;
  /** Resolves once it listens. */
  ready: Promise<void>;
  /** Sends a signal and resolves as `ended` does. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** Starts the service with this environment and nothing else, and resolves once it listens. */
export async function startService(environment: Record<string, string>): Promise<RunningService> {
  const service = await launchService(environment);
  await service.ready;
  return service;
}

/** Starts the service and resolves at once, while it loads. */
export async function launchService(environment: Record<string, string>): Promise<RunningService> {
  const port = environment.PORT ?? String(await freePort());
  const child = spawn(process.execPath, START, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', ...COMPILED, ...environment, PORT: port },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ready = Promise.withResolvers<void>();
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes('ready to serve')) ready.resolve();
    });
  }
  const ended = exit.then(([code, signal]) => code ?? signal);
  const timer = setTimeout(
    () => ready.reject(new Error(`The service did not start in time:\n${output}`)),
    START_WITHIN_MS,
  );
  void exit.then(([code]) => ready.reject(new Error(`The service ended with ${code}:\n${output}`)));
  void ready.promise.catch(() => {}).finally(() => clearTimeout(timer));

  return {
    url: `http://127.0.0.1:${port}`,
    process: child,
    output: () => output,
    residentBytes: () =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
    ended,
    ready: ready.promise,
    end(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}

/** Runs the service until it ends by itself, as with a configuration that cannot work. */
export async function runService(
  environment: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, START, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...COMPILED, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** Runs `connector` with these arguments and this environment, and nothing else. */
export async function runCommand(
  args: string[],
  environment: Record<string, string>,
  answer?: (question: string) => Promise<string>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(ROOT, bin.connector), ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...COMPILED, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  if (answer)
    child.stderr.once(
      'data',
      (question: Buffer) => void answer(String(question)).then((line) => child.stdin.end(line)),
    );
  else child.stdin.end();
  const written = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      written[stream] += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...written };
}
