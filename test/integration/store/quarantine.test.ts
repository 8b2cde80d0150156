import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createQuarantine } from '../../../src/store/quarantine.ts';
import { openStore } from './setup.ts';

function openQuarantine() {
  const { redis, keys } = openStore();
  let nowMs = Date.parse('2026-11-20T08:00:00.000Z');
  const quarantine = createQuarantine(redis, keys, { now: () => nowMs });
  return {
    quarantine,
    passMs: (ms: number) => {
      nowMs += ms;
    },
  };
}

it('keeps a body to the byte, with the reason and the instant', async () => {
  const { quarantine } = openQuarantine();
  const body = Buffer.from([0x7b, 0x00, 0xff, 0xfe, 0x0a]);

  await quarantine.add(body, 'the body is not JSON');

  expect(await quarantine.list()).toEqual([
    {
      digest: createHash('sha256').update(body).digest('hex'),
      body,
      reason: 'the body is not JSON',
      count: 1,
      firstAt: '2026-11-20T08:00:00.000Z',
      lastAt: '2026-11-20T08:00:00.000Z',
    },
  ]);
});

it('counts a body that comes again, also from many at once, and keeps it once', async () => {
  const { quarantine, passMs } = openQuarantine();
  await quarantine.add(Buffer.from('{}'), 'no entity');
  passMs(1_000);

  await Promise.all(Array.from({ length: 20 }, () => quarantine.add(Buffer.from('{}'), 'entity is missing')));

  expect(await quarantine.size()).toBe(1);
  expect(await quarantine.list()).toMatchObject([
    { count: 21, reason: 'entity is missing', firstAt: '2026-11-20T08:00:00.000Z', lastAt: '2026-11-20T08:00:01.000Z' },
  ]);
});

it('lists what came last first, and 100 entries at most', async () => {
  const { quarantine, passMs } = openQuarantine();
  for (let index = 0; index < 102; index += 1) {
    await quarantine.add(Buffer.from(`body ${index}`), 'no entity');
    passMs(1);
  }
  await quarantine.add(Buffer.from('body 50'), 'no entity');

  const bodies = (await quarantine.list()).map(({ body }) => body.toString());

  expect(await quarantine.size()).toBe(102);
  expect(bodies.slice(0, 3)).toEqual(['body 50', 'body 101', 'body 100']);
  expect(bodies).toHaveLength(100);
});

it('keeps an empty body too', async () => {
  const { quarantine } = openQuarantine();

  await quarantine.add(Buffer.alloc(0), 'the body is empty');

  expect(await quarantine.list()).toMatchObject([{ body: Buffer.alloc(0), count: 1 }]);
});
