import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createWorld, type World } from '../support/world.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

let world: World;

beforeAll(async () => {
  world = await createWorld();
});

beforeEach(async () => {
  await world.reset();
  world.emulators.partnerCenter.acceptAllAttestations(true);
  world.emulators.partnerCenter.setSwitches({ transitionDelayMs: 2_000 });
  world.emulators.cloudesire.putPlan(2101, { minimumDuration: 12, billingPeriod: 1 });
});

afterAll(() => world.close());

async function sell({ plan = 2101, licenses = 10, type = 'NORMAL' as 'NORMAL' | 'TRIAL' } = {}): Promise<number> {
  const id = world.emulators.cloudesire.placeOrder({ plan, buyer: 1301, licenses, paid: true, type });
  await world.settle(id);
  expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  return id;
}

/** Months pass in the marketplace with every invoice paid, and the connector looks now and then. */
async function passDays(id: number, days: number): Promise<void> {
  for (let passed = 0; passed < days; passed += 10) {
    await world.emulators.clock.advance(Math.min(10, days - passed) * DAY_MS);
    if (world.emulators.cloudesire.subscription(id).invoiceList.some(({ status }) => status === 'UNPAID'))
      world.emulators.cloudesire.pay(id);
  }
}

const shown = (id: number) => world.emulators.cloudesire.subscription(id);
const recorded = async (id: number) => (await world.records.get(id))!;

function partnerSubscription(): Record<string, unknown> {
  const all = world.emulators.partnerCenter.subscriptions().map((one) => ({ ...one }) as Record<string, unknown>);
  expect(all).toHaveLength(1);
  return all[0]!;
}

function changes(): unknown[] {
  return world.emulators.partnerCenter
    .books()
    .entries.filter(({ what, by }) => what === 'subscription changed' && by === 'partner')
    .map((entry) => entry.changes);
}

describe('seats', () => {
  it('are added at once, and once', async () => {
    const id = await sell();
    world.emulators.cloudesire.changeQuantity(id, 14, { paid: true });
    await world.settle(id);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 14, status: 'active', autoRenewEnabled: true });
    expect(changes()).toHaveLength(1);
    expect((await recorded(id)).fulfillment?.settled).toMatchObject({ seats: 14 });
  });

  it('that one subscription cannot have are not asked of Microsoft: the customer reads it, operations are told once, a possible number goes on', async () => {
    const id = await sell();
    const writes = () =>
      world.emulators.calls().filter(({ server, method }) => server === 'partner-center' && method === 'PATCH').length;
    const before = writes();
    world.emulators.cloudesire.overrideOrder(id, { licenses: 400 });
    for (let times = 0; times < 3; times += 1) await world.look(id);
    expect(writes()).toBe(before);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(shown(id).instructions?.en).toMatch(
      /stays as it is: Microsoft sells this product with 1 to 300 licences .* asked for 400\. .*\n\nYour Microsoft licences are ready/s,
    );
    expect(shown(id).instructions?.it).toMatch(/resta com'è: .* da 1 a 300 .* richieste 400\./);
    expect((await recorded(id)).state).toBe('needs-attention');
    expect(world.alerts).toEqual(['order.quantity-out-of-bounds']);

    world.emulators.cloudesire.overrideOrder(id, { licenses: 100 });
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 100 });
    expect(shown(id).instructions?.en).toMatch(/^Your Microsoft licences are ready/);
    expect((await recorded(id)).state).toBe('done');
  });

  it('wait while the term is ending at Microsoft, and operations read that in plain words', async () => {
    const id = await sell();
    const refusal = { code: 900277, description: 'The subscription is expiring', data: [], source: 'PartnerFD' };
    world.emulators.faults.inject({
      server: 'partner-center',
      method: 'PATCH',
      kind: 'status',
      status: 400,
      body: refusal,
    });
    world.emulators.cloudesire.overrideOrder(id, { licenses: 14 });
    await world.look(id);
    expect(await recorded(id)).toMatchObject({
      state: 'waiting',
      waitingFor: 'Microsoft to process the end of the term, until which nothing can be changed',
    });
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 14 });
  });

  it('are not added before they are paid', async () => {
    const id = await sell();
    world.emulators.cloudesire.changeQuantity(id, 14, { paid: false });
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 10 });
    expect(await recorded(id)).toMatchObject({ state: 'idle', waitingFor: 'payment of the additional seats' });
    world.emulators.cloudesire.pay(id);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 14 });
  });

  it('are given back at once while Microsoft takes them', async () => {
    const id = await sell();
    showSeats(id, 6);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 6 });
  });

  it('are given back at the renewal when the window has closed, and the customer is told when', async () => {
    const id = await sell();
    await passDays(id, 30);
    showSeats(id, 6);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({
      quantity: 10,
      scheduledActions: [{ scheduleType: 'TermEnd', actionType: 'RenewToNewTerm', instructions: { quantity: 6 } }],
    });
    expect(shown(id).instructions?.en).toMatch(/go on with 6 licences from its next renewal, after \d+ \w+ 20\d\d/);
    expect(shown(id).instructions?.it).toMatch(
      /proseguirà con 6 licenze dal prossimo rinnovo, dopo (il |l')\d+º? \w+ 20\d\d/,
    );

    await passDays(id, 350);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 6, status: 'active' });
    expect((await recorded(id)).state).toBe('done');
    expect((await recorded(id)).fulfillment).toMatchObject({ seats: 6 });
    expect((await recorded(id)).fulfillment).not.toHaveProperty('scheduled');
    expect(shown(id).instructions?.en).toMatch(/has been renewed.*now has 6 licences/);
  });

  it('that are to be given back at the renewal are put on order again when Microsoft drops that', async () => {
    const id = await sell();
    await passDays(id, 30);
    showSeats(id, 6);
    await world.settle(id);
    // Any change within the term drops what was scheduled, whoever makes it.
    const partnerId = (await recorded(id)).fulfillment?.partnerSubscriptionId ?? '';
    world.emulators.partnerCenter.changeQuantityByHand(partnerId, 11);
    expect(partnerSubscription().scheduledActions ?? []).toEqual([]);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ scheduledActions: [{ instructions: { quantity: 6 } }] });
  });

  it('raised again before the renewal replace what was on order', async () => {
    const id = await sell();
    await passDays(id, 30);
    showSeats(id, 6);
    await world.settle(id);
    showSeats(id, 8);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({
      quantity: 10,
      scheduledActions: [{ instructions: { quantity: 8 } }],
    });
    showSeats(id, 10);
    await world.settle(id);
    expect(partnerSubscription().scheduledActions ?? []).toEqual([]);
    showSeats(id, 12);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 12 });
  });

  it('that become fewer while Microsoft has the renewal in its queue are given back as soon as it is through, not a year later', async () => {
    const { clock, partnerCenter } = world.emulators;
    const id = await sell();
    partnerCenter.setSwitches({ renewalQueueMs: 20 * HOUR_MS });
    const endsAt = Date.parse(String(partnerSubscription().commitmentEndDate)) + DAY_MS;
    await world.pass(endsAt + 9 * HOUR_MS - clock.now());
    world.emulators.cloudesire.overrideStatus(id, 'DEPLOYED');
    showSeats(id, 6);
    await world.look(id);
    expect((await recorded(id)).step).toMatch(/schedule fewer seats/);
    await world.pass(12 * HOUR_MS);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 6, autoRenewEnabled: true });
    expect((await recorded(id)).fulfillment).not.toHaveProperty('scheduled');
    expect((await recorded(id)).state).toBe('done');
  });

  it('that are not to be given back any more are announced no more', async () => {
    const id = await sell();
    await passDays(id, 30);
    for (const [seats, reads] of [
      [6, /will go on with 6 licences/],
      [1, /will go on with one licence from/],
      [10, /^Your Microsoft licences are ready and/],
      [6, /will go on with 6 licences/],
      [12, /^Your Microsoft licences are ready and/],
    ] as const) {
      showSeats(id, seats);
      await world.settle(id);
      expect(shown(id).instructions?.en).toMatch(reads);
    }
  });

  it.each([2.5, 0, 1_000_000])('%d of them are refused, and operations are told', async (seats) => {
    const id = await sell();
    showSeats(id, seats);
    await world.look(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 10 });
    expect((await recorded(id)).state).toBe('needs-attention');
    expect((await recorded(id)).lastError?.code).toBe('order.quantity-invalid');
  });

  /** The marketplace shows another number of seats, as after a change whose invoice is settled. */
  function showSeats(id: number, seats: number): void {
    world.emulators.cloudesire.overrideOrder(id, { licenses: seats });
  }
});

