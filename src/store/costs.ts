import type { Redis } from 'ioredis';
import type { Costs } from '../workflows/usage.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './script.ts';

/** Keeps the higher of two numbers in the field ARGV[1] of a hash. */
const RAISE = `
  local known = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
  if tonumber(ARGV[2]) > known then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
  return 0
`;
const ZERO = 'zero at ';

/** What deployments have cost, in Redis: a hash for each subscription with the cost of each billing period. */
export function createCosts(redis: Redis, keys: Keys): Costs {
  const raise = defineScript(redis, 'raiseCost', RAISE);

  return {
    async note(subscriptionId, period, cost) {
      await raise([keys.costs(subscriptionId)], [period, cost]);
    },

    async total(subscriptionId, since) {
      const key = keys.costs(subscriptionId);
      const entries = Object.entries(await redis.hgetall(key));
      const sum = entries.reduce((total, [period, cost]) => total + (period.startsWith(ZERO) ? 0 : Number(cost)), 0);
      if (since === undefined) return round(sum);
      // The first request after that instant fixes what is subtracted from then on.
      await redis.hsetnx(key, ZERO + since, sum);
      return round(sum - Number(await redis.hget(key, ZERO + since)));
    },
  };
}

/** Rounds away what floating-point addition leaves behind. */
function round(amount: number): number {
  return Math.round(amount * 1e6) / 1e6;
}
