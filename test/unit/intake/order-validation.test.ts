import { describe, expect, it } from 'vitest';
import { type OrderValidationParts, orderValidationRoute } from '../../../src/intake/order-validation.ts';
import { fixedSecret } from '../../../src/lib/secret.ts';
import type { ProposedOrder } from '../../../src/workflows/checks.ts';
import { createMemoryLog } from '../../support/memory-log.ts';
import { exchange, failuresAt, serve } from './serve.ts';

const SECRET = 'endpoint-secret-for-tests';
const ORDER = { productId: 210, productVersionId: 2101, orderType: 'NORMAL', billingItems: { licenses: 25 } };

async function setup(overrides: Partial<OrderValidationParts> = {}) {
  const asked: { order: ProposedOrder; language: string | undefined }[] = [];
  const bugs: { error: unknown; route: string }[] = [];
  const { log, text } = createMemoryLog();
  const served = await serve((app) =>
    app.register(orderValidationRoute, {
      secrets: fixedSecret([SECRET]),
      failures: failuresAt('question', log),
      deadlineMs: 1_000,
      log,
      bug: (error, { route }) => bugs.push({ error, route }),
      async validate(order, language) {
        asked.push({ order, language });
        return [];
      },
      ...overrides,
    }),
  );
  const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    fetch(`${served.url}/order-validation/${SECRET}`, { method: 'POST', body, headers });
  return { ...served, asked, mistakes: bugs, post, logged: text };
}

