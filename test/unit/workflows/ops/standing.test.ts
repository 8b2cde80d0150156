import { expect, it } from 'vitest';
import { actionsFor, type Intervention } from '../../../../src/workflows/interventions.ts';
import { whyOf } from '../../../../src/workflows/ops/standing.ts';
import type { SubscriptionRecord } from '../../../../src/workflows/record.ts';

const since = '2026-03-02T09:21:31.000Z';
const record = (facts: Partial<SubscriptionRecord>): SubscriptionRecord => ({
  subscriptionId: 50010,
  state: 'idle',
  since,
  attempts: 0,
  ...facts,
});
const lastError = { code: 'plan.not-configured', message: 'Plan 2101 lacks offerId. Add it.', at: since };

it.each<[string | undefined, Partial<SubscriptionRecord>]>([
  [undefined, { state: 'idle' }],
  [undefined, { state: 'done' }],
  ['Waiting since 2026-03-02 09:21 UTC for payment.', { state: 'idle', waitingFor: 'payment' }],
  [
    'Has needed you since 2026-03-02 09:21 UTC, for provision at step "read plan": Plan 2101 lacks offerId. Add it. Then it goes on by itself, or at once with look.',
    { state: 'needs-attention', operation: 'provision', step: 'read plan', lastError },
  ],
  [
    'Has needed you since 2026-03-02 09:21 UTC, for a look: Plan 2101 lacks offerId. Add it. Then press retry.',
    { state: 'needs-attention', lastError: { ...lastError, cure: 'retry' } },
  ],
  [
    'Has needed you since 2026-03-02 09:21 UTC, for a look: The token is void. Set CMW_AUTH_TOKEN. Once it is taken up, the order goes on by itself, or at once with look.',
    {
      state: 'needs-attention',
      lastError: { ...lastError, message: 'The token is void. Set CMW_AUTH_TOKEN.', curedBy: 'setting' },
    },
  ],
  [
    'Failing since 2026-03-01 00:00 UTC, 3 times, at a look: Plan 2101 lacks offerId. Add it. It is tried again by itself.',
    { state: 'retrying', attempts: 3, failingSince: '2026-03-01T00:00:00.000Z', lastError },
  ],
  [
    'Failing since 2026-02-27 09:00 UTC, 3 times, at provision: Redis is away. It is tried again by itself, next at 2026-03-02 09:25:10 UTC, until 2026-03-04 00:00 UTC: then it is given up, and the customer told.',
    {
      state: 'retrying',
      attempts: 3,
      failingSince: '2026-03-01T00:00:00.000Z',
      troubledSince: '2026-02-27T09:00:00.000Z',
      nextTryAt: '2026-03-02T09:25:10.500Z',
      deadlineAt: '2026-03-04T00:00:00.000Z',
      operation: 'provision',
      run: { id: 'r', operation: 'provision', startedAt: since },
      lastError: { ...lastError, message: 'Redis is away.' },
    },
  ],
  [
    'Failing since 2026-03-02 09:21 UTC, once, at suspend: Plan 2101 lacks offerId. Add it. It is tried again by itself, next at 2026-03-02 09:25:10 UTC, until 2026-03-04 00:00 UTC: then a person is told, and it goes on.',
    {
      state: 'retrying',
      attempts: 1,
      nextTryAt: '2026-03-02T09:25:10.500Z',
      deadlineAt: '2026-03-04T00:00:00.000Z',
      operation: 'suspend',
      run: { id: 'r', operation: 'suspend', startedAt: since },
      lastError,
    },
  ],
  [
    'Waiting since 2026-03-02 09:21 UTC for the limit of Azure, after failing since 2026-02-27 09:00 UTC. It goes on by itself.',
    { state: 'waiting', waitingFor: 'the limit of Azure', troubledSince: '2026-02-27T09:00:00.000Z' },
  ],
  [
    'Has needed you since 2026-02-27 09:00 UTC, for a look: Plan 2101 lacks offerId. Add it. Then it goes on by itself, or at once with look.',
    { state: 'needs-attention', troubledSince: '2026-02-27T09:00:00.000Z', lastError },
  ],
  [
    'Failing since 2026-03-02 09:21 UTC, once, at a look: Redis is away. It is tried again by itself.',
    {
      state: 'retrying',
      attempts: 1,
      lastError: { ...lastError, message: 'Redis is away.' },
    },
  ],
  [
    'Waiting since 2026-03-02 09:21 UTC for the customer to accept the agreement. It goes on by itself.',
    { state: 'waiting', waitingFor: 'the customer to accept the agreement' },
  ],
  [
    'Failed since 2026-03-02 09:21 UTC, and the customer was told: Plan 2101 lacks offerId. Add it. Cure the cause, then press retry: it resumes at the failed step.',
    { state: 'failed', lastError, failure: { kind: 'final', code: 'order.failed', params: {}, reported: true } },
  ],
  [
    'Failed since 2026-03-02 09:21 UTC, and the customer was told what is missing (customer.city): Plan 2101 lacks offerId. Add it. Look once they have supplied it.',
    { state: 'failed', lastError, failure: { kind: 'customer', code: 'customer.city', params: {}, reported: true } },
  ],
  [
    'The marketplace shows that it has failed; why is not recorded any more, as after a loss of Redis. Press retry: what is still wrong is told then.',
    { state: 'failed', waitingFor: 'operations to press retry once the cause is cured' },
  ],
  [
    'Waiting since 2026-03-02 09:21 UTC for the customer to accept the agreement. It goes on by itself. The next look has waited since 2026-03-02 10:00 UTC for the limit of Partner Center.',
    {
      state: 'waiting',
      waitingFor: 'the customer to accept the agreement',
      heldUpSince: '2026-03-02T10:00:00.000Z',
      heldUpBy: 'the limit of Partner Center',
    },
  ],
  ['At work since 2026-03-02 09:21 UTC: suspend.', { state: 'running', operation: 'suspend' }],
])('says %s', (why, facts) => {
  expect(whyOf(record(facts), undefined)).toBe(why);
});

it('says who holds or has detached it, whatever else there would be to say', () => {
  const decided: Intervention = { kind: 'held', by: 'Ada', reason: 'a dispute', at: since };
  const failing = record({ state: 'needs-attention', lastError });
  expect(whyOf(failing, decided)).toMatch(/^Held by Ada since 2026-03-02 09:21 UTC \(a dispute\): nothing is sent/);
  expect(whyOf(failing, { ...decided, kind: 'detached' })).toMatch(/^Detached by Ada since .* \(a dispute\)/);
});

it('offers the actions that make sense now', () => {
  const decided: Intervention = { kind: 'held', by: 'Ada', reason: 'a dispute', at: since };
  expect(actionsFor(record({ state: 'done' }), undefined)).toEqual(['look', 'hold', 'detach']);
  expect(actionsFor(record({ state: 'failed' }), undefined)).toEqual(['look', 'retry', 'hold', 'detach']);
  for (const since of [{}, { lastError }])
    expect(actionsFor(record({ state: 'waiting', ...since }), undefined)).toEqual(['look', 'hold', 'detach']);
  expect(actionsFor(record({ state: 'waiting', lastError, troubledSince: since }), undefined)).toContain('retry');
  expect(actionsFor(record({ state: 'failed' }), decided)).toEqual(['release', 'detach']);
  expect(actionsFor(record({ state: 'failed' }), { ...decided, kind: 'detached' })).toEqual(['attach']);
});
