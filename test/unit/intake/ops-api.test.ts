import { describe, expect, it } from 'vitest';
import { type OpsParts, type OpsQuery, type OpsRecord, opsApi } from '../../../src/intake/ops-api.ts';
import { fixedSecret } from '../../../src/lib/secret.ts';
import { createMemoryLog } from '../../support/memory-log.ts';
import { failuresAt, serve } from './serve.ts';

const TOKEN = 'token-of-operations';

const WAITING: OpsRecord & { seen: string } = {
  subscriptionId: 50010,
  productType: 'license',
  state: 'waiting',
  operation: 'provision',
  step: 'order completed',
  waitingFor: 'Microsoft completes the order',
  since: '2026-03-02T09:21:31.000Z',
  attempts: 0,
  lastError: { code: 'partner-center.throttled', message: 'Later.', at: '2026-03-02T09:21:00.000Z' },
  fulfillment: { productType: 'license', orderId: 'b1' },
  seen: 'digest that is nobody else’s business',
};
const IDLE: OpsRecord = { subscriptionId: 50011, state: 'idle', since: '2026-03-02T09:21:31.000Z', attempts: 0 };

interface Answer {
  items: Record<string, unknown>[];
  timeline: unknown[];
}

async function setup(overrides: Partial<OpsParts> = {}) {
  const queries: OpsQuery[] = [];
  const presses: [string, number, string | undefined][] = [];
  const { log, lines } = createMemoryLog();
  const parts: OpsParts = {
    token: fixedSecret(TOKEN),
    failures: failuresAt('ops', log),
    list: async (query) => {
      queries.push(query);
      return { items: [WAITING, IDLE], total: 77 };
    },
    listExposures: async () => ({ items: [], total: 0 }),
    show: async (id) =>
      id === 50010 ? { ...WAITING, timeline: [{ at: 'now', kind: 'event', text: 'CREATED' }] } : undefined,
    look: async (id, reason) => {
      presses.push(['look', id, reason]);
    },
    retry: async (id, reason) => {
      presses.push(['retry', id, reason]);
      return id === 50010;
    },
    log,
    ...overrides,
  };
  const { url, bugs } = await serve((app) => app.register(opsApi, parts));

  async function call(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
    const answer = await fetch(`${url}/ops/api${path}`, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Answer };
  }
  return { call, queries, presses, lines, bugs };
}

describe('the token', () => {
  it('is asked for on every route, and no other will do', async () => {
    const { call, queries, presses } = await setup();
    const routes = [
      ['GET', '/subscriptions'],
      ['GET', '/subscriptions/50010'],
      ['GET', '/exposures'],
      ['POST', '/subscriptions/50010/look'],
      ['POST', '/subscriptions/50010/retry'],
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
    for (const [method, path] of routes) {
      for (const authorization of wrong) {
        const headers = { authorization, 'x-forwarded-for': `192.0.2.${routes.findIndex(([, one]) => one === path)}` };
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
      'subscriptionId productType state operation step waitingFor since attempts lastError fulfillment'.split(' ');
    for (const item of body.items) expect(Object.keys(item)).toEqual(fields);
    const { seen: _, ...waiting } = WAITING;
    expect(body.items[0]).toEqual(waiting);
    expect(body.items[1]).toMatchObject({ subscriptionId: 50011, operation: null, lastError: null, fulfillment: null });
  });

  it('hands on the filters that were given, and only those', async () => {
    const { call, queries } = await setup();
    await call('GET', '/subscriptions?state=needs-attention&product=210&customer=userCompany/512&page=3');
    await call('GET', '/subscriptions?state=&product=&customer=&page=');
    expect(queries).toStrictEqual([
      { state: 'needs-attention', product: '210', customer: 'userCompany/512', page: 3, pageSize: 50 },
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
    expect(Object.keys(body).slice(-2)).toEqual(['fulfillment', 'timeline']);
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

describe('the buttons', () => {
  it('answer 202, with a reason or without', async () => {
    const { call, presses } = await setup();
    for (const button of ['look', 'retry']) {
      for (const body of [undefined, '', '{}', '{"reason":"quota was raised"}']) {
        expect((await call('POST', `/subscriptions/50010/${button}`, body)).status).toBe(202);
      }
    }
    expect(presses.filter(([button]) => button === 'retry')).toEqual([
      ['retry', 50010, undefined],
      ['retry', 50010, undefined],
      ['retry', 50010, undefined],
      ['retry', 50010, 'quota was raised'],
    ]);
    expect(presses).toHaveLength(8);
  });

  it('look at a subscription of which nothing is known, but have nothing to retry there', async () => {
    const { call } = await setup();
    expect((await call('POST', '/subscriptions/99999/look')).status).toBe(202);
    expect((await call('POST', '/subscriptions/99999/retry')).status).toBe(404);
    expect((await call('POST', '/subscriptions/abc/look')).status).toBe(404);
  });

  it.each(['{', 'null', '[]', '"reason"', '{"reason":7}', JSON.stringify({ reason: 'x'.repeat(501) })])(
    'answer 400 to the body %s',
    async (body) => {
      const { call, presses } = await setup();
      expect((await call('POST', '/subscriptions/50010/retry', body)).status).toBe(400);
      expect(presses).toEqual([]);
    },
  );

  it('answer 415 to a body of another type and 413 to one over the limit', async () => {
    const { call } = await setup();
    const path = '/subscriptions/50010/retry';
    expect((await call('POST', path, 'reason=x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await call('POST', path, JSON.stringify({ reason: 'x'.repeat(70_000) }))).status).toBe(413);
  });
});

it('answers 503 with Retry-After on every route while the store is away, and logs why', async () => {
  const away = () => Promise.reject(new Error('Connection is closed.'));
  const { call, lines, bugs } = await setup({ list: away, show: away, look: away, retry: away });
  const answers = [
    await call('GET', '/subscriptions'),
    await call('GET', '/subscriptions/50010'),
    await call('POST', '/subscriptions/50010/look'),
    await call('POST', '/subscriptions/50010/retry'),
  ];
  for (const answer of answers) {
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(answer.body).toMatchObject({ error: 'ops.unavailable' });
  }
  expect(lines).toHaveLength(4);
  expect(bugs).toEqual([]);
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
