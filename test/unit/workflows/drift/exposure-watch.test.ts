import { expect, it } from 'vitest';
import { createExposureWatch } from '../../../../src/workflows/drift/exposure-watch.ts';
import type { ReconciliationOptions, ReconciliationResult } from '../../../../src/workflows/drift/reconciliation.ts';
import type { SubscriptionRecord } from '../../../../src/workflows/record.ts';

const NOW = Date.parse('2026-11-27T10:00:00Z');

/** So many that have ended, all of which would renew. */
async function watch(count: number, until = '2027-03-02') {
  const changed: number[] = [];
  const looked: number[] = [];
  const told: { code: string; subscriptionId?: number | undefined; message: string }[] = [];
  let seenOn: string | undefined;
  const exposure = { partnerSubscriptionId: 'p', seats: 10, until };
  const run = createExposureWatch({
    records: {
      async *ids() {
        for (let id = 1; id <= count; id += 1) yield id;
      },
      get: async (subscriptionId) => ({ subscriptionId, fulfillment: { exposure } }) as unknown as SubscriptionRecord,
    },
    sweepLog: {
      exposuresSeenOn: async () => seenOn,
      async noteExposuresSeen(day) {
        seenOn = day;
      },
    },
    async reconcile({ dryRun, subscriptionId }: ReconciliationOptions) {
      (dryRun ? looked : changed).push(subscriptionId!);
      return { differences: [{ kind: 'orphan-at-microsoft', leadsTo: 'change' }] } as unknown as ReconciliationResult;
    },
    alerts: { attention: (facts) => told.push(facts), over() {}, bug() {} },
    clock: { now: () => NOW },
  });
  await run(new AbortController().signal);
  return { changed, looked, told, seenOn };
}

it('more than ten that would renew are told, and not ended again without a person', async () => {
  const { changed, looked, told, seenOn } = await watch(11);
  expect(looked).toHaveLength(11);
  expect(changed).toEqual([]);
  expect(told).toEqual([{ code: 'exposure.renews', message: expect.stringContaining('--limit 11') }]);
  expect(seenOn).toBe('2026-11-27');
});

it('ten that would renew are ended again, each told by its id', async () => {
  const { changed, told } = await watch(10);
  expect(changed).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(told.map(({ subscriptionId }) => subscriptionId)).toEqual(changed);
});

it.each([
  ['2026-11-21', 1],
  ['2026-11-19', 0],
])('what was paid until %s is looked at as long as it could be cancelled had it renewed', async (until, times) => {
  expect((await watch(1, until)).looked).toHaveLength(times);
});
