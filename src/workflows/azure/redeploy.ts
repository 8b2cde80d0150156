import type { Flow, Workflow } from '../../engine/workflow.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { Report } from '../../report/report.ts';
import type { Azure, AzureSubscription, Where } from '../../upstreams/azure/client.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { Look } from '../look.ts';
import type { ProductType } from '../operations.ts';
import { type AssignmentParts, createAssignment } from './assignment.ts';
import { type CustomerAccessParts, giveAccess } from './customer-access.ts';
import { type DeployParts, deploy, hasSent, prepareDeployment } from './deploy.ts';
import { errorOf } from './faults.ts';
import { deploymentOf, groupOf } from './names.ts';
import { noteAzure } from './note.ts';
import { readOutputs } from './outputs.ts';
import { awaitRunningDeployment } from './running-deployment.ts';

export interface RedeployParts extends AssignmentParts, DeployParts, CustomerAccessParts {
  azure: Azure;
  report: Pick<Report, 'azure'>;
}

const LOOK_AHEAD = 'see what would change';

/**
 * Deploys again what is in service, with another plan or with what the customer entered since. What is there is written over, nothing of it
 * is deleted.
 *
 * @param operation `change-plan` takes the new plan and its template, `reconfigure` keeps to those that were deployed
 */
export function createRedeploy(
  operation: 'change-plan' | 'reconfigure',
  productType: Exclude<ProductType, 'license'>,
  parts: RedeployParts,
): Workflow<Look> {
  return {
    name: `${productType}/${operation}`,

    async run(flow, asked) {
      const look = operation === 'reconfigure' ? withPlanDeployed(asked) : asked;
      const { subscription } = look;
      const { region = '' } = look.fulfillment().azure ?? {};
      // A plan that the customer takes back must leave nothing of its template behind: it counts from when it is sent.
      const isKept = () => operation === 'reconfigure' || hasSent(flow, look);
      const assignment = createAssignment(productType, look, parts, isKept);
      const { attempt } = await flow.step('check the order', async () => {
        await assignment.read();
        return { attempt: look.fulfillment().azure?.attempt ?? 0 };
      });

      const where = whereOf(look.fulfillment());
      const inAzure = parts.azure.in(where);
      await awaitRunningDeployment(flow, look, inAzure, parts);
      if (!flow.isDone(LOOK_AHEAD)) await assignment.renewAtRetry();
      const deployment = { subscription: inAzure, region, assignment };
      const image = await prepareDeployment(flow, deployment, parts);
      await flow.step(LOOK_AHEAD, async () => {
        const name = deploymentOf(subscription.id, attempt + 1);
        const body = (await assignment.read()).body(image);
        const foreseen = await inAzure.deployments.whatIf(groupOf(subscription.id), name, body);
        if ('faults' in foreseen)
          throw errorOf('The look ahead at the change', foreseen.faults, { ...parts.settings, region });
        return foreseen.changes.filter(({ action }) => action !== 'NoChange' && action !== 'Ignore').slice(0, 50);
      });
      const { outputs, wish } = await deploy(flow, look, deployment, parts);
      await tellLeftBehind(flow, look, inAzure, attempt);
      if (operation === 'change-plan') {
        await giveAccess(flow, look, where, (await assignment.read()).order.access, parts);
      }
      const { endpoints } = readOutputs(outputs);
      if (endpoints.length > 0) {
        await flow.step('hand over endpoints', () => parts.report.azure.endpoints(subscription.id, endpoints));
      }
      await look.settle({ configuration: wish.configuration, ...(operation === 'change-plan' && wish) });
    },
  };
}

/** The plan that the marketplace shows may be one that has yet to be paid. */
function withPlanDeployed(look: Look): Look {
  const { planId = look.subscription.planId } = look.fulfillment().settled ?? {};
  return { ...look, subscription: { ...look.subscription, ...(planId !== undefined && { planId }) } };
}

/**
 * A deployment deletes nothing: what the one before has written and this one has not goes on, and costs. It may hold data of the customer,
 * so a person decides.
 */
async function tellLeftBehind(
  flow: Flow,
  look: Look,
  { deployments }: AzureSubscription,
  before: number,
): Promise<void> {
  await flow.step('see what is left behind', async () => {
    const { id } = look.subscription;
    const now = look.fulfillment().azure?.attempt ?? before;
    const written = await Promise.all(
      [before, now].map((attempt) => deployments.look(groupOf(id), deploymentOf(id, attempt))),
    );
    const [former = [], present = []] = written.map((one) =>
      one.state === 'succeeded' ? one.resourceIds.map((resource) => resource.toLowerCase()) : [],
    );
    const left = former.filter((resource) => !present.includes(resource));
    if (present.length === 0) return [];
    const leftBefore = look.fulfillment().azure?.leftBehind ?? [];
    const leftBehind = [...new Set([...leftBefore, ...left])].filter((resource) => !present.includes(resource));
    if (leftBehind.length > 0 || leftBefore.length > 0) await noteAzure(look, { leftBehind });
    if (left.length === 0) return [];
    await look.tellOperations({
      code: 'azure.left-behind',
      message: `After its change, subscription ${id} no longer needs these, which go on running and costing: ${left.slice(0, 10).join(', ')}${left.length > 10 ? ' and more' : ''}. Delete it in Azure, unless the customer still wants what is in it.`,
    });
    return left;
  });
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
