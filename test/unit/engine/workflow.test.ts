import { describe, expect, it } from 'vitest';
import { type JournalEntry, LaneLostError } from '../../../src/engine/journal.ts';
import {
  type Effect,
  type Flow,
  type PollPlan,
  PREPARE_ANEW,
  resumeFlow,
  Stopping,
  Suspended,
} from '../../../src/engine/workflow.ts';
import { PermanentError, RetryableError } from '../../../src/lib/errors.ts';
import { createMemoryJournal, createTestLane } from '../../support/memory-journal.ts';
import { createTestClock } from '../../support/test-clock.ts';

function setup() {
  const journal = createMemoryJournal();
  const lane = createTestLane();
  const clock = createTestClock();
  const events: string[] = [];
  let isHeld = false;
  /** Begins a new look, as after a crash or a pause: only the journal is remembered. */
  const look = (): Promise<Flow> =>
    resumeFlow({
      journal,
      lane,
      runId: 'run',
      clock,
      async mayGoOn() {
        if (isHeld) throw new Suspended(clock.now(), 'operations to let it go on');
      },
      observe: (event) => void events.push(`${event.kind} ${event.step}`),
    });
  const hold = (held: boolean) => {
    isHeld = held;
  };
  return { journal, lane, clock, look, events, hold };
}

/** A shop that keeps its own books, and an effect that buys there. */
function createShop() {
  const purchases: string[] = [];
  let keys = 0;
  let faults: ('lose-answer' | 'refuse' | 'die-before')[] = [];
  const effect: Effect<{ key: string }, string> = {
    prepare: () => ({ key: `key-${++keys}` }),
    find: async ({ key }) => purchases.find((purchase) => purchase === key),
    async act({ key }) {
      const fault = faults.shift();
      if (fault === 'die-before') throw new Error('killed');
      if (fault === 'refuse') throw new PermanentError('shop.refused', 'The shop refuses.', { effect: 'none' });
      purchases.push(key);
      if (fault === 'lose-answer') throw new RetryableError('shop.no-answer', 'No answer.');
      return key;
    },
  };
  return {
    purchases,
    effect,
    fail: (...kinds: typeof faults) => {
      faults = kinds;
    },
  };
}

describe('a run that is held', () => {
  it('begins neither step nor effect nor poll, and goes on where it was once it is let go', async () => {
    const { look, hold, events } = setup();
    const shop = createShop();
    await (await look()).step('first', async () => 'done');
    hold(true);
    const flow = await look();
    expect(await flow.step('first', async () => 'again')).toBe('done');
    const plan: PollPlan = { firstMs: 1, factor: 1, longestMs: 1, waitingFor: 'Azure' };
    await expect(flow.step('second', async () => 'done')).rejects.toBeInstanceOf(Suspended);
    await expect(flow.effect('buy', shop.effect)).rejects.toBeInstanceOf(Suspended);
    await expect(flow.poll('ask', plan, async () => 1)).rejects.toBeInstanceOf(Suspended);
    expect(shop.purchases).toEqual([]);
    expect(events).toEqual(['step-started first', 'step-finished first']);

    hold(false);
    await flow.effect('buy', shop.effect);
    expect(shop.purchases).toEqual(['key-1']);
  });
});

describe('what another release has left', () => {
  const plan: PollPlan = { firstMs: 1, factor: 1, longestMs: 1, waitingFor: 'Azure' };
  const ways: [string, (flow: Flow, act: () => Promise<string>) => Promise<unknown>][] = [
    ['step', (flow, act) => flow.step('buy', act)],
    ['poll', (flow, act) => flow.poll('buy', plan, act)],
    ['effect', (flow, act) => flow.effect('buy', { prepare: () => 'key', find: act, act })],
  ];

  it.each(ways)('is not done again by a %s that cannot tell whether it was done', async (kind, go) => {
    const { journal, lane, look } = setup();
    const left = kind === 'effect' ? { state: 'asked', by: 'a later release' } : { state: 'sent', prepared: 'key' };
    await journal.write(lane, 'run', 'buy', left as unknown as JournalEntry);
    const done: string[] = [];

    const going = go(await look(), async () => `${done.push('done')}`);
    await expect(going).rejects.toThrow(expect.objectContaining({ code: 'step.unreadable' }));
    expect(done).toEqual([]);
    expect(journal.entries('run')).toEqual({ buy: left });
  });
});

