import { describe, expect, it } from 'vitest';
import { createCircuit, listCircuits, type Outage } from '../../../src/store/circuit.ts';
import type { Passage } from '../../../src/upstreams/http.ts';
import type { Turn } from '../../../src/workflows/turn.ts';
import { openStore } from './setup.ts';

/**
 * Times here are those of the usual first back-off of a second: the first probe is due after 5 s, the longest pause between two is a
 * minute. All of it takes ten times as long, so that a second in which the machine is busy makes no difference.
 */
const SCALE = 10;
const READ = { isRead: true, timeoutMs: 60_000 * SCALE };
const WRITE = { isRead: false, timeoutMs: 180_000 * SCALE };

function openCircuit({ urgency = 'urgent' as Turn['urgency'], random = (): number => 0.5, isThere = true } = {}) {
  const { redis, keys } = openStore();
  const told: { what: string; outage: Outage }[] = [];
  const asked: string[] = [];
  const process = () =>
    createCircuit({
      redis,
      keys,
      retryBaseMs: 1_000 * SCALE,
      turn: () => ({ urgency, sinceAt: 0 }),
      tell: {
        began: (outage) => told.push({ what: 'began', outage }),
        lasts: (outage) => told.push({ what: 'lasts', outage }),
        ended: (outage) => told.push({ what: 'ended', outage }),
      },
      async ask(upstream) {
        asked.push(upstream);
        const passage = (await pass())!;
        await (isThere ? passage.answered() : passage.failed('503'));
      },
      random,
    });
  const [one, other] = [process(), process()];

  async function pass(call = READ, circuit = one, upstream = 'shop'): Promise<Passage | undefined> {
    const entered = await circuit.enter(upstream, call);
    return 'waitMs' in entered ? undefined : entered;
  }

  /** Fails as often as it takes. */
  async function breakDown(upstream = 'shop'): Promise<void> {
    for (let call = 0; call < 5; call += 1) {
      await (await pass(READ, call % 2 ? one : other, upstream))!.failed('connection refused');
    }
  }

  /** Lets time pass: what the circuit remembers are instants, so moving them back is the same as waiting. */
  async function passMs(ms: number): Promise<void> {
    for (const field of ['since', 'probeAt', 'leased']) {
      await redis.hincrby(keys.circuit('shop'), field, -Math.round(ms * SCALE));
    }
  }

  /** The same while it is closed. */
  async function passClosedMs(ms: number): Promise<void> {
    const failures = keys.circuitFailures('shop');
    for (const failure of await redis.zrange(failures, 0, '-1')) await redis.zincrby(failures, -ms * SCALE, failure);
  }

  return { redis, keys, told, asked, passClosedMs, one, other, pass, breakDown, passMs };
}

describe('a circuit', () => {
  it('opens for all processes after five failures in a row to connect, and is told of once', async () => {
    const { told, one, other, pass, breakDown } = openCircuit();
    const before = Date.now();
    await breakDown();
    expect(await pass(READ, one)).toBeUndefined();
    expect(await pass(READ, other)).toBeUndefined();
    expect(told.map(({ what }) => what)).toEqual(['began']);
    expect(told[0]!.outage).toMatchObject({ upstream: 'shop', because: 'connection refused' });
    // The clocks of Redis and of the test are those of one machine.
    expect(Date.parse(told[0]!.outage.since)).toBeGreaterThanOrEqual(before - 1_000);
  });

  it('stays closed when an answer comes between the failures', async () => {
    const { told, pass } = openCircuit();
    for (let round = 0; round < 3; round += 1) {
      for (let call = 0; call < 4; call += 1) await (await pass())!.failed('connection refused');
      await (await pass())!.answered();
    }
    expect(await pass()).toBeDefined();
    expect(told).toEqual([]);
  });

  it('is not opened by one call that fails again and again, but by failures of different ones', async () => {
    const { pass } = openCircuit();
    for (let call = 0; call < 20; call += 1) await (await pass(WRITE))!.failed('500', 'PATCH /customers/poison');
    expect(await pass()).toBeDefined();
    for (let call = 0; call < 4; call += 1) await (await pass(WRITE))!.failed('500', `PATCH /customers/${call}`);
    expect(await pass()).toBeUndefined();
  });

  it('opens where few call, when nothing has succeeded for a minute and a call that concerns no customer fails too', async () => {
    const { told, asked, pass, passClosedMs } = openCircuit({ isThere: false });
    const failOnce = async () => (await pass(WRITE))!.failed('503', 'POST /customers/1/carts');
    await failOnce();
    await passClosedMs(59_000);
    await failOnce();
    expect(asked).toEqual([]);
    await passClosedMs(1_000);
    const before = Date.now();
    await failOnce();
    expect(asked).toEqual(['shop']);
    expect(await pass()).toBeUndefined();
    expect(told.map(({ what }) => what)).toEqual(['began']);
    // It has lasted since the first of the failures.
    expect(before - Date.parse(told[0]!.outage.since)).toBeGreaterThanOrEqual(60_000 * SCALE);
  });

  it('stays closed for all others when one call fails for hours and nobody else calls, since it asks itself', async () => {
    const { told, asked, pass, passClosedMs } = openCircuit({ isThere: true });
    for (let minutes = 0; minutes < 120; minutes += 5) {
      await (await pass(WRITE))!.failed('500', 'PATCH /customers/poison');
      await passClosedMs(300_000);
    }
    expect(asked.length).toBeGreaterThan(5);
    expect(told).toEqual([]);
    expect(await pass()).toBeDefined();
  });

  it('asks nothing itself while others are answered', async () => {
    const { asked, pass, passClosedMs } = openCircuit();
    for (let seconds = 0; seconds < 600; seconds += 30) {
      await (await pass(WRITE))!.failed('500', 'PATCH /customers/poison');
      await (await pass())!.answered();
      await passClosedMs(30_000);
    }
    expect(asked).toEqual([]);
  });

  it('keeps calls away from one upstream and no other', async () => {
    const { one, pass, breakDown } = openCircuit();
    await breakDown();
    expect(await pass(READ, one, 'other')).toBeDefined();
  });
});

