import { afterAll, expect, it } from 'vitest';
import { createDeath, killsOf, type Moment } from '../support/death.ts';
import { createWorld } from '../support/world.ts';

const SEATS = 10;
const STEP_MS = 500;

const world = await createWorld();
const { cloudesire, partnerCenter } = world.emulators;
const death = createDeath(world, [cloudesire.server, partnerCenter.server]);
let lastId = 60_000;

afterAll(() => world.close());

/** A fresh order of ten seats by a company that is new to Microsoft. */
function order(): number {
  world.emulators.reset();
  partnerCenter.acceptAllAttestations(true);
  partnerCenter.setOrderDelayMs(600);
  lastId += 1;
  cloudesire.reset({ firstSubscriptionId: lastId });
  return cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: SEATS, paid: true });
}

/** Nothing is remembered of earlier lives: a new customer, and the whole budget of calls. */
async function deploy(planned?: { atCall: number; moment: Moment }): Promise<number> {
  await world.forget();
  const id = order();
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
  const count = (what: string): number => partnerCenter.books().entries.filter((entry) => entry.what === what).length;
  const { deploymentStatus, endpoints, credentials } = cloudesire.subscription(id);
  return {
    deploymentStatus,
    endpoints: endpoints.map(({ category }) => category),
    credentials: (credentials ?? []).map(({ key }) => key),
    customers: count('customer created'),
    orders: count('order placed'),
    subscriptions: partnerCenter
      .subscriptions()
      .map((one) => ({ ...one }) as Record<string, unknown>)
      .map(({ status, quantity }) => `${String(status)} ${String(quantity)}`),
  };
}

// The undisturbed lives tell which calls there are, and what the disturbed ones have to end in.
const deployed = await deploy();
const callsOfProvision = death.calls();
const afterProvision = outcome(deployed);
await terminate(deployed);
const callsOfDeprovision = death.calls();
const afterDeprovision = outcome(deployed);

it('undisturbed, one order of ten seats is delivered and ended', () => {
  expect(afterProvision).toMatchObject({
    deploymentStatus: 'DEPLOYED',
    customers: 1,
    orders: 1,
    subscriptions: ['active 10'],
  });
  expect(afterDeprovision).toMatchObject({
    deploymentStatus: 'UNDEPLOYED',
    customers: 1,
    orders: 1,
    subscriptions: ['deleted 10'],
  });
  expect(callsOfProvision.length).toBeGreaterThan(25);
  expect(callsOfDeprovision.length).toBeGreaterThan(5);
});

it.each(killsOf(callsOfProvision))(
  'a worker killed %s call %i of provisioning, %s: still buys once and delivers',
  async (moment, atCall) => {
    const id = await deploy({ atCall, moment });
    expect(death.isDue()).toBe(false);
    expect(withoutLostPassword(outcome(id))).toEqual(withoutLostPassword(afterProvision));
  },
);

it.each(killsOf(callsOfDeprovision))(
  'a worker killed %s call %i of deprovisioning, %s: still ends it once and reports it',
  async (moment, atCall) => {
    const id = await deploy();
    await terminate(id, { atCall, moment });
    expect(death.isDue()).toBe(false);
    expect(outcome(id)).toEqual(afterDeprovision);
  },
);

/** A password that was in an answer which nobody lived to read is gone, and the customer is told so instead. */
function withoutLostPassword({ credentials, ...rest }: ReturnType<typeof outcome>) {
  return { ...rest, administrator: credentials.includes('Username') };
}
