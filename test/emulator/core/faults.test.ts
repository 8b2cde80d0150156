import { describe, expect, it } from 'vitest';
import { createFaults, type FaultRule } from './faults.ts';

const order = { server: 'partner-center', method: 'POST', path: '/v1/customers/1/orders', query: '' };

describe('faults', () => {
  it('hit the calls they name by server, method and path with query, and no other', () => {
    const faults = createFaults();
    faults.inject({ server: 'partner-center', method: 'post', path: '/ORDERS$', kind: 'refuse', times: 9 });

    expect(faults.take(order)?.kind).toBe('refuse');
    expect(faults.take({ ...order, server: 'entra' })).toBeUndefined();
    expect(faults.take({ ...order, method: 'GET' })).toBeUndefined();
    expect(faults.take({ ...order, query: 'size=2' })).toBeUndefined();
  });

  it('see the query behind the path', () => {
    const faults = createFaults();
    faults.inject({ path: String.raw`\?.*size=2`, kind: 'refuse' });
    expect(faults.take(order)).toBeUndefined();
    expect(faults.take({ ...order, query: 'size=2' })?.kind).toBe('refuse');
  });

  it('let the calls they skip pass, and are used up after their times', () => {
    const faults = createFaults();
    faults.inject({ kind: 'reset-after', skip: 1, times: 2 });
    expect([1, 2, 3, 4].map(() => faults.take(order)?.kind)).toEqual([
      undefined,
      'reset-after',
      'reset-after',
      undefined,
    ]);
    expect(faults.pending()).toEqual([]);
  });

  it('show what is left of them, and are gone when cleared', () => {
    const faults = createFaults();
    faults.inject({ kind: 'status', status: 429, headers: { 'retry-after': '7' }, skip: 1, times: 2 });
    faults.take(order);
    expect(faults.pending()).toEqual([
      { kind: 'status', status: 429, headers: { 'retry-after': '7' }, skip: 0, times: 2 },
    ]);
    faults.clear();
    expect(faults.take(order)).toBeUndefined();
  });

  it('hit one at a time when several match', () => {
    const faults = createFaults();
    faults.inject({ kind: 'refuse' });
    faults.inject({ kind: 'reset-after' });
    expect([faults.take(order)?.kind, faults.take(order)?.kind]).toEqual(['refuse', 'reset-after']);
  });

  it.each<[string, unknown]>([
    ['an unknown kind', { kind: 'explode' }],
    ['a status that is missing', { kind: 'status' }],
    ['a delay without its length', { kind: 'delay' }],
    ['a path that is no regular expression', { kind: 'refuse', path: '(' }],
    ['no hit at all', { kind: 'refuse', times: 0 }],
  ])('refuse %s', (_what, rule) => {
    expect(() => createFaults().inject(rule as FaultRule)).toThrow();
  });
});
