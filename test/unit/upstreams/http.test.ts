import { createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import {
  AttentionError,
  type ConnectorError,
  PermanentError,
  RetryableError,
  ThrottledError,
  WithheldError,
} from '../../../src/lib/errors.ts';
import {
  type Budget,
  type Circuit,
  createHttp,
  type HttpParts,
  path,
  readBody,
  type UpstreamCall,
} from '../../../src/upstreams/http.ts';
import { type Reply, startUpstream } from './fake-upstream.ts';

const WRITE = { method: 'POST', path: '/orders', body: { seats: 3 } } as const;
const READ = { method: 'GET', path: '/orders/1' } as const;

function createClient(baseUrl: string, parts: Partial<HttpParts> = {}) {
  const calls: UpstreamCall[] = [];
  const observe = (call: UpstreamCall) => calls.push(call);
  const http = createHttp({ upstream: 'shop', baseUrl, readTimeoutMs: 10_000, readOnly: false, observe, ...parts });
  return { ...http, calls };
}

/** A client of an upstream that gives every call the same reply. */
async function setup(reply: Reply, parts: Partial<HttpParts> = {}) {
  const upstream = await startUpstream(() => reply);
  return { ...upstream, ...createClient(upstream.url, parts) };
}

/** A port that speaks no HTTP: `onConnection` decides what becomes of each connection. */
async function startPort(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

function createBudget(answer?: { waitMs: number }) {
  const taken: string[][] = [];
  const pauses: [string[], number][] = [];
  const budget: Budget = {
    async take(keys) {
      taken.push(keys);
      return answer;
    },
    async pause(keys, ms) {
      pauses.push([keys, ms]);
    },
  };
  return { budget, taken, pauses };
}

describe('requests', () => {
  it.each([
    ['', '/orders'],
    ['/', '/orders'],
    ['/cmw', '/cmw/orders'],
    ['/cmw/', '/cmw/orders'],
    ['/cmw//', '/cmw/orders'],
  ])('joins the path to a base that ends in "%s"', async (prefix, expected) => {
    const { url, received } = await startUpstream(() => ({}));
    const { send } = createClient(url + prefix);
    await send({ method: 'GET', path: '/orders' });
    await send({ method: 'GET', path: 'orders' });
    expect(received.map((call) => call.path)).toEqual([expected, expected]);
  });

  it('escapes the query and leaves out what is undefined', async () => {
    const { send, received } = await setup({});
    await send({ ...READ, query: { filter: '{"a":"ü&b=c"}', page: 2, size: undefined } });
    expect(received[0]?.query).toEqual({ filter: '{"a":"ü&b=c"}', page: '2' });
  });

  it('sends a body as JSON in UTF-8', async () => {
    const { send, received } = await setup({});
    await send({ ...WRITE, body: { name: 'Straße' } });
    expect(received[0]).toMatchObject({
      body: '{"name":"Straße"}',
      headers: { 'content-type': 'application/json; charset=utf-8', 'content-length': '18' },
    });
  });

  it('sends a form as a form', async () => {
    const { send, received } = await setup({});
    await send({ method: 'POST', path: '/token', form: { secret: 'a&b=c d' } });
    expect(received[0]).toMatchObject({
      body: 'secret=a%26b%3Dc+d',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  });

  it('sends a POST without body as an empty one', async () => {
    const { send, received } = await setup({});
    await send({ method: 'POST', path: '/checkout' });
    expect(received[0]?.body).toBe('');
    expect(received[0]?.headers).toMatchObject({ 'content-length': '0' });
    expect(received[0]?.headers).not.toHaveProperty('content-type');
  });

  it('keeps its connection for the next call', async () => {
    const { send, received } = await setup({ json: {} });
    await send(READ);
    await send(READ);
    expect(received.map(({ connection }) => connection)).toEqual([1, 1]);
  });

  it('ignores the proxies of the environment', async () => {
    process.env.HTTP_PROXY = 'http://127.0.0.1:1';
    onTestFinished(() => void delete process.env.HTTP_PROXY);
    const { send } = await setup({ json: 'direct' });
    expect(await send(READ)).toMatchObject({ body: 'direct' });
  });

  it('keeps values that are inserted into a path inside their segment', () => {
    expect(path`/domains/${'a/../b?c#d'}/users/${7}`).toBe('/domains/a%2F..%2Fb%3Fc%23d/users/7');
  });

  it.each(['.', '..'])('makes no path of %s, which would lead to another place in any spelling', (value) => {
    expect(() => path`/v1/carts/${value}/checkout`).toThrow(expect.objectContaining({ code: 'upstream.id-unusable' }));
  });

  it.each(['a\r\nX-Injected: 1', 'a\u0000', 'ő'])('sends no header with the value %j', async (value) => {
    const { send, received } = await setup({ json: {} });
    await expect(send({ ...READ, headers: { 'If-Match': value } })).rejects.toMatchObject({
      code: 'shop.malformed',
      effect: 'none',
      message: expect.stringContaining('If-Match'),
    });
    expect(received).toEqual([]);
  });
});

describe('answers', () => {
  it('returns status, headers in lower case and parsed body', async () => {
    const { send } = await setup({ status: 201, json: { id: 1 }, headers: { 'X-Total': '3' } });
    expect(await send(WRITE)).toMatchObject({ status: 201, body: { id: 1 }, headers: { 'x-total': '3' } });
  });

  it('reads compressed answers', async () => {
    const { url } = await startUpstream(() => ({}));
    const port = await startPort((socket) => {
      const body = gzipSync('{"packed":true}');
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`);
        socket.end(body);
      });
    });
    const { send } = createClient(url.replace(/\d+$/, String(port)));
    expect(await send(READ)).toMatchObject({ body: { packed: true } });
  });

  it('takes an empty body for none', async () => {
    const { send } = await setup({ status: 202 });
    expect((await send(WRITE)).body).toBeUndefined();
  });

  it.each([
    ['a write', WRITE, 'unknown'],
    ['a read', READ, 'none'],
  ] as const)('does not believe a success without JSON: %s', async (_, request, effect) => {
    const { send } = await setup({ text: '<html>Welcome</html>' });
    const error = await send(request).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ code: 'shop.malformed', effect, facts: { status: 200 } });
  });

  it('does not believe a success that is nested without end, which would run whoever reads it out of stack', async () => {
    const { send } = await setup({ text: '['.repeat(200_000) + ']'.repeat(200_000) });
    await expect(send(WRITE)).rejects.toMatchObject({ code: 'shop.malformed', effect: 'unknown' });
  });

  it('lets a body be anything when it is ignored', async () => {
    const { send } = await setup({ text: 'OK' });
    expect(await send({ ...WRITE, ignoreBody: true })).toMatchObject({ status: 200, body: undefined });
  });

  it('takes a web page for no answer of the upstream, whether or not anybody would read it', async () => {
    const { send } = await setup({
      text: '<html>Welcome</html>',
      headers: { 'content-type': 'text/html; charset=utf-8' },
    });
    for (const request of [WRITE, { ...WRITE, ignoreBody: true }])
      await expect(send(request)).rejects.toMatchObject({ code: 'shop.malformed', effect: 'unknown' });
    await expect(send({ ...READ, method: 'HEAD' })).rejects.toMatchObject({ code: 'shop.malformed', effect: 'none' });
  });

  it('does not read more than 10 MiB', async () => {
    const { send } = await setup({ text: `"${'x'.repeat(10 * 1024 * 1024)}"` });
    await expect(send(WRITE)).rejects.toMatchObject({ code: 'shop.malformed', effect: 'unknown' });
  });

  it('returns refusals that the caller accepts, and no others', async () => {
    const { send } = await setup({ status: 404, json: { gone: true } });
    const accept = ({ status }: { status: number }) => status === 404;
    expect(await send({ ...READ, accept })).toMatchObject({ status: 404, body: { gone: true } });
    await expect(send({ ...READ, accept: () => false })).rejects.toMatchObject({ code: 'shop.unexplained' });
  });

  it('names the fields that do not fit a schema, never their values', async () => {
    const { send } = await setup({ json: { id: 7, owner: { email: 42, name: 'Giulia' } } });
    const answer = await send(WRITE);
    const schema = z.object({ id: z.number(), owner: z.object({ email: z.string(), name: z.literal('Anna') }) });
    const error = catching(() => readBody(answer, schema));
    expect(error).toMatchObject({ code: 'shop.malformed', effect: 'unknown' });
    expect(String(error)).toContain('owner.email, owner.name');
    expect(String(error)).not.toMatch(/42|Giulia/);
  });
});

describe('failures before the request left: surely without effect', () => {
  it('refused connection', async () => {
    const { send } = createClient('http://127.0.0.1:1');
    const error = await send(WRITE).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({
      code: 'shop.unreachable',
      effect: 'none',
      message: expect.stringMatching(/ECONNREFUSED.*was not sent/),
    });
  });

  it('no TLS at the other end', async () => {
    const { url } = await startUpstream(() => ({}));
    const { send } = createClient(url.replace('http:', 'https:'));
    await expect(send(WRITE)).rejects.toMatchObject({ code: 'shop.unreachable', effect: 'none' });
  });

  it('connection cut while TLS is negotiated', async () => {
    const port = await startPort((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const { send } = createClient(`https://127.0.0.1:${port}`);
    await expect(send(WRITE)).rejects.toMatchObject({ code: 'shop.unreachable', effect: 'none' });
  });

  it('silence while TLS is negotiated', async () => {
    const port = await startPort(() => {});
    const { send } = createClient(`https://127.0.0.1:${port}`, { readTimeoutMs: 40 });
    await expect(send(WRITE)).rejects.toMatchObject({ code: 'shop.unreachable', effect: 'none' });
  });
});

describe('failures after the request left: nobody knows what a write has done', () => {
  it.each([
    ['before the answer', { fault: 'reset' }],
    ['within the answer', { fault: 'reset', text: '{"id":' }],
  ] as const)('connection cut %s', async (_, reply) => {
    const { send } = await setup(reply);
    const error = await send(WRITE).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ code: 'shop.no-answer', effect: 'unknown' });
    await expect(send(READ)).rejects.toMatchObject({ code: 'shop.no-answer', effect: 'none' });
  });

  it('connection cut on a kept connection', async () => {
    const { url } = await startUpstream((_, n) => (n === 0 ? { json: {} } : { fault: 'reset' }));
    const { send } = createClient(url);
    await send(READ);
    await expect(send(WRITE)).rejects.toMatchObject({ code: 'shop.no-answer', effect: 'unknown' });
  });

  it('time-out; writes get three times as long as reads', async () => {
    const { send } = await setup({ fault: 'silent' }, { readTimeoutMs: 1_000 });
    await Promise.all([
      expect(send(READ)).rejects.toMatchObject({
        code: 'shop.no-answer',
        effect: 'none',
        message: expect.stringMatching(/within 1000 ms/),
      }),
      expect(send({ ...WRITE, isRead: true })).rejects.toMatchObject({
        effect: 'none',
        message: expect.stringMatching(/within 1000 ms/),
      }),
      expect(send(WRITE)).rejects.toMatchObject({
        code: 'shop.no-answer',
        effect: 'unknown',
        message: expect.stringMatching(/within 3000 ms/),
      }),
    ]);
  });

  it('an answer that trickles in for ever is cut at the time-out', async () => {
    const port = await startPort((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
      const timer = setInterval(() => socket.write(' '), 5);
      onTestFinished(() => clearInterval(timer));
    });
    const { send } = createClient(`http://127.0.0.1:${port}`, { readTimeoutMs: 1_000 });
    await expect(send(READ)).rejects.toMatchObject({ code: 'shop.no-answer' });
  });

  it.each([408, 500, 502, 503, 504])('status %i', async (status) => {
    const { send } = await setup({ status, text: '<html>' });
    const error = await send(WRITE).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ code: 'shop.unavailable', effect: 'unknown', retryAfterMs: undefined });
  });

  it('honours the pause that an unavailable upstream asks for', async () => {
    const { send } = await setup({ status: 503, headers: { 'Retry-After': '7' } });
    await expect(send(WRITE)).rejects.toMatchObject({ code: 'shop.unavailable', retryAfterMs: 7_000 });
  });

  it('does not follow redirects', async () => {
    const { send, received } = await setup({ status: 307, headers: { Location: '/elsewhere' } });
    const error = await send(WRITE).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AttentionError);
    expect(error).toMatchObject({ code: 'shop.redirected' });
    expect(received).toHaveLength(1);
  });
});

describe('throttling', () => {
  const date = 'Thu, 03 Sep 2026 11:00:00 GMT';

  it.each([
    ['seconds', { 'Retry-After': '57' }, 57_000],
    ["a date, by the server's own clock", { 'Retry-After': 'Thu, 03 Sep 2026 11:00:20 GMT', Date: date }, 20_000],
    ['a date that has passed', { 'Retry-After': 'Thu, 03 Sep 2026 10:00:00 GMT', Date: date }, 0],
    ['nothing', {}, 30_000],
    ['nonsense', { 'Retry-After': 'soon' }, 30_000],
    ['more than an hour', { 'Retry-After': '86400' }, 3_600_000],
    ["Cloudesire's milliseconds", { 'X-Rate-Limit-Retry-After-Milliseconds': '1500' }, 1_500],
  ])('429 with %s pauses every budget of the call for everybody', async (_, headers, pauseMs) => {
    const { budget, pauses } = createBudget();
    const { send } = await setup({ status: 429, headers: headers as Record<string, string> }, { budget });
    const error = await send({ ...WRITE, budgetKeys: ['shop', 'shop:7'] }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ThrottledError);
    expect(error).toMatchObject({ code: 'shop.throttled', effect: 'none', retryAfterMs: pauseMs });
    expect(pauses).toEqual([[['shop', 'shop:7'], pauseMs]]);
  });

  it("takes any refusal with Cloudesire's pause for throttling, but neither a success nor a failure of the server", async () => {
    const headers = { 'X-Rate-Limit-Retry-After-Milliseconds': '1500' };
    const refused = await setup({ status: 403, headers });
    await expect(refused.send(WRITE)).rejects.toMatchObject({ code: 'shop.throttled', retryAfterMs: 1_500 });
    const failed = await setup({ status: 500, headers });
    await expect(failed.send(WRITE)).rejects.toMatchObject({
      code: 'shop.unavailable',
      effect: 'unknown',
      retryAfterMs: 1_500,
    });
    const done = await setup({ status: 200, headers });
    expect(await done.send(WRITE)).toMatchObject({ status: 200 });
  });

  it('sends nothing while the budget is used up', async () => {
    const { budget, taken } = createBudget({ waitMs: 400 });
    const { send, received, calls } = await setup({}, { budget });
    const error = await send({ ...WRITE, budgetKeys: ['shop', 'shop:7'] }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ThrottledError);
    expect(error).toMatchObject({ code: 'shop.budget', effect: 'none', retryAfterMs: 400 });
    expect(taken).toEqual([['shop', 'shop:7']]);
    expect(received).toEqual([]);
    expect(calls).toMatchObject([{ errorCode: 'shop.budget' }]);
  });

  it('keeps a write back that may not be sent any more, which is asked after the budget was taken; a read is not asked about', async () => {
    const { budget, taken } = createBudget();
    const asked: number[] = [];
    const mayWrite = async () => {
      asked.push(taken.length);
      throw new TypeError('taken over');
    };
    const { send, received, calls } = await setup({}, { budget, mayWrite });
    await expect(send({ ...WRITE, budgetKeys: ['shop'] })).rejects.toThrow('taken over');
    expect(asked).toEqual([1]);
    expect(received).toEqual([]);
    expect(calls).toMatchObject([{ errorCode: 'TypeError' }]);

    await send(READ);
    await send({ ...WRITE, isRead: true });
    expect(received).toHaveLength(2);
    expect(asked).toEqual([1]);
  });

  it('does not ask the budget about a call that draws from none', async () => {
    const { budget, taken } = createBudget({ waitMs: 400 });
    const { send } = await setup({}, { budget });
    await send(WRITE);
    expect(taken).toEqual([]);
  });
});

describe('an answer that names', () => {
  it.each([
    [{ 'retry-after-ms': '700' }, 700],
    [{ 'x-ms-retry-after-ms': '800', 'Retry-After': '9' }, 800],
  ])('a pause in milliseconds as %j is taken at its word', async (headers, pauseMs) => {
    const { budget, pauses } = createBudget();
    const { send } = await setup({ status: 429, headers: headers as Record<string, string> }, { budget });
    await expect(send({ ...WRITE, budgetKeys: ['shop'] })).rejects.toMatchObject({ retryAfterMs: pauseMs });
    expect(pauses).toEqual([[['shop'], pauseMs]]);
  });

  it.each([
    ['9', 1],
    ['10', 0],
    ['249', 0],
    ['many', 0],
  ])('%s calls as left slows everybody down in time', async (left, times) => {
    const { budget, pauses } = createBudget();
    const headers = { 'x-ms-ratelimit-remaining-subscription-reads': left };
    const { send } = await setup({ status: 200, headers }, { budget });
    await send({ ...READ, budgetKeys: ['arm-read/7'] });
    expect(pauses).toEqual(Array.from({ length: times }, () => [['arm-read/7'], 1_000]));
  });
});

describe('a circuit', () => {
  function createCircuit(open?: { waitMs: number; since: string }) {
    const entered: unknown[] = [];
    const told: string[][] = [];
    const circuit: Circuit = {
      async enter(upstream, call) {
        entered.push({ upstream, ...call });
        return (
          open ?? {
            answered: async () => void told.push(['answered']),
            failed: async (because, kind) => void told.push(['failed', because, ...(kind ? [kind] : [])]),
            unsent: async () => void told.push(['unsent']),
          }
        );
      },
    };
    return { circuit, entered, told };
  }

  it('that is open keeps the call back before it draws from a budget, and says since when', async () => {
    const since = '2026-03-02T09:20:00.000Z';
    const { circuit } = createCircuit({ waitMs: 4_000, since });
    const { budget, taken } = createBudget();
    const { send, received } = await setup({}, { circuit, budget });
    const error = await send({ ...WRITE, budgetKeys: ['shop'] }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ThrottledError);
    expect(error).toMatchObject({
      code: 'shop.outage',
      effect: 'none',
      retryAfterMs: 4_000,
      waitingFor: `the return of shop, which has not been available since 2026-03-02 09:20:00 UTC`,
    });
    expect([received, taken]).toEqual([[], []]);
  });

  it('learns who reads and how long a call may last', async () => {
    const { circuit, entered } = createCircuit();
    const { send } = await setup({}, { circuit });
    await send(READ);
    await send(WRITE);
    expect(entered).toEqual([
      { upstream: 'shop', isRead: true, timeoutMs: 10_000 },
      { upstream: 'shop', isRead: false, timeoutMs: 30_000 },
    ]);
  });

  it.each([200, 302, 400, 401, 404, 429, 499])('hears of an answer %i that the upstream is there', async (status) => {
    const { circuit, told } = createCircuit();
    const { send } = await setup({ status }, { circuit });
    await send(WRITE).catch(() => {});
    expect(told).toEqual([['answered']]);
  });

  it.each([500, 502, 503, 504])('hears of an answer %i as the failure of that very call', async (status) => {
    const { circuit, told } = createCircuit();
    const { send } = await setup({ status }, { circuit });
    await send(WRITE).catch(() => {});
    expect(told).toEqual([['failed', `it answered POST /orders with ${status}`, 'POST /orders']]);
  });

  it('hears of a failure of what concerns no customer as of one that any call would have met', async () => {
    const { circuit, told } = createCircuit();
    const { send } = await setup({ status: 503 }, { circuit });
    await send({ ...READ, concernsAll: true }).catch(() => {});
    expect(told).toEqual([['failed', 'it answered GET /orders/1 with 503']]);
  });

  it('hears of a connection that did not come about as of one that no call would have got', async () => {
    const port = await startPort((socket) => void socket.destroy());
    const { circuit, told } = createCircuit();
    await createClient('http://127.0.0.1:1', { circuit })
      .send(READ)
      .catch(() => {});
    expect(told).toEqual([['failed', expect.stringContaining('cannot be reached')]]);
    await createClient(`http://127.0.0.1:${port}`, { circuit })
      .send(READ)
      .catch(() => {});
    expect(told[1]).toEqual(['failed', expect.stringContaining('did not answer'), 'GET /orders/1']);
  });

  it('hears of an unreadable answer that the upstream is there', async () => {
    const { circuit, told } = createCircuit();
    const { send } = await setup({ status: 200, text: '{' }, { circuit });
    await send(READ).catch(() => {});
    expect(told).toEqual([['answered']]);
  });

  it('hears when its leave was not used', async () => {
    const { circuit, told } = createCircuit();
    const { budget } = createBudget({ waitMs: 400 });
    const { send } = await setup({}, { circuit, budget });
    await send({ ...READ, budgetKeys: ['shop'] }).catch(() => {});
    expect(told).toEqual([['unsent']]);
  });

  it('hears that its leave was not used when the budget or the last question before a write fails', async () => {
    const { circuit, told } = createCircuit();
    const failure = new TypeError('x is undefined');
    const fail = () => Promise.reject(failure);
    const { budget } = createBudget();
    const withoutBudget = await setup({}, { circuit, budget: { ...budget, take: fail } });
    await expect(withoutBudget.send({ ...READ, budgetKeys: ['shop'] })).rejects.toBe(failure);
    const mayNot = await setup({}, { circuit, mayWrite: fail });
    await expect(mayNot.send(WRITE)).rejects.toBe(failure);
    expect(told).toEqual([['unsent'], ['unsent']]);
    expect([withoutBudget.received, mayNot.received]).toEqual([[], []]);
  });

  it('hears that its leave was not used when a call cannot even be put together', async () => {
    const { circuit, told } = createCircuit();
    const { send, received } = await setup({}, { circuit });
    const endless: Record<string, unknown> = {};
    endless.itself = endless;
    await expect(send({ ...WRITE, body: endless })).rejects.toThrow(TypeError);
    expect([told, received]).toEqual([[['unsent']], []]);
  });
});

describe('refusals', () => {
  it('mean what the caller says', async () => {
    const { send } = await setup({ status: 400, json: { code: 'X1' } });
    const refused = new PermanentError('shop.x1', 'no');
    await expect(
      send({ ...WRITE, toError: ({ body }) => (JSON.stringify(body).includes('X1') ? refused : undefined) }),
    ).rejects.toBe(refused);
  });

  it('without a known meaning are for a person, with everything needed to look them up', async () => {
    const { send } = await setup({ status: 418, text: '<html>', headers: { 'MS-CorrelationId': 'c-1, c-1' } });
    const error = await send({ ...WRITE, toError: () => undefined }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AttentionError);
    expect(error).toMatchObject({
      code: 'shop.unexplained',
      message: expect.stringMatching(/POST \/orders \(418, identifier c-1\)/),
      facts: { upstream: 'shop', method: 'POST', path: '/orders', status: 418, correlationId: 'c-1' },
    });
  });
});

describe('an answer that the upstream failed', () => {
  const says = async (reply: Parameters<typeof setup>[0], headers = {}) => {
    const { send } = await setup(reply);
    return (await send({ ...READ, headers }).catch((error: unknown) => error)) as ConnectorError;
  };

  it('is told of that call alone, with what its support asks for: others may well go through', async () => {
    const error = await says({ status: 503, headers: { 'MS-CorrelationId': 'c-1' } });
    expect(error.message).toBe(
      'shop failed at GET /orders/1 (503, identifier c-1). If that goes on, ask the support of shop, and quote the identifier.',
    );
  });

  it('says which call also where the identifier is only the one that was sent, or there is none', async () => {
    const error = await says({ status: 500 }, { 'x-ms-client-request-id': 'r-7' });
    expect(error.message).toContain('(500, identifier r-7). ');
    expect(error.facts.correlationId).toBe('r-7');
    expect((await says({ status: 500 })).message).toMatch(/\(500\)\. If that goes on, ask the support of shop\.$/);
  });

  it.each([
    [{ error: { code: 'InternalServerError', message: 'Ask Mrs. Bianchi.' } }, 'code InternalServerError'],
    [{ code: 800003, description: 'x' }, 'code 800003'],
    [{ Code: '2000' }, 'code 2000'],
    [{ error: 'server_error' }, 'code server_error'],
  ])('names the code that %j holds, and decides nothing by it', async (json, told) => {
    const error = await says({ status: 500, json });
    expect(error.message).toContain(`shop failed at GET /orders/1 (500, ${told}). `);
    expect(error.message).not.toContain('Bianchi');
    expect(error.facts.upstreamCode).toBeUndefined();
  });

  it.each([[{ code: 'Call +39 055 012' }], [{ error: { code: 'x'.repeat(41) } }], [{ error: ['a'] }], [[]], ['code']])(
    'repeats nothing of %j',
    async (json) => {
      expect((await says({ status: 500, json })).message).toContain('shop failed at GET /orders/1 (500). ');
    },
  );
});

describe('dry run', () => {
  it('keeps writes back and tells what it would have sent', async () => {
    const { send, received, calls } = await setup({}, { readOnly: true });
    const error = await send(WRITE).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WithheldError);
    expect(error).toMatchObject({ code: 'read-only.withheld', message: 'would send POST /orders', effect: 'none' });
    expect(received).toEqual([]);
    expect(calls).toMatchObject([{ upstream: 'shop', method: 'POST', path: '/orders', withheld: true }]);
  });

  it('sends reads, also those that are a POST', async () => {
    const { send, received } = await setup({ json: {} }, { readOnly: true });
    await send(READ);
    await send({ ...WRITE, isRead: true });
    expect(received).toHaveLength(2);
  });
});

