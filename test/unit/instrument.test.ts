import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ReceivedEnvelopes, receiveEnvelopes } from '../support/sentry.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Does what the service does with what goes wrong, in two looks at once and in none. */
const PROGRAM = `
  import { errorReporting, flushErrorReporting } from './src/instrument.ts';
  import { createAlerts } from './src/lib/alerts.ts';
  import { createLog } from './src/lib/log.ts';
  const log = createLog({ level: 'silent' });
  const alerts = createAlerts({ log, reporting: errorReporting, count: () => {} });
  const password = 'hunter2';
  console.log('hunter2 on the console');
  const call = { upstream: 'cloudesire', method: 'GET', path: '/subscription/50010', status: 200, durationMs: 3 };
  const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
  const apart = errorReporting?.apart ?? ((work) => work());
  await Promise.all([50010, 50011].map((subscriptionId) => apart(async () => {
    await pause();
    errorReporting?.crumb({ ...call, correlationId: 'of-' + subscriptionId });
    await pause();
    alerts.attention({ code: 'entra.consent-needed', message: 'Sign in again.', subscriptionId });
  })));
  try {
    throw new TypeError('no mail for mario.rossi@example.it', { cause: new Error('Bearer abcdefghijklmnop') });
  } catch (error) {
    alerts.bug(error, { subscriptionId: 50010 });
  }
  const sweep = { name: 'sweep', everyMs: 3_600_000, failuresUntilTold: 3 };
  await errorReporting?.regularly(sweep, pause);
  await errorReporting?.regularly(sweep, () => Promise.reject(new Error('no'))).catch(() => {});
  await flushErrorReporting();
  process.stdout.write(JSON.stringify({ isOn: errorReporting !== undefined }));
`;

async function run(env: Record<string, string>, program = PROGRAM): Promise<string> {
  const args = ['--import', './src/instrument.ts', '--input-type=module', '--eval', program];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
  }).catch((error: { stdout: string; stderr: string }) => error);
  return stdout + stderr;
}

describe('with an address, Sentry', () => {
  let sentry: ReceivedEnvelopes;
  beforeAll(async () => {
    sentry = await receiveEnvelopes();
    const output = await run({ SENTRY_DSN: sentry.dsn, SENTRY_ENVIRONMENT: 'staging' });
    expect(output).toContain('{"isOn":true}');
  });
  afterAll(() => sentry.close());

  it('gets alerts grouped and tagged, without addresses, tokens, variables, console or requests', () => {
    const events = sentry.items('event');
    expect(events).toHaveLength(3);
    const bug = events.find(({ level }) => level === 'error');
    for (const subscriptionId of ['50010', '50011']) {
      const tags = { code: 'entra.consent-needed', subscriptionId };
      expect(events).toContainEqual(expect.objectContaining({ fingerprint: ['entra.consent-needed'], tags }));
    }
    expect(bug).toMatchObject({
      release: expect.stringMatching(/^microsoft-connector@\d+\.\d+\.\d+/),
      environment: 'staging',
      contexts: { trace: { trace_id: expect.any(String) } },
    });
    const exceptions = bug?.exception as { values: { type: string; value: string }[] };
    expect(exceptions.values.map(({ value }) => value)).toEqual(
      expect.arrayContaining(['no mail for [e-mail]', 'Bearer [token]']),
    );
    expect(sentry.raw()).not.toMatch(/mario|abcdefghijklmnop|on the console|"vars"|"user"|ip_address/);
  });

  it('gets with what went wrong in a look the calls of that look, and of no other', () => {
    const crumbs = sentry.items('event').map(({ tags, breadcrumbs }) => {
      const calls = (breadcrumbs ?? []) as { data: object }[];
      return [(tags as { subscriptionId: string }).subscriptionId, calls.map(({ data }) => data)];
    });
    const call = { upstream: 'cloudesire', method: 'GET', route: '/subscription/{id}', status: 200, durationMs: 3 };
    expect(crumbs).toHaveLength(3);
    expect(crumbs).toContainEqual(['50010', [{ ...call, correlationId: 'of-50010' }]]);
    expect(crumbs).toContainEqual(['50011', [{ ...call, correlationId: 'of-50011' }]]);
    expect(crumbs).toContainEqual(['50010', []]);
  });

  it('hears when regular work begins and when it has ended, well or not, and what is expected of it', () => {
    const checkIns = sentry.items('check_in');
    expect(checkIns.map(({ status }) => status)).toEqual(['in_progress', 'ok', 'in_progress', 'error']);
    for (const checkIn of checkIns) expect(checkIn).toMatchObject({ monitor_slug: 'sweep', environment: 'staging' });
    expect(checkIns[0]?.monitor_config).toMatchObject({
      schedule: { type: 'interval', value: 60, unit: 'minute' },
      checkin_margin: 60,
      max_runtime: 60,
      failure_issue_threshold: 3,
    });
  });
});

it('leaves a rejection that nobody handles to end the process, as it does without Sentry, and prints no more of it', async () => {
  const sentry = await receiveEnvelopes();
  onTestFinished(sentry.close);
  const program = `await import('./src/instrument.ts');
    process.on('uncaughtException', async () => {
      process.stdout.write('told of it');
      await (await import('@sentry/node')).flush(60_000);
      process.exit(1);
    });
    Promise.reject(new Error('nobody@example.it did not handle it'));`;
  expect(await run({ SENTRY_DSN: sentry.dsn }, program)).toBe('told of it');
  expect(sentry.items('event')).toMatchObject([{ level: 'fatal' }]);
  expect(sentry.raw()).not.toContain('nobody@');
});

it('is off without an address, and with one that cannot be used, which it does not repeat', async () => {
  expect(await run({})).toContain('{"isOn":false}');
  const output = await run({ SENTRY_DSN: 'https://hunter3.example' });
  expect(output).toContain('{"isOn":false}');
  expect(output).not.toContain('hunter3');
});
