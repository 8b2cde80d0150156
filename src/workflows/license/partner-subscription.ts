import { randomUUID } from 'node:crypto';
import type { Flow } from '../../engine/workflow.ts';
import { MINUTE_MS } from '../../lib/durations.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import { hasEnded, NextTerm, type PartnerSubscription } from '../../upstreams/partner-center/schema.ts';
import type { SubscriptionChange } from '../../upstreams/partner-center/subscriptions.ts';
import type { AtMicrosoft, Fulfillment } from '../fulfillment.ts';
import type { Grace } from '../grace.ts';
import type { Look } from '../look.ts';
import { pollPlan } from '../steps/polls.ts';
import { isSameItem, productAndSku, type TermItem } from '../term-item.ts';
import { boughtOf } from './bought.ts';
import { findCatalogItem, type WantedItem } from './catalog-item.ts';

export interface LicenseParts {
  partnerCenter: PartnerCenter;
  now(): number;
  pollEveryMs: number;
  grace: Grace;
}

/** The partner subscription of a fulfillment, as Partner Center shows it now; undefined when it is gone. */
export function readPartnerSubscription(
  { partnerCenter }: { partnerCenter: Pick<PartnerCenter, 'subscriptions'> },
  fulfillment: Fulfillment,
): Promise<PartnerSubscription | undefined> {
  const { customerId, partnerSubscriptionId } = boughtOf(fulfillment);
  return partnerCenter.subscriptions.get(customerId, partnerSubscriptionId);
}

/** After this a change that does not show is made again, since somebody may have undone it. */
const SHOWN_WITHIN_MS = 15 * MINUTE_MS;
const MOST_TRIES = 3;

/**
 * Makes one change to a partner subscription and waits until it shows, since a change may be accepted first and made later. One change
 * at a time: Microsoft refuses or mixes up several.
 *
 * @param change computed from what was read just before, so that it fits what is there
 * @throws {AttentionError} `partner-subscription.unchanged` when it does not show although it was accepted three times
 */
export async function changePartnerSubscription(
  flow: Flow,
  look: Look,
  name: string,
  {
    change,
    shows,
  }: {
    change(found: PartnerSubscription): SubscriptionChange | Promise<SubscriptionChange>;
    shows(found: PartnerSubscription | undefined): boolean;
  },
  parts: LicenseParts,
): Promise<Shown> {
  const fulfillment = look.fulfillment();
  const read = (): Promise<PartnerSubscription | undefined> => readPartnerSubscription(parts, fulfillment);
  for (let time = 1; ; time += 1) {
    if (time > 1 && time % MOST_TRIES === 1) {
      const shown = await giveUpAfter(time - 1);
      if (shown) return shown;
    }
    await make(time === 1 ? name : `${name}, again ${time}`);
    const shown = await awaitPartnerSubscription(
      flow,
      `${name}: seen at Microsoft${time === 1 ? '' : ` ${time}`}`,
      fulfillment,
      shows,
      parts,
    );
    if (shown) return shown;
  }

  function make(effect: string): Promise<true> {
    // Of a first send what reading alone refuses is found before it counts as sent.
    let seen: Awaited<ReturnType<typeof see>> | undefined;
    return flow.effect<{ requestId: string }, true>(effect, {
      async prepare() {
        seen = await see();
        return { requestId: randomUUID() };
      },
      find: async () => (shows(await read()) ? true : undefined),
      async act({ requestId }) {
        const needed = seen === undefined ? await see() : seen;
        if (!needed) return true;
        const { id, wanted } = needed;
        const { customerId } = boughtOf(fulfillment);
        await parts.partnerCenter.subscriptions.update(customerId, id, wanted, { requestId });
        return true;
      },
    });
  }

  /** The change that is needed by what is there now; null when it shows already. */
  async function see(): Promise<{ id: string; wanted: SubscriptionChange } | null> {
    const found = await read();
    if (shows(found)) return null;
    if (!found) throw gone(fulfillment);
    return { id: found.id, wanted: await change(found) };
  }

  /** Returns when operations want it made again, or with what it shows once somebody else has made it. */
  function giveUpAfter(times: number): Promise<Shown | null> {
    return flow.step(`${name}: go on after ${times}`, async () => {
      const found = await read();
      if (shows(found)) return shownBy(found);
      if (look.takeRetry()) return null;
      throw new AttentionError(
        'partner-subscription.unchanged',
        `Microsoft accepted "${name}" for partner subscription ${fulfillment.partnerSubscriptionId} of customer ${fulfillment.customerId} ${MOST_TRIES} times, but it does not show. See in Partner Center who changes it back; retry makes the change again.`,
        { cure: 'retry' },
      );
    });
  }
}

