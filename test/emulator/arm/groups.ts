import type { Reply } from '../core/server.ts';
import { type Api, type Request, requireText, textsIn } from './api.ts';
import type { Books, Cause } from './books.ts';
import type { Deployments } from './deployments.ts';
import { groupId, isWithin, keyOf, subscriptionScope } from './ids.ts';
import type { Jobs } from './jobs.ts';
import type { Locks } from './locks.ts';
import type { ResourceGroup, State } from './model.ts';
import type { Operations, Outcome } from './operations.ts';
import { findLocation } from './provider-catalog.ts';
import { groupNotFound, invalidContent, refuse } from './refusals.ts';
import type { ResourceStore } from './resource-store.ts';
import type { Switches } from './switches.ts';
import { readTagFilter } from './tags.ts';

export interface GroupParts {
  api: Api;
  state: State;
  switches: Switches;
  books: Books;
  jobs: Jobs;
  locks: Locks;
  operations: Operations;
  store: ResourceStore;
  deployments: Pick<Deployments, 'cancelAll' | 'forget'>;
}

export interface Groups {
  /** Resources whose deletion fails until they are allowed again; part of their id. */
  blockDeletion(resource: string, on: boolean): void;
  reset(): void;
}

const GROUPS = '/subscriptions/:subscriptionId/resourcegroups';
const GROUP = `${GROUPS}/:group`;
const NAME = /^[\p{L}\p{N}._()-]{1,90}$/u;

const rule = (verb: string) => ({
  namespace: 'Microsoft.Resources',
  action: `Microsoft.Resources/subscriptions/resourceGroups/${verb}`,
  scope: ({ subscriptionId, group }: Record<string, string>) =>
    group === undefined ? subscriptionScope(subscriptionId!) : groupId(subscriptionId!, group),
});

/** @throws {ArmRefusal} 404 for a group that does not exist */
export function findGroup({ params, subscription }: Request, state: State): ResourceGroup {
  const group = state.groups.get(keyOf(groupId(subscription.id, params.group!)));
  if (group === undefined) throw groupNotFound(params.group!);
  return group;
}

/** @throws {ArmRefusal} 404, or 409 while the group is being deleted */
export function findWritableGroup(request: Request, state: State): ResourceGroup {
  const group = findGroup(request, state);
  if (group.state !== 'Deleting') return group;
  throw refuse(
    409,
    'ResourceGroupBeingDeleted',
    `The resource group '${group.name}' is in deprovisioning state and cannot perform this operation.`,
  );
}

/**
 * Resource groups. Deleting one deletes what is in it, the newest first, and takes a while; locks and resources that
 * cannot be deleted stop it.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/delete-resource-group
 */
