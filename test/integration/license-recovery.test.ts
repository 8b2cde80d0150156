import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createWorld, type World } from '../support/world.ts';

/* What stays right when several things go wrong at once, or when somebody else interferes. */

let world: World;

beforeAll(async () => {
  world = await createWorld();
});

beforeEach(async () => {
  await world.reset();
  world.emulators.partnerCenter.acceptAllAttestations(true);
  world.emulators.partnerCenter.setOrderDelayMs(600);
});

afterAll(() => world.close());

type NewOrder = Parameters<World['emulators']['cloudesire']['placeOrder']>[0];

const buy = (order: Partial<NewOrder> = {}): number =>
  world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true, ...order });
const shown = (id: number) => world.emulators.cloudesire.subscription(id);
const recorded = async (id: number) => (await world.records.get(id))!;
const happened = (what: string) => world.emulators.partnerCenter.books().entries.filter((entry) => entry.what === what);
const partnerSubscriptions = () =>
  world.emulators.partnerCenter.subscriptions().map((one) => ({ ...one }) as Record<string, unknown>);
const fault = (rule: Parameters<World['emulators']['faults']['inject']>[0]) =>
  world.emulators.faults.inject({ server: 'partner-center', ...rule });
const callsTo = (pattern: RegExp) =>
  world.emulators.calls().filter(({ method, path }) => pattern.test(`${method} ${path}`));

/** All of them are delivered, each into another tenant. */
async function expectTenantsOfTheirOwn(ids: number[]) {
  const customers = await Promise.all(ids.map(async (id) => (await recorded(id)).fulfillment?.customerId));
  expect(customers).not.toContain(undefined);
  expect(new Set(customers).size).toBe(ids.length);
  expect(ids.map((id) => shown(id).deploymentStatus)).toEqual(ids.map(() => 'DEPLOYED'));
}

const ADDRESS = { address: 'Via Roma 1', city: 'Milano', zipCode: '20121', state: 'MI', countryCode: 'IT' };

