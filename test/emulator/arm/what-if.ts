import { keyOf } from './ids.ts';
import type { ResourceGroup } from './model.ts';
import type { ResourceStore } from './resource-store.ts';
import type { Evaluation } from './template/types.ts';

/**
 * The changes that a deployment would make: what it creates and modifies, and what of its group it leaves alone.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/deploy-what-if
 */
export function predictChanges(
  evaluation: Evaluation,
  group: ResourceGroup,
  store: ResourceStore,
  { idsOnly }: { idsOnly: boolean },
): object[] {
  const planned = evaluation.resources.filter(({ type }) => keyOf(type) !== 'microsoft.resources/deployments');
  const changes = planned.map((resource) => {
    const resolved = resource.resolve((id) => store.find(id)?.body);
    const body = resolved.ok ? resolved.body : {};
    const { id, type, name, apiVersion } = resource;
    const after = { apiVersion, id, name, type, ...body };
    const known = store.find(id);
    if (known === undefined) return { resourceId: id, changeType: 'Create', ...(idsOnly ? {} : { after }) };
    if (idsOnly) return { resourceId: id, changeType: 'Deploy' };
    const before = store.view(known);
    const delta = differences(before, after);
    const changeType = delta.length === 0 ? 'NoChange' : 'Modify';
    return { resourceId: id, changeType, before, after, ...(delta.length === 0 ? {} : { delta }) };
  });
  const ids = new Set(planned.map(({ id }) => keyOf(id)));
  const untouched = store.inGroup(group.subscriptionId, group.name).filter(({ id }) => !ids.has(keyOf(id)));
  return [
    ...changes,
    ...untouched.map((resource) => ({
      resourceId: resource.id,
      changeType: 'Ignore',
      ...(idsOnly ? {} : { before: store.view(resource) }),
    })),
  ];
}

/** What of a resource would change; properties that the template does not name are not looked at. */
function differences(before: unknown, after: unknown, path = ''): object[] {
  if (isPlain(before) && isPlain(after)) {
    return Object.entries(after)
      .filter(([name]) => path !== '' || !['apiVersion', 'id', 'name', 'type'].includes(name))
      .flatMap(([name, value]) => differences(before[name], value, path === '' ? name : `${path}.${name}`));
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const propertyChangeType = before === undefined ? 'Create' : Array.isArray(after) ? 'Array' : 'Modify';
  return [{ path, propertyChangeType, before: before ?? null, after, children: null }];
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
