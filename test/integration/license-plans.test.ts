import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createInterventions } from '../../src/store/interventions.ts';
import { createWorld, type World } from '../support/world.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const BASIC = 'CFQ7TTC0XA11:0001';
const PREMIUM = 'CFQ7TTC0XC33:0001';
/** Plans: basic and premium for a year, basic for a month, basic for a year paid at once. */
const PLAN = { basic: 2101, premium: 2102, basicMonthly: 2121, basicPaidYearly: 2131 };

let world: World;

beforeAll(async () => {
  world = await createWorld();
});

beforeEach(async () => {
  await world.reset();
  const { partnerCenter, cloudesire } = world.emulators;
  partnerCenter.acceptAllAttestations(true);
  partnerCenter.setSwitches({ transitionDelayMs: 2_000, scheduledDowngrades: true });
  cloudesire.putPlan(PLAN.basic, { minimumDuration: 12, billingPeriod: 1 });
  cloudesire.putPlan(PLAN.premium, { minimumDuration: 12, billingPeriod: 1 });
  cloudesire.putPlan(PLAN.basicMonthly, { minimumDuration: 1, billingPeriod: 1 }, PLAN.basic);
  cloudesire.putPlan(PLAN.basicPaidYearly, { minimumDuration: 12, billingPeriod: 12 }, PLAN.basic);
});

afterAll(() => world.close());

interface Shown {
  id: string;
  status: string;
  offerId: string;
  quantity: number;
  isTrial?: boolean;
  termDuration?: string;
  autoRenewEnabled?: boolean;
  friendlyName?: string;
  scheduledActions?: { instructions?: { quantity?: number; product?: Record<string, string> } }[];
}

const recorded = async (id: number) => (await world.records.get(id))!;
const books = () => world.emulators.partnerCenter.books();
const shownAll = () => world.emulators.partnerCenter.subscriptions() as unknown as Shown[];

/** The partner subscription that the record names. */
async function licence(id: number): Promise<Shown> {
  const { partnerSubscriptionId } = (await recorded(id)).fulfillment ?? {};
  return shownAll().find((one) => one.id === partnerSubscriptionId)!;
}

async function sell(order: { plan?: number; licenses?: number; type?: 'TRIAL' } = {}): Promise<number> {
  const { plan = PLAN.basic, licenses = 10, type = 'NORMAL' } = order;
  const id = world.emulators.cloudesire.placeOrder({ plan, buyer: 1301, licenses, paid: true, type });
  await world.settle(id);
  expect((await recorded(id)).state).toBe('done');
  return id;
}

/** The marketplace shows something else, as after a change whose invoice is settled. */
function show(id: number, order: { plan?: number; licenses?: number }): void {
  world.emulators.cloudesire.overrideOrder(id, order);
}

/** Looks until Microsoft has been asked for a move, which is then under way. */
async function moveBegins(id: number): Promise<void> {
  await world.look(id);
  expect(moves()).toHaveLength(1);
  expect((await recorded(id)).waitingFor).toMatch(/^Microsoft to move/);
}

/** Moves that Microsoft was asked for, refused ones included. */
function moves(): unknown[] {
  return world.emulators.calls().filter(({ method, path }) => method === 'POST' && /\/transitions$/.test(path));
}

const nextTermOf = ({ scheduledActions = [] }: Shown) => scheduledActions[0]?.instructions;
const inject = (fault: Omit<Parameters<World['emulators']['faults']['inject']>[0], 'server'>) =>
  world.emulators.faults.inject({ server: 'partner-center', ...fault });
const switches = (values: Parameters<World['emulators']['partnerCenter']['setSwitches']>[0]) =>
  world.emulators.partnerCenter.setSwitches(values);

