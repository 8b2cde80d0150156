import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createQuarantine } from '../../../src/store/quarantine.ts';
import { openStore } from './setup.ts';

const FIRST_PAGE = { page: 1, pageSize: 50 };

function openQuarantine() {
  const { redis, keys } = openStore();
  let nowMs = Date.parse('2026-11-20T08:00:00.000Z');
  const quarantine = createQuarantine(redis, keys, { now: () => nowMs });
  return {
    quarantine,
    bodyOf: (digest: string) => redis.hgetBuffer(keys.quarantined(digest), 'body'),
    passMs: (ms: number) => {
      nowMs += ms;
    },
  };
}

it('keeps a body to the byte, with the reason and the instant', async () => {
  const { quarantine, bodyOf } = openQuarantine();
  const body = Buffer.from([0x7b, 0x00, 0xff, 0xfe, 0x0a]);
  const digest = createHash('sha256').update(body).digest('hex');

  await quarantine.add(body, 'the body is not JSON');

  expect(await quarantine.list(FIRST_PAGE)).toEqual({
    items: [
      {
        digest,
        sizeBytes: 5,
        reason: 'the body is not JSON',
        count: 1,
        firstAt: '2026-11-20T08:00:00.000Z',
        lastAt: '2026-11-20T08:00:00.000Z',
      },
    ],
    total: 1,
  });
  expect(await bodyOf(digest)).toEqual(body);
});

it('counts a body that comes again, also from many at once, and keeps it once', async () => {
  const { quarantine, passMs } = openQuarantine();
  await quarantine.add(Buffer.from('{}'), 'no entity');
  passMs(1_000);

  await Promise.all(Array.from({ length: 20 }, () => quarantine.add(Buffer.from('{}'), 'entity is missing')));

  expect(await quarantine.size()).toBe(1);
  expect((await quarantine.list(FIRST_PAGE)).items).toMatchObject([
    { count: 21, reason: 'entity is missing', firstAt: '2026-11-20T08:00:00.000Z', lastAt: '2026-11-20T08:00:01.000Z' },
  ]);
});

it('lists what came last first, page by page', async () => {
  const { quarantine, passMs } = openQuarantine();
  for (let index = 0; index < 5; index += 1) {
    await quarantine.add(Buffer.from('x'.repeat(index)), 'no entity');
    passMs(1);
  }
  await quarantine.add(Buffer.from('xx'), 'no entity');

  const pages = await Promise.all([1, 2, 3].map((page) => quarantine.list({ page, pageSize: 3 })));

  expect(pages.map(({ items }) => items.map(({ sizeBytes }) => sizeBytes))).toEqual([[2, 4, 3], [1, 0], []]);
  expect(pages.map(({ total }) => total)).toEqual([5, 5, 5]);
});

it('throws a body away when it is asked to, and no other', async () => {
  const { quarantine, bodyOf } = openQuarantine();
  for (const body of ['one', 'two']) await quarantine.add(Buffer.from(body), 'no entity');
  const [two, one] = (await quarantine.list(FIRST_PAGE)).items;

  expect(await quarantine.discard(two!.digest)).toBe(true);
  expect(await quarantine.discard(two!.digest)).toBe(false);

  expect((await quarantine.list(FIRST_PAGE)).items).toEqual([one]);
  expect(await bodyOf(two!.digest)).toBeNull();
});

it('keeps an empty body too', async () => {
  const { quarantine } = openQuarantine();

  await quarantine.add(Buffer.alloc(0), 'the body is empty');

  expect((await quarantine.list(FIRST_PAGE)).items).toMatchObject([{ sizeBytes: 0, count: 1 }]);
});
