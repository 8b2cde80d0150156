import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { composeOperations } from '../../src/compose/operations.ts';
import { composeStore } from '../../src/compose/store.ts';
import { createWorld, type World } from '../support/world.ts';

/* What operations press, and what they read, against the connector's own workflows and a real Redis. */

const PRESS = { by: 'Ada', reason: 'a dispute with the customer' };

let world: World;
let operations: ReturnType<typeof composeOperations>;
const asked: number[] = [];
const urgencies: (boolean | undefined)[] = [];
/** Of whatever subscription. */
let queuedSince: number | undefined;
/** Where somebody has paused the queue. */
let pausedIn: string | undefined;
/** So many looks more can wait. */
let room = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  world = await createWorld();
  operations = composeOperations({
    store: composeStore(world.config, world.redis),
    config: world.config,
    producer: {
      async requestLook(id, options) {
        urgencies.push(options?.urgent);
        if (room === 0) return 'backlog-full';
        room -= 1;
        asked.push(id);
        return 'queued';
      },
      backlog: async () => 3,
      queuedSince: async () => queuedSince,
      taking: async () => ({ waiting: 3, active: 1, oldestSinceMs: Date.now() - 30_000, pausedIn }),
    },
    notes: async () => ['a note'],
  });
});

beforeEach(async () => {
  await world.reset();
  asked.length = 0;
  room = Number.POSITIVE_INFINITY;
  queuedSince = undefined;
  pausedIn = undefined;
  // Until the year 2100 one takes looks.
  await world.redis.zadd(world.keys.workers, Date.UTC(2100), 'worker');
  world.emulators.partnerCenter.acceptAllAttestations(true);
});

afterAll(() => world.close());

const order = (licenses = 5) =>
  world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses, paid: true });
const shown = (id: number) => world.emulators.cloudesire.subscription(id).deploymentStatus;

async function sell(): Promise<number> {
  const id = order();
  await world.settle(id);
  expect(shown(id)).toBe('DEPLOYED');
  return id;
}

describe('while no worker takes looks', () => {
  const HEARD_MS = Date.parse('2026-03-02T08:43:07.000Z');
  const NOBODY =
    'No worker takes looks (none was seen since 2026-03-02 08:40:00 UTC): nothing goes on until one does. Start a process with ROLE worker or all.';

  beforeEach(() => world.redis.zadd(world.keys.workers, Date.parse('2026-03-02T08:40:00.000Z'), 'worker'));

  it('what was heard of is shown, with what it waits for and since when', async () => {
    const id = order();
    expect(await operations.show(id)).toBeUndefined();
    queuedSince = HEARD_MS;
    expect(await operations.show(id)).toMatchObject({
      subscriptionId: id,
      state: 'waiting',
      since: '2026-03-02T08:43:07.000Z',
      queuedSince: '2026-03-02T08:43:07.000Z',
      why: `Heard of at 2026-03-02 08:43:07 UTC, and waits for a worker to look at it for the first time. ${NOBODY}`,
      actions: ['look'],
    });
  });

  it('nothing is said to go on by itself', async () => {
    world.emulators.partnerCenter.acceptAllAttestations(false);
    const id = order();
    await world.settle(id, { looks: 5 });
    queuedSince = HEARD_MS;
    const { why } = (await operations.show(id))!;
    expect(why).toMatch(/^Waiting since .* for the customer/);
    expect(why).toContain(`Its next look has waited for a worker since 2026-03-02 08:43:07 UTC. ${NOBODY}`);
    expect(why).not.toContain('goes on by itself');
    const { items } = await operations.list({ page: 1, pageSize: 50 });
    expect(items[0]?.why).toContain(NOBODY);
  });

  it('the overview says so at once', async () => {
    expect(await operations.overview()).toMatchObject({
      workers: { count: 0, lastSeenAt: '2026-03-02T08:40:00.000Z' },
      notes: [NOBODY, 'a note'],
    });
  });
});

