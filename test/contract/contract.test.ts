import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { EXIT } from '../../src/commands/command.ts';
import { WithheldError } from '../../src/lib/errors.ts';
import { createHttp } from '../../src/upstreams/http.ts';
import { openClients } from './clients.ts';
import { compareWithEmulators } from './command.ts';
import { askAll, type Comparison, compareSides, type Finding, type Side } from './comparison.ts';
import { type EmulatedSide, startEmulatedSide } from './emulated-side.ts';
import { QUESTIONS } from './questions.ts';
import { createReading, replay } from './reading.ts';
import { recordAnswers } from './recorder.ts';
import { present } from './report.ts';
import { withChange } from './shapes.ts';

/** Stands in answers of the real side only. */
const CANARY = 'Giulietta';

/* One set of emulators plays the real upstreams. */

let emulated: EmulatedSide;
let real: EmulatedSide;
/** What both answer when nothing is different. */
let ours: Side;
let undisturbed: Side;

beforeAll(async () => {
  [emulated, real] = await Promise.all([startEmulatedSide(), startEmulatedSide()]);
  undisturbed = await askAll(real.config);
  ours = await askAll(emulated.config);
});

afterEach(() => real.emulators.faults.clear());

afterAll(() => Promise.all([emulated.close(), real.close()]));

const compare = async (theirs: Side): Promise<Comparison> =>
  compareSides(ours, theirs, createReading(emulated.emulators, emulated.config));

/** The next answer to a question has something else at a place. */
function alter(question: string, steps: string[], change: (value: unknown) => unknown): void {
  const asked = undisturbed.answers.get(question);
  const exchange = asked && 'exchanges' in asked ? asked.exchanges.at(-1) : undefined;
  const body = exchange?.body();
  if (!exchange || !body || !('json' in body)) throw new Error(`Nothing was answered about ${question}.`);
  const { upstream: server, method, path } = exchange;
  real.emulators.faults.inject({
    ...replay(exchange, withChange(body.json, steps, change)),
    server,
    method,
    path: `^${path.replaceAll(/[^\w/]/g, '\\$&')}(\\?|$)`,
  });
}

const renamed = (from: string, to: string) => (value: unknown) => {
  const { [from]: kept, ...others } = value as Record<string, unknown>;
  return { ...others, [to]: kept };
};
const told = ({ findings }: Comparison, kind: Finding['kind']) =>
  findings.filter((one) => one.kind === kind).map(({ route, says }) => `${route}: ${says}`);

const verdicts = ({ rows }: Comparison) =>
  Object.fromEntries(rows.flatMap(({ question, verdict }) => (verdict === 'alike' ? [] : [[question, verdict]])));

function expectNoSecretIn(text: string): void {
  const secrets = [emulated, real].flatMap(({ emulators }) => emulators.secrets());
  expect(secrets.length).toBeGreaterThan(50);
  expect([CANARY, ...secrets].filter((secret) => text.includes(secret))).toEqual([]);
}

async function run(environment: Record<string, string>) {
  let said = '';
  const code = await compareWithEmulators({
    environment,
    startEmulated: async () => ({ ...emulated, close: async () => {} }),
    say(text) {
      said += text;
    },
    complain(text) {
      throw new Error(text);
    },
  });
  return { code, said };
}

it('asks everything that the service reads, and finds nothing between emulators that are alike', async () => {
  const { rows, findings } = await compare(undisturbed);

  expect(findings).toEqual([]);
  expect(rows.map(({ question, verdict }) => [question, verdict])).toEqual(
    QUESTIONS.map(({ name }) => [name, 'alike']),
  );
});

it('writes nothing to the real upstreams, and could not', async () => {
  const { emulators, config } = real;
  const books = () =>
    JSON.stringify([emulators.partnerCenter.books(), emulators.arm.books(), emulators.cloudesire.subscriptions()]);
  const [before, seen] = [books(), emulators.calls().length];
  await askAll(config);
  const { partnerCenter, cloudesire, azure } = openClients(config);
  const where = { tenantId: config.partnerCenter.tenantId, subscriptionId: 'a-subscription' };
  const writes = [
    () => partnerCenter.carts.create('a-customer', { lineItems: [] }, { requestId: 'one' }),
    () => partnerCenter.webhooks.register({ url: 'https://connector.example', events: [] }),
    () => cloudesire.subscriptions.setStatus(1, 'DEPLOYED'),
    () => azure.bootstrap.createAlias('an-alias', { displayName: 'a', billingScope: 'b' }),
    () => azure.bootstrap.cancelSubscription(where),
  ];
  for (const write of writes) await expect(write()).rejects.toBeInstanceOf(WithheldError);

  const sent = emulators.calls().slice(seen);
  const isToken = ({ server, path }: { server: string; path: string }) => server === 'entra' && path.endsWith('/token');
  expect(sent.length).toBeGreaterThan(QUESTIONS.length);
  expect(sent.filter((call) => !['GET', 'HEAD'].includes(call.method) && !isToken(call))).toEqual([]);
  expect(books()).toEqual(before);
});

