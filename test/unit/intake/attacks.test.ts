import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { eventNotificationRoutes } from '../../../src/intake/event-notification.ts';
import { opsApi } from '../../../src/intake/ops-api.ts';
import { orderValidationRoute } from '../../../src/intake/order-validation.ts';
import { usageRoute } from '../../../src/intake/usage.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { fixedSecret } from '../../../src/lib/secret.ts';
import { createMemoryLog } from '../../support/memory-log.ts';
import { idleOperations } from './idle-operations.ts';
import { exchange, failuresAt, isOutage, open, readAll, serve } from './serve.ts';

const SECRET = 'event-secret-for-tests';
const ENDPOINT_SECRET = 'endpoint-secret-for-tests';
const TOKEN = 'ops-token-for-tests';
const EVENT = '{"id":50010,"entity":"Subscription","type":"MODIFIED"}';

/** The doors of the service, and everything that came through them. */
async function setup() {
  const passed: unknown[] = [];
  const { log, lines, text } = createMemoryLog('debug');
  const pass = async <T>(what: unknown, answer: T): Promise<T> => {
    passed.push(what);
    return answer;
  };
  const served = await serve((app) => {
    app.register(eventNotificationRoutes, {
      secrets: fixedSecret([SECRET]),
      requestLook: (id) => pass(id, 'queued' as const),
      quarantine: (body, reason) => pass(`quarantine ${reason} ${body.length}`, undefined),
      isOutage,
      failures: failuresAt('event', log),
      deadlineMs: 1_800,
      log,
      count: () => {},
    });
    const question = {
      secrets: fixedSecret([ENDPOINT_SECRET]),
      failures: failuresAt('question', log),
      deadlineMs: 1_000,
      log,
      bug: (error: unknown) => served.bugs.push(error),
    };
    app.register(orderValidationRoute, { ...question, validate: (order) => pass(order, []) });
    app.register(usageRoute, { ...question, usage: (metric, id) => pass({ metric, id }, 1) });
    app.register(opsApi, {
      token: fixedSecret(TOKEN),
      isOutage,
      failures: failuresAt('ops', log),
      clock: systemClock,
      log,
      operations: idleOperations({
        list: () => pass('list', { items: [], total: 0 }),
        show: (id) => pass(`show ${id}`, undefined),
        act: (action, id) => pass(`${action} ${id}`, 'queued' as const),
      }),
    });
  });
  return { ...served, passed, lines, logged: text };
}

function sign(body: string): string {
  return `sha1=${createHmac('sha1', SECRET).update(body).digest('hex')}`;
}

/** A request as bytes: the line, the headers in their order, a body. */
function raw(line: string, headers: string[], body = ''): string {
  return `${[line, ...headers, '', ''].join('\r\n')}${body}`;
}

const SIGNED = ['Host: connector', 'Content-Type: application/json', `CMW-Event-Signature: ${sign(EVENT)}`];
const LENGTH = `Content-Length: ${EVENT.length}`;
const CHUNKED = `${EVENT.length.toString(16)}\r\n${EVENT}\r\n0\r\n\r\n`;
const CLOSE = 'Connection: close';