it('while the queue is paused, the overview and every order say so, and that nothing goes on by itself', async () => {
  world.emulators.partnerCenter.acceptAllAttestations(false);
  const id = order();
  await world.settle(id, { looks: 5 });
  pausedIn = 'connector:looks:meta';
  const paused = expect.stringMatching(
    /^The queue of looks is paused in Redis: .* HDEL connector:looks:meta paused\.$/,
  );
  expect((await operations.overview()).notes).toEqual([paused, 'a note']);
  const { why } = (await operations.show(id))!;
  expect(why).toMatch(/^Waiting since .* for the customer .*\. The queue of looks is paused in Redis/);
  expect(why).not.toContain('goes on by itself');
  queuedSince = Date.now();
  expect((await operations.show(id + 1))?.why).toMatch(/^Heard of at .* The queue of looks is paused/);
});

it('what has been failing for long is a note of the overview, though it is tried again by itself', async () => {
  const out = { kind: 'status', status: 503, body: {}, times: 1_000 } as const;
  world.emulators.faults.inject({ server: 'partner-center', path: '/carts', ...out });
  const id = order();
  await world.look(id);
  expect((await operations.overview()).notes).toEqual(['a note']);
  const document = JSON.parse((await world.redis.get(world.keys.record(id))) ?? '{}') as object;
  const troubledSince = new Date(Date.now() - 601_000).toISOString();
  await world.redis.set(world.keys.record(id), JSON.stringify({ ...document, troubledSince }));
  expect((await operations.overview()).notes).toEqual([
    expect.stringMatching(
      `^1 order has been failing for more than 10 minutes \\(partner-center.unavailable\\): ${id}\\. What fails`,
    ),
    'a note',
  ]);
});

/** Calls that changed something somewhere, or asked Microsoft anything. */
function effects() {
  return world.emulators.calls().filter(({ server, method }) => server !== 'cloudesire' || method !== 'GET');
}

describe('a held subscription', () => {
  it('is sent nothing for until it is released, and says who holds it, since when and why', async () => {
    const id = order();
    await world.look(id);
    await operations.act('hold', id, PRESS);
    expect(asked).toEqual([id]);
    const before = effects().length;
    for (let looks = 0; looks < 3; looks += 1) {
      expect(await world.look(id)).toEqual({ done: true });
      await world.pass(3_600_000);
    }
    expect(effects()).toHaveLength(before);

    const held = await operations.show(id);
    expect(held).toMatchObject({
      state: 'waiting',
      waitingFor: expect.stringMatching(/release it \(held by Ada, .*a dispute with the customer\)/),
      why: expect.stringMatching(/^Held by Ada since .* UTC \(a dispute with the customer\)/),
      intervention: { kind: 'held', ...PRESS },
      actions: ['release', 'detach'],
    });
    expect(held).not.toHaveProperty('failingSince');
    expect((await operations.list({ state: 'held', page: 1, pageSize: 50 })).total).toBe(1);

    await operations.act('release', id, { by: 'Ada', reason: 'settled' });
    await world.settle(id);
    expect(shown(id)).toBe('DEPLOYED');
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(1);
    expect((await operations.list({ state: 'held', page: 1, pageSize: 50 })).total).toBe(0);
  });

  it('that the marketplace wants to end is not ended, and somebody is told once', async () => {
    const id = await sell();
    await operations.act('hold', id, PRESS);
    await world.look(id);
    expect(world.alerts).toEqual([]);
    world.emulators.cloudesire.terminate(id);
    for (let looks = 0; looks < 3; looks += 1) await world.look(id);

    expect(world.alerts).toEqual(['subscription.ending-while-held']);
    expect(world.emulators.partnerCenter.subscriptions()).toMatchObject([{ status: 'active' }]);
    expect(shown(id)).toBe('UNDEPLOY_SENT');
    await operations.act('release', id, PRESS);
    await world.settle(id);
    expect(shown(id)).toBe('UNDEPLOYED');
  });

  it('waits also while the marketplace cannot be read', async () => {
    const id = await sell();
    await operations.act('hold', id, PRESS);
    world.emulators.faults.inject({ server: 'cloudesire', kind: 'status', status: 503, times: 1 });
    expect(await world.look(id)).toEqual({ againInMs: 60_000 });
    expect((await world.records.get(id))?.state).toBe('waiting');
  });
});

