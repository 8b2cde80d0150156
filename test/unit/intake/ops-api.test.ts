import { describe, expect, it } from 'vitest';
import { opsApi } from '../../../src/intake/ops-api.ts';
import type { OpsOperations, OpsQuery, OpsRecord } from '../../../src/intake/ops-operations.ts';
import { PermanentError, RetryableError } from '../../../src/lib/errors.ts';
import { fixedSecret, type Secret } from '../../../src/lib/secret.ts';
import { createMemoryLog } from '../../support/memory-log.ts';
import { createTestClock } from '../../support/test-clock.ts';
import { idleOperations } from './idle-operations.ts';
import { AWAY, failuresAt, isOutage, serve } from './serve.ts';

const TOKEN = 'token-of-operations';

const WAITING: OpsRecord & { seen: string } = {
  subscriptionId: 50010,
  productType: 'license',
  productId: 210,
  productName: 'Business Basic',
  state: 'waiting',
  operation: 'provision',
  step: 'order completed',
  waitingFor: 'Microsoft completes the order',
  since: '2026-03-02T09:21:31.000Z',
  attempts: 0,
  lastError: { code: 'partner-center.throttled', message: 'Later.', at: '2026-03-02T09:21:00.000Z' },
  fulfillment: { productType: 'license', orderId: 'b1' },
  why: 'Waiting since 2026-03-02 09:21 UTC for Microsoft completes the order.',
  seen: 'digest that is nobody else’s business',
};
const IDLE: OpsRecord = { subscriptionId: 50011, state: 'idle', since: '2026-03-02T09:21:31.000Z', attempts: 0 };

const ACTIONS = ['look', 'retry', 'hold', 'release', 'detach', 'attach'] as const;

interface Answer {
  items: Record<string, unknown>[];
  timeline: unknown[];
}

const REASON = '{"reason":"quota was raised"}';

async function setup(instead: Partial<OpsOperations> = {}, token: Secret = fixedSecret(TOKEN)) {
  const queries: OpsQuery[] = [];
  const presses: unknown[][] = [];
  const { log, lines } = createMemoryLog();
  const clock = createTestClock(Date.parse('2026-03-02T10:00:00.000Z'));
  const operations = idleOperations({
    list: async (query) => {
      queries.push(query);
      return { items: [WAITING, IDLE], total: 77 };
    },
    show: async (id) =>
      id === 50010
        ? { ...WAITING, timeline: [{ at: 'now', kind: 'event', text: 'CREATED' }], actions: ['look', 'retry'] }
        : undefined,
    act: async (...press) => {
      presses.push(press);
      if (press[1] === 99999) throw new PermanentError('ops.unknown-subscription', 'Nothing is known of it.');
      if (press[1] === 50013) throw new PermanentError('ops.held', 'It is held already.');
      return 'queued';
    },
    ...instead,
  });
  const parts = { token, failures: failuresAt('ops', log), operations, isOutage, clock, log };
  const { url, bugs } = await serve((app) => app.register(opsApi, parts));

  async function send(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
    const answer = await fetch(`${url}/ops${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json().catch(() => ({}))) as Answer };
  }
  const call = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    send(method, `/api${path}`, body, { authorization: `Bearer ${TOKEN}`, ...headers });
  /** The cookie of a browser that has logged in. */
  async function login(operator = 'Ada'): Promise<string> {
    const { status, headers } = await send('POST', '/login', JSON.stringify({ token: TOKEN, operator }));
    expect(status).toBe(204);
    return headers.get('set-cookie') ?? '';
  }
  return { send, call, login, clock, queries, presses, lines, bugs };
}

describe('the token', () => {
  it('is asked for on every route, and no other will do', async () => {
    const { call, queries, presses } = await setup();
    const routes = [
      ['GET', '/subscriptions'],
      ['GET', '/subscriptions/50010'],
      ...['/overview', '/exposures', '/customers', '/quarantine', '/audit', '/dead-letters', '/budgets'].map(
        (path) => ['GET', path] as const,
      ),
      ...ACTIONS.map((action) => ['POST', `/subscriptions/50010/${action}`] as const),
      ['POST', `/quarantine/${'a'.repeat(64)}/discard`],
      ['POST', '/dead-letters/operation.deadline/retry'],
    ] as const;
    const wrong = [
      '',
      'Bearer ',
      'Bearer guess',
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Basic ${TOKEN}`,
      TOKEN,
    ];
    for (const [route, [method, path]] of routes.entries()) {
      for (const [guess, authorization] of wrong.entries()) {
        const headers = { authorization, 'x-forwarded-for': `10.0.${route}.${guess}` };
        const answer = await call(method, path, undefined, headers);
        expect(answer.status, `${method} ${path} ${authorization}`).toBe(401);
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
        expect(answer.body).toMatchObject({ error: 'ops.unauthorized' });
      }
    }
    expect([queries, presses]).toEqual([[], []]);
  });
});

