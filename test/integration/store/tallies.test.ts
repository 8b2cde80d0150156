import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LaneLostError } from '../../../src/engine/journal.ts';
import type { Wait } from '../../../src/lib/wait.ts';
import { createRecords } from '../../../src/store/records.ts';
import { createTallies } from '../../../src/store/tallies.ts';
import { readOverview } from '../../../src/workflows/ops/overview.ts';
import type { SubscriptionRecord } from '../../../src/workflows/record.ts';
import { neverAborted, openStore } from './setup.ts';

const SINCE = '2026-11-20T08:00:00.000Z';

function record(subscriptionId: number, facts: Partial<SubscriptionRecord> = {}): SubscriptionRecord {
  return { subscriptionId, productType: 'license', state: 'done', since: SINCE, attempts: 0, ...facts };
}

function setup() {
  const { redis, keys, openLane } = openStore();
  const records = createRecords(redis, keys);
  const tallies = createTallies(redis, keys, records);
  async function put(one: SubscriptionRecord) {
    await records.put(await openLane(one.subscriptionId, neverAborted), one);
  }
  const read = async () => (await tallies.read()).map((tally) => Object.values(tally).join(' ')).toSorted();
  return { redis, keys, openLane, records, tallies, put, read };
}

const standing = (code: string) => ({
  state: 'needs-attention' as const,
  lastError: { code, message: 'Look.', at: SINCE },
});

it('counts each record as it stands now, once, by product, state and reason', async () => {
  const { put, read } = setup();
  await put(record(1, { state: 'running' }));
  await put(record(1, standing('entra.consent-needed')));
  await put(record(2, standing('entra.consent-needed')));
  await put(record(2, standing('entra.consent-needed')));
  await put(record(3, { state: 'waiting', waitingFor: 'the limit of Partner Center' }));
  await put(record(4, { state: 'idle', productType: 'arm', waitingFor: 'the first payment' }));
  expect(await read()).toEqual([
    'arm idle payment 1',
    'license needs-attention entra.consent-needed 2',
    'license waiting limit 1',
  ]);
  await put(record(1));
  await put(record(2));
  expect(await read()).toEqual(['arm idle payment 1', 'license done  2', 'license waiting limit 1']);
});

it('keeps in step with the records whatever is written in whatever order', async () => {
  const { put, records, tallies } = setup();
  const kinds = fc.constantFrom<Partial<SubscriptionRecord>>(
    { state: 'running' },
    standing('a.b'),
    standing('c.d'),
    { state: 'waiting', waitingFor: 'what an earlier release called otherwise' as Wait },
    { state: 'waiting', step: 'agreement accepted 1', waitingFor: 'the customer to accept' },
    {
      state: 'done',
      fulfillment: {
        productType: 'license',
        exposure: {
          partnerSubscriptionId: 'p',
          seats: 3,
          until: '2026-12-01',
          price: { amount: 0.1, currency: 'EUR' },
        },
      },
    },
  );
  const writes = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), kinds), { minLength: 1, maxLength: 12 });
  const check = fc.asyncProperty(writes, async (all) => {
    for (const [id, facts] of all) await put(record(id, facts));
    const expected = new Map<string, number>();
    let exposed = 0;
    for await (const { state, lastError, fulfillment } of records.all()) {
      const key = `${state} ${lastError?.code ?? ''}`;
      expected.set(key, (expected.get(key) ?? 0) + 1);
      if (fulfillment?.exposure) exposed += 1;
    }
    const counted = new Map<string, number>();
    for (const { state, why, count } of await tallies.read()) {
      const key = `${state} ${state === 'needs-attention' ? why : ''}`;
      counted.set(key, (counted.get(key) ?? 0) + count);
    }
    expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(expected));
    const { exposures, states } = await readOverview(tallies, '2026-11-27');
    expect(exposures).toEqual({
      count: exposed,
      byCurrency: exposed > 0 ? { EUR: Math.round(exposed * 30) / 100 } : {},
    });
    expect(Object.values(states).reduce((sum, count) => sum + count, 0)).toBe(new Set([...(await ids(records))]).size);
  });
  await fc.assert(check, { numRuns: 15 });
});

async function ids(records: { ids(): AsyncIterable<number> }): Promise<number[]> {
  const found: number[] = [];
  for await (const id of records.ids()) found.push(id);
  return found;
}

it('knows since when a customer has been waited for longest, until none is', async () => {
  const { put, tallies } = setup();
  const waiting = { state: 'waiting', step: 'agreement accepted 1', waitingFor: 'the customer' } as const;
  expect(await tallies.waitingSince('agreement')).toBeUndefined();
  await put(record(1, { ...waiting, since: '2026-11-20T08:00:00.000Z' }));
  await put(record(2, { ...waiting, since: '2026-11-18T08:00:00.000Z' }));
  await put(record(3, { ...waiting, step: 'tenant linked', since: '2026-11-01T08:00:00.000Z' }));
  expect(await tallies.waitingSince('agreement')).toBe(Date.parse('2026-11-18T08:00:00.000Z'));
  await put(record(2));
  expect(await tallies.waitingSince('agreement')).toBe(Date.parse('2026-11-20T08:00:00.000Z'));
  expect(await tallies.waitingSince('invitation')).toBe(Date.parse('2026-11-01T08:00:00.000Z'));
});

it('does not count what a worker writes that has lost its lane', async () => {
  const { openLane, records, read } = setup();
  const lost = await openLane(1, neverAborted);
  await openLane(1, neverAborted);
  await expect(records.put(lost, record(1))).rejects.toBeInstanceOf(LaneLostError);
  expect(await read()).toEqual([]);
  expect(await records.get(1)).toBeUndefined();
});

it('counts anew what a version wrote that does not count, and nothing twice', async () => {
  const { redis, keys, put, tallies, read } = setup();
  for (const id of [1, 2, 3]) await put(record(id, { state: id === 3 ? 'failed' : 'done' }));
  await redis.hdel(keys.kinds, '1');
  await redis.hset(keys.tallies, '["license","done",""]', 1);
  const ended = record(2, {
    fulfillment: { productType: 'license', exposure: { partnerSubscriptionId: 'p', seats: 3 } },
  });
  await redis.set(keys.record(2), JSON.stringify(ended));
  await redis.set(keys.record(3), JSON.stringify(record(3, { state: 'running' })));
  await tallies.repair();
  await tallies.repair();
  expect(await read()).toEqual(['license done  2', 'license running  1']);
  expect(await tallies.exposedCosts()).toEqual([{}]);
});