describe('step', () => {
  it('runs its work once per run and answers its recorded result ever after', async () => {
    const { look } = setup();
    let runs = 0;
    const work = async () => ({ count: ++runs });

    expect(await (await look()).step('count', work)).toEqual({ count: 1 });
    expect(await (await look()).step('count', work)).toEqual({ count: 1 });
  });

  it('is done anew at each look, silently, until an effect that follows from it has begun', async () => {
    const { look, events } = setup();
    const shop = createShop();
    let runs = 0;
    const count = async () => (await look()).step('count', async () => ++runs, ['buy']);
    expect([await count(), await count()]).toEqual([1, 2]);
    shop.fail('lose-answer');
    await expect((await look()).effect('buy', shop.effect)).rejects.toThrow('No answer.');
    expect([await count(), await count()]).toEqual([2, 2]);
    expect(events.filter((event) => event === 'step-finished count')).toHaveLength(1);
  });

  it('is known as done once it has its result, and not before, also after a crash', async () => {
    const { look } = setup();
    const flow = await look();
    expect(flow.isDone('count')).toBe(false);
    await flow.step('count', async () => {
      expect(flow.isDone('count')).toBe(false);
    });
    expect(flow.isDone('count')).toBe(true);
    expect((await look()).isDone('count')).toBe(true);
    await expect(
      flow.poll('wait', { firstMs: 1, factor: 1, longestMs: 1, waitingFor: 'Azure' }, async () => undefined),
    ).rejects.toThrow(Suspended);
    expect((await look()).isDone('wait')).toBe(false);
  });

  it('runs its work again when it failed', async () => {
    const { look } = setup();
    await expect((await look()).step('flaky', () => Promise.reject(new Error('once')))).rejects.toThrow('once');
    expect(await (await look()).step('flaky', async () => 'good')).toBe('good');
  });

  it('does not begin in a process that is stopping', async () => {
    const { look, lane } = setup();
    const flow = await look();
    lane.stop();
    await expect(flow.step('late', async () => 'never')).rejects.toBeInstanceOf(Stopping);
  });
});

describe('effect', () => {
  it('buys once when the answer is lost', async () => {
    const { look } = setup();
    const shop = createShop();
    shop.fail('lose-answer');

    await expect((await look()).effect('buy', shop.effect)).rejects.toMatchObject({ code: 'shop.no-answer' });
    expect(await (await look()).effect('buy', shop.effect)).toBe('key-1');
    expect(shop.purchases).toEqual(['key-1']);
  });

  it('buys nothing that is there already although the journal knows of no purchase, as after a backup was restored', async () => {
    const { look, events } = setup();
    const shop = createShop();
    shop.purchases.push('from before');
    const effect = { ...shop.effect, findEarlier: async () => shop.purchases[0] };

    expect(await (await look()).effect('buy', effect)).toBe('from before');
    expect(events).toContain('step-found buy');
    expect(await (await look()).effect('buy', shop.effect)).toBe('from before');
    expect(shop.purchases).toEqual(['from before']);
  });

  it('leaves it to the look for a sent call whether that had its effect', async () => {
    const { look } = setup();
    const shop = createShop();
    shop.fail('die-before');
    const effect = { ...shop.effect, findEarlier: async () => shop.purchases[0] };
    await expect((await look()).effect('buy', effect)).rejects.toThrow('killed');
    shop.purchases.push('of somebody else');

    expect(await (await look()).effect('buy', effect)).toBe('key-1');
  });

  it('sends again under the same key when the look finds nothing', async () => {
    const { look } = setup();
    const shop = createShop();
    shop.fail('die-before');

    await expect((await look()).effect('buy', shop.effect)).rejects.toThrow('killed');
    await (await look()).effect('buy', shop.effect);
    expect(shop.purchases).toEqual(['key-1']);
  });

  it('sends nothing while it cannot be said whether the first call had its effect', async () => {
    const { look } = setup();
    const shop = createShop();
    shop.fail('lose-answer');
    const unclear = {
      ...shop.effect,
      find: () => Promise.reject(new RetryableError('shop.unclear', 'Not known yet.')),
    };

    await expect((await look()).effect('buy', unclear)).rejects.toMatchObject({ code: 'shop.no-answer' });
    for (let again = 0; again < 3; again += 1) {
      await expect((await look()).effect('buy', unclear)).rejects.toMatchObject({ code: 'shop.unclear' });
    }
    expect(shop.purchases).toHaveLength(1);
  });

  it('draws a new key after a refusal, for the upstream has answered the old one', async () => {
    const { look } = setup();
    const shop = createShop();
    shop.fail('refuse');

    await expect((await look()).effect('buy', shop.effect)).rejects.toMatchObject({ code: 'shop.refused' });
    expect((await look()).hasBegun('buy')).toBe(false);
    expect(await (await look()).effect('buy', shop.effect)).toBe('key-2');
  });

  it('keeps the key when a refusal follows a call of unknown fate', async () => {
    const { look } = setup();
    const shop = createShop();
    shop.fail('die-before', 'refuse');

    await expect((await look()).effect('buy', shop.effect)).rejects.toThrow('killed');
    await expect((await look()).effect('buy', shop.effect)).rejects.toMatchObject({ code: 'shop.refused' });
    expect((await look()).hasBegun('buy')).toBe(true);
    expect(await (await look()).effect('buy', shop.effect)).toBe('key-1');
  });

  it('sends nothing once another worker holds the lane', async () => {
    const { look, lane } = setup();
    const shop = createShop();
    const flow = await look();
    lane.lose();

    await expect(flow.effect('buy', shop.effect)).rejects.toBeInstanceOf(LaneLostError);
    expect(shop.purchases).toEqual([]);
  });

  it('has not begun any more once it was found not to have happened, whatever comes of the new preparation', async () => {
    const { look, journal } = setup();
    const act = () => Promise.reject(new RetryableError('shop.no-answer', 'No answer.'));
    const lost: Effect<string, string> = { prepare: () => 'key', find: async () => undefined, act };
    await expect((await look()).effect('buy', lost)).rejects.toThrow('No answer.');

    const flow = await look();
    expect(flow.hasBegun('buy')).toBe(true);
    const anew: Effect<string, string> = {
      prepare: () => Promise.reject(new RetryableError('shop.unavailable', 'No catalogue.')),
      find: async () => PREPARE_ANEW,
      act,
    };
    await expect(flow.effect('buy', anew)).rejects.toThrow('No catalogue.');
    expect(flow.hasBegun('buy')).toBe(false);
    expect(await journal.load('run')).toEqual(new Map());
  });

  it('sends nothing when the lane is lost while the effect is being prepared', async () => {
    const { look, lane } = setup();
    const shop = createShop();
    const flow = await look();
    const slow: typeof shop.effect = {
      ...shop.effect,
      prepare() {
        lane.lose();
        return { key: 'late' };
      },
    };

    await expect(flow.effect('buy', slow)).rejects.toBeInstanceOf(LaneLostError);
    expect(shop.purchases).toEqual([]);
  });
});