describe('non-payment', () => {
  it('suspends the licence and payment brings it back with its renewal', async () => {
    const id = await sell();
    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ status: 'suspended', autoRenewEnabled: false });
    expect(await recorded(id)).toMatchObject({ fulfillment: { suspended: { autoRenewEnabled: true } } });

    world.emulators.cloudesire.resume(id);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ status: 'active', autoRenewEnabled: true });
    expect((await recorded(id)).fulfillment).not.toHaveProperty('suspended');
    expect((await recorded(id)).state).toBe('done');
  });

  it('that comes again while the service is just given back takes it away again, and the renewal is remembered all the same', async () => {
    const id = await sell();
    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    world.emulators.partnerCenter.setSwitches({ patchDelayMs: 300 });
    world.emulators.cloudesire.resume(id);
    while (partnerSubscription().status !== 'active') {
      await world.look(id);
      await world.pass(100);
    }
    expect(partnerSubscription()).toMatchObject({ autoRenewEnabled: false });

    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ status: 'suspended' });
    expect(await recorded(id)).toMatchObject({ fulfillment: { suspended: { autoRenewEnabled: true } } });
    world.emulators.cloudesire.resume(id);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ status: 'active', autoRenewEnabled: true });
  });

  it('that comes while the licence is bought anew does not leave it in service, and payment brings it back', async () => {
    const id = await sell();
    world.emulators.partnerCenter.cancelByHand((await recorded(id)).fulfillment?.partnerSubscriptionId ?? '');
    await world.look(id);
    await world.records.askRetry(id);
    while (!(await recorded(id)).fulfillment?.formerOrderIds || !(await recorded(id)).fulfillment?.orderId) {
      await world.look(id);
      await world.pass(100);
    }
    world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
    await world.settle(id);
    const living = () =>
      world.emulators.partnerCenter
        .subscriptions()
        .map((one) => (one as { status?: string }).status)
        .filter((status) => status !== 'deleted');
    expect(living()).toEqual(['suspended']);

    world.emulators.cloudesire.overrideStatus(id, 'PENDING');
    await world.settle(id);
    expect(living()).toEqual(['active']);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { settled: { seats: 10 } } });
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(2);
  });

  it.each(['PAYMENT_EXPIRED', 'REJECTED'] as const)(
    'that closes the order (%s) suspends the licence, also when that is cut short, and tells a person',
    async (status) => {
      const id = await sell();
      const fault = {
        server: 'partner-center',
        method: 'PATCH',
        path: '/subscriptions/',
        kind: 'status',
        status: 503,
      } as const;
      world.emulators.faults.inject({ ...fault, times: 2 });
      world.emulators.cloudesire.overrideStatus(id, status);
      await world.settle(id, { looks: 20 });
      expect(partnerSubscription()).toMatchObject({ status: 'suspended' });
      expect(world.alerts).toEqual(['subscription.closed-but-provisioned']);
    },
  );

  describe('that comes while it is unclear whether the licence was bought anew', () => {
    const placed = () => world.emulators.partnerCenter.books().orders.length;
    const checkouts = () => world.emulators.calls().filter(({ path }) => path.endsWith('/checkout')).length;
    const statuses = () =>
      world.emulators.partnerCenter.subscriptions().map((one) => (one as { status?: string }).status);

    /** Ended by hand, bought anew on the word of a person, and the answer to that is lost. */
    async function unclear(kind: 'reset-before' | 'reset-after' | 'status'): Promise<number> {
      const id = await sell();
      world.emulators.partnerCenter.cancelByHand((await recorded(id)).fulfillment?.partnerSubscriptionId ?? '');
      await world.look(id);
      await world.records.askRetry(id);
      const before = checkouts();
      world.emulators.faults.inject({
        server: 'partner-center',
        method: 'POST',
        path: '/checkout$',
        kind,
        status: 429,
      });
      while (checkouts() === before) {
        await world.look(id);
        await world.pass(100);
      }
      const { checkoutAt, orderId } = (await recorded(id)).fulfillment ?? {};
      // What was refused is not on its way.
      expect({ isSent: checkoutAt !== undefined, orderId }).toEqual({ isSent: kind !== 'status', orderId: undefined });
      world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
      return id;
    }

    it('suspends what was bought, and payment brings it back', async () => {
      const id = await unclear('reset-after');
      await world.settle(id);
      expect(statuses()).toEqual(['deleted', 'suspended']);

      world.emulators.cloudesire.overrideStatus(id, 'PENDING');
      await world.settle(id);
      expect(statuses()).toEqual(['deleted', 'active']);
      expect(shown(id).deploymentStatus).toBe('DEPLOYED');
      expect(placed()).toBe(2);
    });

    it('buys nothing that was not bought, and payment buys it once', async () => {
      const id = await unclear('reset-before');
      const sent = checkouts();
      while ((await recorded(id)).state !== 'idle') await world.look(id);
      expect({ placed: placed(), sent: checkouts() }).toEqual({ placed: 1, sent });
      expect((await recorded(id)).waitingFor).toMatch(/the customer to pay/);
      expect((await recorded(id)).fulfillment).not.toHaveProperty('checkoutAt');

      world.emulators.cloudesire.overrideStatus(id, 'PENDING');
      await world.settle(id);
      expect(statuses()).toEqual(['deleted', 'active']);
      expect(placed()).toBe(2);
    });

    it('leaves a checkout that was refused alone until payment, without looking on and on', async () => {
      const id = await unclear('status');
      await world.settle(id, { looks: 5 });
      expect(await recorded(id)).toMatchObject({ state: 'idle' });
      expect((await recorded(id)).waitingFor).toMatch(/the customer to pay/);

      world.emulators.cloudesire.overrideStatus(id, 'PENDING');
      await world.settle(id);
      expect(statuses()).toEqual(['deleted', 'active']);
      expect(placed()).toBe(2);
    });

    it('and paid at once goes on with what was sent', async () => {
      const id = await unclear('reset-before');
      await world.look(id);
      world.emulators.cloudesire.overrideStatus(id, 'PENDING');
      await world.settle(id);
      expect(statuses()).toEqual(['deleted', 'active']);
      expect(placed()).toBe(2);
    });
  });

  it('that comes before the delivery is on record finds the delivery done, and suspends the licence', async () => {
    const { cloudesire, faults } = world.emulators;
    const id = cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    faults.inject({ server: 'cloudesire', method: 'PATCH', path: `/subscription/${id}`, kind: 'reset-after' });
    while (cloudesire.subscription(id).deploymentStatus === 'PENDING') {
      await world.look(id);
      await world.pass(100);
    }
    expect((await recorded(id)).fulfillment).not.toHaveProperty('deployedAt');

    cloudesire.stop(id);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ status: 'suspended' });
    expect(cloudesire.subscription(id).deploymentStatus).toBe('STOPPED');
    cloudesire.resume(id);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ status: 'active' });
    expect((await recorded(id)).state).toBe('done');
  });

  it('resumed by way of PENDING is reported as deployed', async () => {
    world.emulators.cloudesire.setSwitches({ resumeTo: 'PENDING' });
    const id = await sell();
    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    world.emulators.cloudesire.resume(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(partnerSubscription()).toMatchObject({ status: 'active' });
  });

  it('does not lose seats that are to be given back at the renewal', async () => {
    const id = await sell();
    await passDays(id, 30);
    world.emulators.cloudesire.overrideOrder(id, { licenses: 6 });
    await world.settle(id);
    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    world.emulators.cloudesire.resume(id);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({
      status: 'active',
      autoRenewEnabled: true,
      scheduledActions: [{ instructions: { quantity: 6 } }],
    });
  });

  it('that ends in termination ends a suspended licence', async () => {
    const id = await sell();
    await passDays(id, 30);
    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect((await recorded(id)).fulfillment).toMatchObject({ exposure: { seats: 10 } });
  });
});

