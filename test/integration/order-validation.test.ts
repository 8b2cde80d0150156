import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { compose } from '../../src/compose/service.ts';
import { loadConfig } from '../../src/config.ts';
import { freePort } from '../support/free-port.ts';
import { createMemoryLog } from '../support/memory-log.ts';
import { startRedis } from '../support/redis.ts';
import { type RunningService, startService } from '../support/service.ts';
import { startStopwatch } from '../support/stopwatch.ts';
import { createWorld, type World } from '../support/world.ts';

/** Longer than a router takes by default. */
const SECRET = `endpoint-secret-${'x'.repeat(100)}`;
/** The marketplace is promised an answer by then. */
const PROMISED_MS = 3_000;
const READY_MS = 10_000;
const DAY_MS = 86_400_000;

/** What the marketplace sends for an estimate and for an order. */
const ORDER = {
  productId: 210,
  productIdentifier: 'ms365-business-premium',
  productVersionId: 2101,
  productVersionIdentifier: 'ms365-bp-monthly',
  configurationParameters: { MICROSOFT_DOMAIN: 'officineverdi' },
  language: 'en',
  buyerId: 1301,
  billingItems: { licenses: 25 },
  orderType: 'NORMAL',
};

let world: World;
/** A process takes its time to leave; nobody has to wait for that but the end. */
const leaving: Promise<void>[] = [];

beforeAll(async () => {
  world = await createWorld();
});

beforeEach(async () => {
  await world.reset();
  world.emulators.partnerCenter.acceptAllAttestations(true);
});

afterAll(async () => {
  await Promise.all(leaving);
  await world.close();
});

/** A web process without the process, beside the worker of this world, and the marketplace told to ask it. */
async function startWeb(environment: Record<string, string> = {}) {
  const { log, lines, text } = createMemoryLog();
  const port = await freePort();
  const web = compose(loadConfig({ ...webEnvironment(), HOST: '127.0.0.1', PORT: String(port), ...environment }), {
    log,
  });
  await web.start();
  onTestFinished(() => {
    leaving.push(web.stop());
  });
  const url = `http://127.0.0.1:${port}`;
  await letMarketplaceAsk(url);
  return { url, lines, logged: text };
}

async function startWebProcess(environment: Record<string, string> = {}): Promise<RunningService> {
  const service = await startService({ ...webEnvironment(), ...environment });
  onTestFinished(async () => {
    await service.end('SIGKILL');
  });
  await letMarketplaceAsk(service.url);
  return service;
}

const webEnvironment = () => ({
  ...world.emulators.environment(),
  REDIS_URL: world.config.redis.url,
  REDIS_PREFIX: world.config.redis.prefix,
  ROLE: 'web',
  ENDPOINT_SECRET: SECRET,
});

/** Nobody is asked who is not ready. */
async function letMarketplaceAsk(url: string): Promise<void> {
  await vi.waitFor(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(200), { timeout: READY_MS });
  world.emulators.cloudesire.putProduct(210, { orderValidationUrls: [`${url}/order-validation/${SECRET}`] });
}

async function validate(order: Record<string, unknown> = {}) {
  const tookMs = startStopwatch();
  const validated = await world.emulators.cloudesire.validateOrder({ ...ORDER, ...order });
  return { ...validated, tookMs: tookMs() };
}

/** A licence in service, for which the order of a change can be asked about. */
async function sell({ plan = 2101, licenses = 10, type = 'NORMAL' as 'NORMAL' | 'TRIAL', buyer = 1301 } = {}) {
  const id = world.emulators.cloudesire.placeOrder({ plan, buyer, licenses, paid: true, type });
  await world.settle(id);
  expect(world.emulators.cloudesire.subscription(id).deploymentStatus).toBe('DEPLOYED');
  return id;
}

/** A licence with a term of a month, the last day of that, and a plan whose term is a year. */
async function sellBesideYear(): Promise<{ id: number; end: string }> {
  world.emulators.cloudesire.putPlan(2102, { minimumDuration: 12, billingPeriod: 1 });
  const id = await sell();
  return { id, end: (await world.records.get(id))?.fulfillment?.commitmentEndDate?.slice(0, 10) ?? '' };
}

/** Calls that changed something at the marketplace or at Microsoft. */
const writes = () =>
  world.emulators
    .calls()
    .filter(({ server, method, path }) => {
      const isQuestion = server === 'entra' || path === '/v1/validations/address';
      return !isQuestion && !['GET', 'HEAD'].includes(method);
    })
    .map(({ method, path }) => `${method} ${path}`);

const callsTo = (path: RegExp) => world.emulators.calls().filter((call) => path.test(call.path)).length;

function delayMicrosoft(): void {
  world.emulators.faults.inject({ server: 'partner-center', kind: 'delay', delayMs: 10_000, times: 100 });
}