describe('while it is open', () => {
  it('lets one call at a time through, over all processes, and ever more rarely', async () => {
    const { one, other, pass, breakDown, passMs } = openCircuit();
    await breakDown();
    const pausesMs = [5_000, 10_000, 20_000, 40_000, 60_000, 60_000];
    for (const pauseMs of pausesMs) {
      await passMs(pauseMs - 1_000);
      expect(await pass()).toBeUndefined();
      await passMs(1_000);
      const probe = await pass(READ, one);
      expect(probe).toBeDefined();
      expect(await pass(READ, other)).toBeUndefined();
      await probe!.failed('connection refused');
    }
  });

  it.each([false, true])(
    'asks itself, rather than let a call that changes something find out whether it is back: %s',
    async (isThere) => {
      const { asked, pass, breakDown, passMs } = openCircuit({ isThere });
      await breakDown();
      await passMs(4_000);
      expect(await pass(WRITE)).toBeUndefined();
      expect(asked).toEqual([]);
      await passMs(1_000);
      expect((await pass(WRITE)) !== undefined).toBe(isThere);
      expect(asked).toEqual(['shop']);
    },
  );

  it('gives the probe to another when it was not sent after all, or when who had it is gone', async () => {
    const { pass, breakDown, passMs } = openCircuit();
    await breakDown();
    await passMs(5_000);
    await (await pass())!.unsent();
    expect(await pass()).toBeDefined();
    await passMs(60_000);
    expect(await pass()).toBeUndefined();
    // The slack for a process that is slow to die is the same for any back-off.
    await passMs(5_000);
    expect(await pass()).toBeDefined();
  });

  it('closes with the first probe that is answered, and tells of the end', async () => {
    const { redis, keys, told, pass, breakDown, passMs } = openCircuit();
    await breakDown();
    await passMs(5_000);
    await (await pass())!.answered();
    expect(await pass()).toBeDefined();
    expect(told.map(({ what }) => what)).toEqual(['began', 'ended']);
    expect(told[1]!.outage).toMatchObject({ wasTold: false });
    expect(await redis.exists(keys.circuit('shop'), keys.circuitFailures('shop'))).toBe(0);
  });

  it('tells once that it lasts, after two minutes, and at its end that this was told', async () => {
    const { told, pass, breakDown, passMs } = openCircuit();
    await breakDown();
    for (let probe = 0; probe < 8; probe += 1) {
      await passMs(60_000);
      await (await pass())!.failed('still refused');
    }
    await passMs(60_000);
    await (await pass())!.answered();
    expect(told.map(({ what }) => what)).toEqual(['began', 'lasts', 'ended']);
    expect(told[1]!.outage).toMatchObject({ because: 'still refused' });
    expect(told[2]!.outage).toMatchObject({ wasTold: true });
  });

  it.each([
    ['urgent', 60_000],
    ['background', 300_000],
  ] as const)(
    'tells %s work to come back at times that differ, the later the longer it lasts',
    async (urgency, longestMs) => {
      let drawn = 0;
      const { one, breakDown, passMs } = openCircuit({ urgency, random: () => (drawn++ % 10) / 10 });
      await breakDown();
      const waits = async () => {
        const entered = [];
        for (let call = 0; call < 10; call += 1) entered.push(await one.enter('shop', WRITE));
        return entered.map((answer) => ('waitMs' in answer ? answer.waitMs : 0));
      };
      const early = await waits();
      expect(new Set(early).size).toBe(10);
      expect(Math.min(...early)).toBeGreaterThanOrEqual(2_500 * SCALE);
      expect(Math.max(...early)).toBeLessThan(7_500 * SCALE);

      await passMs(24 * 3_600_000);
      await one.enter('shop', READ); // is the probe
      const late = await waits();
      expect(Math.min(...late)).toBe((longestMs * SCALE) / 2);
      expect(Math.max(...late)).toBeCloseTo(1.4 * longestMs * SCALE, -1);
    },
  );

  it('is listed with its beginning and its next probe', async () => {
    const { redis, keys, breakDown } = openCircuit();
    await breakDown();
    const [shop, other] = await listCircuits(redis, keys, ['shop', 'other']);
    expect(Date.parse(shop!.nextProbeAt!) - Date.parse(shop!.openSince!)).toBeGreaterThanOrEqual(5_000 * SCALE);
    expect(other).toEqual({ upstream: 'other' });
  });
});