describe('a change of plan that Microsoft carries out', () => {
  it('and that is withdrawn meanwhile, is known to have come about, and is taken back with the renewal', async () => {
    const id = await sell();
    show(id, { plan: PLAN.premium });
    await moveBegins(id);
    show(id, { plan: PLAN.basic });
    await world.settle(id);
    const shown = await licence(id);
    expect(shown.offerId).toMatch(PREMIUM);
    expect(nextTermOf(shown)?.product).toMatchObject({ productId: 'CFQ7TTC0XA11', skuId: '0001' });
    expect((await recorded(id)).fulfillment).toMatchObject({
      offerId: PREMIUM,
      scheduled: { offerId: BASIC },
      settled: { planId: PLAN.basic },
    });
    expect(world.emulators.cloudesire.subscription(id).instructions?.en).toMatch(/next renewal/);
  });

  it('and that is withdrawn and sold again meanwhile, is not asked for twice', async () => {
    const id = await sell();
    show(id, { plan: PLAN.premium });
    await moveBegins(id);
    show(id, { plan: PLAN.basic });
    await world.look(id);
    show(id, { plan: PLAN.premium });
    await world.settle(id);
    expect(moves()).toHaveLength(1);
    expect(await licence(id)).toMatchObject({ offerId: expect.stringMatching(PREMIUM) });
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { settled: { planId: PLAN.premium } } });
  });

  it('while the customer does not pay, is followed to its end, then suspended and brought back, and is not asked for twice', async () => {
    const id = await sell();
    show(id, { plan: PLAN.premium });
    await moveBegins(id);
    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    expect(await licence(id)).toMatchObject({ status: 'suspended', offerId: expect.stringMatching(PREMIUM) });
    world.emulators.cloudesire.resume(id);
    await world.settle(id);
    expect(await licence(id)).toMatchObject({ status: 'active', autoRenewEnabled: true });
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { settled: { planId: PLAN.premium } } });
    expect(moves()).toHaveLength(1);
  });

  it('while the customer terminates, is followed to its end, and nothing renews', async () => {
    switches({ fullTransition: 'new-id' });
    const id = await sell();
    await world.pass(30 * DAY_MS);
    show(id, { plan: PLAN.premium });
    await moveBegins(id);
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(world.emulators.cloudesire.subscription(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(shownAll().filter(({ status, autoRenewEnabled }) => status === 'active' && autoRenewEnabled)).toEqual([]);
  });

  it('and takes its time holds up a termination for an hour, then operations are told, and their retry asks for the end all the same', async () => {
    switches({ transitionDelayMs: DAY_MS });
    const id = await sell();
    show(id, { plan: PLAN.premium });
    await moveBegins(id);
    world.emulators.cloudesire.terminate(id);
    await vi.waitUntil(async () => {
      await world.look(id);
      return (await recorded(id)).state === 'needs-attention';
    });
    expect(await recorded(id)).toMatchObject({
      state: 'needs-attention',
      lastError: { code: 'transition.holds-up-end', message: expect.stringContaining('cancelled until 20') },
    });
    expect(world.alerts).toEqual(['transition.holds-up-end']);
    await world.records.askRetry(id);
    await world.look(id);
    await world.look(id);
    expect(await recorded(id)).toMatchObject({ operation: 'deprovision', step: 'ask to cancel' });
    await world.pass(DAY_MS);
    await world.settle(id);
    expect(world.emulators.cloudesire.subscription(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(shownAll().filter(({ status, autoRenewEnabled }) => status === 'active' && autoRenewEnabled)).toEqual([]);
  });

  it('in another partner subscription is followed there, and nothing is bought', async () => {
    switches({ fullTransition: 'new-id' });
    const id = await sell();
    const before = (await licence(id)).id;
    show(id, { plan: PLAN.premium });
    await world.settle(id);
    const now = await licence(id);
    expect(now.id).not.toBe(before);
    expect(now).toMatchObject({ status: 'active', friendlyName: `Cloudesire ${id}`, quantity: 10 });
    expect(now.offerId).toMatch(PREMIUM);
    expect(books().orders).toHaveLength(1);
    expect((await recorded(id)).state).toBe('done');
  });

  it('is found when the answer to asking for it is lost, also after it was withdrawn', async () => {
    const id = await sell();
    show(id, { plan: PLAN.premium });
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '/transitions$',
      kind: 'reset-after',
    });
    await world.look(id);
    show(id, { plan: PLAN.basic });
    await world.settle(id);
    expect(moves()).toHaveLength(1);
    expect((await recorded(id)).fulfillment).toMatchObject({ offerId: PREMIUM, scheduled: { offerId: BASIC } });
  });

  it('is not asked for when it is withdrawn just before', async () => {
    const id = await sell();
    show(id, { plan: PLAN.premium });
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'GET',
      path: '/transitions$',
      kind: 'status',
      status: 503,
    });
    await world.look(id);
    show(id, { plan: PLAN.basic });
    await world.settle(id);
    expect(moves()).toEqual([]);
    expect(await recorded(id)).toMatchObject({ state: 'done' });
  });

  describe.each([
    { what: 'is answered with an error', fault: { kind: 'status', status: 503 } },
    { what: 'is cut off', fault: { kind: 'reset-before' } },
  ] as const)('and whose asking $what', ({ fault }) => {
    async function sellAndFailToAsk(): Promise<number> {
      // However slow the machine, the move may still turn up in the history at the next look.
      world.restart({ POLL_EVERY_MS: '60000' });
      onTestFinished(() => world.restart());
      const id = await sell();
      // Too late for a cancellation: whatever it is moved to now is charged to its end.
      await world.pass(30 * DAY_MS);
      show(id, { plan: PLAN.premium });
      inject({ method: 'POST', path: '/transitions$', ...fault });
      await world.look(id);
      expect(moves()).toHaveLength(1);
      return id;
    }

    /** Goes on until a move that is missing in the history surely was not begun. */
    async function settleLater(id: number): Promise<void> {
      expect(await recorded(id)).toMatchObject({
        state: 'waiting',
        waitingFor: expect.stringMatching(/^Microsoft to show whether it moves .* no longer wanted$/),
      });
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * HOUR_MS });
      onTestFinished(() => void vi.useRealTimers());
      await world.settle(id);
    }

    it('is asked for again while it is wanted', async () => {
      const id = await sellAndFailToAsk();
      await world.settle(id);
      expect(moves()).toHaveLength(2);
      expect((await licence(id)).offerId).toMatch(PREMIUM);
      expect((await recorded(id)).state).toBe('done');
    });

    it('is not asked for again once the customer has terminated', async () => {
      const id = await sellAndFailToAsk();
      world.emulators.cloudesire.terminate(id);
      await world.look(id);
      await settleLater(id);
      expect(moves()).toHaveLength(1);
      expect(world.emulators.cloudesire.subscription(id).deploymentStatus).toBe('UNDEPLOYED');
      expect((await licence(id)).offerId).toMatch(BASIC);
      expect(shownAll().filter(({ autoRenewEnabled }) => autoRenewEnabled)).toEqual([]);
    });

    it('is not asked for again once it was withdrawn', async () => {
      const id = await sellAndFailToAsk();
      show(id, { plan: PLAN.basic });
      await world.look(id);
      await settleLater(id);
      expect(moves()).toHaveLength(1);
      expect((await licence(id)).offerId).toMatch(BASIC);
      expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { settled: { planId: PLAN.basic } } });
    });
  });

  it('does not keep the customer from terminating when it stands as begun although nothing was sent', async () => {
    const id = await sell();
    show(id, { plan: PLAN.premium });
    inject({ method: 'GET', path: '/transitions$', kind: 'status', status: 503, skip: 1 });
    await world.look(id);
    expect(moves()).toEqual([]);
    const { fulfillment, ...record } = await recorded(id);
    // What an earlier release left behind when it was killed in between.
    const left = { ...record, fulfillment: { ...fulfillment, moving: {} } };
    await world.redis.set(world.keys.record(id), JSON.stringify(left));
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(world.emulators.cloudesire.subscription(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(moves()).toEqual([]);
  });

  it('and of which the record was lost is not asked for twice', async () => {
    const id = await sell();
    show(id, { plan: PLAN.premium });
    await moveBegins(id);
    await world.forget();
    await world.settle(id);
    expect(moves()).toHaveLength(1);
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { offerId: PREMIUM } });
    expect(books().orders).toHaveLength(1);
  });
});

