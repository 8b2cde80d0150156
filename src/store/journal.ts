import type { Redis } from 'ioredis';
import type { Journal, JournalEntry } from '../engine/journal.ts';
import type { Keys } from './keys.ts';
import { createFencedWrite } from './lanes.ts';
import type { Replication } from './replication.ts';

/**
 * The journal of runs in Redis: a hash per run, an entry per step. A run is remembered for as long as a record names it, however long it
 * waits for a person: begun anew it would buy a second time what it cannot find. The writing of records lets it expire after that. What is
 * about to be sent is on a replica ahead of the call, where there is one: the next master must not hold for undone what was bought.
 */
export function createJournal(redis: Redis, keys: Keys, { confirm }: Replication): Journal {
  const fencedWrite = createFencedWrite(redis, keys);

  return {
    async load(runId) {
      const entries = Object.entries(await redis.hgetall(keys.journal(runId)));
      return new Map(entries.map(([step, entry]) => [step, JSON.parse(entry) as JournalEntry]));
    },

    async write(lane, runId, step, entry) {
      await fencedWrite(lane, ['HSET', keys.journal(runId), step, JSON.stringify(entry)]);
      if (entry.state === 'sent') await confirm();
    },

    async forget(lane, runId, step) {
      await fencedWrite(lane, ['HDEL', keys.journal(runId), step]);
    },
  };
}
