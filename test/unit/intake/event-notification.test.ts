import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type EventNotification,
  type EventNotificationParts,
  type EventOutcome,
  eventNotificationRoutes,
} from '../../../src/intake/event-notification.ts';
import { fixedSecret } from '../../../src/lib/secret.ts';
import examples from '../../fixtures/cloudesire/signatures.json' with { type: 'json' };
import { createMemoryLog } from '../../support/memory-log.ts';
import { startStopwatch } from '../../support/stopwatch.ts';
import { AWAY, exchange, failuresAt, isOutage, serve } from './serve.ts';

const SECRETS = ['product-secret-for-tests', 'vendor-secret-for-tests', 'plätform-sécret-ü'];
const EVENT = { id: 50010, entity: 'Subscription', type: 'MODIFIED' };

async function setup(overrides: Partial<EventNotificationParts> = {}) {
  const looks: { subscriptionId: number; event: EventNotification }[] = [];
  const quarantined: { body: string; reason: string }[] = [];
  const outcomes: EventOutcome[] = [];
  const { log, lines, text } = createMemoryLog();
  const parts: EventNotificationParts = {
    secrets: fixedSecret(SECRETS),
    requestLook: async (subscriptionId, event) => {
      looks.push({ subscriptionId, event });
      return 'queued';
    },
    quarantine: async (body, reason) => {
      quarantined.push({ body: body.toString(), reason });
    },
    isOutage,
    failures: failuresAt('event', log),
    deadlineMs: 1_800,
    log,
    count: (outcome) => outcomes.push(outcome),
    ...overrides,
  };
  const served = await serve((app) => app.register(eventNotificationRoutes, parts));

  function post(body: string | Buffer, headers: Record<string, string> = {}, path = '/event'): Promise<Response> {
    const signed = { 'content-type': 'application/json; charset=utf-8', 'cmw-event-signature': sign(body) };
    return fetch(`${served.url}${path}`, { method: 'POST', body, headers: { ...signed, ...headers } });
  }
  return { ...served, post, looks, quarantined, outcomes, lines, logged: text };
}

function sign(body: string | Buffer, secret = SECRETS[0]!): string {
  return `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`;
}

function head(...lines: string[]): string {
  return ['POST /event HTTP/1.1', 'Host: connector', 'Connection: close', ...lines, '', ''].join('\r\n');
}

