import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBudget } from '../../src/store/budget.ts';
import { whyOf } from '../../src/workflows/standing.ts';
import { createWorld, type World } from '../support/world.ts';

let world: World;

beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

function buy(): number {
  return world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true });
}

/** No call to Partner Center for a long while. */
async function useUpLimit(): Promise<void> {
  const budget = createBudget(world.redis, world.keys, { limitOf: () => ({ calls: 450, inMs: 60_000 }) });
  await budget.pause(['partner-center'], 600_000);
}

describe('a look that waits for the limit hides nothing:', () => {
  it('what needs a person goes on standing as that, with what is to be done', async () => {
    world.emulators.partnerCenter.acceptAllAttestations(true);
    world.emulators.faults.watch(({ path }) =>
      path.endsWith('/carts') ? { kind: 'status', status: 403, body: {} } : undefined,
    );
    const id = buy();
    await world.settle(id, { looks: 5 });
    const before = (await world.records.get(id))!;
    expect(before.state).toBe('needs-attention');

    await useUpLimit();
    for (let look = 0; look < 2; look += 1) await world.look(id);
    const { heldUpSince, heldUpBy, ...after } = (await world.records.get(id))!;
    expect(after).toEqual(before);
    expect(heldUpBy).toBe('the limit of Partner Center');
    const why = whyOf((await world.records.get(id))!, undefined);
    expect(why).toMatch(/^Needs you since .* The next look has waited since .* for the limit of Partner Center\.$/);

    world.emulators.faults.watch(() => undefined);
    await world.pass(600_000);
    await world.settle(id);
    const done = await world.records.get(id);
    expect(done).toMatchObject({ state: 'done' });
    expect(done).not.toHaveProperty('heldUpBy');
    expect(heldUpSince).toBeDefined();
  });

  it('whoever waits for the customer to accept the agreement goes on waiting for that', async () => {
    const id = buy();
    await world.settle(id, { looks: 5 });
    const before = (await world.records.get(id))!;
    expect(before).toMatchObject({ state: 'waiting', waitingFor: expect.stringMatching(/agreement/i) });
    await useUpLimit();
    for (let look = 0; look < 2; look += 1) await world.look(id);
    const { state, since, waitingFor } = before;
    expect(await world.records.get(id)).toMatchObject({ state, since, waitingFor, heldUpBy: expect.any(String) });
  });

  it('while the next step of an operation waits for the limit, and says so', async () => {
    await useUpLimit();
    const id = buy();
    await world.look(id);
    expect(await world.records.get(id)).toMatchObject({ state: 'waiting', waitingFor: 'the limit of Partner Center' });
  });
});

it('what is bought comes before what has not begun, however long that has waited', async () => {
  world.emulators.partnerCenter.acceptAllAttestations(true);
  world.emulators.partnerCenter.setOrderDelayMs(3_600_000);
  const bought = buy();
  await world.settle(bought, { looks: 5 });
  expect((await world.records.get(bought))?.fulfillment?.orderId).toBeDefined();
  await useUpLimit();
  const fresh = world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1302, licenses: 3, paid: true });
  await world.look(fresh);
  await world.look(bought);
  const line = await world.redis.zrange(world.keys.budgetLine('partner-center'), 0, '-1');
  expect(line).toEqual([String(bought), String(fresh)]);
});