describe('a detached subscription', () => {
  it('is neither read nor changed again until it is given back, and its record stays', async () => {
    const id = await sell();
    const { fulfillment } = (await world.records.get(id))!;
    await operations.act('detach', id, PRESS);
    world.emulators.cloudesire.terminate(id);
    const before = world.emulators.calls().length;
    for (let looks = 0; looks < 3; looks += 1) expect(await world.look(id)).toEqual({ done: true });

    expect(world.emulators.calls()).toHaveLength(before);
    expect(await operations.show(id)).toMatchObject({
      state: 'idle',
      fulfillment,
      why: expect.stringMatching(/^Detached by Ada since/),
      actions: ['attach'],
    });
    expect((await operations.list({ state: 'detached', page: 1, pageSize: 50 })).items).toHaveLength(1);

    await operations.act('attach', id, PRESS);
    await world.settle(id);
    expect(shown(id)).toBe('UNDEPLOYED');
  });
});

it('a subscription is shown with the name of its product, for which nothing is asked twice', async () => {
  world.emulators.cloudesire.putProduct(210, { name: 'Business \u202eBasic' });
  const id = await sell();
  expect(await operations.show(id)).toMatchObject({ productId: 210, productName: 'Business Basic' });
  const { items } = await operations.list({ page: 1, pageSize: 50 });
  expect(items).toMatchObject([{ subscriptionId: id, productName: 'Business Basic' }]);
  const before = world.emulators.calls().length;
  await world.look(id);
  const asked = world.emulators.calls().slice(before);
  expect(asked.filter(({ path }) => path.includes('/product/'))).toEqual([]);
});

describe('what is pressed', () => {
  it('stands in the audit trail and in the story, with name and reason', async () => {
    const id = await sell();
    await operations.act('look', id, PRESS);
    await operations.act('hold', id, { by: 'Grace', reason: 'wait for legal' });

    const { items, total } = await operations.listAudit({ page: 1, pageSize: 50 });
    expect(total).toBe(2);
    expect(items).toEqual([
      {
        at: expect.any(String),
        action: 'hold',
        subscriptionId: id,
        by: 'Grace',
        reason: 'wait for legal',
        outcome: 'accepted',
      },
      { at: expect.any(String), action: 'look', subscriptionId: id, ...PRESS, outcome: 'accepted' },
    ]);
    expect((await operations.listAudit({ page: 1, pageSize: 50, subscriptionId: id + 1 })).items).toEqual([]);
    const told = (await operations.show(id))?.timeline.filter(({ kind }) => kind === 'operator');
    expect(told).toMatchObject([{ by: 'Grace', reason: 'wait for legal' }, PRESS]);
  });

  it('does not fit: nothing is done, and the trail tells who was refused, and why', async () => {
    const id = await sell();
    await expect(operations.act('release', id, PRESS)).rejects.toMatchObject({ code: 'ops.not-held' });
    await expect(operations.act('attach', id, PRESS)).rejects.toMatchObject({ code: 'ops.not-detached' });
    for (const action of ['retry', 'hold', 'detach'] as const)
      await expect(operations.act(action, 99_999, PRESS)).rejects.toMatchObject({ code: 'ops.unknown-subscription' });
    await expect(operations.retryAll('bug', PRESS)).rejects.toMatchObject({ code: 'ops.unknown-reason' });
    await operations.act('hold', id, PRESS);
    await expect(operations.act('hold', id, PRESS)).rejects.toMatchObject({ code: 'ops.held' });
    await expect(operations.act('look', id, PRESS)).rejects.toMatchObject({ code: 'ops.held' });
    expect((await operations.listAudit({ page: 1, pageSize: 50 })).items).toMatchObject([
      { action: 'look', outcome: 'refused', code: 'ops.held', subscriptionId: id, ...PRESS },
      { action: 'hold', outcome: 'refused', code: 'ops.held' },
      { action: 'hold', outcome: 'accepted' },
      { action: 'retry-all', outcome: 'refused', code: 'ops.unknown-reason', target: 'bug' },
      { action: 'detach', outcome: 'refused', code: 'ops.unknown-subscription', subscriptionId: 99_999 },
      { action: 'hold', outcome: 'refused', code: 'ops.unknown-subscription', subscriptionId: 99_999 },
      { action: 'retry', outcome: 'refused', code: 'ops.unknown-subscription', subscriptionId: 99_999, ...PRESS },
      { action: 'attach', outcome: 'refused', code: 'ops.not-detached' },
      { action: 'release', outcome: 'refused', code: 'ops.not-held' },
    ]);
    expect(asked).toEqual([id]);
  });

  it('and fails is told with its code', async () => {
    await expect(operations.discardQuarantined('a'.repeat(64), PRESS)).rejects.toMatchObject({
      code: 'ops.unknown-body',
    });
    expect((await operations.listAudit({ page: 1, pageSize: 50 })).items).toMatchObject([
      { action: 'discard', outcome: 'failed', code: 'ops.unknown-body' },
      { action: 'discard', outcome: 'accepted', target: 'a'.repeat(64) },
    ]);
  });
});