describe('a change of plan whose ids Microsoft spells in upper case', () => {
  const answer = (path: string, body: object) =>
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'GET',
      path,
      kind: 'status',
      status: 200,
      body,
      times: 100,
    });

  it('is recognised in the history, and told when Microsoft gives up on it', async () => {
    switches({ transitionDelayMs: DAY_MS });
    const id = await sell();
    show(id, { plan: PLAN.premium });
    await moveBegins(id);
    while (!(await recorded(id)).fulfillment?.moving?.operationId) await world.look(id);
    const operationId = (await recorded(id)).fulfillment?.moving?.operationId?.toUpperCase();
    const failed = { name: 'Conversion', status: 'failed', errors: [{ code: '800108', description: 'x' }] };
    answer('/transitions', { totalCount: 1, items: [{ operationId, events: [failed] }] });
    await world.settle(id, { looks: 6 });
    expect(await recorded(id)).toMatchObject({ state: 'needs-attention', lastError: { code: 'transition.failed' } });
  });

  it('stays in its order', async () => {
    const id = await sell();
    show(id, { plan: PLAN.premium });
    await moveBegins(id);
    await world.pass(60_000);
    const { partnerSubscriptionId, orderId = '' } = (await recorded(id)).fulfillment ?? {};
    const shown = { ...(await licence(id)), orderId: orderId.toUpperCase() };
    expect(shown.orderId).not.toBe(orderId);
    answer(`/subscriptions/${partnerSubscriptionId}$`, shown);
    await world.settle(id, { looks: 6 });
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { offerId: PREMIUM } });
    expect((await recorded(id)).fulfillment).not.toHaveProperty('formerOrderIds');
  });
});

