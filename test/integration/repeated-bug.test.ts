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
