import { describe, expect, it } from 'vitest';
import { Id, IdText } from '../../../src/intake/ids.ts';

describe('an identifier of the marketplace', () => {
  it.each([50010, '50010', '0050010'])('is read from %j', (given) => {
    expect(Id.parse(given)).toBe(50010);
  });

  it('is a positive integer of 32 bits at most', () => {
    expect([Id.parse(1), Id.parse('1')]).toEqual([1, 1]);
    expect([Id.parse(2_147_483_647), Id.parse('2147483647')]).toEqual([2_147_483_647, 2_147_483_647]);
    for (const given of [0, '0', 2_147_483_648, '2147483648']) expect(Id.safeParse(given).success).toBe(false);
  });

  it.each([
    [true],
    [[5]],
    [['5']],
    ['0x10'],
    ['1e3'],
    ['5.0'],
    ['-5'],
    ['+5'],
    [' 5'],
    ['٥'],
    [''],
    [5.5],
    [null],
    [{}],
    [undefined],
  ])('is not guessed from %j', (given) => {
    expect(Id.safeParse(given).success).toBe(false);
    expect(IdText.safeParse(given).success).toBe(false);
  });
});
