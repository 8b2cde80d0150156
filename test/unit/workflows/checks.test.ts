import { describe, expect, it } from 'vitest';
import { AttentionError, CustomerError, RetryableError } from '../../../src/lib/errors.ts';
import { createChecks } from '../../../src/workflows/checks.ts';
import { createMemoryLog } from '../../support/memory-log.ts';

function setup() {
  const { log, lines } = createMemoryLog();
  const bugs: unknown[] = [];
  const time = new AbortController();
  const checks = createChecks({ log, alerts: { bug: (error) => bugs.push(error) } }, time.signal);
  const said = () => lines.map(({ level, msg }) => `${String(level)}: ${String(msg)}`);
  return { checks, bugs, said, end: () => time.abort() };
}

const NEVER = new Promise<never>(() => {});

describe('a check', () => {
  it('returns what it finds', async () => {
    const { checks } = setup();
    expect(await checks.make('offer', async () => 'found')).toBe('found');
    expect(checks.objections()).toEqual([]);
  });

  it('becomes an objection when it speaks against the order, once for each matter', async () => {
    const { checks, said } = setup();
    const outOfBounds = new CustomerError('order.quantity-out-of-bounds', 'Too many.', { params: { max: '300' } });
    for (const check of ['plan', 'offer'])
      expect(await checks.make(check, () => Promise.reject(outOfBounds))).toBeUndefined();
    checks.object('trial.used');
    expect(checks.objections()).toEqual([
      { code: 'order.quantity-out-of-bounds', params: { max: '300' } },
      { code: 'trial.used', params: {} },
    ]);
    expect(said()[0]).toBe('info: check speaks against the order');
  });

  it('is a warning to operations when only they can cure what it found', async () => {
    const { checks, said } = setup();
    await checks.make('plan', () => Promise.reject(new AttentionError('plan.not-configured', 'Plan 2101 lacks …')));
    expect(checks.objections()).toEqual([{ code: 'plan.not-available', params: {} }]);
    expect(said()).toEqual(['warn: check speaks against the order']);
  });

  it('speaks against every order of a product whose template has a flaw', async () => {
    const { checks } = setup();
    await checks.make('template', () => Promise.reject(new AttentionError('template.linked', 'It refers to …')));
    expect(checks.objections()).toEqual([{ code: 'plan.not-available', params: {} }]);
  });

  it('tells the customer which value is wrong and why', async () => {
    const { checks } = setup();
    const params = { parameter: 'SIZE', reason: 'allowed', allowed: 'S, M' };
    await checks.make('parameters', () =>
      Promise.reject(new CustomerError('order.parameter-invalid', 'No.', { params })),
    );
    expect(checks.objections()).toEqual([{ code: 'order.parameter-invalid', params }]);
  });

  it.each([
    new RetryableError('template-host.unreachable', 'Away.'),
    new RetryableError('partner-center.unavailable', 'Away.'),
    new AttentionError('cloudesire.unauthorized', 'The token is void.'),
    new AttentionError('partner-center.refused', 'No known reason.'),
  ])('leaves the matter open when it came to nothing: $code', async (error) => {
    const { checks, bugs, said } = setup();
    expect(await checks.make('offer', () => Promise.reject(error))).toBeUndefined();
    expect([checks.objections(), bugs]).toEqual([[], []]);
    expect(said()).toEqual(['warn: order could not be checked']);
  });

  it('leaves the matter open when it breaks, which is reported as a mistake of ours', async () => {
    const { checks, bugs } = setup();
    const mistake = new TypeError('undefined is not a function');
    expect(await checks.make('offer', () => Promise.reject(mistake))).toBeUndefined();
    expect([checks.objections(), bugs]).toEqual([[], [mistake]]);
  });

  it('leaves the matter open when time is up, and keeps what others found', async () => {
    const { checks, said, end } = setup();
    checks.object('order.sandbox');
    const late = checks.make('offer', () => NEVER);
    end();
    expect(await late).toBeUndefined();
    expect(said()).toEqual(['warn: order not checked in time']);
    expect(checks.objections()).toHaveLength(1);
  });

  it('is not begun when time is up', async () => {
    const { checks, end } = setup();
    end();
    let begun = false;
    await checks.make('offer', async () => {
      begun = true;
    });
    expect(begun).toBe(false);
  });
});
