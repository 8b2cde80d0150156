import { expect, it } from 'vitest';
import { createPresence } from '../../../src/store/presence.ts';
import { openStore } from './setup.ts';

it('knows who takes looks, and when one did last, of whoever left in good order and whoever is gone', async () => {
  const { redis, keys } = openStore();
  const { show, leave, read } = createPresence(redis, keys);
  expect(await read()).toEqual({ count: 0 });

  await show('one');
  await show('other');
  expect(await read()).toEqual({ count: 2, lastSeenAt: expect.any(String) });

  await leave('one');
  const gone = Date.parse('2026-03-02T09:21:31.000Z');
  await redis.zadd(keys.workers, gone, 'other', gone - 1, 'former');
  const { count, lastSeenAt } = await read();
  expect(count).toBe(0);
  expect(Math.abs(Date.now() - Date.parse(lastSeenAt ?? ''))).toBeLessThan(60_000);

  await redis.zrem(keys.workers, 'left');
  await show('third');
  await redis.zadd(keys.workers, gone, 'third');
  expect(await read()).toEqual({ count: 0, lastSeenAt: '2026-03-02T09:21:31.000Z' });
});
