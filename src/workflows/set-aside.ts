import type { Lane } from '../engine/journal.ts';
import type { Alerts } from '../lib/alerts.ts';
import type { Clock } from '../lib/clock.ts';
import { AttentionError } from '../lib/errors.ts';
import { matterOf, type Records } from './record.ts';
import { createRecordWriter, lastErrorOf } from './record-writer.ts';
import type { Timeline } from './timeline.ts';

export interface SetAsideParts {
  records: Records;
  timeline: Timeline;
  openLane(subscriptionId: number, signal: AbortSignal): Promise<Lane>;
  alerts: Alerts;
  clock: Clock;
}

/**
 * Writes down that looks at a subscription took their process down again and again, so that it is looked at again only in `againInMs`, and
 * tells a person once. Whatever was done for it stands in its journal: the next look goes on from there.
 */
export function createSetAside({ records, timeline, openLane, alerts, clock }: SetAsideParts) {
  return async (subscriptionId: number, facts: { crashes: number; againInMs: number }): Promise<void> => {
    const lane = await openLane(subscriptionId, new AbortController().signal);
    const stored = await records.get(subscriptionId);
    const writer = createRecordWriter({ lane, stored, records, timeline, alerts, clock });
    const error = new AttentionError(
      'look.crashes',
      `Looks at subscription ${subscriptionId} took their process down ${facts.crashes} times in a row, so it is set aside for ${facts.againInMs / 60_000} minutes, for the others to get on. Find out from the log and the exit code of the processes what ends them (memory, a crash of Node.js), and hold the subscription until that is cured.`,
    );
    const alerted = matterOf(error.code, writer.record);
    if (writer.record.alerted !== alerted) writer.alert(error);
    await writer.standAt('needs-attention', {
      alerted,
      waitingFor: 'operations to do what the last error says',
      ...lastErrorOf(error, new Date(clock.now()).toISOString()),
    });
  };
}
