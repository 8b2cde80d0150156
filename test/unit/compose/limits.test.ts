import { expect, it } from 'vitest';
import { budgetsLeft, limitOf, throttlesOf } from '../../../src/compose/limits.ts';

it('of each kind of budget the scarcest counts, and names neither a customer nor a subscription', () => {
  const state = { waiting: 0, limit: 450 };
  const left = budgetsLeft([
    { ...state, budget: 'partner-center', used: 50 },
    { ...state, budget: 'partner-center:customer:4b8a', used: 430 },
    { ...state, budget: 'partner-center:customer:77f1', used: 10 },
    { budget: 'arm-write/0a1b', used: 3, limit: 180, waiting: 2, pausedUntil: '2026-03-02T09:00:00.000Z' },
    { budget: 'cloudesire', used: 45, limit: 40, waiting: 0 },
  ]);
  expect(left).toEqual([
    { upstream: 'cloudesire', kind: 'account', left: 0 },
    { upstream: 'partner-center', kind: 'customer', left: 20 },
    { upstream: 'partner-center', kind: 'partner', left: 400 },
    { upstream: 'arm', kind: 'read', left: limitOf('arm-read/0a1b')?.calls },
    { upstream: 'arm', kind: 'write', left: 0 },
  ]);
});

it('nothing is allowed, counted or told under a name that nobody knows', () => {
  expect(limitOf('partner-centre')).toBeUndefined();
  const unknown = { budget: 'partner-centre', used: 450, limit: 450, waiting: 3 };
  expect(throttlesOf([{ ...unknown, refusedUntil: '2026-03-02T09:00:00.000Z' }])).toEqual([]);
  expect(budgetsLeft([unknown]).map(({ left }) => left)).not.toContain(0);
});