describe('customers', () => {
  it('two companies that come to the same domain at the same moment get a tenant each', async () => {
    const ids = [
      buy({ parameters: { MICROSOFT_DOMAIN: 'verdi' } }),
      buy({ buyer: 1302, parameters: { MICROSOFT_DOMAIN: 'verdi' } }),
    ];
    await Promise.all(ids.map((id) => world.settle(id)));
    await expectTenantsOfTheirOwn(ids);
    expect(world.alerts).toEqual([]);
  });

  it('a company that took the name of an unclear creation is not mistaken for ours', async () => {
    fault({ method: 'POST', path: '^/v1/customers$', kind: 'status', status: 503 });
    const [b, a] = [
      buy({ buyer: 1302, parameters: { MICROSOFT_DOMAIN: 'verdi' } }),
      buy({ parameters: { MICROSOFT_DOMAIN: 'verdi' } }),
    ];
    await world.look(b);
    await world.settle(a);
    await world.settle(b);
    await expectTenantsOfTheirOwn([a, b]);
  });

  it('two orders of one company that lacked data make one tenant once the data are there', async () => {
    world.emulators.cloudesire.putCompany(512, { address: { ...ADDRESS, zipCode: null } });
    const ids = [buy(), buy()];
    for (const id of ids) await world.settle(id);
    for (const id of ids) expect(shown(id).deploymentStatus).toBe('FAILED');
    world.emulators.cloudesire.putCompany(512, { address: ADDRESS });
    for (const id of ids) await world.settle(id);
    for (const id of ids) expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('customer created')).toHaveLength(1);
  });

  it('an order that was terminated while its creation was unclear does not make the next order create a second tenant', async () => {
    fault({ method: 'POST', path: '^/v1/customers$', kind: 'reset-after' });
    const first = buy();
    await world.look(first);
    world.emulators.cloudesire.overrideStatus(first, 'UNDEPLOY_SENT');
    await world.settle(first);
    const second = buy({ parameters: { MICROSOFT_DOMAIN: 'another' } });
    await world.settle(second);
    expect(shown(second).deploymentStatus).toBe('DEPLOYED');
    expect(happened('customer created')).toHaveLength(1);
  });

  describe('whose name somebody else took while their creation was unclear', () => {
    // How long it has been unclear counts, not how slow the machine is.
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    const takeVerdi = async (id: number) => {
      fault({ method: 'POST', path: '^/v1/customers$', kind: 'status', status: 503 });
      await world.look(id);
      world.emulators.partnerCenter.takeDomain('verdi.onmicrosoft.com');
    };
    const verdi = { parameters: { MICROSOFT_DOMAIN: 'verdi' } };

    /** Until operations are told, and then, asked by nothing but that, take the word of those who looked for it. */
    async function pressRetry(id: number): Promise<void> {
      await world.look(id);
      await world.records.askRetry(id);
      await world.look(id);
      expect(happened('customer created')).toEqual([]);
      vi.setSystemTime(Date.now() + 3_600_000);
      await world.look(id);
      expect((await recorded(id)).lastError).toMatchObject({ code: 'customer.creation-unclear' });
      await world.records.askRetry(id);
      await world.settle(id);
      expect(shown(id).deploymentStatus).toBe('DEPLOYED');
      expect(happened('customer created')).toHaveLength(1);
      expect(world.alerts).toEqual(['customer.creation-unclear']);
    }

    it('get another name once operations have said so by retry', async () => {
      const id = buy(verdi);
      await takeVerdi(id);
      await pressRetry(id);
    });

    it('get another name also with the next order of the company, the first having been terminated', async () => {
      const first = buy(verdi);
      await takeVerdi(first);
      world.emulators.cloudesire.overrideStatus(first, 'UNDEPLOY_SENT');
      await world.settle(first);
      await pressRetry(buy({ parameters: { MICROSOFT_DOMAIN: 'another' } }));
    });
  });

  it('an order that was rejected before anything was bought needs nobody, and does not keep the next order of the company waiting', async () => {
    world.emulators.cloudesire.putCompany(512, { address: { ...ADDRESS, zipCode: null } });
    const first = buy();
    await world.look(first);
    world.emulators.cloudesire.overrideStatus(first, 'REJECTED');
    await world.settle(first);
    world.emulators.cloudesire.putCompany(512, { address: ADDRESS });
    const second = buy();
    await world.settle(second);
    expect(shown(second).deploymentStatus).toBe('DEPLOYED');
    expect(await recorded(first)).toMatchObject({ state: 'done' });
    expect(world.alerts).toEqual([]);

    world.emulators.cloudesire.overrideStatus(first, 'PENDING');
    await world.settle(first);
    expect(shown(first).deploymentStatus).toBe('DEPLOYED');
  });

  it('a new one that Microsoft does not show for a while is waited for', async () => {
    world.emulators.partnerCenter.setSwitches({ customerReadableAfterMs: 3_000 });
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(world.alerts).toEqual([]);
  });

  it('an address that Microsoft does not know is asked for again, and nothing is created', async () => {
    world.emulators.partnerCenter.answerAddressWith('None');
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions?.it).toMatch(/via e numero civico, CAP, città/);
    expect(happened('customer created')).toEqual([]);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });
});

