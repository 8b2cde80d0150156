import type { Redis } from 'ioredis';
import { RetryableError } from '../lib/errors.ts';

/** A replica that follows confirms within milliseconds. */
const CONFIRM_WITHIN_MS = 1_000;
/** How long the answer is trusted whether there are replicas. */
const KNOWN_FOR_MS = 5_000;

/** What makes a write outlive its server. */
export interface Replication {
  /**
   * Resolves once a replica has confirmed all that this connection has written, or at once where the server has none. Replication is
   * asynchronous: a write that the master has not passed on when it fails is lost with the failover.
   *
   * @throws {RetryableError} `store.not-replicated` when no replica confirms within a second
   */
  confirm(): Promise<void>;
}

const ofConnection = new WeakMap<Redis, Replication>();

/** One for each connection, whoever asks for it. */
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

  // Asked ahead of the first write, which must not wait for the answer behind a queue of other commands.
  const prepare = () => void hasReplicas().catch(() => {});
  redis.on('ready', prepare);
  if (redis.status === 'ready') prepare();

  return {
    async confirm() {
      const breaksBefore = breaks;
      // On a new connection, perhaps to the next master, WAIT would confirm writes that were never made there.
      const isConfirmed = async () => (await redis.wait(1, CONFIRM_WITHIN_MS)) > 0 && breaks === breaksBefore;
      if (!(await hasReplicas()) || (await isConfirmed())) return;
      // Replicas that left may follow the next master already: only the next call may find that this one has none, if it still takes
      // writes.
      known = undefined;
      throw new RetryableError(
        'store.not-replicated',
        'No replica of Redis has confirmed within a second what the master was given, so that a fail-over would lose it. See whether the replicas follow.',
      );
    },
  };
}

/**
 * Whether replicas follow this server. One that is still in its initial synchronisation does not count, since it cannot confirm anything
 * yet. A server that does not tell is trusted to have none.
 */
async function askReplicas(redis: Redis): Promise<boolean> {
  return /^slave\d+:.*\bstate=online\b/m.test(await redis.info('replication'));
}
