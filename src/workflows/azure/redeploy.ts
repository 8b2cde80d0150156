import type { Workflow } from '../../engine/workflow.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { Report } from '../../report/report.ts';
import type { Azure, Where } from '../../upstreams/azure/client.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { Look } from '../look.ts';
import type { ProductType } from '../operations.ts';
import { type AssignmentParts, createAssignment } from './assignment.ts';
import { providersOf } from './blueprint.ts';
import { type DeployParts, deploy } from './deploy.ts';
import { errorOf } from './faults.ts';
import { prepareImage } from './image.ts';
import { deploymentOf, groupOf } from './names.ts';
import { readOutputs } from './outputs.ts';
import { registerProviders } from './providers.ts';

export interface RedeployParts extends AssignmentParts, DeployParts {
  azure: Azure;
  report: Pick<Report, 'azure'>;
}

/**
 * Deploys again what is in service, with another plan or with what the customer entered since. What is there is written over, nothing of it
 * is deleted.
 *
 * @param operation `change-plan` takes the template of the new plan, `reconfigure` keeps to the one that was deployed
 */
export function createRedeploy(
  operation: 'change-plan' | 'reconfigure',
  productType: Exclude<ProductType, 'license'>,
  parts: RedeployParts,
): Workflow<Look> {
  return {
    name: `${productType}/${operation}`,

    async run(flow, look) {
      const { subscription } = look;
      const { region = '', attempt = 0 } = look.fulfillment().azure ?? {};
      const assignment = createAssignment(productType, look, parts);
      const { providers } = await flow.step('check the order', async () => {
        if (operation === 'change-plan') await assignment.renew();
        const { order, blueprint } = await assignment.read();
        return { providers: providersOf(order.deploys, blueprint) };
      });

      const inAzure = parts.azure.in(whereOf(look.fulfillment()));
      await registerProviders(flow, inAzure, providers, parts);
      const image = await prepareImage(flow, inAzure, region, (await assignment.read()).order.deploys, parts);
      await flow.step('see what would change', async () => {
        const name = deploymentOf(subscription.id, attempt + 1);
        const body = (await assignment.read()).body(image);
        const foreseen = await inAzure.deployments.whatIf(groupOf(subscription.id), name, body);
        if ('faults' in foreseen) throw errorOf('The look ahead at the change', foreseen.faults);
        return foreseen.changes.filter(({ action }) => action !== 'NoChange' && action !== 'Ignore').slice(0, 50);
      });
      const deployment = { subscription: inAzure, region, assignment, image };
      const { outputs, configuration } = await deploy(flow, look, deployment, parts);
      const { endpoints } = readOutputs(outputs);
      if (endpoints.length > 0) {
        await flow.step('hand over endpoints', () => parts.report.azure.endpoints(subscription.id, endpoints));
      }
      await look.settle({
        configuration,
        ...(operation === 'change-plan' && subscription.planId !== undefined && { planId: subscription.planId }),
      });
    },
  };
}

/**
 * Where an order was deployed.
 *
 * @throws {AttentionError} `azure.nowhere` when nothing says so
 */
export function whereOf({ customerId, azure }: Fulfillment): Where {
  if (customerId && azure?.subscriptionId) return { tenantId: customerId, subscriptionId: azure.subscriptionId };
  throw new AttentionError(
    'azure.nowhere',
    'It is not recorded in which Azure subscription this order was deployed. Have the developers look at its timeline.',
  );
}
