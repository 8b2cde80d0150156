import { path, readBody } from '../http.ts';
import type { Call } from './call.ts';
import { pagesOf } from './pages.ts';
import { AzureEntitlement, AzureUsage, collection, UsageBudget, UsageSummary } from './schema.ts';

export type PartnerCenterAzure = ReturnType<typeof createAzureCalls>;

/**
 * Returns the calls about what is below an Azure plan, which is a partner subscription: each Azure subscription is an
 * entitlement of the plan.
 *
 * @see https://learn.microsoft.com/partner-center/developer/azure-plan
 */
export function createAzureCalls(call: Call) {
  /**
   * The Azure subscriptions below a plan, cancelled ones included. Changes take some ten minutes to show.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-a-list-of-azure-entitlements-for-subscription
   */
  async function entitlements(customerId: string, planId: string): Promise<AzureEntitlement[]> {
    const found: AzureEntitlement[] = [];
    const request = { method: 'GET', path: `${pathOf(customerId, planId)}/azureEntitlements` } as const;
    for await (const page of pagesOf(call, request)) found.push(...readBody(page, collection(AzureEntitlement)));
    return found;
  }

  /**
   * What each resource has cost in the current billing period, before tax and credits: an estimate, which lags about a day
   * behind. Needs a user.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-a-customer-subscription-resource-usage-records
   */
  async function usage(customerId: string, planId: string): Promise<AzureUsage[]> {
    const found: AzureUsage[] = [];
    const request = {
      method: 'GET',
      path: `${pathOf(customerId, planId)}/resourceusagerecords`,
      auth: 'user',
    } as const;
    for await (const page of pagesOf(call, request)) found.push(...readBody(page, collection(AzureUsage)));
    return found;
  }

  /**
   * First day of the current billing period of a plan, an ISO instant: what `usage` tells counts from there. Needs a user.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-a-customer-subscription-usage-summary
   */
  async function billingPeriod(customerId: string, planId: string): Promise<string> {
    const answer = await call({ method: 'GET', path: `${pathOf(customerId, planId)}/usagesummary`, auth: 'user' });
    return readBody(answer, UsageSummary).billingStartDate;
  }

  /**
   * What a customer may spend on Azure in a month before the partner is told; undefined without a budget. A budget stops nothing.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-a-customer-s-usage-spending-budget
   */
  async function budget(customerId: string): Promise<number | undefined> {
    const answer = await call({ method: 'GET', path: path`/v1/customers/${customerId}/usagebudget` });
    return readBody(answer, UsageBudget).amount ?? undefined;
  }

  /** @see https://learn.microsoft.com/partner-center/developer/update-a-customer-s-usage-spending-budget */
  async function setBudget(customerId: string, amount: number): Promise<void> {
    const body = { Amount: amount, Attributes: { ObjectType: 'SpendingBudget' } };
    await call({ method: 'PATCH', path: path`/v1/customers/${customerId}/usagebudget`, body });
  }

  return { entitlements, usage, billingPeriod, budget, setBudget };
}

function pathOf(customerId: string, planId: string): string {
  return path`/v1/customers/${customerId}/subscriptions/${planId}`;
}
