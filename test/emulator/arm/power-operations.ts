import type { Reply } from '../core/server.ts';
import type { Api, Request } from './api.ts';
import { findGroup } from './groups.ts';
import { groupId, isSameText, subscriptionScope } from './ids.ts';
import type { Locks } from './locks.ts';
import type { Resource, State } from './model.ts';
import type { Operations } from './operations.ts';
import type { Power, PowerAction } from './power.ts';
import { resourceNotFound } from './refusals.ts';
import type { ResourceStore } from './resource-store.ts';

export interface PowerOperationParts {
  api: Api;
  state: State;
  locks: Locks;
  operations: Operations;
  store: ResourceStore;
  power: Power;
}

const GROUP = '/subscriptions/:subscriptionId/resourceGroups/:group';
const MACHINE = 'Microsoft.Compute/virtualMachines';

/** The actions of each type, and those that are done at once. */
const ACTIONS: Record<string, { actions: PowerAction[]; atOnce?: boolean }> = {
  'Microsoft.Compute/virtualMachines': { actions: ['start', 'restart', 'deallocate', 'powerOff'] },
  'Microsoft.Compute/virtualMachineScaleSets': { actions: ['start', 'restart', 'deallocate', 'powerOff'] },
  'Microsoft.DBforPostgreSQL/flexibleServers': { actions: ['start', 'stop', 'restart'] },
  'Microsoft.DBforMySQL/flexibleServers': { actions: ['start', 'stop', 'restart'] },
  'Microsoft.ContainerService/managedClusters': { actions: ['start', 'stop'] },
  'Microsoft.ContainerInstance/containerGroups': { actions: ['start', 'stop', 'restart'] },
  'Microsoft.Web/sites': { actions: ['start', 'stop', 'restart'], atOnce: true },
};

/**
 * Start and stop actions of machines and platform services, and the power state of machines. Web sites answer at once,
 * the others with the addresses of a long-running operation.
 *
 * @see https://learn.microsoft.com/rest/api/compute/virtual-machines
 */
export function definePower(parts: PowerOperationParts): void {
  const { api, state, locks, operations, store, power } = parts;

  for (const [type, { actions, atOnce }] of Object.entries(ACTIONS)) {
    const [namespace = '', name = ''] = type.split('/');
    for (const action of actions) {
      const rule = ruleOf(type, `${action}/action`);
      api.define('POST', `${GROUP}/providers/${namespace}/${name}/:name/${action}`, rule, (request): Reply => {
        const resource = find(request, type);
        locks.requireWritable(resource.id);
        const operation = power.act(resource, action, request.cause);
        if (atOnce === true) {
          operation.job.finish();
          return { status: 200 };
        }
        return operations.acceptAtProvider(request, operation, { namespace, location: resource.location ?? '' });
      });
    }
  }

  const machine = `${GROUP}/providers/Microsoft.Compute/virtualMachines/:name`;
  api.define('GET', machine, ruleOf(MACHINE, 'read'), (request) => {
    const resource = find(request, MACHINE);
    power.look(resource);
    const expands = request.query.get('$expand')?.toLowerCase() === 'instanceview';
    const body = store.view(resource);
    const properties = body.properties as object;
    return {
      status: 200,
      body: expands ? { ...body, properties: { ...properties, instanceView: viewInstance(resource) } } : body,
    };
  });

  api.define('GET', `${machine}/instanceView`, ruleOf(MACHINE, 'instanceView/read'), (request) => {
    const resource = find(request, MACHINE);
    power.look(resource);
    const headers = { 'x-ms-ratelimit-remaining-resource': 'Microsoft.Compute/GetInstanceView3Min;239' };
    return { status: 200, headers, body: viewInstance(resource) };
  });

  const groupScope = ({ subscriptionId, group }: Record<string, string>): string => groupId(subscriptionId!, group!);
  const list = { ...ruleOf(MACHINE, 'read'), scope: groupScope };
  api.define('GET', `${GROUP}/providers/Microsoft.Compute/virtualMachines`, list, (request) => {
    const group = findGroup(request, state);
    const machines = store.inGroup(group.subscriptionId, group.name).filter(({ type }) => isSameText(type, MACHINE));
    return { status: 200, body: { value: machines.map(store.view) } };
  });

  const all = {
    ...ruleOf(MACHINE, 'read'),
    scope: ({ subscriptionId }: Record<string, string>) => subscriptionScope(subscriptionId!),
  };
  const everywhere = '/subscriptions/:subscriptionId/providers/Microsoft.Compute/virtualMachines';
  api.define('GET', everywhere, all, ({ subscription }) => {
    const machines = [...state.resources.values()].filter(
      ({ type, subscriptionId }) => subscriptionId === subscription.id && isSameText(type, MACHINE),
    );
    return { status: 200, body: { value: machines.map(store.view) } };
  });

  function find({ params, subscription }: Request, type: string): Resource {
    const resource = store.find(`${groupId(subscription.id, params.group!)}/providers/${type}/${params.name}`);
    if (resource === undefined) throw resourceNotFound(type, params.name!, params.group!);
    return resource;
  }
}

function ruleOf(type: string, verb: string) {
  const [namespace = ''] = type.split('/');
  return {
    namespace,
    action: `${type}/${verb}`,
    scope: ({ subscriptionId, group, name }: Record<string, string>) =>
      `${groupId(subscriptionId!, group!)}/providers/${type}/${name}`,
  };
}

function viewInstance(resource: Resource): object {
  const power = resource.power ?? 'running';
  const at = resource.powerHistory.at(-1)?.at ?? resource.createdAt;
  return {
    computerName: resource.name,
    osName: 'emulated',
    hyperVGeneration: 'V2',
    statuses: [
      {
        code: 'ProvisioningState/succeeded',
        level: 'Info',
        displayStatus: 'Provisioning succeeded',
        time: new Date(at).toISOString().replace('Z', '+00:00'),
      },
      { code: `PowerState/${power}`, level: 'Info', displayStatus: `VM ${power}` },
    ],
  };
}
