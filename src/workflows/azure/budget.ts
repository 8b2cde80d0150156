import type { Flow } from '../../engine/workflow.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';

/**
 * Sees to it that a customer's budget for Azure is at least what the plan names. It is one for all that the customer has in Azure, and stops
 * nothing: when it is exceeded Partner Center sends an event, of which operations are told.
 *
 * @see https://learn.microsoft.com/partner-center/set-an-azure-spending-budget-for-your-customers
 */
export async function ensureBudget(
  flow: Flow,
  customerId: string,
  wanted: number | undefined,
  { partnerCenter: { azure } }: { partnerCenter: Pick<PartnerCenter, 'azure'> },
): Promise<void> {
  if (wanted === undefined) return;
  await flow.step('set the budget of the customer', async () => {
    if (((await azure.budget(customerId)) ?? 0) < wanted) await azure.setBudget(customerId, wanted);
  });
}
