import type { Workflow } from '../../engine/workflow.ts';
import { AttentionError } from '../../lib/errors.ts';
import { once } from '../../lib/once.ts';
import type { Report } from '../../report/report.ts';
import type { Azure, Where } from '../../upstreams/azure/client.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { Look } from '../look.ts';
import type { ProductType } from '../operations.ts';
import { type AssignmentParts, readAssignment } from './assignment.ts';
import { architectureOf, providersOf } from './blueprint.ts';
import { type DeployParts, deploy } from './deploy.ts';
import { errorOf } from './faults.ts';
import { prepareImage } from './image.ts';
import { deploymentOf, groupOf } from './names.ts';
import { noteAzure } from './note.ts';
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
      const { template: deployed, secretsKey, region = '', attempt = 0 } = look.fulfillment().azure ?? {};
      const pinned = operation === 'reconfigure' ? deployed : undefined;
      const read = (template: string | undefined) =>
        readAssignment(
          productType,
          subscription,
          { ...(template && { template }), ...(secretsKey && { secretsKey }) },
          parts,
        );
      const { template, providers, architecture } = await flow.step('check the order', async () => {
        const { order, blueprint } = await read(pinned);
        return {
          template: blueprint.sha256,
          providers: providersOf(order.deploys, blueprint),
          architecture: architectureOf(blueprint),
        };
      });
      const assignment = once(() => read(template));

      const inAzure = parts.azure.in(whereOf(look.fulfillment()));
      await registerProviders(flow, inAzure, providers, parts);
      const image = await prepareImage(flow, inAzure, region, (await assignment()).order.deploys, parts);
      const body = async () => (await assignment()).body(image);
      await flow.step('see what would change', async () => {
        const group = groupOf(subscription.id);
        const foreseen = await inAzure.deployments.whatIf(
          group,
          deploymentOf(subscription.id, attempt + 1),
          await body(),
        );
        if ('faults' in foreseen) throw errorOf('The look ahead at the change', foreseen.faults);
        return foreseen.changes.filter(({ action }) => action !== 'NoChange' && action !== 'Ignore').slice(0, 50);
      });
      const { outputs, configuration } = await deploy(
        flow,
        look,
        { subscription: inAzure, region, template, configuration: (await assignment()).configuration, body },
        parts,
      );
      await noteAzure(look, { template, architecture });
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
