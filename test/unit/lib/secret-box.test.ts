import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createSecretBox } from '../../../src/lib/secret-box.ts';

const box = createSecretBox([randomBytes(32)]);

it('gives back every text that it sealed', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (plain) => box.open(box.seal(plain)) === plain));
});

it('shows neither the secret nor that two secrets are the same', () => {
  const sealed = box.seal('correct horse battery staple');

  expect(Buffer.from(sealed.slice(3), 'base64url').toString('latin1')).not.toContain('horse');
  expect(box.seal('correct horse battery staple')).not.toBe(sealed);
});

it('refuses a text of which a single byte was changed', () => {
  const bytes = Buffer.from(box.seal('secret').slice(3), 'base64url');

  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    expect(() => box.open(`v1:${changed.toString('base64url')}`)).toThrow(/cannot be opened/);
  }
});

it.each(['', 'v1:', 'v1:AAAA', `v2:${box.seal('secret').slice(3)}`, 'plain text'])(
  'refuses %j, which it never sealed',
  (foreign) => {
    expect(() => box.open(foreign)).toThrow(expect.objectContaining({ code: 'secret-box.cannot-open' }));
  },
);

it('refuses a shortened tag', () => {
  const bytes = Buffer.from(box.seal('').slice(3), 'base64url');

  expect(() => box.open(`v1:${bytes.subarray(0, 16).toString('base64url')}`)).toThrow(/cannot be opened/);
});

it('does not open what was sealed with another key, and says what to do', () => {
  const other = createSecretBox([randomBytes(32)]);

  expect(() => other.open(box.seal('secret'))).toThrow(/STATE_KEY/);
});

it('opens what a former key has sealed, and seals with the first', () => {
  const [former, present] = [randomBytes(32), randomBytes(32)];
  const rotated = createSecretBox([present, former]);

  expect(rotated.open(createSecretBox([former]).seal('secret'))).toBe('secret');
  expect(createSecretBox([present]).open(rotated.seal('secret'))).toBe('secret');
  expect(() => createSecretBox([former]).open(rotated.seal('secret'))).toThrow(/cannot be opened/);
});

it('needs a key', () => {
  expect(() => createSecretBox([])).toThrow(RangeError);
});

it('takes keys of 32 bytes only', () => {
  expect(() => createSecretBox([randomBytes(32), randomBytes(16)])).toThrow(/16 bytes/);
});
