import { createHash, randomInt, randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Books, Cause } from './books.ts';
import { groupId, isWithin, keyOf } from './ids.ts';
import type { AzureSubscription, Deployment, DeploymentOperation, ResourceGroup, State } from './model.ts';
import type { Evaluation, ParameterValue, TemplateResource } from './template/types.ts';

export interface DeploymentRequest {
  subscription: AzureSubscription;
  group: ResourceGroup;
  name: string;
  tags: Record<string, string>;
  mode: Deployment['mode'];
  template: unknown;
  parameters: Record<string, ParameterValue>;
  templateLink?: { uri: string; contentVersion?: string };
  cause: Cause;
  correlationId: string;
}

export interface DeploymentHistory {
  find(subscriptionId: string, group: string, name: string): Deployment | undefined;
  /** Adds an entry for a deployment that begins; one of the same name goes. */
  record(request: DeploymentRequest, evaluation: Evaluation, parent?: Deployment): Deployment;
  openOperation(deployment: Deployment, resource: TemplateResource): DeploymentOperation;
  /** An outermost deployment and those that are nested in it, at whatever depth. */
  withNested(root: Deployment): Deployment[];
  /** The outermost of the deployments around one. */
  rootOf(deployment: Deployment): Deployment;
  /** Remembers secure values, none of which may show up in a log. */
  keepSecrets(template: unknown, parameters: Record<string, ParameterValue>): void;
}

const LIMIT = 775;
const KEPT = 750;
const SHORTEST_SECRET = 6;

export function isActive({ state }: Deployment): boolean {
  return state === 'Accepted' || state === 'Running';
}

/**
 * The entries of deployments, of which a group keeps a limited number: the oldest go by themselves.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/deployment-history-deletions
 */
export function createDeploymentHistory(parts: { clock: Clock; state: State; books: Books }): DeploymentHistory {
  const { clock, state, books } = parts;

  function trim(group: string): void {
    const entries = [...state.deployments.entries()].filter(([, one]) => isWithin(one.id, group));
    if (entries.length <= LIMIT) return;
    const oldest = entries.filter(([, one]) => !isActive(one)).slice(0, entries.length - KEPT);
    for (const [key] of oldest) state.deployments.delete(key);
  }

  function rootOf(deployment: Deployment): Deployment {
    const { parent } = deployment;
    const outer = parent === undefined ? undefined : state.deployments.get(keyOf(parent));
    return outer === undefined ? deployment : rootOf(outer);
  }

  return {
    find: (subscriptionId, group, name) => state.deployments.get(keyOf(idOf(subscriptionId, group, name))),

    record(request, evaluation, parent) {
      const { subscription, group, name, tags, mode, template, templateLink, cause, correlationId } = request;
      const now = clock.now();
      const deployment: Deployment = {
        id: idOf(subscription.id, group.name, name),
        subscriptionId: subscription.id,
        group: group.name,
        name,
        tags,
        mode,
        state: 'Accepted',
        parameters: evaluation.parameters,
        template,
        ...(templateLink === undefined ? {} : { templateLink }),
        templateHash: String(createHash('sha256').update(JSON.stringify(template)).digest().readBigUInt64BE()),
        providers: evaluation.providers,
        dependencies: evaluation.resources.map(({ id, dependsOn }) => ({ id, dependsOn })),
        startedAt: now,
        at: now,
        correlationId,
        statusId: `0858${String(randomInt(2 ** 47)).padStart(16, '0')}`,
        outputResources: [],
        operations: [],
        cause,
        ...(parent === undefined ? {} : { parent: parent.id }),
      };
      state.deployments.delete(keyOf(deployment.id)); // a new run is the newest entry
      state.deployments.set(keyOf(deployment.id), deployment);
      trim(group.id);
      books.write('deployment started', cause, {
        deployment: name,
        group: group.name,
        subscriptionId: subscription.id,
        tags,
        ...(parent === undefined ? {} : { parent: parent.name }),
      });
      return deployment;
    },

    openOperation(deployment, { id, type, name }) {
      const operation: DeploymentOperation = {
        id: randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase(),
        kind: 'Create',
        state: 'Running',
        startedAt: clock.now(),
        at: clock.now(),
        statusCode: 'Accepted',
        target: { id, resourceType: type, resourceName: name },
      };
      deployment.operations.push(operation);
      return operation;
    },

    rootOf,
    withNested: (root) => [...state.deployments.values()].filter((one) => rootOf(one) === root),

    keepSecrets(template, parameters) {
      const { parameters: declared } = (template ?? {}) as {
        parameters?: Record<string, { type?: unknown } | undefined>;
      };
      for (const [name, declaration] of Object.entries(declared ?? {})) {
        const type = declaration?.type;
        if (typeof type !== 'string' || !type.toLowerCase().startsWith('secure')) continue;
        const given = Object.entries(parameters).find(([key]) => keyOf(key) === keyOf(name));
        for (const text of leavesOf(given?.[1]?.value)) if (text.length >= SHORTEST_SECRET) state.secrets.add(text);
      }
    },
  };
}

function idOf(subscriptionId: string, group: string, name: string): string {
  return `${groupId(subscriptionId, group)}/providers/Microsoft.Resources/deployments/${name}`;
}

function leavesOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(leavesOf);
}
