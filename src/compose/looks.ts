import type { Config } from '../config.ts';
import type { FlowParts } from '../engine/workflow.ts';
import type { Alerts } from '../lib/alerts.ts';
import { backoffMs } from '../lib/backoff.ts';
import { systemClock } from '../lib/clock.ts';
import { createDerivedSecrets } from '../lib/derived-secrets.ts';
import type { Log } from '../lib/log.ts';
import { patternOf } from '../lib/route-pattern.ts';
import { createSecretBox } from '../lib/secret-box.ts';
import { createReport } from '../report/report.ts';
import type { UpstreamCall } from '../upstreams/http.ts';
import { createCatalog } from '../workflows/catalog.ts';
import { createExposureWatch } from '../workflows/drift/exposure-watch.ts';
import { createInventory } from '../workflows/drift/inventory.ts';
import { createRebuild, type RebuildOptions } from '../workflows/drift/rebuild.ts';
import { createReconciliation, type ReconciliationOptions } from '../workflows/drift/reconciliation.ts';
import { createSweep } from '../workflows/drift/sweep.ts';
import { createLookAtSubscription } from '../workflows/look-at-subscription.ts';
import type { Measures } from '../workflows/operations.ts';
import { createSetAside } from '../workflows/set-aside.ts';
import { createTurns } from '../workflows/turn.ts';
import { createWebhookRegistration } from '../workflows/webhook-registration.ts';
import { azureSettings, licenseSettings } from './settings.ts';
import type { Store } from './store.ts';
import { composeUpstreams } from './upstreams.ts';

/** Longest pause between two tries of something that fails. */
const LONGEST_BACKOFF_MS = 300_000;

export interface LookParts {
  /** Over a connection from `workerConnection`. */
  store: Store;
  log: Log;
  alerts: Alerts;
  requestLook(subscriptionId: number): Promise<'queued' | 'backlog-full'>;
  observe(call: UpstreamCall): void;
  /** Absent where nothing is counted. */
  measures?: Measures;
  /** Absent where nobody follows the steps. */
  aroundStep?: FlowParts['around'];
  /** Does something later, unless the process ends before. */
  later(work: () => Promise<void>, inMs: number): void;
}

