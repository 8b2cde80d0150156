import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createPartnerCenterSignature } from '../../../src/intake/partner-center-signature.ts';
import { PermanentError, RetryableError } from '../../../src/lib/errors.ts';
import { createTestClock } from '../../support/test-clock.ts';
import { type CertificateOptions, type Issued, issue, lines, rsaKey } from './certificates.ts';

const URL = 'https://certificates.example/signing.cer';
const BODY = Buffer.from('{"EventName":"test-created"}');
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const keys = { root: rsaKey(), between: rsaKey(), signing: rsaKey(), stranger: rsaKey() };
const root = issue({ key: keys.root, commonName: 'root', isAuthority: true });
const otherRoot = issue({ key: keys.stranger, commonName: 'other root', isAuthority: true });
const between = issue({ key: keys.between, commonName: 'between', issuer: root, isAuthority: true });
const signing = certify({ issuer: between });

/** A certificate as Microsoft's, under the root, but for what is said otherwise. */
function certify(options: Partial<CertificateOptions> = {}): Issued {
  return issue({ key: keys.signing, issuer: root, organisation: 'Microsoft Corporation', ...options });
}

/** What is at each address: a file, or what the download fails with. A function is asked at each download. */
type Files = Record<string, Buffer | string | Error | (() => Promise<Buffer>)>;

function setup(files: Files = { [URL]: certify().der }) {
  const clock = createTestClock();
  const downloads: string[] = [];
  const check = createPartnerCenterSignature({
    roots: [otherRoot.pem, root.pem],
    clock,
    async fetchCertificate(url) {
      downloads.push(url);
      const file = files[url] ?? new RetryableError('certificate.unreachable', 'There is nothing.');
      if (file instanceof Error) throw file;
      return typeof file === 'function' ? file() : Buffer.from(file);
    },
  });
  return { check, clock, downloads };
}

function signatureOf(body: Buffer, key: KeyObject = keys.signing): string {
  return sign('sha256', body, key).toString('base64');
}

function headersFor(body: Buffer, { url = URL, key = keys.signing } = {}) {
  return {
    authorization: `Signature ${signatureOf(body, key)}`,
    'x-ms-certificate-url': url,
    'x-ms-signature-algorithm': 'rsa-sha256',
  };
}

/** Checks a rightly signed body against what is at the address. */
async function checkWith(file: Files[string], others: Files = {}) {
  const { check, downloads } = setup({ [URL]: file, ...others });
  await check(BODY, headersFor(BODY));
  return downloads;
}

describe('the signature', () => {
  it.each([
    ['authorization', (base64: string) => `Signature ${base64}`],
    ['authorization', (base64: string) => `signature  ${base64}`],
    ['x-ms-signature', (base64: string) => `Signature ${base64}`],
    ['x-ms-signature', (base64: string) => base64],
  ])('is found in %s', async (name, write) => {
    const { check } = setup();
    const { authorization: _, ...others } = headersFor(BODY);
    await check(BODY, { ...others, [name]: write(signatureOf(BODY)) });
  });

  it('is taken from x-ms-signature when a proxy asks for an authorization of its own', async () => {
    const { check } = setup();
    await check(BODY, {
      ...headersFor(BODY),
      authorization: 'Basic cHJveHk6cHJveHk=',
      'x-ms-signature': signatureOf(BODY),
    });
  });

  it.each<[string, { body?: Buffer; authorization?: string }]>([
    ['another body', { body: Buffer.from('{"EventName":"subscription-updated"}') }],
    ['one more blank', { body: Buffer.concat([BODY, Buffer.from(' ')]) }],
    ['no body', { body: Buffer.alloc(0) }],
    ['another key', { authorization: `Signature ${signatureOf(BODY, keys.stranger)}` }],
    ['another hash', { authorization: `Signature ${sign('sha1', BODY, keys.signing).toString('base64')}` }],
    ['nothing at all', { authorization: 'Signature AAAA' }],
  ])('is refused when it is of %s', async (_what, { body = BODY, ...headers }) => {
    const { check } = setup();
    await expect(check(body, { ...headersFor(BODY), ...headers })).rejects.toMatchObject({
      code: 'signature.mismatch',
    });
  });

  it.each([
    [{ authorization: undefined }],
    [{ authorization: '' }],
    [{ authorization: 'Signature ' }],
    [{ authorization: 'Signature not*base64' }],
    [{ authorization: 'Bearer eyJhbGciOi' }],
    [{ authorization: `Signature ${signatureOf(BODY)}, Signature ${signatureOf(BODY)}` }],
    [{ 'x-ms-signature': '' }],
    [{ 'x-ms-certificate-url': undefined }],
  ])('is refused as missing with %j, and nothing is downloaded', async (headers) => {
    const { check, downloads } = setup();
    const given = Object.fromEntries(
      Object.entries({ ...headersFor(BODY), ...headers }).filter(([, value]) => value !== undefined),
    );
    await expect(check(BODY, given)).rejects.toMatchObject({ code: 'signature.missing' });
    expect(downloads).toEqual([]);
  });

  it.each(['rsa-sha1', 'none', 'hmac-sha256', '', 'rsa-sha256, none'])(
    'is refused when made with "%s"',
    async (algorithm) => {
      const { check, downloads } = setup();
      const headers = { ...headersFor(BODY), 'x-ms-signature-algorithm': algorithm };
      await expect(check(BODY, headers)).rejects.toMatchObject({ code: 'signature.algorithm' });
      expect(downloads).toEqual([]);
    },
  );
});

