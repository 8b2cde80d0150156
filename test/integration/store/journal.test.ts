import { expect, it } from 'vitest';
import { type JournalEntry, LaneLostError } from '../../../src/engine/journal.ts';
import { createJournal } from '../../../src/store/journal.ts';
import { createRecords } from '../../../src/store/records.ts';
import { neverAborted, openStore } from './setup.ts';

const sent: JournalEntry = {
  state: 'sent',
  prepared: { cartId: 'b4c8', note: 'à "€"' },
  firstSentAt: 1_760_000_000_000,
  sends: 1,
};
const polling: JournalEntry = { state: 'polling', since: 1_760_000_000_000, looks: 3 };
const done: JournalEntry = { state: 'done', result: { customerId: 'c-1', seats: [1, 2] }, at: 1_760_000_000_001 };

it('gives a run back as it was written, step by step', async () => {
  const { redis, keys, replication, openLane } = openStore();
  const journal = createJournal(redis, keys, replication);
  const lane = await openLane(50010, neverAborted);
  await journal.write(lane, 'run-1', 'check out', sent);
  await journal.write(lane, 'run-1', 'order completed', polling);
  await journal.write(lane, 'run-1', 'ensure customer', sent);
  await journal.write(lane, 'run-1', 'ensure customer', done);
  await journal.write(lane, 'run-2', 'ensure customer', polling);

  expect(await journal.load('run-1')).toEqual(
    new Map<string, JournalEntry>([
      ['check out', sent],
      ['order completed', polling],
      ['ensure customer', done],
    ]),
  );
});

it('knows nothing of a run that never began', async () => {
  const { redis, keys, replication } = openStore();

  expect(await createJournal(redis, keys, replication).load('run-1')).toEqual(new Map());
});

it('remembers that a step without a result is done', async () => {
  const { redis, keys, replication, openLane } = openStore();
  const journal = createJournal(redis, keys, replication);
  await journal.write(await openLane(1, neverAborted), 'run-1', 'report', { state: 'done', result: undefined, at: 1 });

  expect((await journal.load('run-1')).get('report')).toMatchObject({ state: 'done', at: 1 });
});

it('forgets one step only', async () => {
  const { redis, keys, replication, openLane } = openStore();
  const journal = createJournal(redis, keys, replication);
  const lane = await openLane(1, neverAborted);
  await journal.write(lane, 'run-1', 'a', sent);
  await journal.write(lane, 'run-1', 'b', done);

  await journal.forget(lane, 'run-1', 'a');

  expect([...(await journal.load('run-1')).keys()]).toEqual(['b']);
});

it('refuses to write or forget for a worker whose subscription was taken over', async () => {
  const { redis, keys, replication, openLane } = openStore();
  const journal = createJournal(redis, keys, replication);
  const older = await openLane(1, neverAborted);
  await journal.write(older, 'run-1', 'check out', sent);
  await openLane(1, neverAborted);

  await expect(journal.write(older, 'run-1', 'check out', done)).rejects.toThrow(LaneLostError);
  await expect(journal.forget(older, 'run-1', 'check out')).rejects.toThrow(LaneLostError);

  expect((await journal.load('run-1')).get('check out')).toEqual(sent);
});

it('keeps a run for as long as the record names it, and for 30 days after that', async () => {
  const { redis, keys, replication, openLane } = openStore();
  const journal = createJournal(redis, keys, replication);
  const records = createRecords(redis, keys);
  const lane = await openLane(1, neverAborted);
  const lifeMs = () => redis.pttl(keys.journal('1-provision-1'));
  const record = {
    subscriptionId: 1,
    state: 'needs-attention',
    since: '2026-11-20T08:00:00.000Z',
    attempts: 0,
  } as const;
  const run = { id: '1-provision-1', operation: 'provision', startedAt: record.since } as const;
  await journal.write(lane, run.id, 'a', sent);
  // As a version of the connector has left it that let every run expire.
  await redis.pexpire(keys.journal(run.id), 60_000);

  await records.put(lane, { ...record, run });
  await journal.write(lane, run.id, 'b', sent);
  expect(await lifeMs()).toBe(-1);

  const next = { ...record, run: { ...run, id: '1-suspend-2', operation: 'suspend' } } as const;
  await redis.pexpire(keys.journal(run.id), 60_000);
  await records.put(lane, { ...next, aside: run });
  expect(await lifeMs()).toBe(-1);

  await records.put(lane, next, { runsOver: [run.id] });
  expect(await lifeMs()).toBeGreaterThan(29.9 * 86_400_000);
  expect(await lifeMs()).toBeLessThanOrEqual(30 * 86_400_000);
});
