import { createHash } from 'node:crypto';
import dns from 'node:dns';
import type { RequestListener } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished, vi } from 'vitest';
import { AttentionError, RetryableError } from '../../../src/lib/errors.ts';
import { createTemplateHost } from '../../../src/upstreams/template-host.ts';
import { startStopwatch } from '../../support/stopwatch.ts';
import { hostCertificates, serverCertificate } from '../intake/certificate-host.ts';

const LIMIT_BYTES = 4 * 1024 * 1024;
const TEMPLATE = '{"resources":[]}';

const answerTemplate: RequestListener = (_request, response) => {
  response.setHeader('content-type', 'application/json').end(TEMPLATE);
};

/** A web server on loopback, and the connector that trusts it by the number of its address. */
async function setup(answer: RequestListener = answerTemplate, { timeoutMs = 5_000 } = {}) {
  const host = await hostCertificates(answer);
  const templates = createTemplateHost({ hosts: [`127.0.0.1:${host.port}`], timeoutMs });
  return { host, fetch: templates.fetch, url: (path = '/azuredeploy.json') => host.url(path) };
}

/** What every name resolves to until the end of the test. */
function resolveNamesTo(...addresses: string[]): void {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const lookup = vi.spyOn(dns, 'lookup') as unknown as { mockImplementation(lookup: unknown): void };
  lookup.mockImplementation((_name: string, options: { all?: boolean }, done: (...answer: unknown[]) => void) => {
    if (options.all) done(null, found);
    else done(null, found[0]?.address, found[0]?.family);
  });
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
}

it('answers the text of the template and the hash of the file', async () => {
  const file = Buffer.from('\uFEFF{"metadata":"Größe"}');
  const { fetch, url, host } = await setup((_request, response) => response.end(file));

  expect(await fetch(url('/a/b.json?sig=c%3D'))).toEqual({
    text: '{"metadata":"Größe"}',
    sha256: createHash('sha256').update(file).digest('hex'),
  });
  expect(host.requests).toEqual(['/a/b.json?sig=c%3D']);
});

it.each([
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'text/plain;charset=utf-8',
  'application/octet-stream',
  'application/vnd.azure+json',
])('takes the content type %s', async (type) => {
  const { fetch, url } = await setup((_request, response) => response.setHeader('content-type', type).end('{}'));
  expect((await fetch(url())).text).toBe('{}');
});

it.each(['text/html', 'text/html; charset=utf-8', 'image/png', 'application/zip', 'application/jsonx'])(
  'does not take the content type %s, such as that of a page to sign in',
  async (type) => {
    const { fetch, url } = await setup((_request, response) => response.setHeader('content-type', type).end('{}'));
    await expect(fetch(url())).rejects.toMatchObject({ code: 'template.not-readable' });
  },
);

it.each([
  'http://127.0.0.1:PORT/t.json',
  'ftp://127.0.0.1:PORT/t.json',
  'file:///etc/passwd',
  'data:application/json,{}',
  'https://user:secret@127.0.0.1:PORT/t.json',
  'https://user@127.0.0.1:PORT/t.json',
  'https://127.0.0.1/t.json',
  'https://localhost:PORT/t.json',
  'https://127.0.0.2:PORT/t.json',
  'https://127.0.0.1:PORT.example/t.json',
  'https://127.0.0.1.example:PORT/t.json',
  'https://example.com/t.json',
  '//127.0.0.1:PORT/t.json',
  't.json',
  '',
])('refuses the address "%s" without asking anybody', async (address) => {
  const { fetch, host } = await setup();

  const fetched = fetch(address.replace('PORT', String(host.port)));

  await expect(fetched).rejects.toBeInstanceOf(AttentionError);
  await expect(fetched).rejects.toMatchObject({ code: 'template.address-refused' });
  expect(host.connections()).toBe(0);
});

it('says which host is to be added to which setting', async () => {
  const { fetch } = createTemplateHost({ hosts: [] });
  await expect(fetch('https://files.example:8443/a.json?sig=secret')).rejects.toThrow(
    /^The template address https:\/\/files\.example:8443\/a\.json is not used: .* Add files\.example:8443 to ARM_TEMPLATE_HOSTS/,
  );
});

it('allows a host without a port at the port of https, whatever case it is written in', async () => {
  resolveNamesTo('127.0.0.1');
  const { fetch } = createTemplateHost({ hosts: ['Templates.Example', 'other.example:443'] });
  for (const address of ['https://templates.example/', 'https://TEMPLATES.example:443/', 'https://other.example/']) {
    // Past the list, it is the private address that is refused.
    await expect(fetch(address)).rejects.toThrow(/private network/);
  }
  await expect(fetch('https://templates.example:8443/')).rejects.toThrow(/Add templates\.example:8443/);
});