describe('a change of plan that Microsoft gives up on', () => {
  async function sellAndFail(): Promise<number> {
    switches({ transitionOutcome: 'fail' });
    const id = await sell();
    show(id, { plan: PLAN.premium });
    await world.settle(id, { looks: 6 });
    expect(await recorded(id)).toMatchObject({
      state: 'needs-attention',
      lastError: { code: 'transition.failed' },
    });
    return id;
  }

  it('is told once, and not asked for again by itself', async () => {
    const id = await sellAndFail();
    await world.settle(id, { looks: 6 });
    expect(moves()).toHaveLength(1);
    expect(world.alerts).toEqual(['transition.failed']);
  });

  it('is asked for anew on the word of operations', async () => {
    const id = await sellAndFail();
    switches({ transitionOutcome: 'complete' });
    await world.records.askRetry(id);
    await world.settle(id);
    expect(moves()).toHaveLength(2);
    expect((await licence(id)).offerId).toMatch(PREMIUM);
    expect((await recorded(id)).state).toBe('done');
  });

  it('is asked for anew by what the plan says then, where that was corrected', async () => {
    const id = await sellAndFail();
    world.emulators.cloudesire.putPlanMetadata(PLAN.premium, { offerId: BASIC });
    switches({ transitionOutcome: 'complete' });
    await world.records.askRetry(id);
    await world.settle(id);
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { offerId: BASIC } });
    expect(moves()).toHaveLength(1);
  });

  it('and fails again after that is told again', async () => {
    const id = await sellAndFail();
    await world.records.askRetry(id);
    await world.settle(id, { looks: 6 });
    expect(moves()).toHaveLength(2);
    expect(await recorded(id)).toMatchObject({ lastError: { code: 'transition.failed' } });
    await world.settle(id, { looks: 3 });
    expect(moves()).toHaveLength(2);
  });

  it('is seen when a person makes it by hand', async () => {
    const id = await sellAndFail();
    world.emulators.partnerCenter.changeItemByHand((await licence(id)).id, { offer: PREMIUM });
    await world.settle(id);
    expect(moves()).toHaveLength(1);
    expect(await recorded(id)).toMatchObject({
      state: 'done',
      fulfillment: { offerId: PREMIUM, settled: { planId: PLAN.premium } },
    });
  });

  it('does not hold up seats that were paid', async () => {
    const id = await sellAndFail();
    show(id, { licenses: 14 });
    await world.settle(id, { looks: 12 });
    expect(await licence(id)).toMatchObject({ quantity: 14 });
    expect(await recorded(id)).toMatchObject({ lastError: { code: 'transition.failed' } });
  });

  it('is not asked for again because something else was done meanwhile, but still on the word of operations', async () => {
    const id = await sellAndFail();
    show(id, { licenses: 14 });
    await world.settle(id, { looks: 12 });
    world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
    await world.settle(id, { looks: 12 });
    expect(await licence(id)).toMatchObject({ status: 'suspended', quantity: 14 });
    world.emulators.cloudesire.overrideStatus(id, 'DEPLOYED');
    await world.settle(id, { looks: 12 });
    expect(await licence(id)).toMatchObject({ status: 'active', quantity: 14 });
    expect(moves()).toHaveLength(1);
    expect(await recorded(id)).toMatchObject({
      state: 'needs-attention',
      lastError: { code: 'transition.failed', cure: 'retry' },
    });

    switches({ transitionOutcome: 'complete' });
    await world.records.askRetry(id);
    await world.settle(id);
    expect(moves()).toHaveLength(2);
    expect((await licence(id)).offerId).toMatch(PREMIUM);
    expect(await recorded(id)).toMatchObject({
      state: 'done',
      fulfillment: { settled: { planId: PLAN.premium, seats: 14 } },
    });
    expect(await recorded(id)).not.toHaveProperty('aside');
  });

  it('is not asked for again where Microsoft failed just before something else was done', async () => {
    const id = await sellAndFail();
    inject({ method: 'GET', path: '/subscriptions/', kind: 'status', status: 503 });
    await world.look(id);
    expect((await recorded(id)).heldUpBy).toMatch(/^the next try, since Partner Center failed \(503\)/);
    world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
    await world.settle(id, { looks: 12 });
    world.emulators.cloudesire.overrideStatus(id, 'DEPLOYED');
    await world.settle(id, { looks: 12 });
    expect(moves()).toHaveLength(1);
    expect(await recorded(id)).toMatchObject({ lastError: { code: 'transition.failed' } });
  });

  it.each(['held', 'detached'] as const)('is not asked for again after operations had it %s', async (kind) => {
    const id = await sellAndFail();
    const interventions = createInterventions(world.redis, world.keys);
    const at = new Date(world.emulators.clock.now()).toISOString();
    await interventions.set(id, { kind, by: 'Ada', reason: 'a dispute', at });
    await world.look(id);
    world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
    await world.look(id);
    await interventions.lift(id);
    await world.settle(id, { looks: 12 });
    world.emulators.cloudesire.overrideStatus(id, 'DEPLOYED');
    await world.settle(id, { looks: 12 });
    expect(moves()).toHaveLength(1);
    expect(await recorded(id)).toMatchObject({ lastError: { code: 'transition.failed' } });
  });

  it('is not asked for again where the seats needed a person meanwhile, too', async () => {
    const id = await sellAndFail();
    show(id, { licenses: 1_000_000 });
    await world.settle(id, { looks: 6 });
    expect(await recorded(id)).toMatchObject({ state: 'needs-attention', operation: 'change-seats' });
    show(id, { licenses: 15 });
    await world.settle(id, { looks: 12 });
    expect(await licence(id)).toMatchObject({ quantity: 15 });
    expect(moves()).toHaveLength(1);
    expect(await recorded(id)).toMatchObject({ lastError: { code: 'transition.failed' } });
  });

  it('or to which it offers no way holds up no seats either', async () => {
    switches({ scheduledDowngrades: false });
    const id = await sell({ plan: PLAN.premium });
    show(id, { plan: PLAN.basic });
    await world.settle(id, { looks: 3 });
    expect((await recorded(id)).state).toBe('needs-attention');
    show(id, { licenses: 14 });
    await world.settle(id, { looks: 8 });
    expect(await licence(id)).toMatchObject({ quantity: 14 });
    expect((await recorded(id)).state).toBe('needs-attention');
  });
});

