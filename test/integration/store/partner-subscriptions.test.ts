import { expect, it } from 'vitest';
import { createPartnerSubscriptionIndex } from '../../../src/store/partner-subscriptions.ts';
import { openStore } from './setup.ts';

const ID = 'e2a4c7d1-0b5f-4c3a-8d92-6f1e7b3a9c54';
const OTHER_ID = '8be3a7f2-60d1-4c59-a4e8-3f7d1b9c0256';

it('knows the owner of a partner subscription in whatever case its id is written', async () => {
  const { redis, keys } = openStore();
  const index = createPartnerSubscriptionIndex(redis, keys);
  await index.note(ID.toUpperCase(), 50010);
  await index.note(OTHER_ID, 50011);

  expect(await index.ownerOf(ID)).toBe(50010);
  expect(await index.ownerOf(ID.toUpperCase())).toBe(50010);
  expect(await index.ownerOf(OTHER_ID)).toBe(50011);
});

it('knows no owner of what was not noted', async () => {
  const { redis, keys } = openStore();
  const index = createPartnerSubscriptionIndex(redis, keys);
  await index.note(OTHER_ID, 50011);

  expect(await index.ownerOf(ID)).toBeUndefined();
});

it('notes the same twice without harm, and believes the last owner', async () => {
  const { redis, keys } = openStore();
  const index = createPartnerSubscriptionIndex(redis, keys);
  await Promise.all([index.note(ID, 50010), index.note(ID.toUpperCase(), 50010)]);
  expect(await index.ownerOf(ID)).toBe(50010);

  await index.note(ID, 50012);
  expect(await index.ownerOf(ID)).toBe(50012);
});
