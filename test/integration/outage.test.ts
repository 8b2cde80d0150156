import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listCircuits } from '../../src/store/circuit.ts';
import { createWorld, type World } from '../support/world.ts';

/** With a first back-off of 10 ms what takes a minute else takes 600 ms. */
const WITHIN = { timeout: 20_000, interval: 50 };

describe('a shop with a single order', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
    world.emulators.partnerCenter.acceptAllAttestations(true);
  });
  afterEach(() => world.close());

  function buy(): number {
    const id = world.emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3 });
    world.emulators.cloudesire.pay(id);
    return id;
  }
  const openSince = async () => {
    const [circuit] = await listCircuits(world.redis, world.keys, ['partner-center']);
    return circuit?.openSince;
  };

  it('sees that Partner Center is out, and the order waits without a deadline until it is back', async () => {
    let isOut = true;
    world.emulators.faults.watch(({ server }) =>
      isOut && server === 'partner-center' ? { kind: 'status', status: 503, body: {} } : undefined,
    );
    const id = buy();
    await vi.waitFor(async () => {
      await world.look(id);
      expect(await openSince()).toBeDefined();
      expect(await world.records.get(id)).toMatchObject({
        state: 'waiting',
        waitingFor: expect.stringMatching(/^the return of Partner Center, which has not been available since /),
      });
    }, WITHIN);

    isOut = false;
    await vi.waitFor(async () => {
      await world.settle(id);
      expect(world.emulators.cloudesire.subscription(id).deploymentStatus).toBe('DEPLOYED');
    }, WITHIN);
    expect(await openSince()).toBeUndefined();
  });

  it('whose calls alone fail has an order that fails, and no outage', async () => {
    let asked = 0;
    world.emulators.faults.watch(({ server, method, path }) => {
      if (server !== 'partner-center') return undefined;
      if (method === 'GET' && path === '/v1/customers') {
        asked += 1;
        return undefined;
      }
      return { kind: 'status', status: 500, body: {} };
    });
    const id = buy();
    await vi.waitFor(async () => {
      await world.look(id);
      expect(asked).toBeGreaterThanOrEqual(2);
    }, WITHIN);
    expect(await openSince()).toBeUndefined();
    expect((await world.records.get(id))?.state).toBe('retrying');
  });
});
