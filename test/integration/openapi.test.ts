import { createHmac, randomUUID } from 'node:crypto';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { CMW_EVENT_SECRETS } from '../emulator/cloudesire/emulator.ts';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { type RunningService, startService } from '../support/service.ts';

/* The description of the service, held against what the running service answers. */

const OPS_TOKEN = 'operations-token-for-tests';
const SECRET = 'endpoint-secret-for-tests';
const LIFE_MS = 120_000;

interface Operation {
  security?: Record<string, unknown>[];
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
}
interface Call {
  /** Values of the path. */
  path?: Record<string, string>;
  query?: string;
  body?: object;
  headers?: Record<string, string>;
  status: number;
}

let emulators: Emulators;
let service: RunningService;
let document: Document;
/** Of a subscription that is in service. */
let sold: string;

beforeAll(async () => {
  emulators = await startEmulators();
  service = await startService({
    ...emulators.environment(),
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: `test-${randomUUID()}`,
    OPS_TOKEN,
    ENDPOINT_SECRET: SECRET,
    POLL_EVERY_MS: '60',
  });
  emulators.connectTo(service.url);
  emulators.partnerCenter.acceptAllAttestations(true);
  emulators.partnerCenter.setOrderDelayMs(0);
  const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 5, paid: true });
  document = (await (await fetch(`${service.url}/openapi.json`)).json()) as Document;
  await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);
  sold = String(id);
  emulators.partnerCenter.forceOrderOutcome('error');
  const failing = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1302, licenses: 5, paid: true });
  await emulators.cloudesire.whenStatus(failing, 'FAILED', LIFE_MS);
});

afterAll(async () => {
  await service.end('SIGKILL');
  await emulators.close();
});

it('is valid OpenAPI 3.1', async () => {
  const result = await new Validator().validate({ ...structuredClone(document) });
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
});

it('holds what every route really answers, refusals included', async () => {
  const check = createCheck();
  const tried = new Set<string>();
  for (const [route, calls] of Object.entries(callsOf())) {
    const [method = '', path = ''] = route.split(' ');
    tried.add(route);
    for (const call of calls) await check(method, path, call);
  }
  // What only reads is asked without being named above.
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const route = `${method.toUpperCase()} ${path}`;
      if (method === 'get' && !path.includes('{')) {
        tried.add(route);
        await check('GET', path, { status: 200 });
      }
      if (operation.security?.some((one) => 'operationsToken' in one)) {
        await check(method.toUpperCase(), path, { status: 401, headers: { authorization: '' } });
      }
    }
  }
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect([...tried].sort(), 'a route that takes something is tried by a call in callsOf()').toEqual(described.sort());
});

