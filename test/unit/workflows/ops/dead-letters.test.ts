import { expect, it } from 'vitest';
import { listDeadLetters, standingStillFor } from '../../../../src/workflows/ops/dead-letters.ts';
import type { SubscriptionRecord } from '../../../../src/workflows/record.ts';

function recordsOf(...given: (Partial<SubscriptionRecord> & { subscriptionId: number })[]) {
  return {
    async *all() {
      for (const record of given) {
        yield { state: 'needs-attention', since: '2026-03-02T09:00:00.000Z', attempts: 1, ...record } as const;
      }
    },
  };
}

const failed = (code: string) =>
  ({ state: 'failed', failure: { kind: 'final', code, params: {}, reported: true } }) as const;
const erred = (code: string) => ({ lastError: { code, message: 'Why.', at: '2026-03-02T09:00:00.000Z' } });
const listQuarantine = async () => ({ items: [] as { lastAt: string }[], total: 0 });

it('what stands still is counted by the code of its reason, the most frequent first, with its oldest and the first of its subscriptions', async () => {
  const records = recordsOf(
    { subscriptionId: 9, ...failed('operation.deadline'), ...erred('partner-center.unavailable') },
    ...Array.from({ length: 25 }, (_, index) => ({
      subscriptionId: 100 - index,
      since: `2026-03-02T10:${59 - index}:00.000Z`,
      ...erred('entra.consent-needed'),
    })),
    { subscriptionId: 8, ...failed('operation.deadline'), since: '2026-03-01T00:00:00.000Z' },
    { subscriptionId: 7, state: 'retrying', ...erred('arm.unavailable') },
    { subscriptionId: 6, ...erred('operation.deadline') },
  );
  expect(await listDeadLetters({ records, listQuarantine })).toEqual([
    {
      code: 'entra.consent-needed',
      state: 'needs-attention',
      count: 25,
      oldestAt: '2026-03-02T10:35:00.000Z',
      subscriptionIds: Array.from({ length: 20 }, (_, index) => 76 + index),
    },
    {
      code: 'operation.deadline',
      state: 'failed',
      count: 2,
      oldestAt: '2026-03-01T00:00:00.000Z',
      subscriptionIds: [8, 9],
    },
    {
      code: 'operation.deadline',
      state: 'needs-attention',
      count: 1,
      oldestAt: '2026-03-02T09:00:00.000Z',
      subscriptionIds: [6],
    },
  ]);
});

it('what was signed and could not be understood stands still too, since the oldest of it came last', async () => {
  const bodies = ['03', '02', '01'].map((day) => ({ lastAt: `2026-03-${day}T00:00:00.000Z` }));
  const kept = async ({ page, pageSize }: { page: number; pageSize: number }) => ({
    items: bodies.slice((page - 1) * pageSize, page * pageSize),
    total: bodies.length,
  });
  expect(await listDeadLetters({ records: recordsOf(), listQuarantine: kept })).toEqual([
    {
      code: 'event.unreadable',
      state: 'quarantined',
      count: 3,
      oldestAt: '2026-03-01T00:00:00.000Z',
      subscriptionIds: [],
    },
  ]);
});

it('of those that stand still for a reason the longest comes first, and neither another reason nor what moves is among them', async () => {
  const records = recordsOf(
    { subscriptionId: 1, ...failed('operation.deadline') },
    { subscriptionId: 2, ...erred('operation.deadline'), since: '2026-03-01T09:00:00.000Z' },
    { subscriptionId: 3, ...erred('entra.consent-needed') },
    { subscriptionId: 4, state: 'retrying', ...erred('operation.deadline') },
  );
  expect(await standingStillFor(records, 'operation.deadline')).toEqual([2, 1]);
  expect(await standingStillFor(records, 'no.such')).toEqual([]);
});
