import { expect, it } from 'vitest';
import { createTraceCarrier } from '../../../src/store/traces.ts';
import { createTestClock } from '../../support/test-clock.ts';
import { openStore } from './setup.ts';

const HOUR_MS = 3_600_000;
const traceparent = (at: number) => `00-${String(at).repeat(32)}-${String(at).repeat(16)}-01`;

function setup() {
  const { redis, keys } = openStore();
  const clock = createTestClock();
  return { redis, keys, carrier: createTraceCarrier(redis, keys, clock), clock };
}

it('gives a look what it follows from, and links to what else has led to it, once', async () => {
  const { carrier, clock } = setup();
  const now = clock.now();
  for (const at of [1, 2, 3]) await carrier.leave(50010, traceparent(at), now);
  await carrier.leave(50011, traceparent(4), now);
  expect(await carrier.take(50010)).toEqual({
    parent: { traceparent: traceparent(1), beganAt: now },
    links: [traceparent(2), traceparent(3)],
  });
  expect(await carrier.take(50010)).toEqual({ links: [] });
});

it('has a look that goes on later stay in its trace, whatever has come meanwhile', async () => {
  const { carrier, clock } = setup();
  const parent = { traceparent: traceparent(1), beganAt: clock.now() };
  await carrier.leave(50010, traceparent(2), parent.beganAt);
  await carrier.carryOn(50010, parent);
  expect(await carrier.take(50010)).toEqual({ parent, links: [traceparent(2)] });
});

it('lets no trace grow for longer than an hour: what comes later has a link to it', async () => {
  const { carrier, clock } = setup();
  const parent = { traceparent: traceparent(1), beganAt: clock.now() };
  await carrier.carryOn(50010, parent);
  clock.advance(HOUR_MS - 1);
  expect(await carrier.take(50010)).toEqual({ parent, links: [] });
  await carrier.carryOn(50010, parent);
  clock.advance(1);
  expect(await carrier.take(50010)).toEqual({ links: [traceparent(1)] });
});

it('keeps no more causes of one look than can be read, and none for ever', async () => {
  const { redis, keys, carrier, clock } = setup();
  for (let events = 0; events < 100; events += 1) await carrier.leave(50010, traceparent(1), clock.now());
  expect(await redis.pttl(keys.traces(50010))).toBeGreaterThan(0);
  expect((await carrier.take(50010)).links.length).toBeLessThan(40);
});
