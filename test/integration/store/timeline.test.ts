import { expect, it } from 'vitest';
import { createTimeline } from '../../../src/store/timeline.ts';
import { openStore } from './setup.ts';

const at = '2026-11-20T08:00:00.000Z';

it('tells the story of one subscription, newest line first, with all its facts', async () => {
  const { redis, keys } = openStore();
  const timeline = createTimeline(redis, keys);
  await timeline.add(1, { at, kind: 'event', text: 'event received', eventId: 'e-1' });
  await timeline.add(1, { at, kind: 'step', text: 'order placed', orderId: 'o-1' });
  await timeline.add(2, { at, kind: 'event', text: 'event received' });

  expect(await timeline.read(1)).toEqual([
    { at, kind: 'step', text: 'order placed', orderId: 'o-1' },
    { at, kind: 'event', text: 'event received', eventId: 'e-1' },
  ]);
  expect(await timeline.read(3)).toEqual([]);
});

it('keeps the newest 500 lines', async () => {
  const { redis, keys } = openStore();
  const timeline = createTimeline(redis, keys);
  for (let line = 1; line <= 502; line += 1) await timeline.add(1, { at, kind: 'look', text: `look ${line}` });

  const lines = await timeline.read(1);

  expect(lines).toHaveLength(500);
  expect([lines.at(0)?.text, lines.at(-1)?.text]).toEqual(['look 502', 'look 3']);
});
