import { keyOf, parseResourceId } from './ids.ts';
import type { Deployment, DeploymentOperation } from './model.ts';
import { findType } from './provider-catalog.ts';
import type { Evaluation } from './template/types.ts';

/** A span of time as ISO 8601 text, e.g. `PT4M32.281S`. */
export function printDuration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const seconds = (ms % 60_000) / 1000;
  return `PT${minutes === 0 ? '' : `${minutes}M`}${seconds}S`;
}

export function printTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '0000Z');
}

function viewReference(id: string): object {
  const parsed = parseResourceId(id);
  return { id, resourceType: parsed?.type ?? '', resourceName: parsed?.name ?? '' };
}

function viewProviders(deployment: Deployment): object[] {
  const types = new Map<string, Set<string>>();
  for (const { id } of deployment.dependencies) {
    const [namespace = '', ...rest] = parseResourceId(id)?.type.split('/') ?? [];
    types.set(namespace, (types.get(namespace) ?? new Set()).add(rest.join('/')));
  }
  return [...types].map(([namespace, names]) => ({
    namespace,
    resourceTypes: [...names].map((resourceType) => ({
      resourceType,
      locations: [findType(`${namespace}/${resourceType}`)?.global === true ? 'global' : 'westeurope'],
    })),
  }));
}

/** A deployment as a GET answers it. Secure parameters show their type alone. */
export function viewDeployment(deployment: Deployment): object {
  const { id, name, tags, templateHash, templateLink, parameters, mode, state, startedAt, at, correlationId } =
    deployment;
  const { dependencies, outputs, outputResources, error } = deployment;
  const dependent = dependencies.filter(({ dependsOn }) => dependsOn.length > 0);
  const isEnded = state === 'Succeeded' || state === 'Failed' || state === 'Canceled';
  return {
    id,
    name,
    type: 'Microsoft.Resources/deployments',
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    properties: {
      templateHash,
      ...(templateLink === undefined ? {} : { templateLink }),
      parameters,
      mode,
      provisioningState: state,
      timestamp: printTime(at),
      duration: printDuration(at - startedAt),
      correlationId,
      providers: viewProviders(deployment),
      dependencies: dependent.map(({ id: resource, dependsOn }) => ({
        dependsOn: dependsOn.map(viewReference),
        ...viewReference(resource),
      })),
      ...(outputs === undefined ? {} : { outputs }),
      ...(isEnded && outputResources.length > 0
        ? { outputResources: outputResources.map((one) => ({ id: one })) }
        : {}),
      ...(error === undefined ? {} : { error }),
    },
  };
}

/** What `validate` answers for a template that is accepted. */
export function viewValidated(id: string, name: string, evaluation: Evaluation, correlationId: string, nowMs: number) {
  return {
    id,
    name,
    type: 'Microsoft.Resources/deployments',
    properties: {
      parameters: evaluation.parameters,
      mode: 'Incremental',
      provisioningState: 'Succeeded',
      timestamp: printTime(nowMs),
      duration: 'PT0S',
      correlationId,
      providers: evaluation.providers.map((namespace) => ({ namespace, resourceTypes: [] })),
      dependencies: [],
      validatedResources: evaluation.resources.map(({ id: resource }) => ({ id: resource })),
    },
  };
}

export function viewOperation(deployment: Deployment, operation: DeploymentOperation): object {
  const { id, kind, state, startedAt, at, statusCode, statusMessage, target } = operation;
  return {
    id: `${deployment.id}/operations/${id}`,
    operationId: id,
    properties: {
      provisioningOperation: kind,
      provisioningState: state,
      timestamp: printTime(at),
      duration: printDuration(at - startedAt),
      trackingId: deployment.correlationId,
      statusCode,
      ...(statusMessage === undefined ? {} : { statusMessage }),
      ...(target === undefined ? {} : { targetResource: target }),
    },
  };
}

/** The newest first, as lists of deployments are. */
export function newestFirst(deployments: Deployment[]): Deployment[] {
  return deployments
    .map((one, order) => ({ one, order }))
    .sort((a, b) => b.order - a.order)
    .map(({ one }) => one);
}

export function isOf(deployment: Deployment, group: { id: string }): boolean {
  return keyOf(deployment.id).startsWith(`${keyOf(group.id)}/providers/`);
}
