import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';
import { defineScript } from './script.ts';

/** Permission to call an upstream, shared by all processes. */
export interface Budget {
  /**
   * Takes one call from each of the keys, or from none: then the answer says how long until all of them allow one, if
   * nobody else takes it before.
   */
  take(budgets: string[]): Promise<{ waitMs: number } | undefined>;
  /** Allows no call of this key for `ms`, e.g. after a 429 with `Retry-After`. Of two pauses the one that ends later counts. */
  pause(budget: string, ms: number): Promise<void>;
}

/** So many calls in so long: in any period of that length, not only in those of a clock. */
export interface RateLimit {
  calls: number;
  inMs: number;
}

/**
 * KEYS: for each budget its calls of the last period, a sorted set by instant, and the end of its pause. Instants are in microseconds
 * of Redis' own time. ARGV: a name for this call, then limit and period of each budget. Answers how long to wait.
 */
const TAKE = `
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local wait = 0
  for i = 1, #KEYS, 2 do
    local limit, period = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - period)
    local used = redis.call('ZCARD', KEYS[i])
    if used >= limit then
      local freed = redis.call('ZRANGE', KEYS[i], used - limit, used - limit, 'WITHSCORES')
      wait = math.max(wait, tonumber(freed[2]) + period - now)
    end
    wait = math.max(wait, tonumber(redis.call('GET', KEYS[i + 1]) or '0') - now)
  end
  if wait > 0 then return wait end
  for i = 1, #KEYS, 2 do
    redis.call('ZADD', KEYS[i], string.format('%.0f', now), ARGV[1])
    redis.call('PEXPIRE', KEYS[i], math.ceil(tonumber(ARGV[i + 2]) / 1000))
  end
  return 0
`;

const PAUSE = `
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local ends = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now + tonumber(ARGV[1]))
  redis.call('SET', KEYS[1], string.format('%.0f', ends), 'PX', math.max(1, math.ceil((ends - now) / 1000)))
  return 0
`;

/** Budgets in Redis, kept over all processes. `limitOf` must say the same in each of them. */
export function createBudget(redis: Redis, keys: Keys, limitOf: (budget: string) => RateLimit): Budget {
  const take = defineScript(redis, 'takeBudget', TAKE);
  const pause = defineScript(redis, 'pauseBudget', PAUSE);

  return {
    async take(budgets) {
      const touched = budgets.flatMap((budget) => [keys.budget(budget), keys.budgetPause(budget)]);
      const limits = budgets.map(limitOf);
      const waitUs = Number(
        await take(touched, [randomUUID(), ...limits.flatMap(({ calls, inMs }) => [calls, 1000 * inMs])]),
      );
      return waitUs === 0 ? undefined : { waitMs: Math.ceil(waitUs / 1000) };
    },

    async pause(budget, ms) {
      await pause([keys.budgetPause(budget)], [Math.ceil(ms * 1000)]);
    },
  };
}
