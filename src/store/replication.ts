import type { Redis } from 'ioredis';
import { RetryableError } from '../lib/errors.ts';

/** A replica that follows confirms within milliseconds. */
const CONFIRM_WITHIN_MS = 1_000;
/** Whether there are replicas is asked anew after so long. */
const KNOWN_FOR_MS = 5_000;

/** What makes a write outlive its server. */
export interface Replication {
  /**
   * Resolves once all that this connection has written is on a replica too, or at once where the server has none. A master answers before its
   * replicas know: what it has not passed on when it fails, the next master has never heard of.
   *
   * @throws {RetryableError} `store.not-replicated` when no replica confirms within a second
   */
  confirm(): Promise<void>;
}

const ofConnection = new WeakMap<Redis, Replication>();

/** The same for all that is written on a connection. */
export function createReplication(redis: Redis): Replication {
  const replication = ofConnection.get(redis) ?? watchReplicas(redis);
  ofConnection.set(redis, replication);
  return replication;
}

/** @see https://redis.io/docs/latest/commands/wait/ */
function watchReplicas(redis: Redis): Replication {
  let known: { atMs: number; hasReplicas: Promise<boolean> } | undefined;
  let breaks = 0;
  redis.on('close', () => {
    known = undefined;
    breaks += 1;
  });

  function hasReplicas(): Promise<boolean> {
    if (known === undefined || performance.now() - known.atMs > KNOWN_FOR_MS) {
      const asked = { hasReplicas: askReplicas(redis), atMs: performance.now() };
      known = asked;
      asked.hasReplicas.catch(() => {
        if (known === asked) known = undefined;
      });
    }
    return known.hasReplicas;
  }

  // Known ahead of the first write, which must not wait for it behind a queue of others.
  const prepare = () => void hasReplicas().catch(() => {});
  redis.on('ready', prepare);
  if (redis.status === 'ready') prepare();

  return {
    async confirm() {
      const breaksBefore = breaks;
      // Of a new connection, perhaps to the next master, WAIT would answer for writes that were never made there.
      const isConfirmed = async () => (await redis.wait(1, CONFIRM_WITHIN_MS)) > 0 && breaks === breaksBefore;
      if (!(await hasReplicas()) || (await isConfirmed())) return;
      // Replicas that left meanwhile may follow the next master: only who asks again is told that this one has none, if it still takes writes.
      known = undefined;
      throw new RetryableError(
        'store.not-replicated',
        'No replica of Redis has confirmed within a second what the master was given, so that a fail-over would lose it. See whether the replicas follow.',
      );
    },
  };
}

/** Whether replicas follow this server; one that still copies all of it cannot confirm anything yet. A server that does not say so has to be trusted. */
async function askReplicas(redis: Redis): Promise<boolean> {
  return /^slave\d+:.*\bstate=online\b/m.test(await redis.info('replication'));
}
