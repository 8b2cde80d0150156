import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RetryableError } from '../../../src/lib/errors.ts';
import { fixedSecret } from '../../../src/lib/secret.ts';
import { createCloudesire } from '../../../src/upstreams/cloudesire/client.ts';
import { Reference } from '../../../src/upstreams/cloudesire/schema.ts';
import type { Answer, Http } from '../../../src/upstreams/http.ts';
import { createPartnerCenter } from '../../../src/upstreams/partner-center/client.ts';
import { createTokens } from '../../../src/upstreams/partner-center/token.ts';
import { damaged, INHERITED, isPolluted, nasty, onlyOurErrors, runs } from '../../support/fuzz.ts';
import { createTestClock } from '../../support/test-clock.ts';
import { bodiesOf } from './fixtures.ts';
import { CUSTOMER, EFFECT } from './partner-center/partner.ts';

const headers = fc
  .dictionary(
    fc.constantFrom('ms-continuationtoken', 'cmw-totalitems', 'cmw-pagesize', 'ms-correlationid', ...INHERITED),
    fc.constantFrom('', '0', '-1', 'a', '1e9', 'NaN', 'again', '\u00ff'),
  )
  .map((given) => ({ ...given }));

/** Answers the same thing to everything, as a refusal where its status is one: what `createHttp` does, without the network. */
function httpAnswering(answers: { status: number; headers: Record<string, string>; body: unknown }[]): Http {
  let asked = 0;
  return {
    async send({ method, path, accept, toError, ignoreBody }) {
      const { status, headers: given, body } = answers[asked % answers.length]!;
      asked += 1;
      if (asked > 2_000) throw new Error('it asks without end');
      const facts = { upstream: 'upstream', method, path, status };
      const answer: Answer = { status, headers: given, body: ignoreBody ? undefined : body, facts, effect: 'none' };
      if ((status >= 200 && status < 300) || accept?.(answer)) return answer;
      throw toError?.(answer) ?? new RetryableError('upstream.unavailable', 'It is away.', { facts });
    },
  };
}

const statuses = fc.constantFrom(
  200,
  200,
  200,
  200,
  201,
  202,
  204,
  400,
  401,
  403,
  404,
  409,
  412,
  417,
  422,
  423,
  501,
  503,
);

function answersOf(upstream: string) {
  const valid = fc.constantFrom(...bodiesOf(upstream));
  const body = fc.oneof({ weight: 6, arbitrary: damaged(valid) }, { weight: 2, arbitrary: valid }, nasty);
  return fc.array(fc.record({ status: statuses, headers, body }), { minLength: 1, maxLength: 4 });
}

const SEATS = { catalogItemId: 'CFQ:0001:X', quantity: 5 };
const WHO = { firstName: 'A', lastName: 'B', email: 'a@b.example' };
const ADDRESS = { addressLine1: 'Via Roma 1', city: 'Milano', country: 'IT' };

type Calls<C> = Record<string, (client: C) => Promise<unknown>>;

const CLOUDESIRE: Calls<ReturnType<typeof createCloudesire>> = {
  subscription: ({ subscriptions }) => subscriptions.get(50010),
  async subscriptions({ subscriptions }) {
    for await (const { id } of subscriptions.list({ productType: 'CSP' })) expect(id).toBeTypeOf('number');
  },
  metadata: ({ subscriptions }) => subscriptions.metadata(50010),
  status: ({ subscriptions }) => subscriptions.setStatus(50010, 'DEPLOYED'),
  product: ({ catalogue }) => catalogue.product(210),
  plan: ({ catalogue }) => catalogue.plan(2101),
  productMetadata: ({ catalogue }) => catalogue.productMetadata(210),
  planMetadata: ({ catalogue }) => catalogue.planMetadata(2101),
  products: ({ range }) => range.products('CSP'),
  plans: ({ range }) => range.plans(210),
  user: ({ customers }) => customers.user(1301),
  me: ({ customers }) => customers.me(),
  company: ({ customers }) => customers.company({ kind: 'userCompany', id: 512 }),
  countryCodes: ({ customers }) => customers.countryCodes(),
};