describe('an order that is asked about', () => {
  it('is accepted without a write to anybody, and then delivered as it was', async () => {
    await startWeb();
    const { accepted, answers } = await validate();
    expect({ accepted, status: answers[0]?.status }).toEqual({ accepted: true, status: 204 });
    expect(writes()).toEqual([]);
    expect(callsTo(/\/availabilities$/)).toBe(1);
    expect(callsTo(/\/validations\/address$/)).toBe(1);

    const id = world.emulators.cloudesire.placeOrder({
      plan: ORDER.productVersionId,
      buyer: ORDER.buyerId,
      licenses: ORDER.billingItems.licenses,
      parameters: ORDER.configurationParameters,
      paid: true,
    });
    await world.settle(id);
    expect(world.emulators.cloudesire.subscription(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('asks the catalogues once for many orders, and for the buyer each time anew', async () => {
    await startWeb();
    await validate();
    await Promise.all([validate(), validate(), validate()]);
    for (const catalogue of [
      /\/product\/210$/,
      /\/productVersion\/2101$/,
      /\/skus\/0001$/,
      /\/countryvalidationrules\//,
    ])
      expect.soft(callsTo(catalogue), String(catalogue)).toBe(1);
    expect(callsTo(/\/user\/1301$/)).toBe(4);
    expect(callsTo(/\/userCompany\/512$/)).toBe(4);
  });

  it('leaves neither a personal datum nor what the customer entered in the log', async () => {
    const { logged } = await startWeb({ LOG_LEVEL: 'debug' });
    world.emulators.cloudesire.putCompany(512, { address: null });
    world.emulators.cloudesire.putBuyer(1301, { address: null, homeAddress: null });
    await validate({ configurationParameters: { MICROSOFT_DOMAIN: 'x', ADMIN_PASSWORD: 'Kx4!example-only' } });
    expect(logged()).toContain('check speaks against the order');
    const secrets = [...world.emulators.secrets(), 'Kx4!example-only', SECRET].filter((secret) => secret.length > 3);
    expect(secrets.filter((secret) => logged().includes(secret))).toEqual([]);
  });
});

interface Refused {
  what: string;
  prepare?(): unknown;
  order?: Record<string, unknown>;
  environment?: Record<string, string>;
  en: RegExp;
  it: RegExp;
}

/** Refusals that need nothing in service. */
const REFUSED: Refused[] = [
  {
    what: 'of a plan that is not configured',
    prepare() {
      world.emulators.cloudesire.deletePlanMetadata(2101, 'offerId');
      world.emulators.cloudesire.putPlan(2101, { externalId: null });
    },
    en: /cannot be ordered at the moment/,
    it: /non è possibile ordinare questo prodotto/,
  },
  {
    what: 'of a trial of a plan without one',
    prepare: () => world.emulators.cloudesire.deletePlanMetadata(2101, 'partnerCenterTrialOfferId'),
    order: { orderType: 'TRIAL' },
    en: /cannot be ordered at the moment/,
    it: /non è possibile ordinare questo prodotto/,
  },
  {
    what: 'of what Microsoft sells no more',
    prepare: () => world.emulators.partnerCenter.retireSku('CFQ7TTC0XA11', '0001'),
    en: /does not sell this product in your country with this duration/,
    it: /non vende questo prodotto nel tuo paese con questa durata/,
  },
  {
    what: 'of a term that is not for sale',
    prepare: () => world.emulators.cloudesire.putPlan(2101, { minimumDuration: 1, billingPeriod: 36 }),
    en: /does not sell this product in your country with this duration/,
    it: /non vende questo prodotto nel tuo paese con questa durata/,
  },
  {
    what: 'without a number of seats',
    order: { billingItems: {} },
    en: /choose how many licences/,
    it: /Indica di quante licenze/,
  },
  {
    what: 'of half a seat',
    order: { billingItems: { licenses: 2.5 } },
    en: /2\.5 is not a possible number of licences/,
    it: /2,5 non è un numero di licenze possibile/,
  },
  {
    what: 'of half a seat, also by a visitor',
    order: { billingItems: { licenses: 2.5 }, buyerId: undefined },
    en: /2\.5 is not a possible number of licences/,
    it: /2,5 non è un numero di licenze possibile/,
  },
  {
    what: 'of more seats than one subscription can have',
    prepare: () => world.emulators.partnerCenter.setSkuBounds('CFQ7TTC0XA11', '0001', { maximumQuantity: 20 }),
    en: /with 1 to 20 licences, and you chose 25/,
    it: /con un numero di licenze da 1 a 20 e ne hai scelte 25/,
  },
  {
    what: 'of somebody without a company',
    prepare: () => world.emulators.cloudesire.putBuyer(1301, { company: null, userCompany: null }),
    en: /sold to companies only/,
    it: /venduti solo alle aziende/,
  },
  {
    what: 'with data missing that nobody can do without',
    prepare() {
      world.emulators.cloudesire.putCompany(512, { address: null });
      world.emulators.cloudesire.putBuyer(1301, { address: null, homeAddress: null });
    },
    en: /missing in your profile: street and number, city, country/,
    it: /mancano nel tuo profilo: via e numero civico, città, paese/,
  },
  {
    what: 'with data missing that the country asks for',
    prepare: () =>
      world.emulators.cloudesire.putCompany(512, {
        taxCode: null,
        phoneNumber: null,
        address: { address: 'Prosta 51', city: 'Warszawa', zipCode: '00-838', country: 'POLAND', countryCode: 'PL' },
      }),
    en: /missing in your profile: business registration or tax number/,
    it: /mancano nel tuo profilo: partita IVA o numero di iscrizione al registro delle imprese/,
  },
  {
    what: 'with data that break the rules of the country or of Microsoft',
    prepare: () =>
      world.emulators.cloudesire.putCompany(512, {
        name: 'S.r.l.',
        address: { address: 'Via Roma 1', city: 'Milano', zipCode: 'ABC', country: 'ITALY', countryCode: 'IT' },
      }),
    en: /does not accept data of your profile: company name, postal code\./,
    it: /non accetta alcuni dati del tuo profilo: ragione sociale, CAP\./,
  },
  {
    what: 'with an address that Microsoft calls wrong',
    prepare: () => world.emulators.partnerCenter.answerAddressWith('None', 2),
    en: /does not accept data of your profile: street and number, postal code, city/,
    it: /non accetta alcuni dati del tuo profilo: via e numero civico, CAP, città/,
  },
  {
    what: 'with a name that is taken',
    prepare() {
      for (const name of ['offverdi', 'offverdi2']) world.emulators.partnerCenter.takeDomain(`${name}.onmicrosoft.com`);
    },
    order: { configurationParameters: { MICROSOFT_DOMAIN: 'offverdi' } },
    en: /"offverdi" that you entered .* is already taken\. .* for example "offverdi3"\./,
    it: /"offverdi" che hai indicato .* è già in uso\. .* per esempio "offverdi3"\./,
  },
  {
    what: 'with a name that no tenant can have',
    order: { configurationParameters: { MICROSOFT_DOMAIN: '1_' } },
    en: /enter 3 to 27 letters and digits/,
    it: /Indica da 3 a 27 lettere e cifre/,
  },
  {
    what: 'of licences that shall end with others, by a company that has none',
    order: { configurationParameters: { MICROSOFT_DOMAIN: 'officineverdi', TERM_END_DATE: '2027-03-17' } },
    en: /does not allow, or no longer allows, your licences to end on the day that you chose/,
    it: /non consente, o non consente più, che le tue licenze terminino nel giorno che hai scelto/,
  },
  {
    what: 'of the type SANDBOX, unless that is allowed',
    order: { orderType: 'SANDBOX' },
    en: /Test orders are not accepted/,
    it: /non si accettano ordini di prova/,
  },
];

/** Refusals that depend on what is in service. */
const REFUSED_BESIDE: (Omit<Refused, 'order' | 'prepare'> & { prepare(): Promise<Record<string, unknown>> })[] = [
  {
    what: 'that names the tenant of another company',
    async prepare() {
      await sell({ buyer: 1302 });
      const [customer] = world.emulators.partnerCenter.customers() as {
        companyProfile?: { domain?: string };
        domain?: string;
      }[];
      return { configurationParameters: { MICROSOFT_DOMAIN: customer?.domain ?? customer?.companyProfile?.domain } };
    },
    en: /belongs to another customer/,
    it: /appartiene a un altro cliente/,
  },
  {
    what: 'of licences that shall end with others, which have been cancelled meanwhile',
    async prepare() {
      const { id, end } = await sellBesideYear();
      const { partnerSubscriptionId = '' } = (await world.records.get(id))?.fulfillment ?? {};
      world.emulators.partnerCenter.cancelByHand(partnerSubscriptionId);
      // The last day of a month is allowed without them too.
      const isMonthEnd = new Date(Date.parse(end) + DAY_MS).getUTCDate() === 1;
      return { productVersionId: 2102, configurationParameters: { TERM_END_DATE: isMonthEnd ? '2026-02-30' : end } };
    },
    en: /choose one of the days offered, or leave the field empty for a whole term/,
    it: /Scegli uno dei giorni proposti o lascia vuoto il campo per una durata intera/,
  },
  {
    what: 'of a trial that the company has had',
    async prepare() {
      world.emulators.cloudesire.terminate(await sell({ type: 'TRIAL' }));
      return { orderType: 'TRIAL' };
    },
    en: /has had this trial already, or owns the product/,
    it: /ha già avuto questa versione di valutazione oppure possiede il prodotto/,
  },
  {
    what: 'of a trial of what the company owns',
    async prepare() {
      await sell();
      return { orderType: 'TRIAL' };
    },
    en: /has had this trial already, or owns the product/,
    it: /ha già avuto questa versione di valutazione oppure possiede il prodotto/,
  },
  {
    what: 'of a change to a plan to which Microsoft offers no way',
    async prepare() {
      world.emulators.cloudesire.putPlan(2102, { minimumDuration: 12, billingPeriod: 1 });
      const subscriptionId = await sell({ plan: 2102 });
      return { orderType: 'SYNDICATED_UPGRADE', subscriptionId, buyerId: undefined };
    },
    en: /does not allow your subscription to change to this plan/,
    it: /non consente di passare a questo piano/,
  },
  {
    what: 'of a change to a plan that is not sold like that',
    async prepare() {
      const subscriptionId = await sell();
      world.emulators.cloudesire.putPlan(2102, { minimumDuration: 1, billingPeriod: 36 });
      return { orderType: 'SYNDICATED_UPGRADE', productVersionId: 2102, subscriptionId, buyerId: undefined };
    },
    en: /does not sell this product in your country with this duration/,
    it: /non vende questo prodotto nel tuo paese con questa durata/,
  },
  {
    what: 'of more seats than the running subscription can have',
    async prepare() {
      const subscriptionId = await sell();
      return { orderType: 'BILLING_ITEM_UPGRADE', subscriptionId, buyerId: undefined, billingItems: { licenses: 301 } };
    },
    en: /with 1 to 300 licences, and you chose 301/,
    it: /con un numero di licenze da 1 a 300 e ne hai scelte 301/,
  },
  {
    what: 'of the renewal of a trial whose product is sold no more',
    async prepare() {
      const subscriptionId = await sell({ type: 'TRIAL' });
      world.emulators.partnerCenter.retireSku('CFQ7TTC0XA11', '0001');
      return { orderType: 'RENEWAL', subscriptionId, buyerId: undefined };
    },
    en: /does not sell this product in your country/,
    it: /non vende questo prodotto nel tuo paese/,
  },
];

describe('an order is refused in the language that is asked for', () => {
  it.each(REFUSED)('$what', async ({ prepare, order, environment, en, it: italian }) => {
    prepare?.();
    await expectRefused(order, environment, en, italian);
  });

  it.each(REFUSED_BESIDE)('$what', async ({ prepare, environment, en, it: italian }) => {
    const order = await prepare();
    await expectRefused(order, environment, en, italian);
  });

  async function expectRefused(
    order: Record<string, unknown> | undefined,
    environment: Record<string, string> | undefined,
    en: RegExp,
    italian: RegExp,
  ): Promise<void> {
    await startWeb(environment);
    const before = writes();
    const inEnglish = await refusalOf(order);
    expect(inEnglish.messages).toEqual([expect.stringMatching(en)]);
    expect(inEnglish.answers[0]?.status).toBe(200);
    expect((await refusalOf({ ...order, language: 'it' })).messages).toEqual([expect.stringMatching(italian)]);
    expect(writes()).toEqual(before);
  }

  /** What cannot be checked in time is accepted, which happens on a slow machine: then it is asked again. */
  function refusalOf(order: Record<string, unknown> | undefined) {
    return vi.waitFor(async () => {
      const validated = await validate(order);
      expect(validated.accepted).toBe(false);
      return validated;
    });
  }

  it('and in the first language of the marketplace when it is not known here', async () => {
    await startWeb({ CMW_LANGUAGES: 'it,en' });
    const { messages } = await validate({ language: 'fr', orderType: 'SANDBOX' });
    expect(messages).toEqual([expect.stringMatching(/non si accettano ordini di prova/)]);
  });

  it('with everything at once that speaks against it', async () => {
    world.emulators.partnerCenter.setSkuBounds('CFQ7TTC0XA11', '0001', { maximumQuantity: 20 });
    world.emulators.partnerCenter.answerAddressWith('None', 1);
    await startWeb();
    const { messages } = await validate({ configurationParameters: { MICROSOFT_DOMAIN: '!' } });
    expect(messages).toHaveLength(3);
  });
});

describe('an order is accepted', () => {
  it('when nobody wishes for a name and that of the company is taken, for the next free one is used', async () => {
    world.emulators.partnerCenter.takeDomain('officineverdi.onmicrosoft.com');
    await startWeb();
    expect((await validate({ configurationParameters: {} })).accepted).toBe(true);
  });

  it('when it names a tenant that is nobody’s customer yet: it is invited', async () => {
    await startWeb();
    expect((await validate({ configurationParameters: { MICROSOFT_DOMAIN: 'verdi.example' } })).accepted).toBe(true);
  });

  it.each(['NotValidated', 'StreetPartial', 'InteractionRequired'] as const)(
    'when Microsoft says %s of the address',
    async (status) => {
      world.emulators.partnerCenter.answerAddressWith(status, 1);
      await startWeb();
      expect((await validate()).accepted).toBe(true);
    },
  );

  it('when it is a visitor who asks', async () => {
    await startWeb();
    expect((await validate({ buyerId: undefined, configurationParameters: {} })).accepted).toBe(true);
  });

  it('when it is a trial that the company has not had', async () => {
    await sell({ buyer: 1302 });
    await startWeb();
    expect((await validate({ orderType: 'TRIAL' })).accepted).toBe(true);
  });

  it('when sandbox orders are allowed', async () => {
    await startWeb({ SANDBOX_ORDERS: 'allow' });
    expect((await validate({ orderType: 'SANDBOX' })).accepted).toBe(true);
  });

  it('when private persons are allowed', async () => {
    world.emulators.cloudesire.putBuyer(1301, { company: null, userCompany: null });
    await startWeb({ PRIVATE_CUSTOMERS: 'allow' });
    expect((await validate()).accepted).toBe(true);
  });

  it.each(['TERMINATION', 'UNSUBSCRIBE'])('when it is %s, without asking anybody', async (orderType) => {
    await startWeb();
    expect((await validate({ orderType, subscriptionId: 50010, billingItems: {} })).accepted).toBe(true);
    expect(world.emulators.calls()).toEqual([]);
  });

  it('when its type is not known', async () => {
    await startWeb();
    expect((await validate({ orderType: 'UPSELL', billingItems: {} })).accepted).toBe(true);
  });

  it('when it is of a product of Azure', async () => {
    const { url } = await startWeb();
    world.emulators.cloudesire.putProduct(230, { orderValidationUrls: [`${url}/order-validation/${SECRET}`] });
    const { accepted } = await validate({ productId: 230, productVersionId: 2301, billingItems: {} });
    expect(accepted).toBe(true);
  });

  it('when it raises, lowers or renews seats of what runs, also when Microsoft sells it no more', async () => {
    const subscriptionId = await sell();
    world.emulators.partnerCenter.retireSku('CFQ7TTC0XA11', '0001');
    await startWeb();
    const change = { subscriptionId, buyerId: undefined };
    for (const licenses of [14, 6, 10]) {
      const order = { ...change, orderType: 'BILLING_ITEM_UPGRADE', billingItems: { licenses } };
      expect((await validate(order)).accepted, `${licenses}`).toBe(true);
    }
    expect((await validate({ ...change, orderType: 'RENEWAL', billingItems: {} })).accepted).toBe(true);
  });

  it('when it changes to a plan to which Microsoft offers a way, which is then gone', async () => {
    world.emulators.partnerCenter.setSwitches({ transitionDelayMs: 2_000 });
    world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
    world.emulators.cloudesire.putPlan(2102, { minimumDuration: 12, billingPeriod: 1 });
    const subscriptionId = await sell();
    await startWeb();
    const order = { orderType: 'SYNDICATED_UPGRADE', productVersionId: 2102, subscriptionId, buyerId: undefined };
    expect((await validate(order)).accepted).toBe(true);
    expect(callsTo(/transitionEligibilities/)).toBe(1);

    world.emulators.cloudesire.changePlan(subscriptionId, 2102, { paid: true });
    await world.settle(subscriptionId);
    expect((await world.records.get(subscriptionId))?.fulfillment?.settled?.planId).toBe(2102);
  });

  it('when it changes what is not in service yet', async () => {
    const subscriptionId = world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10 });
    await world.settle(subscriptionId);
    await startWeb();
    const order = { orderType: 'SYNDICATED_UPGRADE', productVersionId: 2102, subscriptionId, buyerId: undefined };
    expect((await validate(order)).accepted).toBe(true);
  });

  it('when a chosen end of the term cannot be compared with those that Microsoft allows', async () => {
    const { end } = await sellBesideYear();
    const { lines } = await startWeb();
    world.emulators.faults.inject({
      server: 'partner-center',
      kind: 'delay',
      delayMs: 10_000,
      path: 'customTermEndDates',
      times: 100,
    });
    const dayAfter = new Date(Date.parse(end) + DAY_MS).toISOString().slice(0, 10);
    const { accepted, tookMs } = await validate({
      productVersionId: 2102,
      configurationParameters: { TERM_END_DATE: dayAfter },
    });
    expect(accepted).toBe(true);
    expect(tookMs).toBeLessThan(PROMISED_MS);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'order not checked in time', check: 'end of the term' }),
    );
  });

  it('when the company is a customer already, whatever its address', async () => {
    await sell();
    world.emulators.partnerCenter.answerAddressWith('None', 1);
    await startWeb();
    expect((await validate()).accepted).toBe(true);
  });
});

