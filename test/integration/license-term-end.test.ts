import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWorld, type World } from '../support/world.ts';

const DAY_MS = 86_400_000;

let world: World;

// Each test begins today: what Microsoft allows is compared with the connector's own clock.
beforeEach(async () => {
  world = await createWorld();
  world.emulators.partnerCenter.acceptAllAttestations(true);
  for (const plan of [2101, 2102]) world.emulators.cloudesire.putPlan(plan, { minimumDuration: 12, billingPeriod: 1 });
});

afterEach(() => world.close());

function buy(order: { plan?: number; end?: string; type?: 'TRIAL' } = {}): number {
  const { plan = 2101, end, type } = order;
  const parameters = end === undefined ? {} : { TERM_END_DATE: end };
  return world.emulators.cloudesire.placeOrder({
    plan,
    buyer: 1301,
    licenses: 10,
    paid: true,
    parameters,
    ...(type && { type }),
  });
}

/** A licence in service, and the last day of its term. */
async function sell(order: Parameters<typeof buy>[0] = {}): Promise<{ id: number; end: string }> {
  const id = buy(order);
  await world.settle(id);
  expect(shown(id).deploymentStatus).toBe('DEPLOYED');
  return { id, end: await endOf(id) };
}

const shown = (id: number) => world.emulators.cloudesire.subscription(id);
const recorded = async (id: number) => (await world.records.get(id))!;

/** As Microsoft shows it. */
async function partnerSubscription(id: number): Promise<Record<string, unknown>> {
  const { fulfillment } = await recorded(id);
  const all = world.emulators.partnerCenter.subscriptions().map((one) => ({ ...one }) as Record<string, unknown>);
  return all.find((one) => one.id === fulfillment?.partnerSubscriptionId)!;
}

async function endOf(id: number): Promise<string> {
  return String((await partnerSubscription(id)).commitmentEndDate).slice(0, 10);
}

/** Months pass in the marketplace with every invoice paid, and the connector looks at each. */
async function passDays(ids: number[], days: number): Promise<void> {
  for (let passed = 0; passed < days; passed += 10) {
    await world.emulators.clock.advance(Math.min(10, days - passed) * DAY_MS);
    for (const id of ids) {
      if (shown(id).invoiceList.some(({ status }) => status === 'UNPAID')) world.emulators.cloudesire.pay(id);
      await world.settle(id);
    }
  }
}

const orders = () => world.emulators.partnerCenter.books().orders.length;

