import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createWorld, type World } from '../support/world.ts';

const STEP_MS = 10_000;
const SHOP = { DNS_PREFIX: 'hafenkontor-shop', REGION: 'germanywestcentral', ADMIN_PASSWORD: 'Kx4!example-only' };

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
beforeEach(async () => {
  await world.reset();
  world.emulators.partnerCenter.acceptAllAttestations(true);
});
afterAll(() => world.close());

const settle = (id: number) => world.settle(id, { atLeastMs: STEP_MS, looks: 300 });
const shown = (id: number) => world.emulators.cloudesire.subscription(id);

function order(plan: 2201 | 2301, facts: { buyer?: number; parameters?: Record<string, string>; type?: 'TRIAL' } = {}) {
  const { buyer = 1302, parameters = plan === 2301 ? SHOP : { DNS_PREFIX: 'officine-web' }, type } = facts;
  return world.emulators.cloudesire.placeOrder({
    plan,
    buyer,
    parameters,
    ...(type ? { type } : { paid: true }),
  });
}

describe('a template', () => {
  it('is deployed with what the customer entered, and handed over with its address', async () => {
    const id = order(2301);

    await settle(id);

    expect(shown(id)).toMatchObject({
      deploymentStatus: 'DEPLOYED',
      endpoints: [
        { endpoint: 'https://hafenkontor-shop.germanywestcentral.cloudapp.azure.com', description: 'Your application' },
      ],
    });
    expect(shown(id).instructions.en).toContain('Your environment in Microsoft Azure is ready.');
    expect(world.emulators.arm.books().deployments).toHaveLength(1);
    expect(world.alerts).toEqual([]);
  });
});

describe('a machine of the Azure Marketplace', () => {
  it('is deployed with accepted terms and a password that was made for it', async () => {
    const id = order(2201);

    await settle(id);

    expect(shown(id)).toMatchObject({ deploymentStatus: 'DEPLOYED' });
    expect(world.emulators.arm.books().terms).toHaveLength(1);
    expect(shown(id).credentials.map(({ key }) => key)).toContain('Admin password');
    expect(world.alerts).toEqual([]);
  });
});

describe('its end', () => {
  it.each([2201, 2301] as const)('leaves nothing of plan %s behind in Azure', async (plan) => {
    const id = order(plan);
    await settle(id);

    world.emulators.cloudesire.terminate(id);
    await settle(id);

    expect(shown(id)).toMatchObject({ deploymentStatus: 'UNDEPLOYED' });
    expect(world.emulators.arm.leftovers({ group: `cloudesire-${id}` })).toEqual([]);
    expect(world.emulators.arm.leftovers({ tag: 'cloudesire-subscription', value: String(id) })).toEqual([]);
  });
});
