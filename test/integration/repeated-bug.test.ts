import { afterAll, beforeAll, expect, it } from 'vitest';
import { createWorld, type World } from '../support/world.ts';

let world: World;

beforeAll(async () => {
  world = await createWorld();
  world.emulators.partnerCenter.acceptAllAttestations(true);
});

afterAll(() => world.close());

it('a mistake of ours that every try meets is told once, and again when another one follows it', async () => {
  const { emulators, redis, keys, records } = world;
  emulators.partnerCenter.setOrderDelayMs(86_400_000);
  const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true });
  await world.settle(id, { looks: 5 });
  const journal = keys.journal((await records.get(id))?.run?.id ?? '');
  const remembered = await redis.hgetall(journal);
  // Not what the journal keeps, so that Redis refuses to read it.
  await redis.set(journal, 'no journal');
  for (let tries = 0; tries < 4; tries += 1) await world.look(id);
  expect(world.alerts).toEqual(['bug']);
  expect(await records.get(id)).toMatchObject({ state: 'retrying', attempts: 4, lastError: { code: 'bug' } });

  // A journal that cannot be understood is another mistake.
  await redis.del(journal);
  await redis.hset(journal, Object.fromEntries(Object.keys(remembered).map((step) => [step, '{'])));
  for (let tries = 0; tries < 3; tries += 1) await world.look(id);
  expect(world.alerts).toEqual(['bug', 'bug']);
});

it('a mistake of the same kind at another place is told too, and the first one again once the new one has gone', async () => {
  const { emulators, redis, keys, records } = world;
  await world.reset();
  const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true });
  const lookTwice = async () => {
    for (let tries = 0; tries < 2; tries += 1) await world.look(id);
    return (await records.get(id))?.lastError;
  };
  // Neither a customer nor a journal, both of which are read as JSON.
  const customer = keys.customer('userCompany/512');
  await redis.set(customer, '{');
  const first = await lookTwice();
  expect(world.alerts).toEqual(['bug']);

  const journal = keys.journal((await records.get(id))?.run?.id ?? '');
  await redis.hset(journal, 'no step', '{');
  const second = await lookTwice();
  expect(world.alerts).toEqual(['bug', 'bug']);
  expect(second?.message).toBe(first?.message);

  await redis.hdel(journal, 'no step');
  await lookTwice();
  expect(world.alerts).toEqual(['bug', 'bug', 'bug']);
  expect(await records.get(id)).toMatchObject({ state: 'retrying', attempts: 6 });
  expect(await world.stored()).not.toMatch(/customers\.ts|journal\.ts/);
});
