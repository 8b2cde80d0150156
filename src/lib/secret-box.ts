import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AttentionError } from '../lib/errors.ts';

/** Encrypts what must rest in Redis although it is secret. */
export interface SecretBox {
  seal(plain: string): string;
  /** @throws when the text was sealed with another key or tampered with */
  open(sealed: string): string;
}

/** Names algorithm and layout, so that both can change one day while old texts stay readable. */
const VERSION = 'v1:';
const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals texts with AES-256-GCM under the first of the keys, each of 32 bytes, and opens what any of them has sealed. Sealed text is `v1:` and the base64url of nonce, tag and
 * ciphertext; the nonce is random, so sealing a text twice gives two different results.
 *
 * `open` throws an AttentionError `secret-box.cannot-open` for a text that was sealed with none of the keys, or changed since.
 */
export function createSecretBox(keys: readonly Buffer[]): SecretBox {
  const [first] = keys;
  if (!first) throw new RangeError('There is no key to seal with.');
  for (const key of keys) {
    if (key.length !== KEY_BYTES) throw new RangeError(`The key has ${key.length} bytes; AES-256 needs ${KEY_BYTES}.`);
  }

  return {
    seal(plain) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, first, nonce, { authTagLength: TAG_BYTES });
      const ciphertext = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return VERSION + Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
    },

    open(sealed) {
      let cause: unknown;
      for (const key of keys) {
        try {
          return openWith(key, sealed);
        } catch (error) {
          cause = error;
        }
      }
      throw new AttentionError(
        'secret-box.cannot-open',
        'A stored secret cannot be opened: it was sealed with another STATE_KEY, or changed since. Add the former STATE_KEY behind the present one, separated by a comma.',
        { cause, effect: 'none' },
      );
    },
  };
}

function openWith(key: Buffer, sealed: string): string {
  if (!sealed.startsWith(VERSION)) throw new Error('unknown version');
  const bytes = Buffer.from(sealed.slice(VERSION.length), 'base64url');
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const ciphertext = bytes.subarray(NONCE_BYTES + TAG_BYTES);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
}
