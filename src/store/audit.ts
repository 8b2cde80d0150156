import type { Redis } from 'ioredis';
import type { Audit, AuditEntry } from '../workflows/ops/audit.ts';
import type { Keys } from './keys.ts';

/** Minimum number of entries kept; Redis trims the stream in whole blocks. */
const KEPT_ENTRIES = 100_000;
/** How many lines are read at once. */
const CHUNK = 1_000;

/**
 * The audit trail in Redis: an append-only stream. To show an old page, all newer entries are read, which takes about 0.1 s for 20,000 of
 * them.
 */
export function createAudit(redis: Redis, keys: Keys): Audit {
  async function* newestFirst(): AsyncIterable<AuditEntry> {
    let before = '+';
    for (;;) {
      const lines = await redis.xrevrange(keys.audit, before, '-', 'COUNT', CHUNK);
      for (const [, [, document]] of lines) yield JSON.parse(document ?? '{}') as AuditEntry;
      const last = lines.at(-1)?.[0];
      if (last === undefined || lines.length < CHUNK) return;
      before = `(${last}`;
    }
  }

  return {
    async add(entry) {
      await redis.xadd(keys.audit, 'MAXLEN', '~', KEPT_ENTRIES, '*', 'entry', JSON.stringify(entry));
    },

    async list({ page, pageSize, subscriptionId }) {
      const offset = (page - 1) * pageSize;
      const items: AuditEntry[] = [];
      let found = 0;
      for await (const entry of newestFirst()) {
        if (subscriptionId !== undefined && !isAbout(entry, subscriptionId)) continue;
        if (found >= offset && items.length < pageSize) items.push(entry);
        found += 1;
        if (subscriptionId === undefined && items.length === pageSize) break;
      }
      return { items, total: subscriptionId === undefined ? await redis.xlen(keys.audit) : found };
    },
  };
}

function isAbout(entry: AuditEntry, subscriptionId: number): boolean {
  return entry.subscriptionId === subscriptionId || entry.subscriptionIds?.includes(subscriptionId) === true;
}
