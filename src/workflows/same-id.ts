/** Whether two ids of Partner Center are the same: it writes one and the same now in lower, now in upper case. */
export function isSameId(one: string | undefined, other: string | undefined): boolean {
  return one?.toLowerCase() === other?.toLowerCase();
}