describe('a plan that says something wrong', () => {
  const correct = (offerId: string) => world.emulators.cloudesire.putPlanMetadata(PLAN.premium, { offerId });

  it.each([
    { wrong: 'an offer that Microsoft does not have', offerId: 'CFQ7TTC0ZZZZ:0001' },
    { wrong: 'an offer to which there is no way', offerId: 'CFQ7TTC0XB22:0001' },
  ])('to which a customer changes ($wrong), is read again once it is corrected', async ({ offerId }) => {
    const id = await sell();
    correct(offerId);
    show(id, { plan: PLAN.premium });
    await world.settle(id, { looks: 3 });
    expect(await recorded(id)).toMatchObject({ state: 'needs-attention', operation: 'change-plan' });
    correct(PREMIUM);
    await world.settle(id);
    expect(await licence(id)).toMatchObject({ offerId: expect.stringMatching(PREMIUM) });
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { offerId: PREMIUM } });
    expect(moves()).toHaveLength(1);
  });

  it('is read again once it is corrected also where Microsoft refused it at once', async () => {
    const id = await sell();
    const body = { code: 900269, description: 'x', data: [], source: 'PartnerFD' };
    inject({ method: 'POST', path: '/transitions$', kind: 'status', status: 400, body });
    const none = { totalCount: 0, items: [] };
    const path = 'transitioneligibilities.*scheduled';
    inject({ method: 'GET', path, kind: 'status', status: 200, body: none, times: 100 });
    show(id, { plan: PLAN.premium });
    await world.settle(id, { looks: 3 });
    expect((await recorded(id)).lastError?.code).toBe('plan.change-not-possible');
    correct(BASIC);
    await world.settle(id, { looks: 4 });
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { offerId: BASIC } });
    expect(nextTermOf(await licence(id))).toBeUndefined();
    expect(moves()).toHaveLength(1);
  });

  it('is read again once it is corrected also where Microsoft demanded the agreement meanwhile', async () => {
    const id = await sell();
    const customerId = (await recorded(id)).fulfillment?.customerId ?? '';
    world.emulators.partnerCenter.acceptAllAttestations(false);
    world.emulators.partnerCenter.requireReacceptance(customerId);
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '/transitions$',
      kind: 'status',
      status: 403,
      body: { code: 13605, description: 'No Microsoft Customer Agreement was found', data: [], source: 'PartnerFD' },
    });
    show(id, { plan: PLAN.premium });
    await world.settle(id, { looks: 4 });
    expect((await recorded(id)).waitingFor).toMatch(/accept the Microsoft Customer Agreement/);
    correct('CFQ7TTC0ZZZZ:0001');
    world.emulators.partnerCenter.acceptAllAttestations(true);
    for (let looks = 0; looks < 100 && (await recorded(id)).state !== 'needs-attention'; looks += 1)
      await world.settle(id, { looks: 1 });
    expect((await recorded(id)).state).toBe('needs-attention');
    correct(PREMIUM);
    await world.settle(id);
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { offerId: PREMIUM } });
  });

  it('and that a trial becomes is read again once it is corrected', async () => {
    const id = await sell({ type: 'TRIAL' });
    correct('CFQ7TTC0ZZZZ:0001');
    world.emulators.cloudesire.convertTrial(id, { paid: true });
    show(id, { plan: PLAN.premium, licenses: 25 });
    await world.settle(id, { looks: 3 });
    expect(await recorded(id)).toMatchObject({ state: 'needs-attention' });
    correct(PREMIUM);
    await world.settle(id);
    expect(await licence(id)).toMatchObject({ isTrial: false, quantity: 25, offerId: expect.stringMatching(PREMIUM) });
    expect((await recorded(id)).fulfillment?.settled).toMatchObject({ planId: PLAN.premium, trial: false });
  });
});

