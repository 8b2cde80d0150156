import { expect, it } from 'vitest';
import { LaneLostError } from '../../../src/engine/journal.ts';
import { createCustomerDirectory } from '../../../src/store/customers.ts';
import { neverAborted, openStore } from './setup.ts';

const owner = 'userCompany/512';
const customer = { customerId: 'c-1', domain: 'fabrikam.onmicrosoft.com', administrator: { userName: 'admin' } };

function openDirectory() {
  const { redis, keys, replication, openLane } = openStore();
  return { customers: createCustomerDirectory(redis, keys, replication), openLane };
}

it('gives the claim to one of many subscriptions that want it at once, and tells all of them which', async () => {
  const { customers } = openDirectory();

  const holders = await Promise.all(Array.from({ length: 50 }, (_, index) => customers.claim(owner, index + 1)));

  expect(new Set(holders).size).toBe(1);
  expect(await customers.claim(owner, 99)).toBe(holders[0]);
  expect(await customers.claim('user/1303', 99)).toBe(99);
});

it('passes a claim on only while the expected subscription holds it', async () => {
  const { customers } = openDirectory();
  await customers.claim(owner, 1);

  const [second, third] = await Promise.all([customers.takeOver(owner, 1, 2), customers.takeOver(owner, 1, 3)]);

  expect([second, third].filter(Boolean)).toHaveLength(1);
  expect(await customers.claim(owner, 9)).toBe(second ? 2 : 3);
});

it('does not take over a claim that nobody holds any more', async () => {
  const { customers, openLane } = openDirectory();
  await customers.claim(owner, 1);
  await customers.release(await openLane(1, neverAborted), owner);

  expect(await customers.takeOver(owner, 1, 2)).toBe(false);
  expect(await customers.claim(owner, 3)).toBe(3);
});

it('releases a claim for its holder only', async () => {
  const { customers, openLane } = openDirectory();
  await customers.claim(owner, 1);
  const older = await openLane(1, neverAborted);
  const newer = await openLane(1, neverAborted);

  await customers.release(await openLane(2, neverAborted), owner);
  await expect(customers.release(older, owner)).rejects.toThrow(LaneLostError);
  expect(await customers.claim(owner, 3)).toBe(1);

  await customers.release(newer, owner);
  expect(await customers.claim(owner, 3)).toBe(3);
});

it('knows the customer once it was saved, and ends the claim', async () => {
  const { customers, openLane } = openDirectory();
  await customers.claim(owner, 1);
  expect(await customers.find(owner)).toBeUndefined();

  await customers.save(await openLane(1, neverAborted), owner, customer);

  expect(await customers.find(owner)).toEqual(customer);
  expect(await customers.claim(owner, 2)).toBe(2);
});

it('saves nothing for a worker whose subscription was taken over', async () => {
  const { customers, openLane } = openDirectory();
  await customers.claim(owner, 1);
  const older = await openLane(1, neverAborted);
  await openLane(1, neverAborted);

  await expect(customers.save(older, owner, customer)).rejects.toThrow(LaneLostError);

  expect(await customers.find(owner)).toBeUndefined();
  expect(await customers.claim(owner, 2)).toBe(1);
});

it('agrees on one cart for the Azure plan, however many orders of the customer make one at once', async () => {
  const { customers } = openDirectory();
  const share = (cartId: string) => customers.shareAzurePlanCart('C-1', { instead: undefined, cartId });

  const agreed = await Promise.all(Array.from({ length: 20 }, (_, index) => share(`cart-${index}`)));

  expect(new Set(agreed).size).toBe(1);
  expect(await customers.azurePlanCart('c-1')).toBe(agreed[0]);
});

it('replaces that cart only for those who knew it', async () => {
  const { customers } = openDirectory();
  await customers.shareAzurePlanCart('c-1', { instead: undefined, cartId: 'first' });

  expect(await customers.shareAzurePlanCart('c-1', { instead: 'first', cartId: 'second' })).toBe('second');
  expect(await customers.shareAzurePlanCart('c-1', { instead: 'first', cartId: 'third' })).toBe('second');
});