const PARTNER_CENTER: Calls<ReturnType<typeof createPartnerCenter>> = {
  country: ({ account }) => account.country(),
  mfa: ({ account }) => account.isMfaCompliant(),
  customer: ({ customers }) => customers.get(CUSTOMER),
  findByDomain: ({ customers }) => customers.findByDomain('contoso.onmicrosoft.com'),
  createCustomer: ({ customers }) =>
    customers.create(
      {
        domain: 'c.onmicrosoft.com',
        companyName: 'C',
        email: 'a@b.example',
        culture: 'it-IT',
        language: 'it',
        address: { ...ADDRESS, ...WHO },
      },
      EFFECT,
    ),
  countryRules: ({ customers }) => customers.countryRules('IT'),
  validateAddress: ({ customers }) => customers.validateAddress(ADDRESS),
  vetting: ({ customers }) => customers.vettingStatus(CUSTOMER),
  relationship: ({ customers }) => customers.relationshipRequest(),
  resellers: ({ customers }) => customers.resellers(),
  mpa: ({ customers }) => customers.isPartnerAgreementSigned('123'),
  administrators: ({ customers }) => customers.administrators(CUSTOMER),
  consent: ({ customers }) => customers.consent(CUSTOMER, { applicationId: 'app', displayName: 'app' }),
  createAttestation: ({ agreements }) =>
    agreements.createAttestation({ country: 'IT', language: 'it-IT', companyName: 'C', ...WHO }, EFFECT),
  attestation: ({ agreements }) => agreements.attestation('a1'),
  isAccepted: ({ agreements }) => agreements.isAccepted(CUSTOMER),
  agreementTemplate: ({ agreements }) => agreements.template(),
  sku: ({ catalog }) => catalog.sku({ productId: 'CFQ', skuId: '0001', country: 'IT', segment: 'commercial' }),
  availabilities: ({ catalog }) =>
    catalog.availabilities({ productId: 'CFQ', skuId: '0001', country: 'IT', segment: 'commercial' }),
  cart: ({ carts }) => carts.get(CUSTOMER, 'cart'),
  checkout: ({ carts }) => carts.checkout(CUSTOMER, 'cart', EFFECT),
  order: ({ orders }) => orders.get(CUSTOMER, 'order', { withPrice: true }),
  orders: ({ orders }) => orders.list(CUSTOMER),
  partnerSubscriptions: ({ subscriptions }) => subscriptions.list(CUSTOMER),
  partnerSubscription: ({ subscriptions }) => subscriptions.get(CUSTOMER, 'id'),
  update: ({ subscriptions }) => subscriptions.update(CUSTOMER, 'id', { quantity: 6 }, EFFECT),
  eligibilities: ({ subscriptions }) => subscriptions.transitionEligibilities(CUSTOMER, 'id', 'immediate'),
  transition: ({ subscriptions }) =>
    subscriptions.transition(
      CUSTOMER,
      'id',
      { toCatalogItemId: SEATS.catalogItemId, quantity: SEATS.quantity, transitionType: 'transition_only' },
      EFFECT,
    ),
  transitions: ({ subscriptions }) => subscriptions.transitions(CUSTOMER, 'id'),
  termEnds: ({ subscriptions }) => subscriptions.customTermEndDates(CUSTOMER, 'P1Y'),
  entitlements: ({ azure }) => azure.entitlements(CUSTOMER, 'plan'),
  usage: ({ azure }) => azure.usage(CUSTOMER, 'plan'),
  billingPeriod: ({ azure }) => azure.billingPeriod(CUSTOMER, 'plan'),
  budget: ({ azure }) => azure.budget(CUSTOMER),
  events: ({ webhooks }) => webhooks.events(),
  registration: ({ webhooks }) => webhooks.registration(),
  register: ({ webhooks }) => webhooks.register({ url: 'https://x.example/', events: ['test-created'] }),
};