describe('a tenant that the buyer has already', () => {
  it('is linked, not created: the invitation is handed over, and the order goes on once it was accepted', async () => {
    world.emulators.partnerCenter.addExistingTenant({
      domain: 'verdi.example',
      companyName: 'Officine Verdi',
      country: 'IT',
    });
    const id = buy({ parameters: { MICROSOFT_DOMAIN: 'verdi.example' } });
    await world.settle(id, { looks: 3 });
    const record = await recorded(id);
    expect(record.state).toBe('waiting');
    expect(record.waitingFor).toMatch(/an administrator of verdi\.example to accept the invitation at https:/);
    expect(shown(id).endpoints).toMatchObject([
      { category: 'APP', endpoint: expect.stringContaining('https://admin.microsoft.com') },
    ]);
    expect(shown(id).instructions?.it).toMatch(/accettarci come rivenditore/);

    world.emulators.partnerCenter.acceptRelationship('verdi.example', {});
    world.emulators.partnerCenter.acceptAllAttestations(false);
    await world.settle(id, { looks: 3 });
    expect(shown(id).instructions?.it).toMatch(/accetta il Contratto del cliente Microsoft/);
    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('customer created')).toEqual([]);
    expect(shown(id).credentials).toEqual([]);
  });

  it('is linked also where it was invited by hand, since the connector has no consent to', async () => {
    world.restart({ PARTNER_CENTER_REFRESH_TOKEN: '' });
    onTestFinished(() => world.restart());
    world.emulators.partnerCenter.addExistingTenant({ domain: 'verdi.example', companyName: 'V', country: 'IT' });
    const id = buy({ parameters: { MICROSOFT_DOMAIN: 'verdi.example' } });
    await world.settle(id, { looks: 3 });
    expect((await recorded(id)).lastError?.code).toBe('customer.link-needs-consent');
    world.emulators.partnerCenter.acceptRelationship('verdi.example', {});
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect((await recorded(id)).fulfillment).toMatchObject({ domain: 'verdi.example' });
  });

  it('and named wrongly may be named again while it is waited for', async () => {
    for (const domain of ['verdi.example', 'other.example'])
      world.emulators.partnerCenter.addExistingTenant({ domain, companyName: 'Officine Verdi', country: 'IT' });
    const id = buy({ parameters: { MICROSOFT_DOMAIN: 'other.example' } });
    await world.settle(id, { looks: 3 });
    expect((await recorded(id)).waitingFor).toMatch(/an administrator of other\.example to accept/);

    world.emulators.cloudesire.changeParameters(id, { MICROSOFT_DOMAIN: 'verdi.example' });
    await world.settle(id, { looks: 3 });
    expect((await recorded(id)).waitingFor).toMatch(/an administrator of verdi\.example to accept/);
    world.emulators.partnerCenter.acceptRelationship('verdi.example', {});
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect((await recorded(id)).fulfillment).toMatchObject({ domain: 'verdi.example' });
    expect(happened('customer created')).toEqual([]);
  });

  it.each([
    { instead: 'the own one', named: 'verdi.example', domain: 'verdi.example', created: 0 },
    { instead: 'a new one', named: 'officineverdi', domain: 'officineverdi.onmicrosoft.com', created: 1 },
  ])('of another company is refused, and $instead taken once it is named', async ({ named, domain, created }) => {
    await world.settle(buy({ parameters: { MICROSOFT_DOMAIN: 'verdi' } }));
    const before = happened('customer created').length;
    world.emulators.partnerCenter.addExistingTenant({ domain: 'verdi.example', companyName: 'V', country: 'IT' });
    const id = buy({ buyer: 1302, parameters: { MICROSOFT_DOMAIN: 'verdi.onmicrosoft.com' } });
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('FAILED');

    world.emulators.cloudesire.changeParameters(id, { MICROSOFT_DOMAIN: named });
    world.emulators.partnerCenter.acceptRelationship('verdi.example', {});
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect((await recorded(id)).fulfillment).toMatchObject({ domain });
    expect(happened('customer created')).toHaveLength(before + created);
  });

  it('of another company is refused', async () => {
    const first = buy({ parameters: { MICROSOFT_DOMAIN: 'verdi' } });
    await world.settle(first);
    const second = buy({ buyer: 1302, parameters: { MICROSOFT_DOMAIN: 'verdi.onmicrosoft.com' } });
    await world.settle(second);
    expect(shown(second).deploymentStatus).toBe('FAILED');
    expect(shown(second).instructions?.en).toMatch(/belongs to another customer/);
    expect(happened('order placed')).toHaveLength(1);
  });
});

