import type { Flow } from '../../engine/workflow.ts';
import { compact } from '../../lib/compact.ts';
import { hasEnded, type PartnerSubscription } from '../../upstreams/partner-center/schema.ts';
import type { Look } from '../look.ts';
import { awaitPartnerSubscription, changePartnerSubscription, type LicenseParts } from './partner-subscription.ts';

type Status = 'suspended' | 'active';

/**
 * Suspends a licence, or reactivates it, and waits until that shows. Until then the record of the suspension names what was asked for, and
 * whoever wants the opposite waits for it first: Microsoft may accept a change and make it later, over what was decided since.
 *
 * @throws {AttentionError} as `changePartnerSubscription`
 * @see https://learn.microsoft.com/partner-center/developer/update-a-subscription-by-id
 */
export async function changeStatus(flow: Flow, look: Look, status: Status, parts: LicenseParts): Promise<void> {
  if (asked(look) !== status) await awaitStatus(flow, look, parts);
  await flow.step(`note that it is to be ${status}`, () => noteAsked(look, status));
  const [name, shows] =
    status === 'suspended'
      ? ['suspend', isPast(status)]
      : ['reactivate', (found: PartnerSubscription | undefined) => found?.status === status];
  await changePartnerSubscription(flow, look, name, { change: () => ({ status }), shows }, parts);
  await noteAsked(look, undefined);
}

/** Waits for the change of status that Microsoft was asked for and has not shown yet, for as long as one may take. */
export async function awaitStatus(flow: Flow, look: Look, parts: LicenseParts): Promise<void> {
  const status = asked(look);
  if (status)
    await awaitPartnerSubscription(flow, `asked for before: ${status}`, look.fulfillment(), isPast(status), parts);
}

function asked(look: Look): Status | undefined {
  return look.fulfillment().suspended?.asked;
}

async function noteAsked(look: Look, status: Status | undefined): Promise<void> {
  const { suspended } = look.fulfillment();
  if (suspended) await look.note({ suspended: compact({ ...suspended, asked: status }) });
}

/** Whether it shows, or what has ended can show it no more. */
function isPast(status: Status): (found: PartnerSubscription | undefined) => boolean {
  return (found) => found?.status === status || hasEnded(found);
}
