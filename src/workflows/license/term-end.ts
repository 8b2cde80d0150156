import { CustomerError } from '../../lib/errors.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { CustomTermEnd } from '../../upstreams/partner-center/schema.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { LicenseOrder } from './order.ts';

export interface TermEndParts {
  partnerCenter: { subscriptions: Pick<PartnerCenter['subscriptions'], 'customTermEndDates'> };
  now(): number;
}

const MONTHS: Record<LicenseOrder['term'], number> = { P1M: 1, P1Y: 12, P3Y: 36 };

/**
 * The days on which the first term of a new licence may end in a tenant, as Microsoft says now, the soonest first. None lies
 * beyond the term itself.
 *
 * @see https://learn.microsoft.com/partner-center/developer/custom-term-end-dates
 */
export async function allowedTermEnds(
  { partnerCenter, now }: TermEndParts,
  customerId: string,
  term: LicenseOrder['term'],
): Promise<CustomTermEnd[]> {
  const today = new Date(now());
  const begin = dayOf(today);
  const end = dayOf(dayAfterTerm(today, MONTHS[term]));
  const ends = await partnerCenter.subscriptions.customTermEndDates(customerId, term);
  return ends.filter(({ date }) => date >= begin && date < end).sort((one, other) => (one.date < other.date ? -1 : 1));
}

/**
 * The end of the first term that a customer chose, as it goes into the cart; undefined where nothing was chosen, so that the
 * term is a whole one. A company without a tenant has nothing to end together with: it can choose no day.
 *
 * @param chosen what the customer entered, if anything
 * @throws {CustomerError} `order.term-end-not-allowed` when Microsoft does not allow it (any more)
 */
export async function findTermEnd(
  parts: TermEndParts,
  {
    chosen,
    customerId,
    term,
  }: { chosen: string | undefined; customerId: string | undefined; term: LicenseOrder['term'] },
): Promise<string | undefined> {
  const day = chosen?.trim();
  if (!day) return undefined;
  // What is no day of the calendar is not repeated anywhere: it may be anything.
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(day);
  const allowed = isDay && customerId !== undefined ? await allowedTermEnds(parts, customerId, term) : [];
  if (allowed.some(({ date }) => date === day)) return `${day}T00:00:00Z`;
  throw new CustomerError(
    'order.term-end-not-allowed',
    `The customer chose ${isDay ? day : 'something that is no day'} as the end of the first term, which Microsoft does not allow in tenant ${customerId ?? 'none'} for term ${term}. Nothing is bought for another term than the one that was chosen; the customer was asked to choose again.`,
    { effect: 'none' },
  );
}

/**
 * What the customer chose, where it counts: for the first term only. What follows a trial, or is bought once that term is
 * over, has the whole term of its plan.
 */
export function choiceForFirstTerm(
  chosen: string | undefined,
  { trial, formerOrderIds = [] }: Fulfillment,
  now: number,
): string | undefined {
  const isOver = formerOrderIds.length > 0 && chosen !== undefined && chosen.trim() < dayOf(new Date(now));
  return trial || isOver ? undefined : chosen;
}

/** The day after the last one of a whole term. Where its last month has no such day, the term ends with that month at the latest. */
function dayAfterTerm(begin: Date, months: number): Date {
  const year = begin.getUTCFullYear();
  const month = begin.getUTCMonth() + months;
  return new Date(Math.min(Date.UTC(year, month, begin.getUTCDate()), Date.UTC(year, month + 1, 1)));
}

function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}
