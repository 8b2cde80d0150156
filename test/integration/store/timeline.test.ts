import { expect, it } from 'vitest';
import { LaneLostError } from '../../../src/engine/journal.ts';
import { createTimeline } from '../../../src/store/timeline.ts';
import { neverAborted, openStore } from './setup.ts';

const at = '2026-11-20T08:00:00.000Z';

it('tells the story of one subscription, newest line first, with all its facts', async () => {
  const { redis, keys, openLane } = openStore();
  const timeline = createTimeline(redis, keys);
  await timeline.note(1, { at, kind: 'event', text: 'event received', eventId: 'e-1' });
  await timeline.add(await openLane(1, neverAborted), { at, kind: 'step', text: 'order placed', orderId: 'o-1' });
  await timeline.note(2, { at, kind: 'event', text: 'event received' });

  expect(await timeline.read(1)).toEqual([
    { at, kind: 'step', text: 'order placed', orderId: 'o-1' },
    { at, kind: 'event', text: 'event received', eventId: 'e-1' },
  ]);
  expect(await timeline.read(3)).toEqual([]);
});

it('keeps the newest 500 lines', async () => {
  const { redis, keys, openLane } = openStore();
  const timeline = createTimeline(redis, keys);
  const lane = await openLane(1, neverAborted);
  for (let line = 1; line <= 502; line += 1) await timeline.add(lane, { at, kind: 'look', text: `look ${line}` });

  const lines = await timeline.read(1);

  expect(lines).toHaveLength(500);
  expect([lines.at(0)?.text, lines.at(-1)?.text]).toEqual(['look 502', 'look 3']);
});

it('takes no line of a look whose subscription another worker has taken over', async () => {
  const { redis, keys, openLane } = openStore();
  const timeline = createTimeline(redis, keys);
  const older = await openLane(1, neverAborted);
  await openLane(1, neverAborted);

  await expect(timeline.add(older, { at, kind: 'look', text: 'late' })).rejects.toThrow(LaneLostError);
  expect(await timeline.read(1)).toEqual([]);
});

it('forgets after a day what was only heard of, and keeps it once more is told', async () => {
  const { redis, keys } = openStore();
  const timeline = createTimeline(redis, keys);
  await timeline.hear(1, { at, kind: 'event', text: 'event received' });
  await timeline.hear(1, { at, kind: 'event', text: 'event received again' });
  expect(await redis.ttl(keys.timeline(1))).toBeGreaterThan(80_000);

  await timeline.note(1, { at, kind: 'decision', text: 'provision begins' });
  await timeline.hear(1, { at, kind: 'event', text: 'event received' });
  expect(await redis.ttl(keys.timeline(1))).toBe(-1);
  expect(await timeline.read(1)).toHaveLength(4);
});

it('tells the last 200 calls among the lines, and no number of calls pushes a line out', async () => {
  const { redis, keys } = openStore();
  const timeline = createTimeline(redis, keys);
  await timeline.note(1, { at, kind: 'decision', text: 'provision begins' });
  const later = '2026-11-20T08:00:01.000Z';
  await Promise.all(
    Array.from({ length: 210 }, () => timeline.noteCall(1, { at: later, kind: 'call', text: 'a call' })),
  );

  const lines = await timeline.read(1);
  expect(lines).toHaveLength(201);
  expect([lines[0]?.kind, lines.at(-1)?.kind]).toEqual(['call', 'decision']);
});
