import { expect, it } from 'vitest';
import { AttentionError, RetryableError, ThrottledError } from '../../../src/lib/errors.ts';
import { patiently } from '../../../src/lib/patience.ts';

const never = new AbortController().signal;
const soon = { retryAfterMs: 1 };

function failing(errors: Error[]): { work: () => Promise<string>; tries: () => number } {
  let tries = 0;
  return {
    tries: () => tries,
    async work() {
      tries += 1;
      const error = errors.shift();
      if (error) throw error;
      return 'done';
    },
  };
}

it('waits out a limit of calls however often it is met, and a few failures that may pass', async () => {
  const throttled = Array.from({ length: 12 }, () => new ThrottledError('throttled', 'later', soon));
  const away = Array.from({ length: 3 }, () => new RetryableError('away', 'away', soon));
  const { work, tries } = failing([...throttled, ...away]);
  expect(await patiently(work, never)).toBe('done');
  expect(tries()).toBe(16);
});

it('gives up after the fourth failure in a row, and at once where trying again cannot help', async () => {
  const away = failing(Array.from({ length: 9 }, () => new RetryableError('away', 'away', soon)));
  await expect(patiently(away.work, never)).rejects.toMatchObject({ code: 'away' });
  expect(away.tries()).toBe(4);
  const refused = failing([new AttentionError('refused', 'no')]);
  await expect(patiently(refused.work, never)).rejects.toMatchObject({ code: 'refused' });
  expect(refused.tries()).toBe(1);
});

it('ends its pause when nobody waits any more, with their reason', async () => {
  const controller = new AbortController();
  const { work, tries } = failing([new ThrottledError('throttled', 'later', { retryAfterMs: 3_600_000 })]);
  const result = patiently(work, controller.signal);
  controller.abort(new Error('enough'));
  await expect(result).rejects.toThrow('enough');
  expect(tries()).toBe(1);
});
