export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Where a subscription has no end, the service prints the last day of the year 9999. */
export const NO_END_AT = Date.UTC(9999, 11, 31);

const MONTHS: Record<string, number> = { P1M: 1, P1Y: 12, P3Y: 36 };
const BILLING_MONTHS: Record<string, number> = { monthly: 1, annual: 12, triennial: 36 };

export function monthsOfTerm(duration: string): number {
  return MONTHS[duration] ?? 0;
}

/** The instant as most replies print it: UTC with seven digits of a second. */
export function printInstant(atMs: number): string {
  return new Date(atMs).toISOString().replace('Z', '0000Z');
}

/** The instant in whole seconds, e.g. `2026-09-01T09:12:05Z`. */
export function printSecond(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

export function startOfDay(atMs: number): number {
  return Math.floor(atMs / DAY_MS) * DAY_MS;
}

/** The same day some months later, or the last day of that month when it has no such day. */
export function addMonths(atMs: number, months: number): number {
  const date = new Date(atMs);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months + 1, 0)).getUTCDate();
  const day = Math.min(date.getUTCDate(), lastDay);
  const shifted = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, day);
  return shifted + (atMs - startOfDay(atMs));
}

/** The last day of a term, which belongs to it, at midnight UTC. */
export function lastDayOfTerm(startAt: number, duration: string): number {
  return startOfDay(addMonths(startOfDay(startAt), monthsOfTerm(duration))) - DAY_MS;
}

/** The last day of the billing period that is running at `nowMs`; never later than the term. */
export function lastDayOfBillingPeriod(
  startAt: number,
  billingCycle: string,
  nowMs: number,
  lastDayAt: number,
): number {
  const months = BILLING_MONTHS[billingCycle];
  if (months === undefined) return lastDayAt;
  for (let count = 1; ; count += 1) {
    const endAt = startOfDay(addMonths(startOfDay(startAt), months * count)) - DAY_MS;
    if (endAt >= lastDayAt) return lastDayAt;
    if (endAt + DAY_MS > nowMs) return endAt;
  }
}

export function isLastDayOfMonth(atMs: number): boolean {
  return new Date(startOfDay(atMs) + DAY_MS).getUTCDate() === 1;
}

/** The last day of the month before or at `atMs`, at midnight UTC. */
export function monthEndUpTo(atMs: number): number {
  const date = new Date(atMs);
  if (isLastDayOfMonth(atMs)) return startOfDay(atMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 0);
}
