import { AsyncLocalStorage } from 'node:async_hooks';
import type { Redis } from 'ioredis';
import { type Lane, LaneLostError } from '../engine/journal.ts';
import type { Keys } from './keys.ts';
import type { Replication } from './replication.ts';
import { defineScript } from './script.ts';

/**
 * The next fencing token is at least the time in microseconds. A plain counter would restart after a loss of Redis and issue a
 * token a second time, perhaps while the worker that got it first is still at work.
 */
const NEXT_FENCE = `
  local time = redis.call('TIME')
  local last = tonumber(redis.call('GET', KEYS[1]) or '0')
  local fence = math.max(last + 1, time[1] * 1000000 + time[2])
  redis.call('SET', KEYS[1], string.format('%.0f', fence))
  return fence
`;

/** ARGV: the fence, then each command as the number of its words and the words. */
const FENCED_WRITE = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  local at = 2
  while at <= #ARGV do
    local last = at + tonumber(ARGV[at])
    redis.call(unpack(ARGV, at + 1, last))
    at = last + 1
  end
  return 1
`;

export interface Lanes {
  /** Takes the lane of a subscription: every lane opened for it before loses the right to write. */
  openLane: (subscriptionId: number, signal: AbortSignal) => Promise<Lane>;
  /** Does the work of a lane: all that it awaits belongs to it. */
  workIn: <T>(lane: Lane, work: (lane: Lane) => Promise<T>) => Promise<T>;
  /** Resolves if the work that asks still holds its lane, or belongs to none. @throws {LaneLostError} when it was taken */
  assertHeld: () => Promise<void>;
}

/**
 * A lane is open once a replica, where there is one, has confirmed the fence: otherwise a failover would give the lane back to its previous
 * holder.
 */
export function createLanes(redis: Redis, keys: Keys, { confirm }: Replication): Lanes {
  const nextFence = defineScript(redis, 'nextFence', NEXT_FENCE);
  const current = new AsyncLocalStorage<Lane>();

  return {
    workIn: (lane, work) => current.run(lane, () => work(lane)),
    assertHeld: async () => current.getStore()?.assertHeld(),

    async openLane(subscriptionId, signal) {
      const key = keys.fence(subscriptionId);
      const fence = Number(await nextFence([key], []));
      await confirm();
      return {
        subscriptionId,
        fence,
        signal,
        async assertHeld() {
          if (Number(await redis.get(key)) !== fence) throw new LaneLostError(subscriptionId);
        },
      };
    },
  };
}

/** A Redis command in words: its name, the key it writes, its arguments. */
export type WriteCommand = [name: string, key: string, ...args: (string | number)[]];

/** Carries out all commands if the lane is still held, else none. @throws {LaneLostError} when it was taken */
export type FencedWrite = (lane: Lane, ...commands: WriteCommand[]) => Promise<void>;

export function createFencedWrite(redis: Redis, keys: Keys): FencedWrite {
  const write = defineScript(redis, 'fencedWrite', FENCED_WRITE);

  return async (lane, ...commands) => {
    const touched = [keys.fence(lane.subscriptionId), ...commands.map(([, key]) => key)];
    const words = commands.flatMap((command) => [command.length, ...command]);
    if ((await write(touched, [lane.fence, ...words])) !== 1) throw new LaneLostError(lane.subscriptionId);
  };
}
