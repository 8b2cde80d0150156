import { expect, it } from 'vitest';
import { LaneLostError } from '../../../src/engine/journal.ts';
import { createFencedWrite } from '../../../src/store/lanes.ts';
import { neverAborted, openStore } from './setup.ts';

it('lets only the newest lane of a subscription write', async () => {
  const { redis, keys, openLane } = openStore();
  const write = createFencedWrite(redis, keys);
  const older = await openLane(1, neverAborted);
  const newer = await openLane(1, neverAborted);

  await write(newer, ['SET', keys.record(1), 'newer']);
  await expect(write(older, ['SET', keys.record(1), 'older'], ['SET', keys.record(2), 'older'])).rejects.toThrow(
    LaneLostError,
  );

  expect(await redis.mget(keys.record(1), keys.record(2))).toEqual(['newer', null]);
});

it('tells the holder of a lane that it was taken', async () => {
  const { openLane } = openStore();
  const older = await openLane(1, neverAborted);
  await expect(older.assertHeld()).resolves.toBeUndefined();

  const newer = await openLane(1, neverAborted);

  await expect(older.assertHeld()).rejects.toThrow(/Subscription 1 is now worked on by another worker/);
  await expect(newer.assertHeld()).resolves.toBeUndefined();
});

it('tells whatever the work of a lane awaits whether it is held, and lets pass what belongs to no lane', async () => {
  const { openLane, workIn, assertHeld } = openStore();
  const older = await openLane(1, neverAborted);

  await workIn(older, async () => {
    await expect(assertHeld()).resolves.toBeUndefined();
    const newer = await openLane(1, neverAborted);
    await expect(assertHeld()).rejects.toThrow(LaneLostError);
    await workIn(newer, async () => expect(assertHeld()).resolves.toBeUndefined());
    await expect(assertHeld()).rejects.toThrow(LaneLostError);
  });
  await expect(assertHeld()).resolves.toBeUndefined();
});

it('keeps the lanes of different subscriptions apart', async () => {
  const { openLane } = openStore();
  const one = await openLane(1, neverAborted);
  await openLane(2, neverAborted);

  await expect(one.assertHeld()).resolves.toBeUndefined();
});

it('hands no fence out twice, neither to many at once nor after Redis has lost everything', async () => {
  const { redis, keys, openLane } = openStore();
  const lanes = await Promise.all(Array.from({ length: 100 }, () => openLane(1, neverAborted)));
  await redis.del(keys.fence(1));
  const afterLoss = await openLane(1, neverAborted);

  const fences = lanes.map(({ fence }) => fence);
  expect(new Set(fences).size).toBe(100);
  expect(afterLoss.fence).toBeGreaterThan(Math.max(...fences));
});

it('takes values of any kind as they are', async () => {
  const { redis, keys, openLane } = openStore();
  const write = createFencedWrite(redis, keys);
  const lane = await openLane(1, neverAborted);
  const values = ['', ' ', '0', 'à € 𝄞', '"\\\n', '\u0000', '%s'];

  await write(lane, ['RPUSH', keys.record(1), ...values]);

  expect(await redis.lrange(keys.record(1), 0, -1)).toEqual(values);
});
