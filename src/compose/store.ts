import type { Redis } from 'ioredis';
import type { Config } from '../config.ts';
import { systemClock } from '../lib/clock.ts';
import { createSecretBox } from '../lib/secret-box.ts';
import { createAudit } from '../store/audit.ts';
import { createBudget, createLines, listBudgets } from '../store/budget.ts';
import { type CircuitParts, createCircuit, listCircuits } from '../store/circuit.ts';
import { createCompleteness } from '../store/completeness.ts';
import { createCosts } from '../store/costs.ts';
import { createCustomerDirectory } from '../store/customers.ts';
import { createInterventions } from '../store/interventions.ts';
import { createJournal } from '../store/journal.ts';
import { createKeys } from '../store/keys.ts';
import { createLanes } from '../store/lanes.ts';
import { createPartnerSubscriptionIndex } from '../store/partner-subscriptions.ts';
import { createPresence } from '../store/presence.ts';
import { createQuarantine } from '../store/quarantine.ts';
import { createRecords } from '../store/records.ts';
import { checkWritable } from '../store/redis-server.ts';
import { createRefreshTokenStore } from '../store/refresh-token.ts';
import { createReplication } from '../store/replication.ts';
import { createSweepLog } from '../store/sweep-log.ts';
import { createTallies } from '../store/tallies.ts';
import { createTemplateStore } from '../store/templates.ts';
import { createTimeline } from '../store/timeline.ts';
import { createTraceCarrier } from '../store/traces.ts';
import type { Turn } from '../workflows/turn.ts';
import { limitOf, UPSTREAMS } from './limits.ts';

/** What the connector keeps in Redis, by what it is. */
export type Store = ReturnType<typeof composeStore>;

/**
 * Builds all that is kept in Redis over one connection, under the keys of this service. Building sends nothing but the question whether
 * there are replicas, so that a process may leave unused what it does not need.
 *
 * @param redis how it waits for a Redis that is away decides how all of this does: see `producerConnection` and `workerConnection`
 */
export function composeStore(config: Config, redis: Redis) {
  const clock = systemClock;
  const { prefix, stateKeys } = config.redis;
  const keys = createKeys(prefix);
  const replication = createReplication(redis);
  const records = createRecords(redis, keys);
  return {
    replication,
    /** Why Redis takes no writes; `undefined` when it takes them. */
    checkWritable: () => checkWritable(redis, keys, replication),

    records,
    tallies: createTallies(redis, keys, records),
    completeness: createCompleteness(redis, keys),
    interventions: createInterventions(redis, keys),
    timeline: createTimeline(redis, keys),
    journal: createJournal(redis, keys, replication),
    lanes: createLanes(redis, keys, replication),
    directory: createCustomerDirectory(redis, keys, replication),
    partnerSubscriptions: createPartnerSubscriptionIndex(redis, keys),
    costs: createCosts(redis, keys),
    templates: createTemplateStore(redis, keys),
    refreshTokens: createRefreshTokenStore(redis, keys, createSecretBox(stateKeys), clock),

    audit: createAudit(redis, keys),
    presence: createPresence(redis, keys),
    quarantine: createQuarantine(redis, keys, clock),
    sweepLog: createSweepLog(redis, keys),
    traces: createTraceCarrier(redis, keys, clock),

    /** The budget of calls, as drawn from by whoever has the turn. */
    budgetFor: (turn: () => Turn | undefined) => createBudget(redis, keys, { limitOf, turn }),
    lines: createLines(redis, keys, limitOf),
    listBudgets: () => listBudgets(redis, keys, limitOf),
    circuitWith: (parts: Omit<CircuitParts, 'redis' | 'keys'>) => createCircuit({ redis, keys, ...parts }),
    listCircuits: () => listCircuits(redis, keys, UPSTREAMS),
  };
}
