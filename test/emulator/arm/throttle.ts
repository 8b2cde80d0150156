import type { Clock } from '../core/clock.ts';
import type { Switches } from './switches.ts';

export type OperationType = 'reads' | 'writes' | 'deletes';

/** The verdict on one call: what is left, or for how many seconds to wait. */
export interface Verdict {
  headers: Record<string, string>;
  waitS?: number;
}

const GLOBAL_FACTOR = 15;

interface Bucket {
  tokens: number;
  at: number;
  blockedUntil: number;
  waitS: number;
}

export interface Throttle {
  take(call: { method: string; subscriptionId?: string; tenantId: string; principalId: string }): Verdict;
  reset(): void;
}

/** GETs and HEADs are reads, DELETEs deletes, and everything else, POSTed actions included, writes. */
export function operationTypeOf(method: string): OperationType {
  if (method === 'GET' || method === 'HEAD') return 'reads';
  return method === 'DELETE' ? 'deletes' : 'writes';
}

/**
 * Token buckets per subscription (or tenant), principal and type of operation, and one fifteen times as large for all
 * principals of a subscription. A call that comes before the time it was told restarts the wait.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
 */
export function createThrottle({ clock, switches }: { clock: Clock; switches: Switches }): Throttle {
  const buckets = new Map<string, Bucket>();

  function take(key: string, size: number, perSecond: number): { left: number; waitS?: number } {
    const now = clock.now();
    const bucket = buckets.get(key) ?? { tokens: size, at: now, blockedUntil: 0, waitS: 0 };
    buckets.set(key, bucket);
    bucket.tokens = Math.min(size, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    const isEarly = now < bucket.blockedUntil;
    if (bucket.tokens >= 1 && !isEarly) {
      bucket.tokens -= 1;
      return { left: Math.floor(bucket.tokens) };
    }
    if (!isEarly) bucket.waitS = Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond));
    bucket.blockedUntil = now + bucket.waitS * 1000;
    return { left: 0, waitS: bucket.waitS };
  }

  return {
    take({ method, subscriptionId, tenantId, principalId }) {
      const type = operationTypeOf(method);
      const { size, perSecond } = switches.buckets[type];
      const scope = subscriptionId === undefined ? 'tenant' : 'subscription';
      const owner = subscriptionId ?? tenantId;
      const own = take(`${owner} ${principalId} ${type}`.toLowerCase(), size, perSecond);
      const headers = { [`x-ms-ratelimit-remaining-${scope}-${type}`]: String(own.left) };
      let { waitS } = own;
      if (scope === 'subscription') {
        const all = take(`${owner} * ${type}`.toLowerCase(), size * GLOBAL_FACTOR, perSecond * GLOBAL_FACTOR);
        headers[`x-ms-ratelimit-remaining-subscription-global-${type}`] = String(all.left);
        waitS ??= all.waitS;
      }
      return waitS === undefined || !switches.throttling ? { headers } : { headers, waitS };
    },

    reset() {
      buckets.clear();
    },
  };
}
