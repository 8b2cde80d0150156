import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const FREE_PORTS = ['cloudesire', 'partner-center', 'entra', 'arm', 'templates'].flatMap((name) => [
  `--${name}-port`,
  '0',
]);

describe('the emulator command', () => {
  let child: ChildProcess;

  afterEach(() => {
    child.kill('SIGKILL');
  });

  function start(args: string[]): { output(): string; ready: Promise<void>; exit: Promise<number | null> } {
    const started = spawn(process.execPath, [MAIN, ...args]);
    child = started;
    let output = '';
    const exit = once(started, 'close').then(([code]) => code as number | null);
    const ready = new Promise<void>((resolve) => {
      for (const stream of [started.stdout, started.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          if (output.includes('Ctrl-C')) resolve();
        });
      }
      void exit.then(() => resolve());
    });
    return { output: () => output, ready, exit };
  }

  it('prints addresses and environment, obeys commands, and ends cleanly on SIGTERM', async () => {
    const { output, ready, exit } = start([...FREE_PORTS, '--connector', 'http://127.0.0.1:9']);
    await ready;
    const environment = Object.fromEntries(
      [...output().matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]),
    );
    expect(Object.keys(environment).sort()).toEqual([
      'ARM_TEMPLATE_HOSTS',
      'AZURE_ARM_URL',
      'AZURE_BILLING_ACCOUNT',
      'CMW_AUTH_TOKEN',
      'CMW_BASE_URL',
      'CMW_EVENT_SECRETS',
      'ENTRA_AUTHORITY_URL',
      'NODE_EXTRA_CA_CERTS',
      'PARTNER_CENTER_BASE_URL',
      'PARTNER_CENTER_CLIENT_ID',
      'PARTNER_CENTER_CLIENT_SECRET',
      'PARTNER_CENTER_REFRESH_TOKEN',
      'PARTNER_CENTER_TENANT_ID',
    ]);
    expect(output()).toContain('http://127.0.0.1:9/event');

    const cloudesire = new URL(String(environment.CMW_BASE_URL)).origin;
    const order = await fetch(`${cloudesire}/_emulator/placeOrder`, {
      method: 'POST',
      body: JSON.stringify({ plan: 2101, buyer: 1301, licenses: 5, paid: true }),
    });
    expect(await order.json()).toEqual({ subscription: expect.any(Number) });

    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(existsSync(String(environment.NODE_EXTRA_CA_CERTS))).toBe(false);
  });

  it('gives other machines what they need in a folder, and speaks to them over HTTPS under one name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'emulator-share-'));
    const args = ['--name', 'localhost', '--connector', 'https://edge:8443', '--share', folder];
    const { ready } = start([...FREE_PORTS, ...args]);
    await ready;
    const read = (name: string) => readFile(join(folder, name), 'utf8');
    for (const name of ['CMW_BASE_URL', 'PARTNER_CENTER_BASE_URL', 'ENTRA_AUTHORITY_URL', 'AZURE_ARM_URL'])
      expect(await read(`connector/${name}`), name).toMatch(/^https:\/\/localhost:\d+/);
    const certificate = new X509Certificate(await read('edge/fullchain.pem'));
    const authority = new X509Certificate(await read('authority/ca.pem'));
    expect(certificate.verify(authority.publicKey)).toBe(true);
    for (const host of ['localhost', 'edge']) expect(certificate.checkHost(host)).toBe(host);
    expect(certificate.checkPrivateKey(createPrivateKey(await read('edge/privkey.pem')))).toBe(true);

    // Nobody is given what is another's.
    expect(await readdir(join(folder, 'edge'))).toEqual(['fullchain.pem', 'privkey.pem']);
    expect(await readdir(join(folder, 'authority'))).toEqual(['ca.pem']);
    expect(await read('connector/ca.pem')).toBe(await read('authority/ca.pem'));

    const url = new URL('/_emulator', await read('connector/CMW_BASE_URL'));
    const status = await new Promise((resolve, reject) => {
      get(url, { ca: authority.toString() }, (response) => resolve(response.statusCode)).on('error', reject);
    });
    expect(status).toBe(200);
    await rm(folder, { recursive: true });
  });

  it('says which port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const { output, exit } = start([...FREE_PORTS, '--cloudesire-port', String(port)]);
    expect(await exit).toBe(1);
    expect(output()).toMatch(new RegExp(`^The emulators cannot start: .*EADDRINUSE.*${port}\\s*$`));
    await new Promise((resolve) => taken.close(resolve));
  });

  it.each([
    ['an unknown option', ['--port', '1']],
    ['a port that is none', ['--entra-port', 'https']],
    ['an address that is none', ['--connector', 'here']],
  ])('explains itself when given %s', async (_what, args) => {
    const { output, exit } = start(args);
    expect(await exit).toBe(64);
    expect(output()).toContain('--cloudesire-port 8091');
  });
});