it.each([
  ['loopback', '127.0.0.1'],
  ['loopback in IPv6', '::1'],
  ['loopback mapped into IPv6', '::ffff:127.0.0.1'],
  ['link-local, where clouds keep their secrets', '169.254.169.254'],
  ['private', '10.0.0.1'],
  ['private', '192.168.0.1'],
  ['unique local', 'fd00::1'],
])('refuses an allowed name that resolves to a %s address without connecting', async (_what, address) => {
  const { host } = await setup();
  resolveNamesTo(address);
  const { fetch } = createTemplateHost({ hosts: [`templates.example:${host.port}`], timeoutMs: 2_000 });

  await expect(fetch(`https://templates.example:${host.port}/`)).rejects.toMatchObject({
    code: 'template.address-refused',
  });
  expect(host.connections()).toBe(0);
});

it('refuses an allowed name of which no address is public, however many it has', async () => {
  const { host } = await setup();
  resolveNamesTo('127.0.0.1', '::1', '10.0.0.1');
  const { fetch } = createTemplateHost({ hosts: [`templates.example:${host.port}`] });

  await expect(fetch(`https://templates.example:${host.port}/`)).rejects.toMatchObject({
    code: 'template.address-refused',
  });
  expect(host.connections()).toBe(0);
});

it('fetches from this machine when the list names localhost', async () => {
  const { host } = await setup();
  const { fetch } = createTemplateHost({ hosts: [`localhost:${host.port}`] });
  expect((await fetch(`https://localhost:${host.port}/`)).text).toBe(TEMPLATE);
});

it('follows redirects within the allowed hosts, three at most', async () => {
  const { fetch, url, host } = await setup((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left === 0) answerTemplate(request, response);
    else response.writeHead(302, { location: `/${left - 1}` }).end();
  });

  expect((await fetch(url('/3'))).text).toBe(TEMPLATE);
  expect(host.requests).toEqual(['/3', '/2', '/1', '/0']);
  await expect(fetch(url('/4'))).rejects.toMatchObject({ code: 'template.address-refused' });
});

it.each([301, 302, 303, 307, 308])('does not follow a redirect %i to a host that is not allowed', async (status) => {
  const elsewhere = await hostCertificates(answerTemplate);
  const { fetch, url } = await setup((_request, response) =>
    response.writeHead(status, { location: elsewhere.url('/') }).end(),
  );

  await expect(fetch(url())).rejects.toThrow(`Add 127.0.0.1:${elsewhere.port} to ARM_TEMPLATE_HOSTS`);
  expect(elsewhere.connections()).toBe(0);
});

it.each(['http://127.0.0.1/', 'https://user:secret@127.0.0.1:PORT/', '//[::1]/', 'file:///etc/passwd', 'https://'])(
  'does not follow a redirect to "%s"',
  async (location) => {
    const { fetch, url, host } = await setup((request, response) => {
      const port = String(request.socket.localPort);
      response.writeHead(302, { location: location.replace('PORT', port) }).end(TEMPLATE);
    });
    await expect(fetch(url())).rejects.toMatchObject({ code: 'template.address-refused' });
    expect(host.requests).toHaveLength(1);
  },
);

it.each([204, 206, 304, 400, 401, 403, 404, 410])(
  'asks for a person when the host answers %i, for only one can cure that',
  async (status) => {
    const { fetch, url } = await setup((_request, response) => response.writeHead(status).end());
    await expect(fetch(url())).rejects.toBeInstanceOf(AttentionError);
    await expect(fetch(url())).rejects.toMatchObject({ code: 'template.not-readable' });
  },
);

it.each([408, 429, 500, 503])('is tried again when the host answers %i, no sooner than it asks for', async (status) => {
  const { fetch, url } = await setup((_request, response) => response.writeHead(status, { 'retry-after': '7' }).end());
  await expect(fetch(url())).rejects.toBeInstanceOf(RetryableError);
  await expect(fetch(url())).rejects.toMatchObject({ code: 'template-host.unreachable', retryAfterMs: 7_000 });
});