describe('purchases', () => {
  it('terminated while a second purchase is unclear, after a first order that died: what runs is ended', async () => {
    world.emulators.partnerCenter.forceOrderOutcome('error');
    const id = buy();
    await world.settle(id);
    await world.records.askRetry(id);
    fault({ method: 'POST', path: '/checkout$', kind: 'reset-after' });
    await world.look(id);
    expect(happened('order placed')).toHaveLength(2);
    fault({ method: 'GET', path: '/carts/', kind: 'status', status: 503 });
    await world.look(id);
    expect((await recorded(id)).fulfillment).toMatchObject({ checkoutAt: expect.anything() });
    world.emulators.cloudesire.overrideStatus(id, 'UNDEPLOY_SENT');
    await world.settle(id);
    await world.emulators.clock.advance(60_000);
    expect(partnerSubscriptions().filter(({ status }) => status === 'active')).toEqual([]);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
  });

  it('terminated after an order that died end at once, since nothing came of it', async () => {
    world.emulators.partnerCenter.forceOrderOutcome('error');
    const id = buy();
    await world.settle(id);
    expect(await recorded(id)).toMatchObject({ lastError: { code: 'order.failed' } });
    world.emulators.cloudesire.overrideStatus(id, 'UNDEPLOY_SENT');
    await world.settle(id, { looks: 5 });
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
  });

  it('one press of retry buys once', async () => {
    world.emulators.partnerCenter.forceOrderOutcome('error', 10);
    world.emulators.partnerCenter.setOrderDelayMs(0);
    const id = buy();
    await world.settle(id);
    await world.records.askRetry(id);
    await world.settle(id);
    expect(happened('order placed').length).toBeLessThanOrEqual(2);
    expect((await recorded(id)).state).toBe('failed');
  });

  it('a cart that is useless every time ends with a person, not with carts without end', async () => {
    fault({
      method: 'POST',
      path: '/checkout$',
      kind: 'status',
      status: 400,
      body: { code: 800004, description: 'x' },
      times: 100,
    });
    const id = buy();
    for (let looks = 0; looks < 3; looks += 1) await world.look(id);
    expect(callsTo(/POST .*\/carts$/).length).toBeLessThan(8);
    expect(await recorded(id)).toMatchObject({ state: 'needs-attention', lastError: { code: 'order.impossible' } });
  });

  describe('of what is refused as it stands in the cart', () => {
    const carts = () => happened('cart created').length;

    /** The cart made first is refused for what it holds, after another answer to its checkout if one is named. */
    async function refused(first?: { kind: 'reset-before' }): Promise<number> {
      let cart: string | undefined;
      let isFirst = first !== undefined;
      const body = { code: 400030, description: 'x', data: [], source: 'PartnerFD' };
      world.emulators.faults.watch(({ method, path }) => {
        const checkedOut = method === 'POST' ? /carts\/([^/]+)\/checkout$/.exec(path)?.[1] : undefined;
        cart ??= checkedOut;
        if (!checkedOut || checkedOut !== cart) return undefined;
        const rule = first && isFirst ? first : ({ kind: 'status', status: 403, body } as const);
        isFirst = false;
        return rule;
      });
      onTestFinished(() => world.emulators.faults.watch(() => undefined));
      const id = buy();
      await world.settle(id, { looks: 4 });
      expect((await recorded(id)).lastError?.code).toBe('partner-center.400030');
      return id;
    }

    it('are made with another cart once the plan is corrected, and with no other before', async () => {
      const id = await refused();
      world.emulators.partnerCenter.rotateAvailabilities();
      await world.settle(id, { looks: 3 });
      expect(carts()).toBe(1);
      world.emulators.cloudesire.putPlanMetadata(2101, { offerId: 'CFQ7TTC0XC33:0001' });
      await world.settle(id);
      expect(shown(id).deploymentStatus).toBe('DEPLOYED');
      expect(happened('order placed')).toHaveLength(1);
      expect(carts()).toBe(2);
    });

    it('are not made with another cart where an earlier answer to this one is not known', async () => {
      const id = await refused({ kind: 'reset-before' });
      world.emulators.cloudesire.putPlanMetadata(2101, { offerId: 'CFQ7TTC0XC33:0001' });
      await world.settle(id, { looks: 10 });
      expect(carts()).toBe(1);
    });
  });

  it('an unclear creation is sent again as the same request', async () => {
    for (const path of ['^/v1/attestations/enhanced$', '/carts$']) fault({ method: 'POST', path, kind: 'reset-after' });
    await world.settle(buy());
    for (const path of [/POST \/v1\/attestations\/enhanced$/, /POST .*\/carts$/]) {
      const sent = callsTo(path).map(({ requestId }) => requestId);
      expect(sent).toEqual([expect.any(String), sent[0]]);
    }
    expect(happened('attestation created')).toHaveLength(1);
    expect(happened('cart created')).toHaveLength(1);
  });

  it('once made are not told to the customer as a failure, whatever the hand-over meets', async () => {
    world.emulators.faults.inject({
      server: 'cloudesire',
      method: 'POST',
      path: '/credentials',
      kind: 'status',
      status: 400,
      body: { errorHolders: [] },
      times: 1,
    });
    const id = buy();
    await world.settle(id, { looks: 12 });
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(world.alerts).toEqual(['cloudesire.report-refused']);
  });

  it('whose answer got lost are known from the same cart, before any list shows them', async () => {
    world.emulators.partnerCenter.setSwitches({ orderListDelayMs: 600_000 });
    fault({ method: 'POST', path: '/checkout$', kind: 'reset-after' });
    const id = buy();
    await world.settle(id, { looks: 40 });
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('order placed')).toHaveLength(1);
  });

  it('that nothing lists are not made again, however long they stand for a person, nor where all but their cart is forgotten', async () => {
    onTestFinished(() => world.emulators.faults.watch(() => undefined));
    const empty = { kind: 'replace', status: 200, body: { totalCount: 0, items: [] } } as const;
    world.emulators.faults.watch(({ method, path }) =>
      method === 'GET' && /\/(orders|subscriptions)$/.test(path) ? empty : undefined,
    );
    fault({
      method: 'POST',
      path: '/checkout$',
      kind: 'replace',
      status: 400,
      body: { code: 800065, description: 'x' },
    });
    const id = buy();
    await world.settle(id, { looks: 10 });
    expect((await recorded(id)).step).toBe('order of cart 1 listed');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    await world.look(id);
    const { lastError, run } = await recorded(id);
    expect(lastError?.code).toBe('order.not-recognised');
    expect(await world.redis.pttl(world.keys.journal(run?.id ?? ''))).toBe(-1);

    await world.redis.del(world.keys.journal(run?.id ?? ''));
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(1);
  });

  it('a cart whose creation was unclear is made anew with the items of the day', async () => {
    fault({ method: 'POST', path: '/carts$', kind: 'status', status: 503 });
    const id = buy();
    await world.look(id);
    world.emulators.partnerCenter.rotateAvailabilities();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });

  it('are found again when carts cannot be read and the list of orders lags', async () => {
    world.emulators.partnerCenter.setSwitches({ orderListDelayMs: 8_000 });
    fault({ method: 'POST', path: '/checkout$', kind: 'reset-after' });
    fault({
      method: 'GET',
      path: '/carts/',
      kind: 'status',
      status: 404,
      body: { code: 800008, description: 'x' },
      times: 2,
    });
    const id = buy();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('order placed')).toHaveLength(1);
  });

  it('are not made for an order that Cloudesire shows as FAILED and unpaid, nor for a sandbox order, whatever operations press', async () => {
    const unpaid = world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10 });
    const sandbox = buy({ type: 'SANDBOX' });
    for (const id of [unpaid, sandbox]) {
      world.emulators.cloudesire.overrideStatus(id, 'FAILED');
      await world.look(id);
      await world.records.askRetry(id);
      await world.settle(id, { looks: 3 });
    }
    expect(callsTo(/\/v1\//)).toEqual([]);
  });

  it('are made through the indirect reseller whose order it is', async () => {
    await world.close();
    world = await createWorld({ RESELLER_PARTNER_IDS: 'kueste-it=7100455' });
    world.emulators.partnerCenter.acceptAllAttestations(true);
    const id = buy({ resellerSlug: 'kueste-it' });
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(partnerSubscriptions()).toMatchObject([{ partnerId: '7100455' }]);
  });

  it('wait for a new acceptance when Microsoft demands the agreement anew', async () => {
    const first = buy();
    await world.settle(first);
    world.emulators.partnerCenter.acceptAllAttestations(false);
    world.emulators.partnerCenter.requireReacceptance((await recorded(first)).fulfillment?.customerId ?? '');
    const second = buy();
    await world.settle(second, { looks: 4 });
    expect((await recorded(second)).waitingFor).toMatch(/accept the Microsoft Customer Agreement/);
    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(second);
    expect(shown(second).deploymentStatus).toBe('DEPLOYED');
  });

  it('of a customer who has accepted once need no second acceptance, also without a refresh token', async () => {
    await world.close();
    world = await createWorld({ PARTNER_CENTER_REFRESH_TOKEN: '' });
    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(buy());
    await world.settle(buy());
    expect(callsTo(/POST \/v1\/attestations\/enhanced/)).toHaveLength(1);
  });
});

