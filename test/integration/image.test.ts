import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { commandOf, layImage, readDockerfile } from '../support/image.ts';

/* What the image consists of, laid into a clean folder and run as its command says. `npm run test:image` builds the image itself. */

const SOON = { timeout: 60_000, interval: 500 };
const SETTINGS = {
  HOST: '127.0.0.1',
  CMW_BASE_URL: 'https://marketplace.invalid/api',
  CMW_AUTH_TOKEN: 'token',
  CMW_EVENT_SECRETS: 'a-secret-of-events',
  PARTNER_CENTER_TENANT_ID: 'tenant',
  PARTNER_CENTER_CLIENT_ID: 'client',
  PARTNER_CENTER_CLIENT_SECRET: 'a-secret-of-the-client',
};

let image: ReturnType<typeof layImage>;
beforeAll(() => {
  image = layImage();
});
afterAll(() => image.remove());

/** Node, with the arguments of an instruction of the Dockerfile, where it says /app. */
function run(args: string[], environment: Record<string, string>): ChildProcess {
  const placed = args.map((arg) => arg.replace('/app/', `${image.folder}/`));
  return spawn(process.execPath, placed, { cwd: image.folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('the image', () => {
  it('runs in each role from what is in it, is healthy by its own check, and ends in order', async () => {
    await Promise.all(['web', 'worker'].map(runAs));
  });

  async function runAs(ROLE: string): Promise<void> {
    const PORT = String(await freePort());
    const environment = {
      ...SETTINGS,
      ROLE,
      PORT,
      REDIS_URL: inject('redisUrl'),
      REDIS_PREFIX: `test-${randomUUID()}`,
    };
    const service = run(commandOf('CMD').slice(1), environment);
    onTestFinished(() => void service.kill('SIGKILL'));
    const output = Promise.all([text(service.stdout!), text(service.stderr!)]);
    const isHealthy = async () => {
      const [code] = await once(run(commandOf('HEALTHCHECK').slice(1), { PORT, HOST: '127.0.0.1' }), 'exit');
      return code === 0;
    };

    await expect.poll(isHealthy, SOON).toBe(true);
    service.kill('SIGTERM');
    const [code] = await once(service, 'exit');
    expect(code, (await output).join('\n')).toBe(0);
    expect(await isHealthy()).toBe(false);
  }

  it('runs no Node that may write, start anything, or read anything but itself and its secrets', () => {
    const { argument = '' } = readDockerfile().find((one) => one.argument.includes('> /usr/local/bin/connector')) ?? {};
    const [, ofOperations = ''] = /exec (node .*?) \/app\//.exec(argument) ?? [];
    const rights = (words: string[]) => words.filter((word) => /^--(permission|allow-)/.test(word));
    const readsOwn = ['--permission', '--allow-fs-read=/app/', '--allow-fs-read=/run/secrets/'];
    expect(rights(commandOf('CMD'))).toEqual(readsOwn);
    expect(rights(ofOperations.split(' '))).toEqual(readsOwn);
    expect(rights(commandOf('HEALTHCHECK'))).toEqual(['--permission']);
  });

  it('starts as `npm start` does, but for what it may', () => {
    const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      scripts: { start: string };
    };
    const command = commandOf('CMD').filter((word) => !/^--(permission|allow-)/.test(word));
    expect(`exec ${command.join(' ')}`).toBe(scripts.start);
  });

  it('holds every module and package that any part of the service loads, now or later', () => {
    const loadAll = `
      const { glob } = await import('node:fs/promises');
      let count = 0;
      for await (const file of glob('src/**/*.ts')) {
        if (/^src\\/(main|connector|instrument)\\.ts$/.test(file)) continue;
        await import(process.cwd() + '/' + file);
        count += 1;
      }
      console.log(count);`;
    const flags = ['--permission', `--allow-fs-read=${image.folder}/`, '--input-type=module', '-e', loadAll];
    const { status, stdout, stderr } = spawnSync(process.execPath, flags, {
      cwd: image.folder,
      encoding: 'utf8',
      env: {},
    });
    expect(status, stderr).toBe(0);
    expect(Number(stdout)).toBeGreaterThan(100);
  });

  it('has the command line of operations at hand', () => {
    const { argument = '' } = readDockerfile().find((one) => one.argument.includes('> /usr/local/bin/connector')) ?? {};
    const [, script = ''] = /printf '(.*?)' >/.exec(argument) ?? [];
    const file = join(image.folder, 'connector');
    writeFileSync(file, script.replaceAll('\\n', '\n').replaceAll('/app/', `${image.folder}/`), { mode: 0o755 });
    const { status, stdout, stderr } = spawnSync(file, ['--help'], {
      encoding: 'utf8',
      env: { PATH: `${join(process.execPath, '..')}:${process.env.PATH}` },
    });
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('Usage: connector');
  });
});
