import { expect, it } from 'vitest';
import { createBudget } from '../../../src/store/budget.ts';
import { openStore } from './setup.ts';

const MINUTE_MS = 60_000;

function openBudget(limits: Record<string, number>) {
  const { redis, keys } = openStore();
  const budget = createBudget(redis, keys, (name) => ({ calls: limits[name]!, inMs: MINUTE_MS }));

  /** Lets time pass for one key: its state are instants, so moving them back is the same as waiting. */
  async function passMs(name: string, ms: number): Promise<void> {
    const back = -Math.round(ms * 1_000);
    const calls = await redis.zrange(keys.budget(name), 0, '-1');
    for (const call of calls) await redis.zincrby(keys.budget(name), String(back), call);
    if ((await redis.exists(keys.budgetPause(name))) === 1) await redis.incrby(keys.budgetPause(name), String(back));
  }

  async function takeAll(names: string[]): Promise<{ taken: number; waitMs: number }> {
    for (let taken = 0; ; taken += 1) {
      const refusal = await budget.take(names);
      if (refusal) return { taken, waitMs: refusal.waitMs };
    }
  }

  return { redis, keys, budget, passMs, takeAll };
}

it('allows a whole minute of calls at once and then says how long until the next', async () => {
  const { takeAll } = openBudget({ partner: 30 });
  const { taken, waitMs } = await takeAll(['partner']);
  expect(taken).toBe(30);
  expect(waitMs).toBeGreaterThan(MINUTE_MS - 20_000);
  expect(waitMs).toBeLessThanOrEqual(MINUTE_MS);
});

it('allows exactly as many calls again as have become a minute old', async () => {
  const { budget, takeAll, passMs } = openBudget({ partner: 10 });
  for (let call = 0; call < 4; call += 1) expect(await budget.take(['partner'])).toBeUndefined();
  await passMs('partner', 40_000);
  expect((await takeAll(['partner'])).taken).toBe(6);
  await passMs('partner', 20_000);
  expect((await takeAll(['partner'])).taken).toBe(4);
});

it('allows one call after exactly the wait that it named', async () => {
  const { budget, takeAll, passMs } = openBudget({ partner: 5 });
  const { waitMs } = await takeAll(['partner']);
  await passMs('partner', waitMs);
  expect(await budget.take(['partner'])).toBeUndefined();
});

it('counts the calls of many callers together', async () => {
  const { redis, keys } = openStore();
  const callers = Array.from({ length: 4 }, () => createBudget(redis, keys, () => ({ calls: 50, inMs: MINUTE_MS })));
  const taken = await Promise.all(Array.from({ length: 200 }, (_, call) => callers[call % 4]!.take(['partner'])));
  expect(taken.filter((wait) => wait === undefined)).toHaveLength(50);
});

it('takes from all keys or from none', async () => {
  const { budget, takeAll } = openBudget({ partner: 8, customer: 2 });
  expect((await takeAll(['partner', 'customer'])).taken).toBe(2);
  for (let refused = 0; refused < 20; refused += 1) await budget.take(['partner', 'customer']);
  expect((await takeAll(['partner'])).taken).toBe(6);
});

it('names the longest of the waits', async () => {
  const { budget, takeAll } = openBudget({ full: 1, paused: 10 });
  await takeAll(['full']);
  await budget.pause('paused', 5 * MINUTE_MS);
  for (const names of [
    ['full', 'paused'],
    ['paused', 'full'],
  ]) {
    expect((await budget.take(names))!.waitMs).toBeGreaterThan(4 * MINUTE_MS);
  }
});

it('allows no call before the end of a pause', async () => {
  const { budget, passMs } = openBudget({ partner: 30 });
  await budget.pause('partner', 45_000);
  expect((await budget.take(['partner']))!.waitMs).toBeGreaterThan(44_000);
  await passMs('partner', 44_000);
  const { waitMs } = (await budget.take(['partner']))!;
  expect(waitMs).toBeLessThanOrEqual(1_000);
  await passMs('partner', waitMs);
  expect(await budget.take(['partner'])).toBeUndefined();
});

it('is not shortened by a second pause that ends earlier', async () => {
  const { budget } = openBudget({ partner: 30 });
  await budget.pause('partner', 45_000);
  await budget.pause('partner', 1_000);
  expect((await budget.take(['partner']))!.waitMs).toBeGreaterThan(44_000);
  await budget.pause('partner', 90_000);
  expect((await budget.take(['partner']))!.waitMs).toBeGreaterThan(89_000);
});

it('pauses one key and no other', async () => {
  const { budget } = openBudget({ a: 30, b: 30 });
  await budget.pause('a', 45_000);
  expect(await budget.take(['b'])).toBeUndefined();
  expect(await budget.take(['a', 'b'])).toBeDefined();
});

it('leaves nothing in Redis for a key that has rested for a minute', async () => {
  const { redis, keys, budget } = openBudget({ partner: 30 });
  await budget.take(['partner']);
  await budget.pause('partner', 0);
  for (const key of [keys.budget('partner'), keys.budgetPause('partner')])
    expect(await redis.pttl(key)).toBeLessThanOrEqual(MINUTE_MS);
  expect(await redis.pttl(keys.budget('partner'))).toBeGreaterThan(0);
});

it('counts each key over its own period', async () => {
  const { redis, keys } = openStore();
  const limits: Record<string, { calls: number; inMs: number }> = {
    quick: { calls: 2, inMs: 10_000 },
    slow: { calls: 2, inMs: 60_000 },
  };
  const budget = createBudget(redis, keys, (name) => limits[name]!);
  for (const name of ['quick', 'slow', 'quick', 'slow']) await budget.take([name]);

  expect((await budget.take(['quick']))?.waitMs).toBeLessThanOrEqual(10_000);
  expect((await budget.take(['slow']))?.waitMs).toBeGreaterThan(10_000);
  expect((await budget.take(['quick', 'slow']))?.waitMs).toBeGreaterThan(10_000);
});
