import { LaneLostError } from '../../src/engine/journal.ts';
import type { Call, EmulatorServer } from '../emulator/core/server.ts';
import type { World } from './world.ts';

/**
 * When a worker dies around a call: before its effect, after the effect but before the answer, or once it was answered but before that
 * was recorded.
 */
const MOMENTS = ['before', 'after', 'answered'] as const;
export type Moment = (typeof MOMENTS)[number];

/**
 * The deaths to be tried of a life with these calls: at every `stride`th call, each at another moment than the one before; with `KILLS=all` in
 * the environment, at every call and every moment.
 */
export function killsOf(calls: string[], stride = 1): (readonly [Moment, number, string])[] {
  const isComplete = process.env.KILLS === 'all';
  return calls.flatMap((call, index) => {
    if (!isComplete && index % stride !== 0) return [];
    const moments = isComplete ? MOMENTS : [MOMENTS[(index / stride) % MOMENTS.length] ?? 'before'];
    return moments.map((moment) => [moment, index + 1, withoutIds(call)] as const);
  });
}

/** Names of tests stay the same from run to run. */
function withoutIds(call: string): string {
  return call.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '…');
}

export interface Death {
  /** The calls since the last `begin`, as `POST /v1/customers`. */
  calls(): string[];
  /** Counts calls from here on; the worker on this subscription dies once, at the call of that number, where one is planned. */
  begin(subscriptionId: number, planned?: { atCall: number; moment: Moment }): void;
  /** Whether the worker still lives although its death was planned. */
  isDue(): boolean;
  /** Looks, with a new worker after the death, until the subscription is at rest. Between looks virtual time passes, `atLeastMs` of it. */
  live(subscriptionId: number, atLeastMs: number): Promise<void>;
}

const MOST_LOOKS = 200;

/**
 * Lets workers die at calls of these servers. A worker dies by losing its lane, so that nothing it still does can be written, and by what
 * becomes of its call.
 */
export function createDeath(world: World, servers: EmulatorServer[]): Death {
  let planned: { atCall: number; moment: Moment } | undefined;
  let subscription = 0;
  let calls: string[] = [];
  const numbers = new WeakMap<Call, number>();

  function die(): void {
    planned = undefined;
    // On the worker's own connection, so it holds for everything that the dying worker writes from now on.
    void world.redis.incr(world.keys.fence(subscription));
  }

  for (const server of servers) {
    server.before((call) => {
      const number = calls.push(`${call.method} ${call.path}`);
      numbers.set(call, number);
      if (planned?.atCall !== number || planned.moment !== 'before') return undefined;
      die();
      return { status: 503 };
    });
    server.finish((call, reply) => {
      if (planned === undefined || planned.atCall !== numbers.get(call)) return reply;
      const { moment } = planned;
      die();
      return moment === 'after' ? { status: 503 } : reply;
    });
  }

  return {
    calls: () => [...calls],

    begin(subscriptionId, plan) {
      subscription = subscriptionId;
      planned = plan;
      calls = [];
    },

    isDue: () => planned !== undefined,

    async live(subscriptionId, atLeastMs) {
      for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
        const outcome = await world.look(subscriptionId).catch((error: unknown) => {
          if (error instanceof LaneLostError) return { againInMs: 0 };
          throw error;
        });
        if ('done' in outcome) return;
        await world.pass(Math.max(outcome.againInMs, atLeastMs));
      }
    },
  };
}
