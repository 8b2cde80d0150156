import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWorld, type World } from '../support/world.ts';

let world: World;

beforeEach(async () => {
  world = await createWorld();
  world.emulators.partnerCenter.acceptAllAttestations(true);
});

afterEach(() => world.close());

const DAY_MS = 86_400_000;

function buy(
  order: {
    buyer?: number;
    licenses?: number;
    plan?: number;
    parameters?: Record<string, string>;
    type?: 'TRIAL' | 'SANDBOX';
  } = {},
): number {
  return world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true, ...order });
}

/** Books of Partner Center by what happened. */
function happened(what: string): Record<string, unknown>[] {
  return world.emulators.partnerCenter.books().entries.filter((entry) => entry.what === what);
}

function callsTo(server: string): string[] {
  return world.emulators
    .calls()
    .filter((call) => call.server === server)
    .map(({ method, path }) => `${method} ${path}`);
}

function partnerSubscriptions(): Record<string, unknown>[] {
  return world.emulators.partnerCenter.subscriptions().map((one) => ({ ...one }));
}

const shown = (id: number) => world.emulators.cloudesire.subscription(id);
const stateOf = async (id: number) => (await world.records.get(id))?.state;

describe('a licence that is bought', () => {
  it('is ordered once, for the seats and in the terms of the plan, and named so that it can be recognised', async () => {
    world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
    const id = buy();
    await world.settle(id);

    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('order placed')).toHaveLength(1);
    expect(partnerSubscriptions()).toMatchObject([
      {
        status: 'active',
        quantity: 10,
        friendlyName: `Cloudesire ${id}`,
        termDuration: 'P1Y',
        billingCycle: 'monthly',
      },
    ]);
  });

  it('is handed over with an HTTPS address, instructions in every language and the first password, before the status', async () => {
    const id = buy();
    await world.settle(id);

    const { endpoints, instructions, credentials } = shown(id);
    expect(endpoints).toContainEqual(
      expect.objectContaining({ category: 'APP', endpoint: 'https://admin.microsoft.com/' }),
    );
    expect(Object.keys(instructions ?? {}).sort()).toEqual(['en', 'it']);
    const [customer] = world.emulators.partnerCenter.customers() as { domain?: string }[];
    expect(credentials).toMatchObject([{ key: 'Username' }, { key: 'Password' }]);
    expect(customer).toBeDefined();

    const reports = callsTo('cloudesire').filter((call) => /^(POST|PATCH) .*subscription/.test(call));
    expect(reports.at(-1)).toBe(`PATCH /api/subscription/${id}`);
  });

  it('waits for the first payment, and is delivered once that has come', async () => {
    const id = world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10 });
    await world.settle(id);
    expect(await world.records.get(id)).toMatchObject({ state: 'idle', waitingFor: 'the first payment' });
    expect(callsTo('partner-center')).toEqual([]);

    world.emulators.cloudesire.pay(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('leaves no secret and no personal datum in Redis, also while it is under way', async () => {
    world.emulators.partnerCenter.acceptAllAttestations(false);
    const id = buy();
    await world.settle(id, { looks: 5 });
    expect(await stateOf(id)).toBe('waiting');
    await expectNothingPersonalIn(world);

    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    await expectNothingPersonalIn(world);
  });

  it('leaves no secret and no personal datum in the log', async () => {
    await world.settle(buy());
    const text = world.logged();
    expect(text).toContain('check out cart 1');
    expect(world.emulators.secrets().filter((secret) => secret.length > 3 && text.includes(secret))).toEqual([]);
  });
});

async function expectNothingPersonalIn({ stored, emulators }: World): Promise<void> {
  const text = await stored();
  expect(text.split('\n').length).toBeGreaterThan(10);
  expect(emulators.secrets().filter((secret) => secret.length > 3 && text.includes(secret))).toEqual([]);
}

