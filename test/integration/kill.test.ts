import { afterAll, describe, expect, it } from 'vitest';
import { LaneLostError } from '../../src/engine/journal.ts';
import type { Call } from '../emulator/core/server.ts';
import { createWorld } from '../support/world.ts';

/*
 * A worker dies at an upstream call and another one takes over, for every call of both workflows. The first worker dies by losing its lane,
 * so that nothing it still does can be written, and by what becomes of its call: it dies `before` the effect, `after` the effect but
 * before the answer, or once `answered` but before that was recorded.
 */
const MOMENTS = ['before', 'after', 'answered'] as const;
type Moment = (typeof MOMENTS)[number];

const SEATS = 10;

const world = await createWorld();
const { cloudesire, partnerCenter } = world.emulators;
let death: { atCall: number; moment: Moment } | undefined;
let calls: string[] = [];
const numbers = new WeakMap<Call, number>();
let lastId = 60_000;

for (const { server } of [cloudesire, partnerCenter]) {
  server.before((call) => {
    const number = calls.push(`${call.method} ${call.path}`);
    numbers.set(call, number);
    if (death?.atCall !== number || death.moment !== 'before') return undefined;
    die();
    return { status: 503 };
  });
  server.finish((call, reply) => {
    if (death === undefined || death.atCall !== numbers.get(call)) return reply;
    const { moment } = death;
    die();
    return moment === 'after' ? { status: 503 } : reply;
  });
}

afterAll(() => world.close());

function die(): void {
  death = undefined;
  // On the worker's own connection, so it holds for everything that the dying worker writes from now on.
  void world.redis.incr(world.keys.fence(lastId));
}

/** Looks, dying once where that is planned, until the subscription is at rest. */
async function live(subscriptionId: number): Promise<void> {
  for (let looks = 0; looks < 80; looks += 1) {
    const outcome = await world.look(subscriptionId).catch((error: unknown) => {
      if (error instanceof LaneLostError) return { againInMs: 0 };
      throw error;
    });
    if ('done' in outcome) return;
    await world.emulators.clock.advance(Math.max(outcome.againInMs, 500));
  }
}

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
async function deploy(): Promise<number> {
  for await (const found of world.redis.scanStream({ match: `${world.config.redis.prefix}:*`, count: 1_000 })) {
    if (found.length > 0) await world.redis.unlink(...(found as string[]));
  }
  const id = order();
  calls = [];
  await live(id);
  return id;
}

async function terminate(id: number): Promise<void> {
  cloudesire.terminate(id);
  calls = [];
  await live(id);
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
const callsOfProvision = calls;
const afterProvision = outcome(deployed);
await terminate(deployed);
const callsOfDeprovision = calls;
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

describe.each(MOMENTS)('a worker killed %s', (moment) => {
  it.each(callsOfProvision.map((call, index) => [index + 1, call] as const))(
    'call %i of provisioning, %s: still buys once and delivers',
    async (atCall) => {
      death = { atCall, moment };
      const id = await deploy();
      expect(death).toBeUndefined();
      expect(withoutLostPassword(outcome(id))).toEqual(withoutLostPassword(afterProvision));
    },
  );

  it.each(callsOfDeprovision.map((call, index) => [index + 1, call] as const))(
    'call %i of deprovisioning, %s: still ends it once and reports it',
    async (atCall) => {
      const id = await deploy();
      death = { atCall, moment };
      await terminate(id);
      expect(death).toBeUndefined();
      expect(outcome(id)).toEqual(afterDeprovision);
    },
  );
});

/** A password that was in an answer which nobody lived to read is gone, and the customer is told so instead. */
function withoutLostPassword({ credentials, ...rest }: ReturnType<typeof outcome>) {
  return { ...rest, administrator: credentials.includes('Username') };
}
