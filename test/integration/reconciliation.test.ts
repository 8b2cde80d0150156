import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createInterventions } from '../../src/store/interventions.ts';
import { createSweepLog } from '../../src/store/sweep-log.ts';
import type { Call, Reply } from '../emulator/core/server.ts';
import { createWorld, type World } from '../support/world.ts';

/* What no event told is found on all sides, told with its cause, and put right by looks, but not too much of it at once. */

const STEP_MS = 60_000;
const DAY_MS = 86_400_000;
const SHOP = { DNS_PREFIX: 'hafenkontor-shop', REGION: 'germanywestcentral', ADMIN_PASSWORD: 'Kx4!example-only' };

let world: World;
/** Changes answers of the marketplace or of Microsoft. */
let rewrite: ((call: Call, reply: Reply) => Reply | undefined) | undefined;

beforeAll(async () => {
  world = await createWorld();
  const { cloudesire, partnerCenter } = world.emulators;
  for (const { server } of [cloudesire, partnerCenter]) server.finish((call, reply) => rewrite?.(call, reply) ?? reply);
});
beforeEach(async () => {
  rewrite = undefined;
  await world.reset();
  world.emulators.partnerCenter.acceptAllAttestations(true);
  world.emulators.partnerCenter.setOrderDelayMs(600);
});
afterAll(() => world.close());

type NewOrder = Parameters<World['emulators']['cloudesire']['placeOrder']>[0];

const buy = (order: Partial<NewOrder> = {}): number =>
  world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true, ...order });
const settle = (id: number) => world.settle(id, { atLeastMs: STEP_MS, looks: 200 });
const shown = (id: number) => world.emulators.cloudesire.subscription(id);
const recorded = async (id: number) => (await world.records.get(id))!;
const partnerSubscriptionOf = async (id: number) => (await recorded(id)).fulfillment?.partnerSubscriptionId ?? '';
const partnerSubscriptions = () =>
  world.emulators.partnerCenter.subscriptions().map((one) => ({ ...one }) as Record<string, unknown>);
const atMicrosoft = async (id: number) => {
  const wanted = await partnerSubscriptionOf(id);
  return partnerSubscriptions().find((one) => one.id === wanted)!;
};
const writes = () =>
  world.emulators
    .calls()
    .filter(({ method, path }) => method !== 'GET' && method !== 'HEAD' && !/\/token$|instanceView/i.test(path)).length;
async function bought(...orders: Partial<NewOrder>[]): Promise<number[]> {
  const ids = orders.map(buy);
  await Promise.all(ids.map(settle));
  return ids;
}
async function stored(id: number): Promise<string | null> {
  return world.redis.get(world.keys.record(id));
}
const notFound: Reply = { status: 404, body: { error: 'not found' } };

describe('what has ended and is paid for until its term ends', () => {
  async function sellAndEnd(): Promise<number> {
    world.emulators.cloudesire.putPlan(2111, { minimumDuration: 12, billingPeriod: 1 }, 2101);
    const [id] = await bought({ plan: 2111 });
    await world.pass(20 * DAY_MS);
    world.emulators.cloudesire.terminate(id!);
    await settle(id!);
    expect((await recorded(id!)).fulfillment?.exposure).toBeDefined();
    return id!;
  }

  it('does not renew although somebody has switched that on again, and operations are told', async () => {
    const id = await sellAndEnd();
    world.emulators.partnerCenter.setAutoRenewByHand(await partnerSubscriptionOf(id), true);
    expect(await world.sweep()).toEqual([id]);
    expect(world.alerts).toEqual(['exposure.renews']);
    await settle(id);
    expect((await atMicrosoft(id)).autoRenewEnabled).toBe(false);
    expect((await recorded(id)).fulfillment?.endedAt).toBeDefined();
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
  });

  it('is cancelled where it has renewed all the same', async () => {
    const id = await sellAndEnd();
    world.emulators.partnerCenter.setAutoRenewByHand(await partnerSubscriptionOf(id), true);
    await world.pass(347 * DAY_MS);
    expect((await atMicrosoft(id)).status).toBe('active');
    expect(await world.sweep()).toEqual([id]);
    await settle(id);
    expect((await atMicrosoft(id)).status).toBe('deleted');
    expect((await recorded(id)).fulfillment?.exposure).toBeUndefined();
  });

  it('is left alone once it was detached, and asked for at Microsoft once a day', async () => {
    const id = await sellAndEnd();
    const other = await sellAndEnd();
    world.emulators.partnerCenter.setAutoRenewByHand(await partnerSubscriptionOf(id), true);
    await createInterventions(world.redis, world.keys).set(id, {
      kind: 'detached',
      by: 'anna',
      reason: 'sold directly',
      at: new Date().toISOString(),
    });
    const asked = () => world.emulators.calls().filter(({ path }) => path.startsWith('/v1/customers/')).length;
    const before = asked();
    expect(await world.sweep()).not.toContain(other);
    expect(asked()).toBeGreaterThan(before);
    expect(world.alerts).toEqual([]);
    expect((await atMicrosoft(id)).autoRenewEnabled).toBe(true);
    const afterwards = asked();
    await world.sweep();
    expect(asked()).toBe(afterwards);
  });
});

