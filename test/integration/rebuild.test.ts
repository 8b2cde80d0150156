import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Fulfillment } from '../../src/workflows/fulfillment.ts';
import type { Call } from '../emulator/core/server.ts';
import { createWorld, type World } from '../support/world.ts';

/* Redis is lost. What exists at Microsoft is known again, and nothing is bought because of it. */

const STEP_MS = 60_000;
const DAY_MS = 86_400_000;
const IMAGE = { azurePublisher: 'aurora-linux', azureOffer: 'hardened-server', azureSku: '22-04-gen2' };
const SHOP = { DNS_PREFIX: 'hafenkontor-shop', REGION: 'germanywestcentral', ADMIN_PASSWORD: 'Kx4!example-only' };

let world: World;
/** Lists that answer as if there were nothing. */
let forgets: RegExp | undefined;
/** A subscription that the marketplace's list shows without its product. */
let garbled: number | undefined;

beforeAll(async () => {
  world = await createWorld();
  const { cloudesire, partnerCenter } = world.emulators;
  const isForgotten = (call: Call) => call.method === 'GET' && forgets?.test(call.path);
  cloudesire.server.finish((call, reply) => (isForgotten(call) ? { status: 200, body: [] } : reply));
  cloudesire.server.finish((_call, reply) =>
    garbled !== undefined && Array.isArray(reply.body)
      ? { ...reply, body: reply.body.map((one) => (one.id === garbled ? { id: garbled } : one)) }
      : reply,
  );
  partnerCenter.server.finish((call, reply) =>
    isForgotten(call) ? { status: 200, body: { totalCount: 0, items: [] } } : reply,
  );
});
beforeEach(async () => {
  forgets = undefined;
  garbled = undefined;
  await world.reset();
  world.emulators.partnerCenter.acceptAllAttestations(true);
  world.emulators.partnerCenter.setOrderDelayMs(600);
});
afterAll(() => world.close());

type NewOrder = Parameters<World['emulators']['cloudesire']['placeOrder']>[0];

const place = (order: NewOrder): number => world.emulators.cloudesire.placeOrder(order);
const buy = (order: Partial<NewOrder> = {}): number =>
  place({ plan: 2101, buyer: 1301, licenses: 10, paid: true, ...order });
const settle = (id: number) => world.settle(id, { atLeastMs: STEP_MS, looks: 200 });
const shown = (id: number) => world.emulators.cloudesire.subscription(id);
const recorded = async (id: number) => (await world.records.get(id))!;
const partnerSubscriptions = () =>
  world.emulators.partnerCenter.subscriptions().map((one) => ({ ...one }) as Record<string, unknown>);
const machines = () =>
  world.emulators.arm.resources().filter(({ type }) => type === 'Microsoft.Compute/virtualMachines');
const fault = (rule: Parameters<World['emulators']['faults']['inject']>[0]) =>
  world.emulators.faults.inject({ server: 'partner-center', ...rule });
/** What was bought, created or changed at Microsoft so far. */
const books = () => ({
  partnerCenter: world.emulators.partnerCenter.books().entries.length,
  arm: world.emulators.arm.books(),
});
const writes = () =>
  world.emulators
    .calls()
    .filter(({ method, path }) => method !== 'GET' && method !== 'HEAD' && !/\/token$|instanceView/i.test(path)).length;

/** A company that has not bought anything yet. */
function newCompany(id: number): number {
  const { cloudesire } = world.emulators;
  cloudesire.putCompany(id, {
    name: `Company ${id}`,
    self: `userCompany/${id}`,
    address: { address: 'Via Roma 1', city: 'Milano', zipCode: '20121', state: 'MI', countryCode: 'IT' },
    taxCode: 'IT12345678903',
    phoneNumber: '+39 030 555 0100',
    emailAddress: `office@company${id}.example`,
    language: 'it',
    users: [{ url: `user/${id}` }],
  });
  cloudesire.putBuyer(id, {
    name: 'Giulia',
    surname: 'Ferri',
    email: `giulia@company${id}.example`,
    phoneNumber: '+39 030 555 0142',
    language: 'it',
    company: { url: `userCompany/${id}` },
    userCompany: { url: `userCompany/${id}` },
  });
  return id;
}