it('names each difference exactly, and tells what breaks the service from what it loses and from what it does not read', async () => {
  const { faults } = real.emulators;
  alter('addresses of Entra ID', [], renamed('issuer', 'issuedBy'));
  alter('subscription', [], (subscription) => ({
    ...(subscription as object),
    giftCode: CANARY,
    gifts: [{ name: CANARY }],
  }));
  alter('buyer', [], (user) => [user]);
  alter('events of the webhook', [], () => []);
  alter('customer', ['companyProfile'], renamed('companyName', 'organizationName'));
  alter('customer', ['companyProfile'], renamed('companyName', 'organizationName'));
  alter('order with prices', ['lineItems', '[]', 'quantity'], String);
  alter('partner subscription', [], (found) => renamed('isTrial', 'trial')(renamed('unitType', 'unit')(found)));
  alter('resources of an order', [], (page) => ({
    ...(page as object),
    nextLink: `${real.config.azure.armUrl}/subscriptions/${CANARY}/${CANARY}?api-version=2025-04-01`,
  }));
  alter('agreement of a reseller', [], renamed('isAgreementSigned', 'IsAgreementSigned'));
  alter('regions', ['value', '[]'], renamed('displayName', 'label'));
  faults.inject({ kind: 'refuse', path: '/countryCodes' });
  const page = { status: 200, headers: { 'content-type': 'text/html' }, body: `<p>${CANARY}</p>` };
  faults.inject({ kind: 'replace', path: '/relationshiprequests', ...page });
  const refusal = { status: 401, body: { code: 400, description: CANARY } };
  faults.inject({ kind: 'replace', path: '/validationStatus', times: 2, ...refusal });

  const comparison = await compare(await askAll(real.config));

  expect(told(comparison, 'breaks')).toEqual([
    'countries of the marketplace: cloudesire.no-answer (not answered)',
    'cloudesire GET /user/{id}: cloudesire.malformed (answered with 200 application/json)',
    'partner-center GET /v1/customers/{id}/orders/{id}: partner-center.malformed (answered with 200 application/json)',
    'partner-center GET /v1/customers/relationshiprequests: partner-center.malformed (answered with 200 text/html)',
    'partner-center GET /v1/customers/{id}/validationStatus: partner-center.unauthorized (answered with 401 application/json)',
    'arm GET /subscriptions/{id}/{id}: arm.InvalidResourceType (answered with 404 application/json)',
  ]);
  expect(told(comparison, 'claimed')).toEqual([
    'cloudesire GET /user/{id}: the body as a whole is object in the emulator, array there',
    'partner-center GET /v1/customers/{id}: companyProfile.companyName (string) is in the emulator, and not there',
    'partner-center GET /v1/customers/{id}/orders/{id}: lineItems[].quantity is number in the emulator, string there',
    'partner-center GET /v1/customers/{id}/subscriptions/{id}: isTrial (boolean) is in the emulator, and not there',
    'partner-center GET /v1/customers/relationshiprequests: the body as a whole is object in the emulator, text there',
    'partner-center GET /v1/customers/relationshiprequests: the emulator sends the header ms-correlationid, which is not there',
    'arm GET /subscriptions/{id}/locations: value[].displayName (string) is in the emulator, and not there',
  ]);
  expect(told(comparison, 'more')).toEqual([
    'entra GET /{id}/v2.0/.well-known/openid-configuration: issuer (string) is in the emulator, and not there',
    'entra GET /{id}/v2.0/.well-known/openid-configuration: issuedBy (string) is there, and not in the emulator',
    'cloudesire GET /subscription/{id}: giftCode (string) is there, and not in the emulator',
    'cloudesire GET /subscription/{id}: gifts (array) is there, and not in the emulator',
    'cloudesire GET /subscription/{id}: gifts[] (object) is there, and not in the emulator',
    'cloudesire GET /subscription/{id}: gifts[].name (string) is there, and not in the emulator',
    'partner-center GET /v1/customers/{id}: companyProfile.organizationName (string) is there, and not in the emulator',
    'partner-center GET /v1/customers/{id}/subscriptions/{id}: unitType (string) is in the emulator, and not there',
    'partner-center GET /v1/customers/{id}/subscriptions/{id}: unit (string) is there, and not in the emulator',
    'partner-center GET /v1/customers/{id}/subscriptions/{id}: trial (boolean) is there, and not in the emulator',
    'partner-center GET /v1/customers/relationshiprequests: 200 application/json in the emulator, 200 text/html there',
    'partner-center GET /v1/compliance/csp/agreementstatus: IsAgreementSigned is written so there, in the emulator in another case',
    'partner-center GET /v1/customers/{id}/validationStatus: 404 application/json in the emulator, 401 application/json there: what they say was not compared',
    'arm GET /subscriptions/{id}/locations: value[].label (string) is there, and not in the emulator',
    'arm GET /subscriptions/{id}/resources: nextLink (string) is there, and not in the emulator',
    'arm GET /subscriptions/{id}/{id}: is asked there only',
  ]);
  expect(verdicts(comparison)).toEqual({
    'addresses of Entra ID': 'alike in what is read',
    'countries of the marketplace': '1 finding',
    subscription: 'alike in what is read',
    buyer: '2 findings',
    'company of a buyer': 'not asked: no company of the buyer is known',
    'events of the webhook': 'alike, but for 1 place with nothing there',
    customer: '1 finding',
    'order with prices': '2 findings',
    'partner subscription': '1 finding',
    'relationship request': '3 findings',
    'review of a customer': '1 finding',
    'agreement of a reseller': 'alike in what is read',
    regions: '1 finding',
    'resources of an order': '1 finding',
  });
  expectNoSecretIn(present(comparison));
});