describe('GET /ops/api/subscriptions', () => {
  it('answers every field of the contract in its order, null when there is nothing to say, and no other', async () => {
    const { call } = await setup();
    const { status, body } = await call('GET', '/subscriptions');
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(['items', 'page', 'total']);
    expect(body).toMatchObject({ page: 1, total: 77 });
    const fields =
      'subscriptionId productType state operation step waitingFor since attempts lastError fulfillment why held detached failingSince nextTryAt deadlineAt product';
    for (const item of body.items) expect(Object.keys(item).join(' ')).toBe(fields);
    const { seen: _, productId: id, productName: name, ...waiting } = WAITING;
    const lastError = { ...WAITING.lastError, cure: 'look' };
    const nothing = { held: null, detached: null, failingSince: null, nextTryAt: null, deadlineAt: null };
    expect(body.items[0]).toEqual({ ...waiting, lastError, ...nothing, product: { id, name } });
    expect(body.items[1]).toMatchObject({
      subscriptionId: 50011,
      operation: null,
      lastError: null,
      why: null,
      product: null,
    });
  });

  it('says since when it has failed, when it is tried next, and until when', async () => {
    const [troubledSince, nextTryAt, deadlineAt] = ['2026-03-01', '2026-03-02', '2026-03-04'].map(
      (day) => `${day}T09:00:00.000Z`,
    );
    const retrying = { ...WAITING, state: 'retrying', troubledSince, nextTryAt, deadlineAt } as OpsRecord;
    const { call } = await setup({ list: async () => ({ items: [retrying], total: 1 }) });
    const { body } = await call('GET', '/subscriptions');
    expect(body.items[0]).toMatchObject({ failingSince: troubledSince, nextTryAt, deadlineAt });
  });

  it('says which press helps', async () => {
    const lastError = { code: 'order.failed', message: 'It failed.', at: WAITING.since, cure: 'retry' } as const;
    const kept = { ...lastError, curedBy: 'setting' };
    const { call } = await setup({ list: async () => ({ items: [{ ...WAITING, lastError: kept }], total: 1 }) });
    expect((await call('GET', '/subscriptions')).body.items[0]?.lastError).toEqual(lastError);
  });

  it('hands on the filters that were given, and only those', async () => {
    const { call, queries } = await setup();
    await call('GET', '/subscriptions?state=needs-attention&product=210&customer=userCompany/512&text=a3b0&page=3');
    await call('GET', '/subscriptions?state=held');
    await call('GET', '/subscriptions?state=&product=&customer=&text=&page=');
    expect(queries).toStrictEqual([
      { page: 3, state: 'needs-attention', product: '210', customer: 'userCompany/512', text: 'a3b0', pageSize: 50 },
      { page: 1, state: 'held', pageSize: 50 },
      { page: 1, pageSize: 50 },
    ]);
  });

  it.each([
    'state=stuck',
    'state=idle&state=done',
    'page=0',
    'page=-1',
    'page=1.5',
    'page=two',
    `product=${'x'.repeat(201)}`,
  ])('answers 400 to %s', async (query) => {
    const { call, queries } = await setup();
    const { status, body } = await call('GET', `/subscriptions?${query}`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: 'ops.input-invalid', message: expect.stringContaining(query.split('=')[0]!) });
    expect(queries).toEqual([]);
  });
});

