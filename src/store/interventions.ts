import type { Redis } from 'ioredis';
import type { Intervention, Interventions } from '../workflows/interventions.ts';
import type { Keys } from './keys.ts';

/** Held and detached subscriptions in Redis, in one hash. */
export function createInterventions(redis: Redis, keys: Keys): Interventions {
  return {
    async get(subscriptionId) {
      const document = await redis.hget(keys.interventions, String(subscriptionId));
      return document === null ? undefined : (JSON.parse(document) as Intervention);
    },

    async all() {
      const documents = Object.entries(await redis.hgetall(keys.interventions));
      return new Map(documents.map(([id, document]) => [Number(id), JSON.parse(document) as Intervention]));
    },

    async set(subscriptionId, intervention) {
      await redis.hset(keys.interventions, String(subscriptionId), JSON.stringify(intervention));
    },

    async lift(subscriptionId) {
      await redis.hdel(keys.interventions, String(subscriptionId));
    },
  };
}
