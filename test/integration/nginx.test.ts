import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect } from 'node:http2';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Nginx, startNginx } from '../support/nginx.ts';

/* The edge alone: what it lets through, what it adds and what it keeps to itself. The connector is played by servers that tell what they got. */

interface Taken {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

let nginx: Nginx;
const instances: { server: Server; taken: Taken[] }[] = [];
/** How the next request is answered, whichever instance takes it. */
let answer: (response: ServerResponse) => void;
const SECRET = 'path-secret-4711';

beforeAll(async () => {
  for (let count = 0; count < 2; count += 1) {
    const taken: Taken[] = [];
    const server = createServer((call, response) => {
      void text(call).then((body) => {
        taken.push({ path: call.url ?? '', headers: call.headers, body });
        const once = answer;
        answer = (later) => later.writeHead(204).end();
        once(response);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    instances.push({ server, taken });
  }
  nginx = await startNginx(
    instances.map(({ server }) => ({ Address: '127.0.0.1', Port: (server.address() as AddressInfo).port })),
  );
});

beforeEach(() => {
  answer = (response) => response.writeHead(204).end();
  for (const { taken } of instances) taken.length = 0;
});

afterAll(async () => {
  await nginx.stop();
  for (const { server } of instances) {
    server.close();
    server.closeAllConnections();
  }
});

const taken = () => instances.flatMap((instance) => instance.taken);

async function call(
  address: string,
  {
    method = 'POST',
    body = '{}',
    headers = {},
  }: { method?: string; body?: string; headers?: Record<string, string> } = {},
) {
  const sent = request(address, { ca: nginx.ca, method, headers, agent: false });
  sent.end(method === 'GET' ? undefined : body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

describe('the edge', () => {
  it('hands on what is called from outside, body and signature untouched, and tells whose address it came from, whatever the caller says', async () => {
    const body = '{"id": "50010",\n "entity":"Subscription"}';
    const headers = {
      'cmw-event-signature': 'sha1=00',
      'x-forwarded-for': '203.0.113.9',
      'content-type': 'application/json',
    };
    for (const path of ['/event', '/event/license', '/event/azure', '/event/arm', '/partner-center/event'])
      expect((await call(nginx.url + path, { body, headers })).status, path).toBe(204);

    expect(taken().map((one) => one.body)).toEqual(Array(5).fill(body));
    for (const { headers: got } of taken()) {
      expect(got['x-forwarded-for']).toBe('127.0.0.1');
      expect(got['cmw-event-signature']).toBe('sha1=00');
    }
  });

  it('shows neither metrics nor operations to the outside, in whatever spelling', async () => {
    for (const path of [
      '/metrics',
      '/ops/api/subscriptions',
      '/%6detrics',
      '//ops/api/subscriptions',
      '/event/../metrics',
      '/openapi',
      '/openapi.json',
      '/',
    ]) {
      const { status, body } = await call(nginx.url + path, { method: 'GET' });
      expect(status, path).toBe(404);
      expect(JSON.parse(body)).toMatchObject({ error: 'route.unknown' });
    }
    expect(taken()).toEqual([]);
    expect((await call(`${nginx.operationsUrl}/event`)).status).toBe(404);
  });

  it('shows operations, their description and health to the inner network, and writes down what was asked for', async () => {
    const paths = ['/ops', '/ops/api/subscriptions', '/openapi', '/openapi.json', '/health/live', '/health/ready'];
    for (const path of paths)
      expect((await call(nginx.operationsUrl + path, { method: 'GET' })).status, path).toBe(204);
    await expect.poll(() => nginx.accessLog().map(({ path }) => path)).toEqual(expect.arrayContaining(paths));
  });

  it('writes down no secret part of a path, not even of requests that fail', async () => {
    answer = (response) => response.destroy();
    const addresses = [
      `/order-validation/${SECRET}`,
      `/configuration-parameter-values/${SECRET}?${SECRET}`,
      `/usage/${SECRET}/seats`,
      `//usage/${SECRET}/seats/`,
      `/order%2Dvalidation/${SECRET}`,
      `/orders-validation/${SECRET}`,
    ];
    for (const path of addresses) await call(nginx.url + path);
    await call(`${nginx.url}/order-validation/${SECRET}`, { body: 'x'.repeat(70_000) });
    nginx.setInstances([]);
    await nginx.hasRead();
    expect((await call(`${nginx.url}/usage/${SECRET}/seats`, { method: 'GET' })).status).toBe(503);
    nginx.setInstances(
      instances.map(({ server }) => ({ Address: '127.0.0.1', Port: (server.address() as AddressInfo).port })),
    );
    await nginx.hasRead();

    await expect.poll(() => nginx.accessLog().length).toBeGreaterThan(addresses.length);
    expect(nginx.output()).not.toContain(SECRET);
    const paths = nginx.accessLog().map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        '/order-validation/[secret]',
        '/configuration-parameter-values/[secret]',
        '/usage/[secret]/seats',
        '[other]',
      ]),
    );
  });

  it('sends an event again to another instance when the first one ends or cannot store it, and the caller sees neither', async () => {
    for (const failure of [
      (response: ServerResponse) => response.destroy(),
      (response: ServerResponse) => response.writeHead(503).end(),
    ]) {
      answer = failure;
      expect((await call(`${nginx.url}/event`)).status).toBe(204);
    }
    expect(instances.map((instance) => instance.taken.length)).toEqual([2, 2]);
  });

  it('goes on with an instance as soon as it is back, however soon the other one leaves', async () => {
    for (const { server } of instances) {
      const { port } = server.address() as AddressInfo;
      server.close();
      server.closeAllConnections();
      for (let count = 0; count < 6; count += 1) expect((await call(`${nginx.url}/event`)).status).toBe(204);
      await once(server.listen(port, '127.0.0.1'), 'listening');
    }
  });

  it('does not send again what operations have pressed', async () => {
    answer = (response) => response.destroy();
    const { status, headers, body } = await call(`${nginx.operationsUrl}/ops/api/subscriptions/50010/retry`);
    expect(status).toBe(503);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(body)).toMatchObject({ error: 'service.unavailable' });
    expect(taken()).toHaveLength(1);
  });

  it('refuses as the connector does: a body over 64 KiB, and more than the limit allows', async () => {
    const large = await call(`${nginx.url}/event`, { body: 'x'.repeat(64 * 1024 + 1) });
    expect(large.status).toBe(413);
    expect(JSON.parse(large.body)).toEqual({ error: 'body.too-large', message: 'The body is larger than 64 KiB.' });
    expect((await call(`${nginx.url}/event`, { body: 'x'.repeat(64 * 1024) })).status).toBe(204);

    const many = await Promise.all(
      Array.from({ length: 100 }, () => call(`${nginx.url}/health/ready`, { method: 'GET' })),
    );
    const limited = many.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThan(0);
    expect(JSON.parse(limited[0]!.body)).toMatchObject({ error: 'rate.exceeded' });
    expect(Number(limited[0]!.headers['retry-after'])).toBeGreaterThan(0);
    expect((await call(`${nginx.url}/event`)).status, 'events have a limit of their own').toBe(204);
  });

  it('speaks HTTP/2, asks to be called over TLS only, and tells nothing of itself', async () => {
    const session = connect(nginx.url, { ca: nginx.ca });
    const stream = session.request({ ':method': 'POST', ':path': '/event' });
    stream.end('{}');
    const [headers] = await once(stream, 'response');
    stream.close();
    session.close();
    expect(headers[':status']).toBe(204);
    expect(headers['strict-transport-security']).toMatch(/max-age=\d+/);
    expect(headers.server).toBe('nginx');
  });
});
