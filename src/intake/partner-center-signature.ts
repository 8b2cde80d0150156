import { type KeyObject, verify, X509Certificate } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../lib/clock.ts';
import { ConnectorError, PermanentError, RetryableError } from '../lib/errors.ts';

export interface PartnerCenterSignatureParts {
  /** Reads the file at an address that a stranger has named. */
  fetchCertificate: (url: string) => Promise<Buffer>;
  /** Certificates as PEM at which a chain may end. */
  roots: readonly string[];
  clock: Clock;
}

/** Who may have signed, and until when we believe it. */
interface Signer {
  key: KeyObject;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

const ORGANISATION = 'Microsoft Corporation';
const SMALLEST_KEY_BITS = 2_048;
/** Of one file. A chain needs three or four; each further one only costs time. */
const MOST_CERTIFICATES = 8;

const MOST_ADDRESSES = 16;
const SIGNER_LIFE_MS = 24 * 3_600_000;
const FAILURE_LIFE_MS = 60_000;

/**
 * Creates the check that an event was signed by Partner Center: its headers name a signature and the address of the
 * signing certificate, which has to be issued to Microsoft Corporation, valid now, and under one of `roots`. Issuers
 * between the two are taken from the same file, else from where the certificate says that its issuer is found (over
 * https). Revocation lists are not asked, nor limits that an authority sets to those below it (length of path, names):
 * the most that a forged event could bring about is one more look.
 *
 * The check resolves when the raw body is as it was signed. Otherwise it rejects with a ConnectorError:
 * `signature.missing`, `signature.algorithm`, `signature.mismatch`, or `certificate.` and what is wrong with it, or
 * whatever `fetchCertificate` rejected with.
 *
 * A certificate is kept for a day and a failure for a minute, by address, 16 of each. An address is asked once at a time,
 * and while 16 unknown ones fail or have not answered no further one is asked: a flood of forged requests would only
 * keep a certificate out that was not seen before.
 *
 * @see https://learn.microsoft.com/partner-center/developer/partner-center-webhooks
 */
export function createPartnerCenterSignature({ fetchCertificate, roots, clock }: PartnerCenterSignatureParts) {
  const authorities = roots.map((pem) => new X509Certificate(pem));
  const keyAt = createKeyCache(load, clock);

  async function load(url: string): Promise<Signer> {
    try {
      const file = readCertificates(await fetchCertificate(url));
      const signing = file.find(({ ca }) => !ca);
      if (signing === undefined) throw unusable('it is that of an authority');
      checkSubject(signing, clock.now());
      const chain = findChain(signing, file) ?? findChain(signing, [...file, ...(await fetchIssuers(signing))]);
      if (chain === undefined) throw untrusted(signing);
      return { key: signing.publicKey, expiresAt: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())) };
    } catch (cause) {
      if (cause instanceof ConnectorError) throw cause;
      throw unusable('the file is no certificate, or one of a kind unknown here', cause);
    }
  }

  /** The certificate, its issuer and so on to one of our authorities, as far as all are valid now. */
  function findChain(certificate: X509Certificate, between: X509Certificate[]): X509Certificate[] | undefined {
    const isIssuer = (candidate: X509Certificate) =>
      candidate.ca &&
      isValidAt(candidate, clock.now()) &&
      certificate.checkIssued(candidate) &&
      certificate.verify(candidate.publicKey);
    const root = authorities.find(isIssuer);
    if (root) return [certificate, root];
    const issuer = between.find(isIssuer);
    const rest = issuer && findChain(issuer, between.toSpliced(between.indexOf(issuer), 1));
    return rest && [certificate, ...rest];
  }

  /** A `.cer` file holds one certificate. Where its issuer is found it says itself, by custom with http:. */
  async function fetchIssuers(certificate: X509Certificate): Promise<X509Certificate[]> {
    const [url] = certificate.toLegacyObject().infoAccess?.['CA Issuers - URI'] ?? [];
    return url === undefined ? [] : readCertificates(await fetchCertificate(url.replace(/^http:/i, 'https:')));
  }

  return async (rawBody: Buffer, headers: IncomingHttpHeaders): Promise<void> => {
    const { url, signature } = readHeaders(headers);
    if (!verify('sha256', rawBody, await keyAt(url), signature)) {
      const message = 'The certificate is right, but its key has not signed this body.';
      throw new PermanentError('signature.mismatch', message);
    }
  };
}

