import { once } from 'node:events';
import type { Config } from '../config.ts';
import { createAlerts } from '../lib/alerts.ts';
import { systemClock } from '../lib/clock.ts';
import { RetryableError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { createProducer, type Producer } from '../queue/producer.ts';
import { terminalConnection } from '../store/redis.ts';
import { tellOutages } from '../store/redis-server.ts';
import type { UpstreamCall } from '../upstreams/http.ts';
import { VERSION } from '../version.ts';
import type { RebuildOptions, RebuildResult } from '../workflows/drift/rebuild.ts';
import type { ReconciliationOptions, ReconciliationResult } from '../workflows/drift/reconciliation.ts';
import { type Action, actionsFor, type Intervention } from '../workflows/interventions.ts';
import { listDeadLetters } from '../workflows/ops/dead-letters.ts';
import { listExposures } from '../workflows/ops/exposures.ts';
import { listCustomers, readOverview } from '../workflows/ops/overview.ts';
import { createPresses } from '../workflows/ops/presses.ts';
import {
  type NextLook,
  noteOnBacklog,
  noteOnFailing,
  noteOnThrottle,
  standstillOf,
  unseen,
  whyOf,
} from '../workflows/ops/standing.ts';
import type { RecordQuery, SubscriptionRecord } from '../workflows/record.ts';
import { throttlesOf } from './limits.ts';
import { composeLooks } from './looks.ts';
import { composeStore, type Store } from './store.ts';

/** How long a typed command waits for Redis. */
const REDIS_WITHIN_MS = 5_000;

export interface OperationsParts {
  /** Over a connection from `producerConnection` or `terminalConnection`. */
  store: Store;
  config: Config;
  producer: Pick<Producer, 'requestLook' | 'backlog' | 'taking' | 'queuedSince'>;
  /** What is worth knowing now, in sentences. */
  notes(): Promise<readonly string[]>;
}

/** What operations can ask for and press, whether over HTTP or on the command line. */
export type Operations = ReturnType<typeof composeOperations>;

/** Builds the actions of operations. */
export function composeOperations({ store, config, producer, notes }: OperationsParts) {
  const clock = systemClock;
  const { records, tallies, timeline, interventions, quarantine, presence, audit, directory } = store;
  const today = (): string => new Date(clock.now()).toISOString().slice(0, 10);

  const { act, retryAll, discardQuarantined, audited } = createPresses({
    records,
    interventions,
    timeline,
    audit,
    quarantine,
    requestLook: producer.requestLook,
    clock,
  });
  const explained = (record: SubscriptionRecord, intervention: Intervention | undefined, next: NextLook) => ({
    ...record,
    intervention,
    why: whyOf(record, intervention, next),
  });

  async function standstill(): Promise<string | undefined> {
    const [workers, taking] = await Promise.all([presence.read(), producer.taking()]);
    return standstillOf(workers, taking, clock.now());
  }

  return {
    act,
    retryAll,
    discardQuarantined,
    audited,

    /** How everything stands, in numbers. */
    async overview() {
      const [counts, backlog, taking, quarantined, decided, noted, circuits, workers, budgets] = await Promise.all([
        readOverview(tallies, today()),
        producer.backlog(),
        producer.taking(),
        quarantine.size(),
        interventions.all(),
        notes(),
        store.listCircuits(),
        presence.read(),
        store.listBudgets(),
      ]);
      const throttles = throttlesOf(budgets);
      const nowMs = clock.now();
      const { oldestSinceMs } = taking;
      const { states, exposures, agreementsPending } = counts;
      // Only while there are some: to find them every record is read.
      const { items: retried } =
        states.retrying === 0 ? { items: [] } : await records.list({ state: 'retrying', page: 1, pageSize: 500 });
      const kinds = [...decided.values()].map(({ kind }) => kind);
      return {
        states,
        backlog,
        oldestWaitingS: oldestSinceMs === undefined ? null : Math.max(0, Math.round((nowMs - oldestSinceMs) / 1_000)),
        exposures,
        agreementsPending,
        deadLetters: states.failed + states['needs-attention'],
        quarantine: quarantined,
        circuits: circuits.map(({ upstream, openSince }) => ({
          upstream,
          open: openSince !== undefined,
          since: openSince ?? null,
        })),
        held: kinds.filter((kind) => kind === 'held').length,
        detached: kinds.filter((kind) => kind === 'detached').length,
        workers: { count: workers.count, lastSeenAt: workers.lastSeenAt ?? null },
        throttles,
        notes: [
          standstillOf(workers, taking, nowMs) ?? noteOnBacklog(taking, nowMs),
          ...throttles.map(noteOnThrottle),
          noteOnFailing(retried, nowMs),
          ...noted,
        ].filter((note) => note !== undefined),
        version: VERSION,
        readOnly: config.readOnly,
      };
    },

    /** Records by what changed last, each with why it does not move. `held` and `detached` count as states too. */
    async list({ state, ...query }: OperationsQuery) {
      const [decided, nobody] = await Promise.all([interventions.all(), standstill()]);
      const isDecision = state === 'held' || state === 'detached';
      const among = new Set([...decided].filter(([, { kind }]) => kind === state).map(([id]) => id));
      const { items, total } = await records.list({
        ...query,
        ...(isDecision ? { among } : state !== undefined && { state }),
      });
      return {
        items: items.map((record) => explained(record, decided.get(record.subscriptionId), { standstill: nobody })),
        total,
      };
    },

    /**
     * The record and the story of a subscription, since when its next look waits for a worker, and what can be done now; `undefined` when
     * nothing is known of it and no look at it is to come either.
     */
    async show(subscriptionId: number) {
      const [known, intervention, nobody, queuedMs, story] = await Promise.all([
        records.get(subscriptionId),
        interventions.get(subscriptionId),
        standstill(),
        producer.queuedSince(subscriptionId),
        timeline.read(subscriptionId),
      ]);
      const queuedSince = queuedMs === undefined ? undefined : new Date(queuedMs).toISOString();
      if (known) {
        const actions = actionsFor(known, intervention);
        const next = { standstill: nobody, queuedSince };
        return { ...explained(known, intervention, next), queuedSince, timeline: story, actions };
      }
      if (queuedSince === undefined) return undefined;
      const actions: Action[] = ['look'];
      return { ...unseen(subscriptionId, queuedSince, nobody), queuedSince, timeline: story, actions };
    },

    /** What Microsoft goes on charging for although the marketplace has ended it. */
    listExposures: (page: Page) => listExposures(records, today(), page),
    listCustomers: (page: Page) => listCustomers({ records, directory }, page),
    listQuarantine: quarantine.list,
    /** What stands still, by the code of its reason. */
    listDeadLetters: () => listDeadLetters({ records, listQuarantine: quarantine.list }),
    /** How many calls the upstreams still allow, and which of them are out. */
    async limits() {
      const [budgets, circuits] = await Promise.all([store.listBudgets(), store.listCircuits()]);
      return { budgets, circuits };
    },
    listAudit: audit.list,
  };
}

/** What takes minutes, and so is asked for on the command line only. All of it ends early, harmlessly, when the signal is aborted. */
export interface Maintenance {
  /** Records again what exists at Microsoft. @throws as `createRebuild` */
  rebuild(options: RebuildOptions): Promise<RebuildResult>;
  /** Tells in what marketplace, records and Microsoft differ, and has it put right by looks. @throws as `createReconciliation` */
  reconcile(options: ReconciliationOptions): Promise<ReconciliationResult>;
}

interface Page {
  /** 1-based. */
  page: number;
  pageSize: number;
}

type OperationsQuery = Omit<RecordQuery, 'among' | 'exposedOn'>;

/**
 * The actions of operations for a process that runs beside the service, on connections of its own.
 *
 * @throws {RetryableError} `store.unavailable` when Redis does not answer within 5 s
 */
export async function openOperations(
  config: Config,
  { log, signal, say }: { log: Log; signal: AbortSignal; say: (sentence: string) => void },
): Promise<Operations & Maintenance & { close(): Promise<void> }> {
  const { url, prefix } = config.redis;
  const redis = terminalConnection(url);
  tellOutages(redis, log);
  try {
    if (redis.status !== 'ready') await once(redis, 'ready', { signal: AbortSignal.timeout(REDIS_WITHIN_MS) });
  } catch (cause) {
    redis.disconnect();
    const message = 'Redis does not answer at REDIS_URL. The commands need the very Redis that the service uses.';
    throw new RetryableError('store.unavailable', message, { cause, effect: 'none' });
  }
  const store = composeStore(config, redis);
  const producer = createProducer({
    redis,
    prefix,
    confirm: store.replication.confirm,
    backlogLimit: config.backlogLimit,
  });
  const { rebuild, reconcile } = composeLooks(config, {
    store,
    log,
    alerts: createAlerts({ log, count: () => {} }),
    requestLook: (id) => producer.requestLook(id, { urgent: false }),
    observe: tellWaits(say),
    later: () => {},
  });
  return {
    ...composeOperations({
      store,
      config,
      producer,
      notes: async () => [...config.warnings, ...config.secretProblems()],
    }),
    rebuild: (options) => rebuild(options, signal),
    reconcile: (options) => reconcile(options, signal),
    async close() {
      await producer.close();
      redis.disconnect();
    },
  };
}

/** Tells the person at the terminal, once for each upstream, that it is waited for. */
function tellWaits(say: (sentence: string) => void): (call: UpstreamCall) => void {
  const told = new Set<string>();
  return ({ upstream, errorCode = '' }) => {
    const what = WAITS[errorCode.split('.').at(-1) ?? ''];
    if (what === undefined || told.has(upstream)) return;
    told.add(upstream);
    say(`Waiting for ${upstream}: ${what} It goes on by itself.`);
  };
}

/** By the last part of the code of an error. */
const WAITS: Record<string, string> = {
  budget: 'the calls that its limit allows are used up for the moment, and orders go first.',
  throttled: 'it has refused calls for a while.',
  outage: 'it is not available.',
};
