/** The name that our partner subscriptions bear at Microsoft: by it a purchase is recognised after any loss of memory. */
export function markOf(subscriptionId: number): string {
  return `Cloudesire ${subscriptionId}`;
}

/** The subscription whose mark a friendly name at Microsoft is; `undefined` when it is none. */
export function subscriptionMarkedBy(friendlyName: string | undefined): number | undefined {
  const id = Number(/^cloudesire ([1-9]\d{0,9})$/i.exec(friendlyName?.trim() ?? '')?.[1]);
  return Number.isNaN(id) ? undefined : id;
}

/** Whether a friendly name at Microsoft is the mark of another subscription than this one. */
export function bearsOtherMark(friendlyName: string | undefined, subscriptionId: number): boolean {
  const isMark = /^cloudesire \d+$/i.test(friendlyName?.trim() ?? '');
  return isMark && !bearsMark(friendlyName, subscriptionId);
}

/** Whether a friendly name at Microsoft is the mark of this subscription. */
export function bearsMark(friendlyName: string | undefined, subscriptionId: number): boolean {
  return friendlyName?.trim().toLowerCase() === markOf(subscriptionId).toLowerCase();
}
