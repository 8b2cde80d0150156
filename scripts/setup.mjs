// Brings a fresh clone to the point where tests and demo can run: the packages of the lock file, and a Redis server.
// Its arguments are further programs that are needed. Runs on any Node from 20 on, before anything is installed, and does nothing when everything is there.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** In which package of which manager a program is, where that bears another name. */
const PACKAGES = {
  'redis-server': { apk: 'redis', dnf: 'redis', brew: 'redis' },
  promtool: { 'apt-get': 'prometheus', apk: 'prometheus', dnf: 'golang-github-prometheus', brew: 'prometheus' },
};

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');

if (Number(process.versions.node.split('.')[0]) < 20) fail('Node.js 20 or later is needed to set the project up.');
installPackages();
provideRedis();
for (const program of process.argv.slice(2))
  if (!(program === 'chromium' ? provideChromium() : provide(program, PACKAGES[program])))
    fail(`${program} was not found and could not be installed.`);

/** `npm ci`, unless what is installed is at least as new as the lock file. */
function installPackages() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  const lock = join(root, 'package-lock.json');
  const node = join(root, 'node_modules', '.bin', 'node');
  if (existsSync(node) && existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  // npm would empty the folder that it leads to, under whoever else works with it.
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink())
    fail('The packages are not those of the lock file, and node_modules leads to another folder: install them there.');
  say('installing packages (npm ci)');
  const npm = process.env.npm_execpath;
  // Errors only: that the Node that installs is older than the one that is installed is no news.
  const install = ['ci', '--no-fund', '--no-audit', '--loglevel=error'];
  const options = { cwd: root, stdio: 'inherit', env: cleanEnv() };
  const result = npm ? spawnSync(process.execPath, [npm, ...install], options) : spawnSync('npm', install, options);
  if (result.status !== 0) fail('npm ci failed; its own message stands above.');
}

/** REDIS_URL, else a redis-server on the PATH, else the system's package manager, else Docker. */
function provideRedis() {
  if (process.env.REDIS_URL) return;
  if (provide('redis-server', PACKAGES['redis-server'])) return;
  if (hasDockerEngine()) return; // started in a container by whoever needs it
  fail('No Redis was found and none could be installed: install redis-server 6.2 or later, or set REDIS_URL.');
}

/** Where the system has no package of it, as Ubuntu has none, Playwright brings its own. */
function provideChromium() {
  if (provide('chromium')) return true;
  say('installing chromium (playwright)');
  const playwright = join(root, 'node_modules', 'playwright-core', 'cli.js');
  const install = ['install', '--with-deps', '--only-shell', 'chromium'];
  return spawnSync(process.execPath, [playwright, ...install], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

/** Whether a program is on the PATH, if need be by the system's package manager, where its package may have another name. */
function provide(program, packages = {}) {
  const managers = [
    { name: 'apt-get', update: 'update -qq', install: 'install -y -qq --no-install-recommends' },
    { name: 'apk', update: 'update -q', install: 'add -q' },
    { name: 'dnf', update: 'makecache -q', install: 'install -y -q' },
    { name: 'brew', update: 'update -q', install: 'install -q' },
  ];
  const isRoot = process.getuid?.() === 0;
  for (const { name, update, install } of managers) {
    if (has(program)) return true;
    if (!has(name) || !(isRoot || name === 'brew' || has('sudo'))) continue;
    const asRoot = isRoot || name === 'brew' ? '' : 'sudo -n ';
    say(`installing ${program} (${name})`);
    for (const task of [update, `${install} ${packages[name] ?? program}`]) {
      // Only what goes wrong is worth reading; whether it helped is seen right after.
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      spawnSync('sh', ['-c', `${asRoot}${name} ${task}`], { stdio: ['ignore', 'ignore', 'inherit'], env });
    }
  }
  return has(program);
}

function has(command) {
  // Nginx is installed where only root has a path to.
  return spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${command}`], { stdio: 'ignore' }).status === 0;
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
