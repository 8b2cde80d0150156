/** Whether two ids are the same: Partner Center and Azure write one and the same now in lower, now in upper case. */
export function isSameId(one: string | undefined, other: string | undefined): boolean {
  return one?.toLowerCase() === other?.toLowerCase();
}