/** Builds what a worker does: the look at one subscription, and the sweep over all. */
export function composeLooks(
  config: Config,
  { store, log, alerts, requestLook, observe, measures, aroundStep, later }: LookParts,
) {
  const clock = systemClock;
  const { timing, sales } = config;
  const { lanes, records, completeness, interventions, lines, timeline, partnerSubscriptions, directory } = store;
  const turns = createTurns();
  const { cloudesire, partnerCenter, azure, templateHost } = composeUpstreams(config, {
    store,
    observe(call) {
      observe(call);
      tellCall(call);
    },
    readTimeoutMs: timing.httpTimeoutMs,
    mayWrite: lanes.assertHeld,
    turn: turns.current,
    log,
    alerts,
  });
  const report = createReport({ cloudesire, languages: config.cloudesire.languages });

  const pauseAfter = (attempts: number): number =>
    backoffMs({ attempts, baseMs: timing.retryBaseMs, capMs: LONGEST_BACKOFF_MS, random: Math.random });

  const catalog = createCatalog({
    cloudesire,
    partnerCenter,
    report,
    directory,
    box: createSecretBox(config.redis.stateKeys),
    mode: sales.agreementMode,
    privateCustomers: sales.privateCustomers,
    resellerPartnerIds: sales.resellerPartnerIds,
    license: licenseSettings(config),
    azure,
    templateHost,
    templates: store.templates,
    secrets: createDerivedSecrets(config.redis.stateKeys),
    settings: azureSettings(config),
    applicationId: config.partnerCenter.clientId,
    pollEveryMs: timing.pollEveryMs,
    grace: (usualMs) => usualMs * timing.graceScale,
    now: () => clock.now(),
    async isProvisioning(subscriptionId) {
      const record = await records.get(subscriptionId);
      return record?.run?.operation === 'provision' && ['running', 'waiting', 'retrying'].includes(record.state);
    },
  });
  const planning = { sandboxOrders: sales.sandboxOrders };
  const look = createLookAtSubscription({
    cloudesire,
    catalog,
    report,
    records,
    completeness,
    timeline,
    journal: store.journal,
    directory,
    partnerSubscriptions,
    interventions,
    alerts,
    measures,
    aroundStep,
    log,
    clock,
    withinTurn: turns.within,
    leaveLines: lines.leave,
    backoffMs: pauseAfter,
    settings: {
      ...planning,
      deadlineMs: timing.operationDeadlineMs,
      retryBaseMs: timing.retryBaseMs,
    },
  });
  /** Adds a call to the timeline of the subscription that it was made for, without personal data. */
  function tellCall({ path, ...call }: UpstreamCall): void {
    const { holder } = turns.current() ?? {};
    if (holder === undefined) return;
    const { upstream, method, status, errorCode } = call;
    const text = `${upstream}: ${method} ${patternOf(path)} → ${status ?? errorCode ?? 'no answer'}`;
    const entry = { at: new Date(clock.now()).toISOString(), kind: 'call', text, ...call } as const;
    timeline
      .noteCall(Number(holder), entry)
      .catch((err: unknown) => log.debug({ err, subscriptionId: holder }, 'a call is not in the story'));
  }

  const { publicUrl } = config.http;
  const webhookRegistration =
    publicUrl === undefined || config.readOnly
      ? undefined
      : createWebhookRegistration({
          webhooks: partnerCenter.webhooks,
          url: `${publicUrl}/partner-center/event`,
          log,
          alerts,
          backoffMs: pauseAfter,
          later,
        });

  const inBackground = <T>(work: () => Promise<T>): Promise<T> =>
    turns.within({ urgency: 'background', sinceAt: clock.now() }, work);
  const takeInventory = createInventory({ partnerCenter, azure });
  const rebuild = createRebuild({
    cloudesire,
    customers: partnerCenter.customers,
    catalog,
    takeInventory,
    records,
    completeness,
    timeline,
    directory,
    partnerSubscriptions,
    openLane: lanes.openLane,
    alerts,
    clock,
    log,
  });
  const reconcile = createReconciliation({
    cloudesire,
    catalog,
    takeInventory,
    records,
    interventions,
    completeness,
    timeline,
    openLane: lanes.openLane,
    requestLook,
    alerts,
    clock,
    settings: planning,
  });
  const watchExposures = createExposureWatch({ records, sweepLog: store.sweepLog, reconcile, alerts, clock });
  const { ensureWhole } = rebuild;
  const sweep = createSweep({
    cloudesire,
    records,
    sweepLog: store.sweepLog,
    interventions,
    ensureWhole,
    requestLook,
    alerts,
    clock,
    log,
  });
  return {
    webhookRegistration,
    /** Subscriptions whose looks wait for calls and may come sooner than they were told; to be asked again after `everyMs`. */
    calledUp: async (everyMs: number): Promise<number[]> => (await lines.callUp(everyMs)).map(Number),
    look: async (subscriptionId: number, signal: AbortSignal, asked: { isUrgent: boolean }) =>
      lanes.workIn(await lanes.openLane(subscriptionId, signal), (lane) => look(lane, asked)),
    async sweep(signal: AbortSignal) {
      await store.tallies.repair();
      await inBackground(async () => {
        await sweep(signal);
        await watchExposures(signal);
      });
    },
    setAside: createSetAside({ records, timeline, openLane: lanes.openLane, alerts, clock }),
    rebuild: (options: RebuildOptions, signal: AbortSignal) => inBackground(() => rebuild.rebuild(options, signal)),
    reconcile: (options: ReconciliationOptions, signal: AbortSignal) => inBackground(() => reconcile(options, signal)),
  };
}