describe('a request that two servers could understand differently', () => {
  it.each([
    ['both lengths', ['Transfer-Encoding: chunked', LENGTH], CHUNKED],
    ['both lengths, the other first', [LENGTH, 'Transfer-Encoding: chunked'], CHUNKED],
    ['two lengths', [LENGTH, 'Content-Length: 5'], EVENT],
    ['a length in words', ['Content-Length: 5, 54'], EVENT],
    ['a signed length', ['Content-Length: +54'], EVENT],
    ['a length of another base', ['Content-Length: 0x36'], EVENT],
    ['an encoding that is hidden', ['Transfer-Encoding: xchunked'], CHUNKED],
    ['two encodings', ['Transfer-Encoding: chunked, identity'], CHUNKED],
    ['a blank before the colon', ['Transfer-Encoding : chunked', LENGTH], CHUNKED],
    ['a continued line', ['X-A: b', ' Transfer-Encoding: chunked', LENGTH], CHUNKED],
    ['a bare line feed', [`X-A: b\nTransfer-Encoding: chunked`, LENGTH], CHUNKED],
    ['a chunk size without end', ['Transfer-Encoding: chunked'], `${'f'.repeat(40)}\r\n${EVENT}`],
    ['a null in a header', ['X-A: \u0000', LENGTH], EVENT],
  ])('is refused, and its connection ended: %s', async (_, framing, body) => {
    const { port, passed, bugs } = await setup();
    const smuggled = raw('POST /event HTTP/1.1', [...SIGNED, LENGTH, CLOSE], EVENT);
    const answer = await exchange(port, raw('POST /event HTTP/1.1', [...SIGNED, ...framing], body), smuggled);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(passed).toEqual([]);
    expect(bugs).toEqual([]);
  });

  it('may be one of several on a connection: each is answered for itself, in their order', async () => {
    const { port, passed } = await setup();
    const forged = raw('POST /event HTTP/1.1', [...SIGNED.slice(0, 2), LENGTH], EVENT);
    const signed = raw('POST /event HTTP/1.1', [...SIGNED, LENGTH], EVENT);
    const last = raw('GET /ops/api/subscriptions HTTP/1.1', ['Host: connector', CLOSE]);
    const answer = await exchange(port, forged + signed + forged + last);
    expect(answer.match(/HTTP\/1\.1 \d{3}/g)).toEqual([401, 204, 401, 401].map((status) => `HTTP/1.1 ${status}`));
    expect(passed).toEqual([50010]);
  });
});

