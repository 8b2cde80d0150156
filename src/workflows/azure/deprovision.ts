import type { Flow, Workflow } from '../../engine/workflow.ts';
import { MINUTE_MS } from '../../lib/durations.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { Report } from '../../report/report.ts';
import type { Azure, AzureSubscription, Where } from '../../upstreams/azure/client.ts';
import type { Look } from '../look.ts';
import { pollPlan } from '../steps/polls.ts';
import { type AccessParts, ensureAccess, reaches } from './access.ts';
import { type CustomerAccessParts, takeAccess } from './customer-access.ts';
import { deploymentOf, groupOf, isOurs, notOurs, ORDER_TAG } from './names.ts';
import { noteAzure } from './note.ts';

export interface DeprovisionAzureParts extends AccessParts, CustomerAccessParts {
  azure: Azure;
  report: Pick<Report, 'undeployed'>;
}

/** An alias that was asked for shows within this. */
const SHOWN_WITHIN_MS = 15 * MINUTE_MS;

/** Resources that were just deleted may count for hours before an Azure subscription can be cancelled. */
const LONGEST_CANCELLATION_MS = 24 * 3_600_000;

/**
 * Ends an order, with the same way in as its delivery: stops a deployment that is under way, deletes its resource group with all that is
 * in it, makes sure that nothing bears its tag any more, and ends an Azure subscription that was its own. Then reports UNDEPLOYED. The
 * Azure plan stays with the customer.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/delete-resource-group
 * @see https://learn.microsoft.com/azure/cost-management-billing/manage/cancel-azure-subscription
 */
export function createDeprovisionAzure(productType: string, parts: DeprovisionAzureParts): Workflow<Look> {
  const { azure, report, pollEveryMs, grace } = parts;
  return {
    name: `${productType}/deprovision`,

    async run(flow, look) {
      const where = await findWhere(flow, look);
      if (where) await clear(flow, look, where);
      if (look.subscription.deploymentStatus === 'UNDEPLOY_SENT') {
        await flow.step('report undeployed', () => report.undeployed(look.subscription.id));
      }
      await look.note({ endedAt: new Date(parts.now()).toISOString() });
    },
  };

  /** Also a subscription that was asked for, of which nothing was heard before the order ended. */
  async function findWhere(flow: Flow, look: Look): Promise<Where | undefined> {
    const { customerId, azure: noted } = look.fulfillment();
    if (!customerId) return undefined;
    if (noted?.subscriptionId) return { tenantId: customerId, subscriptionId: noted.subscriptionId };
    if (!noted?.dedicated) return undefined;
    const plan = pollPlan(
      'soon',
      pollEveryMs,
      'Azure to create the subscription that was asked for when the customer terminated',
    );
    const { subscriptionId } = await flow.poll<{ subscriptionId: string | null }>(
      'find the Azure subscription that was asked for',
      plan,
      async ({ sinceMs }) => {
        const found = await azure.bootstrap.alias(groupOf(look.subscription.id));
        const isToCome = !found && noted.subscriptionAskedAt !== undefined && sinceMs < grace(SHOWN_WITHIN_MS);
        if (isToCome || found?.state === 'creating') return undefined;
        return { subscriptionId: found?.subscriptionId ?? null };
      },
    );
    if (subscriptionId === null) return undefined;
    await noteAzure(look, { subscriptionId });
    return { tenantId: customerId, subscriptionId };
  }

  async function clear(flow: Flow, look: Look, where: Where): Promise<void> {
    const orderId = look.subscription.id;
    const { attempt = 0, dedicated, leftBehind = [] } = look.fulfillment().azure ?? {};
    const inAzure = azure.in(where);
    // Where the connector never got in, nothing of an order lies in the subscription that the customer keeps.
    const isIn = await flow.step('see whether Azure lets us in', () => reaches(azure, where));
    if (!isIn && attempt === 0 && !dedicated) return;
    // The order may have ended before the access was there, or somebody has taken it away; without it nothing can be ended.
    await ensureAccess(flow, where, parts);
    if (attempt > 0) await stopDeployment(flow, inAzure, orderId, attempt);
    await removeGroup(flow, inAzure, orderId);
    await verify(flow, inAzure, orderId);
    if (leftBehind.length > 0) await noteAzure(look, { leftBehind: [] });
    await takeAccess(flow, look, where, parts);
    if (dedicated) await endSubscription(flow, where, groupOf(orderId));
  }

  /** A deployment that runs on would write into the group that is being deleted. */
  async function stopDeployment(flow: Flow, { deployments }: AzureSubscription, orderId: number, attempt: number) {
    const name = deploymentOf(orderId, attempt);
    const plan = pollPlan('moments', pollEveryMs, `Azure to stop deployment ${name}`);
    await flow.poll('deployment stopped', plan, async () => {
      const { state } = await deployments.look(groupOf(orderId), name);
      if (state !== 'running') return state;
      await deployments.cancel(groupOf(orderId), name);
      return undefined;
    });
  }

  async function removeGroup(flow: Flow, { groups }: AzureSubscription, orderId: number): Promise<void> {
    const group = groupOf(orderId);
    const plan = pollPlan('work', pollEveryMs, `Azure to delete resource group ${group}`);
    await flow.poll('resource group deleted', plan, async () => {
      const found = await groups.get(group);
      if (!found) return true;
      if (!isOurs(found, orderId)) throw notOurs(group, orderId);
      // A deletion that cannot be completed is taken back; asked for again, Azure says why.
      if (found.provisioningState.toLowerCase() !== 'deleting' && (await groups.remove(group)) === 'gone') return true;
      return undefined;
    });
  }

  async function verify(flow: Flow, { groups, resources }: AzureSubscription, orderId: number): Promise<void> {
    await flow.step('see that nothing is left', async () => {
      const left = [
        ...(await groups.taggedWith(ORDER_TAG, String(orderId))),
        ...(await resources.taggedWith(ORDER_TAG, String(orderId))).map(({ id }) => id),
      ];
      if (left.length === 0) return;
      throw new AttentionError(
        'azure.leftovers',
        `Outside its resource group something of order ${orderId} is left in Azure: ${left.slice(0, 5).join(', ')}${left.length > 5 ? ' and more' : ''}. Delete it there, or take its tag ${ORDER_TAG} away.`,
      );
    });
  }

  async function endSubscription(flow: Flow, where: Where, alias: string): Promise<void> {
    const plan = pollPlan('days', pollEveryMs, `Azure to let subscription ${where.subscriptionId} be cancelled`);
    await flow.poll('Azure subscription cancelled', plan, async ({ sinceMs }) => {
      if ((await azure.bootstrap.cancelSubscription(where)) === 'cancelled') return true;
      if (sinceMs < LONGEST_CANCELLATION_MS) return undefined;
      throw new AttentionError(
        'azure-subscription.not-cancelled',
        `Azure does not let subscription ${where.subscriptionId} of tenant ${where.tenantId} be cancelled, for there are still resources in it. Delete them there.`,
      );
    });
    await flow.step('forget the alias', () => azure.bootstrap.deleteAlias(alias));
  }
}