describe('another item at Microsoft than was sold', () => {
  it('is put right at once where Microsoft offers the way', async () => {
    const id = await sell({ plan: PLAN.premium });
    world.emulators.partnerCenter.changeItemByHand((await licence(id)).id, { offer: BASIC });
    await world.settle(id);
    expect((await licence(id)).offerId).toMatch(PREMIUM);
    expect((await recorded(id)).state).toBe('done');
  });

  it('is put right with the renewal where it cannot be at once', async () => {
    const id = await sell();
    world.emulators.partnerCenter.changeItemByHand((await licence(id)).id, { billingCycle: 'annual' });
    await world.settle(id);
    expect(nextTermOf(await licence(id))).toMatchObject({ quantity: 10, product: { billingCycle: 'monthly' } });
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { billingCycle: 'annual' } });
    await world.settle(id);
    expect(moves()).toEqual([]);
  });

  it('is told to operations where Microsoft offers no way back', async () => {
    switches({ scheduledDowngrades: false });
    const id = await sell();
    world.emulators.partnerCenter.changeItemByHand((await licence(id)).id, { offer: PREMIUM });
    await world.settle(id, { looks: 5 });
    expect(await recorded(id)).toMatchObject({
      state: 'needs-attention',
      lastError: { code: 'plan.change-not-possible' },
    });
    expect(world.alerts).toEqual(['plan.change-not-possible']);
  });

  it('on order for the next term is dropped', async () => {
    const id = await sell({ plan: PLAN.premium });
    show(id, { plan: PLAN.basicMonthly });
    show(id, { plan: PLAN.premium });
    await world.settle(id);
    expect(nextTermOf(await licence(id))).toBeUndefined();
  });
});

