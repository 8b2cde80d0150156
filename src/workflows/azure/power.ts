import type { Flow, Workflow } from '../../engine/workflow.ts';
import { ConnectorError } from '../../lib/errors.ts';
import { nameIn } from '../../lib/foreign-text.ts';
import type { Report } from '../../report/report.ts';
import type { Azure, AzureSubscription, Resource } from '../../upstreams/azure/client.ts';
import type { Look } from '../look.ts';
import { isSameId } from '../same-id.ts';
import { pollPlan } from '../steps/polls.ts';
import { reportDeployed } from '../steps/report-deployed.ts';
import { groupOf } from './names.ts';
import { whereOf } from './redeploy.ts';
import { awaitRunningDeployment } from './running-deployment.ts';

export interface PowerParts {
  azure: Pick<Azure, 'in'>;
  now(): number;
  pollEveryMs: number;
}

/** Applications stop before the data that they use; the other way round they start. */
const DATA = /^Microsoft\.DBfor/i;

/**
 * Stops what runs in the resource group of an order until the customer pays, and remembers what ran. What cannot be stopped, such as disks
 * and addresses, is charged on.
 *
 * @see https://learn.microsoft.com/azure/virtual-machines/states-billing
 */
export function createSuspendAzure(productType: string, parts: PowerParts): Workflow<Look> {
  return {
    name: `${productType}/suspend`,

    async run(flow, look) {
      const inAzure = parts.azure.in(whereOf(look.fulfillment()));
      await awaitRunningDeployment(flow, look, inAzure, parts);
      const ran = await flow.step('remember what runs', () => running(inAzure, look.subscription.id));
      // Noted before anything is stopped: whoever pays meanwhile gets back what ran. What Azure has started again since ran before, too.
      const { at = new Date(parts.now()).toISOString(), ran: before = [] } = look.fulfillment().suspended ?? {};
      await look.note({ suspended: { at, ran: [...new Set([...before, ...ran.map(({ id }) => id)])] } });
      for (const resource of ran) await change(flow, inAzure, resource, 'stop', parts);
    },
  };
}

/** Starts again what ran before the suspension, and only that. */
export function createResumeAzure(
  productType: string,
  parts: PowerParts & { report: Pick<Report, 'deployed'> },
): Workflow<Look> {
  return {
    name: `${productType}/resume`,

    async run(flow, look) {
      const { suspended, deployedAt } = look.fulfillment();
      const inAzure = parts.azure.in(whereOf(look.fulfillment()));
      const toStart = await flow.step('find what ran', async () => {
        const ran = suspended?.ran ?? [];
        // What was deleted meanwhile cannot be started, and is none of our business.
        const there = await stoppable(inAzure, look.subscription.id);
        return ran.toReversed().flatMap((id) => there.find((resource) => isSameId(resource.id, id)) ?? []);
      });
      for (const resource of toStart) await change(flow, inAzure, resource, 'start', parts);
      await look.note({ suspended: undefined });
      // What was suspended while it was made anew is handed over first.
      if (look.subscription.deploymentStatus === 'DEPLOYED' || !deployedAt) return;
      await reportDeployed(flow, look, { report: parts.report, heard: ['DEPLOYED'] });
    },
  };
}

/** What of an order runs, in the order in which it is to be stopped. */
export function running(inAzure: AzureSubscription, orderId: number): Promise<Resource[]> {
  return byState(inAzure, orderId, (state) => state !== 'stopped');
}

/** Ids of what of an order is stopped, in the order in which it will have been. */
export async function standingStill(inAzure: AzureSubscription, orderId: number): Promise<string[]> {
  return (await byState(inAzure, orderId, (state) => state === 'stopped')).map(({ id }) => id);
}

async function byState(
  inAzure: AzureSubscription,
  orderId: number,
  isWanted: (state: string) => boolean,
): Promise<Resource[]> {
  const found: Resource[] = [];
  for (const resource of await stoppable(inAzure, orderId)) {
    if (isWanted(await inAzure.power.state(resource))) found.push(resource);
  }
  return found.sort((a, b) => Number(DATA.test(a.type)) - Number(DATA.test(b.type)));
}

async function stoppable({ resources, power }: AzureSubscription, orderId: number): Promise<Resource[]> {
  try {
    return (await resources.inGroup(groupOf(orderId))).filter(({ type }) => power.isStoppable(type));
  } catch (error) {
    // Nothing runs in a group that is not there: somebody has deleted it, or it is about to be made anew.
    if (error instanceof ConnectorError && error.code === 'arm.ResourceGroupNotFound') return [];
    throw error;
  }
}

/** Makes the change and waits until it shows; one that Azure loses is made again. */
async function change(
  flow: Flow,
  { power }: AzureSubscription,
  resource: Resource,
  to: 'stop' | 'start',
  { pollEveryMs }: PowerParts,
): Promise<void> {
  const wanted = to === 'stop' ? 'stopped' : 'running';
  const plan = pollPlan('work', pollEveryMs, `Azure to ${to} ${nameIn(resource.name)}`);
  await flow.poll(`${to} ${resource.id}`, plan, async () => {
    const state = await power.state(resource);
    if (state === wanted) return true;
    if (state !== 'changing') await power[to](resource);
    return undefined;
  });
}
