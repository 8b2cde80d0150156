import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secretsIn, withoutSecrets } from '../../../../src/upstreams/azure/secrets.ts';
import { runs } from '../../../support/fuzz.ts';

it('a deployment has secrets by its template, whatever the case', () => {
  const template = {
    parameters: { Pass: { type: 'SecureString' }, deep: { type: 'secureObject' }, open: { type: 'string' } },
  };
  const parameters = {
    pass: { value: 'first-secret' },
    DEEP: { value: { a: ['second-secret-longer', 'abc'] } },
    open: { value: 'open-value' },
  };
  expect(secretsIn({ properties: { template, parameters } })).toEqual(['second-secret-longer', 'first-secret']);
  for (const nothing of [undefined, {}, { properties: { template: {}, parameters: {} } }])
    expect(secretsIn(nothing)).toEqual([]);
});

const json = (text: string) => JSON.stringify(text).slice(1, -1);
const unit = (text: string) => `\\u${text.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`;
const html = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll("'", '&#39;').replaceAll('<', '&lt;');

/** What becomes of texts on their way through Azure. */
const ESCAPES: Record<string, (text: string) => string> = {
  nothing: (text) => text,
  JSON: json,
  'JSON with slashes': (text) => json(text).replaceAll('/', '\\/'),
  'JSON of .NET': (text) =>
    json(text)
      .replaceAll('\\"', '"')
      .replaceAll(/["&'+<>`\u0080-\uffff]/g, unit),
  'JSON within JSON': (text) => json(json(text)),
  'an address': encodeURIComponent,
  'an address, in lower case': (text) => encodeURIComponent(text).replaceAll(/%../g, (byte) => byte.toLowerCase()),
  'an address within an address': (text) => encodeURIComponent(encodeURIComponent(text)),
  'a form': (text) => new URLSearchParams({ text }).toString().slice('text='.length),
  HTML: html,
  'HTML by numbers': (text) => text.replaceAll(/[^a-z0-9]/giu, (one) => `&#x${one.codePointAt(0)?.toString(16)};`),
  'HTML within JSON': (text) => json(html(text)),
  base64: (text) => Buffer.from(text).toString('base64').replaceAll('=', ''),
  base64url: (text) => Buffer.from(text).toString('base64url'),
};

describe.each(Object.entries(ESCAPES))('a secret escaped for %s', (_how, escaped) => {
  it.each([
    'Kx4!"quo\\te-77-Zq',
    'Kx4!sec ret&88/Zq',
    "a\\\\'b + c<d>%e",
    'Grüße & 🥐 \\ "x"',
    'two\nlines of\r\n\tkey',
  ])('is not told: %s', (secret) => {
    const told = withoutSecrets(`The value "${escaped(secret)}" of adminPassword is not allowed.`, [secret]);
    expect(told).toMatch(/^The value "\*\*\*\w{0,3}" of adminPassword is not allowed\.$/);
  });

  it('is not told, whatever it is', () => {
    const secrets = fc
      .string({ unit: 'grapheme', minLength: 8, maxLength: 40 })
      .filter((text) => text.trim().length > 7);
    fc.assert(
      fc.property(secrets, (secret) => {
        expect(withoutSecrets(`value ${escaped(secret)} refused`, [secret])).not.toContain(escaped(secret));
      }),
      runs(30),
    );
  });
});

it('a secret is not told where it was encoded among other things', () => {
  for (const user of ['ops', 'root', 'admin']) {
    const told = withoutSecrets(Buffer.from(`${user}:Kx4!secret-99-Zq, thanks`).toString('base64'), [
      'Kx4!secret-99-Zq',
    ]);
    expect(Buffer.from(told.replace('***', ''), 'base64').toString()).not.toMatch(/secret|99/);
  }
});

it.each(['\\', '\\u0022', '\\"', '%25', '&amp;', '+', ' + ', '\\n', '"'])(
  'secrets are looked for in megabytes at once, however they are made: %j',
  (part) => {
    const startedAt = process.cpuUsage();
    for (const end of ['', 'x']) {
      const secret = `${part.repeat(20)}${end}`;
      withoutSecrets(part.repeat(100_000), [`${secret}!`]);
      for (let length = 1; length < 50; length += 1) withoutSecrets(`${part.repeat(length)}?`, [`${secret}!`]);
    }
    expect(process.cpuUsage(startedAt).user / 1_000).toBeLessThan(5_000);
  },
);
