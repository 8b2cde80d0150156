import { expect, it } from 'vitest';
import { createAudit } from '../../../src/store/audit.ts';
import { createInterventions } from '../../../src/store/interventions.ts';
import { openStore } from './setup.ts';

const at = '2026-11-20T08:00:00.000Z';
const line = { at, by: 'Ada', action: 'look', reason: 'asked for', outcome: 'accepted' } as const;

it('gives the audit trail back newest first, page by page, also that of one subscription', async () => {
  const { redis, keys } = openStore();
  const audit = createAudit(redis, keys);
  for (let subscriptionId = 1; subscriptionId <= 5; subscriptionId += 1) await audit.add({ ...line, subscriptionId });
  await audit.add({ ...line, subscriptionId: 3, action: 'retry' });

  const ids = async (page: number) =>
    (await audit.list({ page, pageSize: 4 })).items.map(({ subscriptionId }) => subscriptionId);
  expect(await ids(1)).toEqual([3, 5, 4, 3]);
  expect(await ids(2)).toEqual([2, 1]);
  expect(await ids(3)).toEqual([]);
  expect((await audit.list({ page: 1, pageSize: 4 })).total).toBe(6);
  expect(await audit.list({ page: 1, pageSize: 1, subscriptionId: 3 })).toEqual({
    items: [{ ...line, subscriptionId: 3, action: 'retry' }],
    total: 2,
  });
});

it('reads an audit trail that is longer than one answer of Redis, each line once', async () => {
  const { redis, keys } = openStore();
  const audit = createAudit(redis, keys);
  const adding = redis.pipeline();
  for (let number = 1; number <= 2_500; number += 1) {
    adding.xadd(keys.audit, '*', 'entry', JSON.stringify({ ...line, subscriptionId: number % 2 }));
  }
  await adding.exec();

  expect((await audit.list({ page: 1, pageSize: 50, subscriptionId: 1 })).total).toBe(1_250);
  expect((await audit.list({ page: 50, pageSize: 50 })).items).toHaveLength(50);
  expect((await audit.list({ page: 51, pageSize: 50 })).items).toEqual([]);
});

it('never trims the last 100,000 lines of the audit trail', async () => {
  const { redis, keys } = openStore();
  const sent: unknown[][] = [];
  const call = redis.xadd.bind(redis);
  redis.xadd = ((...words: Parameters<typeof call>) => {
    sent.push(words);
    return call(...words);
  }) as typeof redis.xadd;
  await createAudit(redis, keys).add(line);
  expect(sent[0]?.slice(0, 4)).toEqual([keys.audit, 'MAXLEN', '~', 100_000]);
});

it('remembers what operations have decided of a subscription until they lift it', async () => {
  const { redis, keys } = openStore();
  const interventions = createInterventions(redis, keys);
  const held = { kind: 'held', by: 'Ada', reason: 'asked for', at } as const;
  await interventions.set(1, held);
  await interventions.set(2, { ...held, kind: 'detached' });
  await interventions.set(2, held);

  expect(await interventions.get(1)).toEqual(held);
  expect(await interventions.all()).toEqual(
    new Map([
      [1, held],
      [2, held],
    ]),
  );
  await interventions.lift(1);
  expect(await interventions.get(1)).toBeUndefined();
});