describe('a change of status that Microsoft has accepted, and makes later', () => {
  // A minute may pass before it is made again, however slow the machine.
  beforeEach(() => world.restart({ POLL_EVERY_MS: '1000' }));
  afterAll(() => world.restart());

  it('does not outlast the payment that came before the suspension', async () => {
    const id = await sell();
    slowDown();
    world.emulators.cloudesire.stop(id);
    await world.look(id);
    expect((await recorded(id)).waitingFor).toMatch(/suspend/);
    expect(partnerSubscription()).toMatchObject({ status: 'active' });

    world.emulators.cloudesire.resume(id);
    await world.settle(id);
    await madeByNow();
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ status: 'active', autoRenewEnabled: true });
    expect((await recorded(id)).state).toBe('done');
    expect(world.alerts).toEqual([]);
  });

  it('gives nothing back to who owes again before the reactivation', async () => {
    const id = await suspendedAndPaid();
    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    await madeByNow();
    expect(partnerSubscription()).toMatchObject({ status: 'suspended' });
    expect((await recorded(id)).fulfillment?.suspended).toMatchObject({ autoRenewEnabled: true });
  });

  it('lets nothing go on after its term for who terminates before the reactivation', async () => {
    const id = await suspendedAndPaid();
    // The emulator would refuse everything until it is made; Microsoft may look at the window first.
    const body = { code: 900117, description: 'The cancellation window has closed.' };
    world.emulators.faults.inject({ server: 'partner-center', method: 'PATCH', kind: 'replace', status: 400, body });
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    await madeByNow();
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(partnerSubscription()).toMatchObject({
      autoRenewEnabled: false,
      scheduledActions: [{ actionType: 'Cancel' }],
    });
  });

  /** The window for cancellations has closed, and Microsoft is at the reactivation. */
  async function suspendedAndPaid(): Promise<number> {
    const id = await sell();
    await passDays(id, 30);
    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    slowDown();
    world.emulators.cloudesire.resume(id);
    await world.look(id);
    expect((await recorded(id)).waitingFor).toMatch(/reactivate/);
    expect(partnerSubscription()).toMatchObject({ status: 'suspended' });
    return id;
  }

  function slowDown(): void {
    world.emulators.partnerCenter.setSwitches({ patchDelayMs: 3_000 });
  }

  function madeByNow(): Promise<void> {
    return world.pass(60_000);
  }
});