describe('an order is accepted in time', () => {
  it('when Microsoft takes 10 s to answer, by the service as it runs', async () => {
    const service = await startWebProcess();
    delayMicrosoft();
    const { accepted, answers, tookMs } = await validate();
    expect({ accepted, status: answers[0]?.status }).toEqual({ accepted: true, status: 204 });
    expect(tookMs).toBeLessThan(PROMISED_MS);
    // What the process has written takes a moment to arrive here.
    await vi.waitFor(() => expect(service.output()).toContain('order not checked in time'));
  });

  it('but refused for what is known by then', async () => {
    await startWeb();
    delayMicrosoft();
    world.emulators.cloudesire.putBuyer(1301, { company: null, userCompany: null });
    const { messages, tookMs } = await validate();
    expect(messages).toEqual([expect.stringMatching(/sold to companies only/)]);
    expect(tookMs).toBeLessThan(PROMISED_MS);
  });

  it('when the marketplace itself takes 10 s to answer', async () => {
    await startWeb();
    world.emulators.faults.inject({ server: 'cloudesire', kind: 'delay', delayMs: 10_000, times: 100 });
    const { accepted, tookMs } = await validate();
    expect(accepted).toBe(true);
    expect(tookMs).toBeLessThan(PROMISED_MS);
  });

  it.each([
    { server: 'partner-center', kind: 'status', status: 503 },
    { server: 'partner-center', kind: 'status', status: 429, headers: { 'Retry-After': '60' } },
    { server: 'partner-center', kind: 'status', status: 401 },
    { server: 'partner-center', kind: 'malformed' },
    { server: 'partner-center', kind: 'reset-before' },
    { server: 'entra', kind: 'status', status: 401, body: { error: 'invalid_client', error_codes: [7000222] } },
    { server: 'cloudesire', kind: 'status', status: 503 },
    { server: 'cloudesire', kind: 'status', status: 401 },
    { server: 'cloudesire', kind: 'malformed' },
  ] as const)('when $server fails: $kind $status', async (fault) => {
    const { lines } = await startWeb();
    world.emulators.faults.inject({ ...fault, times: 100 });
    const { accepted, answers, tookMs } = await validate();
    expect({ accepted, status: answers[0]?.status }).toEqual({ accepted: true, status: 204 });
    expect(tookMs).toBeLessThan(PROMISED_MS);
    // Where the machine is slow the time is up before the fault shows.
    expect(lines.filter(({ msg }) => /^order (could not be|not) checked/.test(String(msg)))).not.toEqual([]);
    expect(lines.filter(({ msg }) => msg === 'bug')).toEqual([]);
  });

  it.each(['SIGKILL', 'SIGSTOP'] as const)('when Redis is struck by %s', async (signal) => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    await startWeb({ REDIS_URL: redis.url });
    expect((await validate()).accepted).toBe(true);
    await redis.kill(signal);
    const { accepted, tookMs } = await validate();
    expect(accepted).toBe(true);
    expect(tookMs).toBeLessThan(PROMISED_MS);
  });
});