describe('a record that was lost', () => {
  it('is taken up again by what bears our mark: a terminated licence is ended at Microsoft before it is reported', async () => {
    const id = buy();
    await world.settle(id);
    await world.forget();
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(partnerSubscriptions()).toMatchObject([{ status: 'deleted' }]);
  });

  it('is looked for until Microsoft has answered, and nothing is reported on less', async () => {
    const id = buy();
    await world.settle(id);
    await world.forget();
    world.emulators.cloudesire.terminate(id);
    fault({ method: 'GET', path: '^/v1/customers/[^/]+/subscriptions$', kind: 'status', status: 503, times: 3 });
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(partnerSubscriptions()).toMatchObject([{ status: 'deleted' }]);
  });

  it('while the licence was suspended comes back with the payment', async () => {
    const id = buy();
    await world.settle(id);
    world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
    await world.settle(id);
    expect(partnerSubscriptions()).toMatchObject([{ status: 'suspended' }]);
    await world.forget();
    world.emulators.cloudesire.overrideStatus(id, 'PENDING');
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(partnerSubscriptions()).toMatchObject([{ status: 'active', autoRenewEnabled: true }]);
    expect(world.alerts).toEqual([]);
  });

  it('of what has ended in the marketplace is taken up by the first sweep: what Microsoft still charges is listed again', async () => {
    world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
    const [runsOut, cancelled] = [buy(), buy()];
    for (const id of [runsOut, cancelled]) await world.settle(id);
    world.emulators.cloudesire.terminate(cancelled);
    await world.settle(cancelled);
    await world.emulators.clock.advance(10 * 86_400_000);
    world.emulators.cloudesire.terminate(runsOut);
    await world.settle(runsOut);
    const { partnerSubscriptionId, seats, until } = (await recorded(runsOut)).fulfillment?.exposure ?? {};
    expect(until).toBeDefined();
    const before = world.emulators.partnerCenter.books().entries.length;
    await world.forget();

    expect(await world.sweep()).toEqual(expect.arrayContaining([runsOut, cancelled]));
    for (const id of [runsOut, cancelled]) await world.settle(id);
    expect((await recorded(runsOut)).fulfillment?.exposure).toEqual({ partnerSubscriptionId, seats, until });
    expect((await recorded(cancelled)).fulfillment).not.toHaveProperty('exposure');
    expect(world.emulators.partnerCenter.books().entries).toHaveLength(before);
    expect(world.alerts).toEqual([]);
    expect(await world.sweep()).toEqual([]);
  });

  it('of a licence that was cancelled by hand after its trial is not taken for the end of the trial, and retry buys it', async () => {
    const DAY_MS = 86_400_000;
    const { cloudesire, partnerCenter, clock } = world.emulators;
    cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
    const id = buy({ type: 'TRIAL' });
    await world.settle(id);
    await clock.advance(28 * DAY_MS);
    cloudesire.convertTrial(id, { paid: false });
    await clock.advance(3 * DAY_MS);
    cloudesire.pay(id);
    await world.settle(id);
    expect(partnerSubscriptions()).toHaveLength(2);
    partnerCenter.cancelByHand((await recorded(id)).fulfillment?.partnerSubscriptionId ?? '');
    await world.forget();
    await world.rebuild();
    await world.settle(id, { looks: 5 });
    expect((await recorded(id)).lastError?.code).toBe('partner-subscription.ended');

    await world.records.askRetry(id);
    await world.settle(id);
    expect((await recorded(id)).state).toBe('done');
    expect(partnerCenter.books().orders).toHaveLength(3);
  });

  it('does not keep a lost termination from being found, although what has ended long ago cannot be read', async () => {
    const id = buy();
    await world.settle(id);
    world.emulators.cloudesire.terminate(id);
    world.emulators.faults.watch(({ server, path, query }) =>
      server === 'cloudesire' && /\/subscription$/.test(path) && /status=UNDEPLOYED(&|$)/.test(query)
        ? { kind: 'replace', status: 200, body: [{ id: 1, deploymentStatus: 'UNDEPLOYED' }] }
        : undefined,
    );
    onTestFinished(() => world.emulators.faults.watch(() => undefined));
    await expect(world.sweep()).rejects.toMatchObject({ code: expect.stringMatching(/^cloudesire\./) });
    expect(world.requested).toContain(id);
    expect(await world.records.areEndedListed()).toBe(false);
  });

  it('while the order was under way leads to no second purchase', async () => {
    world.emulators.partnerCenter.setOrderDelayMs(60_000);
    const id = buy();
    await world.settle(id, { looks: 3 });
    expect(happened('order placed')).toHaveLength(1);
    expect(partnerSubscriptions()).toEqual([]);
    await world.forget();
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(happened('order placed')).toHaveLength(1);
    expect(happened('customer created')).toHaveLength(1);
  });

  it('before anything was ordered leads to no second tenant', async () => {
    world.emulators.partnerCenter.acceptAllAttestations(false);
    const id = buy();
    await world.settle(id, { looks: 5 });
    const { customerId } = (await recorded(id)).fulfillment ?? {};
    expect(customerId).toBeTruthy();
    await world.forget();
    world.emulators.partnerCenter.acceptAllAttestations(true);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect((await recorded(id)).fulfillment?.customerId).toBe(customerId);
    expect(happened('customer created')).toHaveLength(1);
  });

  it('of a licence in service can be changed like any other', async () => {
    world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
    const id = buy();
    await world.settle(id);
    await world.emulators.clock.advance(20 * 86_400_000);
    await world.forget();
    await world.settle(id);
    world.emulators.cloudesire.overrideOrder(id, { licenses: 6 });
    await world.settle(id);
    expect((await recorded(id)).state).toBe('done');
    expect(partnerSubscriptions()).toMatchObject([
      { quantity: 10, scheduledActions: [{ instructions: { quantity: 6 } }] },
    ]);
    world.emulators.cloudesire.putPlan(2101, { minimumDuration: 1, billingPeriod: 1 });
  });

  it('leads nobody into the tenant of another company, even one of the same name', async () => {
    await world.settle(buy({ parameters: { MICROSOFT_DOMAIN: 'verdi' } }));
    await world.forget();
    world.emulators.cloudesire.putCompany(513, { name: 'Officine Verdi S.p.A.' });
    const stranger = buy({ buyer: 1302, parameters: { MICROSOFT_DOMAIN: 'verdi' } });
    await world.settle(stranger);
    expect(shown(stranger).deploymentStatus).toBe('DEPLOYED');
    expect(happened('customer created')).toHaveLength(2);
  });

  it('is not believed to be what the metadata of a customer claim', async () => {
    const id = buy({ buyer: 1302 });
    await world.settle(id);
    const foreign = (await recorded(id)).fulfillment?.customerId;
    expect(foreign).toBeDefined();
    const second = buy();
    world.emulators.cloudesire.putSubscriptionMetadata(second, { microsoftCustomerId: foreign! });
    await world.settle(second);
    await expectTenantsOfTheirOwn([id, second]);
  });
});

