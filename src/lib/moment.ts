/* Instants as people read them in sentences: all in one form, and in UTC as in logs. */

/** `2026-03-02 09:21 UTC`, of an ISO instant. */
export function toTheMinute(at: string): string {
  return `${at.slice(0, 16).replace('T', ' ')} UTC`;
}

/** `2026-03-02 09:21:07 UTC`, of an ISO instant. */
export function toTheSecond(at: string): string {
  return `${at.slice(0, 19).replace('T', ' ')} UTC`;
}
