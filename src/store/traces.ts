import type { Redis } from 'ioredis';
import type { Clock } from '../lib/clock.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './script.ts';

/** What led to the next look at a subscription, as `traceparent`. */
export interface Causes {
  /** What it follows from; absent when it began too long ago, so that no trace grows for days. */
  parent?: { traceparent: string; beganAt: number };
  /** What else led to it. */
  links: string[];
}

/** Carries traces from where a look is asked for to where it is made. What is lost of it is missing in a trace, and nowhere else. */
export interface TraceCarrier {
  /** Leaves what leads to the next look; events that collapse into one look leave one each. */
  leave(subscriptionId: number, traceparent: string, beganAt: number): Promise<void>;
  /** Leaves what the next look carries on: ahead of events that came meanwhile. */
  carryOn(subscriptionId: number, parent: NonNullable<Causes['parent']>): Promise<void>;
  take(subscriptionId: number): Promise<Causes>;
}

/** Most causes that are kept of one look. */
const MOST = 32;
/** Age of a trace after which a look begins a new one, with a link to the former. */
const TOGETHER_MS = 3_600_000;

/** KEYS[1]: the list. ARGV: the command, the cause, last index kept, time to live. One round trip, since each event pays for it. */
const LEAVE = `
  redis.call(ARGV[1], KEYS[1], ARGV[2])
  redis.call('LTRIM', KEYS[1], 0, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
`;

/** Keeps causes in Redis, apart from the queue: a request that is merged into another one would lose its cause there. */
export function createTraceCarrier(redis: Redis, keys: Keys, clock: Clock): TraceCarrier {
  const write = defineScript(redis, 'leaveTrace', LEAVE);
  const put = async (command: 'LPUSH' | 'RPUSH', subscriptionId: number, cause: string) => {
    await write([keys.traces(subscriptionId)], [command, cause, MOST - 1, 2 * TOGETHER_MS]);
  };

  return {
    leave: (subscriptionId, traceparent, beganAt) => put('RPUSH', subscriptionId, `${traceparent} ${beganAt}`),
    carryOn: (subscriptionId, { traceparent, beganAt }) => put('LPUSH', subscriptionId, `${traceparent} ${beganAt}`),

    async take(subscriptionId) {
      const key = keys.traces(subscriptionId);
      const [[, left] = []] = (await redis.multi().lrange(key, 0, -1).del(key).exec()) ?? [];
      const causes = ((left ?? []) as string[]).map((line) => {
        const [traceparent = '', beganAt] = line.split(' ');
        return { traceparent, beganAt: Number(beganAt) };
      });
      const [first, ...rest] = causes;
      if (!first || clock.now() - first.beganAt < TOGETHER_MS)
        return { ...(first && { parent: first }), links: rest.map(({ traceparent }) => traceparent) };
      return { links: causes.map(({ traceparent }) => traceparent) };
    },
  };
}
