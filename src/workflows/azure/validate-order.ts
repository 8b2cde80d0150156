import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import { readBuyer } from '../buyer.ts';
import type { Checks, ProposedOrder } from '../checks.ts';
import type { ProductType } from '../operations.ts';
import { isRefusedSandbox, type PlanSettings } from '../plan-operation.ts';
import { type CheckCustomerParts, checkCustomer } from '../steps/check-customer.ts';
import { type AssignmentParts, readAssignment } from './assignment.ts';

export interface ValidateAzureOrderParts extends PlanSettings, CheckCustomerParts, AssignmentParts {
  cloudesire: Pick<Cloudesire, 'catalogue' | 'customers'>;
  privateCustomers: 'refuse' | 'allow';
}

/**
 * Returns the checks of an order that is deployed in Azure: whether plan, template and what the customer entered fit together, and whether
 * the buyer can be a customer of Microsoft. Azure itself is not asked. Order types that are not known here are not checked.
 */
export function createValidateAzureOrder(
  productType: Exclude<ProductType, 'license'>,
  parts: ValidateAzureOrderParts,
): (order: ProposedOrder, checks: Checks) => Promise<void> {
  return async (order, checks) => {
    switch (order.orderType) {
      case 'NORMAL':
      case 'TRIAL':
      case 'SANDBOX':
        if (isRefusedSandbox(order.orderType, parts)) return checks.object('order.sandbox');
        await Promise.all([checkDeployment(order, checks), checkBuyer(order, checks)]);
        return;
      case 'SYNDICATED_UPGRADE':
        // What was entered with the first order is not said again, and cannot be checked without.
        if (Object.keys(order.parameters).length > 0) await checkDeployment(order, checks);
    }
  };

  async function checkDeployment(order: ProposedOrder, checks: Checks): Promise<void> {
    const { productId, planId, parameters, subscriptionId = 0 } = order;
    const type = order.orderType === 'TRIAL' ? 'TRIAL' : 'NORMAL';
    await checks.make('deployment', () =>
      readAssignment(productType, { id: subscriptionId, productId, planId, parameters, type }, {}, parts),
    );
  }

  async function checkBuyer({ buyerId, parameters }: ProposedOrder, checks: Checks): Promise<void> {
    if (buyerId === undefined) return;
    const buyer = await checks.make('buyer', () => readBuyer(parts.cloudesire, buyerId, parts));
    if (buyer) await checkCustomer(buyer, parameters[parts.settings.domainParameter], checks, parts);
  }
}