describe('what stands in the way of an end', () => {
  it('a partner subscription that is not shown for a moment is not taken for ended', async () => {
    const id = buy();
    await world.settle(id);
    fault({
      method: 'GET',
      path: '/subscriptions/[0-9a-f-]+$',
      kind: 'status',
      status: 404,
      body: { code: 20003, description: 'x' },
      times: 2,
    });
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(partnerSubscriptions()).toMatchObject([{ status: 'deleted' }]);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
  });

  it('a status that the marketplace shows late is not reported in a hurry', async () => {
    const id = buy();
    world.emulators.cloudesire.setSwitches({ impossibleTransition: 200, repeatedReport: 'accept' });
    world.emulators.cloudesire.server.finish((call, reply) => {
      const isThis = call.method === 'GET' && call.path.endsWith(`/subscription/${id}`);
      return isThis && reply.body
        ? { ...reply, body: { ...(reply.body as object), deploymentStatus: 'PENDING' } }
        : reply;
    });
    await world.settle(id, { looks: 40 });
    expect(callsTo(new RegExp(`PATCH .*/subscription/${id}$`)).length).toBeLessThan(40);
    expect(world.alerts).toEqual(['cloudesire.status-ignored']);
  });

  it('a matter is told to operations once, though Partner Center names another correlation id each time', async () => {
    fault({
      method: 'POST',
      path: '/checkout$',
      kind: 'status',
      status: 403,
      body: { code: 900121, description: 'x' },
      times: 100,
    });
    const id = buy();
    for (let looks = 0; looks < 8; looks += 1) await world.look(id);
    expect(world.alerts).toEqual(['partner-center.900121']);
  });

  it('an order whose product cannot be seen is told, not passed over', async () => {
    world.emulators.faults.inject({
      server: 'cloudesire',
      method: 'GET',
      path: '/product/210\\b',
      kind: 'status',
      status: 404,
    });
    const id = buy();
    await world.look(id);
    expect(world.alerts).toEqual(['product.unreadable']);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  });
});