describe('the secret in the path', () => {
  const post = (url: string, path: string) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...ORDER, orderType: 'SANDBOX' }),
    });

  it('opens both addresses, and nothing else does', async () => {
    const { url } = await startWeb();
    for (const path of ['/order-validation', '/configuration-parameter-values']) {
      expect((await post(url, `${path}/${SECRET}`)).status).toBe(200);
      for (const wrong of ['', 'wrong', SECRET.slice(1), `${SECRET}x`, encodeURIComponent(`${SECRET}\n`)])
        expect.soft((await post(url, `${path}/${wrong}`)).status, `${path}/${wrong}`).toBe(404);
    }
  });

  it('opens nothing where none is configured', async () => {
    const { url } = await startWeb({ ENDPOINT_SECRET: '' });
    expect((await post(url, `/order-validation/${SECRET}`)).status).toBe(404);
    expect((await post(url, '/order-validation/undefined')).status).toBe(404);
  });
});

/** What the marketplace asks while a customer fills in an order. */
const ASKED = {
  productId: 210,
  productVersionId: 2101,
  configurationParameter: 'MICROSOFT_DOMAIN',
  configurationParameters: {},
  buyerId: 1301,
  language: 'en',
};

async function values(url: string, asked: Record<string, unknown> = {}): Promise<unknown> {
  const answer = await fetch(`${url}/configuration-parameter-values/${SECRET}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...ASKED, ...asked }),
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  return ((await answer.json()) as { values: unknown }).values;
}

describe('the values of the domain parameter', () => {
  it('are free names near what was entered', async () => {
    for (const prefix of ['verdi', 'verdi3']) world.emulators.partnerCenter.takeDomain(`${prefix}.onmicrosoft.com`);
    const { url } = await startWeb();
    expect(await values(url, { configurationParameters: { MICROSOFT_DOMAIN: 'Verdi' } })).toEqual(
      ['verdi2', 'verdi4', 'verdi5', 'verdi6', 'verdi7'].map((value) => ({
        value,
        description: `${value}.onmicrosoft.com`,
      })),
    );
    expect(writes()).toEqual([]);
  });

  it('are free names near that of the company when nothing was entered', async () => {
    world.emulators.cloudesire.putCompany(512, { name: 'Panificio Aurora S.r.l.' });
    const { url } = await startWeb();
    expect(await values(url)).toMatchObject([{ value: 'panificioaurora' }, {}, {}, {}, { value: 'panificioaurora5' }]);
  });

  it('are the tenant that the company has already, and that one chosen is where the next order goes', async () => {
    const first = await sell();
    const { domain = '' } = (await world.records.get(first))?.fulfillment ?? {};
    const { url } = await startWeb();
    const [choice, ...others] = (await values(url)) as { value: string; description: string }[];
    expect(others).toEqual([]);
    expect(choice?.description).toBe(`your existing Microsoft organisation (${domain})`);
    expect(await values(url, { language: 'it' })).toMatchObject([
      { description: `la tua organizzazione Microsoft esistente (${domain})` },
    ]);

    const parameters = { MICROSOFT_DOMAIN: choice?.value ?? '' };
    expect((await validate({ configurationParameters: parameters })).accepted).toBe(true);
    const second = world.emulators.cloudesire.placeOrder({
      plan: 2101,
      buyer: 1301,
      licenses: 3,
      paid: true,
      parameters,
    });
    await world.settle(second);
    expect((await world.records.get(second))?.fulfillment).toMatchObject({ domain, deployedAt: expect.any(String) });
    expect(world.emulators.partnerCenter.customers()).toHaveLength(1);
  });

  it.each([
    ['another parameter is asked for', { configurationParameter: 'REGION' }],
    ['a domain of their own was entered', { configurationParameters: { MICROSOFT_DOMAIN: 'verdi.example' } }],
    ['nobody knows who asks', { buyerId: undefined }],
    ['the buyer does not exist', { buyerId: 9999 }],
    ['the question makes no sense', { configurationParameter: 7 }],
  ])('are not restricted when %s', async (_why, asked) => {
    const { url } = await startWeb();
    expect(await values(url, asked)).toBeNull();
  });

  it('are not restricted when Microsoft takes 10 s to answer, which is said in time', async () => {
    const { url } = await startWeb();
    delayMicrosoft();
    const tookMs = startStopwatch();
    expect(await values(url)).toBeNull();
    expect(tookMs()).toBeLessThan(PROMISED_MS);
  });
});

describe('the values of the end of the term', () => {
  const END = { configurationParameter: 'TERM_END_DATE', productVersionId: 2102 };

  it('are the days that Microsoft allows in the tenant and the term, the soonest first; one chosen is when the licences end', async () => {
    const { end } = await sellBesideYear();
    const { url } = await startWeb();
    const offered = (await values(url, END)) as { value: string; description: string }[];
    const [shared, monthly] = offered;
    expect(offered).toEqual([
      {
        value: end,
        description: expect.stringMatching(/^\d+ \w+ 20\d\d, together with licences that you have already$/),
      },
      { value: expect.any(String), description: expect.stringMatching(/^\d+ \w+ 20\d\d, at the end of the month$/) },
    ]);
    expect(monthly!.value > end).toBe(true);
    expect(await values(url, { ...END, language: 'it' })).toMatchObject([
      { value: end, description: expect.stringMatching(/^\d+ \w+ 20\d\d, insieme a licenze che hai già$/) },
      {},
    ]);
    expect(callsTo(/customTermEndDates$/)).toBe(2);

    const parameters = { TERM_END_DATE: shared!.value };
    expect((await validate({ productVersionId: 2102, configurationParameters: parameters })).accepted).toBe(true);
    const order = { plan: 2102, buyer: 1301, licenses: 3, paid: true, parameters };
    const id = world.emulators.cloudesire.placeOrder(order);
    await world.settle(id);
    expect((await world.records.get(id))?.fulfillment).toMatchObject({
      deployedAt: expect.any(String),
      term: 'P1Y',
      commitmentEndDate: `${end}T00:00:00.000Z`,
    });
  });

  it('are none for a company without a tenant, also when it names that of another one', async () => {
    const id = await sell();
    const { domain = '' } = (await world.records.get(id))?.fulfillment ?? {};
    const { url } = await startWeb();
    for (const configurationParameters of [{}, { MICROSOFT_DOMAIN: domain }])
      expect(await values(url, { ...END, buyerId: 1302, configurationParameters })).toEqual([]);
    expect(callsTo(/customTermEndDates/)).toBe(0);
  });

  it('are none where Microsoft allows none', async () => {
    await sell();
    const { url } = await startWeb();
    world.emulators.faults.inject({
      server: 'partner-center',
      kind: 'status',
      status: 200,
      body: { totalCount: 0, items: [] },
      path: 'customTermEndDates',
    });
    expect(await values(url, END)).toEqual([]);
  });

  it.each([
    ['nobody knows who asks', { buyerId: undefined }],
    ['nobody knows for which plan', { productVersionId: undefined }],
    ['the plan does not exist', { productVersionId: 9999 }],
  ])('are not restricted when %s', async (_why, asked) => {
    await sell();
    const { url } = await startWeb();
    expect(await values(url, { ...END, ...asked })).toBeNull();
  });

  it('are not restricted when the plan has a term that Microsoft does not sell', async () => {
    await sell();
    world.emulators.cloudesire.putPlan(2102, { minimumDuration: 7 });
    const { url } = await startWeb();
    expect(await values(url, END)).toBeNull();
  });

  it('are not restricted when Microsoft takes 10 s to answer, which is said in time', async () => {
    await sell();
    const { url } = await startWeb();
    delayMicrosoft();
    const tookMs = startStopwatch();
    expect(await values(url, END)).toBeNull();
    expect(tookMs()).toBeLessThan(PROMISED_MS);
  });

  it('are those of another parameter where one is configured', async () => {
    const { end } = await sellBesideYear();
    const { url } = await startWeb({ CMW_TERM_END_PARAMETER: 'LAST_DAY' });
    expect(await values(url, END)).toBeNull();
    expect(await values(url, { ...END, configurationParameter: 'LAST_DAY' })).toMatchObject([{ value: end }, {}]);
  });
});

describe('an order of an Azure product', () => {
  const TEMPLATE = { productId: 230, productVersionId: 2301, billingItems: {}, buyerId: 1302 };
  const ENTERED = { DNS_PREFIX: 'hafenkontor', REGION: 'westeurope', ADMIN_PASSWORD: 'Kx4!example-only' };
  const ask = (url: string) =>
    world.emulators.cloudesire.putProduct(230, { orderValidationUrls: [`${url}/order-validation/${SECRET}`] });

  it('is accepted when what was entered fits the template, and Azure is not asked', async () => {
    const { url, logged } = await startWeb();
    ask(url);

    expect(await validate({ ...TEMPLATE, configurationParameters: ENTERED })).toMatchObject({ accepted: true });
    expect(callsTo(/Microsoft\.Resources/)).toBe(0);
    expect(writes()).toEqual([]);
    expect(logged()).not.toContain(ENTERED.ADMIN_PASSWORD);
  });

  it('is refused with the name of the parameter in the language that is asked for', async () => {
    const { url } = await startWeb();
    ask(url);
    const wrong = { ...TEMPLATE, configurationParameters: { ...ENTERED, DNS_PREFIX: 'no dots. please' } };

    const inEnglish = await validate(wrong);
    const inItalian = await validate({ ...wrong, language: 'it' });

    expect(inEnglish.accepted).toBe(false);
    expect(JSON.stringify(inEnglish)).toContain('Please check the value of \\"DNS_PREFIX\\"');
    expect(JSON.stringify(inItalian)).toContain('Controlla il valore di \\"DNS_PREFIX\\"');
  });

  it('is refused when its template cannot be had; the log tells operations why, and no secret', async () => {
    const { url, logged } = await startWeb();
    ask(url);
    world.emulators.cloudesire.putPlanMetadata(2301, { template: 'https://elsewhere.example/a.json' });

    const refused = await validate({ ...TEMPLATE, configurationParameters: ENTERED });

    expect(refused.accepted).toBe(false);
    expect(JSON.stringify(refused)).toContain('cannot be ordered at the moment');
    expect(logged()).toContain('ARM_TEMPLATE_HOSTS');
    expect(logged()).not.toContain(ENTERED.ADMIN_PASSWORD);
  });

  it('offers the values that its template allows', async () => {
    const { url } = await startWeb();
    const asked = { productId: 230, productVersionId: 2301, configurationParameter: 'VM_SIZE' };

    expect(await values(url, asked)).toEqual([
      { value: 'Standard_B2s', description: 'Standard_B2s' },
      { value: 'Standard_D2s_v5', description: 'Standard_D2s_v5' },
    ]);
    expect(await values(url, { ...asked, configurationParameter: 'REGION' })).toBeNull();
    expect(await values(url, { ...asked, configurationParameter: 'ADMIN_PASSWORD' })).toBeNull();
  });
});