describe('renewal', () => {
  it('of a month within a yearly term changes nothing at Microsoft', async () => {
    const id = await sell();
    for (let month = 0; month < 3; month += 1) {
      await passDays(id, 30);
      await world.settle(id);
    }
    expect(changes()).toEqual([]);
    expect((await recorded(id)).state).toBe('done');
  });

  it('switches the renewal at Microsoft on when somebody had switched it off', async () => {
    const id = await sell();
    world.emulators.partnerCenter.setAutoRenewByHand(
      (await recorded(id)).fulfillment?.partnerSubscriptionId ?? '',
      false,
    );
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ autoRenewEnabled: true });
  });

  it('in the marketplace is recorded with its new end', async () => {
    const id = await sell();
    const before = (await recorded(id)).fulfillment?.settled?.endDate ?? '';
    await passDays(id, 340);
    world.emulators.cloudesire.renew(id, { paid: true });
    await world.settle(id);
    expect(Date.parse((await recorded(id)).fulfillment?.settled?.endDate ?? '')).toBeGreaterThan(Date.parse(before));
    expect(partnerSubscription()).toMatchObject({ status: 'active', autoRenewEnabled: true });
  });
});

describe('a termination at the very end of the term', () => {
  it('that cannot be carried out before midnight cancels what has renewed meanwhile', async () => {
    const id = await sell();
    await passUntilEnd(-HOUR_MS);
    world.emulators.faults.inject({ server: 'partner-center', method: 'PATCH', kind: 'status', status: 503, skip: 1 });
    world.emulators.cloudesire.terminate(id);
    await world.look(id);
    expect(await recorded(id)).toMatchObject({ state: 'retrying', step: expect.stringMatching(/term run out/) });

    await world.pass(2 * HOUR_MS);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(partnerSubscription()).toMatchObject({ status: 'deleted' });
    expect((await recorded(id)).fulfillment).not.toHaveProperty('exposure');
  });

  it('while Microsoft has the renewal in its queue cancels what is renewed', async () => {
    const id = await sell();
    world.emulators.partnerCenter.setSwitches({ renewalQueueMs: 20 * HOUR_MS });
    await passUntilEnd(9 * HOUR_MS);
    world.emulators.cloudesire.terminate(id);
    await world.settle(id, { atLeastMs: HOUR_MS });
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect(partnerSubscription()).toMatchObject({ status: 'deleted' });
  });

  /** Up to so long after the midnight at which the last day of the term is over. */
  async function passUntilEnd(afterMs: number): Promise<void> {
    const endsAt = Date.parse(String(partnerSubscription().commitmentEndDate)) + DAY_MS;
    await world.pass(endsAt + afterMs - world.emulators.clock.now());
  }
});

describe('another plan', () => {
  it('is reached at once where Microsoft offers the way, without a second order', async () => {
    world.emulators.cloudesire.putPlan(2102, { minimumDuration: 12, billingPeriod: 1 });
    const id = await sell();
    world.emulators.cloudesire.changePlan(id, 2102, { paid: true });
    await world.settle(id);
    expect(String(partnerSubscription().offerId)).toMatch(/^CFQ7TTC0XC33:0001:/);
    expect((await recorded(id)).fulfillment).toMatchObject({ offerId: 'CFQ7TTC0XC33:0001', settled: { planId: 2102 } });
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(1);
  });

  it('is not taken before it is paid', async () => {
    world.emulators.cloudesire.putPlan(2102, { minimumDuration: 12, billingPeriod: 1 });
    const id = await sell();
    world.emulators.cloudesire.changePlan(id, 2102, { paid: false });
    await world.settle(id);
    expect(String(partnerSubscription().offerId)).toMatch(/^CFQ7TTC0XA11:0001:/);
    expect((await recorded(id)).waitingFor).toBe('payment of the change of plan');
  });

  it('to which Microsoft offers no way is told to operations, and nothing is bought', async () => {
    world.emulators.cloudesire.putPlan(2102, { minimumDuration: 12, billingPeriod: 1 });
    const id = await sell({ plan: 2102 });
    world.emulators.cloudesire.overrideOrder(id, { plan: 2101 });
    await world.look(id);
    expect((await recorded(id)).lastError?.code).toBe('plan.change-not-possible');
    expect(String(partnerSubscription().offerId)).toMatch(/^CFQ7TTC0XC33:0001:/);
  });
});