/** What a partner subscription shows once a change was made. */
export interface Shown {
  seats: number;
  commitmentEndDate?: string;
}

/** Waits until the partner subscription shows something, and returns what it shows; null when it does not within 15 minutes. */
export async function awaitPartnerSubscription(
  flow: Flow,
  name: string,
  fulfillment: Fulfillment,
  shows: (found: PartnerSubscription | undefined) => boolean,
  parts: LicenseParts,
): Promise<Shown | null> {
  const { pollEveryMs, grace } = parts;
  const plan = pollPlan('change', pollEveryMs, `Microsoft to make a change (${name})`);
  const { shown } = await flow.poll<{ shown: Shown | null }>(name, plan, async ({ sinceMs }) => {
    const found = await readPartnerSubscription(parts, fulfillment);
    if (!shows(found)) return sinceMs > grace(SHOWN_WITHIN_MS) ? { shown: null } : undefined;
    return { shown: shownBy(found) };
  });
  return shown;
}

function shownBy(found: PartnerSubscription | undefined): Shown {
  return {
    seats: found?.quantity ?? 0,
    ...(found?.commitmentEndDate && { commitmentEndDate: found.commitmentEndDate }),
  };
}

/** What the decision needs to know of a licence at Microsoft; `now` in ms since the epoch. */
export function describeAtMicrosoft(found: PartnerSubscription | undefined, now: number): AtMicrosoft {
  const status = hasEnded(found)
    ? 'ended'
    : found?.status === 'active' || found?.status === 'suspended'
      ? found.status
      : 'unknown';
  const next = onOrder(found);
  const refundable = refundableSeats(found, now);
  return {
    status,
    suspensionReasons: found?.suspensionReasons ?? [],
    ...(found?.commitmentEndDate && { commitmentEndDate: found.commitmentEndDate }),
    license: {
      seats: found?.quantity ?? 0,
      autoRenewEnabled: found?.autoRenewEnabled ?? false,
      isTrial: found?.isTrial ?? false,
      ...(next && { next }),
      ...(refundable !== undefined && { refundable }),
      ...(found && itemOf(found)),
    },
  };
}

/** The seats that may still be given back, as far as Microsoft says so: of each batch until its own moment. */
function refundableSeats(found: PartnerSubscription | undefined, now: number): number | undefined {
  if (!found?.refundableQuantity) return undefined;
  const { totalQuantity, details } = found.refundableQuantity;
  const closed = details.filter(({ allowedUntilDateTime: until }) => until !== undefined && Date.parse(until) < now);
  return totalQuantity - closed.reduce((seats, { quantity }) => seats + quantity, 0);
}

/** Offer, term and billing cycle of a partner subscription, as far as Microsoft states them. */
export function itemOf({ offerId, termDuration, billingCycle }: PartnerSubscription): Partial<Omit<TermItem, 'seats'>> {
  return {
    ...(offerId && { offerId: offerOf(offerId) }),
    ...(termDuration && { term: termDuration }),
    ...(billingCycle && { billingCycle }),
  };
}

