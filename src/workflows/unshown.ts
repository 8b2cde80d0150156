import { AttentionError } from '../lib/errors.ts';
import { mayBeCharged } from './fulfillment.ts';
import type { LookOutcome } from './look.ts';
import type { RecordWriter } from './record-writer.ts';

/** So many looks in a row may find nothing before an unknown subscription is forgotten: a new one may not be visible at once. */
const LOOKS_FOR_UNKNOWN = 5;

/**
 * What becomes of a subscription that the marketplace does not show: one that is not known yet may still appear.
 *
 * @throws {AttentionError} `subscription.vanished` when it may be charged at Microsoft
 */
export async function lookAtUnshown({
  writer,
  backoffMs,
}: {
  writer: RecordWriter;
  backoffMs(attempts: number): number;
}): Promise<LookOutcome> {
  const { subscriptionId, fulfillment } = writer.record;
  if (mayBeCharged(fulfillment) && !fulfillment?.endedAt) {
    throw new AttentionError(
      'subscription.vanished',
      `The marketplace no longer shows subscription ${subscriptionId}, but it exists at Microsoft and may be charged. Nothing is ended on that alone: find out why, then end it by hand and detach it.`,
    );
  }
  if (fulfillment) {
    await writer.standAt('done', {});
    return { done: true };
  }
  const attempts = writer.record.attempts + 1;
  const waitingFor = 'the marketplace to show the subscription';
  if (attempts > LOOKS_FOR_UNKNOWN) {
    await writer.standAt('idle', { attempts: 0, waitingFor });
    return { done: true };
  }
  await writer.standAt('waiting', { attempts, waitingFor });
  return { againInMs: backoffMs(attempts + 2) };
}
