import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSignedBy } from '../../../src/intake/signature.ts';
import examples from '../../fixtures/cloudesire/signatures.json' with { type: 'json' };

const sign = (secret: string, body: Buffer) => `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`;

describe('isSignedBy', () => {
  it.each(examples.valid)('accepts the signature of $file, made with the $secretName secret', (example) => {
    expect(isSignedBy([example.secret], Buffer.from(example.body), example.signature)).toBe(true);
  });

  it('accepts any one of several secrets, wherever it stands', () => {
    const body = Buffer.from('{"id":1}');
    const secrets = ['old-secret', 'plätform-sécret-ü', 'new-secret'];
    for (const secret of secrets) expect(isSignedBy(secrets, body, sign(secret, body))).toBe(true);
    expect(isSignedBy(secrets, body, sign('another', body))).toBe(false);
  });

  it('refuses everything when there is no secret', () => {
    const body = Buffer.from('{}');
    expect(isSignedBy([], body, sign('', body))).toBe(false);
  });

  it('refuses every form of the header but sha1= and 40 lower-case hexadecimal digits', () => {
    const body = Buffer.from('{"id":1}');
    const good = sign('secret', body);
    const hex = good.slice('sha1='.length);
    const forms = [
      hex,
      `SHA1=${hex}`,
      `sha256=${hex}`,
      `sha1=${hex.toUpperCase()}`,
      `${good} `,
      ` ${good}`,
      `${good}\n`,
      `${good}, ${good}`,
      `sha1=${hex.slice(1)}`,
      `sha1=${hex}0`,
      'sha1=',
      '',
      undefined,
      [good],
    ];
    for (const form of forms) expect(isSignedBy(['secret'], body, form), String(form)).toBe(false);
    expect(isSignedBy(['secret'], body, good)).toBe(true);
  });

  it('refuses a body of which a single bit was changed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), (bytes, position) => {
        const body = Buffer.from(bytes);
        const signature = sign('secret', body);
        body[position % body.length]! ^= 1;
        return !isSignedBy(['secret'], body, signature);
      }),
    );
  });
});
