import { z } from 'zod';
import { path, readBody } from '../http.ts';
import type { Call, Effect } from './call.ts';
import { refusedWith } from './errors.ts';
import { pagesOf } from './pages.ts';
import {
  CustomTermEnd,
  collection,
  PartnerSubscription,
  type ScheduledAction,
  Transition,
  TransitionEligibility,
} from './schema.ts';

/**
 * What is to become of a partner subscription. Microsoft takes one change at a time; only `autoRenewEnabled` and the
 * scheduled actions that belong to it travel together. `null` removes a schedule. A schedule in one form takes the place of
 * one in the other.
 */
export interface SubscriptionChange {
  /** The new total of seats. */
  quantity?: number;
  /** `deleted` cancels, at once and for good. */
  status?: 'active' | 'suspended' | 'deleted';
  autoRenewEnabled?: boolean;
  scheduledActions?: ScheduledAction[] | null;
  /** The older form of a schedule. */
  scheduledNextTermInstructions?: Record<string, unknown> | null;
  friendlyName?: string;
}

/** What a partner subscription is to be turned into. */
export interface NewTransition {
  /** From the eligibilities, read just before. */
  toCatalogItemId: string;
  /** The seats that move: all of them keep the partner subscription, fewer make another one. A trial moves 25 or more. */
  quantity: number;
  /** `transition_only` or `transition_with_license_transfer`, whichever is eligible. */
  transitionType: string;
  /** ISO 8601 duration, not shorter than the present one. */
  termDuration?: string;
  /** `monthly`, `annual` or `triennial`. */
  billingCycle?: string;
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
    const read = await call({ method: 'GET', path: pathOf(customerId, id) });
    // All of it is sent back: only what is a partner subscription may be.
    readBody(read, PartnerSubscription);
    const found = readBody(read, Resource);
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

  /**
   * What a partner subscription can become, at once or at its renewal.
   *
   * @see https://learn.microsoft.com/partner-center/developer/transition-a-new-commerce-subscription
   */
  async function transitionEligibilities(
    customerId: string,
    id: string,
    type: 'immediate' | 'scheduled',
  ): Promise<TransitionEligibility[]> {
    const answer = await call({
      method: 'GET',
      path: `${pathOf(customerId, id)}/transitionEligibilities`,
      query: { eligibilityType: type },
    });
    return readBody(answer, collection(TransitionEligibility));
  }

  /**
   * Begins to turn a partner subscription into something higher, or a trial into a paid one. It cannot be taken back, and goes
   * on for minutes: follow it in `transitions`. After an unclear answer look for it there before sending it again.
   *
   * @throws {AttentionError} `partner-center.900267` to `.900270` when term or billing cycle do not suit
   * @throws {RetryableError} `partner-center.malformed`, effect unknown, for an answer without `operationId`, which is missing
   *   in Microsoft's own sample; the history has it
   * @see https://learn.microsoft.com/partner-center/developer/transition-a-new-commerce-subscription
   */
  async function transition(
    customerId: string,
    id: string,
    target: NewTransition,
    { requestId }: Effect,
  ): Promise<Transition> {
    const answer = await call({
      method: 'POST',
      path: `${pathOf(customerId, id)}/transitions`,
      requestId,
      body: target,
    });
    return readBody(answer, Transition);
  }

  /**
   * The transitions of a partner subscription: all, or the one of an operation.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-transitions
   */
  async function transitions(customerId: string, id: string, operationId?: string): Promise<Transition[]> {
    const answer = await call({
      method: 'GET',
      path: `${pathOf(customerId, id)}/transitions`,
      query: { operationId },
    });
    return readBody(answer, collection(Transition));
  }

  /**
   * The days, each once, on which the first term of a new subscription may end: with a month, or with another partner
   * subscription of the customer. They do not hold for renewals.
   *
   * @param termDuration `P1M`, `P1Y` or `P3Y`
   * @see https://learn.microsoft.com/partner-center/developer/custom-term-end-dates
   */
  async function customTermEndDates(customerId: string, termDuration: string): Promise<CustomTermEnd[]> {
    const ends = new Map<string, CustomTermEnd>();
    const pages = pagesOf(call, {
      method: 'GET',
      path: path`/v1/customers/${customerId}/subscriptions/customTermEndDates`,
      query: { term_duration: termDuration },
    });
    for await (const page of pages) {
      for (const { date, isShared } of readBody(page, collection(CustomTermEnd)))
        ends.set(date, { date, isShared: isShared || ends.get(date)?.isShared === true });
    }
    return [...ends.values()];
  }

  return { list, get, update, transitionEligibilities, transition, transitions, customTermEndDates };
}

function pathOf(customerId: string, id: string): string {
  return path`/v1/customers/${customerId}/subscriptions/${id}`;
}

/** The resource with the changed fields in the place of its own, whatever the case of their names. */
function applied(resource: Record<string, unknown>, change: SubscriptionChange): Record<string, unknown> {
  const replaced = Object.keys(change);
  // Microsoft honours only the actions where both forms are present: what is left of the other would outrank the change.
  if (change.scheduledActions) replaced.push('scheduledNextTermInstructions');
  if (change.scheduledNextTermInstructions) replaced.push('scheduledActions');
  const gone = new Set(replaced.map((name) => name.toLowerCase()));
  const kept = Object.entries(resource).filter(([name]) => !gone.has(name.toLowerCase()));
  return { ...Object.fromEntries(kept), ...change };
}

function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}
