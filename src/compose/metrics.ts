import type { Config } from '../config.ts';
import { systemClock } from '../lib/clock.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Producer } from '../queue/producer.ts';
import { REVISION, VERSION } from '../version.ts';
import { type Measures, PRODUCT_TYPES } from '../workflows/operations.ts';
import { sumExposed } from '../workflows/ops/overview.ts';
import type { Tally } from '../workflows/tallies.ts';
import { budgetsLeft, UPSTREAMS } from './limits.ts';
import type { Store } from './store.ts';

const OUTCOMES = ['done', 'failed', 'refused'] as const;
const EVENT_OUTCOMES = ['queued', 'backlog-full', 'unavailable', 'invalid', 'ignored', 'unsigned'];
/** Alerts that are told once and leave nothing stuck behind: a rule has to watch their counter grow. */
const TOLD_ONCE = [
  'bug',
  'azure.left-behind',
  'customer.password-lost',
  'operation.in-vain',
  'operation.slow',
  'partner-center.azure-abuse',
  'partner-center.budget-exceeded',
  'rebuild.incomplete',
  'reconcile.held',
  'store.lost',
  'subscription.ended-without-us',
  'subscription.ending-while-held',
  'sweep.held',
];
/** States in which a subscription stands still until somebody does something. */
const STUCK = new Set(['needs-attention', 'failed']);

export interface MetricsParts {
  metrics: Metrics;
  /** Over a connection from `producerConnection`. */
  store: Store;
  producer: Pick<Producer, 'looks' | 'oldestWaitingSince'>;
  /** Whether this process can be given work. */
  isReady(): Promise<boolean>;
  /** Settings of Redis that can lose or throw away what is stored. */
  redisNotes(): readonly string[];
  /** Absent where the webhook of Partner Center is nobody's business. */
  isWebhookRegistered?: (() => boolean) | undefined;
}

/**
 * Registers the metrics of the whole service. What is in Redis is reported alike by every process: take the `max` of it, not the sum. Each
 * number is maintained on write, so that a scrape takes no longer with many subscriptions than with few.
 */
