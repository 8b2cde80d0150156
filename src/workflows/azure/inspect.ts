import type { Azure } from '../../upstreams/azure/client.ts';
import type { AtMicrosoft, Fulfillment } from '../fulfillment.ts';
import { groupOf } from './names.ts';
import { running } from './power.ts';

/** States of an Azure subscription in which everything works. https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states */
const WORKING = new Set(['enabled', 'warned', 'pastdue']);

/** How it stands in Azure with what was deployed for a subscription of the marketplace; undefined when nothing says where that is. */
export async function inspectAzure(
  { azure }: { azure: Pick<Azure, 'in'> },
  orderId: number,
  { customerId, azure: noted, deployedAt, suspended }: Fulfillment,
): Promise<AtMicrosoft | undefined> {
  if (!customerId || !noted?.subscriptionId) return undefined;
  const inAzure = azure.in({ tenantId: customerId, subscriptionId: noted.subscriptionId });
  const subscription = await inAzure.read();
  const what = `Azure subscription ${noted.subscriptionId}`;
  if (subscription === undefined || subscription === 'no-access')
    return { status: 'unknown', what, suspensionReasons: [] };
  if (!WORKING.has(subscription.state.toLowerCase())) {
    return { status: 'suspended', what, suspensionReasons: [subscription.state] };
  }
  const group = await inAzure.groups.get(groupOf(orderId));
  // What is being made anew on the word of a person, and was suspended before anything of it was there, has not ended again.
  if (!group && !deployedAt) return { status: 'active', suspensionReasons: [] };
  if (!group) return { status: 'ended', what: `resource group ${groupOf(orderId)}`, suspensionReasons: [] };
  const runs = suspended !== undefined && (await running(inAzure, orderId)).length > 0;
  return { status: 'active', suspensionReasons: [], ...(runs && { runs }) };
}
