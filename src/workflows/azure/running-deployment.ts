import type { Flow } from '../../engine/workflow.ts';
import type { AzureSubscription } from '../../upstreams/azure/client.ts';
import type { Look } from '../look.ts';
import { pollPlan } from '../steps/polls.ts';
import { deploymentOf, groupOf } from './names.ts';

/**
 * Waits for the end of the deployment that an operation before this one has started, if it still runs. Azure lets deployments of different
 * names write into a group at the same time, and what one of them has yet to start would run on after everything was stopped.
 */
export async function awaitRunningDeployment(
  flow: Flow,
  look: Look,
  { deployments }: Pick<AzureSubscription, 'deployments'>,
  { pollEveryMs }: { pollEveryMs: number },
): Promise<void> {
  const { attempt = 0 } = look.fulfillment().azure ?? {};
  const { id } = look.subscription;
  const name = deploymentOf(id, attempt);
  const plan = pollPlan('work', pollEveryMs, `Azure to finish deployment ${name}, which was started before`);
  await flow.poll('no other deployment runs', plan, async () => {
    if (attempt === 0) return true;
    const { state } = await deployments.look(groupOf(id), name);
    return state !== 'running' || undefined;
  });
}
