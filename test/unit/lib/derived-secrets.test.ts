import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createDerivedSecrets } from '../../../src/lib/derived-secrets.ts';

const key = randomBytes(32);
const secrets = createDerivedSecrets([key]);

it('gives the same password for the same subject, and no other subject or key gives it', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      expect(createDerivedSecrets([key]).password(one)).toBe(secrets.password(one));
      expect(createDerivedSecrets([randomBytes(32)]).password(one)).not.toBe(secrets.password(one));
      if (one !== other) expect(secrets.password(other)).not.toBe(secrets.password(one));
    }),
  );
});

it('gives passwords that Azure takes: 24 characters with upper and lower case, digit and sign', () => {
  fc.assert(
    fc.property(fc.string(), (subject) => {
      const password = secrets.password(subject);
      expect(password).toHaveLength(24);
      for (const kind of [/[A-Z]/, /[a-z]/, /\d/, /[-_.~+=]/]) expect(password).toMatch(kind);
      expect(password).toMatch(/^[A-Za-z\d\-_.~+=]+$/);
    }),
  );
});

it('puts the kinds of characters in no fixed place', () => {
  const firsts = Array.from({ length: 200 }, (_, number) => secrets.password(`${number}`).charAt(0));

  expect(firsts.some((first) => /[a-z\d]/.test(first))).toBe(true);
});

it('tells keys apart without telling the key', () => {
  expect(createDerivedSecrets([key]).fingerprint).toBe(secrets.fingerprint);
  expect(createDerivedSecrets([randomBytes(32)]).fingerprint).not.toBe(secrets.fingerprint);
  expect(key.toString('hex')).not.toContain(secrets.fingerprint);
});

it('makes digests that only the holder of the key can compare', () => {
  expect(secrets.digest('Kx4!')).toBe(createDerivedSecrets([key]).digest('Kx4!'));
  expect(secrets.digest('Kx4!')).not.toBe(secrets.digest('Kx5!'));
  expect(secrets.digest('Kx4!')).not.toBe(createDerivedSecrets([randomBytes(32)]).digest('Kx4!'));
});

it('finds what was derived from a former key by the fingerprint of that', () => {
  const former = createDerivedSecrets([key]);
  const present = createDerivedSecrets([randomBytes(32), key]);

  expect(present.password('50010')).not.toBe(former.password('50010'));
  expect(present.madeWith(former.fingerprint)?.password('50010')).toBe(former.password('50010'));
  expect(present.madeWith(present.fingerprint)?.password('50010')).toBe(present.password('50010'));
  expect(present.madeWith('000000000000')).toBeUndefined();
});
