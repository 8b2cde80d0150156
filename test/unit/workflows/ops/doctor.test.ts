import { expect, it } from 'vitest';
import { AttentionError } from '../../../../src/lib/errors.ts';
import { type DoctorParts, examine, type Finding } from '../../../../src/workflows/ops/doctor.ts';
import { createTestClock } from '../../../support/test-clock.ts';

const NOW = Date.parse('2026-03-02T10:00:00.000Z');
const gone = async () => {
  throw new AttentionError('upstream.gone', 'It is gone.', { effect: 'none' });
};

/** A set-up of which only Redis and the time are there. */
function parts(instead: Partial<DoctorParts> = {}): DoctorParts {
  return {
    settings: {
      warnings: [],
      problems: [],
      webhookUrl: undefined,
      sandboxOrders: 'refuse',
      isBillingAccountSet: false,
    },
    examineStore: async () => ({ warnings: [], refusal: undefined, now: NOW }),
    workers: async () => ({ count: 1 }),
    taking: async () => ({ waiting: 0, active: 0 }),
    assertSealedReadable: async () => {},
    upstreamTime: async () => NOW,
    cloudesire: {
      subscriptions: { list: () => ({ [Symbol.asyncIterator]: () => ({ next: gone }) }) },
      customers: { me: gone },
      range: { products: gone, plans: gone },
      catalogue: { product: gone, plan: gone, productMetadata: gone, planMetadata: gone },
    } as unknown as DoctorParts['cloudesire'],
    partnerCenter: {} as DoctorParts['partnerCenter'],
    tokens: { appOnly: gone, appUser: gone, hasUser: true },
    azure: { bootstrap: { billingAccount: gone } },
    templateHost: { fetch: gone },
    clock: createTestClock(NOW),
    ...instead,
  };
}

async function all(given: DoctorParts): Promise<Record<string, Finding[]>> {
  const findings: Finding[] = [];
  for await (const finding of examine(given)) findings.push(finding);
  return Object.groupBy(findings, ({ check }) => check) as Record<string, Finding[]>;
}

it('looks at the rest when one look fails as nothing should, and repeats no text that may hold anything', async () => {
  const findings = await all(
    parts({
      examineStore: async () => {
        throw new TypeError('the secret is hunter2');
      },
    }),
  );
  expect(findings.redis).toEqual([
    {
      check: 'redis',
      verdict: 'failed',
      says: 'This could not be looked at (TypeError), which should not happen.',
    },
  ]);
  expect(findings.clock?.[0]?.verdict).toBe('ok');
});

it('says which clock is wrong: that of Redis, where Entra ID agrees with ours', async () => {
  const ahead = { warnings: [], refusal: undefined, now: NOW + 90_000 };
  const { clock } = await all(parts({ examineStore: async () => ahead }));
  expect(clock).toEqual([
    {
      check: 'clock',
      verdict: 'failed',
      says: 'This clock is 90 s behind that of Redis.',
      cure: 'Let NTP set the clock of the machine of Redis: else tokens are refused, and pauses and deadlines are wrong.',
    },
  ]);
});

it('tells that no worker takes looks, and since when none was seen', async () => {
  const found = async (workers: Awaited<ReturnType<DoctorParts['workers']>>) =>
    (await all(parts({ workers: async () => workers }))).worker?.[0];
  expect(await found({ count: 2 })).toMatchObject({ verdict: 'ok', says: '2 workers take looks.' });
  expect(await found({ count: 0 })).toMatchObject({ verdict: 'skipped', says: 'No worker was ever seen.' });
  expect(await found({ count: 0, lastSeenAt: '2026-03-02T09:00:00.000Z' })).toMatchObject({
    verdict: 'failed',
    says: 'No worker takes looks, and none was seen since 2026-03-02 09:00:00 UTC: nothing goes on.',
  });
});

it('tells that looks are not taken although workers are there', async () => {
  const found = async (taking: Awaited<ReturnType<DoctorParts['taking']>>) =>
    (await all(parts({ taking: async () => taking }))).worker?.[0];
  const longAgo = { waiting: 2, oldestSinceMs: NOW - 61_000 };
  expect(await found({ waiting: 0, active: 0, pausedIn: 'c:looks:meta' })).toMatchObject({
    verdict: 'failed',
    says: expect.stringContaining('Resume it there: HDEL c:looks:meta paused.'),
  });
  expect(await found({ ...longAgo, active: 0 })).toMatchObject({
    verdict: 'failed',
    says: expect.stringMatching(/^No look is taken, .* has waited since 2026-03-02 09:58:59 UTC\./),
  });
  expect(await found({ ...longAgo, active: 20 })).toMatchObject({
    verdict: 'warning',
    says: expect.stringContaining('with 2 in line and 20 at work'),
  });
  expect(await found({ ...longAgo, active: 0, oldestSinceMs: NOW - 59_000 })).toMatchObject({ verdict: 'ok' });
});

it('tolerates a minute between clocks', async () => {
  const off = async () => NOW - 60_000;
  expect((await all(parts({ upstreamTime: off }))).clock?.[0]?.verdict).toBe('ok');
});

it('names what keeps Redis from taking writes, and looks at nothing that rests there', async () => {
  const refusal = 'Redis refuses writes: OOM command not allowed.';
  const findings = await all(parts({ examineStore: async () => ({ warnings: [], refusal, now: NOW }) }));
  expect(findings.redis?.[0]).toMatchObject({ verdict: 'failed', says: refusal });
  expect(findings['state key']?.[0]?.verdict).toBe('skipped');
});

it('names the file of a secret that cannot be read', async () => {
  const problem = 'OPS_TOKEN_FILE: unreadable (ENOENT). The former value goes on being used.';
  const { settings } = await all(parts({ settings: { ...parts().settings, problems: [problem] } }));
  expect(settings?.[0]).toMatchObject({ verdict: 'failed', says: problem });
});
