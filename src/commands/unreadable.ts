/** What could not be read, in words. */
export function whatOf(subscriptionId: number | undefined, customerId: string | undefined): string {
  if (subscriptionId !== undefined) return `subscription ${subscriptionId}`;
  return customerId === undefined ? 'the list of the marketplace' : `customer ${customerId}`;
}
