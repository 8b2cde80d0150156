import { afterAll, describe, expect, it } from 'vitest';
import { createDeath, killsOf, type Moment } from '../support/death.ts';
import { createWorld } from '../support/world.ts';

/** A quarter of the calls, unless all are wanted. */
const STRIDE = 4;
const STEP_MS = 10_000;
const ORDERS = {
  arm: { plan: 2301, parameters: { DNS_PREFIX: 'hafenkontor-shop', ADMIN_PASSWORD: 'Kx4!example-only' } },
  azure: { plan: 2201, parameters: { DNS_PREFIX: 'officine-web' } },
} as const;
type ProductType = keyof typeof ORDERS;

const world = await createWorld();
const { cloudesire, partnerCenter, entra, arm, templates } = world.emulators;
const death = createDeath(
  world,
  [cloudesire, partnerCenter, entra, arm, templates].map(({ server }) => server),
);
let lastId = 70_000;

afterAll(() => world.close());

async function deploy(productType: ProductType, planned?: { atCall: number; moment: Moment }): Promise<number> {
  await world.reset();
  partnerCenter.acceptAllAttestations(true);
  // Azure does at once what it is asked for: here it matters what is asked, not how long it takes.
  arm.setSwitches({ pollsUntilDone: 1, subscriptionVisibleAfterMs: 0, subscriptionStateDelayMs: 0 });
  lastId += 1;
  cloudesire.reset({ firstSubscriptionId: lastId });
  const id = cloudesire.placeOrder({ ...ORDERS[productType], buyer: 1301, paid: true });
  death.begin(id, planned);
  await death.live(id, STEP_MS);
  return id;
}

async function terminate(id: number, planned?: { atCall: number; moment: Moment }): Promise<void> {
  cloudesire.terminate(id);
  death.begin(id, planned);
  await death.live(id, STEP_MS);
}

/** What stands in the books of the upstreams, without what differs between two lives. */
function outcome(id: number) {
  const { deploymentStatus, endpoints, credentials } = cloudesire.subscription(id);
  const ofMicrosoft = (what: string): number => partnerCenter.books().entries.filter((one) => one.what === what).length;
  const { deployments, created, terms, subscriptions, groups } = arm.books();
  const countOf = (type: string): number =>
    created.filter((one) => String(one.resourceId).includes(`/${type}/`)).length;
  return {
    deploymentStatus,
    endpoints: endpoints.map(({ category }) => category),
    credentials: (credentials ?? []).map(({ key }) => key).filter((key) => key !== 'Password'),
    customers: ofMicrosoft('customer created'),
    orders: ofMicrosoft('order placed'),
    azureSubscriptions: subscriptions.length,
    groups: groups.length,
    deployments: deployments.length,
    machines: countOf('virtualMachines'),
    addresses: countOf('publicIPAddresses'),
    terms: terms.length,
    left: arm.leftovers({ tag: 'cloudesire-subscription', value: String(id) }).length,
  };
}

describe.each(['arm', 'azure'] as const)('a product of type %s', async (productType) => {
  // The undisturbed life tells which calls there are, and what the disturbed ones have to end in.
  const deployed = await deploy(productType);
  const callsOfProvision = death.calls();
  const afterProvision = outcome(deployed);
  await terminate(deployed);
  const callsOfDeprovision = death.calls();
  const afterDeprovision = outcome(deployed);

  it('undisturbed, is delivered once and ended without a trace', () => {
    expect(afterProvision).toMatchObject({
      deploymentStatus: 'DEPLOYED',
      customers: 1,
      orders: 1,
      azureSubscriptions: 1,
      deployments: 1,
      machines: 1,
    });
    expect(afterDeprovision).toMatchObject({ deploymentStatus: 'UNDEPLOYED', deployments: 1, machines: 1, left: 0 });
    expect(callsOfProvision.length).toBeGreaterThan(60);
    expect(callsOfDeprovision.length).toBeGreaterThan(8);
  });

  it.each(killsOf(callsOfProvision, STRIDE))(
    'a worker killed %s call %i of its delivery, %s: it is deployed once',
    async (moment, atCall) => {
      const id = await deploy(productType, { atCall, moment });
      expect(death.isDue()).toBe(false);
      expect(outcome(id)).toEqual(afterProvision);
    },
  );

  it.each(killsOf(callsOfDeprovision, STRIDE))(
    'a worker killed %s call %i of its end, %s: nothing is left',
    async (moment, atCall) => {
      const id = await deploy(productType);
      await terminate(id, { atCall, moment });
      expect(death.isDue()).toBe(false);
      expect(outcome(id)).toEqual(afterDeprovision);
    },
  );
});
