import { createHash, timingSafeEqual } from 'node:crypto';
import { isFitting, type Secret } from '../lib/secret.ts';

/** Compares digests, so that the time taken tells neither the length nor the beginning of the secret. */
export function isSameSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret));
}

/** Whether what a caller gives is one of the secrets, or of those that have just taken their place. */
export function isOneOf(secrets: Secret<readonly string[]>, given: string): boolean {
  return isFitting(secrets, (known) => isAnyOf(known, given));
}

/** Takes equally long whichever of them it is. */
function isAnyOf(secrets: readonly string[], given: string): boolean {
  return secrets.filter((secret) => isSameSecret(given, secret)).length > 0;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