it('is a page for people too, on which nothing is loaded and nothing runs', async () => {
  const answer = await fetch(`${service.url}/openapi`);
  const page = await answer.text();
  for (const path of Object.keys(document.paths)) expect(page).toContain(`<code>${path}</code>`);
  expect(page).not.toMatch(/<script|<link|<img|src=|url\(|@import/i);
  expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+'; /);
});

/** What is asked of each route that takes something. */
function callsOf(): Record<string, Call[]> {
  const reason = { reason: 'to compare the answer' };
  const id = { id: sold };
  const unknown = { path: { id: '1' }, body: reason, status: 404 };
  const press = (status = 202): Call => ({ path: id, body: reason, status });
  const event = JSON.stringify({ id: sold, entity: 'Subscription', type: 'MODIFIED' });
  const signature = `sha1=${createHmac('sha1', CMW_EVENT_SECRETS[0] ?? '')
    .update(event)
    .digest('hex')}`;
  const events: Call[] = [
    { body: JSON.parse(event), headers: { 'cmw-event-signature': signature }, status: 204 },
    { body: JSON.parse(event), status: 401 },
  ];
  const secret = { secret: SECRET };
  return {
    'POST /event': events,
    'POST /event/license': events,
    'POST /event/azure': events,
    'POST /event/arm': events,
    'POST /partner-center/event': [{ body: { EventName: 'x' }, status: 401 }],
    'POST /order-validation/{secret}': [
      { path: { secret: 'another' }, body: {}, status: 404 },
      { path: secret, body: {}, status: 204 },
      { path: secret, body: TOO_MANY_SEATS, status: 200 },
    ],
    'POST /configuration-parameter-values/{secret}': [{ path: secret, body: {}, status: 200 }],
    'GET /usage/{secret}/{metric}': [
      { path: { ...secret, metric: 'seats' }, headers: { 'cd-subscription-id': sold }, status: 200 },
      { path: { ...secret, metric: 'seats' }, status: 400 },
      { path: { ...secret, metric: 'coffee' }, status: 404 },
    ],
    'POST /ops/login': [
      { body: { token: OPS_TOKEN, operator: 'Ada' }, status: 204 },
      { body: { token: 'guess', operator: 'Ada' }, status: 401 },
      { body: {}, status: 400 },
    ],
    'POST /ops/logout': [{ status: 204 }],
    'GET /ops/console/{file}': [
      { path: { file: 'main.js' }, status: 200 },
      { path: { file: 'secrets.js' }, status: 404 },
    ],
    'GET /ops/api/subscriptions': [{ query: 'state=nonsense', status: 400 }],
    'GET /ops/api/subscriptions/{id}': [
      { path: id, status: 200 },
      { path: { id: '1' }, status: 404 },
    ],
    'POST /ops/api/subscriptions/{id}/look': [
      press(),
      { path: id, body: {}, status: 202 },
      { path: id, body: { reason: 7 }, status: 400 },
    ],
    'POST /ops/api/subscriptions/{id}/retry': [press(), unknown],
    'POST /ops/api/subscriptions/{id}/hold': [press(), press(409), unknown],
    'POST /ops/api/subscriptions/{id}/release': [press(), press(409)],
    'POST /ops/api/subscriptions/{id}/detach': [
      press(400),
      { path: id, body: { ...reason, confirm: '1' }, status: 409 },
      { path: id, body: { ...reason, confirm: sold }, status: 202 },
    ],
    'POST /ops/api/subscriptions/{id}/attach': [press(), press(409)],
    'POST /ops/api/dead-letters/{code}/retry': [
      { path: { code: 'order.failed' }, body: reason, status: 202 },
      { path: { code: 'order.failed' }, body: {}, status: 400 },
      { path: { code: 'another.reason' }, body: reason, status: 404 },
    ],
    'POST /ops/api/quarantine/{id}/discard': [{ path: { id: 'a'.repeat(64) }, body: reason, status: 404 }],
  };
}

const TOO_MANY_SEATS = {
  productId: 210,
  productVersionId: 2101,
  orderType: 'NORMAL',
  billingItems: { licenses: 500_000 },
  buyerId: 1301,
  language: 'en',
};

/** Sends a call, and compares status and body with what is described for them. */
function createCheck() {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'service');
  let sent = 0;

  return async (method: string, path: string, { path: values = {}, query, body, headers, status }: Call) => {
    const route = `${method} ${path}`;
    const address = path.replace(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? 'x');
    sent += 1;
    const answer = await fetch(`${service.url}${address}${query ? `?${query}` : ''}`, {
      method,
      headers: {
        authorization: `Bearer ${OPS_TOKEN}`,
        // Each from an address of its own, for wrong tokens are counted by address.
        'x-forwarded-for': `203.0.113.${sent % 250}`,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    expect(answer.status, `${route}: ${text}`).toBe(status);

    const described = document.paths[path]?.[method.toLowerCase()]?.responses[status];
    expect(described, `${route} has no answer ${status}`).toBeDefined();
    const [type, content] = Object.entries(described?.content ?? {})[0] ?? [];
    if (content === undefined) {
      expect(text, route).toBe('');
      return;
    }
    expect(answer.headers.get('content-type'), route).toMatch(new RegExp(`^${type}`));
    const pointer = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', type ?? '', 'schema'];
    const $ref = `service#/${pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
    const validate = ajv.compile({ $ref });
    validate(type === 'application/json' ? JSON.parse(text) : text);
    expect(validate.errors ?? [], `${route} ${status}: ${text.slice(0, 2_000)}`).toEqual([]);
  };
}