describe('connector reconcile', () => {
  it('tells what the marketplace has changed apart from what was changed at Microsoft, writes nothing in a dry run, and has all of it put right', async () => {
    const { cloudesire, partnerCenter, arm } = world.emulators;
    const [seats, ending, cut, off, calm] = await bought({}, { licenses: 2 }, { licenses: 8 }, {}, {});
    const shop = world.emulators.cloudesire.placeOrder({ plan: 2301, buyer: 1302, paid: true, parameters: SHOP });
    await settle(shop);
    const unknown = buy({ licenses: 3 });
    cloudesire.overrideOrder(seats!, { licenses: 12 });
    cloudesire.terminate(ending!);
    partnerCenter.changeQuantityByHand(await partnerSubscriptionOf(cut!), 5);
    partnerCenter.setAutoRenewByHand(await partnerSubscriptionOf(off!), false);
    arm.deleteGroupByHand({ group: `cloudesire-${shop}` });
    await world.pass(STEP_MS);

    const before = await Promise.all([seats, ending, cut, off, shop].map((id) => stored(id!)));
    const written = writes();
    const dry = await world.reconcile({ dryRun: true });
    expect(dry.differences).toMatchObject([
      {
        subscriptionId: seats,
        kind: 'missed-event',
        marketplace: { seats: 12 },
        recorded: { seats: 10 },
        leadsTo: 'change',
      },
      { subscriptionId: ending, kind: 'missed-event', remedy: 'deprovision', leadsTo: 'change' },
      {
        subscriptionId: cut,
        kind: 'changed-at-microsoft',
        recorded: { seats: 8 },
        microsoft: { seats: 5 },
        leadsTo: 'change',
      },
      { subscriptionId: off, kind: 'changed-at-microsoft', microsoft: { renews: false }, leadsTo: 'change' },
      { subscriptionId: shop, kind: 'changed-at-microsoft', microsoft: { status: /ended/ }, leadsTo: 'alert' },
      { subscriptionId: unknown, kind: 'missed-event', remedy: 'provision', leadsTo: 'change' },
    ]);
    expect(dry).toMatchObject({
      compared: 7,
      changes: 5,
      limit: 10,
      isHeld: false,
      looks: 0,
      unreadable: [],
      asked: [],
    });
    expect(await Promise.all([seats, ending, cut, off, shop].map((id) => stored(id!)))).toEqual(before);
    expect(await world.records.get(unknown)).toBeUndefined();
    expect(writes()).toBe(written);

    const { asked } = await world.reconcile();
    expect(asked).toEqual([seats, ending, cut, off, shop, unknown]);
    await Promise.all(asked.map((id) => world.settle(id, { atLeastMs: STEP_MS, looks: id === shop ? 1 : 30 })));
    expect(shown(ending!).deploymentStatus).toBe('UNDEPLOYED');
    expect(await Promise.all([seats, cut, unknown].map(async (id) => (await atMicrosoft(id!)).quantity))).toEqual([
      12, 8, 3,
    ]);
    expect((await atMicrosoft(off!)).autoRenewEnabled).toBe(true);
    expect((await recorded(calm!)).state).toBe('done');
    const left = await world.reconcile();
    expect(left.differences).toMatchObject([{ subscriptionId: shop, leadsTo: 'alert' }]);
  });

  it('tells of what bears our mark and belongs to nobody, or to a subscription that has another one; and ends none of it', async () => {
    const [gone, twice, spare] = await bought({}, {}, { licenses: 4 });
    const extra = await partnerSubscriptionOf(spare!);
    const vanished = await partnerSubscriptionOf(gone!);
    await world.redis.del(world.keys.record(gone!));
    rewrite = (call, reply) => {
      if (call.path.endsWith(`/subscription/${gone}`)) return notFound;
      if (call.method !== 'GET' || !call.path.endsWith('/subscriptions')) return undefined;
      return JSON.parse(
        JSON.stringify(reply).replaceAll(
          `"friendlyName":"Cloudesire ${spare}"`,
          `"friendlyName":"Cloudesire ${twice}"`,
        ),
      ) as Reply;
    };
    const written = writes();
    const { differences, asked } = await world.reconcile();
    expect(differences).toMatchObject([
      { subscriptionId: gone, kind: 'orphan-at-microsoft', object: { id: vanished }, leadsTo: 'nothing' },
      {
        subscriptionId: twice,
        kind: 'orphan-at-microsoft',
        object: { id: extra },
        remedy: /bought twice/,
        leadsTo: 'nothing',
      },
    ]);
    expect(asked).toEqual([]);
    expect(writes()).toBe(written);
    expect(partnerSubscriptions().filter(({ status }) => status === 'deleted')).toEqual([]);
  });

  it.each(['PAYMENT_EXPIRED', 'REJECTED', 'WAITING_PAYMENT'] as const)(
    'tells of what goes on at Microsoft for an order that is %s, although nothing is recorded of it',
    async (status) => {
      const [id] = await bought({});
      const object = { id: await partnerSubscriptionOf(id!) };
      await world.forget();
      world.emulators.cloudesire.overrideStatus(id!, status);
      const { differences } = await world.reconcile();
      expect(differences).toContainEqual(
        expect.objectContaining({
          kind: 'orphan-at-microsoft',
          object: expect.objectContaining(object),
          leadsTo: 'nothing',
        }),
      );
    },
  );

  it('ends again what goes on at Microsoft although the marketplace has ended it', async () => {
    const { cloudesire, partnerCenter } = world.emulators;
    cloudesire.putPlan(2111, { minimumDuration: 12, billingPeriod: 1 }, 2101);
    const [ended] = await bought({ plan: 2111 });
    await world.pass(20 * DAY_MS);
    cloudesire.terminate(ended!);
    await settle(ended!);
    expect((await world.reconcile()).differences).toEqual([]);

    partnerCenter.setAutoRenewByHand(await partnerSubscriptionOf(ended!), true);
    const { differences, asked } = await world.reconcile();
    expect(differences).toMatchObject([{ subscriptionId: ended, kind: 'orphan-at-microsoft', leadsTo: 'change' }]);
    expect(asked).toEqual([ended]);
    await settle(ended!);
    expect((await atMicrosoft(ended!)).autoRenewEnabled).toBe(false);
    expect((await recorded(ended!)).fulfillment?.endedAt).toBeDefined();
    expect((await world.reconcile()).differences).toEqual([]);
  });

  it('tells of what is recorded and the marketplace does not show, and ends nothing on that alone', async () => {
    const [id] = await bought({});
    rewrite = (call) => {
      if (call.path.endsWith(`/subscription/${id}`)) return notFound;
      return call.path.endsWith('/subscription') ? { status: 200, body: [] } : undefined;
    };
    const { differences } = await world.reconcile({ subscriptionId: id });
    expect(differences).toMatchObject([
      { subscriptionId: id, kind: 'orphan-record', recorded: { status: 'in service' } },
    ]);
    await world.look(id!);
    expect(await recorded(id!)).toMatchObject({ lastError: { code: 'subscription.vanished' } });
    expect((await atMicrosoft(id!)).status).toBe('active');
  });

  it('compares one subscription alone, and leaves alone what people hold or look after themselves', async () => {
    const [one, held, detached] = await bought({}, {}, {});
    const interventions = createInterventions(world.redis, world.keys);
    const press = { by: 'maria', reason: 'a dispute', at: new Date().toISOString() };
    await interventions.set(held!, { kind: 'held', ...press });
    await interventions.set(detached!, { kind: 'detached', ...press });
    for (const id of [one, held, detached]) world.emulators.cloudesire.terminate(id!);
    const alone = await world.reconcile({ subscriptionId: one, dryRun: true });
    expect(alone).toMatchObject({ compared: 1, differences: [{ subscriptionId: one, remedy: 'deprovision' }] });
    const { differences, asked } = await world.reconcile();
    expect(differences).toMatchObject([{ subscriptionId: one }, { subscriptionId: held, leadsTo: 'nothing' }]);
    expect(asked).toEqual([one]);
  });

  it('goes on past what cannot be read, and tells it', async () => {
    const [unreadable, ending] = await bought({}, {});
    world.emulators.cloudesire.terminate(ending!);
    rewrite = (call) =>
      call.path.endsWith(`/subscription/${unreadable}`) ? { status: 403, body: { error: 'forbidden' } } : undefined;
    const { differences, unreadable: told } = await world.reconcile({ dryRun: true });
    expect(told).toMatchObject([{ subscriptionId: unreadable }]);
    expect(differences).toMatchObject([{ subscriptionId: ending }]);
  });

  it('compares nothing with records that are not known to be whole', async () => {
    await world.lose();
    await expect(world.reconcile({ dryRun: true })).rejects.toMatchObject({
      code: 'records.not-whole',
      message: expect.stringContaining('connector rebuild'),
    });
  });
});

