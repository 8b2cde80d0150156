import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createCertificateDownload } from '../../../src/intake/certificate-download.ts';
import { startStopwatch } from '../../support/stopwatch.ts';
import { hostCertificates, serverCertificate } from './certificate-host.ts';
import { issue, rsaKey } from './certificates.ts';

const LIMIT_BYTES = 64 * 1024;

const fromLoopback = createCertificateDownload({ trustedHosts: ['127.0.0.1'] });
const fromPublic = createCertificateDownload({ trustedHosts: ['api.partnercenter.microsoft.com'] });

it('answers the file byte for byte', async () => {
  const file = Buffer.from([0x30, 0x82, 0x00, 0xff, 0x0a, 0x0d]);
  const host = await hostCertificates((_request, response) => response.end(file));

  expect(await fromLoopback(host.url('/a/b.cer?c=d'))).toEqual(file);
  expect(host.requests).toEqual(['/a/b.cer?c=d']);
});

it.each([
  'http://127.0.0.1:PORT/signing.cer',
  'ftp://127.0.0.1:PORT/signing.cer',
  'file:///etc/passwd',
  'data:text/plain,hello',
  'https://user:secret@127.0.0.1:PORT/signing.cer',
  'https://user@127.0.0.1:PORT/signing.cer',
  '//127.0.0.1:PORT/signing.cer',
  'https://',
  'signing.cer',
  '',
])('refuses the address "%s" without asking anybody', async (address) => {
  const host = await hostCertificates((_request, response) => response.end());

  const download = fromLoopback(address.replace('PORT', String(host.port)));

  await expect(download).rejects.toMatchObject({ code: 'certificate.address-refused' });
  expect(host.connections()).toBe(0);
});

it.each([
  '127.0.0.1',
  'localhost',
  '127.1',
  '2130706433',
  '0x7f.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '169.254.169.254',
  '10.0.0.1',
  '192.168.1.1',
  '[fd00::1]',
  '[fe80::1]',
])('does not connect to %s for a stranger', async (hostname) => {
  const host = await hostCertificates((_request, response) => response.end());

  const download = fromPublic(`https://${hostname}:${host.port}/signing.cer`);

  await expect(download).rejects.toMatchObject({ code: 'certificate.address-refused' });
  expect(host.connections()).toBe(0);
});

it('makes an exception for the trusted host alone, by its name', async () => {
  const host = await hostCertificates((_request, response) => response.end('file'));
  const fromLocalhost = createCertificateDownload({ trustedHosts: ['localhost'] });

  expect(String(await fromLocalhost(`https://localhost:${host.port}/`))).toBe('file');
  await expect(fromLocalhost(host.url())).rejects.toMatchObject({ code: 'certificate.address-refused' });
});

it('asks the port of https when the address names none', async () => {
  const asked: unknown[] = [];
  const hear = (message: unknown) => {
    asked.push((message as { request: ClientRequest }).request.getHeader('host'));
  };
  subscribe('http.client.request.created', hear);
  onTestFinished(() => {
    unsubscribe('http.client.request.created', hear);
  });

  await expect(fromPublic('https://127.0.0.1/signing.cer')).rejects.toThrow();

  expect(asked).toEqual(['127.0.0.1']);
});

it('follows no redirect', async () => {
  const host = await hostCertificates((request, response) => {
    if (request.url === '/') response.writeHead(302, { location: '/signing.cer' });
    response.end('file');
  });

  await expect(fromLoopback(host.url('/'))).rejects.toMatchObject({ code: 'certificate.unreachable' });
  expect(host.requests).toEqual(['/']);
});

it.each([204, 206, 404, 500])('takes nothing from an answer %i', async (status) => {
  const host = await hostCertificates((_request, response) => response.writeHead(status).end());

  await expect(fromLoopback(host.url())).rejects.toMatchObject({ code: 'certificate.unreachable' });
});

it('ends the connection at once when it does not want the rest of the answer', async () => {
  const ended = Promise.withResolvers<void>();
  const host = await hostCertificates((request, response) => {
    request.socket.once('close', () => ended.resolve());
    response.writeHead(404).write('an answer that goes on and on');
  });
  const tookMs = startStopwatch();

  await expect(fromLoopback(host.url())).rejects.toMatchObject({ code: 'certificate.unreachable' });

  await ended.promise;
  expect(tookMs()).toBeLessThan(1_000);
});

it('takes 64 KiB and not a byte more, whether announced or not', async () => {
  const host = await hostCertificates((request, response) => {
    const file = Buffer.alloc(request.url === '/fits' ? LIMIT_BYTES : LIMIT_BYTES + 1);
    if (request.url === '/announced') response.setHeader('content-length', file.length);
    response.write(file);
    if (request.url !== '/endless') response.end();
  });

  expect(await fromLoopback(host.url('/fits'))).toHaveLength(LIMIT_BYTES);
  for (const path of ['/announced', '/chunked', '/endless']) {
    await expect(fromLoopback(host.url(path))).rejects.toMatchObject({ code: 'certificate.too-large' });
  }
});

it('gives up after 1.2 s, at whatever point the host hangs', async () => {
  const host = await hostCertificates((request, response) => {
    if (request.url === '/part') response.write('part of a file');
  });
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  const startedAt = performance.now();
  const tookMs = startStopwatch();

  const downloads = [host.url('/part'), host.url('/nothing'), `https://127.0.0.1:${port}/`].map(fromLoopback);
  const ends = await Promise.allSettled(downloads);

  expect(ends.map((end) => end.status === 'rejected' && end.reason.code)).toEqual(
    Array.from(downloads, () => 'certificate.unreachable'),
  );
  expect(performance.now() - startedAt).toBeGreaterThan(1_100);
  expect(tookMs()).toBeLessThan(1_600);
});

it('does not take half a file for a whole one', async () => {
  const host = await hostCertificates((_request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half', () => response.destroy());
  });

  await expect(fromLoopback(host.url())).rejects.toMatchObject({ code: 'certificate.unreachable' });
});

it.each([
  ['of an unknown authority', { issuer: issue({ key: rsaKey(), commonName: 'somebody', isAuthority: true }) }],
  ['of another host', { hosts: ['localhost', '127.0.0.2'] }],
])('asks nothing of a host whose own certificate is %s', async (_whose, options) => {
  const host = await hostCertificates((_request, response) => response.end(), serverCertificate(options));

  await expect(fromLoopback(host.url())).rejects.toMatchObject({ code: 'certificate.unreachable' });
  expect(host.requests).toEqual([]);
});

it('says nothing of the path or query of an address that a stranger wrote', async () => {
  const host = await hostCertificates((_request, response) => response.writeHead(404).end());

  await expect(fromLoopback(host.url('/private?token=secret'))).rejects.toThrow(
    'The certificate could not be downloaded from 127.0.0.1: its answer was 404.',
  );
});
