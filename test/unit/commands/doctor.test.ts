import { expect, it } from 'vitest';
import { doctor } from '../../../src/commands/doctor.ts';
import type { Finding } from '../../../src/workflows/ops/doctor.ts';
import { run } from './run.ts';

const saying = (...findings: Finding[]) => ({
  async *examine() {
    yield* findings;
  },
});
const OK: Finding = { check: 'redis', verdict: 'ok', says: 'Redis answers.' };
const WARNING: Finding = { check: 'webhook', verdict: 'warning', says: 'PUBLIC_URL is not set.' };
const FAILED: Finding = {
  check: 'clock',
  verdict: 'failed',
  says: 'This clock is\u001b[2J behind.',
  cure: 'Let NTP set it.',
};

it('says of each thing whether it is in order, and what to do, in texts that steer no terminal', async () => {
  const { code, text } = await run(doctor, [], saying(OK, WARNING, FAILED));
  expect(code).toBe(1);
  expect(text.split('\n')).toEqual([
    'ok       redis: Redis answers.',
    'warning  webhook: PUBLIC_URL is not set.',
    'FAILED   clock: This clock is [2J behind.',
    '         → Let NTP set it.',
    '',
    '1 failed, 1 to think about, 0 not looked at.',
    '',
  ]);
});

it('ends with 0 when nothing has failed', async () => {
  expect((await run(doctor, [], saying(OK, WARNING))).code).toBe(0);
});

it('gives programs one document', async () => {
  const { text } = await run(doctor, ['--json'], saying(OK, FAILED));
  expect(JSON.parse(text)).toEqual({ isFine: false, findings: [OK, FAILED] });
});
