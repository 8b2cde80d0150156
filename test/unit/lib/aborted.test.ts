import { expect, it } from 'vitest';
import { aborted } from '../../../src/lib/aborted.ts';

it('rejects with the reason once the signal aborts, or has aborted already', async () => {
  const controller = new AbortController();
  const before = aborted(controller.signal);
  controller.abort(new Error('time is up'));
  await expect(before).rejects.toThrow('time is up');
  await expect(aborted(controller.signal)).rejects.toThrow('time is up');
});

it('leaves the winner of a race alone', async () => {
  expect(await Promise.race([aborted(new AbortController().signal), Promise.resolve('work')])).toBe('work');
});