describe('the customer at Microsoft', () => {
  it('is one per company: the second order reuses it and hands over no password', async () => {
    const first = buy();
    await world.settle(first);
    const second = buy({ licenses: 3 });
    await world.settle(second);

    expect(happened('customer created')).toHaveLength(1);
    expect(happened('order placed')).toHaveLength(2);
    expect(shown(second)).toMatchObject({ deploymentStatus: 'DEPLOYED' });
    expect(shown(second).credentials ?? []).toEqual([]);
  });

  it('is created once when two orders of a company come at the same moment', async () => {
    const ids = [buy(), buy()];
    await Promise.all(ids.map((id) => world.settle(id)));
    for (const id of ids) expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('customer created')).toHaveLength(1);
  });

  it('gets the domain that the buyer asked for', async () => {
    await world.settle(buy({ parameters: { MICROSOFT_DOMAIN: 'Verdi-Office' } }));
    expect(callsTo('partner-center')).toContain('HEAD /v1/domains/verdioffice.onmicrosoft.com');
    expect(happened('customer created')).toMatchObject([{ domain: 'verdioffice.onmicrosoft.com' }]);
  });

  it('gets the next free name when the wanted one is taken', async () => {
    world.emulators.partnerCenter.takeDomain('verdioffice.onmicrosoft.com');
    await world.settle(buy({ parameters: { MICROSOFT_DOMAIN: 'verdioffice' } }));
    expect(happened('customer created')).toMatchObject([{ domain: 'verdioffice2.onmicrosoft.com' }]);
  });

  it('is asked for what is missing, in the languages of the marketplace, and served once it is there', async () => {
    world.emulators.cloudesire.putCompany(512, { address: null });
    world.emulators.cloudesire.putBuyer(1301, { address: null, homeAddress: null });
    const id = buy();
    await world.settle(id);

    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions?.it).toMatch(/via e numero civico, città, paese/);
    expect(shown(id).instructions?.en).toMatch(/street and number, city, country/);
    expect(callsTo('partner-center')).toEqual([]);
    expect(await stateOf(id)).toBe('failed');

    world.emulators.cloudesire.putCompany(512, {
      address: { address: 'Via Roma 1', city: 'Milano', zipCode: '20121', state: 'MI', countryCode: 'IT' },
    });
    expect(await world.sweep()).toContain(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('is told once, however often the same data are found missing', async () => {
    world.emulators.cloudesire.putCompany(512, { address: null });
    world.emulators.cloudesire.putBuyer(1301, { address: null, homeAddress: null });
    const id = buy();
    for (let looks = 0; looks < 3; looks += 1) await world.settle(id);
    expect(callsTo('cloudesire').filter((call) => call === `PATCH /api/subscription/${id}`)).toHaveLength(1);
    expect(callsTo('cloudesire').filter((call) => call === `POST /api/subscription/${id}/instructions`)).toHaveLength(
      1,
    );
  });

  it('must keep the rules of Microsoft and of the country: what breaks them is asked for before anything is sent, and cured by itself', async () => {
    const address = { address: 'Via Roma 1', city: 'Milano', zipCode: 'ABC', country: 'ITALY', countryCode: 'IT' };
    world.emulators.cloudesire.putCompany(512, { address });
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions?.en).toMatch(/did not accept data of your profile: postal code\./);
    expect(callsTo('partner-center')).not.toContain('POST /v1/customers');
    expect(world.alerts).toEqual([]);

    world.emulators.cloudesire.putCompany(512, { address: { ...address, zipCode: '20121' } });
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('may correct its country: what is bought is what is sold there', async () => {
    const address = { address: 'Via Roma 1', city: 'Milano', zipCode: 'ABC', country: 'GERMANY', countryCode: 'DE' };
    world.emulators.cloudesire.putCompany(512, { address });
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');

    const corrected = { ...address, zipCode: '20121', country: 'ITALY', countryCode: 'IT' };
    world.emulators.cloudesire.putCompany(512, { address: corrected });
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect((await world.records.get(id))?.fulfillment).toMatchObject({ country: 'IT' });
    const asked = world.emulators.calls().filter(({ path }) => path.startsWith('/v1/products/'));
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter(({ query }) => /country=DE/.test(query))).toEqual([]);
  });

  it('is a company: a private person is asked to add one, unless the operator allows private customers', async () => {
    const id = buy({ buyer: 1303 });
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions?.en).toMatch(/sold to companies only/);
  });
});

