import type { Redis } from 'ioredis';
import type { Journal, JournalEntry } from '../engine/journal.ts';
import type { Keys } from './keys.ts';
import { createFencedWrite } from './lanes.ts';
import type { Replication } from './replication.ts';

/**
 * The journal of runs in Redis: a hash per run, an entry per step. A run is kept for as long as a record names it, however long it waits
 * for a person: started afresh it would buy again what it cannot find. After that, writing the record lets it expire. Where there are
 * replicas, an entry is confirmed by one before the call is sent: after a failover the new master must not take for undone what was bought.
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
