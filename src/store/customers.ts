import type { Redis } from 'ioredis';
import type { CustomerDirectory, KnownCustomer } from '../workflows/customer-directory.ts';
import type { Keys } from './keys.ts';
import { createFencedWrite } from './lanes.ts';
import type { Replication } from './replication.ts';
import { defineScript } from './script.ts';

/** Passes a claim from the holder in ARGV[1] to the one in ARGV[2] (empty: nobody) and answers who holds it afterwards. */
const PASS_CLAIM = `
  local holder = redis.call('GET', KEYS[1]) or ''
  if holder ~= ARGV[1] then return holder end
  if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
  return ARGV[2]
`;

const NOBODY = '';

/**
 * The customers of marketplace companies in Redis. Of two subscriptions that claim the same owner at the same time, one gets it. Where
 * there are replicas, an attempt (with the claim before it) and a customer are confirmed by one before the call returns: the first password
 * of a customer is stored nowhere else.
 */
export function createCustomerDirectory(redis: Redis, keys: Keys, { confirm }: Replication): CustomerDirectory {
  const fencedWrite = createFencedWrite(redis, keys);
  const passClaim = defineScript(redis, 'passClaim', PASS_CLAIM);

  return {
    async find(owner) {
      const document = await redis.get(keys.customer(owner));
      return document === null ? undefined : (JSON.parse(document) as KnownCustomer);
    },

    async ownerOf(customerId) {
      return (await redis.get(keys.customerOwner(customerId))) ?? undefined;
    },

    async claim(owner, subscriptionId) {
      return Number(await passClaim([keys.customerClaim(owner)], [NOBODY, subscriptionId]));
    },

    async takeOver(owner, from, to) {
      return Number(await passClaim([keys.customerClaim(owner)], [from, to])) === to;
    },

    async save(lane, owner, customer) {
      // Once the customer is known there is nothing left to create, so the claim goes with the same write.
      await fencedWrite(
        lane,
        ['SET', keys.customer(owner), JSON.stringify(customer)],
        ['SET', keys.customerOwner(customer.customerId), owner],
        ['DEL', keys.customerClaim(owner)],
        ['DEL', keys.customerAttempts(owner)],
      );
      await confirm();
    },

    async reserveDomain(domain, owner) {
      const key = keys.reservedDomain(domain);
      return (await redis.set(key, owner, 'NX')) === 'OK' || (await redis.get(key)) === owner;
    },

    async noteAttempt(owner, domain) {
      await redis.sadd(keys.customerAttempts(owner), domain);
      await confirm();
    },

    attempts: (owner) => redis.smembers(keys.customerAttempts(owner)),

    async forgetAttempt(owner, domain) {
      await redis.srem(keys.customerAttempts(owner), domain);
    },

    async release(lane, owner) {
      await lane.assertHeld();
      await passClaim([keys.customerClaim(owner)], [lane.subscriptionId, NOBODY]);
    },

    async azurePlanCart(customerId) {
      return (await redis.get(keys.azurePlanCart(customerId))) ?? undefined;
    },

    async shareAzurePlanCart(customerId, { instead = NOBODY, cartId }) {
      return String(await passClaim([keys.azurePlanCart(customerId)], [instead, cartId]));
    },
  };
}
