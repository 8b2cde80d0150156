import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { composeOperations } from '../../src/compose-operations.ts';
import { createWorld, type World } from '../support/world.ts';

/* What operations press, and what they read, against the connector's own workflows and a real Redis. */

const PRESS = { by: 'Ada', reason: 'a dispute with the customer' };

let world: World;
let operations: ReturnType<typeof composeOperations>;
const asked: number[] = [];

beforeAll(async () => {
  world = await createWorld();
  operations = composeOperations({
    redis: world.redis,
    config: world.config,
    producer: {
      async requestLook(id) {
        asked.push(id);
        return 'queued';
      },
      backlog: async () => 3,
      oldestWaitingSince: async () => Date.now() - 90_000,
    },
    notes: async () => ['a note'],
  });
});

beforeEach(async () => {
  await world.reset();
  asked.length = 0;
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

  it('does not fit: nothing is done, and no line is written', async () => {
    const id = await sell();
    await expect(operations.act('release', id, PRESS)).rejects.toMatchObject({ code: 'ops.not-held' });
    await expect(operations.act('attach', id, PRESS)).rejects.toMatchObject({ code: 'ops.not-detached' });
    await expect(operations.act('retry', 99_999, PRESS)).rejects.toMatchObject({ code: 'ops.unknown-subscription' });
    await operations.act('hold', id, PRESS);
    await expect(operations.act('hold', id, PRESS)).rejects.toMatchObject({ code: 'ops.held' });
    await expect(operations.act('look', id, PRESS)).rejects.toMatchObject({ code: 'ops.held' });
    expect((await operations.listAudit({ page: 1, pageSize: 50 })).total).toBe(1);
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
      oldestWaitingS: 90,
      held: 1,
      detached: 0,
      exposures: { count: 0, byCurrency: {} },
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