describe('a change of plan that Microsoft makes only at the renewal', () => {
  beforeEach(() => switches({ sameSkuEligible: true }));

  it.each([
    ['a shorter term', PLAN.basicMonthly, { termDuration: 'P1M' }],
    ['another billing frequency', PLAN.basicPaidYearly, { billingCycle: 'annual' }],
  ])('%s is ordered for that, and not asked for at once', async (_what, plan, product) => {
    const id = await sell();
    show(id, { plan });
    await world.settle(id);
    await world.settle(id);
    expect(moves()).toEqual([]);
    expect(nextTermOf(await licence(id))?.product).toMatchObject(product);
    expect((await recorded(id)).state).toBe('done');
  });

  it('a longer term is had at once, and once', async () => {
    const id = await sell({ plan: PLAN.basicMonthly });
    show(id, { plan: PLAN.basic });
    await world.settle(id);
    expect(moves()).toHaveLength(1);
    expect(await licence(id)).toMatchObject({ termDuration: 'P1Y' });
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { term: 'P1Y' } });
  });

  it('and refuses at once is ordered for the renewal, and refused once', async () => {
    const id = await sell({ plan: PLAN.basicMonthly });
    show(id, { plan: PLAN.basic });
    const body = { code: 900269, description: 'Not for this billing cycle.' };
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'POST',
      path: '/transitions$',
      kind: 'status',
      status: 400,
      body,
    });
    await world.settle(id);
    await world.settle(id);
    expect(moves()).toHaveLength(1);
    expect(nextTermOf(await licence(id))?.product).toMatchObject({ termDuration: 'P1Y' });
    expect((await recorded(id)).state).toBe('done');
  });
});

