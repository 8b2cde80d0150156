import { randomBytes, randomInt, randomUUID } from 'node:crypto';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const LETTERS_AND_DIGITS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';
const PASSWORD_LENGTH = 18;

/** A new id of a customer, a cart or a subscription, in lower case. */
export function newGuid(): string {
  return randomUUID();
}

export function isGuid(text: string): boolean {
  return GUID.test(text);
}

/** A new id of a new-commerce order: twelve hexadecimal characters. */
export function newOrderId(): string {
  return randomBytes(6).toString('hex');
}

/**
 * The first password of a new tenant's administrator. It is unlike anything else that may stand in a log, has every
 * class of characters, and needs no escape in JSON, HTML or a shell, so that a plain search finds it wherever it leaks.
 */
export function newPassword(): string {
  const random = Array.from(
    { length: PASSWORD_LENGTH },
    () => LETTERS_AND_DIGITS[randomInt(LETTERS_AND_DIGITS.length)],
  );
  return `Zq7!${random.join('')}#k9P`;
}

export function newEtag(): string {
  return randomBytes(8).readBigInt64BE().toString();
}
