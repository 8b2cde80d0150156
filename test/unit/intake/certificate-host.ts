import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { onTestFinished } from 'vitest';
import { type Issued, issue, rsaKey } from './certificates.ts';

export interface CertificateHost {
  port: number;
  /** Address of a file on the host. */
  url(path?: string): string;
  /** Paths that were asked for. */
  requests: string[];
  /** Connections that were opened, for whatever purpose. */
  connections(): number;
}

const key = rsaKey();
const year = (offset: number) => new Date(new Date().setFullYear(new Date().getFullYear() + offset));
const validNow = { validFrom: year(-1), validTo: year(1) };
const authority = issue({ key, commonName: 'TLS of the tests', isAuthority: true, ...validNow });

// What NODE_EXTRA_CA_CERTS would do, which Node reads only at its start.
setDefaultCACertificates([...getCACertificates('default'), authority.pem]);

/** The certificate of a TLS server on loopback; when nothing else is said, one that every client of this process trusts. */
export function serverCertificate({ issuer = authority, hosts = ['localhost', '127.0.0.1'] } = {}): Issued {
  return issue({ key, issuer, hosts, ...validNow });
}

/** A web server over TLS on loopback, until the test ends. */
export async function hostCertificates(
  answer: RequestListener,
  certificate = serverCertificate(),
): Promise<CertificateHost> {
  const requests: string[] = [];
  let connections = 0;
  const tls = { cert: certificate.pem, key: certificate.key.export({ format: 'pem', type: 'pkcs8' }) };
  const server = createServer(tls, (request, response) => {
    requests.push(String(request.url));
    answer(request, response);
  });
  server.on('connection', () => {
    connections += 1;
  });
  // A client that turns away before or after the handshake is what some tests are about.
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: (path = '/signing.cer') => `https://127.0.0.1:${port}${path}`,
    requests,
    connections: () => connections,
  };
}