describe('a trial that becomes paid', () => {
  it.each(['new-id', 'new-id-former-ends-first'] as const)(
    'in another partner subscription (%s) is followed there, and nothing is bought',
    async (fullTransition) => {
      switches({ fullTransition });
      const id = await sell({ type: 'TRIAL' });
      const before = (await licence(id)).id;
      world.emulators.cloudesire.convertTrial(id, { paid: true });
      show(id, { licenses: 25 });
      await world.settle(id);
      const now = await licence(id);
      expect(now.id).not.toBe(before);
      expect(now).toMatchObject({ isTrial: false, status: 'active', quantity: 25, autoRenewEnabled: true });
      expect(books().orders).toHaveLength(1);
      expect(books().carts).toHaveLength(1);
      expect((await recorded(id)).state).toBe('done');
    },
  );

  it.each(['new-id', 'new-id-former-ends-first'] as const)(
    'in another partner subscription (%s) is followed there, and nothing is bought, although the record was lost',
    async (fullTransition) => {
      switches({ fullTransition });
      const id = await sell({ type: 'TRIAL' });
      world.emulators.cloudesire.convertTrial(id, { paid: true });
      show(id, { licenses: 25 });
      await moveBegins(id);
      await world.forget();
      await world.settle(id);
      expect(await licence(id)).toMatchObject({ isTrial: false, status: 'active', quantity: 25 });
      expect(books().orders).toHaveLength(1);
      expect(moves()).toHaveLength(1);
      expect((await recorded(id)).state).toBe('done');
    },
  );

  it('shows where it goes before it is there', async () => {
    switches({ fullTransition: 'new-id', transitionTargetInReply: false });
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.convertTrial(id, { paid: true });
    show(id, { licenses: 25 });
    await moveBegins(id);
    await world.look(id);
    expect((await recorded(id)).fulfillment?.moving?.toSubscriptionId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('for a term that cannot begin at once becomes it at its end', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.convertTrial(id, { paid: true });
    show(id, { plan: PLAN.basicMonthly, licenses: 25 });
    await world.settle(id);
    expect(moves()).toEqual([]);
    expect(nextTermOf(await licence(id))).toMatchObject({ quantity: 25, product: { termDuration: 'P1M' } });
    await world.emulators.clock.advance(32 * DAY_MS);
    await world.settle(id);
    expect(await licence(id)).toMatchObject({ isTrial: false, termDuration: 'P1M', quantity: 25 });
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { term: 'P1M', trial: false } });
  });

  it('that was moved to another plan before it could be converted becomes what is sold now', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.putPlanMetadata(PLAN.basic, { offerId: 'CFQ7TTC0ZZZZ:0001' });
    world.emulators.cloudesire.convertTrial(id, { paid: true });
    show(id, { licenses: 25 });
    await world.settle(id, { looks: 3 });
    world.emulators.cloudesire.putPlanMetadata(PLAN.basic, { offerId: BASIC });
    show(id, { plan: PLAN.premium });
    await world.settle(id);
    expect(await licence(id)).toMatchObject({ isTrial: false, quantity: 25, offerId: expect.stringMatching(PREMIUM) });
    expect((await recorded(id)).fulfillment?.settled).toMatchObject({ planId: PLAN.premium });
  });
});

describe('what has ended because somebody moved it into another partner subscription', () => {
  async function moveByHand(id: number): Promise<void> {
    switches({ fullTransition: 'new-id' });
    world.emulators.partnerCenter.moveByHand((await licence(id)).id, PREMIUM);
    await world.pass(2_000);
  }

  it('is followed there, and what it is goes back to what is sold', async () => {
    const id = await sell();
    await moveByHand(id);
    await world.settle(id);
    const now = await licence(id);
    expect(now).toMatchObject({ status: 'active', offerId: expect.stringMatching(PREMIUM) });
    expect(nextTermOf(now)?.product).toMatchObject({ productId: 'CFQ7TTC0XA11' });
    expect((await recorded(id)).state).toBe('done');
    expect(world.alerts).toEqual([]);
  });

  it('is followed there when the customer terminates before anybody saw that, and does not renew', async () => {
    const id = await sell();
    await moveByHand(id);
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(world.emulators.cloudesire.subscription(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(shownAll().filter(({ status, autoRenewEnabled }) => status === 'active' && autoRenewEnabled)).toEqual([]);
  });

  it('and is not bought anew by retry', async () => {
    const id = await sell();
    await moveByHand(id);
    await world.records.askRetry(id);
    await world.settle(id);
    expect(books().orders).toHaveLength(1);
  });
});

describe('what ended while it was suspended', () => {
  it.each(['DEPLOYED', 'PENDING'] as const)(
    'and is paid (%s) is told, and bought anew on the word of operations',
    async (resumeTo) => {
      world.emulators.cloudesire.setSwitches({ resumeTo });
      const id = await sell();
      world.emulators.cloudesire.stop(id);
      await world.settle(id);
      world.emulators.partnerCenter.cancelByHand((await licence(id)).id);
      world.emulators.cloudesire.resume(id);
      await world.settle(id, { looks: 3 });
      expect(await recorded(id)).toMatchObject({ lastError: { code: 'partner-subscription.ended' } });
      expect(books().orders).toHaveLength(1);

      await world.records.askRetry(id);
      await world.settle(id);
      expect(books().orders).toHaveLength(2);
      expect(await licence(id)).toMatchObject({ status: 'active', quantity: 10 });
      expect((await recorded(id)).state).toBe('done');
      expect((await recorded(id)).fulfillment).not.toHaveProperty('suspended');
      expect(world.emulators.cloudesire.subscription(id).deploymentStatus).toBe('DEPLOYED');
    },
  );
});
