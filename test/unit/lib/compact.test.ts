import { expect, it } from 'vitest';
import { compact } from '../../../src/lib/compact.ts';

it('absent and null fields are the same, and those that say no or nothing are neither', () => {
  expect(compact({ a: 1, b: null, c: undefined, d: false, e: '', f: 0 })).toStrictEqual({
    a: 1,
    d: false,
    e: '',
    f: 0,
  });
});
