import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import https from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClock } from './clock.ts';
import { createFaults } from './faults.ts';
import { createServer, type EmulatorServer } from './server.ts';
import { createTls, type Tls } from './tls.ts';

describe('the private certificate authority', () => {
  let tls: Tls;
  let server: EmulatorServer;
  let port: string;

  beforeAll(async () => {
    tls = await createTls();
    server = createServer('secure', { clock: createClock(), faults: createFaults() });
    server.route('GET', '/hello', () => ({ status: 200, body: 'hello' }));
    port = new URL(await server.listen({ tls })).port;
  });

  afterAll(async () => {
    await server.close();
    tls.remove();
  });

  function get(host: string, ca?: Buffer): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const request = https.get({ host, port, path: '/hello', agent: false, ...(ca === undefined ? {} : { ca }) });
      request.on('error', reject);
      request.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
    });
  }

  it.each(['localhost', '127.0.0.1'])('vouches for %s', async (host) => {
    expect(await get(host, readFileSync(tls.caFile))).toBe(200);
  });

  it('is trusted by nobody who was not given it', async () => {
    await expect(get('127.0.0.1')).rejects.toThrow(/certificate/);
  });

  it('signs the certificate of the server and marks itself as an authority', () => {
    const ca = new X509Certificate(readFileSync(tls.caFile));
    const certificate = new X509Certificate(tls.cert);
    expect(ca.ca).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(ca) && certificate.verify(ca.publicKey)).toBe(true);
  });

  it('leaves nothing behind', async () => {
    const other = await createTls();
    expect(existsSync(other.caFile)).toBe(true);
    other.remove();
    expect(existsSync(other.caFile)).toBe(false);
  });
});
