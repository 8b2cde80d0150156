import { createHash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../lib/secret.ts';

/**
 * Whether what a caller gives is the secret, or what has just taken its place. Digests are compared, so that the time taken tells neither
 * the length nor the beginning of the secret.
 */
export function isSameSecret(given: string, secret: Secret): boolean {
  const known = secret.read();
  return isSame(given, known) || (secret.isReplaced(known) && isSame(given, secret.read()));
}

function isSame(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
