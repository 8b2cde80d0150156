import { expect, it } from 'vitest';
import { LaneLostError } from '../../../src/engine/journal.ts';
import { createRecords } from '../../../src/store/records.ts';
import type { RecordQuery, SubscriptionRecord } from '../../../src/workflows/record.ts';
import { neverAborted, openStore } from './setup.ts';

function record(subscriptionId: number, facts: Partial<SubscriptionRecord> = {}): SubscriptionRecord {
  return { subscriptionId, state: 'done', since: '2026-11-20T08:00:00.000Z', attempts: 0, ...facts };
}

function openRecords() {
  const { redis, keys, openLane } = openStore();
  const records = createRecords(redis, keys);

  async function put(...all: SubscriptionRecord[]) {
    await Promise.all(all.map(async (one) => records.put(await openLane(one.subscriptionId, neverAborted), one)));
  }

  async function list(query: Partial<RecordQuery> = {}) {
    const { items, total } = await records.list({ page: 1, pageSize: 10, ...query });
    return { ids: items.map(({ subscriptionId }) => subscriptionId), total };
  }

  return { records, openLane, put, list };
}

const small = [
  record(1, {
    since: '2026-11-20T08:00:00.000Z',
    productType: 'license',
    productId: 7,
    customer: 'userCompany/512',
    fulfillment: {
      productType: 'license',
      customerId: '2e2f4780-a8d8-45f7-a11c-1e131d4539df',
      domain: 'officineverdi.onmicrosoft.com',
    },
  }),
  record(2, { since: '2026-11-20T08:00:02.000Z', productType: 'azure', productId: 8, customer: 'user/1303' }),
  record(3, {
    since: '2026-11-20T08:00:01.000Z',
    productType: 'license',
    productId: 9,
    customer: 'user/1303',
    state: 'failed',
  }),
];

it('gives a record back as it was put', async () => {
  const { records, put } = openRecords();
  const whole = record(50010, {
    state: 'retrying',
    operation: 'provision',
    lastError: {
      code: 'partner-center.throttled',
      message: 'Partner Center asks for a pause.',
      at: '2026-11-20T08:00:00.000Z',
    },
    fulfillment: { productType: 'license', customerId: 'c-1', seats: 5 },
  });
  await put(whole);

  expect(await records.get(50010)).toEqual(whole);
  expect(await records.get(50011)).toBeUndefined();
});

it('refuses a record of a worker whose subscription was taken over, and leaves the list as it was', async () => {
  const { records, openLane, list, put } = openRecords();
  await put(record(1));
  const older = await openLane(2, neverAborted);
  await openLane(2, neverAborted);

  await expect(records.put(older, record(2))).rejects.toThrow(LaneLostError);

  expect(await records.get(2)).toBeUndefined();
  expect(await list()).toEqual({ ids: [1], total: 1 });
});

it('lists the newest change first', async () => {
  const { list, put } = openRecords();
  await put(...small);
  expect(await list()).toEqual({ ids: [2, 3, 1], total: 3 });

  await put(record(1, { since: '2026-11-20T09:00:00.000Z' }));

  expect(await list()).toEqual({ ids: [1, 2, 3], total: 3 });
});

it.each([
  [{ state: 'failed' }, [3]],
  [{ product: 'license' }, [3, 1]],
  [{ product: '8' }, [2]],
  [{ customer: 'user/1303' }, [2, 3]],
  [{ customer: 'user/1303', product: 'license' }, [3]],
  [{ customer: 'user/13' }, []],
  [{ customer: '2E2F4780-A8D8-45F7-A11C-1E131D4539DF' }, [1]],
  [{ customer: 'officineverdi.onmicrosoft.com' }, [1]],
  [{ exposedOn: '2026-11-20' }, []],
])('lists only what fits %j', async (query, ids) => {
  const { list, put } = openRecords();
  await put(...small);

  expect(await list(query)).toEqual({ ids, total: ids.length });
});

it('lists what is charged on a day although it has ended, the last day included and no day longer', async () => {
  const { list, put } = openRecords();
  const exposed = (id: number, until?: string) => {
    const exposure = { partnerSubscriptionId: `s${id}`, seats: 1, ...(until && { until }) };
    return record(id, { fulfillment: { productType: 'license', exposure } });
  };
  await put(record(1), exposed(2, '2027-03-02T00:00:00.000Z'), exposed(3));

  const idsOn = async (exposedOn: string) => (await list({ exposedOn })).ids.toSorted((a, b) => a - b);
  expect(await idsOn('2027-03-02')).toEqual([2, 3]);
  expect(await idsOn('2027-03-03')).toEqual([3]);
});

it('pages through all records and through those that fit, and counts them over all pages', async () => {
  const { list, put } = openRecords();
  const startsAt = Date.parse('2026-11-20T00:00:00.000Z');
  const many = Array.from({ length: 1_250 }, (_, index) =>
    record(index + 1, { since: new Date(startsAt + index).toISOString(), state: index % 2 === 0 ? 'done' : 'waiting' }),
  );
  await put(...many);

  expect(await list({ page: 2, pageSize: 3 })).toEqual({ ids: [1247, 1246, 1245], total: 1_250 });
  expect(await list({ page: 2, pageSize: 3, state: 'waiting' })).toEqual({ ids: [1244, 1242, 1240], total: 625 });
  expect(await list({ page: 209, pageSize: 3, state: 'waiting' })).toEqual({ ids: [2], total: 625 });
  expect(await list({ page: 210, pageSize: 3, state: 'waiting' })).toEqual({ ids: [], total: 625 });
  expect(await list({ page: 1, pageSize: 1, state: 'done' })).toEqual({ ids: [1249], total: 625 });
  expect(await list({ page: 418, pageSize: 3 })).toEqual({ ids: [], total: 1_250 });
});

it('yields every recorded id', async () => {
  const { records, put } = openRecords();
  await put(...small);

  const ids: number[] = [];
  for await (const id of records.ids()) ids.push(id);
  expect(ids).toHaveLength(3);
  expect(new Set(ids)).toEqual(new Set([1, 2, 3]));
});

it.each([
  ['a look', 'askLook', 'isLookAsked', 'forgetLook'],
  ['a retry', 'askRetry', 'isRetryAsked', 'forgetRetry'],
] as const)('remembers that %s was asked for until it is forgotten', async (_what, ask, isAsked, forget) => {
  const { records, openLane } = openRecords();
  const older = await openLane(1, neverAborted);
  const newer = await openLane(1, neverAborted);
  await records[ask](1);
  await records[ask](1);

  expect(await records[isAsked](1)).toBe(true);
  expect(await records[isAsked](2)).toBe(false);

  await expect(records[forget](older)).rejects.toThrow(LaneLostError);
  expect(await records[isAsked](1)).toBe(true);
  await records[forget](newer);
  expect(await records[isAsked](1)).toBe(false);
});
