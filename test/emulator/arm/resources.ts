import type { Api, Request } from './api.ts';
import { findGroup } from './groups.ts';
import { groupId, isSameText, keyOf, parseResourceId } from './ids.ts';
import type { Locks } from './locks.ts';
import type { Resource, State } from './model.ts';
import type { Power } from './power.ts';
import { findProvider } from './provider-catalog.ts';
import type { Registrations } from './providers.ts';
import { groupNotFound, invalidContent, missingRegistration, resourceNotFound } from './refusals.ts';
import type { ResourceStore } from './resource-store.ts';
import type { Roles } from './roles.ts';
import { readTagFilter, tagsOf } from './tags.ts';

export interface ResourceParts {
  api: Api;
  state: State;
  store: ResourceStore;
  roles: Roles;
  locks: Locks;
  registrations: Registrations;
  power: Pick<Power, 'look'>;
}

const SUBSCRIPTION = '/subscriptions/:subscriptionId';
const LIST_RULE = { namespace: 'Microsoft.Resources', action: 'Microsoft.Resources/subscriptions/resources/read' };

/** The namespace and the remaining segments of a resource of a group; types and names take turns. */
const DEPTHS = [1, 2, 3].map((depth) =>
  Array.from({ length: depth }, (_, index) => `:type${index}/:name${index}`).join('/'),
);

/**
 * Lists of resources, by group or by tag, and reading and deleting any resource by its id.
 *
 * @see https://learn.microsoft.com/rest/api/resources/resources
 */
export function defineResources({ api, state, store, roles, locks, registrations, power }: ResourceParts): void {
  api.define('GET', `${SUBSCRIPTION}/resources`, LIST_RULE, (request) => {
    const { subscription } = request;
    const all = [...state.resources.values()].filter(({ subscriptionId }) => subscriptionId === subscription.id);
    return list(request, all);
  });

  const inGroup = {
    namespace: 'Microsoft.Resources',
    action: 'Microsoft.Resources/subscriptions/resourceGroups/resources/read',
    scope: ({ subscriptionId, group }: Record<string, string>) => groupId(subscriptionId!, group!),
  };
  api.define('GET', `${SUBSCRIPTION}/resourcegroups/:group/resources`, inGroup, (request) => {
    const group = findGroup(request, state);
    return list(request, store.inGroup(group.subscriptionId, group.name));
  });

  for (const depth of DEPTHS) {
    const path = `${SUBSCRIPTION}/resourceGroups/:group/providers/:namespace/${depth}`;
    api.define('GET', path, { namespace: 'any' }, (request) => {
      authorize(request, 'read');
      const resource = find(request);
      power.look(resource);
      return { status: 200, body: store.view(resource) };
    });
    api.define('HEAD', path, { namespace: 'any' }, (request) => {
      authorize(request, 'read');
      find(request);
      return { status: 204 };
    });
    api.define('DELETE', path, { namespace: 'any' }, (request) => {
      authorize(request, 'delete');
      const resource = state.resources.get(keyOf(idOf(request)));
      if (resource === undefined) return { status: 204 };
      locks.requireDeletable(resource.id);
      store.remove(resource, request.cause);
      return { status: 200 };
    });
    if (depth === DEPTHS[0]) {
      api.define('GET', path.replace(/\/:name0$/, ''), { namespace: 'any' }, (request) => {
        authorize(request, 'read');
        const group = findGroup(request, state);
        const type = `${request.params.namespace}/${request.params.type0}`;
        const value = store.inGroup(group.subscriptionId, group.name).filter((one) => isSameText(one.type, type));
        return { status: 200, body: { value: value.map(store.view) } };
      });
    }
  }

  function idOf({ params, subscription }: Request): string {
    const segments = [0, 1, 2].flatMap((index) => [params[`type${index}`], params[`name${index}`]]);
    const path = segments.filter((segment) => segment !== undefined).join('/');
    return `${groupId(subscription.id, params.group!)}/providers/${params.namespace}/${path}`;
  }

  function typeOf({ params }: Request): string {
    const types = [0, 1, 2].map((index) => params[`type${index}`]).filter((type) => type !== undefined);
    return [params.namespace, ...types].join('/');
  }

  function authorize(request: Request, verb: string): void {
    const id = idOf(request);
    roles.require(
      request.principal,
      `${typeOf(request)}/${verb}`,
      parseResourceId(id) === undefined ? groupScope(request) : id,
    );
  }

  const groupScope = ({ params, subscription }: Request): string => groupId(subscription.id, params.group!);

  function find(request: Request): Resource {
    const resource = store.find(idOf(request));
    if (resource !== undefined) return resource;
    const { subscription, params } = request;
    const namespace = findProvider(params.namespace!)?.namespace ?? params.namespace!;
    if (!registrations.isRegistered(subscription, namespace)) throw missingRegistration(namespace);
    if (!state.groups.has(keyOf(groupScope(request)))) throw groupNotFound(params.group!);
    const names = [0, 1, 2].map((index) => params[`name${index}`]).filter((name) => name !== undefined);
    throw resourceNotFound(typeOf(request), names.join('/'), params.group!);
  }

  function list({ query }: Request, resources: Resource[]) {
    const matches = readFilter(query.get('$filter'));
    const tracked = resources.filter(({ location }) => location !== undefined);
    const top = Number(query.get('$top') ?? tracked.length);
    return { status: 200, body: { value: tracked.filter(matches).slice(0, top).map(viewInList) } };
  }

  function viewInList(resource: Resource): object {
    const { id, name, type, location, body } = resource;
    const { tags, sku, kind, plan, zones, managedBy, identity } = body;
    const known = { tags, sku, kind, plan, zones, managedBy, identity };
    const present = Object.entries(known).filter(([, value]) => value !== undefined && value !== null);
    return { id, name, type, location, ...Object.fromEntries(present) };
  }
}

/** Reads `resourceType eq '…'` and `resourceGroup eq '…'`, alone or together, or a filter by tag. */
function readFilter(filter: string | null): (resource: Resource) => boolean {
  if (filter === null || filter === '') return () => true;
  if (/^\s*tagName/i.test(filter)) {
    const matches = readTagFilter(filter);
    return (resource) => matches(tagsOf(resource));
  }
  const terms = filter
    .split(/\s+and\s+/i)
    .map((term) => /^\s*(resourceType|resourceGroup|name|location) eq '([^']*)'\s*$/i.exec(term));
  if (terms.some((term) => term === null)) throw invalidContent(`The filter '${filter}' is not valid.`);
  return ({ type, group, name, location = '' }) =>
    terms.every((term) => {
      const facts: Record<string, string> = { resourcetype: type, resourcegroup: group, name, location };
      return isSameText(facts[term![1]!.toLowerCase()]!, term![2]!);
    });
}