describe('the agreement', () => {
  beforeEach(() => world.emulators.partnerCenter.acceptAllAttestations(false));

  it('parks the order until the customer has accepted: they get the link, operations see it, and it goes on by itself', async () => {
    const id = buy();
    await world.settle(id, { looks: 3 });

    const record = await world.records.get(id);
    expect(record?.state).toBe('waiting');
    const [link] = shown(id).endpoints;
    expect(link).toMatchObject({
      category: 'APP',
      endpoint: expect.stringContaining('https://cdn.partner.microsoft.com/mca/?attestationid='),
    });
    expect(record?.waitingFor).toContain(link?.endpoint ?? 'no link');
    expect(shown(id).instructions?.it).toMatch(/Contratto del cliente Microsoft/);
    // The name of a link is told as it is shown, in whatever language the text is.
    for (const text of Object.values(shown(id).instructions ?? {})) expect(text).toContain(`"${link?.description}"`);
    expect(happened('order placed')).toHaveLength(0);

    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('agreement created')).toHaveLength(1);
  });

  it('is offered anew when its link has expired', async () => {
    const id = buy();
    await world.settle(id, { looks: 2 });
    const [first] = shown(id).endpoints;
    await world.emulators.clock.advance(8 * DAY_MS);
    await world.settle(id, { looks: 2 });
    const [second] = shown(id).endpoints;
    for (const link of [first, second]) expect(link?.endpoint).toMatch(/^https:/);
    expect(second?.endpoint).not.toBe(first?.endpoint);

    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('once accepted is asked for no more, however long the order takes', async () => {
    world.emulators.partnerCenter.setOrderDelayMs(DAY_MS);
    const id = buy();
    await world.settle(id, { looks: 2 });
    expect(shown(id).instructions?.en).toMatch(/One step is left for you/);
    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(id, { looks: 8 });
    expect((await world.records.get(id))?.waitingFor).toMatch(/^Microsoft to complete order \S+$/);
    expect(shown(id).instructions?.en).toMatch(/nothing is left for you to do/);
  });

  it('once accepted is followed by the review of Microsoft, of which the customer reads that it takes days', async () => {
    const id = buy();
    await world.settle(id, { looks: 2 });
    const customerId = (await world.records.get(id))?.fulfillment?.customerId ?? '';
    world.emulators.partnerCenter.setVetting(customerId, 'UnderReview');
    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(id, { looks: 8 });
    expect(await world.records.get(id)).toMatchObject({
      state: 'waiting',
      waitingFor: `Microsoft to review the account of customer ${customerId}, which says "UnderReview"`,
    });
    world.emulators.partnerCenter.setVetting(customerId, 'Pondering');
    await world.look(id);
    expect((await world.records.get(id))?.waitingFor).toMatch(
      /, which says "Pondering": where that lasts, look at its acc/,
    );
    world.emulators.partnerCenter.setVetting(customerId, 'None; DROP');
    await world.look(id);
    expect((await world.records.get(id))?.waitingFor).toMatch(
      /, which is in a status that is not known: where that lasts, look at its acc/,
    );
    expect(shown(id).deploymentStatus).toBe('PENDING');
    expect(shown(id).instructions?.en).toMatch(/nothing is left for you to do.* it can take several days/);
    expect(shown(id).instructions?.it).toMatch(/non devi fare altro.* possono servire alcuni giorni/);

    world.emulators.partnerCenter.setVetting(customerId, 'Allowed');
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(shown(id).endpoints).toHaveLength(3);

    // Also for an order that needed nothing of the customer.
    world.emulators.partnerCenter.setVetting(customerId, 'UnderReview');
    const second = buy();
    await world.settle(second, { looks: 8 });
    expect(shown(second).instructions?.en).toMatch(/it can take several days/);
  });

  it('is accepted, but Microsoft does not sell to the company: the customer reads that, and whom to ask', async () => {
    const id = buy();
    await world.settle(id, { looks: 2 });
    const customerId = (await world.records.get(id))?.fulfillment?.customerId ?? '';
    world.emulators.partnerCenter.setVetting(customerId, 'NotAllowed');
    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions?.en).toMatch(/Microsoft has reviewed your company and does not sell to it/);
    expect(shown(id).instructions?.it).toMatch(/Microsoft ha verificato la tua azienda e non le vende/);
    expect(world.alerts).toEqual(['customer.not-allowed']);
  });

  it('may be signed directly at Microsoft instead', async () => {
    const id = buy();
    await world.settle(id, { looks: 2 });
    const customerId = (await world.records.get(id))?.fulfillment?.customerId ?? '';
    world.emulators.partnerCenter.signDirectly(customerId, true);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('is confirmed by the partner in classic mode, without the customer', async () => {
    await world.close();
    world = await createWorld({ AGREEMENT_MODE: 'classic' });
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(callsTo('partner-center')).toContain('POST /v1/customers');
    expect(callsTo('partner-center')).not.toContain('POST /v1/attestations/enhanced');
  });

  it('needs no refresh token in enhanced mode', async () => {
    await world.close();
    world = await createWorld({ PARTNER_CENTER_REFRESH_TOKEN: '' });
    world.emulators.partnerCenter.acceptAllAttestations(true);
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });
});

describe('what cannot be sold', () => {
  it('a plan without an offer id: no call to Microsoft, still PENDING, one alert that names plan and key, and cured by itself', async () => {
    world.emulators.cloudesire.deletePlanMetadata(2101, 'offerId');
    world.emulators.cloudesire.putPlan(2101, { externalId: null });
    const id = buy();
    for (let looks = 0; looks < 3; looks += 1) await world.look(id);

    expect(callsTo('partner-center')).toEqual([]);
    expect(shown(id).deploymentStatus).toBe('PENDING');
    const record = await world.records.get(id);
    expect(record).toMatchObject({ state: 'needs-attention', lastError: { code: 'plan.not-configured' } });
    expect(record?.lastError?.message).toMatch(/Plan 2101 .* lacks offerId/);
    expect(world.alerts).toEqual(['plan.not-configured']);

    world.emulators.cloudesire.putPlanMetadata(2101, { offerId: 'CFQ7TTC0XA11:0001' });
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it.each<[string, Parameters<typeof buy>[0], () => void]>([
    [
      'offerId in the metadata of plan 2101 (Mistaken)',
      {},
      () => world.emulators.cloudesire.putPlanMetadata(2101, { offerId: 'CFQ7TTC0ZZZZ:0001' }),
    ],
    [
      'partnerCenterTrialOfferId in the metadata of plan 2101 (Mistaken)',
      { type: 'TRIAL' },
      () => world.emulators.cloudesire.putPlanMetadata(2101, { partnerCenterTrialOfferId: 'CFQ7TTC0ZZZZ:0001' }),
    ],
    [
      'offerId in the metadata of product 210',
      {},
      () => {
        world.emulators.cloudesire.deletePlanMetadata(2101, 'offerId');
        world.emulators.cloudesire.putProductMetadata(210, { offerId: 'CFQ7TTC0ZZZZ:0001' });
      },
    ],
    [
      'the external id of plan 2101 (Mistaken)',
      {},
      () => {
        world.emulators.cloudesire.deletePlanMetadata(2101, 'offerId');
        world.emulators.cloudesire.putPlan(2101, { externalId: 'CFQ7TTC0ZZZZ:0001' });
      },
    ],
  ])('an offer that Microsoft does not have: operations are told to correct %s', async (place, ordered, mistake) => {
    world.emulators.cloudesire.putPlan(2101, { name: 'Mistaken' });
    mistake();
    const id = buy(ordered);
    await world.settle(id, { looks: 3 });
    expect(await world.records.get(id)).toMatchObject({
      state: 'needs-attention',
      lastError: {
        code: 'offer.not-found',
        message: expect.stringContaining(`if not, correct ${place}.`),
      },
    });
  });

  it('a sandbox order never reaches Microsoft', async () => {
    const id = buy({ type: 'SANDBOX' });
    await world.look(id);
    expect(callsTo('partner-center')).toEqual([]);
    expect(world.alerts).toEqual(['subscription.sandbox-order']);
  });

  it('more seats than Microsoft sells: refused with the bounds, nothing ordered', async () => {
    world.emulators.partnerCenter.setSkuBounds('CFQ7TTC0XA11', '0001', { maximumQuantity: 5 });
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions?.en).toMatch(/with 1 to 5 licences and you ordered 10/);
    expect(happened('order placed')).toEqual([]);
  });

  it('an order that Microsoft reviews: what it says is waited for by name, with what to do where it lasts', async () => {
    world.emulators.partnerCenter.forceOrderOutcome('pending review');
    const id = buy();
    await world.settle(id, { looks: 8 });
    const { state, waitingFor, fulfillment } = (await world.records.get(id))!;
    expect(state).toBe('waiting');
    expect(waitingFor).toBe(
      `Microsoft to complete order ${fulfillment?.orderId}, which says "pending-review": where that lasts, see in Partner Center whether documents are asked for, else ask its support`,
    );
  });

  it('an order that Microsoft ends without a subscription: reported, and bought anew when operations press retry', async () => {
    world.emulators.partnerCenter.forceOrderOutcome('error');
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(await world.records.get(id)).toMatchObject({ state: 'failed', lastError: { code: 'order.failed' } });

    await world.settle(id);
    expect(happened('order placed')).toHaveLength(1);
    await world.records.askRetry(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(partnerSubscriptions().filter((one) => one.status === 'active')).toHaveLength(1);
  });
});

describe('an upstream that fails', () => {
  it('is asked again until it answers, and the order stays PENDING meanwhile', async () => {
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '/carts$',
      kind: 'status',
      status: 503,
      times: 4,
    });
    const id = buy();
    await world.look(id);
    expect(await world.records.get(id)).toMatchObject({ state: 'retrying', step: 'create cart 1', attempts: 1 });
    expect(shown(id).deploymentStatus).toBe('PENDING');
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('is given up after the deadline, with words for the customer, and resumes where it failed on retry', async () => {
    await world.close();
    world = await createWorld({ OPERATION_DEADLINE_MS: '1' });
    world.emulators.partnerCenter.acceptAllAttestations(true);
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '/carts$',
      kind: 'status',
      status: 503,
      times: 5,
    });
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions?.en).toMatch(/a technical problem has lasted too long/);
    expect(await world.records.get(id)).toMatchObject({ state: 'failed', lastError: { code: 'operation.deadline' } });

    world.emulators.faults.clear();
    const customersBefore = happened('customer created').length;
    await world.records.askRetry(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('customer created')).toHaveLength(customersBefore);
  });

  it('says when it is tried next, until when, and since when nothing has succeeded, also while a limit holds it up', async () => {
    const fail = (status: number, headers = {}) =>
      world.emulators.faults.inject({
        server: 'partner-center',
        method: 'POST',
        path: '/carts$',
        kind: 'status',
        status,
        headers,
        times: 1,
      });
    fail(503);
    const id = buy();
    const before = Date.now();
    await world.look(id);
    const { troubledSince = '', nextTryAt = '', deadlineAt = '', state } = (await world.records.get(id)) ?? {};
    expect(state).toBe('retrying');
    expect(Date.parse(nextTryAt)).toBeGreaterThan(Date.parse(troubledSince));
    expect(Date.parse(deadlineAt) - Date.parse(troubledSince)).toBe(72 * 3_600_000);
    expect(Date.parse(troubledSince)).toBeGreaterThanOrEqual(before);

    fail(429, { 'Retry-After': '3600' });
    await world.look(id);
    const held = await world.records.get(id);
    expect(held).toMatchObject({ state: 'waiting', troubledSince });
    expect(held).not.toHaveProperty('nextTryAt');
    // The pause counts for no deadline, and hides nothing.
    expect(Date.parse(held?.failingSince ?? '') - Date.parse(troubledSince)).toBe(3_600_000);

    world.emulators.faults.clear();
    await world.pass(3_600_000);
    await world.settle(id);
    expect(await world.records.get(id)).toMatchObject({ state: 'done' });
    expect(await world.records.get(id)).not.toHaveProperty('troubledSince');
  });

  it('is not given up once it is bought: it is tried on, operations are told, and the customer gets it in the end', async () => {
    await world.close();
    world = await createWorld({ OPERATION_DEADLINE_MS: '1' });
    world.emulators.partnerCenter.acceptAllAttestations(true);
    const path = '/subscriptions/[0-9a-f-]+$';
    world.emulators.faults.inject({ server: 'partner-center', method: 'GET', path, kind: 'malformed', times: 50 });
    const id = buy();
    for (let looks = 0; looks < 60 && (await world.records.get(id))?.state !== 'needs-attention'; looks += 1) {
      await world.look(id);
      await world.pass(500);
    }
    expect(await world.records.get(id)).toMatchObject({
      state: 'needs-attention',
      lastError: { code: 'operation.overdue' },
    });
    expect(shown(id).deploymentStatus).toBe('PENDING');

    world.emulators.faults.clear();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('order placed')).toHaveLength(1);
  });

  it('is given up after the deadline also when the upstream asks for long pauses only', async () => {
    await world.close();
    world = await createWorld({ OPERATION_DEADLINE_MS: '1' });
    world.emulators.partnerCenter.acceptAllAttestations(true);
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '/carts$',
      kind: 'status',
      status: 503,
      headers: { 'Retry-After': '3600' },
      times: 5,
    });
    const id = buy();
    expect(await world.look(id)).toEqual({ againInMs: 3_600_000 });
    expect(await world.records.get(id)).toMatchObject({
      state: 'retrying',
      lastError: { code: 'partner-center.unavailable' },
    });
    await world.look(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(world.alerts).toEqual(['operation.deadline']);
  });

  it('goes on waiting for what it began to wait for, and operations are told once if that takes longer than the deadline', async () => {
    await world.close();
    world = await createWorld({ OPERATION_DEADLINE_MS: '1' });
    world.emulators.partnerCenter.acceptAllAttestations(true);
    world.emulators.partnerCenter.setOrderDelayMs(3_600_000);
    const id = buy();
    await world.settle(id, { looks: 20 });
    expect(await world.records.get(id)).toMatchObject({ state: 'waiting', waitingFor: expect.stringMatching(/order/) });
    expect(world.alerts).toEqual(['operation.slow']);

    await world.pass(3_600_000);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('is not asked again before its Retry-After has passed', async () => {
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '/carts$',
      kind: 'status',
      status: 429,
      headers: { 'Retry-After': '60' },
      body: { statusCode: 429, message: 'Rate limit is exceeded.' },
    });
    const id = buy();
    await world.look(id);
    const calls = callsTo('partner-center').length;
    const outcome = await world.look(id);
    expect(outcome).toEqual({ againInMs: expect.any(Number) });
    expect(callsTo('partner-center')).toHaveLength(calls);
    expect(await world.records.get(id)).toMatchObject({
      state: 'waiting',
      waitingFor: expect.stringMatching(/^the limit of Partner Center, which refuses calls/),
    });
  });

  it('buys once when the answer to the checkout is lost', async () => {
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '/checkout$',
      kind: 'reset-after',
    });
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('order placed')).toHaveLength(1);
    expect(callsTo('partner-center').filter((call) => call.endsWith('/checkout'))).toHaveLength(1);
  });

  it('creates one customer when the answer to its creation is lost, and tells operations that its password is', async () => {
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '^/v1/customers$',
      kind: 'reset-after',
    });
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('customer created')).toHaveLength(1);
    expect(world.alerts).toEqual(['customer.password-lost']);
    expect(shown(id).instructions?.en).toMatch(/could not be delivered/);
  });

  it('does not swallow the report of a failure', async () => {
    world.emulators.cloudesire.putCompany(512, { address: null });
    world.emulators.cloudesire.putBuyer(1301, { address: null, homeAddress: null });
    world.emulators.faults.inject({
      server: 'cloudesire',
      method: 'POST',
      path: '/instructions(\\?|$)',
      kind: 'status',
      status: 503,
      times: 3,
    });
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions?.en).toMatch(/street and number/);
  });
});

