import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { composeOperations } from '../../src/compose/operations.ts';
import { composeStore } from '../../src/compose/store.ts';
import { toTheMinute, toTheSecond } from '../../src/lib/moment.ts';
import { createBudget } from '../../src/store/budget.ts';
import { createInterventions } from '../../src/store/interventions.ts';
import { createKeys } from '../../src/store/keys.ts';
import { workerConnection } from '../../src/store/redis.ts';
import { whyOf } from '../../src/workflows/ops/standing.ts';
import { CMW_EVENT_SECRETS } from '../emulator/cloudesire/emulator.ts';
import { createEventSender } from '../support/event-sender.ts';
import { startService } from '../support/service.ts';
import { createWorld, type World } from '../support/world.ts';

let world: World;

beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

function buy(buyer = 1301): number {
  return world.emulators.cloudesire.placeOrder({ plan: 2101, buyer, licenses: 3, paid: true });
}

/** No call to Partner Center for a long while. */
async function useUpLimit(): Promise<void> {
  const budget = createBudget(world.redis, world.keys, { limitOf: () => ({ calls: 450, inMs: 60_000 }) });
  await budget.pause(['partner-center'], 600_000, { refused: false });
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
    expect(why).toMatch(
      /^Has needed you since .* The next look has waited since .* for the limit of Partner Center\.$/,
    );

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

  it('a refusal that lasts is told, with its end, at every order that waits for it, and in the overview', async () => {
    const operations = composeOperations({
      store: composeStore(world.config, world.redis),
      config: world.config,
      producer: {
        requestLook: async () => 'queued',
        backlog: async () => 0,
        taking: async () => ({ waiting: 0, active: 0 }),
        queuedSince: async () => undefined,
      },
      notes: async () => [],
    });
    world.emulators.faults.watch(({ server }) =>
      server === 'partner-center'
        ? { kind: 'status', status: 429, body: {}, headers: { 'retry-after': '1800' } }
        : undefined,
    );
    const ids = [buy(), buy(1302)];
    for (const id of ids) await world.look(id);

    const { throttles, notes } = await operations.overview();
    expect(throttles).toEqual([{ upstream: 'partner-center', until: expect.any(String), waiting: 2 }]);
    const until = throttles[0]?.until ?? '';
    expect(Date.parse(until) - Date.now()).toBeGreaterThan(1_500_000);
    expect(notes.join('\n')).toContain(
      `Partner Center refuses calls as too many (429) until ${toTheSecond(until)}: 2 orders wait`,
    );
    for (const id of ids) {
      const { why } = (await operations.show(id))!;
      expect(why).toContain(
        `for the limit of Partner Center, which refuses calls as too many (429) until ${toTheMinute(until)}.`,
      );
    }
    const { budgets } = await operations.limits();
    expect(budgets.find(({ budget }) => budget === 'partner-center')).toMatchObject({ refusedUntil: until });
  });

  it('an outage that begins just after a press leaves what a person has to do standing', async () => {
    world.emulators.partnerCenter.acceptAllAttestations(true);
    let isOut = false;
    world.emulators.faults.watch(({ server, path }) =>
      server === 'partner-center' && (isOut || path.endsWith('/carts'))
        ? { kind: 'status', status: isOut ? 503 : 403, body: {} }
        : undefined,
    );
    const id = buy();
    await world.settle(id, { looks: 5 });
    const before = (await world.records.get(id))!;
    expect(before.state).toBe('needs-attention');

    isOut = true;
    await world.records.askRetry(id);
    const { state, since, lastError, troubledSince } = before;
    for (let look = 0; look < 2; look += 1) await world.look(id);
    const failing = (await world.records.get(id))!;
    expect(failing).toMatchObject({ state, since, lastError, troubledSince, failingSince: expect.any(String) });
    expect(whyOf(failing, undefined)).toMatch(
      /^Has needed you since .* The next look has waited since .* for the next try, since Partner Center failed \(503\)\.$/,
    );
    // The press outlives both tries, and neither begins the back-off anew.
    expect(await world.records.isRetryAsked(id)).toBe(true);
    expect(failing.attempts).toBe(2);
    const told = (await world.timeline.read(id)).filter(({ code }) => code === 'partner-center.unavailable');
    expect(told).toMatchObject([{ kind: 'error' }]);

    await useUpLimit();
    await world.look(id);
    const held = (await world.records.get(id))!;
    expect(held).toMatchObject({ state, since, lastError, troubledSince, heldUpBy: 'the limit of Partner Center' });
    expect(held).not.toHaveProperty('before');
    expect(held).not.toHaveProperty('nextTryAt');
    expect(await world.records.isRetryAsked(id)).toBe(true);
  });

  it('an outage leaves the link that the customer is to follow', async () => {
    const id = buy();
    await world.settle(id, { looks: 5 });
    const before = (await world.records.get(id))!;
    expect(before.waitingFor).toMatch(/agreement/i);
    world.emulators.faults.watch(({ server }) =>
      server === 'partner-center' ? { kind: 'status', status: 503, body: {} } : undefined,
    );
    await world.look(id);
    expect((await world.records.get(id))?.state).toBe('retrying');
    await useUpLimit();
    await world.look(id);
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
  const fresh = buy(1302);
  await world.look(fresh);
  await world.look(bought);
  const line = await world.redis.zrange(world.keys.budgetLine('partner-center'), 0, '-1');
  expect(line).toEqual([String(bought), String(fresh)]);
});

it('what people hold while it waits for the limit leaves the line', async () => {
  await useUpLimit();
  const [held, other] = [buy(), buy(1302)];
  for (const id of [held, other]) await world.look(id);
  const line = () => world.redis.zrange(world.keys.budgetLine('partner-center'), 0, '-1');
  expect(await line()).toEqual([String(held), String(other)]);
  const at = new Date().toISOString();
  await createInterventions(world.redis, world.keys).set(held, { kind: 'held', by: 'Ada', reason: 'a dispute', at });
  await world.look(held);
  expect(await line()).toEqual([String(other)]);
});

it('an order in line goes on as soon as calls are free again, not when it was told', async () => {
  const { emulators } = world;
  emulators.partnerCenter.acceptAllAttestations(true);
  const prefix = `test-${randomUUID()}`;
  const redis = workerConnection(inject('redisUrl'));
  onTestFinished(() => redis.disconnect());
  const keys = createKeys(prefix);
  // All that are allowed were made, so to say, within the hour that is to come.
  const soonUs = 1_000 * (Date.now() + 3_600_000);
  const made = Array.from({ length: 450 }, (_, call) => [String(soonUs), `call-${call}`]).flat();
  await redis.zadd(keys.budget('partner-center'), ...made);
  const service = await startService({
    ...emulators.environment(),
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: prefix,
    POLL_EVERY_MS: '200',
    RETRY_BASE_MS: '50',
  });
  onTestFinished(async () => void (await service.end('SIGKILL')));
  // Sweeps, of which there are some at the start, would bring it forward too.
  await vi.waitFor(() => expect(service.output()).toContain('sweep finished'), 60_000);
  const id = buy();
  const sender = createEventSender({ secret: CMW_EVENT_SECRETS[0] ?? '', connections: 1, keepAlive: false });
  onTestFinished(() => sender.close());
  expect((await sender.send(service.url, { subscriptionId: id, type: 'CREATED' })).outcome).toBe(204);
  await vi.waitFor(async () => expect(await redis.zcard(keys.budgetLine('partner-center'))).toBe(1), 60_000);
  await redis.del(keys.budget('partner-center'));
  await vi.waitFor(() => expect(emulators.cloudesire.subscription(id).deploymentStatus).toBe('DEPLOYED'), 60_000);
});