/** Answers the key at an address: one that is known, or else one that `load` finds, within the limits told above. */
function createKeyCache(load: (url: string) => Promise<Signer>, clock: Clock): (url: string) => Promise<KeyObject> {
  /** The one used last stands last. One that is stale stays, so that its address may be asked again in any flood. */
  const known = new Map<string, { key: KeyObject; staleAt: number }>();
  const failed = new Map<string, { error: unknown; forgottenAt: number }>();
  const loading = new Map<string, Promise<KeyObject>>();

  function keep(url: string, entry: { key: KeyObject; staleAt: number }): void {
    known.delete(url);
    known.set(url, entry);
    for (const oldest of known.keys()) if (known.size > MOST_ADDRESSES) known.delete(oldest);
  }

  async function loadAndKeep(url: string): Promise<KeyObject> {
    try {
      const { key, expiresAt } = await load(url);
      keep(url, { key, staleAt: Math.min(expiresAt, clock.now() + SIGNER_LIFE_MS) });
      return key;
    } catch (error) {
      failed.set(url, { error, forgottenAt: clock.now() + FAILURE_LIFE_MS });
      throw error;
    } finally {
      loading.delete(url);
    }
  }

  return async (url) => {
    const now = clock.now();
    const entry = known.get(url);
    if (entry && entry.staleAt > now) {
      keep(url, entry);
      return entry.key;
    }

    for (const [address, { forgottenAt }] of failed) if (forgottenAt <= now) failed.delete(address);
    const failure = failed.get(url);
    if (failure) throw failure.error;

    const running = loading.get(url);
    if (running) return running;
    if (!entry && failed.size + loading.size >= MOST_ADDRESSES) {
      const message = `The certificate was not asked for: ${MOST_ADDRESSES} other addresses failed within the last minute.`;
      throw new RetryableError('certificate.too-many-addresses', message);
    }
    const begun = loadAndKeep(url);
    loading.set(url, begun);
    return begun;
  };
}

/** The signature may stand in either header, with or without the word in front, by how the webhook was registered. */
function readHeaders(headers: IncomingHttpHeaders): { url: string; signature: Buffer } {
  const url = headers['x-ms-certificate-url'];
  const token = headers['x-ms-signature'] ?? headers.authorization;
  const base64 = /^(?:Signature +)?([A-Za-z0-9+/]+={0,2})$/i.exec(String(token))?.[1];
  if (typeof url !== 'string' || token === undefined || base64 === undefined) {
    const message = 'The request carries no signature, or not the address of a certificate.';
    throw new PermanentError('signature.missing', message);
  }
  if (String(headers['x-ms-signature-algorithm']).toLowerCase() !== 'rsa-sha256') {
    throw new PermanentError(
      'signature.algorithm',
      'The request is not signed with rsa-sha256, the only way known here.',
    );
  }
  return { url, signature: Buffer.from(base64, 'base64') };
}

/** Reads DER, base64 of it, or PEM, in which the certificates may stand in any order. */
function readCertificates(file: Buffer): X509Certificate[] {
  const text = file.toString('latin1');
  const pems = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  const isBase64 = /^[A-Za-z0-9+/=\s]+$/.test(text);
  const encoded = pems ?? [isBase64 ? Buffer.from(text, 'base64') : file];
  return encoded.slice(0, MOST_CERTIFICATES).map((one) => new X509Certificate(one));
}

function checkSubject(certificate: X509Certificate, now: number): void {
  // Read from the parsed name: in the name as one text, another field could pretend to be the organisation.
  if (certificate.toLegacyObject().subject.O !== ORGANISATION) throw unusable(`it is not that of ${ORGANISATION}`);
  if (!isValidAt(certificate, now)) {
    throw unusable(`it is valid from ${certificate.validFrom} to ${certificate.validTo}, not now`);
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  if (asymmetricKeyType !== 'rsa' || (asymmetricKeyDetails?.modulusLength ?? 0) < SMALLEST_KEY_BITS) {
    throw unusable(`its key is not RSA of at least ${SMALLEST_KEY_BITS} bits`);
  }
}

function isValidAt({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && now < validToDate.getTime();
}

function unusable(reason: string, cause?: unknown): PermanentError {
  return new PermanentError('certificate.unusable', `The certificate is not accepted: ${reason}.`, { cause });
}

function untrusted({ issuer }: X509Certificate): PermanentError {
  const authority = issuer.replaceAll('\n', ', ');
  const message = `The certificate is not accepted: no chain leads from its issuer (${authority}) to a known root. If Microsoft has taken a new authority, add it to NODE_EXTRA_CA_CERTS.`;
  return new PermanentError('certificate.untrusted', message);
}