describe('poll', () => {
  const plan: PollPlan = { firstMs: 1_000, factor: 2, longestMs: 3_000, waitingFor: 'Azure to boil it' };

  it('suspends the run between two looks, with growing pauses up to the longest', async () => {
    const { look, clock } = setup();
    const pausesMs: number[] = [];
    for (let again = 0; again < 4; again += 1) {
      const error = await (await look()).poll('boil', plan, async () => undefined).catch((reason: unknown) => reason);
      if (!(error instanceof Suspended)) throw new Error('expected a suspension');
      expect(error.waitingFor).toBe('Azure to boil it');
      pausesMs.push(error.resumeAt - clock.now());
      clock.advance(pausesMs.at(-1) ?? 0);
    }
    expect(pausesMs).toEqual([1_000, 2_000, 3_000, 3_000]);
  });

  it('waits for what its look has found out', async () => {
    const { look } = setup();
    let cook = 'nobody';
    const found: PollPlan = { ...plan, waitingFor: () => `Azure to have ${cook} boil it` };
    const waiting = (await look()).poll('boil', found, async () => {
      cook = 'somebody';
      return undefined;
    });
    await expect(waiting).rejects.toMatchObject({ waitingFor: 'Azure to have somebody boil it' });
  });

  it('tells its look how long the wait has been, over restarts', async () => {
    const { look, clock } = setup();
    await (await look()).poll('boil', plan, async () => undefined).catch(() => undefined);
    clock.advance(5_000);
    expect(await (await look()).poll('boil', plan, async ({ sinceMs, looks }) => ({ sinceMs, looks }))).toEqual({
      sinceMs: 5_000,
      looks: 1,
    });
  });
});

describe('pause', () => {
  const pauseOnce = async (flow: Promise<Flow>, isOver = async (_waited: { hasBegun: boolean }) => false) =>
    (await flow)
      .pause('cool down', { forMs: 1_000, waitingFor: () => 'Azure to cool it', isOver })
      .catch((error: unknown) => error);

  it('ends when its time is over, whatever looks come meanwhile, and is made once per run', async () => {
    const { look, clock } = setup();
    const startedAt = clock.now();
    for (const passedMs of [0, 400, 599]) {
      clock.advance(passedMs);
      expect(await pauseOnce(look())).toMatchObject({ resumeAt: startedAt + 1_000, waitingFor: 'Azure to cool it' });
    }
    clock.advance(1);
    expect(await pauseOnce(look())).toBeUndefined();
    expect(await pauseOnce(look())).toBeUndefined();
  });

  it('ends earlier when there is nothing to wait for any more', async () => {
    const { look } = setup();
    const isOver = async ({ hasBegun }: { hasBegun: boolean }) => hasBegun;

    expect(await pauseOnce(look(), isOver)).toBeInstanceOf(Suspended);
    expect(await pauseOnce(look(), isOver)).toBeUndefined();
  });
});