describe('GET /ops/api/subscriptions/{id}', () => {
  it('answers the record and its timeline', async () => {
    const { call } = await setup();
    const { status, body } = await call('GET', '/subscriptions/50010');
    expect(status).toBe(200);
    expect(Object.keys(body).slice(-3)).toEqual(['queuedSince', 'timeline', 'actions']);
    expect(body.timeline).toEqual([{ at: 'now', kind: 'event', text: 'CREATED' }]);
    expect(body).not.toHaveProperty('seen');
  });

  it.each(['99999', '0', '-1', 'abc', '1e3', '99999999999', '50010 '])('answers 404 for the id %j', async (id) => {
    const { call } = await setup();
    const { status, body } = await call('GET', `/subscriptions/${encodeURIComponent(id)}`);
    expect(status).toBe(404);
    expect(body).toMatchObject({ error: 'ops.unknown-subscription' });
  });
});

describe('the actions', () => {
  it('answer 202 and hand on what was pressed, by whom and why', async () => {
    const { call, presses } = await setup();
    const body = JSON.stringify({ reason: ' quota was raised ', confirm: '50010' });
    for (const action of ACTIONS) {
      const { status } = await call('POST', `/subscriptions/50010/${action}`, body, { 'x-operator': 'Ada L.' });
      expect(status, action).toBe(202);
    }
    await call('POST', '/subscriptions/50010/look', REASON);
    const press = { by: 'Ada L.', reason: 'quota was raised' };
    expect(presses).toEqual([
      ...ACTIONS.map((action) => [action, 50010, press]),
      ['look', 50010, { ...press, by: 'token' }],
    ]);
  });

  it('say whether the look that follows has to wait for the next sweep', async () => {
    const body = JSON.stringify({ reason: 'a dispute', confirm: '50010' });
    for (const status of ['queued', 'backlog-full'] as const) {
      const { call } = await setup({ act: async () => status });
      for (const action of ['release', 'detach'])
        expect(await call('POST', `/subscriptions/50010/${action}`, body)).toMatchObject({
          status: 202,
          body: { status },
        });
    }
  });

  it('look and retry without a reason too, as the contract of programs has it', async () => {
    const { call, presses } = await setup();
    for (const action of ['look', 'retry'] as const) {
      for (const body of [undefined, '', '{}']) {
        expect((await call('POST', `/subscriptions/50010/${action}`, body)).status, `${action} ${body}`).toBe(202);
      }
      expect(presses.splice(0)).toEqual(Array(3).fill([action, 50010, { by: 'token', reason: '(no reason)' }]));
    }
  });

  it.each([undefined, '', '{}', '{', 'null', '[]', '"reason"', '{"reason":7}', '{"reason":"  "}'])(
    'ask for a reason, and answer 400 to the body %s',
    async (body) => {
      const { call, presses } = await setup();
      const free = [undefined, '', '{}'].includes(body) ? ['look', 'retry'] : [];
      for (const action of ACTIONS.filter((one) => !free.includes(one))) {
        const { status } = await call('POST', `/subscriptions/50010/${action}`, body);
        expect(status, action).toBe(400);
      }
      expect(presses).toEqual([]);
    },
  );

  it('answer 400 to a reason that is too long, and to a name that is none', async () => {
    const { call, presses } = await setup();
    const tooLong = JSON.stringify({ reason: 'x'.repeat(501) });
    expect((await call('POST', '/subscriptions/50010/retry', tooLong)).status).toBe(400);
    const misnamed = await call('POST', '/subscriptions/50010/retry', REASON, { 'x-operator': '<b>' });
    expect(misnamed.status).toBe(400);
    expect(misnamed.body).toMatchObject({ message: expect.stringContaining('X-Operator') });
    expect(presses).toEqual([]);
  });

  it('answer 404 where nothing is known, 409 where it does not fit, and nothing is detached without its id', async () => {
    const { call, presses } = await setup();
    expect(await call('POST', '/subscriptions/99999/retry', REASON)).toMatchObject({
      status: 404,
      body: { error: 'ops.unknown-subscription' },
    });
    expect((await call('POST', '/subscriptions/abc/retry', REASON)).status).toBe(404);
    expect(await call('POST', '/subscriptions/50013/hold', REASON)).toMatchObject({
      status: 409,
      body: { error: 'ops.held', message: 'It is held already.' },
    });
    presses.length = 0;
    expect(await call('POST', '/subscriptions/50010/detach', '{"reason":"x","confirm":"50011"}')).toMatchObject({
      status: 409,
      body: { error: 'ops.not-confirmed' },
    });
    expect(presses).toEqual([]);
  });

  it('answer 415 to a body of another type and 413 to one over the limit', async () => {
    const { call } = await setup();
    const path = '/subscriptions/50010/retry';
    expect((await call('POST', path, 'reason=x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await call('POST', path, JSON.stringify({ reason: 'x'.repeat(70_000) }))).status).toBe(413);
  });
});

describe('what stands still', () => {
  it('is listed by the code of its reason', async () => {
    const letters = {
      code: 'operation.deadline',
      state: 'failed' as const,
      count: 2,
      oldestAt: '2026-03-01T00:00:00.000Z',
      subscriptionIds: [8, 9],
    };
    const { call } = await setup({ listDeadLetters: async () => [letters] });
    expect(await call('GET', '/dead-letters')).toMatchObject({ status: 200, body: { items: [letters] } });
  });

  it('is retried by that code, by whom and why, and the answer counts what is under way', async () => {
    const asked: unknown[] = [];
    const { call } = await setup({
      async retryAll(...given) {
        asked.push(given);
        if (given[0] === 'no.such') throw new PermanentError('ops.unknown-reason', 'Nothing stands still for it.');
        return { queued: 500, left: 12 };
      },
    });
    const path = '/dead-letters/arm.ExpiredAuthenticationToken/retry';
    const answer = await call('POST', path, REASON, { 'x-operator': 'Ada' });
    expect(answer).toMatchObject({ status: 202, body: { queued: 500, left: 12 } });
    expect(asked).toEqual([['arm.ExpiredAuthenticationToken', { by: 'Ada', reason: 'quota was raised' }]]);
    expect(await call('POST', '/dead-letters/no.such/retry', REASON)).toMatchObject({
      status: 404,
      body: { error: 'ops.unknown-reason' },
    });
  });

  it.each([
    ['no reason', 'operation.deadline', '{}', 400],
    ['a reason that is too long', 'operation.deadline', JSON.stringify({ reason: 'x'.repeat(501) }), 400],
    ['a body that is no JSON', 'operation.deadline', '{', 400],
    ['a code that is none', '%00%0d%0a', REASON, 404],
    ['a code that is a path', '..%2F..', REASON, 404],
  ])('is not touched for %s', async (_, code, body, status) => {
    const asked: unknown[] = [];
    const { call } = await setup({
      async retryAll(...given) {
        asked.push(given);
        return { queued: 1, left: 0 };
      },
    });
    expect(await call('POST', `/dead-letters/${code}/retry`, body)).toMatchObject({ status });
    expect(asked).toEqual([]);
  });
});

it('the budgets say what is left, until when nothing is called, and which upstream is out', async () => {
  const pausedUntil = '2026-03-02T09:22:00.000Z';
  const arm = { upstream: 'arm', openSince: '2026-03-02T09:20:00.000Z', nextProbeAt: pausedUntil };
  const { call } = await setup({
    limits: async () => ({
      budgets: [
        { budget: 'partner-center', used: 450, limit: 450, waiting: 12, pausedUntil },
        { budget: 'cloudesire', used: 3, limit: 4_500, waiting: 0 },
      ],
      circuits: [arm, { upstream: 'entra' }],
    }),
  });
  expect(await call('GET', '/budgets')).toMatchObject({
    status: 200,
    body: {
      items: [
        { budget: 'partner-center', used: 450, limit: 450, waiting: 12, pausedUntil },
        { budget: 'cloudesire', used: 3, limit: 4_500, waiting: 0, pausedUntil: null },
      ],
      circuits: [arm, { upstream: 'entra', openSince: null, nextProbeAt: null }],
    },
  });
});

describe('a session of a browser', () => {
  it('acts under the name that was given at login, for eight hours', async () => {
    const { send, login, clock, presses } = await setup();
    const cookie = await login('Ada');
    expect(cookie).toMatch(/^ops=[\w-]+\.[\w-]+; HttpOnly; SameSite=Strict; Path=\/ops; Max-Age=28800$/);
    expect(cookie).not.toContain(TOKEN);

    const write = () => send('POST', '/api/subscriptions/50010/look', REASON, { cookie: `other=1; ${cookie}` });
    clock.advance(8 * 3_600_000 - 1);
    expect((await write()).status).toBe(202);
    expect(presses).toEqual([['look', 50010, { by: 'Ada', reason: 'quota was raised' }]]);
    clock.advance(1);
    expect((await write()).status).toBe(401);
  });

  it('travels over https only, but for a console on the same machine', async () => {
    const { send } = await setup();
    const login = JSON.stringify({ token: TOKEN, operator: 'Ada' });
    const cookies = await Promise.all(
      [{ 'x-forwarded-proto': 'https' }, { 'x-forwarded-host': 'connector.example' }].map((headers) =>
        send('POST', '/login', login, headers),
      ),
    );
    for (const { headers } of cookies) expect(headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  it('is not made of what somebody wrote', async () => {
    const { send, login } = await setup();
    const [, content, signature] = /^ops=([\w-]+)\.([\w-]+)/.exec(await login()) ?? [];
    const forged = Buffer.from(JSON.stringify({ by: 'Eve', until: 9e15 })).toString('base64url');
    for (const value of [`${forged}.${signature}`, forged, `${content}.`, content, `${content}.${signature}.x`, '.']) {
      const expected = value === `${content}.${signature}.x` ? 200 : 401;
      expect((await send('GET', '/api/overview', undefined, { cookie: `ops=${value}` })).status, value).toBe(expected);
    }
  });

  it('is begun with the token and a name only, and a guess counts as one', async () => {
    const { send, login, call } = await setup();
    for (const body of [{}, { token: TOKEN }, { token: TOKEN, operator: '' }, { token: TOKEN, operator: 'a\nb' }]) {
      expect((await send('POST', '/login', JSON.stringify(body))).status).toBe(400);
    }
    const cookie = await login();
    for (let tries = 0; tries < 10; tries += 1) {
      expect((await send('POST', '/login', '{"token":"guess","operator":"Eve"}')).status).toBe(401);
    }
    expect((await send('POST', '/login', JSON.stringify({ token: TOKEN, operator: 'Eve' }))).status).toBe(429);
    expect((await call('GET', '/overview')).status).toBe(429);
    // Whoever is in stays in.
    expect((await send('GET', '/api/overview', undefined, { cookie })).status).toBe(200);
  });

  it('that is over holds nobody up, however often it is shown', async () => {
    const { send, login, call, clock } = await setup();
    const cookie = await login();
    clock.advance(8 * 3_600_000);
    for (let polls = 0; polls < 20; polls += 1) {
      expect((await send('GET', '/api/overview', undefined, { cookie })).status).toBe(401);
      expect((await send('GET', '/api/overview')).status).toBe(401);
    }
    expect((await call('GET', '/overview')).status).toBe(200);
  });

  it('ends with the token that began it, and the next one begins another at once', async () => {
    let token = TOKEN;
    const { send, login } = await setup({}, { read: () => token, isReplaced: (value) => value !== token });
    const cookie = await login();
    token = 'next-token-of-operations';
    for (let polls = 0; polls < 20; polls += 1) {
      const { status, body } = await send('GET', '/api/overview', undefined, { cookie });
      expect(status).toBe(401);
      expect(body).toMatchObject({ error: 'ops.token-changed' });
    }
    expect((await send('POST', '/login', JSON.stringify({ token: TOKEN, operator: 'Ada' }))).status).toBe(401);
    expect((await send('POST', '/login', JSON.stringify({ token, operator: 'Ada' }))).status).toBe(204);
  });

  it('ends when the browser logs out', async () => {
    const { send } = await setup();
    const { status, headers } = await send('POST', '/logout');
    expect(status).toBe(204);
    expect(headers.get('set-cookie')).toMatch(/^ops=; .*Max-Age=0/);
  });

  it('changes nothing by a form of another site', async () => {
    const { send, login, presses } = await setup();
    const cookie = await login();
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain']) {
      const path = '/api/subscriptions/50010/retry';
      expect((await send('POST', path, REASON, { cookie, 'content-type': type })).status).toBe(415);
    }
    expect(presses).toEqual([]);
  });
});

it('tells who gives no usable reason what a reason is, and nothing else', async () => {
  const { call, presses } = await setup();
  const { status, body } = await call('POST', '/subscriptions/50010/hold', '{"reason":" \\n "}');
  expect(status).toBe(400);
  expect(body).toEqual({
    error: 'ops.input-invalid',
    message:
      'Not usable: reason. Say why in 1 to 500 characters, not all of them blanks: it stands in the audit trail.',
  });
  expect(presses).toEqual([]);
});

it('tells who detaches without the number of the subscription, or with one that is no text, how to give it', async () => {
  const { call, presses } = await setup();
  for (const confirmed of ['', ',"confirm":50010']) {
    const { status, body } = await call('POST', '/subscriptions/50010/detach', `{"reason":"x"${confirmed}}`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ message: expect.stringMatching(/confirm\. .* like "50010"\.$/) });
  }
  expect(presses).toEqual([]);
});

it('answers 503 with Retry-After on every route while the store is away, and logs why', async () => {
  const away = () => Promise.reject(AWAY);
  const { call, lines, bugs } = await setup({ list: away, show: away, act: away });
  const answers = [
    await call('GET', '/subscriptions'),
    await call('GET', '/subscriptions/50010'),
    await call('POST', '/subscriptions/50010/look', REASON),
    await call('POST', '/subscriptions/50010/retry', REASON),
  ];
  for (const answer of answers) {
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(answer.body).toMatchObject({ error: 'ops.unavailable', message: expect.stringContaining('REDIS_URL') });
  }
  expect(lines).toHaveLength(4);
  expect(bugs).toEqual([]);
});

it('answers 500 and reports a bug when operations fail for another reason than the store', async () => {
  const thrown = new TypeError('x is undefined');
  const fail = () => Promise.reject(thrown);
  const { call, lines, bugs } = await setup({ list: fail, act: fail });
  for (const answer of [await call('GET', '/subscriptions'), await call('POST', '/subscriptions/50010/look', REASON)]) {
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ error: 'internal', message: expect.stringContaining('was reported') });
  }
  expect(bugs).toEqual([thrown, thrown]);
  expect(lines).toEqual([]);
});

it('answers 429 and says when to ask again while too many looks wait', async () => {
  const full = new RetryableError('backlog.full', 'Too many subscriptions wait for a look.');
  const { call, lines } = await setup({ act: () => Promise.reject(full), retryAll: () => Promise.reject(full) });
  for (const path of ['/subscriptions/50010/look', '/dead-letters/operation.deadline/retry']) {
    const answer = await call('POST', path, REASON);
    expect(answer).toMatchObject({ status: 429, body: { error: 'backlog.full', message: full.message } });
    expect(answer.headers.get('retry-after')).toBe('60');
  }
  expect(lines).toEqual([]);
});

describe('the exposures', () => {
  it('say who is charged for how many seats until when, and how much each period', async () => {
    const { call } = await setup({
      listExposures: async ({ page }) => ({
        items: [
          {
            subscriptionId: 50012,
            owner: 'userCompany/512',
            customerId: 'c1',
            partnerSubscriptionId: 's1',
            offerId: 'CFQ7TTC0LH18:0001',
            seats: 3,
            billingCycle: 'monthly',
            price: { amount: 5.6, currency: 'EUR' },
            until: '2027-03-02T00:00:00.000Z',
          },
          { subscriptionId: 50013, partnerSubscriptionId: 's2', seats: 1 },
        ],
        total: 50 * (page - 1) + 2,
      }),
    });
    const { status, body } = await call('GET', '/exposures?page=2');
    expect(status).toBe(200);
    expect(body).toEqual({
      page: 2,
      total: 52,
      items: [
        {
          subscriptionId: 50012,
          customer: 'userCompany/512',
          customerId: 'c1',
          partnerSubscriptionId: 's1',
          offerId: 'CFQ7TTC0LH18:0001',
          seats: 3,
          until: '2027-03-02T00:00:00.000Z',
          billingCycle: 'monthly',
          price: { perSeat: 5.6, perPeriod: 16.8, currency: 'EUR' },
        },
        {
          subscriptionId: 50013,
          customer: null,
          customerId: null,
          partnerSubscriptionId: 's2',
          offerId: null,
          seats: 1,
          until: null,
          billingCycle: null,
          price: null,
        },
      ],
    });
  });
});