it('whatever Cloudesire answers is read, or refused with an error of ours', async () => {
  await fc.assert(
    fc.asyncProperty(answersOf('cloudesire'), fc.constantFrom(...Object.values(CLOUDESIRE)), async (answers, call) => {
      await onlyOurErrors(() => call(createCloudesire({ http: httpAnswering(answers), token: fixedSecret('token') })));
      expect(isPolluted()).toBe(false);
    }),
    runs(400),
  );
});

it('whatever Partner Center answers is read, or refused with an error of ours', async () => {
  const tokens = { appOnly: async () => 'a', appUser: async () => 'u', hasUser: true, invalidate() {} };
  await fc.assert(
    fc.asyncProperty(
      answersOf('partner-center'),
      fc.constantFrom(...Object.values(PARTNER_CENTER)),
      async (answers, call) => {
        await onlyOurErrors(() => call(createPartnerCenter({ http: httpAnswering(answers), tokens })));
        expect(isPolluted()).toBe(false);
      },
    ),
    runs(600),
  );
});

it('whatever Entra ID answers is a token that can travel in a header, or an error of ours', async () => {
  const valid = fc.constantFrom<unknown>(
    { access_token: 'eyJ.a.b', expires_in: 3599, refresh_token: '0.AX' },
    { error: 'invalid_grant', error_codes: [700082], error_description: 'a@b.example' },
  );
  const answers = fc.array(fc.record({ status: statuses, headers, body: fc.oneof(damaged(valid), nasty) }), {
    minLength: 1,
    maxLength: 2,
  });
  await fc.assert(
    fc.asyncProperty(answers, fc.boolean(), async (given, asUser) => {
      const tokens = createTokens({
        http: httpAnswering(given),
        tenantId: 'tenant',
        clientId: 'client',
        clientSecret: fixedSecret('secret'),
        refreshTokens: { load: async () => undefined, save: async () => {} },
        clock: createTestClock(Date.now()),
        seed: fixedSecret('seed'),
      });
      const token = await onlyOurErrors(() => (asUser ? tokens.appUser() : tokens.appOnly()));
      if (token !== undefined) expect(token).toMatch(/^[\x21-\x7e]+$/);
    }),
    runs(300),
  );
});

it('no text, however long, holds anything up', async () => {
  const tokens = { appOnly: async () => 'a', appUser: async () => 'u', hasUser: true, invalidate() {} };
  const long = fc
    .constantFrom('a', '1', '/', ' ', 'a@', 'aB', '{"a":', '\n', 'a/1', 'é', 'eyJ')
    .map((part) => part.repeat(300_000 / part.length));
  const status = fc.constantFrom(200, 400, 403, 404);
  const inAll = (value: unknown, text: string): unknown => {
    if (typeof value === 'string') return text;
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, child]) => [key, inAll(child, text)] as const);
    return Array.isArray(value) ? entries.map(([, child]) => child) : Object.fromEntries(entries);
  };
  const sides = fc.constantFrom(
    ...Object.values(CLOUDESIRE).map((call) => ({
      bodies: bodiesOf('cloudesire'),
      ask: (http: Http) => call(createCloudesire({ http, token: fixedSecret('token') })),
    })),
    ...Object.values(PARTNER_CENTER).map((call) => ({
      bodies: bodiesOf('partner-center'),
      ask: (http: Http) => call(createPartnerCenter({ http, tokens })),
    })),
  );
  await fc.assert(
    fc.asyncProperty(sides, fc.nat(), long, status, async ({ bodies, ask }, which, text, answered) => {
      const body = inAll(bodies[which % bodies.length], text);
      const startedAt = process.cpuUsage();
      await onlyOurErrors(() => ask(httpAnswering([{ status: answered, headers: {}, body }])));
      expect(process.cpuUsage(startedAt).user / 1_000).toBeLessThan(5_000);
    }),
    runs(40),
  );
});

it.each(['a', 'a/', '1', '/'])('a reference of %s without end is none', (part) => {
  const startedAt = process.cpuUsage();
  expect(Reference.safeParse(part.repeat(1_000_000)).success).toBe(false);
  expect(process.cpuUsage(startedAt).user / 1_000).toBeLessThan(5_000);
});