describe('while no more looks can wait', () => {
  const trail = async () =>
    (await operations.listAudit({ page: 1, pageSize: 50 })).items.map(({ action, outcome }) => `${action} ${outcome}`);

  it('what is held, released, detached or attached is so, and said to wait for the next sweep, which looks at it', async () => {
    const id = await sell();
    room = 0;
    const stands = async () => (await operations.list({ page: 1, pageSize: 50 })).items[0]?.intervention?.kind;
    expect(await operations.act('hold', id, PRESS)).toBe('backlog-full');
    expect(await stands()).toBe('held');
    expect((await operations.show(id))?.timeline[0]).toMatchObject({
      kind: 'wait',
      text: expect.stringMatching(/^waits for the next sweep/),
    });
    expect(await operations.act('release', id, PRESS)).toBe('backlog-full');
    expect(await stands()).toBeUndefined();
    expect(await operations.act('detach', id, PRESS)).toBe('backlog-full');
    expect(await stands()).toBe('detached');
    await world.look(id);
    expect(await world.sweep()).toEqual([]);
    expect(await operations.act('attach', id, PRESS)).toBe('backlog-full');
    expect(await stands()).toBeUndefined();
    expect(await world.sweep()).toEqual([id]);
    expect(await trail()).toEqual(['attach accepted', 'detach accepted', 'release accepted', 'hold accepted']);
  });

  it('what was released is looked at by the next sweep', async () => {
    const id = order();
    await world.look(id);
    await operations.act('hold', id, PRESS);
    await world.look(id);
    room = 0;
    expect(await operations.act('release', id, PRESS)).toBe('backlog-full');
    expect(await world.sweep()).toEqual([id]);
  });

  it('neither look nor retry is taken', async () => {
    const id = await sell();
    room = 0;
    for (const action of ['look', 'retry'] as const)
      await expect(operations.act(action, id, PRESS)).rejects.toMatchObject({ code: 'backlog.full' });
    expect(await trail()).toEqual(['retry failed', 'retry accepted', 'look failed', 'look accepted']);
  });
});

