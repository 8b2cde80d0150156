import { createHmac, hkdfSync } from 'node:crypto';

/** Secrets that are derived when they are needed, and kept nowhere. */
export interface DerivedSecrets {
  /** The password for a subject: 24 characters of four classes, or as many as are allowed; always the same for the same key. */
  password(subject: string, atMost?: number): string;
  /** Tells texts apart without telling anything of them to those who lack the key. */
  digest(text: string): string;
  /** Tells keys apart without telling anything of them. */
  fingerprint: string;
  /** The same with the key of this fingerprint, as long as it is among the keys. */
  madeWith(fingerprint: string): DerivedSecrets | undefined;
}

/** Characters that need no quoting anywhere a person may paste a password. */
const CLASSES = ['ABCDEFGHJKLMNPQRSTUVWXYZ', 'abcdefghijkmnopqrstuvwxyz', '23456789', '-_.~+='];
const ANY = CLASSES.join('');
const LENGTH = 24;

/**
 * Derives secrets from the first of the keys; what was derived from another one is found by the fingerprint of that.
 */
export function createDerivedSecrets(keys: readonly Buffer[]): DerivedSecrets {
  const all: DerivedSecrets[] = keys.map((key) => ({ ...deriveFrom(key), madeWith }));
  const [first] = all;
  if (!first) throw new RangeError('There is no key to derive from.');
  return first;

  function madeWith(fingerprint: string): DerivedSecrets | undefined {
    return all.find((one) => one.fingerprint === fingerprint);
  }
}

/**
 * Derives secrets from the key instead of drawing and keeping them (HKDF with SHA-256): whoever has the key gets the same one again for the
 * same subject, so that a deployment can be repeated, and nothing secret rests anywhere.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5869
 */
function deriveFrom(key: Buffer): Omit<DerivedSecrets, 'madeWith'> {
  const bytesFor = (info: string, count: number): Buffer => Buffer.from(hkdfSync('sha256', key, '', info, count));

  const digestKey = bytesFor('digest', 32);

  return {
    password(subject, atMost = LENGTH) {
      const length = Math.min(LENGTH, atMost);
      // Two bytes for each character, so that none is noticeably likelier than another; then two more each to shuffle.
      const bytes = bytesFor(`password ${subject}`, 4 * LENGTH);
      const drawn = Array.from({ length }, (_, at) => {
        const alphabet = CLASSES[at] ?? ANY;
        return alphabet[bytes.readUInt16BE(2 * at) % alphabet.length] ?? '';
      });
      for (let at = length - 1; at > 0; at -= 1) {
        const other = bytes.readUInt16BE(2 * (LENGTH + at)) % (at + 1);
        [drawn[at], drawn[other]] = [drawn[other] ?? '', drawn[at] ?? ''];
      }
      return drawn.join('');
    },

    digest(text) {
      return createHmac('sha256', digestKey).update(text).digest('base64url').slice(0, 16);
    },

    fingerprint: bytesFor('fingerprint', 6).toString('hex'),
  };
}