describe('licences whose first term is to end on a day that the customer chose', () => {
  it('end that day together with those of the company, fewer of them from then on, and renew for a whole term', async () => {
    const first = await sell();
    await passDays([first.id], 40);
    const { id, end } = await sell({ plan: 2102, end: first.end });
    expect(end).toBe(first.end);
    expect((await recorded(id)).fulfillment).toMatchObject({
      term: 'P1Y',
      commitmentEndDate: `${first.end}T00:00:00.000Z`,
    });

    await passDays([first.id, id], 60);
    world.emulators.cloudesire.overrideOrder(id, { licenses: 6 });
    await world.settle(id);
    const year = Number(first.end.slice(0, 4));
    expect(shown(id).instructions?.en).toMatch(new RegExp(`from its next renewal, after \\d+ \\w+ ${year}\\.`));

    await passDays([first.id, id], 275);
    expect(await partnerSubscription(id)).toMatchObject({
      status: 'active',
      quantity: 6,
      termDuration: 'P1Y',
      autoRenewEnabled: true,
      // The last day of February is another one in some years.
      commitmentEndDate: expect.stringMatching(`^${year + 1}-${first.end.slice(5, 7)}-`),
    });
    expect(await endOf(id)).toBe(await endOf(first.id));
    expect(await recorded(id)).toMatchObject({ state: 'done', fulfillment: { seats: 6 } });
    expect((await recorded(id)).fulfillment).not.toHaveProperty('scheduled');
    expect(world.alerts).toEqual([]);
    expect(orders()).toBe(2);
  });

  it('are not bought for another term when the day is not allowed any more, and the customer reads what to do', async () => {
    const first = await sell();
    await passDays([first.id], 40);
    const { partnerSubscriptionId = '' } = (await recorded(first.id)).fulfillment ?? {};
    world.emulators.partnerCenter.cancelByHand(partnerSubscriptionId);
    const id = buy({ plan: 2102, end: first.end });
    await world.settle(id);

    expect(shown(id).deploymentStatus).toBe('FAILED');
    expect(shown(id).instructions?.en).toMatch(/does not allow your licences to end on the day that you chose/);
    expect(shown(id).instructions?.en).toMatch(/order again and choose one of the days offered, or none/);
    expect(shown(id).instructions?.it).toMatch(/non consente che le tue licenze terminino nel giorno che hai scelto/);
    expect(await recorded(id)).toMatchObject({ state: 'failed', failure: { code: 'order.term-end-not-allowed' } });
    expect(orders()).toBe(1);
    expect(world.alerts).toEqual([]);
  });

  it('are not bought while Microsoft does not say whether the day is allowed', async () => {
    const first = await sell();
    await passDays([first.id], 40);
    world.emulators.faults.inject({
      server: 'partner-center',
      kind: 'status',
      status: 503,
      path: 'customTermEndDates',
      times: 1_000,
    });
    const id = buy({ plan: 2102, end: first.end });
    await world.settle(id, { looks: 10 });
    expect((await recorded(id)).state).toBe('retrying');
    expect(orders()).toBe(1);

    world.emulators.faults.clear();
    await world.settle(id);
    expect(await endOf(id)).toBe(first.end);
  });

  it.each([
    ['in the cart', { status: 201, body: cartWith(10_017) }, 'partner-center.10017'],
    ['as a whole', { status: 400, body: { code: 900242, description: 'Not allowed.' } }, 'partner-center.900242'],
  ])(
    'reach operations when Microsoft refuses %s a day that it allowed, and are bought once it takes it',
    async (_how, refusal, code) => {
      const first = await sell();
      await passDays([first.id], 40);
      world.emulators.faults.inject({
        server: 'partner-center',
        kind: 'status',
        method: 'POST',
        path: '/carts$',
        ...refusal,
      });
      const id = buy({ plan: 2102, end: first.end });
      while (world.alerts.length === 0) {
        await world.look(id);
        await world.pass(500);
      }
      expect(await recorded(id)).toMatchObject({ state: 'needs-attention', lastError: { code } });
      expect((await recorded(id)).lastError?.message).toMatch(
        /have the customer order again with another day, or with none/,
      );

      await world.settle(id);
      expect(await endOf(id)).toBe(first.end);
      expect(orders()).toBe(2);
    },
  );

  it('have a whole term when nothing was chosen', async () => {
    const first = await sell();
    await passDays([first.id], 40);
    const { end } = await sell({ plan: 2102, end: '  ' });
    expect(Date.parse(end) - Date.parse(first.end)).toBeGreaterThan(30 * DAY_MS);
    expect(world.emulators.calls().filter(({ path }) => path.includes('customTermEndDates'))).toEqual([]);
  });

  it('have the term of a trial when they are one', async () => {
    const first = await sell({ plan: 2102 });
    const trial = await sell({ type: 'TRIAL', end: first.end });
    expect(Date.parse(first.end) - Date.parse(trial.end)).toBeGreaterThan(300 * DAY_MS);
    expect(await partnerSubscription(trial.id)).toMatchObject({ isTrial: true });
  });
});

/** A cart whose only line will not be sold. */
function cartWith(errorCode: number): object {
  const line = { id: 0, catalogItemId: 'CFQ7TTC0XC33:0001:CFQ7TTC0XD44', quantity: 10, error: { errorCode } };
  return { id: '5c1f2a90-3d47-4b8e-9a55-0e7d8c4b2f11', status: 'Active', lineItems: [line] };
}
