import { RetryableError } from '../lib/errors.ts';

/**
 * What `work` results in, unless that takes longer than `limitMs`. Work that is late goes on; nobody hears of its end.
 *
 * @throws {RetryableError} `intake.too-slow` once the time is up
 */
export async function within<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
  const tooSlow = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => tooSlow.reject(new RetryableError('intake.too-slow', `There was no result within ${limitMs} ms.`)),
    limitMs,
  );
  try {
    return await Promise.race([work(), tooSlow.promise]);
  } finally {
    clearTimeout(timer);
  }
}