describe('what may be told of a call', () => {
  const headers = { Authorization: 'Bearer s3cret', 'MS-RequestId': 'r-1', 'MS-CorrelationId': 'c-1' };

  it('is its address, outcome and identifiers, and nothing secret', async () => {
    const { send, calls } = await setup({ status: 201, json: {}, headers: { 'CMW-Request-Id': 'q-9' } });
    await send({ ...WRITE, query: { token: 's3cret' }, headers });
    expect(calls).toEqual([
      {
        upstream: 'shop',
        method: 'POST',
        path: '/orders',
        status: 201,
        durationMs: expect.any(Number),
        correlationId: 'q-9',
        requestId: 'r-1',
      },
    ]);
  });

  it('is told once, also of failures, then with our own identifier', async () => {
    const { send, calls } = await setup({ fault: 'reset' });
    await send({ ...WRITE, headers }).catch(() => {});
    expect(calls).toMatchObject([{ errorCode: 'shop.no-answer', correlationId: 'c-1', requestId: 'r-1' }]);
  });

  it('leaves no token and no body in any error, whatever happens', async () => {
    const request = { ...WRITE, body: { password: 's3cret' }, headers };
    for (const reply of [
      { fault: 'reset' },
      { status: 500 },
      { status: 400, json: { echo: 's3cret' } },
      { text: 's3cret' },
    ] as Reply[]) {
      const { send } = await setup(reply);
      const error = await send(request).catch((thrown: unknown) => thrown);
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('s3cret');
    }
    const { send } = createClient('http://127.0.0.1:1');
    const error = await send(request).catch((thrown: unknown) => thrown);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('s3cret');
  });
});

function catching(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
