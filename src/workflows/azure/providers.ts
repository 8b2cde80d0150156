import type { Flow } from '../../engine/workflow.ts';
import type { AzureSubscription } from '../../upstreams/azure/client.ts';

/**
 * Registers the resource providers that a template needs. A new Azure subscription knows few of them.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
 */
export async function registerProviders(
  flow: Flow,
  { providers }: Pick<AzureSubscription, 'providers'>,
  namespaces: readonly string[],
  { pollEveryMs }: { pollEveryMs: number },
): Promise<void> {
  const missing = await flow.step('register resource providers', async () => {
    const unknown: string[] = [];
    for (const namespace of namespaces) {
      if (isRegistered(await providers.state(namespace))) continue;
      await providers.register(namespace);
      unknown.push(namespace);
    }
    return unknown;
  });
  for (const namespace of missing) {
    const plan = {
      firstMs: pollEveryMs / 3,
      factor: 1.5,
      longestMs: 4 * pollEveryMs,
      waitingFor: `Azure to register ${namespace}`,
    };
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
