import { expect, it } from 'vitest';
import { RetryableError } from '../../../src/lib/errors.ts';
import { createWebhookRegistration } from '../../../src/workflows/webhook-registration.ts';
import { createMemoryLog } from '../../support/memory-log.ts';

/** A registration that fails so often at first, and whose pauses pass when the test says so. */
function setup({ failing }: { failing: number }) {
  const alerts: string[] = [];
  const pauses: number[] = [];
  let tries = 0;
  let due: (() => Promise<void>) | undefined;
  const registration = createWebhookRegistration({
    webhooks: {
      async register() {
        tries += 1;
        if (tries <= failing) throw new RetryableError('partner-center.unavailable', 'Away.');
        return 'created';
      },
    },
    url: 'https://connector.example/partner-center/event',
    log: createMemoryLog().log,
    alerts: { attention: ({ code }) => void alerts.push(code) },
    backoffMs: (attempts) => 100 * 2 ** attempts,
    later(work, inMs) {
      pauses.push(inMs);
      due = work;
    },
  });
  const pass = async () => {
    const work = due;
    due = undefined;
    await work?.();
  };
  return { registration, alerts, pauses, pass, tries: () => tries };
}

it('a registration that fails is tried again with growing pauses until it succeeds, and shown until then', async () => {
  const { registration, pauses, pass, tries, alerts } = setup({ failing: 3 });
  await registration.start();
  for (let passed = 0; passed < 2; passed += 1) {
    expect(registration.note()).toMatch(/webhook is not registered/);
    await pass();
  }
  await pass();
  expect(registration.note()).toBeUndefined();
  await pass();
  expect(tries()).toBe(4);
  expect(pauses).toEqual([200, 400, 800]);
  expect(alerts).toEqual([]);
});

it('a registration that keeps failing is told to a person once', async () => {
  const { registration, pass, alerts } = setup({ failing: 100 });
  await registration.start();
  for (let passed = 0; passed < 20; passed += 1) await pass();
  expect(alerts).toEqual(['webhook.not-registered']);
});
