// Brings a fresh clone to the point where tests and demo can run: the packages of the lock file, and a Redis server.
// Runs on any Node from 20 on, before anything is installed, and does nothing when everything is there.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');

if (Number(process.versions.node.split('.')[0]) < 20) fail('Node.js 20 or later is needed to set the project up.');
installPackages();
provideRedis();

/** `npm ci`, unless what is installed is at least as new as the lock file. */
function installPackages() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  const lock = join(root, 'package-lock.json');
  const node = join(root, 'node_modules', '.bin', 'node');
  if (existsSync(node) && existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  say('installing packages (npm ci)');
  const npm = process.env.npm_execpath;
  const result = npm
    ? spawnSync(process.execPath, [npm, 'ci', '--no-fund', '--no-audit'], {
        cwd: root,
        stdio: 'inherit',
        env: cleanEnv(),
      })
    : spawnSync('npm', ['ci', '--no-fund', '--no-audit'], { cwd: root, stdio: 'inherit', env: cleanEnv() });
  if (result.status !== 0) fail('npm ci failed; its own message stands above.');
}

/** REDIS_URL, else a redis-server on the PATH, else the system's package manager, else Docker. */
function provideRedis() {
  if (process.env.REDIS_URL || has('redis-server')) return;
  const managers = [
    ['apt-get', ['update', '-qq'], ['install', '-y', '-qq', '--no-install-recommends', 'redis-server']],
    ['apk', ['update', '-q'], ['add', '-q', 'redis']],
    ['dnf', ['makecache', '-q'], ['install', '-y', '-q', 'redis']],
    ['brew', ['update', '-q'], ['install', '-q', 'redis']],
  ];
  const isRoot = process.getuid?.() === 0;
  for (const [manager, update, install] of managers) {
    if (!has(manager)) continue;
    const [command, ...prefix] = isRoot || manager === 'brew' ? [manager] : has('sudo') ? ['sudo', '-n', manager] : [];
    if (!command) continue;
    say(`installing redis-server (${manager})`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    spawnSync(command, [...prefix, ...update], { stdio: ['ignore', 'ignore', 'inherit'], env });
    spawnSync(command, [...prefix, ...install], { stdio: ['ignore', 'ignore', 'inherit'], env });
    if (has('redis-server')) return;
  }
  if (hasDockerEngine()) return; // started in a container by whoever needs it
  fail('No Redis was found and none could be installed: install redis-server 6.2 or later, or set REDIS_URL.');
}

function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

function hasDockerEngine() {
  return has('docker') && spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/** The settings of an outer npm run would reach into the inner one. */
function cleanEnv() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('npm_') || name.startsWith('npm_config_')),
  );
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function fail(text) {
  process.stderr.write(`setup: ${text}\n`);
  process.exit(1);
}