describe('POST /order-validation', () => {
  it('answers 204 to an order against which nothing speaks', async () => {
    const { post } = await setup();
    const answer = await post(JSON.stringify(ORDER));
    expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 204, body: '' });
  });

  it('answers 200 with a message for everything that speaks against it', async () => {
    const { post } = await setup({ validate: async () => ['Uno.', 'Due.'] });
    const answer = await post(JSON.stringify(ORDER));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual({ errors: [{ message: 'Uno.' }, { message: 'Due.' }] });
  });

  it('passes on what the decision needs', async () => {
    const { post, asked } = await setup();
    await post(
      JSON.stringify({
        ...ORDER,
        productIdentifier: 'ms365',
        buyerId: 1301,
        subscriptionId: 50010,
        configurationParameters: { MICROSOFT_DOMAIN: 'verdi', FLAG: true, NONE: null, LIST: ['a'] },
        billingItems: { licenses: 25, other: '3.0000000000', none: null },
        language: 'it',
        cloudCredentialId: 150,
      }),
    );
    expect(asked).toEqual([
      {
        language: 'it',
        order: {
          orderType: 'NORMAL',
          productId: 210,
          planId: 2101,
          buyerId: 1301,
          subscriptionId: 50010,
          parameters: { MICROSOFT_DOMAIN: 'verdi', FLAG: 'true' },
          extraResources: [
            { identifier: 'licenses', value: 25 },
            { identifier: 'other', value: 3 },
          ],
        },
      },
    ]);
  });

  it.each([
    ['the least that an order can say', { productId: 210, productVersionId: 2101 }, 'UNKNOWN'],
    ['identifiers as text', { ...ORDER, productId: '210', productVersionId: '2101' }, 'NORMAL'],
    [
      'null for what is not there',
      { ...ORDER, buyerId: null, configurationParameters: null, language: null },
      'NORMAL',
    ],
    [
      'what makes no sense in a field that may be absent',
      { ...ORDER, buyerId: 'me', configurationParameters: 7 },
      'NORMAL',
    ],
  ])('understands %s', async (_what, body, orderType) => {
    const { post, asked } = await setup();
    expect((await post(JSON.stringify(body))).status).toBe(204);
    expect(asked).toMatchObject([{ order: { orderType, productId: 210, planId: 2101, parameters: {} } }]);
    expect([asked[0]?.language, asked[0]?.order.buyerId]).toEqual([undefined, undefined]);
  });

  it.each([
    ['it_IT', 'it'],
    ['EN', 'en'],
    ['italiano', undefined],
    [7, undefined],
  ])('reads language %j as %s', async (language, read) => {
    const { post, asked } = await setup();
    await post(JSON.stringify({ ...ORDER, language }));
    expect(asked[0]?.language).toBe(read);
  });

  it.each([
    ['no body', ''],
    ['no JSON', '{"productId":'],
    ['no object', '[]'],
    ['no product', JSON.stringify({ ...ORDER, productId: null })],
    ['a product that is no identifier', JSON.stringify({ ...ORDER, productId: true })],
    ['a plan that is no identifier', JSON.stringify({ ...ORDER, productVersionId: '0x10' })],
    ['brackets without end', `{"productId":210,"productVersionId":2101,"x":${'['.repeat(300)}${']'.repeat(300)}}`],
    ['quantities that cannot be read', JSON.stringify({ ...ORDER, billingItems: { licenses: 'many' } })],
    ['a quantity that is a truth value', JSON.stringify({ ...ORDER, billingItems: { licenses: true } })],
    ['a quantity that is a list', JSON.stringify({ ...ORDER, billingItems: { licenses: [25] } })],
    ['a quantity of no digits', JSON.stringify({ ...ORDER, billingItems: { licenses: '' } })],
    ['a quantity in another spelling', JSON.stringify({ ...ORDER, billingItems: { licenses: '0x19' } })],
    ['too much', JSON.stringify({ ...ORDER, configurationParameters: { NOTE: 'x'.repeat(70_000) } })],
  ])('accepts what cannot be understood, and says so in the log: %s', async (_what, body) => {
    const { post, asked, mistakes, logged } = await setup({ validate: async () => ['never'] });
    expect((await post(body)).status).toBe(204);
    expect(logged()).toMatch(/question that could not be (read|understood)/);
    expect([asked, mistakes]).toEqual([[], []]);
  });

  it('takes the body with another type', async () => {
    const { post, asked } = await setup();
    expect((await post(JSON.stringify(ORDER), { 'content-type': 'text/plain' })).status).toBe(204);
    expect(asked).toHaveLength(1);
  });

  it('takes the body without a type', async () => {
    const { port, asked } = await setup();
    const body = JSON.stringify(ORDER);
    const head = [
      `POST /order-validation/${SECRET} HTTP/1.1`,
      'Host: connector',
      'Connection: close',
      `Content-Length: ${body.length}`,
    ];
    expect(await exchange(port, `${head.join('\r\n')}\r\n\r\n${body}`)).toMatch(/^HTTP\/1\.1 204 /);
    expect(asked).toHaveLength(1);
  });

  it('accepts, and reports a mistake of ours, when the decision breaks', async () => {
    const broken = new Error('broken');
    const { post, mistakes } = await setup({ validate: () => Promise.reject(broken) });
    expect((await post(JSON.stringify(ORDER))).status).toBe(204);
    expect(mistakes).toEqual([{ error: broken, route: '/order-validation' }]);
  });

  it('tells the decision when its time is up', async () => {
    const { post } = await setup({
      deadlineMs: 30,
      validate: (_order, _language, signal) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(['in time']))),
    });
    expect(await (await post(JSON.stringify(ORDER))).json()).toEqual({ errors: [{ message: 'in time' }] });
  });

  it('shows neither the secret nor the order in the log', async () => {
    const { post, logged } = await setup();
    await post(JSON.stringify({ ...ORDER, productId: 'Kx4!example', buyerId: 1301 }));
    expect(logged()).toContain('productId');
    expect(logged()).not.toMatch(/Kx4|1301|endpoint-secret/);
  });

  it('is not there under another secret, whatever is sent', async () => {
    const { url, asked } = await setup();
    for (const secret of ['wrong', `${SECRET}.`, SECRET.slice(0, -1)]) {
      const answer = await fetch(`${url}/order-validation/${secret}`, { method: 'POST', body: 'x'.repeat(70_000) });
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ error: 'route.unknown' });
    }
    expect(asked).toEqual([]);
  });
});