it('takes 4 MB and not a byte more, whether announced, streamed or compressed', async () => {
  const { fetch, url } = await setup((request, response) => {
    const file = Buffer.alloc(request.url === '/fits' ? LIMIT_BYTES : LIMIT_BYTES + 1, ' ');
    if (request.url === '/announced') response.setHeader('content-length', file.length);
    if (request.url === '/compressed') {
      response.setHeader('content-encoding', 'gzip').end(gzipSync(file));
      return;
    }
    response.write(file);
    if (request.url !== '/endless') response.end();
  });

  expect((await fetch(url('/fits'))).text).toHaveLength(LIMIT_BYTES);
  for (const path of ['/announced', '/chunked', '/endless', '/compressed']) {
    await expect(fetch(url(path)), path).rejects.toMatchObject({ code: 'template.too-large' });
  }
});

it('unpacks what a store keeps compressed', async () => {
  const { fetch, url } = await setup((_request, response) =>
    response.setHeader('content-encoding', 'gzip').end(gzipSync(TEMPLATE)),
  );
  const fetched = await fetch(url());
  expect(fetched.text).toBe(TEMPLATE);
  expect(fetched.sha256).toBe(createHash('sha256').update(TEMPLATE).digest('hex'));
});

it.each([
  ['that is not what its host says', 'gzip', 'no gzip'],
  ['in an unknown encoding', 'br', TEMPLATE],
])('does not take a file %s', async (_what, encoding, body) => {
  const { fetch, url } = await setup((_request, response) =>
    response.setHeader('content-encoding', encoding).end(body),
  );
  await expect(fetch(url())).rejects.toMatchObject({ code: 'template.not-readable' });
});

it('does not take what is not UTF-8', async () => {
  const { fetch, url } = await setup((_request, response) => response.end(Buffer.from('{"a":"Größe"}', 'latin1')));
  await expect(fetch(url())).rejects.toMatchObject({ code: 'template.not-readable' });
});

it('gives up in time, at whatever point the host hangs, drips or redirects', async () => {
  const { fetch, url } = await setup(
    (request, response) => {
      if (request.url === '/part') response.write('{');
      if (request.url === '/drip') {
        const timer = setInterval(() => response.write(' '), 20);
        response.once('close', () => clearInterval(timer));
      }
      if (request.url === '/redirect') response.writeHead(302, { location: '/part' }).end();
    },
    { timeoutMs: 400 },
  );
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    silent.close();
  });
  const mute = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const tookMs = startStopwatch();

  const ends = await Promise.allSettled([
    ...['/part', '/nothing', '/drip', '/redirect'].map((path) => fetch(url(path))),
    createTemplateHost({ hosts: [mute], timeoutMs: 400 }).fetch(`https://${mute}/`),
  ]);

  expect(ends.map((end) => end.status === 'rejected' && end.reason.code)).toEqual(
    Array(5).fill('template-host.unreachable'),
  );
  expect(tookMs()).toBeLessThan(1_500);
});

it('does not take half a file for a whole one', async () => {
  const { fetch, url } = await setup((request, response) => {
    response.writeHead(200, request.url === '/packed' ? { 'content-encoding': 'gzip' } : { 'content-length': 100 });
    response.write(request.url === '/packed' ? gzipSync(TEMPLATE).subarray(0, 20) : '{}', () => response.destroy());
  });
  for (const path of ['/plain', '/packed']) {
    await expect(fetch(url(path)), path).rejects.toMatchObject({ code: 'template-host.unreachable' });
  }
});

it('is tried again when nobody listens, or the name does not resolve', async () => {
  const { host } = await setup();
  const { fetch } = createTemplateHost({ hosts: ['127.0.0.1:1', `templates.invalid:${host.port}`] });
  for (const address of ['https://127.0.0.1:1/', `https://templates.invalid:${host.port}/`]) {
    await expect(fetch(address), address).rejects.toMatchObject({ code: 'template-host.unreachable', effect: 'none' });
  }
});

it('asks nothing of a host whose own certificate is that of another', async () => {
  const host = await hostCertificates(answerTemplate, serverCertificate({ hosts: ['127.0.0.2'] }));
  const { fetch } = createTemplateHost({ hosts: [`127.0.0.1:${host.port}`] });
  await expect(fetch(host.url())).rejects.toMatchObject({ code: 'template-host.unreachable' });
  expect(host.requests).toEqual([]);
});

it('says nothing of the query of an address, which may open a private store', async () => {
  const { fetch, url } = await setup((_request, response) => response.writeHead(403).end());
  const error: unknown = await fetch(url('/t.json?sig=c2VjcmV0')).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AttentionError);
  expect(JSON.stringify([String(error), (error as AttentionError).facts])).not.toContain('c2VjcmV0');
});