describe('what stands still for one reason', () => {
  /** Orders of this many companies that Microsoft refuses, all for the same reason. */
  async function refused(): Promise<number[]> {
    const attention = { kind: 'status', status: 403, body: { code: 900159, description: 'No relationship.' } } as const;
    world.emulators.faults.inject({ server: 'partner-center', path: '/carts', times: 1_000, ...attention });
    const ids = [1301, 1302].map((buyer) =>
      world.emulators.cloudesire.placeOrder({ plan: 2101, buyer, licenses: 2, paid: true }),
    );
    for (const id of ids) await world.settle(id, { looks: 4 });
    world.emulators.faults.clear();
    return ids;
  }
  const RETRY = { by: 'Ada', reason: 'the relationship was restored' };

  it('is listed, and goes on where it stood after one press that stands in the audit trail and in every story', async () => {
    const ids = await refused();
    const [letters] = await operations.listDeadLetters();
    expect(letters).toMatchObject({ state: 'needs-attention', count: 2, subscriptionIds: ids });
    const { code } = letters!;

    asked.length = 0;
    urgencies.length = 0;
    expect(await operations.retryAll(code, RETRY)).toEqual({ queued: 2, left: 0 });
    expect(asked).toEqual(ids);
    expect(urgencies, 'what customers wait for goes first').toEqual([false, false]);
    expect(await Promise.all(ids.map((id) => world.records.isRetryAsked(id)))).toEqual([true, true]);
    expect((await operations.listAudit({ page: 1, pageSize: 50 })).items).toEqual([
      {
        at: expect.any(String),
        action: 'retry-all',
        target: code,
        subscriptionIds: ids,
        ...RETRY,
        outcome: 'accepted',
      },
    ]);
    expect((await operations.listAudit({ page: 1, pageSize: 50, subscriptionId: ids[1]! })).total).toBe(1);
    for (const id of ids) {
      const told = (await operations.show(id))?.timeline.filter(({ kind }) => kind === 'operator');
      expect(told).toMatchObject([{ text: expect.stringContaining(code), ...RETRY }]);
      await world.settle(id);
      expect(shown(id)).toBe('DEPLOYED');
    }
    expect(await operations.listDeadLetters()).toEqual([]);
    await expect(operations.retryAll(code, RETRY)).rejects.toMatchObject({ code: 'ops.unknown-reason' });
  });

  it('is left to people where they hold it, and where no more looks can wait', async () => {
    const [held, free] = await refused();
    const [letters] = await operations.listDeadLetters();
    await operations.act('hold', held!, PRESS);
    asked.length = 0;
    room = 0;
    await expect(operations.retryAll(letters!.code, RETRY)).rejects.toMatchObject({ code: 'backlog.full' });
    room = 1;
    expect(await operations.retryAll(letters!.code, RETRY)).toEqual({ queued: 1, left: 0 });
    expect(asked).toEqual([free]);
    expect((await operations.listAudit({ page: 1, pageSize: 50 })).items).toMatchObject([
      { action: 'retry-all', outcome: 'accepted' },
      { action: 'retry-all', outcome: 'failed', code: 'backlog.full' },
      { action: 'retry-all', outcome: 'accepted' },
      { action: 'hold' },
    ]);
  });
});