describe('a licence that is terminated', () => {
  it('is cancelled while Microsoft allows that, then reported', async () => {
    const id = buy();
    await world.settle(id);
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(partnerSubscriptions()).toMatchObject([{ status: 'deleted' }]);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect((await world.records.get(id))?.fulfillment).not.toHaveProperty('exposure');
  });

  it('runs out after the window: no renewal, no extended term, and what is still paid for stands on record', async () => {
    world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
    const id = buy();
    await world.settle(id);
    await world.emulators.clock.advance(30 * DAY_MS);
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);

    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(partnerSubscriptions()).toMatchObject([
      {
        status: 'active',
        autoRenewEnabled: false,
        scheduledActions: [{ scheduleType: 'TermEnd', actionType: 'Cancel' }],
      },
    ]);
    const { exposure } = (await world.records.get(id))?.fulfillment ?? {};
    expect(exposure).toMatchObject({
      seats: 10,
      until: expect.stringMatching(/^\d{4}-/),
      price: { amount: 5.6, currency: 'EUR' },
    });

    await world.emulators.clock.advance(400 * DAY_MS);
    expect(partnerSubscriptions()).toMatchObject([{ status: 'disabled' }]);
  });

  it('after the window is noted with its price, however Microsoft spells the offer', async () => {
    world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
    const id = buy();
    await world.settle(id);
    await world.emulators.clock.advance(30 * DAY_MS);
    world.emulators.cloudesire.terminate(id);
    const { orderId = '', offerId = '' } = (await world.records.get(id))?.fulfillment ?? {};
    const line = { lineItemNumber: 0, offerId: `${offerId.toLowerCase()}:x`, quantity: 10, pricing: { price: 5.6 } };
    const body = { id: orderId, status: 'completed', currencyCode: 'EUR', lineItems: [line] };
    world.emulators.faults.inject({ path: '/orders/.*price=true', kind: 'status', status: 200, body });
    await world.settle(id);
    const { exposure } = (await world.records.get(id))?.fulfillment ?? {};
    expect(exposure).toMatchObject({ price: { amount: 5.6, currency: 'EUR' } });
  });

  it.each([
    ['once: it is asked for again', 1, { amount: 5.6, currency: 'EUR' }],
    ['for ever: what runs out is noted without', 100, undefined],
  ])('after the window, its price not told %s', async (_, times, price) => {
    world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
    const id = buy();
    await world.settle(id);
    await world.emulators.clock.advance(30 * DAY_MS);
    world.emulators.cloudesire.terminate(id);
    world.emulators.faults.inject({ path: '/orders/.*price=true', kind: 'status', status: 503, times });
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    const { exposure, endedAt } = (await world.records.get(id))?.fulfillment ?? {};
    expect(exposure?.price).toEqual(price);
    expect(endedAt).toBeDefined();
  });

  it('before anything was bought: nothing is ordered, and it is reported at once', async () => {
    world.emulators.partnerCenter.acceptAllAttestations(false);
    const id = buy();
    await world.settle(id, { looks: 2 });
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(happened('order placed')).toEqual([]);
  });

  it('between the reads and the purchase: the order is not placed', async () => {
    const id = buy();
    const { server } = world.emulators.partnerCenter;
    server.finish((call, reply) => {
      if (call.method === 'POST' && call.path.endsWith('/carts'))
        world.emulators.cloudesire.overrideStatus(id, 'UNDEPLOY_SENT');
      return reply;
    });
    await world.settle(id);
    expect(happened('order placed')).toEqual([]);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
  });

  it('while the purchase is under way: what was bought is ended', async () => {
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '/checkout$',
      kind: 'reset-after',
    });
    const id = buy();
    await world.look(id);
    world.emulators.cloudesire.overrideStatus(id, 'UNDEPLOY_SENT');
    await world.settle(id);
    expect(happened('order placed')).toHaveLength(1);
    expect(partnerSubscriptions()).toMatchObject([{ status: 'deleted' }]);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
  });

  it('whose report the marketplace took without a word is no end without us', async () => {
    const id = buy();
    await world.settle(id);
    world.emulators.cloudesire.terminate(id);
    world.emulators.faults.inject({ server: 'cloudesire', method: 'PATCH', kind: 'reset-after' });
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(world.alerts).toEqual([]);
  });

  it('at the marketplace alone: it is ended at Microsoft all the same, and operations are told', async () => {
    const id = buy();
    await world.settle(id);
    world.emulators.cloudesire.overrideStatus(id, 'UNDEPLOYED');
    await world.settle(id);
    expect(partnerSubscriptions()).toMatchObject([{ status: 'deleted' }]);
    expect(world.alerts).toContain('subscription.ended-without-us');
  });
});

