import { createHash } from 'node:crypto';
import { keyOf } from './ids.ts';
import type { State } from './model.ts';
import type { ResourceStore } from './resource-store.ts';
import type { ReadResource } from './template/types.ts';

/** What `reference()` and the list functions see of resources, and of deployments nested in others. */
export function createRuntimeState({ state, store }: { state: State; store: ResourceStore }): ReadResource {
  return (id) => {
    const deployment = state.deployments.get(keyOf(id));
    if (deployment !== undefined) return { id, properties: { outputs: deployment.outputs ?? {} } };
    const resource = store.find(id);
    if (resource === undefined) return undefined;
    return { ...resource.body, id: resource.id, ...keysOf(resource.type, resource.id) };
  };
}

function keysOf(type: string, id: string): Record<string, unknown> {
  if (keyOf(type) !== 'microsoft.storage/storageaccounts') return {};
  const key = (name: string): object => ({
    keyName: name,
    permissions: 'FULL',
    value: createHash('sha512').update(`${id} ${name}`).digest('base64'),
  });
  return { listKeys: { keys: [key('key1'), key('key2')] } };
}
