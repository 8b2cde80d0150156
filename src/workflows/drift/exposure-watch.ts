import type { Alerts } from '../../lib/alerts.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Records } from '../record.ts';
import { mostChanges } from './out-of-service.ts';
import type { ReconciliationOptions, ReconciliationResult } from './reconciliation.ts';
import type { SweepLog } from './sweep-log.ts';

export interface ExposureWatchParts {
  records: Pick<Records, 'ids' | 'get'>;
  sweepLog: Pick<SweepLog, 'exposuresSeenOn' | 'noteExposuresSeen'>;
  reconcile(options: ReconciliationOptions, signal: AbortSignal): Promise<ReconciliationResult>;
  alerts: Alerts;
  clock: Clock;
}

/** What has renewed all the same can be cancelled for seven days. */
const STILL_OF_USE_MS = 7 * 86_400_000;

/**
 * Looks at Microsoft, once a day, whether what the marketplace has ended only runs to the end of the term that is paid for. What would renew,
 * or has, is ended there again, and operations are told: somebody has switched its renewal on.
 *
 * @throws {RetryableError} when an upstream does not answer
 */
export function createExposureWatch(parts: ExposureWatchParts): (signal: AbortSignal) => Promise<void> {
  const { records, sweepLog, reconcile, alerts, clock } = parts;

  return async (signal) => {
    const today = dayOf(clock.now());
    if ((await sweepLog.exposuresSeenOn()) === today) return;
    const renewing: number[] = [];
    for await (const id of exposed()) {
      signal.throwIfAborted();
      const { differences } = await reconcile({ dryRun: true, subscriptionId: id }, signal);
      if (differences.some(({ kind, leadsTo }) => kind === 'orphan-at-microsoft' && leadsTo === 'change'))
        renewing.push(id);
    }
    const most = mostChanges(0);
    if (renewing.length > most) {
      alerts.attention({
        code: 'exposure.renews',
        message: `${renewing.length} subscriptions that the marketplace has ended would renew at Microsoft, or have. More than ${most} are not ended there again without a person's approval: see in Partner Center who switched their renewal on. List them with: connector reconcile --dry-run, and end them with: connector reconcile --limit ${renewing.length} --reason "…"`,
      });
    } else {
      for (const id of renewing) {
        alerts.attention({
          code: 'exposure.renews',
          subscriptionId: id,
          message: `Subscription ${id}, which the marketplace has ended, would renew at Microsoft, or has: it is ended there again. Find out who switched its renewal on; where it is meant to go on, detach it.`,
        });
        await reconcile({ dryRun: false, subscriptionId: id }, signal);
      }
    }
    await sweepLog.noteExposuresSeen(today);
  };

  async function* exposed(): AsyncGenerator<number> {
    const since = dayOf(clock.now() - STILL_OF_USE_MS);
    for await (const id of records.ids()) {
      const { exposure } = (await records.get(id))?.fulfillment ?? {};
      if (exposure && (exposure.until ?? since) >= since) yield id;
    }
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