describe('a strange address or method', () => {
  it.each([
    ['TRACE /event HTTP/1.1', 404],
    ['PROPFIND /event HTTP/1.1', 404],
    ['FOO /event HTTP/1.1', 400],
    ['GET http://evil.example/ops/api/subscriptions HTTP/1.1', 401],
    ['GET //ops/api/subscriptions HTTP/1.1', 404],
    ['GET /OPS/api/subscriptions HTTP/1.1', 404],
    ['GET /ops/api/subscriptions/../../../etc/passwd HTTP/1.1', 404],
    ['GET /health/..%2fops/api/subscriptions HTTP/1.1', 404],
    ['GET /ops/api/%2e%2e/api/subscriptions HTTP/1.1', 404],
    ['GET /ops/api/subscriptions/50010%00 HTTP/1.1', 401],
    ['GET /ops/api/subscriptions;a=b HTTP/1.1', 404],
    ['GET /ops%2fapi%2fsubscriptions HTTP/1.1', 404],
    ['GET * HTTP/1.1', 404],
    ['GET /%zz HTTP/1.1', 400],
    ['GET /ops/api/subscriptions HTTP/0.9', 401],
    ['GET /ops/api/subscriptions HTTP/3.0', 400],
    ['PRI * HTTP/2.0', 400],
  ])('opens nothing: %s', async (line, status) => {
    const { port, passed, bugs } = await setup();
    const answer = await exchange(port, raw(line, ['Host: connector', CLOSE]));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 (${status}|405) `));
    expect(passed).toEqual([]);
    expect(bugs).toEqual([]);
  });

  it('opens no tunnel and changes no protocol', async () => {
    const { port, passed } = await setup();
    // Node ends the connection without a word.
    expect(await exchange(port, raw('CONNECT 169.254.169.254:80 HTTP/1.1', ['Host: x']))).toBe('');
    const upgrade = ['Host: x', 'Connection: Upgrade, close', 'Upgrade: websocket'];
    expect(await exchange(port, raw('GET /event HTTP/1.1', upgrade))).toMatch(/^HTTP\/1\.1 200 .*\{"status":"ok"\}$/s);
    expect(passed).toEqual([]);
  });

  it('shows what it was called by nowhere', async () => {
    const { url, port, logged } = await setup();
    const script = '<script>alert(1)</script>';
    const answers = [
      await (await fetch(`${url}/${encodeURIComponent(script)}?${script}`)).text(),
      await exchange(port, raw(`GET /${script} HTTP/1.1`, ['Host: evil.example', CLOSE])),
    ];
    for (const answer of answers) {
      expect(answer).toContain('"error":"route.unknown"');
      expect(answer).not.toMatch(/alert|evil/);
    }
    expect(logged()).toBe('');
  });
});

describe('a body that is made to confuse', () => {
  async function post(body: string | Buffer) {
    const outside = await setup();
    const bytes = Buffer.from(body);
    const signature = `sha1=${createHmac('sha1', SECRET).update(bytes).digest('hex')}`;
    const headers = { 'content-type': 'application/json', 'cmw-event-signature': signature };
    const { status } = await fetch(`${outside.url}/event`, { method: 'POST', body: bytes, headers });
    return { ...outside, status };
  }

  it.each([
    [
      'the last of two keys counts',
      '{"id":1,"id":50010,"entity":"Product","entity":"Subscription","type":"MODIFIED"}',
      [50010],
    ],
    [
      'a prototype is a name like any other',
      '{"__proto__":{"id":1,"entity":"Subscription"},"id":50010,"entity":"Subscription","type":"CREATED"}',
      [50010],
    ],
  ])('%s', async (_, body, looked) => {
    const { status, passed } = await post(body);
    expect(status).toBe(204);
    expect(passed).toEqual(looked);
    expect({}).not.toHaveProperty('entity');
  });

  it.each([
    ['a prototype with all that is needed', '{"__proto__":{"id":50010,"entity":"Subscription","type":"CREATED"}}'],
    ['a huge number', `{"id":1${'0'.repeat(400)},"entity":"Subscription","type":"CREATED"}`],
    ['a number that rounds to another', '{"id":9007199254740993,"entity":"Subscription","type":"CREATED"}'],
    ['a number of 50,000 digits', `{"id":${'9'.repeat(50_000)},"entity":"Subscription","type":"CREATED"}`],
    ['a fraction', '{"id":50010.5,"entity":"Subscription","type":"CREATED"}'],
    ['UTF-16', Buffer.from(EVENT, 'utf16le')],
    ['a byte order mark of UTF-16', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(EVENT, 'utf16le')])],
    ['Latin 1', Buffer.from('{"id":50010,"entity":"Subscription","type":"é"}', 'latin1')],
    ['an overlong form of a quote', Buffer.concat([Buffer.from('{"id":50010,"entity":'), Buffer.from([0xc0, 0xa2])])],
    ['two documents', `${EVENT}${EVENT}`],
    ['half a document', EVENT.slice(0, -1)],
    ['nothing but brackets', '['.repeat(60_000)],
  ])('is kept for operations, and no look is asked for: %s', async (_, body) => {
    const { status, passed, bugs } = await post(body);
    expect(status).toBe(400);
    expect(passed).toEqual([expect.stringMatching(/^quarantine /)]);
    expect(bugs).toEqual([]);
  });

  it('may begin with the byte order mark of UTF-8', async () => {
    const { status, passed } = await post(`\ufeff${EVENT}`);
    expect(status).toBe(204);
    expect(passed).toEqual([50010]);
  });

  it('is cut off where it ends early, and nothing follows from it', async () => {
    const { port, passed, bugs } = await setup();
    const socket = await open(port);
    const answer = readAll(socket);
    socket.end(raw('POST /event HTTP/1.1', [...SIGNED, LENGTH], EVENT.slice(0, 20)));
    expect(await answer).toMatch(/^HTTP\/1\.1 400 .*"error":"request.unreadable"/s);
    expect(passed).toEqual([]);
    expect(bugs).toEqual([]);
  });
});

it('no line of the log is begun, ended or coloured by what a stranger sends', async () => {
  const { url, lines, logged } = await setup();
  const nasty = '\u001b[31m","level":"fatal","msg":"hacked"}\\n\u0000\u2028';
  const entity = `X${nasty}`;
  const body = JSON.stringify({ entity });
  const signature = `sha1=${createHmac('sha1', SECRET).update(body).digest('hex')}`;
  const json = { 'content-type': 'application/json' };
  await fetch(`${url}/event`, { method: 'POST', body, headers: { ...json, 'cmw-event-signature': signature } });
  await fetch(`${url}/event`, { method: 'POST', body, headers: { ...json, 'cmw-event-signature': 'sha1=\u00e9' } });
  await fetch(`${url}/order-validation/${ENDPOINT_SECRET}`, { method: 'POST', body: nasty, headers: json });
  await fetch(`${url}/usage/${ENDPOINT_SECRET}/seats?${encodeURIComponent(nasty)}`, {
    headers: { 'cd-subscription-id': '7' },
  });

  expect(lines).toContainEqual(expect.objectContaining({ entity }));
  expect(logged().trimEnd().split('\n')).toHaveLength(lines.length);
  expect(logged().replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(logged()).not.toContain('"level":"fatal"');
});
