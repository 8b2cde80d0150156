import type { Redis } from 'ioredis';
import type { Journal, JournalEntry } from '../engine/journal.ts';
import type { Keys } from './keys.ts';
import { createFencedWrite } from './lanes.ts';
import type { Replication } from './replication.ts';

/** A run that has not been written to for so long is over, or will be planned anew. */
const RUN_LIFE_MS = 30 * 86_400_000;

/**
 * The journal of runs in Redis: a hash per run, an entry per step. A run is forgotten 30 days after its last write. What is about to be sent is
 * on a replica ahead of the call, where there is one: the next master must not hold for undone what was bought.
 */
export function createJournal(redis: Redis, keys: Keys, { confirm }: Replication): Journal {
  const fencedWrite = createFencedWrite(redis, keys);

  return {
    async load(runId) {
      const entries = Object.entries(await redis.hgetall(keys.journal(runId)));
      return new Map(entries.map(([step, entry]) => [step, JSON.parse(entry) as JournalEntry]));
    },

    async write(lane, runId, step, entry) {
      const key = keys.journal(runId);
      await fencedWrite(lane, ['HSET', key, step, JSON.stringify(entry)], ['PEXPIRE', key, RUN_LIFE_MS]);
      if (entry.state === 'sent') await confirm();
    },

    async forget(lane, runId, step) {
      await fencedWrite(lane, ['HDEL', keys.journal(runId), step]);
    },
  };
}