describe('what stands still', () => {
  it.each<[string, string, () => void]>([
    [
      'the customer has to supply data',
      'failed',
      () => {
        world.emulators.cloudesire.putCompany(512, { address: null });
        world.emulators.cloudesire.putBuyer(1301, { address: null, homeAddress: null });
      },
    ],
    [
      'Microsoft sells fewer seats',
      'failed',
      () => world.emulators.partnerCenter.setSkuBounds('CFQ7TTC0XA11', '0001', { maximumQuantity: 3 }),
    ],
    ['Microsoft ended the order', 'failed', () => world.emulators.partnerCenter.forceOrderOutcome('error', 1_000)],
    [
      'the plan names no offer',
      'needs-attention',
      () => {
        world.emulators.cloudesire.deletePlanMetadata(2101, 'offerId');
        world.emulators.cloudesire.putPlan(2101, { externalId: null });
      },
    ],
    [
      'Microsoft does not have the offer',
      'needs-attention',
      () => void world.emulators.cloudesire.putPlanMetadata(2101, { offerId: 'CFQ7TTC0ZZZZ:0001' }),
    ],
    [
      'Microsoft refuses a call',
      'needs-attention',
      () => {
        const body = { code: 900159, description: 'No relationship.' };
        world.emulators.faults.inject({
          server: 'partner-center',
          path: '/carts',
          times: 1_000,
          kind: 'status',
          status: 403,
          body,
        });
      },
    ],
  ])('because %s has stood so since it began to, whoever looks at it again', async (_, state, breakIt) => {
    breakIt();
    const id = order();
    await world.settle(id, { looks: 10 });
    const { since, troubledSince } = (await world.records.get(id))!;
    for (let presses = 0; presses < 3; presses += 1) {
      await operations.act('look', id, PRESS);
      await world.settle(id, { looks: 2 });
      expect(await world.records.get(id)).toMatchObject({ state, since, ...(troubledSince && { troubledSince }) });
    }
  });

  it('also while the upstreams fail for a moment, and no longer once it gets further', async () => {
    const { cloudesire, partnerCenter, faults } = world.emulators;
    partnerCenter.setSkuBounds('CFQ7TTC0XA11', '0001', { maximumQuantity: 3 });
    const id = order();
    await world.settle(id);
    const { since } = (await world.records.get(id))!;
    for (const status of [503, 429]) {
      faults.inject({ server: 'partner-center', path: '/skus/', kind: 'status', status, times: 1 });
      await world.look(id);
      await world.settle(id);
      expect(await world.records.get(id)).toMatchObject({ state: 'failed', since });
    }

    cloudesire.overrideOrder(id, { licenses: 2 });
    await world.settle(id);
    expect((await world.records.get(id))!.since > since).toBe(true);
    expect(shown(id)).toBe('DEPLOYED');
  });
});

it('the limits tell each key that was used, and which upstream is out', async () => {
  await sell();
  const { budgets, circuits } = await operations.limits();
  expect(budgets.map(({ budget }) => budget)).toContain('cloudesire');
  expect(circuits).toEqual(['cloudesire', 'partner-center', 'entra', 'arm'].map((upstream) => ({ upstream })));
});

describe('the story of a subscription', () => {
  it('has the calls to the upstreams, with their identifiers, and no name, query or body', async () => {
    const id = await sell();
    const calls = (await operations.show(id))!.timeline.filter(({ kind }) => kind === 'call');
    expect(calls.length).toBeGreaterThan(10);
    expect(calls).toContainEqual({
      at: expect.any(String),
      kind: 'call',
      text: 'partner-center: POST /v1/customers/{id}/carts/{id}/checkout → 201',
      upstream: 'partner-center',
      method: 'POST',
      status: 201,
      durationMs: expect.any(Number),
      correlationId: expect.any(String),
      requestId: expect.any(String),
    });
    const text = JSON.stringify(calls);
    expect(world.emulators.secrets()).not.toEqual([]);
    for (const secret of world.emulators.secrets()) expect(text).not.toContain(secret);
  });
});

describe('the overview', () => {
  it('counts what stands how, and names the customers', async () => {
    const deployed = await sell();
    world.emulators.partnerCenter.acceptAllAttestations(false);
    const waiting = world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1302, licenses: 2, paid: true });
    await world.settle(waiting, { looks: 8 });
    await operations.act('hold', deployed, PRESS);

    expect(await operations.overview()).toMatchObject({
      states: { done: 1, waiting: 1, failed: 0 },
      agreementsPending: 1,
      backlog: 3,
      oldestWaitingS: 30,
      held: 1,
      detached: 0,
      exposures: { count: 0, byCurrency: {} },
      workers: { count: 1, lastSeenAt: '2100-01-01T00:00:00.000Z' },
      notes: ['a note'],
      readOnly: false,
    });
    const { items } = await operations.listCustomers({ page: 1, pageSize: 50 });
    expect(items).toMatchObject([
      { agreement: 'accepted', subscriptions: [deployed], customerId: expect.any(String) },
      { agreement: 'pending', subscriptions: [waiting] },
    ]);
  });
});
