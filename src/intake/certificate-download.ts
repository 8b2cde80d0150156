import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { ConnectorError, PermanentError, RetryableError } from '../lib/errors.ts';
import { isBlocked, openGuarded, readAtMost } from '../lib/guarded-request.ts';

export interface CertificateDownloadParts {
  /** Host names, as `URL` writes them, that may lie in a private network. */
  trustedHosts: readonly string[];
}

const LARGEST_BYTES = 64 * 1024;
/** From the look-up of the name to the last byte: whoever posts an event has his answer within 2 s. */
const WITHIN_MS = 1_200;

/**
 * Creates the download of a certificate whose address a stranger has named, made so that the stranger cannot use us to
 * reach what only we can reach: https only, no redirect followed, no address outside the public internet connected to
 * (whatever the name resolves to at that moment), 64 KiB and 1.2 s at most.
 *
 * It rejects with a PermanentError `certificate.address-refused` or `certificate.too-large`, or with a RetryableError
 * `certificate.unreachable` for everything else that kept the file from coming.
 */
export function createCertificateDownload({
  trustedHosts,
}: CertificateDownloadParts): (address: string) => Promise<Buffer> {
  return async (address) => {
    const url = URL.parse(address);
    if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
      throw refusedAddress('it is no https: address, or carries credentials');
    }
    const signal = AbortSignal.timeout(WITHIN_MS);
    const request = openGuarded(url, { signal, mayBePrivate: trustedHosts.includes(url.hostname) });
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      if (response.statusCode !== 200) throw unreachable(url, `its answer was ${response.statusCode}`);
      return await readAll(response);
    } catch (error) {
      throw explain(url, error);
    } finally {
      request.destroy();
    }
  };
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  return await readAtMost(response, LARGEST_BYTES, () => {
    const message = `The certificate was not read: the file is larger than ${LARGEST_BYTES / 1024} KiB.`;
    return new PermanentError('certificate.too-large', message);
  });
}

function explain(url: URL, error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error;
  if (isBlocked(error)) return refusedAddress(`${url.hostname} is not in the public internet`);
  return unreachable(url, 'the connection failed or took too long', error);
}

function refusedAddress(reason: string): PermanentError {
  return new PermanentError('certificate.address-refused', `The certificate was not downloaded: ${reason}.`);
}

function unreachable(url: URL, reason: string, cause?: unknown): RetryableError {
  const message = `The certificate could not be downloaded from ${url.hostname}: ${reason}.`;
  return new RetryableError('certificate.unreachable', message, { cause });
}