it('ends with 0 when all is alike, says what it could not ask, and shows no value of any answer', async () => {
  const { PARTNER_CENTER_REFRESH_TOKEN: _none, ...environment } = real.emulators.environment();
  const { code, said } = await run(environment);

  expect(code).toBe(EXIT.fine);
  expect(said).toMatch(/^token of the user .* not asked: no PARTNER_CENTER_REFRESH_TOKEN$/m);
  expect(said).toMatch(/^indirect resellers .* not asked: /m);
  expect(said).toMatch(/: 0 cannot be used, 0 are claimed only, 0 are different without consequence\.\n$/);
  expectNoSecretIn(said);
});

it('does not take for a difference what has not been set up yet', async () => {
  const { entra } = real.emulators;
  const { azureCustomer = '' } = undisturbed.known;
  entra.revokeConsent(azureCustomer);
  const comparison = await compare(await askAll(real.config));
  entra.addTenant({ id: azureCustomer });

  expect(comparison.findings).toEqual([]);
  expect(verdicts(comparison)).toMatchObject({
    'token in the tenant of a customer': 'not compared: entra.no-service-principal',
    'Azure subscription': 'not compared: entra.no-service-principal',
    regions: 'not asked: no Azure subscription is known that the service principal may read',
  });
});

it('ends with 1 when the service would lose something', async () => {
  alter('regions', ['value', '[]'], renamed('displayName', 'label'));
  expect(await run({ ...real.emulators.environment() })).toMatchObject({
    code: EXIT.found,
    said: expect.stringContaining('value[].displayName (string) is in the emulator, and not there'),
  });
});

it('ends at once with 78, and says what is missing, without the settings of the real side', async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: {},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [said, complained] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complained += text));
  const [code] = (await once(child, 'close')) as [number];

  expect({ code, said }).toEqual({ code: EXIT.configuration, said: '' });
  expect(complained).toMatch(/^Nothing was compared, /);
  expect(complained).toMatch(/^CMW_BASE_URL: missing/m);
  expect(complained).toMatch(/^PARTNER_CENTER_TENANT_ID: missing/m);
});

it('reads what comes compressed', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' });
    response.end(gzipSync('{"id":1}'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const recorder = recordAnswers({ one: `${url}/api` });
  const http = createHttp({
    upstream: 'one',
    baseUrl: `${url}/api`,
    readTimeoutMs: 60_000,
    readOnly: true,
    observe: () => {},
  });
  await http.send({ method: 'GET', path: '/things', query: { page: 2 } });
  const [exchange] = recorder.take();
  recorder.stop();
  await http.send({ method: 'GET', path: '/things' });
  server.close();

  expect(exchange).toMatchObject({
    upstream: 'one',
    method: 'GET',
    path: '/api/things',
    resource: '/things',
    query: 'page=2',
    status: 200,
  });
  expect(exchange?.body()).toEqual({ json: { id: 1 } });
  expect(recorder.take()).toEqual([]);
});
