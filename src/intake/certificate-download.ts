import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, connect as openTcp } from 'node:net';
import { connect as openTls } from 'node:tls';
import { ConnectorError, PermanentError, RetryableError } from '../lib/errors.ts';

export interface CertificateDownloadParts {
  /** Host names, as `URL` writes them, that may lie in a private network. */
  trustedHosts: readonly string[];
}

const LARGEST_BYTES = 64 * 1024;
/** From the look-up of the name to the last byte: whoever posts an event has his answer within 2 s. */
const WITHIN_MS = 1_200;

/** Where a stranger's address must not lead. */
export const NOT_PUBLIC = networksThatAreNotPublic();

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
    const request = open(url, trustedHosts.includes(url.hostname));
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

/** Sends the request over a connection of its own, whose address is checked when it is known and before it is used. */
function open(url: URL, isTrusted: boolean): ClientRequest {
  const signal = AbortSignal.timeout(WITHIN_MS);
  const request = httpsRequest(url, {
    // Without an agent Node would fall back to the port of plain HTTP.
    defaultPort: 443,
    createConnection({ hostname, port }, done) {
      const host = String(hostname);
      const tcp = openTcp({ host, port: Number(port), signal, ...(isTrusted ? {} : { blockList: NOT_PUBLIC }) });
      tcp.once('error', (error) => done(error, tcp));
      tcp.once('connect', () => done(null, openTls({ socket: tcp, host, servername: isIP(host) ? '' : host })));
      return undefined;
    },
  });
  // Whoever waits for the response hears of errors; one that comes after it would end the process without a listener.
  request.on('error', () => {});
  return request.end();
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > LARGEST_BYTES) {
      const message = `The certificate was not read: the file is larger than ${LARGEST_BYTES / 1024} KiB.`;
      throw new PermanentError('certificate.too-large', message);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function explain(url: URL, error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_IP_BLOCKED') return refusedAddress(`${url.hostname} is not in the public internet`);
  return unreachable(url, 'the connection failed or took too long', error);
}

function refusedAddress(reason: string): PermanentError {
  return new PermanentError('certificate.address-refused', `The certificate was not downloaded: ${reason}.`);
}

function unreachable(url: URL, reason: string, cause?: unknown): RetryableError {
  const message = `The certificate could not be downloaded from ${url.hostname}: ${reason}.`;
  return new RetryableError('certificate.unreachable', message, { cause });
}

/** Everything that the registries of special-purpose addresses keep apart: https://www.iana.org/assignments/iana-ipv4-special-registry */
function networksThatAreNotPublic(): BlockList {
  const networks = new BlockList();
  const ipv4: [network: string, prefix: number][] = [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    // Public by its number, but inside Azure the host under every virtual machine.
    ['168.63.129.16', 32],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ];
  const ipv6: [network: string, prefix: number][] = [
    ['::', 96],
    ['64:ff9b:1::', 48],
    ['100::', 64],
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['3fff::', 20],
    ['5f00::', 16],
    ['fc00::', 7],
    ['fe80::', 9],
    ['ff00::', 8],
  ];
  for (const [network, prefix] of ipv4) {
    // Covers the form mapped into IPv6 too, though not the one that a NAT64 gateway turns back into IPv4.
    networks.addSubnet(network, prefix, 'ipv4');
    networks.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6');
  }
  for (const [network, prefix] of ipv6) networks.addSubnet(network, prefix, 'ipv6');
  return networks;
}