/** One subscription in every state that there is, by its name. */
async function populate(): Promise<Record<string, number>> {
  const { cloudesire, partnerCenter } = world.emulators;
  cloudesire.putPlan(2111, { minimumDuration: 12, billingPeriod: 1 }, 2101);
  cloudesire.putPlanMetadata(2201, { ...IMAGE, azureSubscription: 'dedicated' });
  cloudesire.putPlanMetadata(2301, {});

  const ids = {
    deployed: buy(),
    scheduled: buy({ plan: 2111 }),
    exposed: buy({ plan: 2111, licenses: 4 }),
    suspended: buy({ licenses: 3 }),
    trial: place({ plan: 2101, buyer: 1302, type: 'TRIAL' }),
    ending: buy({ licenses: 2 }),
    shared: place({ plan: 2301, buyer: 1302, paid: true, parameters: SHOP }),
    dedicated: place({ plan: 2201, buyer: 1302, paid: true, parameters: { DNS_PREFIX: 'officine-web' } }),
  };
  await Promise.all(Object.values(ids).map(settle));
  await world.pass(20 * DAY_MS);
  cloudesire.overrideOrder(ids.scheduled, { licenses: 6 });
  cloudesire.terminate(ids.exposed);
  for (const id of [ids.suspended, ids.dedicated]) cloudesire.overrideStatus(id, 'STOPPED');
  await Promise.all(Object.values(ids).map(settle));
  expect(shown(ids.exposed).deploymentStatus).toBe('UNDEPLOYED');

  // Ordered, but nobody has recorded it; and one that waits for its customer.
  fault({ method: 'POST', path: '/checkout$', kind: 'reset-after' });
  const unrecorded = buy({ licenses: 7 });
  await world.look(unrecorded);
  partnerCenter.acceptAllAttestations(false);
  const pending = buy({ buyer: newCompany(20_001), licenses: 1 });
  await world.settle(pending, { looks: 4 });
  expect((await recorded(pending)).waitingFor).toMatch(/accept/);
  cloudesire.terminate(ids.ending);
  return { ...ids, unrecorded, pending };
}

/** How it was bought, who has access, what the next look learns. */
const LOST = ['cartId', 'checkoutAt', 'orderId', 'domain', 'segment', 'deployedAt', 'endedAt'];
const LOST_OF_AZURE = ['architecture', 'secretsKey', 'access', 'accessOf', 'region', 'subscriptionAskedAt'];

function without(names: string[], of: object): object {
  return Object.fromEntries(Object.entries(of).filter(([name]) => !names.includes(name)));
}

/** Without what a loss takes for good: also the prices of what has ended, and when something happened. */
function asRebuilt(fulfillment: Partial<Fulfillment> = {}) {
  const { azure, suspended, exposure, deployedAt, endedAt } = fulfillment;
  return {
    ...without(LOST, fulfillment),
    ...(azure && { azure: without(LOST_OF_AZURE, azure) }),
    ...(suspended && { suspended: { ...suspended, at: 'then' } }),
    ...(exposure && { exposure: { ...exposure, price: 'not known' } }),
    isDeployed: deployedAt !== undefined,
    isEnded: endedAt !== undefined,
  };
}

