import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { eachOf } from '../../../src/lib/each-of.ts';

it('works on every item once, never on more at the same time than is allowed, and takes none before there is a hand free', async () => {
  const done: number[] = [];
  let taken = 0;
  let active = 0;
  let most = 0;
  async function* items() {
    for (; taken < 20; ) yield taken++;
  }
  await eachOf(items(), 3, async (item) => {
    active += 1;
    most = Math.max(most, active);
    expect(taken - done.length).toBeLessThanOrEqual(3);
    await setImmediate();
    active -= 1;
    done.push(item);
  });
  expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(most).toBe(3);
});

it('begins nothing after a failure, and tells it once nothing is under way any more', async () => {
  const ended: number[] = [];
  const work = eachOf([1, 2, 3, 4, 5, 6], 2, async (item) => {
    if (item === 1) throw new Error('one failed');
    await setImmediate();
    ended.push(item);
  });
  await expect(work).rejects.toThrow('one failed');
  expect(ended).toEqual([2]);
});
