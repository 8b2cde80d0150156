// Builds the image by its Dockerfile and runs it as an orchestrator would: as its own user, read-only, as the first process. Needs no Docker
// engine, but root, buildah and, where the base image cannot be fetched, debootstrap: then the base is made of Debian and this Node.
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../test/support/free-port.ts';
import { commandOf, readDockerfile } from '../test/support/image.ts';
import { startRedis } from '../test/support/redis.ts';

const ROOT = join(import.meta.dirname, '..');
const USER = '1000:1000';
const SOON_MS = 60_000;

// What only root runs, chroot among it, is not on every root's path.
process.env.PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

const folder = mkdtempSync(join(tmpdir(), 'connector-image-'));
const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
const redis = await startRedis();
let failures = 0;

try {
  provideBase();
  buildah(
    'bud',
    '--isolation',
    'chroot',
    '--pull-never',
    '--format',
    'docker',
    ...npmOfThisMachine(),
    '--tag',
    'built',
    ROOT,
  );
  const image = buildah('mount', buildah('from', '--pull-never', 'built'));
  const inside = (...command: string[]) => [
    'chroot',
    `--userspec=${USER}`,
    image,
    'setpriv',
    '--no-new-privs',
    ...command,
  ];
  say(`/app has ${run('du', '-sm', join(image, 'app')).split('\t')[0]} MB`);

  await check('runs as the user that the image names, who can write nowhere in it', async () => {
    same(readDockerfile().findLast(({ instruction }) => instruction === 'USER')?.argument, USER);
    const tried = spawnSync('unshare', unshared(image, inside('sh', '-c', 'id -u; touch /app/x /tmp/x')), {
      encoding: 'utf8',
    });
    same(tried.stdout.trim(), '1000');
    same(tried.stderr.match(/Read-only file system/g)?.length, 2);
  });

  await check('holds no secret, no test, no history and no npm configuration', async () => {
    same(readdirSync(join(image, 'app')).sort().join(), 'REVISION,node_modules,package.json,src');
    // A file was laid there while the packages were installed; its place is left, and is empty.
    same(statSync(join(image, 'root/.npmrc')).size, 0);
  });

  await check('has nothing that installs packages', async () => {
    const programs = ['usr/local/bin', 'usr/bin', 'bin'].flatMap((path) => readdirSync(join(image, path)));
    same(programs.filter((program) => /^(npm|npx|corepack|yarn)/.test(program)).join(), '');
    same(existsSync(join(image, 'usr/local/lib/node_modules')), false);
  });

  for (const role of ['web', 'worker']) {
    await check(`is ready as ${role}, healthy by its own check, and ends in order as the first process`, async () => {
      const environment = settings(role, String(await freePort()));
      const service = spawn(
        'unshare',
        unshared(
          image,
          inside('env', '-i', ...environment, 'sh', '-c', 'cd /app && exec "$@"', 'sh', ...commandOf('CMD')),
        ),
        {
          stdio: ['ignore', 'inherit', 'inherit'],
        },
      );
      const gone = new Promise<number | null>((resolve) => service.once('exit', resolve));
      const isHealthy = () =>
        spawnSync(inside()[0]!, [...inside().slice(1), 'env', '-i', ...environment, ...commandOf('HEALTHCHECK')])
          .status === 0;
      try {
        await until(isHealthy);
      } finally {
        const [child] = readFileSync(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8').split(' ');
        process.kill(Number(child), 'SIGTERM');
      }
      same(await gone, 0);
      same(isHealthy(), false);
    });
  }

  await check('has the command line of operations', async () => {
    same(run('unshare', ...unshared(image, inside('connector', '--help'))).includes('Usage: connector'), true);
    const found = spawnSync(
      'unshare',
      unshared(image, inside('env', '-i', ...settings('web', '0'), 'connector', 'list')),
      {
        encoding: 'utf8',
      },
    );
    same(found.status, 0);
  });
} finally {
  spawnSync('buildah', [...storage, 'umount', '--all']);
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
}
say(failures === 0 ? 'everything as it should be' : `${failures} checks failed`);
process.exitCode = failures === 0 ? 0 : 1;

/** The base image under the name that the Dockerfile has for it. */
function provideBase(): void {
  const [, name = ''] = /^NODE_IMAGE=(.*)$/.exec(readDockerfile()[0]?.argument ?? '') ?? [];
  const reference = `docker.io/library/${name}`;
  if (
    spawnSync('buildah', [...storage, 'pull', '--quiet', reference], { stdio: 'ignore', timeout: 300_000 }).status === 0
  )
    return;
  say(`${name} cannot be fetched: one is made of Debian and Node ${process.version}`);
  const rootfs = join(folder, 'rootfs');
  run('debootstrap', '--variant=minbase', 'bookworm', rootfs);
  run('chroot', rootfs, 'useradd', '--uid', '1000', '--create-home', 'node');
  const local = join(rootfs, 'usr/local');
  cpSync(process.execPath, join(local, 'bin/node'), { dereference: true });
  mkdirSync(join(local, 'lib/node_modules'), { recursive: true });
  const npm = process.env.npm_execpath ?? run('sh', '-c', 'command -v npm').trim();
  cpSync(join(realpathSync(npm), '../..'), join(local, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  const container = buildah('from', 'scratch');
  buildah('copy', '--quiet', container, rootfs, '/');
  buildah('config', '--env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', container);
  buildah('commit', '--quiet', container, reference);
  rmSync(rootfs, { recursive: true });
}

/** Registry and trust of npm on this machine hold in the build too, and stay out of the image. */
function npmOfThisMachine(): string[] {
  const told = (name: string) => run('npm', 'config', 'get', name).trim();
  const [configuration, authorities] = [join(folder, 'npmrc'), '/usr/local/share/npm-authorities.pem'];
  const own = existsSync(told('userconfig')) ? readFileSync(told('userconfig'), 'utf8') : '';
  const trusted = [told('cafile'), process.env.NODE_EXTRA_CA_CERTS ?? ''].find((path) => existsSync(path));
  const lines = [own, `registry=${told('registry')}`, ...(trusted ? [`cafile=${authorities}`] : [])];
  writeFileSync(configuration, `${lines.join('\n')}\n`, { mode: 0o600 });
  const mounts = [`${configuration}:/root/.npmrc:ro`, ...(trusted ? [`${trusted}:${authorities}:ro`] : [])];
  return mounts.flatMap((mount) => ['--volume', mount]);
}

/** Arguments of `unshare` by which a command is the first process of its own, before a file system that cannot be written. */
function unshared(image: string, command: string[]): string[] {
  const prepare =
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && mount -t proc proc "$0/proc" && exec "$@"';
  return ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', prepare, image, ...command];
}

function settings(role: string, port: string): string[] {
  return Object.entries({
    HOME: '/',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: port,
    ROLE: role,
    LOG_LEVEL: 'warn',
    REDIS_URL: redis.url,
    CMW_BASE_URL: 'https://marketplace.invalid/api',
    CMW_AUTH_TOKEN: 'token',
    CMW_EVENT_SECRETS: 'a-secret-of-events',
    PARTNER_CENTER_TENANT_ID: 'tenant',
    PARTNER_CENTER_CLIENT_ID: 'client',
    PARTNER_CENTER_CLIENT_SECRET: 'a-secret-of-the-client',
  }).map(([name, value]) => `${name}=${value}`);
}

function buildah(...args: string[]): string {
  return (
    run('buildah', ...storage, ...args)
      .trim()
      .split('\n')
      .at(-1) ?? ''
  );
}

/** @throws {Error} with what the command said, when it fails */
function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  // A command that is not there has said nothing.
  if (error) throw new Error(`${command} cannot be run: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${stderr}\n${stdout.slice(-2_000)}`);
  return stdout;
}

async function check(promise: string, hold: () => Promise<void>): Promise<void> {
  try {
    await hold();
    say(`✓ ${promise}`);
  } catch (error) {
    failures += 1;
    say(`✗ ${promise}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function same(found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`expected ${String(expected)}, found ${String(found)}`);
}

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + SOON_MS;
  while (!holds()) {
    if (performance.now() > end) throw new Error('not so in time');
    await pause(200);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
