import type { JobsOptions, RedisConnectionClient } from 'bullmq';
import { z } from 'zod';

/** Queue of looks: one lane per subscription. */
export const LOOKS = 'looks';
/** Queue of sweeps, which ask for the looks that no event asked for. */
export const SWEEPS = 'sweeps';

/** "Look at this subscription": nothing but an id, since Redis keeps payloads in plain text and a look reads the present state. */
export const Look = z.object({ subscriptionId: z.int().positive() });
export type Look = z.infer<typeof Look>;

export type Sweep = Record<string, never>;

/** A connection made by `store/redis.ts`. */
export type QueueConnection = RedisConnectionClient & { readonly status: string };

/**
 * Deduplication gives each subscription a lane with one look at most. While a look waits, another request changes nothing; while one is
 * active, the last request is kept until it ends; a delayed look becomes due at once. A finished look leaves nothing behind.
 *
 * @see https://docs.bullmq.io/guide/jobs/deduplication
 */
export function lookOptions(subscriptionId: number): JobsOptions {
  return {
    deduplication: { id: String(subscriptionId), keepLastIfActive: true, reschedule: true },
    removeOnComplete: true,
    removeOnFail: true,
  };
}
