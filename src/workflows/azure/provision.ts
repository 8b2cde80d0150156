import type { Workflow } from '../../engine/workflow.ts';
import { once } from '../../lib/once.ts';
import type { Report } from '../../report/report.ts';
import type { Azure } from '../../upstreams/azure/client.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import { readBuyer } from '../buyer.ts';
import type { Look } from '../look.ts';
import type { ProductType } from '../operations.ts';
import { type BecomeCustomerParts, becomeCustomer } from '../steps/become-customer.ts';
import { type AccessParts, ensureAccess } from './access.ts';
import { type AssignmentParts, createAssignment } from './assignment.ts';
import { type AzurePlanParts, ensureAzurePlan } from './azure-plan.ts';
import { ensureAzureSubscription } from './azure-subscription.ts';
import { architectureOf } from './blueprint.ts';
import { ensureBudget } from './budget.ts';
import { giveAccess } from './customer-access.ts';
import { deploy } from './deploy.ts';
import { type HandOverParts, handOver } from './hand-over.ts';
import { tagsOf } from './names.ts';
import { noteAzure } from './note.ts';
import { readOutputs } from './outputs.ts';
import { chooseRegion } from './region.ts';

export interface ProvisionAzureParts
  extends BecomeCustomerParts,
    AzurePlanParts,
    AccessParts,
    AssignmentParts,
    HandOverParts {
  cloudesire: Cloudesire;
  partnerCenter: PartnerCenter;
  report: Report;
  azure: Azure;
  privateCustomers: 'refuse' | 'allow';
}

/** Deploys a template or a machine: customer, agreement, Azure plan, Azure subscription, deployment; then hands over and reports DEPLOYED. */
export function createProvisionAzure(
  productType: Exclude<ProductType, 'license'>,
  parts: ProvisionAzureParts,
): Workflow<Look> {
  const { cloudesire, azure } = parts;
  return {
    name: `${productType}/provision`,

    async run(flow, look) {
      const { subscription } = look;
      // Personal data and what the customer entered are read anew by each look that needs them, and rest nowhere.
      const buyer = once(() => readBuyer(cloudesire, subscription.buyerId, parts));
      const assignment = createAssignment(productType, look, parts);

      // What the marketplace, the template or the customer have to cure is found before anything is asked of Microsoft.
      const checked = await flow.step('check the order', async () => {
        const { order, blueprint } = await assignment.read();
        const { owner, country } = await buyer();
        const { segment, dedicated } = order;
        // What was in service before is gone, or this would not be deployed anew.
        await look.note({ owner, country, segment, deployedAt: undefined, settled: undefined, suspended: undefined });
        await noteAzure(look, {
          dedicated,
          template: blueprint.sha256,
          architecture: architectureOf(blueprint),
          // A run that has begun with a key goes on with it, whatever key comes first by now.
          secretsKey: look.fulfillment().azure?.secretsKey ?? parts.secrets.fingerprint,
        });
        return { owner, dedicated };
      });
      const { owner, dedicated } = checked;
      const market = async () => ({
        country: (await buyer()).country,
        segment: (await assignment.read()).order.segment,
      });

      const domainWish = subscription.parameters[parts.settings.domainParameter];
      const { customerId, ...sale } = await becomeCustomer(flow, look, { owner, buyer, domainWish }, parts);
      const planId = await ensureAzurePlan(flow, look, { customerId, market, ...sale }, parts);
      const subscriptionId = await ensureAzureSubscription(flow, look, { customerId, planId, dedicated }, parts);
      await noteAzure(look, { planId, subscriptionId });
      const where = { tenantId: customerId, subscriptionId };
      await ensureAccess(flow, where, parts);
      await ensureBudget(flow, customerId, (await assignment.read()).order.budget, parts);

      const inAzure = azure.in(where);
      if (dedicated) await flow.step('tag the Azure subscription', () => inAzure.tag(tagsOf(subscription.id)));
      const region = await chooseRegion(flow, inAzure, look, await assignment.read(), parts);
      await noteAzure(look, { region });
      const { outputs, wish } = await deploy(flow, look, { subscription: inAzure, region, assignment }, parts);
      await giveAccess(flow, look, where, (await assignment.read()).order.access, parts);
      // The plan may have changed since: what was deployed is that of then.
      const { planId: sold, type } = subscription;
      await look.settle({ trial: type === 'TRIAL', ...(sold !== undefined && { planId: sold }), ...wish });
      await handOver(
        flow,
        look,
        { owner, given: readOutputs(outputs), secrets: async () => (await assignment.read()).generatedSecrets() },
        parts,
      );
    },
  };
}
