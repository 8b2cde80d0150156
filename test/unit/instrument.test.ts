import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Fails once inside a request and once by hand, as the service would. */
const PROGRAM = `
  import * as Sentry from '@sentry/node';
  import { createAlerts } from './src/lib/alerts.ts';
  import { createLog } from './src/lib/log.ts';
  const log = createLog({ level: 'silent' });
  const alerts = createAlerts({ log, capture: Sentry.captureException, count: () => {} });
  const password = 'hunter2';
  console.log('hunter2 on the console');
  alerts.attention({ code: 'entra.consent-needed', message: 'Sign in again.', subscriptionId: 50010 });
  try {
    throw new TypeError('no mail for mario.rossi@example.it', { cause: new Error('Bearer abcdefghijklmnop') });
  } catch (error) {
    alerts.bug(error, { subscriptionId: 50010 });
  }
  await Sentry.flush(5_000);
  process.stdout.write(JSON.stringify({ isOn: Sentry.isInitialized() }));
`;

async function run(env: Record<string, string>): Promise<string> {
  const args = ['--import', './src/instrument.ts', '--input-type=module', '--eval', PROGRAM];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
  });
  return stdout + stderr;
}

async function receiveEvents(): Promise<{ dsn: string; events: Record<string, unknown>[]; raw: () => string }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      bodies.push(body);
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    dsn: `http://publickey@127.0.0.1:${port}/1`,
    get events() {
      return bodies
        .map((body) => body.split('\n').map((line) => JSON.parse(line)))
        .filter(([, head]) => head?.type === 'event')
        .map(([, , event]) => event);
    },
    raw: () => bodies.join('\n'),
  };
}

it('sends alerts grouped and tagged, without addresses, tokens, variables, console or requests', async () => {
  const sentry = await receiveEvents();
  expect(await run({ SENTRY_DSN: sentry.dsn })).toContain('{"isOn":true}');

  expect(sentry.events).toHaveLength(2);
  const attention = sentry.events.find(({ level }) => level === 'warning');
  const bug = sentry.events.find(({ level }) => level === 'error');
  expect(attention).toMatchObject({
    fingerprint: ['entra.consent-needed', '50010'],
    tags: { code: 'entra.consent-needed', subscriptionId: '50010' },
  });
  const exceptions = bug?.exception as { values: { type: string; value: string }[] };
  expect(exceptions.values.map(({ value }) => value)).toEqual(
    expect.arrayContaining(['no mail for [e-mail]', 'Bearer [token]']),
  );
  for (const event of sentry.events) expect(event.breadcrumbs ?? []).toEqual([]);
  expect(sentry.raw()).not.toMatch(/mario|abcdefghijklmnop|on the console|"vars"/);
}, 20_000);

it('is off without an address, and with one that cannot be used, which it does not repeat', async () => {
  expect(await run({})).toContain('{"isOn":false}');
  const output = await run({ SENTRY_DSN: 'https://hunter3.example' });
  expect(output).toContain('{"isOn":false}');
  expect(output).not.toContain('hunter3');
}, 20_000);