describe('after a loss of Redis', () => {
  it('a rebuild, a sweep and looks lead to the same records and end state, and to no purchase, also when it is interrupted', async () => {
    const ids = await populate();
    const before = Object.fromEntries(
      await Promise.all(
        Object.entries(ids).map(async ([name, id]) => [name, asRebuilt((await recorded(id)).fulfillment)] as const),
      ),
    );
    const orders = world.emulators.partnerCenter.books().orders.length;
    const customers = world.emulators.partnerCenter.customers().length;
    const running = machines().length;
    await world.lose();
    const written = writes();
    const bought = books();

    // Held until it is rebuilt.
    await world.look(ids.unrecorded!);
    expect(await recorded(ids.unrecorded!)).toMatchObject({ state: 'waiting', waitingFor: /rebuilt/ });
    const dry = await world.rebuild({ dryRun: true });
    expect(await world.redis.exists(world.keys.record(ids.deployed!))).toBe(0);

    // Killed half-way, and begun again.
    const killed = new AbortController();
    let asked = 0;
    world.emulators.cloudesire.server.finish((_call, reply) => {
      asked += 1;
      if (asked === 12) killed.abort();
      return reply;
    });
    await expect(world.rebuild({}, killed.signal)).rejects.toThrow();
    const { rebuilt, kept, isWhole, missing, foreign } = await world.rebuild();
    expect({ isWhole, missing, foreign, total: kept + rebuilt.length }).toEqual({
      isWhole: true,
      missing: [],
      foreign: [],
      total: dry.rebuilt.length,
    });
    const { pending: notBought, ...boughtIds } = ids;
    expect(new Set(dry.rebuilt.map(({ subscriptionId }) => subscriptionId))).toEqual(new Set(Object.values(boughtIds)));
    expect((await world.rebuild()).rebuilt).toEqual([]);
    expect(writes()).toBe(written);
    expect(books()).toEqual(bought);

    world.emulators.partnerCenter.acceptAllAttestations(true);
    await Promise.all((await world.sweep()).map(settle));
    expect(world.emulators.partnerCenter.books().orders.length).toBe(orders + 1); // that of `pending`
    expect(world.emulators.partnerCenter.customers().length).toBe(customers);
    expect(machines()).toHaveLength(running);
    const after = Object.fromEntries(
      await Promise.all(
        Object.entries(ids).map(async ([name, id]) => [name, asRebuilt((await recorded(id)).fulfillment)] as const),
      ),
    );
    expect(after).toMatchObject(without(['unrecorded', 'pending', 'ending'], before));
    expect(shown(ids.ending!).deploymentStatus).toBe('UNDEPLOYED');
    expect(shown(notBought!).deploymentStatus).toBe('DEPLOYED');
    expect(shown(ids.unrecorded!).deploymentStatus).toBe('DEPLOYED');
    expect(world.alerts).toEqual([]);

    // What was suspended comes back with its payment, and what ran runs again.
    for (const id of [ids.suspended!, ids.dedicated!]) {
      world.emulators.cloudesire.overrideStatus(id, 'PENDING');
      await settle(id);
      expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    }
    const lastStates = machines().map(
      ({ id }) => world.emulators.arm.powerHistory({ resource: String(id) }).at(-1)?.state,
    );
    expect(lastStates).toEqual(lastStates.map(() => 'running'));
    expect(partnerSubscriptions().filter(({ status }) => status === 'suspended')).toEqual([]);
  });

  it('what the marketplace knows nothing of is found by its mark alone, at whichever customer', async () => {
    const id = buy();
    await settle(id);
    world.emulators.cloudesire.putSubscriptionMetadata(id, { microsoftCustomerId: '' });
    await world.lose();
    expect((await world.rebuild()).rebuilt).toMatchObject([{ subscriptionId: id, stands: 'delivered' }]);
  });

  it('half an answer of Microsoft does not pass for the whole: nothing is bought or ended before it shows what was delivered', async () => {
    const [kept, ending] = [buy(), buy()];
    for (const id of [kept, ending]) await settle(id);
    await world.lose();
    world.emulators.cloudesire.terminate(ending);
    const placed = buy({ buyer: 1302 });
    forgets = /^\/v1\/.*(customers|subscriptions|orders)$/;
    const written = writes();
    await expect(world.sweep()).rejects.toMatchObject({
      code: 'rebuild.incomplete',
      message: expect.stringContaining('connector rebuild --accept-missing'),
    });
    for (const id of [kept, ending, placed]) await world.look(id);
    await expect(world.sweep()).rejects.toMatchObject({ code: 'rebuild.incomplete' });
    expect(writes()).toBe(written);
    expect(world.alerts).toEqual(['store.lost']);
    // Only a person can clear that up, and each of them says so.
    for (const id of [kept, ending, placed]) {
      expect(await recorded(id)).toMatchObject({ state: 'needs-attention', lastError: { code: 'rebuild.incomplete' } });
    }

    forgets = undefined;
    for (const id of await world.sweep()) await settle(id);
    expect([kept, ending, placed].map((id) => shown(id).deploymentStatus)).toEqual([
      'DEPLOYED',
      'UNDEPLOYED',
      'DEPLOYED',
    ]);
    expect(partnerSubscriptions()).toHaveLength(3);
  });

  it.each(['DEPLOYED', 'STOPPED', 'UNDEPLOY_SENT'] as const)(
    'what others have delivered (%s) holds nobody up, at the first start either',
    async (status) => {
      const [foreign, placed] = [buy(), buy()];
      world.emulators.cloudesire.overrideStatus(foreign, status);
      await world.lose();
      expect(await world.sweep()).toEqual(expect.arrayContaining([foreign, placed]));
      await settle(placed);
      expect(shown(placed).deploymentStatus).toBe('DEPLOYED');
      await settle(foreign);
      expect(shown(foreign).deploymentStatus).toBe(status === 'UNDEPLOY_SENT' ? 'UNDEPLOYED' : status);
      expect(partnerSubscriptions()).toHaveLength(1);
    },
  );

  it('nothing passes for delivered by others while not every customer can be looked at, before a person has said so', async () => {
    const foreign = buy();
    await settle(buy());
    world.emulators.cloudesire.overrideStatus(foreign, 'DEPLOYED');
    await world.lose();
    fault({ method: 'GET', path: '/customers/[^/]+/subscriptions', kind: 'status', status: 403, times: 1_000 });
    await expect(world.sweep()).rejects.toMatchObject({ code: 'rebuild.incomplete' });
    expect(await world.rebuild({ acceptMissing: true })).toMatchObject({ isWhole: true, foreign: [foreign] });
  });

  it('a list that the marketplace shows in part does not pass for the whole one, before a person has said so', async () => {
    const ids = [buy(), buy()];
    for (const id of ids) await settle(id);
    await world.lose();
    garbled = ids[0];
    await expect(world.sweep()).rejects.toMatchObject({ code: 'rebuild.incomplete' });
    expect(await world.rebuild({ acceptMissing: true })).toMatchObject({
      isWhole: true,
      kept: 1,
      unreadable: [{ code: 'cloudesire.malformed' }],
    });
    garbled = undefined;
    await world.look(ids[0]!);
    expect((await recorded(ids[0]!)).fulfillment?.deployedAt).toBeDefined();
  });

  it('two rebuilds at the same time are one', async () => {
    const id = buy();
    await settle(id);
    await world.lose();
    const ends = await Promise.allSettled([world.rebuild(), world.rebuild()]);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ends).toContainEqual(
      expect.objectContaining({ reason: expect.objectContaining({ code: 'rebuild.under-way' }) }),
    );
    expect((await recorded(id)).fulfillment?.deployedAt).toBeDefined();
  });
});

it('a rebuild leaves what is recorded as it is, to the letter', async () => {
  const [whole, lost] = [buy(), buy()];
  for (const id of [whole, lost]) await settle(id);
  const before = await world.redis.get(world.keys.record(whole));
  await world.redis.del(world.keys.record(lost));
  expect(await world.rebuild()).toMatchObject({ kept: 1, rebuilt: [{ subscriptionId: lost }] });
  expect(await world.redis.get(world.keys.record(whole))).toBe(before);
});

it('a new installation starts without ado, and sells', async () => {
  await world.lose();
  expect(await world.sweep()).toEqual([]);
  const id = buy();
  await settle(id);
  expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  expect(await world.sweep()).toEqual([]);
  expect(world.alerts).toEqual([]);
});

it('a marketplace that shows late what it had sold does not pass for a new one', async () => {
  const id = buy();
  await settle(id);
  await world.lose();
  forgets = /\/subscription$/;
  expect(await world.sweep()).toEqual([]);
  forgets = undefined;
  expect(await world.sweep()).toEqual([id]);
  expect((await recorded(id)).fulfillment?.deployedAt).toBeDefined();
  expect(world.alerts).toEqual(['store.lost']);
});
