import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { describe, expect, it, vi } from 'vitest';
import { startStopwatch } from '../../support/stopwatch.ts';
import { exchange, open, readAll, serve } from './serve.ts';

function addSample(app: FastifyInstance): void {
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => done(null, text));
  app.get('/sample', async () => ({ ok: true }));
  app.post('/sample/:id/look', async () => ({ ok: true }));
  app.get('/broken', async () => {
    throw new Error('password of mario.rossi@example.it');
  });
}

describe('createServer', () => {
  it('answers 404 as JSON, and 405 with the methods that would do', async () => {
    const { url } = await serve(addSample);
    const unknown = await fetch(`${url}/nothing?here=1`);
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ error: 'route.unknown' });

    const wrongMethod = await fetch(`${url}/sample?here=1`, { method: 'DELETE' });
    expect(wrongMethod.status).toBe(405);
    expect(wrongMethod.headers.get('allow')).toBe('GET, HEAD');
    expect(await wrongMethod.json()).toMatchObject({ error: 'route.method-not-allowed' });

    expect((await fetch(`${url}/sample/5/look`)).headers.get('allow')).toBe('POST');
    expect((await fetch(`${url}/sample/5/6/look`)).status).toBe(404);
  });

  it('answers 404 to an unknown address whatever body comes with it', async () => {
    const { url } = await serve(addSample);
    for (const type of ['application/json', 'image/png']) {
      const answer = await fetch(`${url}/nothing`, { method: 'POST', body: '{', headers: { 'content-type': type } });
      expect(answer.status).toBe(404);
    }
  });

  it('takes no type of body that a route has not asked for', async () => {
    const { url } = await serve(addSample);
    const answer = await fetch(`${url}/sample/5/look`, { method: 'POST', body: 'text' });
    expect(answer.status).toBe(415);
    expect(await answer.json()).toMatchObject({ error: 'body.unsupported-media-type' });
  });

  it('answers 500 without a word of the error, and reports it', async () => {
    const { url, bugs } = await serve(addSample);
    const answer = await fetch(`${url}/broken`);
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({ error: 'internal', message: expect.not.stringContaining('password') });
    expect(bugs).toEqual([expect.objectContaining({ message: expect.stringContaining('password') })]);
  });

  it('forbids to store or to guess any of its answers', async () => {
    const { url, port } = await serve(addSample);
    for (const path of ['/sample', '/nothing', '/broken', '/%ff']) {
      const { headers } = await fetch(`${url}${path}`);
      expect(headers.get('cache-control'), path).toBe('no-store');
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
    }
    expect(await exchange(port, 'no http at all\r\n\r\n')).toMatch(/cache-control: no-store/);
  });

  it('answers what is no HTTP, a bad address and a huge head as JSON', async () => {
    const { port, url } = await serve(addSample);
    const noHttp = await exchange(port, 'no http at all\r\n\r\n');
    expect(noHttp).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(noHttp).toContain('"error":"request.unreadable"');

    expect(await (await fetch(`${url}/%ff`)).json()).toMatchObject({ error: 'request.unreadable' });

    const hugeHead = await exchange(port, `GET /sample HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(hugeHead).toMatch(/^HTTP\/1\.1 431 /);
    expect(hugeHead).toContain('"error":"request.head-too-large"');
  });

  it('answers 408 to a head and to a body that come byte by byte or not at all', async () => {
    const { port } = await serve(addSample);
    const head =
      'POST /sample/5/look HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n';
    const drip = await open(port);
    const dripping = setInterval(() => drip.writable && drip.write('x'), 100);
    drip.once('close', () => clearInterval(dripping));
    drip.write(head);
    const answers = await Promise.all([
      exchange(port, 'GET /sample HTTP/1.1\r\nHost: x\r\n'),
      exchange(port, head, '{"a":'),
      readAll(drip),
    ]);
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect(answer).toContain('"error":"request.too-slow"');
    }
  });
});

describe('a server that is about to stop', () => {
  it('answers on, and ends the connection with each answer, so that callers who keep theirs go elsewhere', async () => {
    const { port, beginToStop } = await serve(addSample);
    const kept = await open(port);
    kept.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
    const [before] = await once(kept, 'data');
    expect(String(before)).toMatch(/^HTTP\/1\.1 404 /);
    expect(String(before)).not.toMatch(/connection: close/i);

    beginToStop();
    const answer = readAll(kept);
    kept.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1.1 404 .*connection: close/is);
  });
});

describe('close()', () => {
  it('lets an open request end, and ends connections that are kept or were never used', async () => {
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const { app, url, port } = await serve((server) => {
      server.get('/slow', async () => {
        begun.resolve();
        await release.promise;
        return { ok: true };
      });
    });
    const unused = await open(port);
    const unusedEnds = once(unused, 'close');
    const kept = await open(port);
    kept.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(kept, 'data');
    const answer = fetch(`${url}/slow`);
    await begun.promise;

    const closed = app.close();
    await expect(fetch(`${url}/nothing`)).rejects.toThrow();
    release.resolve();
    expect((await answer).status).toBe(200);
    await closed;
    await unusedEnds;
  });

  it('answers a request that arrives on a connection which stood before, used or not', async () => {
    const { app, port } = await serve(addSample);
    const unused = await open(port);
    const kept = await open(port);
    kept.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(kept, 'data');

    const closed = app.close();
    await vi.waitFor(() => expect(app.server.listening).toBe(false), { timeout: 10_000, interval: 1 });
    const answers = [unused, kept].map(readAll);
    for (const socket of [unused, kept]) socket.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
    for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^HTTP\/1.1 404 .*connection: close/is);
    await closed;
  });

  it('ends soon when no request is open, although a connection is', async () => {
    const { app, port } = await serve(addSample);
    const unused = await open(port);
    const tookMs = startStopwatch();
    await Promise.all([app.close(), once(unused, 'close')]);
    expect(tookMs()).toBeLessThan(4_000);
  });

  it('gives up a request that does not end', async () => {
    const begun = Promise.withResolvers<void>();
    const { app, url } = await serve((server) => {
      server.get('/stuck', () => {
        begun.resolve();
        return new Promise(() => {});
      });
    });
    const answer = expect(fetch(`${url}/stuck`)).rejects.toThrow();
    await begun.promise;
    await app.close();
    await answer;
  });
});
