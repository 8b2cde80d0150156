import type { Lane } from '../engine/journal.ts';
import { AttentionError } from '../lib/errors.ts';
import type { Subscription } from '../upstreams/cloudesire/schema.ts';
import type { CustomerDirectory } from './customer-directory.ts';
import type { LookOutcome } from './look.ts';
import type { Operation } from './operations.ts';
import type { Run, SubscriptionRecord } from './record.ts';
import { QUIET, type RecordWriter } from './record-writer.ts';
import { isChangeOfPlan } from './stuck-change.ts';

export interface EndRunParts {
  lane: Lane;
  writer: RecordWriter;
  directory: Pick<CustomerDirectory, 'release'>;
  /** How long to wait after so many failed tries in a row, in milliseconds. */
  backoffMs(attempts: number): number;
}

/** So often something may be done again in a row before a person is told. */
const MOST_IN_VAIN = 5;

/** Whether the same was done so often in a row without showing that a person was told. */
export function isDoneInVain({ lastDone }: Pick<SubscriptionRecord, 'lastDone'>): boolean {
  return (lastDone?.again ?? 0) >= MOST_IN_VAIN;
}

/**
 * Ends the run of an operation whose workflow has come to its end. One more look follows at once, which finds the next difference. If it
 * finds the same one, what was done does not show: it is done again ever more slowly, and a person is told.
 *
 * @throws {AttentionError} `operation.in-vain` or `cloudesire.status-ignored` when that has happened too often
 */
export function createEndRun({ lane, writer, directory, backoffMs }: EndRunParts) {
  const { subscriptionId } = lane;

  return async (
    { operation, target }: Pick<Run, 'operation' | 'target'>,
    subscription: Subscription,
  ): Promise<LookOutcome> => {
    writer.measureOperation('done');
    if (operation === 'deprovision') await endProvisioning(subscription);
    const done = `${operation} ${target ?? ''}`;
    const again = writer.record.lastDone?.run === done ? writer.record.lastDone.again + 1 : 0;
    const lastDone = { run: done, again };
    const isInVain = isDoneInVain({ lastDone });
    await writer.standAt('done', {
      ...QUIET,
      ...(isInVain && { alerted: writer.record.alerted, attempts: again - MOST_IN_VAIN }),
      lastDone,
      run: undefined,
      ...(isChangeOfPlan(operation) && { aside: undefined }),
      step: undefined,
      failure: undefined,
    });
    if (isInVain) throw inVain(operation);
    // The marketplace takes a moment to show a report.
    return { againInMs: operation === 'report' || again > 0 ? backoffMs(again + 3) : 0 };
  };

  async function endProvisioning(subscription: Subscription): Promise<void> {
    if (writer.record.customer) await directory.release(lane, writer.record.customer);
    const shownBefore = writer.record.run?.status ?? subscription.deploymentStatus;
    if (shownBefore === 'UNDEPLOY_SENT') return;
    await writer.tellOperations({
      code: 'subscription.ended-without-us',
      message: `The marketplace showed subscription ${subscriptionId} as ${shownBefore} before it was ended at Microsoft; it is ended there now. Find out who set that status.`,
    });
  }

  function inVain(operation: Operation): AttentionError {
    if (operation === 'report') {
      return new AttentionError(
        'cloudesire.status-ignored',
        `The marketplace accepts the report that subscription ${subscriptionId} is deployed, but does not show it. Look at it there.`,
      );
    }
    return new AttentionError(
      'operation.in-vain',
      `For subscription ${subscriptionId} "${operation}" was done ${MOST_IN_VAIN + 1} times, each time with success, and is needed again. Compare in Partner Center and in the marketplace what it is about.`,
    );
  }
}
