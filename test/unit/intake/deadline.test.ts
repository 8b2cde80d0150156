import { describe, expect, it } from 'vitest';
import { within } from '../../../src/intake/deadline.ts';

describe('within', () => {
  it('hands on what the work results in, and how it fails', async () => {
    await expect(within(1_000, async () => 'done')).resolves.toBe('done');
    await expect(within(1_000, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(
      within(1_000, () => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
  });

  it('gives up work that takes too long, and ignores how that ends later', async () => {
    const work = Promise.withResolvers<never>();
    await expect(within(5, () => work.promise)).rejects.toMatchObject({ code: 'intake.too-slow' });
    work.reject(new Error('too late to be heard, and no unhandled rejection'));
  });
});
