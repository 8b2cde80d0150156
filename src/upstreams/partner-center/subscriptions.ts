import { z } from 'zod';
import { path, readBody } from '../http.ts';
import type { Call, Effect } from './call.ts';
import { refusedWith } from './errors.ts';
import { collection, PartnerSubscription, type ScheduledAction } from './schema.ts';

/**
 * What is to become of a partner subscription. Microsoft takes one change at a time; only `autoRenewEnabled` and the
 * scheduled actions that belong to it travel together. `null` removes a schedule.
 */
export interface SubscriptionChange {
  /** The new total of seats. */
  quantity?: number;
  /** `deleted` cancels, at once and for good. */
  status?: 'active' | 'suspended' | 'deleted';
  autoRenewEnabled?: boolean;
  scheduledActions?: ScheduledAction[] | null;
  /** The older form of a schedule, ignored where `scheduledActions` are present. */
  scheduledNextTermInstructions?: Record<string, unknown> | null;
  friendlyName?: string;
}

const Resource = z.record(z.string(), z.unknown());
const Etag = z.object({ attributes: z.object({ etag: z.string().min(1) }) });

export type PartnerSubscriptions = ReturnType<typeof createSubscriptions>;

/**
 * Returns the calls about partner subscriptions.
 *
 * @see https://learn.microsoft.com/partner-center/developer/subscription-resources
 */
export function createSubscriptions(call: Call) {
  /**
   * All partner subscriptions of a customer, ended ones included.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-all-of-a-customer-s-subscriptions
   */
  async function list(customerId: string): Promise<PartnerSubscription[]> {
    const answer = await call({ method: 'GET', path: path`/v1/customers/${customerId}/subscriptions` });
    return readBody(answer, collection(PartnerSubscription));
  }

  /**
   * A partner subscription; `undefined` when it does not exist.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-a-subscription-by-id
   */
  async function get(customerId: string, id: string): Promise<PartnerSubscription | undefined> {
    const answer = await call({ method: 'GET', path: pathOf(customerId, id), accept: refusedWith('20003') });
    return answer.status === 404 ? undefined : readBody(answer, PartnerSubscription);
  }

  /**
   * Changes exactly the given fields. Partner Center resets what a change leaves out, so the whole resource is read and sent
   * back with all that we do not know of.
   *
   * Returns the changed resource, or `undefined` when the change was accepted but not made yet: read until it shows. Any
   * change within the term removes the scheduled ones.
   *
   * @throws {PermanentError} `partner-center.900117` or `.900213` after the window for cancelling, `.800090`, `.900214` or
   *   `.900257` after that for giving seats back
   * @see https://learn.microsoft.com/partner-center/developer/update-a-subscription-by-id
   */
  async function update(
    customerId: string,
    id: string,
    change: SubscriptionChange,
    { requestId }: Effect,
  ): Promise<PartnerSubscription | undefined> {
    const found = readBody(await call({ method: 'GET', path: pathOf(customerId, id) }), Resource);
    const { data: tagged } = Etag.safeParse(found);
    const answer = await call({
      method: 'PATCH',
      path: pathOf(customerId, id),
      requestId,
      // Only legacy subscriptions have an etag that means something.
      headers: tagged ? { 'If-Match': quoted(tagged.attributes.etag) } : {},
      body: applied(found, change),
    });
    return answer.status === 202 ? undefined : readBody(answer, PartnerSubscription);
  }

  return { list, get, update };
}

function pathOf(customerId: string, id: string): string {
  return path`/v1/customers/${customerId}/subscriptions/${id}`;
}

/** The resource with the changed fields in the place of its own, whatever the case of their names. */
function applied(resource: Record<string, unknown>, change: SubscriptionChange): Record<string, unknown> {
  const changed = new Set(Object.keys(change).map((name) => name.toLowerCase()));
  const kept = Object.entries(resource).filter(([name]) => !changed.has(name.toLowerCase()));
  return { ...Object.fromEntries(kept), ...change };
}

function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}