describe('POST /event', () => {
  it.each(examples.valid)('answers 204 to $file as the marketplace signed it', async ({ body, signature }) => {
    const { post, looks } = await setup();
    const answer = await post(body, { 'cmw-event-signature': signature });

    expect(answer.status).toBe(204);
    expect(await answer.text()).toBe('');
    const { entity, id } = JSON.parse(body);
    expect(looks.map((look) => look.subscriptionId)).toEqual(entity === 'Subscription' ? [Number(id)] : []);
  });

  it('answers 204 only once the look is stored', async () => {
    const storing = Promise.withResolvers<'queued'>();
    const asked = Promise.withResolvers<void>();
    const { post } = await setup({
      requestLook: () => {
        asked.resolve();
        return storing.promise;
      },
    });
    let isAnswered = false;
    const answer = post(JSON.stringify(EVENT)).then((response) => {
      isAnswered = true;
      return response;
    });
    await asked.promise;
    expect(isAnswered).toBe(false);
    storing.resolve('queued');
    expect((await answer).status).toBe(204);
  });

  it.each(['/event', '/event/license', '/event/azure', '/event/arm'])(
    'takes events at %s and answers probes there',
    async (path) => {
      const { post, looks, url } = await setup();
      expect((await post(JSON.stringify(EVENT), {}, path)).status).toBe(204);
      expect(looks).toHaveLength(1);

      const probe = await fetch(`${url}${path}`);
      expect(probe.status).toBe(200);
      expect(await probe.json()).toEqual({ status: 'ok' });
    },
  );

  it.each([50010, '50010', 1, '2147483647'])('reads the id %j as a subscription', async (id) => {
    const { post, looks } = await setup();
    expect((await post(JSON.stringify({ ...EVENT, id }))).status).toBe(204);
    expect(looks[0]?.subscriptionId).toBe(Number(id));
  });

  it.each([
    0,
    -1,
    1.5,
    '0',
    '-1',
    '1.5',
    '2147483648',
    2 ** 31,
    '1e3',
    '',
    ' 5',
    'abc',
    null,
    true,
    [5],
    {},
    undefined,
  ])('keeps an event of a subscription with the id %j in quarantine', async (id) => {
    const { post, looks, quarantined } = await setup();
    const body = JSON.stringify({ ...EVENT, id });
    expect((await post(body)).status).toBe(400);
    expect(looks).toEqual([]);
    expect(quarantined).toEqual([{ body, reason: 'of a subscription, but without a usable id' }]);
  });

  it('looks whatever the type of the event, and hands on what it can read of it', async () => {
    const { post, looks } = await setup();
    await post(JSON.stringify({ ...EVENT, type: 'RENAMED', eventId: 'x', date: 'yesterday', metadata: [], self: 7 }));
    await post(JSON.stringify({ ...EVENT, type: 'DELETED', eventId: 880301, date: '2026-06-01T00:00:05.000+00:00' }));
    expect(looks).toEqual([
      { subscriptionId: 50010, event: { type: 'UNKNOWN' } },
      { subscriptionId: 50010, event: { type: 'DELETED', eventId: 880301, date: '2026-06-01T00:00:05.000+00:00' } },
    ]);
  });

  it.each([
    { entity: 'Invoice', id: 70010, type: 'MODIFIED' },
    { entity: 'Cart', id: 'a-b-c' },
    { entity: 'Whatever' },
  ])('answers 204 without a look to %j', async (event) => {
    const { post, looks, quarantined, outcomes } = await setup();
    expect((await post(JSON.stringify(event))).status).toBe(204);
    expect([looks, quarantined]).toEqual([[], []]);
    expect(outcomes).toEqual(['ignored']);
  });

  it('answers 401 without any effect to what none of the secrets has signed', async () => {
    const { post, looks, quarantined, outcomes, url } = await setup();
    const body = JSON.stringify(EVENT);
    const wrong = [
      sign(body, 'guess'),
      sign(`${body} `),
      sign(body).toUpperCase(),
      sign(body).slice('sha1='.length),
      '',
    ];
    for (const signature of wrong) {
      const answer = await post(body, { 'cmw-event-signature': signature });
      expect(answer.status, signature).toBe(401);
      expect(await answer.json()).toMatchObject({ error: 'signature.mismatch' });
    }
    const unsigned = await fetch(`${url}/event`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(unsigned.status).toBe(401);
    expect([looks, quarantined]).toEqual([[], []]);
    expect(new Set(outcomes)).toEqual(new Set(['unsigned']));
  });

  it('accepts at once what a secret has signed that has just taken the place of another', async () => {
    const rotated: string[] = [];
    const { post, looks } = await setup({
      secrets: { read: () => [...rotated], isReplaced: () => rotated.push(SECRETS[1]!) > 0 },
    });
    const body = JSON.stringify(EVENT);
    expect((await post(body, { 'cmw-event-signature': sign(body, SECRETS[1]) })).status).toBe(204);
    expect(looks).toHaveLength(1);
  });

  it('answers 401 to an unsigned body even when it is no notification', async () => {
    const { post, quarantined } = await setup();
    expect((await post('not json', { 'cmw-event-signature': sign('something else') })).status).toBe(401);
    expect(quarantined).toEqual([]);
  });

  it('refuses a signature that is sent twice, even when both are right', async () => {
    const { port, looks } = await setup();
    const body = JSON.stringify(EVENT);
    const twice = [`CMW-Event-Signature: ${sign(body)}`, `CMW-Event-Signature: ${sign(body)}`];
    const answer = await exchange(
      port,
      head('Content-Type: application/json', `Content-Length: ${body.length}`, ...twice),
      body,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(looks).toEqual([]);
  });

  it('verifies the bytes as sent, not their meaning', async () => {
    const { post } = await setup();
    const pretty = JSON.stringify(EVENT, null, 4);
    expect((await post(pretty)).status).toBe(204);
    expect((await post(pretty, { 'cmw-event-signature': sign(JSON.stringify(EVENT)) })).status).toBe(401);
  });

  it('keeps a signed body that is no notification, and answers 400', async () => {
    const { post, quarantined, outcomes, looks } = await setup();
    const bodies = [
      '{',
      'null',
      '[]',
      '"Subscription"',
      '42',
      '{}',
      '{"entity":""}',
      '{"entity":7,"id":1,"type":"CREATED"}',
    ];
    const typeless = '{"entity":"Subscription","id":5}';
    for (const body of [...bodies, typeless]) {
      const answer = await post(body);
      expect(answer.status, body).toBe(400);
      expect(await answer.json()).toMatchObject({ error: 'event.invalid' });
    }
    expect(quarantined.map(({ body }) => body)).toEqual([...bodies, typeless]);
    expect(new Set(outcomes)).toEqual(new Set(['invalid']));
    expect(looks).toEqual([]);
  });

  it('keeps a body in another encoding than UTF-8', async () => {
    const { post, quarantined } = await setup();
    const latin1 = Buffer.from(JSON.stringify({ ...EVENT, metadata: { label: 'però' } }), 'latin1');
    const utf16 = Buffer.from(JSON.stringify(EVENT), 'utf16le');
    expect((await post(latin1)).status).toBe(400);
    expect((await post(utf16, { 'content-type': 'application/json; charset=utf-16' })).status).toBe(400);
    expect(quarantined.map(({ reason }) => reason)).toEqual([
      'not JSON in UTF-8, or nested without end',
      'not JSON in UTF-8, or nested without end',
    ]);
  });

  it('survives nesting as deep as the size allows, and keeps what is deeper than any event', async () => {
    const { post, looks, quarantined } = await setup();
    expect((await post('['.repeat(65_536))).status).toBe(400);
    expect((await post('['.repeat(32_768) + ']'.repeat(32_768))).status).toBe(400);
    expect(quarantined).toHaveLength(2);
    const nested = (levels: number) =>
      `{"entity":"Subscription","id":5,"type":"CREATED","metadata":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect((await post(nested(255))).status).toBe(204);
    expect(looks).toHaveLength(1);
    expect((await post(nested(30_000))).status).toBe(400);
    expect(quarantined).toHaveLength(3);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'application/xml', 'nonsense'])(
    'answers 415 to a body of type %s',
    async (type) => {
      const { post, looks } = await setup();
      const answer = await post(JSON.stringify(EVENT), { 'content-type': type });
      expect(answer.status).toBe(415);
      expect(await answer.json()).toMatchObject({ error: 'body.unsupported-media-type' });
      expect(looks).toEqual([]);
    },
  );

  it('answers 415 without a content type, with or without a body', async () => {
    const { port } = await setup();
    const body = JSON.stringify(EVENT);
    const signature = `CMW-Event-Signature: ${sign(body)}`;
    expect(await exchange(port, head(`Content-Length: ${body.length}`, signature), body)).toMatch(/^HTTP\/1\.1 415 /);
    expect(await exchange(port, head())).toMatch(/^HTTP\/1\.1 415 /);
  });

  it('answers 415 to a compressed body, although its bytes are signed', async () => {
    const { post, looks, quarantined } = await setup();
    const body = gzipSync(JSON.stringify(EVENT));
    expect((await post(body, { 'content-encoding': 'gzip' })).status).toBe(415);
    expect([looks, quarantined]).toEqual([[], []]);
    expect((await post(JSON.stringify(EVENT), { 'content-encoding': 'identity' })).status).toBe(204);
  });

  it('answers 400 to a missing body and keeps nothing', async () => {
    const { port, quarantined } = await setup();
    const type = 'Content-Type: application/json';
    const signature = `CMW-Event-Signature: ${sign('')}`;
    for (const lines of [[], ['Content-Length: 0'], ['Content-Length: 0', signature]]) {
      const answer = await exchange(port, head(type, ...lines));
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"error":"body.missing"');
    }
    expect(quarantined).toEqual([]);
  });

  it('takes a body of 64 KiB and answers 413 to one byte more, also in chunks', async () => {
    const { post, port } = await setup();
    const fitting = JSON.stringify(EVENT).padEnd(65_536);
    expect((await post(fitting)).status).toBe(204);

    const tooLarge = `${fitting} `;
    const type = 'Content-Type: application/json';
    const announced = await exchange(port, head(type, `Content-Length: ${tooLarge.length}`));
    expect(announced).toMatch(/^HTTP\/1\.1 413 /);
    expect(announced).toContain('"error":"body.too-large"');

    const chunk = `${tooLarge.length.toString(16)}\r\n${tooLarge}\r\n0\r\n\r\n`;
    const chunked = await exchange(port, head(type, 'Transfer-Encoding: chunked'), chunk);
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('answers 413 before it looks at a signature', async () => {
    const { port, outcomes } = await setup();
    const lines = ['Content-Type: application/json', 'Content-Length: 70000', 'CMW-Event-Signature: sha1=none'];
    expect(await exchange(port, head(...lines))).toMatch(/^HTTP\/1\.1 413 /);
    expect(outcomes).toEqual([]);
  });

  it('answers 429 with Retry-After when the backlog is full', async () => {
    const { post, outcomes } = await setup({ requestLook: async () => 'backlog-full' });
    const answer = await post(JSON.stringify(EVENT));
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('30');
    expect(await answer.json()).toMatchObject({ error: 'backlog.full' });
    expect(outcomes).toEqual(['backlog-full']);
  });

  it('answers 503 with Retry-After when the queue refuses', async () => {
    const refuseSync = () => {
      throw AWAY;
    };
    for (const requestLook of [async () => refuseSync(), refuseSync]) {
      const { post, outcomes } = await setup({ requestLook });
      const answer = await post(JSON.stringify(EVENT));
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('5');
      expect(await answer.json()).toMatchObject({ error: 'queue.unavailable' });
      expect(outcomes).toEqual(['unavailable']);
    }
  });

  it('answers 503 within the deadline when neither queue nor quarantine ever answer', async () => {
    const never = () => new Promise<never>(() => {});
    const { post } = await setup({ requestLook: never, quarantine: never });
    const tookMs = startStopwatch();
    const answers = await Promise.all([post(JSON.stringify(EVENT)), post('{')]);
    expect(tookMs()).toBeLessThan(2_000);
    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
  });

  it('answers 503, not 400, when a body cannot be put into quarantine', async () => {
    const { post } = await setup({ quarantine: () => Promise.reject(AWAY) });
    const answer = await post('{');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
  });

  it('answers 500 and reports a bug when an event cannot be stored for another reason than the store', async () => {
    const thrown = new TypeError('x is undefined');
    const fail = () => Promise.reject(thrown);
    const { post, outcomes, bugs } = await setup({ requestLook: fail, quarantine: fail });
    for (const body of [JSON.stringify(EVENT), '{']) expect((await post(body)).status).toBe(500);
    expect(bugs).toEqual([thrown, thrown]);
    expect(outcomes).toEqual(['unavailable', 'unavailable']);
  });

  it('writes one line per event at most, and nothing of a body or a secret', async () => {
    const { post, lines, logged } = await setup();
    const personal = { ...EVENT, metadata: { owner: 'mario.rossi@example.it', note: 'very private' } };
    await post(JSON.stringify(personal));
    await post(JSON.stringify({ ...personal, id: 'very private' }));
    await post(JSON.stringify({ entity: 'User', owner: 'mario.rossi@example.it' }));
    await post('very private', { 'cmw-event-signature': 'sha1=0123' });
    await post('very private');
    expect(lines).toHaveLength(5);
    for (const secret of [...SECRETS, 'mario', 'private', 'sha1=']) expect(logged()).not.toContain(secret);
    expect(lines[0]).toMatchObject({
      level: 'info',
      subscriptionId: 50010,
      eventType: 'MODIFIED',
      msg: 'event queued',
    });
  });

  it('answers 204 or 400 to any bytes that are signed, and never fails', async () => {
    const { post, bugs } = await setup();
    const anyJson = fc.json().map((text) => Buffer.from(text));
    const nearMiss = fc
      .record(
        { id: fc.jsonValue(), entity: fc.oneof(fc.constant('Subscription'), fc.jsonValue()), type: fc.jsonValue() },
        { requiredKeys: [] },
      )
      .map((event) => Buffer.from(JSON.stringify(event)));
    const anyBytes = fc.uint8Array({ minLength: 1, maxLength: 2_000 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyBytes, anyJson, nearMiss), async (body) => {
        const { status } = await post(body);
        expect([204, 400]).toContain(status);
      }),
      { numRuns: 300 },
    );
    expect(bugs).toEqual([]);
  });
});
