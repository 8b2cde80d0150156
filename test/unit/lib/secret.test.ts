import { describe, expect, it } from 'vitest';
import { fixedSecret, isFitting, secretInFile, withSecret } from '../../../src/lib/secret.ts';
import { createRotatingSecret } from '../../support/rotating-secret.ts';
import { createTestClock } from '../../support/test-clock.ts';

describe('a secret in a file', () => {
  it('is read from it at most once a second, whoever sends wrong ones', () => {
    const clock = createTestClock();
    let reads = 0;
    const secret = secretInFile({
      initial: 'a',
      load() {
        reads += 1;
        return { value: 'a' };
      },
      tell() {},
      clock,
    });
    for (let tries = 0; tries < 1_000; tries += 1) {
      clock.advance(10);
      expect(secret.isReplaced('a')).toBe(false);
    }
    expect(reads).toBe(10);
  });
});

describe('what is held against a secret', () => {
  const fitsOf = (right: string, tried: string[]) => (value: string) => {
    tried.push(value);
    return value === right;
  };

  it('fits the one that is known, or the one that has taken its place', () => {
    const tried: string[] = [];
    expect(isFitting(createRotatingSecret('old', 'new'), fitsOf('old', tried))).toBe(true);
    expect(isFitting(createRotatingSecret('old', 'new'), fitsOf('new', tried))).toBe(true);
    expect(tried).toEqual(['old', 'old', 'new']);
  });

  it('fits neither, and is not tried again where there is no other', () => {
    const tried: string[] = [];
    expect(isFitting(createRotatingSecret('old', 'new'), fitsOf('wrong', tried))).toBe(false);
    expect(isFitting(fixedSecret('old'), fitsOf('wrong', tried))).toBe(false);
    expect(tried).toEqual(['old', 'new', 'old']);
  });
});

describe('work with a secret', () => {
  const isRefused = (error: unknown) => error === 'refused';
  const accepting = (right: string, used: string[]) => async (value: string) => {
    used.push(value);
    if (value !== right) throw 'refused';
    return `done with ${value}`;
  };

  it('is done once more with the one that has taken its place', async () => {
    const used: string[] = [];
    expect(await withSecret(createRotatingSecret('old', 'new'), isRefused, accepting('new', used))).toBe(
      'done with new',
    );
    expect(used).toEqual(['old', 'new']);
  });

  it('fails as it failed where there is no other, or where the other is refused too', async () => {
    const used: string[] = [];
    await expect(withSecret(fixedSecret('old'), isRefused, accepting('new', used))).rejects.toBe('refused');
    await expect(withSecret(createRotatingSecret('old', 'wrong'), isRefused, accepting('new', used))).rejects.toBe(
      'refused',
    );
    expect(used).toEqual(['old', 'old', 'wrong']);
  });

  it('is not repeated for any other failure', async () => {
    const fail = async () => {
      throw new Error('away');
    };
    await expect(withSecret(createRotatingSecret('old', 'new'), isRefused, fail)).rejects.toThrow('away');
  });
});
