import { expect, it } from 'vitest';
import { type JournalEntry, LaneLostError } from '../../../src/engine/journal.ts';
import { createJournal } from '../../../src/store/journal.ts';
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

it('keeps a run for 30 days after its last write', async () => {
  const { redis, keys, replication, openLane } = openStore();
  const journal = createJournal(redis, keys, replication);
  const lane = await openLane(1, neverAborted);
  await journal.write(lane, 'run-1', 'a', sent);
  await redis.pexpire(keys.journal('run-1'), 60_000);

  await journal.write(lane, 'run-1', 'b', sent);

  expect(await redis.pttl(keys.journal('run-1'))).toBeGreaterThan(29.9 * 86_400_000);
});
