import { createHash, timingSafeEqual } from 'node:crypto';

/** Compares digests, so that the time taken tells neither the length nor the beginning of the secret. */
export function isSameSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
