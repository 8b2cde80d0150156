import type { Flow } from '../../engine/workflow.ts';
import type { AzureSubscription } from '../../upstreams/azure/client.ts';
import { pollPlan } from '../steps/polls.ts';

/**
 * Registers the resource providers that a template needs. A new Azure subscription knows few of them. What a run has registered is not asked
 * about again, so that this can be called once more for another template.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
 */
export async function registerProviders(
  flow: Flow,
  { providers }: Pick<AzureSubscription, 'providers'>,
  namespaces: readonly string[],
  { pollEveryMs }: { pollEveryMs: number },
): Promise<void> {
  const missing: string[] = [];
  for (const namespace of namespaces) {
    const isMissing = await flow.step(`register ${namespace}`, async () => {
      if (isRegistered(await providers.state(namespace))) return false;
      await providers.register(namespace);
      return true;
    });
    if (isMissing) missing.push(namespace);
  }
  for (const namespace of missing) {
    const plan = pollPlan('soon', pollEveryMs, `Azure to register ${namespace}`);
    await flow.poll(
      `${namespace} registered`,
      plan,
      async () => isRegistered(await providers.state(namespace)) || undefined,
    );
  }
}

function isRegistered(state: string): boolean {
  return state.toLowerCase() === 'registered';
}
