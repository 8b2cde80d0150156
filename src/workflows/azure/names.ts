import { AttentionError } from '../../lib/errors.ts';

/** The tag that everything of an order bears in Azure; its value is the marketplace subscription. */
export const ORDER_TAG = 'cloudesire-subscription';
/** The tag that tells by its content which template was deployed. */
export const TEMPLATE_TAG = 'cloudesire-template';

/**
 * The resource group of an order, which is also the name of a subscription of its own and begins the names of its deployments: whoever
 * lost the record finds everything by it.
 */
export function groupOf(subscriptionId: number): string {
  return `cloudesire-${subscriptionId}`;
}

/** A deployment is named after its attempt: what is started again under the same name is the same deployment. */
export function deploymentOf(subscriptionId: number, attempt: number): string {
  return `${groupOf(subscriptionId)}-${attempt}`;
}

/** The highest number among the names of deployments; 0 where none is ours. */
export function lastAttemptOf(subscriptionId: number, names: readonly string[]): number {
  const numbers = names.map((name) => Number(name.slice(groupOf(subscriptionId).length + 1)));
  return Math.max(0, ...numbers.filter((number, at) => names[at] === deploymentOf(subscriptionId, number)));
}

/** The Azure subscription that the orders of a customer share when their plan came without one; numbered where one before it was cancelled. */
export function sharedAliasOf(customerId: string, number = 1): string {
  return `cloudesire-customer-${customerId.toLowerCase()}${number > 1 ? `-${number}` : ''}`;
}

/** Whether an Azure subscription bears the name of one that belongs to a single order. */
export function isDedicated(name: string | undefined): boolean {
  return orderNamedBy(name) !== undefined;
}

/** The order that a name was made of by `groupOf`; `undefined` for any other name. */
export function orderNamedBy(name: string | undefined): number | undefined {
  const id = Number(/^cloudesire-([1-9]\d{0,9})$/i.exec(name ?? '')?.[1]);
  return Number.isNaN(id) ? undefined : id;
}

/** The order whose tag a resource group bears; `undefined` when it bears none. */
export function orderOf({ tags }: { tags: Record<string, string> }): number | undefined {
  const tag = Object.entries(tags).find(([name]) => name.toLowerCase() === ORDER_TAG)?.[1] ?? '';
  return /^[1-9]\d{0,9}$/.test(tag) ? Number(tag) : undefined;
}

/** What everything of an order bears. */
export function tagsOf(subscriptionId: number): Record<string, string> {
  return { [ORDER_TAG]: String(subscriptionId) };
}

/** Whether a resource group is that of an order: by its tag, for its name may be anybody's. */
export function isOurs({ tags }: { tags: Record<string, string> }, orderId: number): boolean {
  return orderOf({ tags }) === orderId;
}

export function notOurs(group: string, orderId: number): AttentionError {
  return new AttentionError(
    'azure.group-not-ours',
    `There is a resource group ${group} in Azure that does not bear the tag ${ORDER_TAG}=${orderId}, so it is left alone. If it is that of the order, put the tag back; else have it removed.`,
  );
}