describe('several changes for the next term', () => {
  const nextTerm = { quantity: 10, product: { termDuration: 'P1M', billingCycle: 'monthly' } };
  const onOrder = (instructions: object) => ({ scheduledActions: [{ actionType: 'RenewToNewTerm', instructions }] });

  /** A yearly licence, past its window, for which the customer chooses a monthly term of the same offer. */
  async function sellAndOrderMonthly(): Promise<number> {
    world.emulators.cloudesire.putPlan(2121, { minimumDuration: 1, billingPeriod: 1 }, 2101);
    const id = await sell();
    await passDays(id, 30);
    await choose(id, { plan: 2121 });
    expect(partnerSubscription()).toMatchObject({ termDuration: 'P1Y', ...onOrder(nextTerm) });
    return id;
  }

  async function choose(id: number, order: { plan?: number; licenses?: number }): Promise<void> {
    world.emulators.cloudesire.overrideOrder(id, order);
    await world.settle(id);
  }

  it('another plan that is taken back does not come about, and the announcement is withdrawn', async () => {
    const id = await sellAndOrderMonthly();
    await choose(id, { plan: 2101 });
    expect(partnerSubscription().scheduledActions ?? []).toEqual([]);
    expect(shown(id).instructions).toEqual({
      en: expect.stringContaining('licences'),
      it: expect.stringContaining('licenze'),
    });
    expect(shown(id).instructions?.en).not.toMatch(/next renewal/);
    expect(shown(id).instructions?.it).not.toMatch(/prossimo rinnovo/);
    await passDays(id, 345);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ termDuration: 'P1Y', status: 'active' });
  });

  it('another plan that is taken back leaves the fewer seats announced that are on order as well', async () => {
    world.emulators.cloudesire.putPlan(2121, { minimumDuration: 1, billingPeriod: 1 }, 2101);
    const id = await sell();
    await passDays(id, 30);
    await choose(id, { licenses: 6 });
    await choose(id, { plan: 2121 });
    expect(shown(id).instructions?.en).toMatch(/go on with the new plan and 6 licences from its next renewal/);
    expect(shown(id).instructions?.it).toMatch(/proseguirà con il nuovo piano e 6 licenze dal prossimo rinnovo/);
    await choose(id, { plan: 2101 });
    expect(shown(id).instructions?.en).toMatch(/will go on with 6 licences from its next renewal/);
  });

  it('another plan survives suspension', async () => {
    const id = await sellAndOrderMonthly();
    world.emulators.cloudesire.stop(id);
    await world.settle(id);
    world.emulators.cloudesire.resume(id);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ status: 'active', termDuration: 'P1Y', ...onOrder(nextTerm) });
    expect(shown(id).instructions?.en).toContain('licences');
    expect(shown(id).instructions?.en).not.toMatch(/has been renewed/);
  });

  it('another plan survives more seats, and fewer', async () => {
    const id = await sellAndOrderMonthly();
    await choose(id, { licenses: 14 });
    expect(partnerSubscription()).toMatchObject({ quantity: 14, ...onOrder({ ...nextTerm, quantity: 14 }) });
    await passDays(id, 20);
    await choose(id, { licenses: 6 });
    expect(partnerSubscription()).toMatchObject({ quantity: 14, ...onOrder({ ...nextTerm, quantity: 6 }) });
    expect((await recorded(id)).state).toBe('done');
  });

  it('another plan is ordered also where fewer seats are on order', async () => {
    world.emulators.cloudesire.putPlan(2121, { minimumDuration: 1, billingPeriod: 1 }, 2101);
    const id = await sell();
    await passDays(id, 30);
    await choose(id, { licenses: 6 });
    await choose(id, { plan: 2121 });
    expect(partnerSubscription()).toMatchObject({ quantity: 10, ...onOrder({ ...nextTerm, quantity: 6 }) });
  });

  it('once the new term has begun, later changes keep to it', async () => {
    const id = await sellAndOrderMonthly();
    await passDays(id, 345);
    await world.settle(id);
    expect((await recorded(id)).fulfillment).toMatchObject({ term: 'P1M' });
    await passDays(id, 10);
    await choose(id, { licenses: 6 });
    expect(partnerSubscription()).toMatchObject({ termDuration: 'P1M', ...onOrder({ ...nextTerm, quantity: 6 }) });
  });
});

