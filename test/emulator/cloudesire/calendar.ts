export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** The same day and time some months later, or the last day of that month when it is shorter. UTC. */
export function addMonths(at: number, months: number): number {
  const from = new Date(at);
  const to = new Date(at);
  to.setUTCDate(1);
  to.setUTCMonth(from.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate();
  to.setUTCDate(Math.min(from.getUTCDate(), lastDay));
  return to.getTime();
}