export function composeMetrics(config: Config, parts: MetricsParts): void {
  const { metrics, store, producer } = parts;
  const clock = systemClock;
  const { tallies, completeness, sweepLog, quarantine, interventions, refreshTokens } = store;
  const { gauge, gauges } = metrics;
  countFromZero(metrics);
  const build = { version: VERSION, revision: REVISION, node: process.versions.node, role: config.role };

  gauges('connector_build_info', 'What is running', ['version', 'revision', 'node', 'role'], async () => [
    { labels: build, value: 1 },
  ]);
  gauge('connector_ready', '1 while this process can be given work', async () => Number(await parts.isReady()));
  gauge(
    'connector_redis_setup_problems',
    'Settings of Redis that can lose what is stored',
    async () => parts.redisNotes().length,
  );
  gauge('connector_records_whole', '0 while the records are not known to be all that there are', async () =>
    Number((await completeness.extent()) !== undefined),
  );
  const { isWebhookRegistered } = parts;
  if (isWebhookRegistered)
    gauge('connector_webhook_registered', "1 once Partner Center's webhook is registered", async () =>
      Number(isWebhookRegistered()),
    );

  gauges('connector_looks', 'Subscriptions that wait for a look, were put off, or are looked at', ['state'], async () =>
    Object.entries(await producer.looks()).map(([state, value]) => ({ labels: { state }, value })),
  );
  gauge('connector_oldest_look_waiting_seconds', 'Longest time that any look has waited for a worker', async () => {
    const since = await producer.oldestWaitingSince();
    return since === undefined ? 0 : Math.max(0, clock.now() - since) / 1_000;
  });

  gauges('connector_subscriptions', 'Subscriptions by product and state', ['product', 'state'], async () =>
    summed(await tallies.read(), ({ productType, state }) => ({ product: productType, state })),
  );
  gauges(
    'connector_subscriptions_stuck',
    'Subscriptions that stand still, by the code of the reason',
    ['state', 'code'],
    async () =>
      summed(
        (await tallies.read()).filter(({ state }) => STUCK.has(state)),
        ({ state, why }) => ({ state, code: why }),
      ),
  );
  gauges('connector_subscriptions_waiting', 'Subscriptions that wait, by what they wait for', ['for'], async () =>
    summed(
      (await tallies.read()).filter(({ state, why }) => (state === 'waiting' || state === 'idle') && why !== ''),
      ({ why }) => ({ for: why }),
    ),
  );
  gauges(
    'connector_customer_waiting_seconds',
    'Longest time that any customer has been waited for',
    ['for'],
    async () =>
      Promise.all(
        (['agreement', 'invitation'] as const).map(async (turn) => {
          const since = await tallies.waitingSince(turn);
          return { labels: { for: turn }, value: since === undefined ? 0 : (clock.now() - since) / 1_000 };
        }),
      ),
  );
  const exposed = async () =>
    sumExposed(await tallies.exposedCosts(), new Date(clock.now()).toISOString().slice(0, 10));
  gauge(
    'connector_exposures',
    'Subscriptions that have ended and that Microsoft still charges',
    async () => (await exposed()).count,
  );
  gauges(
    'connector_exposure_cost',
    'Cost of connector_exposures per billing period, before tax',
    ['currency'],
    async () =>
      Object.entries((await exposed()).byCurrency).map(([currency, value]) => ({ labels: { currency }, value })),
  );
  gauges('connector_interventions', 'Subscriptions that people hold or have detached', ['kind'], async () => {
    const kinds = [...(await interventions.all()).values()].map(({ kind }) => kind);
    return (['held', 'detached'] as const).map((kind) => ({
      labels: { kind },
      value: kinds.filter((one) => one === kind).length,
    }));
  });
  gauge('connector_quarantine_size', 'Signed request bodies that were not a valid notification', () =>
    quarantine.size(),
  );

  gauge('connector_sweep_period_seconds', 'How often a sweep is due', async () => config.timing.sweepEveryMs / 1_000);
  gauge('connector_sweep_finished_timestamp_seconds', 'When a sweep last finished; 0 before the first', async () => {
    const last = await sweepLog.last();
    return last ? Date.parse(last.finishedAt) / 1_000 : 0;
  });
  gauges('connector_sweep_duration_seconds', 'How long the last sweep took', [], async () =>
    ofLastSweep(({ durationMs }) => durationMs / 1_000),
  );
  gauges('connector_sweep_listed', 'Living subscriptions that the last sweep found in the marketplace', [], async () =>
    ofLastSweep(({ listed }) => listed),
  );
  gauges('connector_sweep_looks', 'Looks that the last sweep asked for', [], async () =>
    ofLastSweep(({ looks }) => looks),
  );

  gauges(
    'connector_refresh_token_renewed_timestamp_seconds',
    'When Microsoft last gave us a refresh token; it lapses 90 days later',
    [],
    async () => {
      const at = await refreshTokens.renewedAt(config.partnerCenter.refreshToken?.read());
      return at === undefined ? [] : [{ labels: {}, value: at / 1_000 }];
    },
  );
  gauges(
    'connector_upstream_budget_left',
    'Calls that an upstream allows now; of all budgets of a kind, the one with the fewest',
    ['upstream', 'kind'],
    async () => budgetsLeft(await store.listBudgets()).map(({ left, ...labels }) => ({ labels, value: left })),
  );
  gauges('connector_upstream_circuit_open', '1 while an upstream is out', ['upstream'], async () =>
    (await store.listCircuits()).map(({ upstream, openSince }) => ({
      labels: { upstream },
      value: openSince ? 1 : 0,
    })),
  );

  async function ofLastSweep(read: (sweep: NonNullable<Awaited<ReturnType<typeof sweepLog.last>>>) => number) {
    const last = await sweepLog.last();
    return last ? [{ labels: {}, value: read(last) }] : [];
  }
}

/** What the worker counts of its work. */
export function measuresOf({ operations, operationSeconds, stepSeconds }: Metrics): Measures {
  return {
    step({ productType, step, durationMs }) {
      stepSeconds.observe({ product: productType, step: kindOfStep(step) }, durationMs / 1_000);
    },
    operation({ productType, operation, outcome, durationMs }) {
      operations.inc({ product: productType, outcome });
      operationSeconds.observe({ product: productType, operation, outcome }, durationMs / 1_000);
    },
  };
}

/** The words at the beginning of a step's name: numbers, identifiers and whatever follows differ between steps of one kind. */
function kindOfStep(step: string): string {
  return /^[A-Za-z]+(?: [A-Za-z]+,?(?= |$))*/.exec(step)?.[0] ?? 'other';
}

/** Creates each counter at zero: Prometheus sees no increase in a series that begins at one. */
function countFromZero({ events, operations, throttled, countAlert }: Metrics): void {
  for (const outcome of EVENT_OUTCOMES) events.inc({ outcome }, 0);
  for (const product of PRODUCT_TYPES) for (const outcome of OUTCOMES) operations.inc({ product, outcome }, 0);
  for (const upstream of UPSTREAMS) throttled.inc({ upstream }, 0);
  for (const code of TOLD_ONCE) countAlert(code, 0);
}

/** The counts of those that have the same labels, added. */
function summed<Label extends string>(standing: Tally[], labelsOf: (tally: Tally) => Record<Label, string>) {
  const sums = new Map<string, { labels: Record<Label, string>; value: number }>();
  for (const tally of standing) {
    const labels = labelsOf(tally);
    const key = JSON.stringify(labels);
    sums.set(key, { labels, value: (sums.get(key)?.value ?? 0) + tally.count });
  }
  return [...sums.values()];
}