describe('a trial', () => {
  it('is ordered at once, without payment, for the seats that Microsoft fixes', async () => {
    const id = await sell({ type: 'TRIAL' });
    expect(partnerSubscription()).toMatchObject({ isTrial: true, quantity: 25, status: 'active' });
    expect((await recorded(id)).fulfillment?.settled).toMatchObject({ trial: true });
  });

  it('whose conversion was dropped at Microsoft gets it back, and nobody pays for seats that were not sold', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.convertTrial(id, { paid: true });
    world.emulators.cloudesire.overrideOrder(id, { licenses: 4 });
    await world.settle(id);
    const { partnerSubscriptionId = '' } = (await recorded(id)).fulfillment ?? {};
    world.emulators.partnerCenter.changeQuantityByHand(partnerSubscriptionId, 25);
    await world.settle(id, { looks: 20 });
    expect((await recorded(id)).state).toBe('done');
    await world.emulators.clock.advance(32 * DAY_MS);
    expect(partnerSubscription()).toMatchObject({ isTrial: false, quantity: 4, billedSeats: 4 });
  });

  it('whose continuation cannot be bought does not continue as something else', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.putPlanMetadata(2101, { offerId: 'CFQ7TTC0ZZZZ:0001' });
    world.emulators.cloudesire.convertTrial(id, { paid: true });
    world.emulators.cloudesire.overrideOrder(id, { licenses: 4 });
    await world.settle(id, { looks: 5 });
    expect(await recorded(id)).toMatchObject({
      state: 'needs-attention',
      lastError: {
        code: 'offer.not-found',
        message: expect.stringMatching(/correct offerId in the metadata of plan 2101/),
      },
    });
    await world.emulators.clock.advance(32 * DAY_MS);
    expect(partnerSubscription()).toMatchObject({ billedSeats: 0 });
    world.emulators.cloudesire.putPlanMetadata(2101, { offerId: 'CFQ7TTC0XA11:0001' });
  });

  it('whose number of seats is changed before it continues, continues with that number', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.convertTrial(id, { paid: true });
    world.emulators.cloudesire.overrideOrder(id, { licenses: 4 });
    await world.settle(id);
    world.emulators.cloudesire.overrideOrder(id, { licenses: 6 });
    await world.settle(id);
    expect((await recorded(id)).state).toBe('done');
    await world.emulators.clock.advance(32 * DAY_MS);
    expect(partnerSubscription()).toMatchObject({ isTrial: false, quantity: 6 });
  });

  it('whose seats become fewer too late for what follows it gives them back then', async () => {
    const { clock, cloudesire, faults } = world.emulators;
    const id = await sell({ type: 'TRIAL' });
    await clock.advance(20 * DAY_MS);
    cloudesire.convertTrial(id, { paid: true });
    cloudesire.overrideOrder(id, { licenses: 10 });
    await world.settle(id);
    const endsAt = Date.parse(String(partnerSubscription().commitmentEndDate)) + DAY_MS;
    await world.pass(endsAt - HOUR_MS - clock.now());
    cloudesire.overrideOrder(id, { licenses: 4 });
    faults.inject({ server: 'partner-center', method: 'PATCH', kind: 'status', status: 503 });
    for (let looks = 0; looks < 10 && (await recorded(id)).state !== 'retrying'; looks += 1) await world.look(id);
    await world.pass(2 * HOUR_MS);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ isTrial: false, quantity: 4, autoRenewEnabled: true });
    expect((await recorded(id)).state).toBe('done');
  });

  it('whose renewal somebody switches on runs out all the same', async () => {
    const id = await sell({ type: 'TRIAL' });
    const { partnerSubscriptionId = '' } = (await recorded(id)).fulfillment ?? {};
    world.emulators.partnerCenter.setAutoRenewByHand(partnerSubscriptionId, true);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ autoRenewEnabled: false });
  });

  it('whose continuation is refused after it has ended is told to operations, for the customer was told that all is well', async () => {
    const id = await sell({ type: 'TRIAL' });
    await world.emulators.clock.advance(28 * DAY_MS);
    world.emulators.cloudesire.convertTrial(id, { paid: false });
    await world.emulators.clock.advance(3 * DAY_MS);
    world.emulators.cloudesire.pay(id);
    world.emulators.cloudesire.overrideOrder(id, { licenses: 90_000 });
    await world.settle(id, { looks: 5 });
    expect(await recorded(id)).toMatchObject({ state: 'needs-attention' });
    expect(world.alerts).toEqual(['order.quantity-out-of-bounds']);
  });

  it('that is converted but never paid does not become a paid year at Microsoft', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.convertTrial(id, { paid: false });
    await world.settle(id);
    await world.emulators.clock.advance(33 * DAY_MS);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ isTrial: true, billedSeats: 0 });
    expect(partnerSubscription().status).not.toBe('active');
    expect(world.alerts).toEqual([]);
  });

  it('that is paid only after it has ended at Microsoft is followed by the paid licence in the same tenant', async () => {
    const id = await sell({ type: 'TRIAL' });
    await world.emulators.clock.advance(28 * DAY_MS);
    world.emulators.cloudesire.convertTrial(id, { paid: false });
    await world.emulators.clock.advance(3 * DAY_MS);
    world.emulators.cloudesire.pay(id);
    await world.settle(id);
    const { subscriptions, books } = world.emulators.partnerCenter;
    expect(subscriptions().map((one) => ({ ...one }) as Record<string, unknown>)).toMatchObject([
      { isTrial: true },
      { isTrial: false, status: 'active', quantity: 10, autoRenewEnabled: true },
    ]);
    expect(books().customers).toHaveLength(1);
    expect((await recorded(id)).state).toBe('done');
  });

  it('becomes the paid licence in the same tenant, at once with as many seats', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.convertTrial(id, { paid: true });
    world.emulators.cloudesire.overrideOrder(id, { licenses: 30 });
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({
      isTrial: false,
      quantity: 30,
      status: 'active',
      autoRenewEnabled: true,
    });
    expect(world.emulators.partnerCenter.books().customers).toHaveLength(1);
  });

  it('becomes the paid licence at its end, with fewer seats, so that nobody pays for seats that were not sold', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.convertTrial(id, { paid: true });
    world.emulators.cloudesire.overrideOrder(id, { licenses: 4 });
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ isTrial: true });
    expect(shown(id).instructions?.en).toMatch(
      /Your trial goes on until its end on \d+ \w+ 20\d\d\. .* with 4 licences;/,
    );
    expect(shown(id).instructions?.it).toMatch(/fino alla sua scadenza, (il |l')\d+º? \w+ 20\d\d\. .* con 4 licenze;/);
    await world.emulators.clock.advance(32 * DAY_MS);
    expect(partnerSubscription()).toMatchObject({ isTrial: false, quantity: 4 });
    await world.settle(id);
    expect(shown(id).instructions?.en).toMatch(
      /Your trial is over and your subscription goes on: it now has 4 licences/,
    );
  });

  it('is not converted before it is paid', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.convertTrial(id, { paid: false });
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ isTrial: true });
    expect((await recorded(id)).waitingFor).toBe('payment of the subscription that follows the trial');
  });

  it('that is terminated ends with its term and becomes nothing paid', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.terminate(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    await world.emulators.clock.advance(40 * DAY_MS);
    expect(partnerSubscription().status).not.toBe('active');
  });

  it('is not suspended, since Microsoft does not allow that', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ status: 'active' });
    expect((await recorded(id)).fulfillment?.suspended).toMatchObject({ skipped: true });
  });

  it('that is to be followed by a paid licence is not, while the marketplace has suspended it, and is again once paid for', async () => {
    const { cloudesire, clock } = world.emulators;
    const id = await sell({ type: 'TRIAL' });
    await clock.advance(20 * DAY_MS);
    cloudesire.convertTrial(id, { paid: true });
    cloudesire.overrideOrder(id, { licenses: 4 });
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ isTrial: true, autoRenewEnabled: true });

    cloudesire.overrideStatus(id, 'STOPPED');
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ isTrial: true, autoRenewEnabled: false });
    cloudesire.overrideStatus(id, 'DEPLOYED');
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({
      isTrial: true,
      autoRenewEnabled: true,
      scheduledActions: [{ instructions: { quantity: 4 } }],
    });

    cloudesire.overrideStatus(id, 'STOPPED');
    await world.settle(id);
    await world.pass(15 * DAY_MS);
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ isTrial: true, billedSeats: 0 });
    expect(partnerSubscription().status).not.toBe('active');
    expect(world.alerts).toEqual([]);
  });

  it('whose renewal somebody switches on while the marketplace has suspended it runs out all the same', async () => {
    const id = await sell({ type: 'TRIAL' });
    world.emulators.cloudesire.overrideStatus(id, 'STOPPED');
    await world.settle(id);
    world.emulators.partnerCenter.setAutoRenewByHand(String(partnerSubscription().id), true);
    // Polls of the connector count real time, of which a hundred looks may leave too little.
    await world.settle(id, { looks: 1_000 });
    expect(partnerSubscription()).toMatchObject({ isTrial: true, autoRenewEnabled: false });
    expect(await recorded(id)).toMatchObject({ state: 'idle', waitingFor: expect.stringMatching(/pay/) });
  });

  it('that has become a paid licence while it was suspended, unseen, is suspended then', async () => {
    const { cloudesire, clock, faults } = world.emulators;
    const id = await sell({ type: 'TRIAL' });
    await clock.advance(20 * DAY_MS);
    cloudesire.convertTrial(id, { paid: true });
    cloudesire.overrideOrder(id, { licenses: 4 });
    await world.settle(id);
    cloudesire.overrideStatus(id, 'STOPPED');
    faults.inject({ server: 'partner-center', method: 'PATCH', kind: 'status', status: 503, times: 3 });
    for (let looks = 0; looks < 20 && (await recorded(id)).state !== 'retrying'; looks += 1) await world.look(id);
    faults.clear();
    await world.pass(15 * DAY_MS);
    expect(partnerSubscription()).toMatchObject({ isTrial: false, status: 'active' });
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ isTrial: false, status: 'suspended' });
    cloudesire.overrideStatus(id, 'DEPLOYED');
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ status: 'active', autoRenewEnabled: true, quantity: 4 });
    expect((await recorded(id)).state).toBe('done');
  });
});