it('when suddenly more differs than is likely, a sweep ends and suspends nothing, nor does the command before a person has said how much', async () => {
  const ids = await bought(...Array.from({ length: 11 }, () => ({ licenses: 1 })));
  const { cloudesire } = world.emulators;
  for (const [at, id] of ids.entries()) {
    if (at % 2) cloudesire.overrideStatus(id, 'STOPPED');
    else cloudesire.terminate(id);
  }
  const fresh = buy();
  expect(await world.sweep()).toEqual([fresh]);
  expect(world.alerts).toEqual(['sweep.held']);

  const written = writes();
  const held = await world.reconcile();
  expect(held).toMatchObject({ isHeld: true, changes: 12, limit: 10, looks: 0, asked: [] });
  expect(world.alerts).toEqual(['sweep.held', 'reconcile.held']);
  expect(writes()).toBe(written);
  expect((await world.reconcile({ limit: 12 })).asked).toEqual([...ids, fresh]);

  await settle(ids[0]!);
  expect(new Set(await world.sweep())).toEqual(new Set([...ids.slice(1), fresh]));
});

describe('what a full backlog turns away', () => {
  it('of what has ended is asked for by the next sweep, since nothing else would ever list it again', async () => {
    const ids = await bought({ licenses: 1 }, { licenses: 2 });
    for (const id of ids) world.emulators.cloudesire.terminate(id);
    await Promise.all(ids.map(settle));
    await world.forget();

    world.limitLooks(1);
    const [asked, ...more] = await world.sweep();
    expect(more).toEqual([]);
    expect(await world.records.areEndedListed()).toBe(false);
    expect(world.logged()).toContain('"refused":1');
    expect(await createSweepLog(world.redis, world.keys).last()).toMatchObject({ listed: 0, looks: 1 });
    await settle(asked!);

    world.limitLooks(Number.POSITIVE_INFINITY);
    expect(await world.sweep()).toEqual(ids.filter((id) => id !== asked));
    expect(await world.records.areEndedListed()).toBe(true);
  });

  it('of what was compared is counted, so that it can be asked for again', async () => {
    const ids = await bought({ licenses: 1 }, { licenses: 2 }, { licenses: 3 });
    for (const id of ids) world.emulators.cloudesire.overrideOrder(id, { licenses: 12 });
    world.limitLooks(2);
    expect(await world.reconcile()).toMatchObject({ changes: 3, looks: 2, refused: 1, asked: ids.slice(0, 2) });
  });
});
