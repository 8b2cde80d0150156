import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createCertificate } from './x509.ts';

export interface Tls {
  key: string;
  cert: string;
  caFile: string;
  remove(): void;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const CA_NAME = 'Emulator CA';

/**
 * Makes a certificate authority and a server certificate for `localhost`, `127.0.0.1` and further names, both new and good for a month
 * of real time. `key` and `cert` are PEM texts for the server; `caFile` is the path of the authority's certificate for
 * `NODE_EXTRA_CA_CERTS`, which Node reads only when a process starts. `remove` deletes that file.
 *
 * @see https://nodejs.org/api/cli.html#node_extra_ca_certsfile
 */
export async function createTls(names: string[] = []): Promise<Tls> {
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS) };
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signature = { issuer: CA_NAME, signingKey: authority.privateKey, ...validity };

  const folder = await mkdtemp(join(tmpdir(), 'emulator-ca-'));
  const caFile = join(folder, 'ca.pem');
  const ca = createCertificate({
    subject: CA_NAME,
    publicKey: authority.publicKey,
    isAuthority: true,
    ...signature,
  });
  await writeFile(caFile, ca);
  return {
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: createCertificate({
      subject: 'localhost',
      publicKey: server.publicKey,
      dnsNames: [...new Set(['localhost', ...names])],
      ipAddresses: ['127.0.0.1'],
      ...signature,
    }),
    caFile,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * Makes this process trust an authority in addition to those it trusts already, `fetch` included: for a client that runs
 * in the process of the emulator and thus cannot be given `NODE_EXTRA_CA_CERTS`.
 *
 * @see https://nodejs.org/api/tls.html#tlssetdefaultcacertificatescerts
 */
export function trustAuthority(caFile: string): void {
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(caFile, 'utf8')]);
}
