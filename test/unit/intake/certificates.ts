import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate with the private key that belongs to it. */
export interface Issued {
  der: Buffer;
  pem: string;
  key: KeyObject;
  subject: Buffer;
}

export interface CertificateOptions {
  key: KeyObject;
  /** Without an issuer the certificate signs itself. */
  issuer?: Issued | undefined;
  commonName?: string;
  organisation?: string | undefined;
  isAuthority?: boolean;
  validFrom?: Date;
  validTo?: Date;
  /** DNS names and IPv4 addresses of a TLS server. */
  hosts?: string[];
  /** Where the certificate says that the one of its issuer is found. */
  issuerUrl?: string;
}

export function rsaKey(modulusLength = 2_048): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength }).privateKey;
}

/** Issues an X.509 certificate, signed with RSA and SHA-256: just enough DER for what the tests have to tell apart. */
export function issue(options: CertificateOptions): Issued {
  const { key, issuer, commonName = 'test', organisation, isAuthority = false, hosts, issuerUrl } = options;
  const { validFrom = new Date('2026-01-01T00:00:00Z'), validTo = new Date('2028-01-01T00:00:00Z') } = options;
  const subject = sequence(
    ...(organisation === undefined ? [] : [attribute('2.5.4.10', organisation)]),
    attribute('2.5.4.3', commonName),
  );
  const extensions = sequence(
    extension('2.5.29.19', sequence(...(isAuthority ? [TRUE] : []))),
    ...(hosts ? [extension('2.5.29.17', sequence(...hosts.map(alternativeName)))] : []),
    ...(issuerUrl
      ? [
          extension(
            '1.3.6.1.5.5.7.1.1',
            sequence(sequence(oid('1.3.6.1.5.5.7.48.2'), tlv(0x86, Buffer.from(issuerUrl)))),
          ),
        ]
      : []),
  );
  const body = sequence(
    tlv(0xa0, integer(2)),
    integer(++serial),
    RSA_WITH_SHA256,
    issuer?.subject ?? subject,
    sequence(time(validFrom), time(validTo)),
    subject,
    publicPart(key),
    tlv(0xa3, extensions),
  );
  const signature = sign('sha256', body, issuer?.key ?? key);
  const der = sequence(body, RSA_WITH_SHA256, tlv(0x03, Buffer.from([0]), signature));
  const pem = `-----BEGIN CERTIFICATE-----\n${lines(der.toString('base64'))}\n-----END CERTIFICATE-----\n`;
  return { der, pem, key, subject };
}

/** Base64 in lines of 64 characters. */
export function lines(base64: string): string {
  return base64.replace(/.{64}(?=.)/g, '$&\n');
}

/** From here on a serial number takes two bytes and is positive. */
let serial = 0x1000;
const TRUE = Buffer.from([0x01, 0x01, 0xff]);
const NULL = Buffer.from([0x05, 0x00]);
const RSA_WITH_SHA256 = sequence(oid('1.2.840.113549.1.1.11'), NULL);

function publicPart(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' });
}

function attribute(type: string, value: string): Buffer {
  return tlv(0x31, sequence(oid(type), tlv(0x0c, Buffer.from(value))));
}

function extension(type: string, value: Buffer): Buffer {
  return sequence(oid(type), TRUE, tlv(0x04, value));
}

function alternativeName(host: string): Buffer {
  return isIPv4(host) ? tlv(0x87, Buffer.from(host.split('.').map(Number))) : tlv(0x82, Buffer.from(host));
}

function time(date: Date): Buffer {
  return tlv(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/\D/g, '')}Z`));
}

/** Small and positive. */
function integer(value: number): Buffer {
  return tlv(0x02, Buffer.from(value < 0x80 ? [value] : [value >> 8, value & 0xff]));
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tlv(0x06, Buffer.from(bytes));
}

function sequence(...content: Buffer[]): Buffer {
  return tlv(0x30, ...content);
}

function tlv(tag: number, ...content: Buffer[]): Buffer {
  const value = Buffer.concat(content);
  const { length: size } = value;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}