describe('what others do at Microsoft', () => {
  it('a suspension by Microsoft is told to operations and left alone', async () => {
    const id = await sell();
    world.emulators.partnerCenter.suspendByMicrosoft(
      (await recorded(id)).fulfillment?.partnerSubscriptionId ?? '',
      'fraud',
    );
    await world.look(id);
    expect(await recorded(id)).toMatchObject({
      state: 'needs-attention',
      lastError: { code: 'partner-subscription.suspended' },
    });
    expect(partnerSubscription()).toMatchObject({ status: 'suspended' });
  });

  it('a cancellation by hand is told, and bought anew only on the word of operations', async () => {
    const id = await sell();
    world.emulators.partnerCenter.cancelByHand((await recorded(id)).fulfillment?.partnerSubscriptionId ?? '');
    await world.look(id);
    expect((await recorded(id)).lastError?.code).toBe('partner-subscription.ended');
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(1);

    await world.records.askRetry(id);
    await world.settle(id);
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(2);
    const active = world.emulators.partnerCenter
      .subscriptions()
      .filter((one) => (one as { status?: string }).status === 'active');
    expect(active).toHaveLength(1);
    expect((await recorded(id)).state).toBe('done');
  });

  it('a cancellation by hand of which nobody was told yet is not bought anew by a retry of another matter', async () => {
    const id = await sell();
    world.emulators.cloudesire.overrideOrder(id, { licenses: 400 });
    await world.look(id);
    expect((await recorded(id)).lastError?.code).toBe('order.quantity-out-of-bounds');
    world.emulators.cloudesire.overrideOrder(id, { licenses: 10 });
    world.emulators.partnerCenter.cancelByHand((await recorded(id)).fulfillment?.partnerSubscriptionId ?? '');

    await world.records.askRetry(id);
    await world.settle(id, { looks: 5 });
    expect((await recorded(id)).lastError).toMatchObject({ code: 'partner-subscription.ended', cure: 'retry' });
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(1);

    await world.records.askRetry(id);
    await world.settle(id);
    expect((await recorded(id)).state).toBe('done');
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(2);
  });

  /** Bought, and not handed over yet. */
  async function buy() {
    const id = world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    const path = '/subscriptions/[0-9a-f-]+$';
    world.emulators.faults.inject({ server: 'partner-center', method: 'GET', path, kind: 'status', status: 503 });
    while ((await world.records.get(id))?.state !== 'retrying') await world.settle(id, { looks: 1 });
    const { partnerSubscriptionId = '', orderId = '' } = (await recorded(id)).fulfillment ?? {};
    return { id, partnerSubscriptionId, orderId };
  }

  it('a move by hand before it was handed over is followed, and nothing is bought anew', async () => {
    world.emulators.partnerCenter.setSwitches({ fullTransition: 'new-id' });
    const { id, partnerSubscriptionId } = await buy();
    world.emulators.partnerCenter.moveByHand(partnerSubscriptionId, 'CFQ7TTC0XC33:0001');
    await world.pass(60_000);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    const followed = (await recorded(id)).fulfillment?.partnerSubscriptionId;
    expect([partnerSubscriptionId, followed]).toEqual([expect.stringMatching(/^\S+$/), expect.stringMatching(/^\S+$/)]);
    expect(followed).not.toBe(partnerSubscriptionId);
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(1);
  });

  it('a cancellation by hand before it was handed over is told, and bought anew only on the word of operations', async () => {
    const { id, partnerSubscriptionId, orderId } = await buy();
    world.emulators.partnerCenter.cancelByHand(partnerSubscriptionId);
    await world.records.askRetry(id);
    await world.settle(id, { looks: 4 });
    expect((await recorded(id)).lastError).toMatchObject({ code: 'partner-subscription.not-active', cure: 'retry' });
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(1);

    await world.records.askRetry(id);
    await world.settle(id);
    expect(shown(id).deploymentStatus).toBe('DEPLOYED');
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(2);
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { formerOrderIds: [orderId], seats: 10 } });
    expect(world.alerts).toEqual(['partner-subscription.not-active']);
  });

  it('what keeps it from being bought anew is told until that is cured, and nothing else', async () => {
    const id = await sell();
    world.emulators.partnerCenter.cancelByHand((await recorded(id)).fulfillment?.partnerSubscriptionId ?? '');
    await world.look(id);
    expect((await recorded(id)).lastError).toMatchObject({ code: 'partner-subscription.ended', cure: 'retry' });
    world.emulators.cloudesire.deletePlanMetadata(2101, 'offerId');
    world.emulators.cloudesire.putPlan(2101, { externalId: null });

    await world.records.askRetry(id);
    for (let looks = 0; looks < 4; looks += 1) {
      await world.look(id);
      expect((await recorded(id)).lastError?.code).toBe('plan.not-configured');
      expect((await recorded(id)).lastError?.cure).toBeUndefined();
    }
    expect(world.alerts).toEqual(['partner-subscription.ended', 'plan.not-configured']);
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(1);

    world.emulators.cloudesire.putPlanMetadata(2101, { offerId: 'CFQ7TTC0XA11:0001' });
    await world.settle(id);
    expect((await recorded(id)).state).toBe('done');
    expect(world.emulators.partnerCenter.books().orders).toHaveLength(2);
  });

  it('a change that never shows is told, and made again by retry', async () => {
    const id = await sell();
    const { partnerSubscriptionId = '' } = (await recorded(id)).fulfillment ?? {};
    world.emulators.partnerCenter.setSwitches({ patchDelayMs: 1_000 });
    world.emulators.cloudesire.changeQuantity(id, 14, { paid: true });
    await vi.waitFor(
      async () => {
        await world.look(id);
        await world.pass(2_000);
        world.emulators.partnerCenter.changeQuantityByHand(partnerSubscriptionId, 10);
        expect((await recorded(id)).state).toBe('needs-attention');
      },
      { timeout: 60_000, interval: 1 },
    );
    expect((await recorded(id)).lastError).toMatchObject({ code: 'partner-subscription.unchanged', cure: 'retry' });

    world.emulators.partnerCenter.setSwitches({ patchDelayMs: 0 });
    await world.look(id);
    expect((await recorded(id)).lastError?.code).toBe('partner-subscription.unchanged');
    await world.records.askRetry(id);
    await world.settle(id);
    expect((await recorded(id)).state).toBe('done');
    expect(partnerSubscription()).toMatchObject({ quantity: 14 });
  });

  it('a change that somebody takes back again and again is made ever more slowly, and told once', async () => {
    const id = await sell();
    const { partnerSubscriptionId = '' } = (await recorded(id)).fulfillment ?? {};
    const pauses: number[] = [];
    for (let looks = 0; looks < 40; looks += 1) {
      world.emulators.partnerCenter.setAutoRenewByHand(partnerSubscriptionId, false);
      // Until the change is made and shows; then it is taken back before the next look.
      let outcome = await world.look(id);
      while ((await recorded(id)).state === 'waiting') {
        await world.pass(500);
        outcome = await world.look(id);
      }
      if ('againInMs' in outcome) pauses.push(outcome.againInMs);
    }
    expect(pauses[0]).toBe(0);
    expect(pauses.at(-1)).toBeGreaterThan(100);
    expect(world.alerts).toEqual(['operation.in-vain']);
  });

  it('what is not shown any more is told within days, and shown again it is in order', async () => {
    const id = await sell();
    world.emulators.faults.watch(({ server, method, path }) =>
      server === 'partner-center' && method === 'GET' && /\/subscriptions\/[0-9a-f-]+$/.test(path)
        ? {
            kind: 'status',
            status: 404,
            body: { code: 20003, description: 'not found', data: [], source: 'PartnerFD' },
          }
        : undefined,
    );
    onTestFinished(() => world.emulators.faults.watch(() => undefined));
    await world.look(id);
    expect((await recorded(id)).state).toBe('done');
    vi.useFakeTimers({ now: Date.now() + DAY_MS, toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    await world.look(id);
    expect((await recorded(id)).lastError?.code).toBe('partner-subscription.unseen');
    expect(world.alerts).toEqual(['partner-subscription.unseen']);

    world.emulators.faults.watch(() => undefined);
    await world.settle(id);
    expect((await recorded(id)).state).toBe('done');
  });

  it('what is not shown when the customer terminates is ended on the word of operations, once they were told', async () => {
    const id = await sell();
    world.emulators.faults.watch(({ server, path }) =>
      server === 'partner-center' && /\/subscriptions\/[0-9a-f-]+/.test(path)
        ? { kind: 'status', status: 404, body: { code: 20003, description: 'x', data: [], source: 'PartnerFD' } }
        : undefined,
    );
    onTestFinished(() => world.emulators.faults.watch(() => undefined));
    world.emulators.cloudesire.overrideStatus(id, 'UNDEPLOY_SENT');
    await world.records.askRetry(id);
    await world.settle(id, { looks: 3 });
    expect(await recorded(id)).toMatchObject({ lastError: { code: 'partner-subscription.gone' } });
    await world.records.askRetry(id);
    await world.settle(id, { looks: 3 });
    expect(shown(id).deploymentStatus).toBe('UNDEPLOYED');
    expect((await recorded(id)).fulfillment).not.toHaveProperty('exposure');
    expect(world.alerts).toEqual(['partner-subscription.gone']);
  });

  it('seats taken away by hand are restored, for the customer has paid for them', async () => {
    const id = await sell();
    world.emulators.partnerCenter.changeQuantityByHand(
      (await recorded(id)).fulfillment?.partnerSubscriptionId ?? '',
      7,
    );
    await world.settle(id);
    expect(partnerSubscription()).toMatchObject({ quantity: 10 });
  });
});
