import { describe, expect, it } from 'vitest';
import { remember } from '../../../src/lib/cache.ts';
import { createTestClock } from '../../support/test-clock.ts';

function setup({ forMs = 1_000, atMost = 10 } = {}) {
  const clock = createTestClock();
  const asked: string[] = [];
  let isDown = false;
  const ask = remember(
    async (name: string, facts: { country: string }) => {
      asked.push(name);
      await Promise.resolve();
      if (isDown) throw new Error('away');
      return name === 'unknown' ? undefined : `${name} in ${facts.country}`;
    },
    { forMs, atMost },
    clock,
  );
  const italy = { country: 'IT' };
  return { clock, asked, ask, italy, goDown: (down: boolean) => (isDown = down) };
}

describe('a remembered answer', () => {
  it('is given again until its time is over, and then asked for anew', async () => {
    const { clock, asked, ask, italy } = setup();
    expect(await ask('a', italy)).toBe('a in IT');
    clock.advance(999);
    expect(await ask('a', { country: 'IT' })).toBe('a in IT');
    expect(asked).toEqual(['a']);
    clock.advance(1);
    await ask('a', italy);
    expect(asked).toEqual(['a', 'a']);
  });

  it('is not given for other arguments', async () => {
    const { ask, italy } = setup();
    expect([await ask('a', italy), await ask('a', { country: 'DE' }), await ask('b', italy)]).toEqual([
      'a in IT',
      'a in DE',
      'b in IT',
    ]);
  });

  it('is remembered also when it is that there is none', async () => {
    const { asked, ask, italy } = setup();
    expect([await ask('unknown', italy), await ask('unknown', italy)]).toEqual([undefined, undefined]);
    expect(asked).toEqual(['unknown']);
  });

  it('is asked for once by all who ask while it is on its way', async () => {
    const { asked, ask, italy } = setup();
    expect(await Promise.all([ask('a', italy), ask('a', italy), ask('a', italy)])).toEqual(Array(3).fill('a in IT'));
    expect(asked).toEqual(['a']);
  });

  it('is never a failure', async () => {
    const { asked, ask, italy, goDown } = setup();
    goDown(true);
    await expect(ask('a', italy)).rejects.toThrow('away');
    goDown(false);
    expect(await ask('a', italy)).toBe('a in IT');
    expect(asked).toEqual(['a', 'a']);
  });

  it('makes room for newer ones, oldest first', async () => {
    const { asked, ask, italy } = setup({ atMost: 2 });
    for (const name of ['a', 'b', 'c', 'b', 'c', 'a']) await ask(name, italy);
    expect(asked).toEqual(['a', 'b', 'c', 'a']);
  });

  it('counts as new again once it was asked for anew', async () => {
    const { clock, asked, ask, italy } = setup({ atMost: 2 });
    await ask('a', italy);
    clock.advance(500);
    await ask('b', italy);
    clock.advance(500);
    for (const name of ['a', 'c', 'a']) await ask(name, italy);
    expect(asked).toEqual(['a', 'b', 'a', 'c']);
  });
});
