import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface Signer {
  /** The certificate that a verifier must trust, as PEM. */
  rootCertificate: string;
  /** The certificate of the signing key, as it is downloaded: DER. */
  certificate: Buffer;
  /** RSA PKCS#1 v1.5 with SHA-256 over the bytes, in base64. */
  sign(bytes: Buffer): string;
}

const ORGANISATION = 'Microsoft Corporation';
const VALIDITY = ['200101000000Z', '491231235959Z'];
const OID = {
  commonName: '550403',
  organisation: '55040a',
  sha256WithRsa: '2a864886f70d01010b',
  basicConstraints: '551d13',
  keyUsage: '551d0f',
} as const;

/**
 * Makes a signing key and a chain of two certificates for it, both of them made out to Microsoft Corporation and good for
 * every instant that a test may visit. Only the root is self-signed.
 *
 * @see https://learn.microsoft.com/partner-center/developer/partner-center-webhooks
 */
export function createSigner(): Signer {
  const root = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const leaf = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const issuer = 'EMULATED Microsoft Root';
  const issue = (subject: string, publicKey: KeyObject, isAuthority: boolean): Buffer =>
    createCertificate({ subject, publicKey, isAuthority, issuer, signingKey: root.privateKey });
  return {
    rootCertificate: toPem(issue(issuer, root.publicKey, true)),
    certificate: issue('EMULATED Partner Center Notifications', leaf.publicKey, false),
    sign: (bytes) => sign('sha256', bytes, leaf.privateKey).toString('base64'),
  };
}

function createCertificate(facts: {
  subject: string;
  issuer: string;
  publicKey: KeyObject;
  signingKey: KeyObject;
  isAuthority: boolean;
}): Buffer {
  const { subject, issuer, publicKey, signingKey, isAuthority } = facts;
  const algorithm = sequence(oid(OID.sha256WithRsa), der(0x05));
  const serialNumber = randomBytes(15);
  serialNumber[0] = 0x01;
  const constraints = isAuthority ? sequence(der(0x01, Buffer.from([0xff]))) : sequence();
  const usage = Buffer.from(isAuthority ? [1, 0b0000_0110] : [7, 0b1000_0000]);
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serialNumber),
    algorithm,
    name(issuer),
    sequence(...VALIDITY.map((instant) => der(0x17, Buffer.from(instant)))),
    name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension(OID.basicConstraints, constraints), extension(OID.keyUsage, der(0x03, usage)))),
  );
  return sequence(body, algorithm, der(0x03, Buffer.from([0]), sign('sha256', body, signingKey)));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), der(0x01, Buffer.from([0xff])), der(0x04, value));
}

function name(commonName: string): Buffer {
  const part = (id: string, text: string): Buffer => der(0x31, sequence(oid(id), der(0x0c, Buffer.from(text))));
  return sequence(part(OID.organisation, ORGANISATION), part(OID.commonName, commonName));
}

function sequence(...contents: Buffer[]): Buffer {
  return der(0x30, ...contents);
}

function oid(encoded: string): Buffer {
  return der(0x06, Buffer.from(encoded, 'hex'));
}

/** Tag, length and content, as ASN.1 writes everything. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const sizeBytes = content.length;
  if (sizeBytes < 0x80) return Buffer.concat([Buffer.from([tag, sizeBytes]), content]);
  const size = sizeBytes < 0x100 ? [0x81, sizeBytes] : [0x82, sizeBytes >>> 8, sizeBytes & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function toPem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