/** What is on order for the next term, in either form in which Microsoft shows a schedule. */
export function onOrder(found: PartnerSubscription | undefined): Partial<TermItem> | undefined {
  const renewal = found?.scheduledActions.find(({ actionType }) => actionType.toLowerCase() === 'renewtonewterm');
  const { success, data } = NextTerm.safeParse(renewal?.instructions ?? found?.scheduledNextTermInstructions);
  if (!success) return undefined;
  const { seats, productId, skuId, term, billingCycle } = data;
  return {
    ...(seats !== undefined && { seats }),
    ...(productId && skuId && { offerId: `${productId}:${skuId}` }),
    ...(term && { term }),
    ...(billingCycle && { billingCycle }),
  };
}

/** Whether the end of the contract at the end of the term is on order. */
export function endsWithTerm(found: PartnerSubscription | undefined): boolean {
  if (!found || hasEnded(found)) return true;
  return (
    !found.autoRenewEnabled && found.scheduledActions.some(({ actionType }) => actionType.toLowerCase() === 'cancel')
  );
}

/** The same; a suspended one has lost its renewal already and accepts no schedule. */
export function runsOut(found: PartnerSubscription | undefined): boolean {
  return endsWithTerm(found) || found?.status === 'suspended';
}

/**
 * The change after which a term runs out: no renewal, and no extended term, which would be charged month by month.
 * https://learn.microsoft.com/partner-center/customers/extended-service-terms
 */
export const RUN_OUT: SubscriptionChange = {
  autoRenewEnabled: false,
  scheduledActions: [{ scheduleType: 'TermEnd', actionType: 'Cancel' }],
  scheduledNextTermInstructions: null,
};

/** The change after which the next term is like this one. */
export const NOTHING_ON_ORDER: SubscriptionChange = { scheduledActions: [], scheduledNextTermInstructions: null };

/**
 * Orders an item for the next term, with the renewal that it needs, and waits until it shows.
 *
 * @see https://learn.microsoft.com/partner-center/developer/create-scheduled-changes
 */
export async function orderNextTerm(
  flow: Flow,
  look: Look,
  name: string,
  item: TermItem & Pick<WantedItem, 'writtenIn'>,
  parts: LicenseParts,
): Promise<Shown> {
  const { country = '', segment = 'commercial' } = look.fulfillment();
  const { productId, skuId } = productAndSku(item.offerId);
  // As it is sold in the moment of the change: an availability is soon called something else, and the change may have waited for a renewal.
  const change = async () => {
    const next = await findCatalogItem(parts.partnerCenter, { ...item, productId, skuId, segment }, country);
    const [, , availabilityId] = next.catalogItemId.split(':');
    const product = { productId, skuId, availabilityId, billingCycle: item.billingCycle, termDuration: item.term };
    const instructions = { product, quantity: item.seats };
    return {
      autoRenewEnabled: true,
      scheduledActions: [{ scheduleType: 'TermEnd', actionType: 'RenewToNewTerm', instructions }],
    };
  };
  const shows = (found: PartnerSubscription | undefined): boolean => {
    const ordered = onOrder(found);
    return ordered !== undefined && isSameItem(ordered, item) && found?.autoRenewEnabled === true;
  };
  return changePartnerSubscription(flow, look, name, { change, shows }, parts);
}

/** `product:sku` of a catalogue item. */
export function offerOf(catalogItemId: string): string {
  return catalogItemId.split(':').slice(0, 2).join(':');
}

/** Code of what Microsoft does not show although something is to be done with it. */
export const GONE = 'partner-subscription.gone';

export function gone({ customerId, partnerSubscriptionId }: Fulfillment): AttentionError {
  return new AttentionError(
    GONE,
    `Partner subscription ${partnerSubscriptionId} of customer ${customerId} is not there any more. Look for it in Partner Center: shown again, the change goes on; if it is gone for good, terminate it in the marketplace.`,
    { effect: 'none' },
  );
}