export function defineGroups(parts: GroupParts): Groups {
  const { api, state, switches, books, jobs, locks, operations, store, deployments } = parts;
  const blocked = new Set<string>();
  const deletions = new Map<string, ReturnType<Operations['begin']>>();

  api.define('PUT', GROUP, rule('write'), (request) => {
    const { params, subscription, cause } = request;
    const name = params.group!;
    if (!NAME.test(name) || name.endsWith('.')) {
      throw refuse(
        400,
        'InvalidResourceGroup',
        `The provided resource group name '${name}' has these invalid characters or is too long. The name can only be a ` +
          "letter, digit, '-', '.', '(', ')' or '_', and cannot end with '.'.",
      );
    }
    const fields = request.fields();
    const location = findLocation(requireText(fields, 'location'));
    if (location === undefined) {
      throw refuse(
        400,
        'LocationNotAvailableForResourceGroup',
        `The provided location '${String(fields.location)}' is not available for resource group.`,
      );
    }
    const tags = textsIn(fields, 'tags');
    const known = state.groups.get(keyOf(groupId(subscription.id, name)));
    if (known === undefined) {
      const id = groupId(subscription.id, name);
      const group: ResourceGroup = { id, subscriptionId: subscription.id, name, location, tags, state: 'Succeeded' };
      state.groups.set(keyOf(id), group);
      books.write('group created', cause, { group: name, subscriptionId: subscription.id, location, tags });
      return { status: 201, body: view(group) };
    }
    findWritableGroup(request, state);
    if (known.location !== location) {
      throw refuse(
        409,
        'InvalidResourceGroupLocation',
        `Invalid resource group location '${location}'. The Resource group already exists in location '${known.location}'.`,
      );
    }
    locks.requireWritable(known.id);
    known.tags = tags;
    books.write('group changed', cause, { group: name, subscriptionId: subscription.id, tags });
    return { status: 200, body: view(known) };
  });

  api.define('PATCH', GROUP, rule('write'), (request) => {
    const group = findWritableGroup(request, state);
    locks.requireWritable(group.id);
    const fields = request.fields();
    if (fields.tags !== undefined) group.tags = textsIn(fields, 'tags');
    const { name, subscriptionId, tags } = group;
    books.write('group changed', request.cause, { group: name, subscriptionId, tags });
    return { status: 200, body: view(group) };
  });

  api.define('GET', GROUP, rule('read'), (request) => {
    look(request);
    return { status: 200, body: view(findGroup(request, state)) };
  });

  api.define('HEAD', GROUP, rule('read'), (request) => {
    look(request);
    findGroup(request, state);
    return { status: 204 };
  });

  api.define('GET', GROUPS, rule('read'), ({ subscription, query }) => {
    const matches = readTagFilter(query.get('$filter'));
    const all = [...state.groups.values()].filter((group) => group.subscriptionId === subscription.id);
    const top = Number(query.get('$top') ?? all.length);
    return {
      status: 200,
      body: {
        value: all
          .filter(({ tags }) => matches(tags))
          .slice(0, top)
          .map(view),
      },
    };
  });

  api.define('DELETE', GROUP, rule('delete'), (request): Reply => {
    const group = findGroup(request, state);
    const running = deletions.get(keyOf(group.id));
    if (group.state === 'Deleting' && running !== undefined) return operations.acceptAtLocation(request, running);
    if (switches.lockedGroupDeletion === 'refuse') locks.requireDeletable(group.id);
    group.state = 'Deleting';
    books.write('group deletion started', request.cause, { group: group.name, subscriptionId: group.subscriptionId });
    const operation = operations.begin(group.subscriptionId, (settle) => startDeletion(group, request.cause, settle));
    deletions.set(keyOf(group.id), operation);
    return operations.acceptAtLocation(request, operation);
  });

  function look({ params, subscription }: Request): void {
    deletions.get(keyOf(groupId(subscription.id, params.group!)))?.job.look();
  }

  function startDeletion(
    group: ResourceGroup,
    cause: Cause,
    settle: (outcome: Outcome) => void,
  ): ReturnType<Jobs['start']> {
    const left: string[] = [];
    deployments.cancelAll(group.id, cause);
    const resources = store.inGroup(group.subscriptionId, group.name).reverse();
    const steps = resources.map(({ id }) => () => {
      const resource = store.find(id);
      if (resource === undefined) return;
      if (locks.againstDeletion(id).length > 0 || isBlocked(id)) left.push(id);
      else store.remove(resource, cause);
    });
    return jobs.start({
      takesMs: switches.groupDeletionTakesMs,
      steps: [...steps, () => settle(endDeletion(group, cause, left))],
    });
  }

  function endDeletion(group: ResourceGroup, cause: Cause, left: string[]): Outcome {
    deletions.delete(keyOf(group.id));
    const facts = { group: group.name, subscriptionId: group.subscriptionId };
    const isLocked = locks.againstDeletion(group.id).length > 0;
    if (left.length > 0 || isLocked) {
      group.state = 'Succeeded';
      books.write('group deletion failed', cause, { ...facts, left });
      return { ok: false, status: 409, error: deletionBlocked(group, left, cause) };
    }
    state.groups.delete(keyOf(group.id));
    deployments.forget(group.id);
    for (const map of [state.locks, state.roleAssignments, state.budgets]) {
      for (const [key, { scope }] of map) if (isWithin(scope, group.id)) map.delete(key);
    }
    books.write('group deleted', cause, facts);
    return { ok: true };
  }

  const isBlocked = (id: string): boolean => [...blocked].some((part) => keyOf(id).includes(part));

  return {
    blockDeletion(resource, on) {
      if (resource === '') throw invalidContent('A resource is named by its id, or a part of it.');
      if (on) blocked.add(keyOf(resource));
      else blocked.delete(keyOf(resource));
    },
    reset() {
      blocked.clear();
      deletions.clear();
    },
  };
}

function deletionBlocked(group: ResourceGroup, left: string[], { correlationId }: Cause) {
  const names = left.map((id) => id.slice(id.toLowerCase().lastIndexOf('/providers/') + '/providers/'.length));
  const inner = {
    error: {
      code: 'ScopeLocked',
      message:
        'The scope cannot perform delete operation because following scope(s) are locked. Please remove the lock and try again.',
    },
  };
  return {
    code: 'ResourceGroupDeletionBlocked',
    message:
      `Deletion of resource group '${group.name}' failed as resources with identifiers '${names.join(',')}' could not be ` +
      'deleted. The provisioning state of the resource group will be rolled back. The tracking Id is ' +
      `'${correlationId ?? ''}'. Please check audit logs for more details.`,
    details: left.map((target) => ({ code: 'Conflict', target, message: JSON.stringify(inner) })),
  };
}

function view({ id, name, location, tags, state: provisioningState }: ResourceGroup): object {
  return {
    id,
    name,
    type: 'Microsoft.Resources/resourceGroups',
    location,
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    properties: { provisioningState },
  };
}