describe('the certificate', () => {
  it('may be a file in DER, in base64 of it, or in PEM', async () => {
    const { der, pem } = certify();
    const base64 = der.toString('base64');
    for (const file of [der, base64, `${lines(base64)}\r\n`, pem, `\uFEFFsubject=…\n${pem}\n`]) await checkWith(file);
  });

  it('may bring the authorities between itself and the root, in any order', async () => {
    const deeper = issue({ key: keys.stranger, commonName: 'deeper', issuer: between, isAuthority: true });
    const deepest = certify({ issuer: deeper });
    await checkWith(signing.pem + between.pem);
    await checkWith(root.pem + between.pem + signing.pem);
    await checkWith(deepest.pem + deeper.pem + between.pem);
    await checkWith(between.pem + deepest.pem + deeper.pem);
  });

  it('is read together with seven others of its file at most', async () => {
    const fileWith = (others: number) => signing.pem + otherRoot.pem.repeat(others - 1) + between.pem;
    await checkWith(fileWith(7));
    await expect(checkWith(fileWith(8))).rejects.toMatchObject({ code: 'certificate.untrusted' });
  });

  it('may say where its issuer is found, which is asked over https', async () => {
    const alone = certify({ issuer: between, issuerUrl: 'http://authority.example/between.crt' });
    for (const file of [between.der, between.pem]) {
      const downloads = await checkWith(alone.der, { 'https://authority.example/between.crt': file });
      expect(downloads).toEqual([URL, 'https://authority.example/between.crt']);
    }
  });

  it('is refused when what it calls its issuer is not, or leads nowhere', async () => {
    const issuerUrl = 'https://authority.example/between.crt';
    const alone = certify({ issuer: between, issuerUrl });
    const further = issue({
      key: keys.between,
      commonName: 'between',
      issuer: issue({ key: keys.stranger }),
      isAuthority: true,
    });
    const expected: [Files[string], string][] = [
      [
        issue({ key: keys.stranger, commonName: 'between', issuer: root, isAuthority: true }).der,
        'certificate.untrusted',
      ],
      [further.der, 'certificate.untrusted'],
      [alone.der, 'certificate.untrusted'],
      ['nothing', 'certificate.unusable'],
      [new RetryableError('certificate.unreachable', 'There is nothing.'), 'certificate.unreachable'],
      [new PermanentError('certificate.address-refused', 'It is not public.'), 'certificate.address-refused'],
    ];
    for (const [file, code] of expected) {
      await expect(checkWith(alone.der, { [issuerUrl]: file })).rejects.toMatchObject({ code });
    }
  });

  it.each([
    ['signs itself', () => certify({ issuer: undefined }).pem],
    [
      'is of an unknown authority',
      () => certify({ issuer: issue({ key: keys.stranger, commonName: 'stranger', isAuthority: true }) }).pem,
    ],
    [
      'brings an unknown root',
      () => {
        const stranger = issue({ key: keys.stranger, commonName: 'stranger', isAuthority: true });
        return certify({ issuer: stranger }).pem + stranger.pem;
      },
    ],
    [
      'is of an authority that bears the name of the root',
      () => certify({ issuer: issue({ key: keys.stranger, commonName: 'root', isAuthority: true }) }).pem,
    ],
    [
      'is under one between that the root has not issued',
      () => {
        const impostor = issue({
          key: keys.stranger,
          commonName: 'between',
          issuer: issue({ key: keys.stranger, commonName: 'root' }),
          isAuthority: true,
        });
        return certify({ issuer: impostor }).pem + impostor.pem;
      },
    ],
    [
      'was issued by one that is no authority',
      () => {
        const server = certify({ key: keys.stranger, commonName: 'server' });
        return certify({ issuer: server }).pem + server.pem;
      },
    ],
    ['lacks the one between', () => signing.pem],
    [
      'is under one between that has expired',
      () => {
        const expired = issue({
          key: keys.between,
          commonName: 'between',
          issuer: root,
          isAuthority: true,
          validTo: new Date('2026-08-31T00:00:00Z'),
        });
        return signing.pem + expired.pem;
      },
    ],
  ])('is refused when it %s', async (_what, file) => {
    await expect(checkWith(file())).rejects.toMatchObject({ code: 'certificate.untrusted' });
  });

  it.each<[string, Partial<CertificateOptions>]>([
    ['is of another organisation', { organisation: 'Contoso Ltd' }],
    ['is of one that is nearly called so', { organisation: 'Microsoft Corporation Ltd' }],
    ['is of none', { organisation: undefined }],
    ['names the organisation elsewhere', { organisation: undefined, commonName: 'x\nO=Microsoft Corporation' }],
    ['has expired', { validTo: new Date('2026-09-01T07:59:59Z') }],
    ['is not valid yet', { validFrom: new Date('2026-09-01T08:00:01Z') }],
    ['has a small key', { key: rsaKey(1_024) }],
    ['has a key for something else', { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }],
    [
      'has a key for another padding',
      { key: generateKeyPairSync('rsa-pss', { modulusLength: 2_048, hashAlgorithm: 'sha256' }).privateKey },
    ],
    ['is one of an authority', { isAuthority: true }],
  ])('is refused when it %s, although the root has issued it', async (_what, options) => {
    await expect(checkWith(certify(options).der)).rejects.toMatchObject({ code: 'certificate.unusable' });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', '<html>Not found</html>'],
    ['half a certificate', certify().der.subarray(0, 300)],
    ['an empty frame', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----'],
    ['a frame of nonsense', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
    ['a key', keys.signing.export({ format: 'pem', type: 'pkcs8' })],
  ])('is refused when the file holds %s', async (_what, file) => {
    await expect(checkWith(file)).rejects.toMatchObject({ code: 'certificate.unusable' });
  });

  it('names the authority that is unknown, and what to do', async () => {
    const stranger = issue({
      key: keys.stranger,
      commonName: 'Azure Issuing CA 99',
      organisation: 'Somebody',
      isAuthority: true,
    });
    await expect(checkWith(certify({ issuer: stranger }).der)).rejects.toThrow(
      /its issuer \(O=Somebody, CN=Azure Issuing CA 99\) .* NODE_EXTRA_CA_CERTS/,
    );
  });
});

describe('what is known of an address', () => {
  it('spares the download for a day', async () => {
    const { check, clock, downloads } = setup();
    await check(BODY, headersFor(BODY));
    clock.advance(DAY_MS - 1);
    await check(BODY, headersFor(BODY));
    expect(downloads).toHaveLength(1);

    clock.advance(1);
    await check(BODY, headersFor(BODY));
    expect(downloads).toHaveLength(2);
  });

  it('ends when the certificate expires, or the one between', async () => {
    const validTo = new Date('2026-09-01T09:00:00Z');
    const expiring = issue({ key: keys.between, commonName: 'between', issuer: root, isAuthority: true, validTo });
    for (const [file, code] of [
      [certify({ validTo }).pem, 'certificate.unusable'],
      [signing.pem + expiring.pem, 'certificate.untrusted'],
    ] as const) {
      const { check, clock } = setup({ [URL]: file });
      clock.advance(3_600_000 - 1);
      await check(BODY, headersFor(BODY));
      clock.advance(1);
      await expect(check(BODY, headersFor(BODY))).rejects.toMatchObject({ code });
    }
  });

  it('makes a new certificate known a day later at the latest', async () => {
    const files: Files = { [URL]: certify().der };
    const { check, clock } = setup(files);
    await check(BODY, headersFor(BODY));
    files[URL] = certify({ key: keys.stranger }).der;
    const headers = headersFor(BODY, { key: keys.stranger });
    await expect(check(BODY, headers)).rejects.toMatchObject({ code: 'signature.mismatch' });
    clock.advance(DAY_MS);
    await check(BODY, headers);
  });

  it('spares the download for a minute after a failure, whatever it was', async () => {
    const files: Files = {};
    const { check, clock, downloads } = setup(files);
    for (const file of [
      new RetryableError('certificate.unreachable', 'No.'),
      'nonsense',
      certify({ issuer: between }).der,
    ]) {
      files[URL] = file;
      downloads.length = 0;
      const first = await check(BODY, headersFor(BODY)).catch((error: unknown) => error);
      clock.advance(MINUTE_MS - 1);
      expect(await check(BODY, headersFor(BODY)).catch((error: unknown) => error)).toBe(first);
      expect(downloads).toHaveLength(1);
      clock.advance(1);
    }
    files[URL] = certify().der;
    await check(BODY, headersFor(BODY));
  });

  it('is asked for once by ten that need it at the same time', async () => {
    const file = Promise.withResolvers<Buffer>();
    const { check, downloads } = setup({ [URL]: () => file.promise });
    const checks = Array.from({ length: 10 }, () => check(BODY, headersFor(BODY)));
    file.resolve(certify().der);
    await Promise.all(checks);
    expect(downloads).toHaveLength(1);
  });

  it('is not lost to forged signatures of the same address', async () => {
    const { check, downloads } = setup();
    const forged = headersFor(BODY, { key: keys.stranger });
    await expect(check(BODY, forged)).rejects.toMatchObject({ code: 'signature.mismatch' });
    await expect(check(BODY, forged)).rejects.toMatchObject({ code: 'signature.mismatch' });
    await check(BODY, headersFor(BODY));
    expect(downloads).toHaveLength(1);
  });

  it('is kept of 16 addresses, and given up where it was not needed for longest', async () => {
    const urls = Array.from({ length: 17 }, (_, index) => `https://certificates.example/${index}.cer`);
    const [first = '', second = ''] = urls;
    const { check, downloads } = setup(Object.fromEntries(urls.map((url) => [url, certify().der])));
    const use = (url: string) => check(BODY, headersFor(BODY, { url }));
    for (const url of urls.slice(0, 16)) await use(url);
    await use(first);
    await use(urls[16]!);
    expect(downloads).toHaveLength(17);

    await use(first);
    expect(downloads).toHaveLength(17);
    await use(second);
    expect(downloads).toHaveLength(18);
  });

  it('keeps a flood of unknown addresses from being asked, and is itself untouched by it', async () => {
    const files: Files = { [URL]: certify().der };
    const { check, clock, downloads } = setup(files);
    await check(BODY, headersFor(BODY));
    const flood = (from: number) =>
      Promise.allSettled(
        Array.from({ length: 50 }, (_, index) =>
          check(BODY, headersFor(BODY, { url: `https://forged.example/${from + index}` })),
        ),
      );
    downloads.length = 0;
    const together = await flood(0);
    await flood(50);
    expect(downloads).toHaveLength(16);
    expect(together.at(-1)).toMatchObject({ reason: { code: 'certificate.too-many-addresses' } });
    await check(BODY, headersFor(BODY));
    expect(downloads).toHaveLength(16);

    clock.advance(DAY_MS);
    await flood(100);
    downloads.length = 0;
    await check(BODY, headersFor(BODY));
    expect(downloads).toEqual([URL]);

    files['https://new.example/'] = certify().der;
    const headers = headersFor(BODY, { url: 'https://new.example/' });
    await expect(check(BODY, headers)).rejects.toMatchObject({ code: 'certificate.too-many-addresses' });
    clock.advance(MINUTE_MS);
    await check(BODY, headers);
  });
});
