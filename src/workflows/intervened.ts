import { AttentionError, ConnectorError } from '../lib/errors.ts';
import { toTheMinute } from '../lib/moment.ts';
import type { Wait } from '../lib/wait.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { Subscription } from '../upstreams/cloudesire/schema.ts';
import type { Intervention } from './interventions.ts';
import type { LookOutcome } from './look.ts';
import { matterOf } from './record.ts';
import { QUIET, type RecordWriter } from './record-writer.ts';
import { stuckChangeOf } from './stuck-change.ts';

const ENDING_WHILE_HELD = 'subscription.ending-while-held';
/** Pause before the marketplace is asked again about a subscription that is held. */
const UNREAD_PAUSE_MS = 60_000;

/**
 * Stands aside for operations, who hold the subscription, or have taken it over. Of one that is held the marketplace may go on to want its
 * end: somebody has to know that, for Microsoft charges on.
 */
export async function lookAtIntervened(
  { writer, cloudesire }: { writer: RecordWriter; cloudesire: Pick<Cloudesire, 'subscriptions'> },
  { kind, by, at, reason }: Intervention,
): Promise<LookOutcome> {
  const { subscriptionId } = writer.record;
  const aside = stuckChangeOf(writer.record);
  if (kind === 'detached') {
    await writer.standAt('idle', {
      ...QUIET,
      aside,
      // Whatever becomes of it meanwhile, a sweep has it looked at once it is given back.
      seen: undefined,
      waitingFor: `operations, who have detached it (${by}, ${toTheMinute(at)}: ${reason})`,
    });
    return { done: true };
  }
  const waitingFor: Wait = `operations to release it (held by ${by}, ${toTheMinute(at)}: ${reason})`;
  await writer.standAt('waiting', { waitingFor, aside, attempts: 0, failingSince: undefined });
  let subscription: Subscription | undefined;
  try {
    subscription = await cloudesire.subscriptions.get(subscriptionId);
  } catch (error) {
    if (error instanceof ConnectorError) return { againInMs: UNREAD_PAUSE_MS };
    throw error;
  }
  const ending = matterOf(ENDING_WHILE_HELD, writer.record);
  if (subscription?.deploymentStatus === 'UNDEPLOY_SENT' && writer.record.alerted !== ending) {
    writer.alert(
      new AttentionError(
        ENDING_WHILE_HELD,
        `The marketplace wants subscription ${subscriptionId} to end, but it is held, so that nothing is ended and Microsoft charges on. Release it, or end it by hand and detach it.`,
      ),
    );
    await writer.keep({ alerted: ending });
  }
  return { done: true };
}