describe('the sweep', () => {
  it('finds on every page what no event told, and passes by what is at rest', async () => {
    const ids = Array.from({ length: 60 }, () =>
      world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 1, paid: true }),
    );
    expect(new Set(await world.sweep())).toEqual(new Set(ids));

    const [first = 0, ...others] = ids;
    await world.settle(first);
    expect(new Set(await world.sweep())).toEqual(new Set(others));
    world.emulators.cloudesire.terminate(first);
    expect(await world.sweep()).toContain(first);
  });

  it('works with an account that may not filter by product type', async () => {
    world.emulators.cloudesire.setSwitches({ productTypeFilterAllowed: false });
    const id = buy();
    expect(await world.sweep()).toEqual([id]);
  });
});

describe('what is good to know only', () => {
  it('does not hold up an end: the price of what runs out', async () => {
    world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
    const id = buy();
    await world.settle(id);
    await world.emulators.clock.advance(20 * DAY_MS);
    world.emulators.faults.inject({
      server: 'partner-center',
      path: 'include_price',
      kind: 'status',
      status: 500,
      times: 99,
    });
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect((await world.records.get(id))?.fulfillment?.exposure).toMatchObject({ seats: 10 });
    world.emulators.faults.clear();
  });
});

describe('a dry run', () => {
  it('sends no write to any upstream and says what it would send', async () => {
    await world.close();
    world = await createWorld({ CMW_READ_ONLY: 'true' });
    const id = buy();
    await world.settle(id);
    const writes = world.emulators
      .calls()
      .filter(({ server, method }) => server !== 'entra' && !['GET', 'HEAD'].includes(method));
    expect(writes).toEqual([]);
    expect((await world.records.get(id))?.waitingFor).toMatch(/would send POST \/v1\/customers/);
  });
});

describe('the marketplace in any of its dialects', () => {
  it.each([
    { subscriptionShape: 'oldest' },
    { subscriptionShape: 'middle', dateForm: 'epoch' },
    { cspProductTypeSpelling: 'constant', quantityForm: 'ten-decimals', dateForm: 'offset' },
    { patchReply: 'none', postReply: 201, metadataWritable: false, errorForm: 'errors' },
    { buyerCompany: 'userCompany' },
    { buyerCompany: 'both', invisibleReads: 2 },
    { ownReportEmitsEvent: true, readAfterDeleted: 'not-found' },
  ] as const)('delivers and ends a licence with %j', async (switches) => {
    world.emulators.cloudesire.setSwitches(switches);
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(happened('order placed')).toHaveLength(1);
    expect(await stateOf(id)).toBe('done');
  });
});
