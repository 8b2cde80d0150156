import { describe, expect, it } from 'vitest';
import { createBudget, createLines, listBudgets } from '../../../src/store/budget.ts';
import { createTurns, type Turn } from '../../../src/workflows/turn.ts';
import { type Look, passBudgets, seeded, workOff } from '../../support/backlog.ts';
import { openStore } from './setup.ts';

const MINUTE_MS = 60_000;

function openBudget(limits: Record<string, number>) {
  const { redis, keys } = openStore();
  const budget = createBudget(redis, keys, { limitOf: (name) => ({ calls: limits[name]!, inMs: MINUTE_MS }) });

  const passMs = (name: string, ms: number) => passBudgets(redis, keys, [name], ms);

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

it('allows nothing under a name without a limit, and passes over one that another release has left', async () => {
  const { redis, keys } = openStore();
  const limitOf = (name: string) => (name === 'partner' ? { calls: 30, inMs: MINUTE_MS } : undefined);
  const other = createBudget(redis, keys, { limitOf: () => ({ calls: 1, inMs: MINUTE_MS }) });
  await other.take(['former', 'partner']);
  await other.take(['former']);

  const budget = createBudget(redis, keys, { limitOf });
  await expect(budget.take(['partner', 'former'])).rejects.toThrow('"former"');
  await expect(budget.pause(['former'], 1_000, { refused: true })).rejects.toThrow('"former"');
  expect(await listBudgets(redis, keys, limitOf)).toEqual([{ budget: 'partner', used: 1, limit: 30, waiting: 0 }]);
  expect(await createLines(redis, keys, limitOf).callUp(1_000)).toEqual([]);
});

it('counts the calls of many callers together', async () => {
  const { redis, keys } = openStore();
  const callers = Array.from({ length: 4 }, () =>
    createBudget(redis, keys, { limitOf: () => ({ calls: 50, inMs: MINUTE_MS }) }),
  );
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
  await budget.pause(['paused'], 5 * MINUTE_MS, { refused: false });
  for (const names of [
    ['full', 'paused'],
    ['paused', 'full'],
  ]) {
    expect((await budget.take(names))!.waitMs).toBeGreaterThan(4 * MINUTE_MS);
  }
});

it('allows no call before the end of a pause', async () => {
  const { budget, passMs } = openBudget({ partner: 30 });
  await budget.pause(['partner'], 45_000, { refused: false });
  expect((await budget.take(['partner']))!.waitMs).toBeGreaterThan(44_000);
  await passMs('partner', 44_000);
  const { waitMs } = (await budget.take(['partner']))!;
  expect(waitMs).toBeLessThanOrEqual(1_000);
  await passMs('partner', waitMs);
  expect(await budget.take(['partner'])).toBeUndefined();
});

it('is not shortened by a second pause that ends earlier', async () => {
  const { budget } = openBudget({ partner: 30 });
  await budget.pause(['partner'], 45_000, { refused: false });
  await budget.pause(['partner'], 1_000, { refused: false });
  expect((await budget.take(['partner']))!.waitMs).toBeGreaterThan(44_000);
  await budget.pause(['partner'], 90_000, { refused: false });
  expect((await budget.take(['partner']))!.waitMs).toBeGreaterThan(89_000);
});

it('tells of a refusal that lasts until when it does, to whoever waits and in the list, and of no other pause', async () => {
  const { budget, redis, keys } = openBudget({ partner: 30, other: 30 });
  await budget.pause(['other'], 5 * MINUTE_MS, { refused: false });
  expect(await budget.take(['other'])).not.toHaveProperty('refusedUntil');
  await budget.pause(['partner'], 30_000, { refused: true });
  expect(await budget.take(['partner'])).not.toHaveProperty('refusedUntil');
  await budget.pause(['partner'], 30 * MINUTE_MS, { refused: true });
  const { refusedUntil = '' } = (await budget.take(['partner']))!;
  expect(Date.parse(refusedUntil) - Date.now()).toBeGreaterThan(25 * MINUTE_MS);
  await redis.zadd(keys.budgets, 1, 'partner');
  const listed = await listBudgets(redis, keys, () => ({ calls: 30, inMs: MINUTE_MS }));
  expect(listed).toEqual([expect.objectContaining({ budget: 'partner', refusedUntil })]);
});

it('pauses one key and no other', async () => {
  const { budget } = openBudget({ a: 30, b: 30 });
  await budget.pause(['a'], 45_000, { refused: false });
  expect(await budget.take(['b'])).toBeUndefined();
  expect(await budget.take(['a', 'b'])).toBeDefined();
});

it('leaves nothing in Redis for a key that has rested for a minute', async () => {
  const { redis, keys, budget } = openBudget({ partner: 30 });
  await budget.take(['partner']);
  await budget.pause(['partner'], 0, { refused: false });
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
  const budget = createBudget(redis, keys, { limitOf: (name) => limits[name]! });
  for (const name of ['quick', 'slow', 'quick', 'slow']) await budget.take([name]);

  expect((await budget.take(['quick']))?.waitMs).toBeLessThanOrEqual(10_000);
  expect((await budget.take(['slow']))?.waitMs).toBeGreaterThan(10_000);
  expect((await budget.take(['quick', 'slow']))?.waitMs).toBeGreaterThan(10_000);
});

describe('a line', () => {
  function openLine(calls: number) {
    const { redis, keys } = openStore();
    const turns = createTurns();
    const budget = createBudget(redis, keys, { limitOf: () => ({ calls, inMs: MINUTE_MS }), turn: turns.current });
    const takeAs = (turn: Turn, budgets = ['partner']) => turns.within(turn, () => budget.take(budgets));
    const passMs = (ms: number) => passBudgets(redis, keys, ['partner', 'other'], ms);
    /** Spends what is there, in nobody's name. */
    async function spend(budgets = ['partner']): Promise<void> {
      while ((await budget.take(budgets)) === undefined);
    }
    return { redis, keys, budget, takeAs, passMs, spend };
  }
  const urgent = (holder: string, sinceAt: number): Turn => ({ holder, urgency: 'urgent', sinceAt });
  const background = (holder: string, sinceAt: number): Turn => ({ holder, urgency: 'background', sinceAt });

  it('tells everybody who stands in it a time of their own, one after the other at the pace of the limit', async () => {
    const { takeAs, spend } = openLine(60);
    await spend();
    const waits = [];
    for (let place = 0; place < 10; place += 1) waits.push((await takeAs(urgent(`look-${place}`, place)))!.waitMs);
    for (const [place, waitMs] of waits.entries()) {
      if (place > 0) expect(waitMs - waits[place - 1]!).toBeGreaterThan(500);
      expect(waitMs).toBeLessThan(MINUTE_MS + place * 1_100 + 100);
    }
  });

  it('lets those who have waited longest go first, whoever asks first', async () => {
    const { takeAs, spend, passMs } = openLine(60);
    await spend();
    for (const [holder, sinceAt] of [
      ['old', 1],
      ['young', 2],
    ] as const)
      await takeAs(urgent(holder, sinceAt));
    // Everything is a minute old, and so all may call; then there is room for one.
    await passMs(MINUTE_MS - 1_000);
    await takeAs(urgent('old', 1));
    await takeAs(urgent('young', 2));
    await passMs(1_000);
    for (let call = 0; call < 58; call += 1) await takeAs(urgent('first of all', 0));
    expect(await takeAs(urgent('young', 2))).toBeDefined();
    expect(await takeAs(urgent('old', 1))).toBeUndefined();
  });

  it('is not held up by who does not come back', async () => {
    const { redis, keys, takeAs, spend, passMs } = openLine(60);
    await spend();
    await takeAs(urgent('gone', 1));
    await passMs(MINUTE_MS + 3_000);
    expect(await takeAs(urgent('young', 2))).toBeUndefined();
    expect(await redis.zcard(keys.budgetLine('partner'))).toBe(0);
  });

  it('is stood in at one key at a time, so that nobody is waited for where they cannot come', async () => {
    const { redis, keys, budget, takeAs, spend } = openLine(60);
    await spend(['partner']);
    await budget.pause(['other'], 5 * MINUTE_MS, { refused: false });
    await takeAs(urgent('look', 1), ['partner', 'other']);
    expect(await redis.zcard(keys.budgetLine('partner'))).toBe(0);
    expect(await redis.zcard(keys.budgetLine('other'))).toBe(1);
  });

  it('is passed by what somebody waits for at this moment, and by the urgent before the background', async () => {
    const { budget, takeAs, passMs } = openLine(100);
    for (let call = 0; call < 94; call += 1) expect(await takeAs(background('sweep', 5))).toBeUndefined();
    expect(await takeAs(background('sweep', 5))).toBeDefined();
    for (let call = 0; call < 4; call += 1) expect(await takeAs(urgent('purchase', 9))).toBeUndefined();
    expect(await takeAs(urgent('purchase', 9))).toBeDefined();
    for (let call = 0; call < 2; call += 1) expect(await budget.take(['partner'])).toBeUndefined();
    expect(await budget.take(['partner'])).toBeDefined();

    await passMs(MINUTE_MS);
    // The purchase, though younger, comes before the sweep in the line.
    await takeAs(urgent('purchase', 9));
    for (let call = 0; call < 92; call += 1) await budget.take(['partner']);
    expect(await takeAs(background('sweep', 5))).toBeUndefined();
  });

  it('lets the background go before what is ten minutes younger, however urgent that is', async () => {
    const { redis, keys, takeAs, spend } = openLine(100);
    await spend();
    await takeAs(background('sweep', 0));
    await takeAs(urgent('soon after', 9 * MINUTE_MS));
    await takeAs(urgent('much later', 11 * MINUTE_MS));
    expect(await redis.zrange(keys.budgetLine('partner'), 0, '-1')).toEqual(['soon after', 'sweep', 'much later']);
  });

  it('lets those who are further along go first, and who has not begun after two hours all the same', async () => {
    const { redis, keys, takeAs, spend } = openLine(100);
    await spend();
    const hoursMs = 60 * MINUTE_MS;
    await takeAs(urgent('new', 0));
    await takeAs({ ...urgent('begun', 5), progress: 'begun' });
    await takeAs({ ...urgent('bought', 10), progress: 'bought' });
    await takeAs({ ...urgent('bought much later', 2.5 * hoursMs), progress: 'bought' });
    await takeAs({ ...background('sweep', 0), progress: 'bought' });
    expect(await redis.zrange(keys.budgetLine('partner'), 0, '-1')).toEqual([
      'bought',
      'begun',
      'new',
      'sweep',
      'bought much later',
    ]);
  });

  it('begins only after a pause, little by little', async () => {
    const { budget, takeAs } = openLine(60);
    await budget.pause(['partner'], 30_000, { refused: false });
    const waits = [];
    for (let place = 0; place < 5; place += 1) waits.push((await takeAs(urgent(`look-${place}`, place)))!.waitMs);
    expect(waits[0]).toBeGreaterThan(29_000);
    for (const [place, waitMs] of waits.entries())
      if (place > 0) expect(waitMs - waits[place - 1]!).toBeGreaterThan(800);
  });

  it('is left by who does not wait any more, wherever that one stood', async () => {
    const { redis, keys, budget, takeAs, spend } = openLine(60);
    await spend(['partner', 'other']);
    await budget.pause(['other'], MINUTE_MS, { refused: false });
    await takeAs(urgent('held', 1), ['partner']);
    await takeAs(urgent('held', 1), ['other']);
    await takeAs(urgent('look', 2), ['partner']);
    await createLines(redis, keys, () => ({ calls: 60, inMs: MINUTE_MS })).leave('held');
    for (const key of [keys.budgetLine, keys.budgetBack]) {
      expect(await redis.zrange(key('partner'), 0, '-1')).toEqual(['look']);
      expect(await redis.exists(key('other'))).toBe(0);
    }
  });

  describe('calls up', () => {
    const EVERY_MS = 2_000;

    /** Thirty stand in it, the later the younger, and were told to come in a minute at the earliest. */
    async function openLongLine() {
      const line = openLine(100);
      await line.spend();
      for (let place = 0; place < 30; place += 1) await line.takeAs(urgent(`look-${place}`, place));
      const lines = createLines(line.redis, line.keys, () => ({ calls: 100, inMs: MINUTE_MS }));
      return { ...line, callUp: () => lines.callUp(EVERY_MS) };
    }

    it('those in front when calls are free, a fifth of these at once, and not again before they had time to come', async () => {
      const { redis, keys, takeAs, callUp } = await openLongLine();
      expect(await callUp()).toEqual([]);
      await redis.del(keys.budget('partner'));
      const first = Array.from({ length: 18 }, (_, place) => `look-${place}`);
      expect(await callUp()).toEqual(first);
      expect(await callUp()).toEqual([]);
      for (const [place, holder] of first.entries()) expect(await takeAs(urgent(holder, place))).toBeUndefined();
      expect(await callUp()).toEqual(Array.from({ length: 12 }, (_, place) => `look-${18 + place}`));
    });

    it('nobody before the end of a pause', async () => {
      const { redis, keys, budget, callUp } = await openLongLine();
      await budget.pause(['partner'], 30_000, { refused: false });
      await redis.del(keys.budget('partner'));
      expect(await callUp()).toEqual([]);
    });

    it('no more than the pace of the limit after the upstream has refused calls', async () => {
      const { redis, keys, budget, passMs, callUp } = await openLongLine();
      await budget.pause(['partner'], 1, { refused: true });
      await passMs(1_000);
      await redis.del(keys.budget('partner'));
      expect(await callUp()).toEqual(['look-0', 'look-1', 'look-2']);
    });
  });

  it('is gone from Redis when nobody stands in it any more', async () => {
    const { redis, keys, takeAs, spend } = openLine(60);
    await spend();
    await takeAs(urgent('gone', 1));
    for (const key of [keys.budgetLine('partner'), keys.budgetBack('partner')]) {
      const leftMs = await redis.pttl(key);
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThan(2 * MINUTE_MS);
    }
  });
});

it('lists each key with its calls, its line and its pause', async () => {
  const { redis, keys } = openStore();
  const turns = createTurns();
  const budget = createBudget(redis, keys, { limitOf: () => ({ calls: 10, inMs: MINUTE_MS }), turn: turns.current });
  const look: Turn = { holder: '50010', urgency: 'urgent', sinceAt: 1 };
  for (let call = 0; call < 11; call += 1) await turns.within(look, () => budget.take(['partner']));
  await budget.take(['other']);
  await budget.pause(['other'], 45_000, { refused: false });
  const listed = await listBudgets(redis, keys, () => ({ calls: 10, inMs: MINUTE_MS }));
  expect(listed).toHaveLength(2);
  expect(listed).toContainEqual({ budget: 'partner', used: 10, limit: 10, waiting: 1 });
  const [other] = listed.filter(({ budget: name }) => name === 'other');
  expect(other).toMatchObject({ used: 1, limit: 10, waiting: 0 });
  expect(Date.parse(other!.pausedUntil!)).toBeGreaterThan(Date.now() + 30_000);
});

describe('a refusal by the upstream', () => {
  it('lets fewer calls be made than were refused, of the narrowest key that spent them', async () => {
    const { budget, passMs, takeAll } = openBudget({ partner: 100, customer: 100 });
    for (let call = 0; call < 20; call += 1) await budget.take(['partner', 'customer']);
    for (let call = 0; call < 60; call += 1) await budget.take(['partner']);
    await budget.pause(['partner', 'customer'], 1_000, { refused: true });
    await passMs('partner', MINUTE_MS);
    await passMs('customer', MINUTE_MS);
    expect((await takeAll(['partner'])).taken).toBe(76);
    expect((await takeAll(['customer'])).taken).toBe(100);
  });

  it('of a few calls says nothing about the limit', async () => {
    const { budget, passMs, takeAll } = openBudget({ partner: 100 });
    for (let call = 0; call < 20; call += 1) await budget.take(['partner']);
    await budget.pause(['partner'], 1_000, { refused: true });
    await passMs('partner', MINUTE_MS);
    expect((await takeAll(['partner'])).taken).toBe(100);
  });

  it('is forgotten after a quarter of an hour', async () => {
    const { budget, passMs, takeAll } = openBudget({ partner: 100 });
    for (let call = 0; call < 80; call += 1) await budget.take(['partner']);
    await budget.pause(['partner'], 1_000, { refused: true });
    await passMs('partner', 16 * MINUTE_MS);
    expect((await takeAll(['partner'])).taken).toBe(100);
  });
});

describe('a backlog', () => {
  /** Long periods, so that what the machine needs for the work is nothing beside them. */
  const LIMIT = { calls: 60, inMs: 600_000 };
  const looksOf = (count: number, look: Partial<Look>): Look[] =>
    Array.from({ length: count }, (_, index) => ({
      holder: `${look.urgency}-${index}`,
      urgency: 'urgent',
      budgets: ['partner'],
      calls: 3,
      callsFirst: 1,
      askedAtMs: index,
      ...look,
    }));
  async function work(looks: Look[], calls: number, forMs: number) {
    const { redis, keys } = openStore();
    return workOff(redis, keys, {
      looks,
      limitOf: () => LIMIT,
      upstream: { calls, inMs: LIMIT.inMs },
      processes: 3,
      workers: 5,
      callMs: [100, 2_000],
      lateMs: 3_000,
      forMs,
      random: seeded(7),
    });
  }

  it.each(['urgent', 'background'] as const)(
    'of %s work uses at least nine tenths of what is allowed, meets no refusal, and comes to its turn in order',
    async (urgency) => {
      const forMs = 3 * LIMIT.inMs;
      const { answeredAtMs, refusedAtMs, takes, doneAtMs } = await work(looksOf(100, { urgency }), LIMIT.calls, forMs);
      expect(answeredAtMs.length).toBeGreaterThanOrEqual(0.9 * 3 * LIMIT.calls);
      expect(refusedAtMs).toEqual([]);
      expect(takes).toBeLessThan(3 * answeredAtMs.length);
      const done = [...doneAtMs.keys()].map((holder) => Number(holder.split('-')[1]));
      expect(done.length).toBeGreaterThan(30);
      for (const [place, index] of done.entries()) expect(Math.abs(index - place)).toBeLessThan(20);
    },
  );

  it('meets one refusal where the upstream allows less than it says, and then uses nine tenths of what it does allow', async () => {
    const periods = 5;
    const looks = looksOf(100, { callsFirst: 0 });
    const { answeredAtMs, refusedAtMs } = await work(looks, 40, periods * LIMIT.inMs);
    const first = refusedAtMs[0]!;
    // Calls that were under way at the first refusal are none of those that follow it.
    expect(refusedAtMs.filter((atMs) => atMs > first + 5_000)).toEqual([]);
    // The pause of the refusal is no time in which anything is allowed.
    const after = answeredAtMs.filter((atMs) => atMs > first + LIMIT.inMs).length;
    const fullPeriods = (periods * LIMIT.inMs - first - LIMIT.inMs) / LIMIT.inMs;
    expect(after).toBeGreaterThanOrEqual(0.9 * 40 * fullPeriods);
  });

  it('of the background does not hold up what comes meanwhile and somebody waits for', async () => {
    const background = looksOf(100, { urgency: 'background' });
    const urgent = looksOf(6, { urgency: 'urgent' }).map((look, index) => ({
      ...look,
      askedAtMs: 0.9 * LIMIT.inMs + index * 8_000,
    }));
    const { doneAtMs } = await work([...background, ...urgent], LIMIT.calls, 1.7 * LIMIT.inMs);
    // In the order of asking they would come after six periods of work.
    for (const { holder, askedAtMs } of urgent) {
      expect((doneAtMs.get(holder) ?? Number.POSITIVE_INFINITY) - askedAtMs).toBeLessThan(LIMIT.inMs / 2);
    }
  });
});
