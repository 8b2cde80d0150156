import type { JobsOptions, RedisConnectionClient } from 'bullmq';
import { z } from 'zod';

/** Queue of looks: one lane per subscription. */
export const LOOKS = 'looks';
/** Queue of sweeps, which ask for the looks that no event has asked for. */
export const SWEEPS = 'sweeps';

/** "Look at this subscription": an id and nothing else, since Redis keeps payloads in clear and a look reads the present. */
export const Look = z.object({ subscriptionId: z.int().positive() });
export type Look = z.infer<typeof Look>;

export type Sweep = Record<string, never>;

/** A connection made by `store/redis.ts`. */
export type QueueConnection = RedisConnectionClient & { readonly status: string };

/**
 * What makes lanes of a queue: while a look of the subscription waits, another request changes nothing; while one runs, the
 * last request is kept for its end; a look that was put off is due at once. A finished look leaves nothing behind.
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
