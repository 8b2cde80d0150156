import type { ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, connect as openTcp } from 'node:net';
import { connect as openTls } from 'node:tls';

/** Where an address must not lead that others have written. */
export const NOT_PUBLIC = networksThatAreNotPublic();

export interface GuardedRequestOptions {
  /** Ends the request, from the look-up of the name to the last byte of the answer. */
  signal: AbortSignal;
  /** The host may lie outside the public internet. */
  mayBePrivate: boolean;
  headers?: Record<string, string>;
}

/**
 * Sends a GET for an https address that somebody else has written, so that they cannot use us to reach what only we can
 * reach: over a connection of its own, whose address is checked when it is known and before it is used, whatever the name
 * resolves to at that moment. Redirects are left to the caller. The caller also destroys the request when done.
 */
export function openGuarded(url: URL, { signal, mayBePrivate, headers = {} }: GuardedRequestOptions): ClientRequest {
  const request = httpsRequest(url, {
    headers,
    // Without an agent Node would fall back to the port of plain HTTP.
    defaultPort: 443,
    createConnection({ hostname, port }, done) {
      const host = String(hostname);
      const tcp = openTcp({ host, port: Number(port), signal, ...(mayBePrivate ? {} : { blockList: NOT_PUBLIC }) });
      tcp.once('error', (error) => done(error, tcp));
      tcp.once('connect', () => done(null, openTls({ socket: tcp, host, servername: isIP(host) ? '' : host })));
      return undefined;
    },
  });
  // Whoever waits for the response hears of errors; one that comes after it would end the process without a listener.
  request.on('error', () => {});
  return request.end();
}

/** Whether a guarded request failed because its host is not in the public internet. */
export function isBlocked(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_IP_BLOCKED';
}

/** Reads a stream to its end, or rejects as soon as it turns out to be too large. */
export async function readAtMost(
  stream: AsyncIterable<Buffer>,
  limitBytes: number,
  tooLarge: () => Error,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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
