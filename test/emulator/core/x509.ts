import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';

/** What a certificate says. Names are common names; `dnsNames` and `ipAddresses` (IPv4) make it a server certificate. */
export interface CertificateRequest {
  subject: string;
  publicKey: KeyObject;
  issuer: string;
  /** The issuer's private key, RSA or elliptic curve; for a root it belongs to `publicKey`. */
  signingKey: KeyObject;
  isAuthority?: boolean;
  dnsNames?: string[];
  ipAddresses?: string[];
  notBefore: Date;
  notAfter: Date;
}

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

const KEY_USAGE_CERTIFICATES_AND_CRLS = Buffer.from([1, 0b0000_0110]);
const KEY_USAGE_SIGNATURES = Buffer.from([7, 0b1000_0000]);

/**
 * Returns an X.509 version 3 certificate as PEM, signed with SHA-256. Node's crypto module reads certificates but does
 * not make them, so the encoding is written out here; strict verifiers accept it (key identifiers are included).
 *
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export function createCertificate(request: CertificateRequest): string {
  const { signingKey } = request;
  const algorithm = signingKey.asymmetricKeyType === 'rsa' ? rsaAlgorithm() : sequence(oid(OID.ecdsaWithSha256));
  const body = sequence(
    explicit(0, der(TAG.integer, Buffer.from([2]))),
    der(TAG.integer, positive(randomBytes(16))),
    algorithm,
    name(request.issuer),
    sequence(time(request.notBefore), time(request.notAfter)),
    name(request.subject),
    request.publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions(request))),
  );
  const signature = sign('sha256', body, signingKey);
  const certificate = sequence(body, algorithm, der(TAG.bitString, Buffer.from([0]), signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function extensions(request: CertificateRequest): Buffer[] {
  const { isAuthority = false, dnsNames = [], ipAddresses = [] } = request;
  const constraints = isAuthority ? sequence(der(TAG.boolean, Buffer.from([0xff]))) : sequence();
  const usage = isAuthority ? KEY_USAGE_CERTIFICATES_AND_CRLS : KEY_USAGE_SIGNATURES;
  const issuerKeyId = keyId(createPublicKey(request.signingKey));
  const list = [
    extension(OID.basicConstraints, constraints, { critical: true }),
    extension(OID.keyUsage, der(TAG.bitString, usage), { critical: true }),
    extension(OID.subjectKeyIdentifier, der(TAG.octetString, keyId(request.publicKey))),
    extension(OID.authorityKeyIdentifier, sequence(der(0x80, issuerKeyId))),
  ];
  if (dnsNames.length + ipAddresses.length > 0) {
    const dns = dnsNames.map((dnsName) => der(0x82, Buffer.from(dnsName, 'ascii')));
    const ip = ipAddresses.map((address) => der(0x87, Buffer.from(address.split('.').map(Number))));
    list.push(extension(OID.extendedKeyUsage, sequence(oid(OID.serverAuth))));
    list.push(extension(OID.subjectAltName, sequence(...dns, ...ip)));
  }
  return list;
}

function extension(id: string, value: Buffer, { critical = false } = {}): Buffer {
  const flag = critical ? [der(TAG.boolean, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...flag, der(TAG.octetString, value));
}

function keyId(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}

function rsaAlgorithm(): Buffer {
  return sequence(oid(OID.sha256WithRsa), der(TAG.null));
}

function name(commonName: string): Buffer {
  return sequence(der(TAG.set, sequence(oid(OID.commonName), der(TAG.utf8String, Buffer.from(commonName)))));
}

function time(instant: Date): Buffer {
  const digits = `${instant.toISOString().slice(0, 19).replace(/\D/g, '')}Z`;
  if (instant.getUTCFullYear() >= 2050) return der(TAG.generalizedTime, Buffer.from(digits));
  return der(TAG.utcTime, Buffer.from(digits.slice(2)));
}

function sequence(...contents: Buffer[]): Buffer {
  return der(TAG.sequence, ...contents);
}

function explicit(tag: number, content: Buffer): Buffer {
  return der(0xa0 + tag, content);
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(TAG.objectIdentifier, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}

function positive(bytes: Buffer): Buffer {
  bytes[0] = (bytes[0]! & 0x7f) | 0x01;
  return bytes;
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const sizeBytes = content.length;
  if (sizeBytes < 0x80) return Buffer.concat([Buffer.from([tag, sizeBytes]), content]);
  const size = sizeBytes < 0x100 ? [0x81, sizeBytes] : [0x82, sizeBytes >>> 8, sizeBytes & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
