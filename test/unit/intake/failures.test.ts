import { describe, expect, it } from 'vitest';
import { createFailures } from '../../../src/intake/failures.ts';
import { opsApi } from '../../../src/intake/ops-api.ts';
import { fixedSecret } from '../../../src/lib/secret.ts';
import { createMemoryLog } from '../../support/memory-log.ts';
import { createTestClock } from '../../support/test-clock.ts';
import { idleOperations } from './idle-operations.ts';
import { isOutage, serve } from './serve.ts';

const SENTENCE = 'refused: not the token';

function setup() {
  const clock = createTestClock(1_000_000);
  const { log, lines } = createMemoryLog();
  let counted = 0;
  const failures = createFailures({
    door: 'ops',
    clock,
    log,
    count() {
      counted += 1;
    },
  });
  const fail = (address: string, times = 1) => {
    for (let time = 0; time < times; time += 1) failures.note(address, SENTENCE, { sizeBytes: time });
  };
  return { failures, fail, clock, lines, counted: () => counted };
}

describe('failed authentications', () => {
  it('hold nobody up who fails less than ten times in a minute', () => {
    const { failures, fail } = setup();
    fail('192.0.2.1', 9);
    expect(failures.waitMs('192.0.2.1')).toBe(0);
  });

  it('hold an address up after ten, until the minute is over, and no other', () => {
    const { failures, fail, clock } = setup();
    fail('192.0.2.1');
    clock.advance(20_000);
    fail('192.0.2.1', 9);
    expect(failures.waitMs('192.0.2.1')).toBe(40_000);
    expect(failures.waitMs('192.0.2.2')).toBe(0);
    clock.advance(40_000);
    expect(failures.waitMs('192.0.2.1')).toBe(0);
  });

  it('of a hundred in a minute hold up whoever has failed once, but nobody who has not', () => {
    const { failures, fail } = setup();
    for (let host = 1; host <= 100; host += 1) fail(`198.51.100.${host}`);
    expect(failures.waitMs('198.51.100.7')).toBeGreaterThan(0);
    expect(failures.waitMs('192.0.2.1')).toBe(0);
  });

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
    ['2001:db8:1:2::1', '2001:0DB8:0001:0002::', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['::1', '0:0:0:0:5::', true],
    ['2001:db8::1', '2001:db8:0:0:1::', true],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['<script>', 'unknown', true],
  ])('of %s count for %s: %s', (one, other, isSame) => {
    const { failures, fail } = setup();
    fail(one, 10);
    expect(failures.waitMs(other) > 0).toBe(isSame);
  });

  it('are logged once a minute, with their number, and all counted', () => {
    const { fail, clock, lines, counted } = setup();
    fail('192.0.2.1', 5_000);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'warn', door: 'ops', failures: 1, sizeBytes: 0, msg: SENTENCE });
    clock.advance(60_000);
    fail('192.0.2.1', 2);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatchObject({ failures: 5_000 });
    expect(counted()).toBe(5_002);
    expect(JSON.stringify(lines)).not.toContain('192.0.2.1');
  });

  it('of ever new addresses are remembered in bounded space', () => {
    const { failures, fail } = setup();
    for (let host = 0; host < 10_001; host += 1) fail(`10.0.${host >> 8}.${host & 255}`);
    expect(failures.waitMs('10.0.0.0')).toBe(0);
    expect(failures.waitMs('10.0.0.1')).toBeGreaterThan(0);
  });
});

describe('a token of operations', () => {
  async function open() {
    const { log } = createMemoryLog();
    const clock = createTestClock(1_000_000);
    const { url } = await serve((app) =>
      app.register(opsApi, {
        token: fixedSecret('right'),
        failures: createFailures({ door: 'ops', clock, log, count() {} }),
        operations: idleOperations(),
        isOutage,
        clock,
        log,
      }),
    );
    const ask = (token: string, forwardedFor: string) =>
      fetch(`${url}/ops/api/subscriptions`, {
        headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': forwardedFor },
      });
    return { ask, clock };
  }

  it('cannot be guessed: after ten wrong ones the right one is not looked at before the minute is over', async () => {
    const { ask, clock } = await open();
    for (let tries = 0; tries < 10; tries += 1) expect((await ask(`wrong-${tries}`, '203.0.113.9')).status).toBe(401);

    const held = await ask('right', '203.0.113.9');
    expect(held.status).toBe(429);
    expect(held.headers.get('retry-after')).toBe('60');
    expect(await held.json()).toMatchObject({ error: 'ops.too-many-failures' });
    expect((await ask('right', '203.0.113.10')).status).toBe(200);
    clock.advance(60_000);
    expect((await ask('right', '203.0.113.9')).status).toBe(200);
  });

  it('is not guessed from one address that claims to be many', async () => {
    const { ask } = await open();
    // The proxy writes the true address behind whatever was claimed.
    for (let tries = 0; tries < 10; tries += 1) await ask('wrong', `198.51.100.${tries}, 203.0.113.9, 10.0.0.1`);
    expect((await ask('right', '198.51.100.77, 203.0.113.9')).status).toBe(429);
  });
});
