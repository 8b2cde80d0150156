import { describe, expect, it } from 'vitest';
import { fitsPattern } from '../../../src/lib/foreign-pattern.ts';

describe('a regular expression of somebody else', () => {
  it.each([
    ['^\\d{5}$', '25124', true],
    ['^\\d{5}$', 'ABC', false],
    ['^\\d{2}\\-\\d{3}$', '00-001', true],
    ['^[A-Z]{2}$', 'it', false],
    ['^a+$', 'a'.repeat(101), false],
  ])('%s says of %s: %s', (source, text, fits) => {
    expect(fitsPattern(source, text)).toBe(fits);
  });

  it.each([
    ['that is none', '(', '1'],
    ['of another dialect', '\\A\\d+\\z', '1'],
    ['that backtracks for ages', '^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(60)],
    ['that is absurdly long', 'a'.repeat(100_000), 'a'],
  ])('%s says nothing, and holds nobody up', (_what, source, text) => {
    const before = performance.now();
    expect(fitsPattern(source, text)).toBeUndefined();
    expect(performance.now() - before).toBeLessThan(5_000);
  });
});
