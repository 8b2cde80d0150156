import type { Clock } from '../core/clock.ts';
import type { Books, Cause } from './books.ts';
import { type DeploymentHistory, type DeploymentRequest, isActive } from './deployment-history.ts';
import {
  deploymentFailed,
  invalidLink,
  providerError,
  runtimeFailure,
  statusName,
  writeTemplateResource,
} from './deployment-writes.ts';
import { groupId, isWithin, keyOf } from './ids.ts';
import type { Injected } from './injected-failures.ts';
import type { Job, Jobs } from './jobs.ts';
import type { Deployment, DeploymentOperation, State } from './model.ts';
import type { ResourceStore, WriteFailure } from './resource-store.ts';
import { createRuntimeState } from './runtime-state.ts';
import type { Switches } from './switches.ts';
import { evaluateTemplate } from './template/evaluate.ts';
import type {
  ArmError,
  DeploymentScope,
  Evaluation,
  NestedDeployment,
  ParameterValue,
  TemplateResource,
} from './template/types.ts';

export interface DeploymentParts {
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
  jobs: Jobs;
  store: ResourceStore;
  injected: Injected;
  history: DeploymentHistory;
  /** The text behind the address of a linked template; undefined when it cannot be had. */
  fetchTemplate: (uri: string) => string | undefined;
}

export interface Deployments {
  scopeOf(request: Pick<DeploymentRequest, 'subscription' | 'group' | 'name'>): DeploymentScope;
  /** Starts a deployment whose template was accepted. */
  start(request: DeploymentRequest, evaluation: Evaluation): Deployment;
  /** Somebody looks at it. */
  look(deployment: Deployment): void;
  cancel(deployment: Deployment, cause: Cause): void;
  /** Ends what runs in a group. */
  cancelAll(groupId: string, cause: Cause): void;
  /** Forgets the history of a group. */
  forget(groupId: string): void;
}

const NESTED = 'microsoft.resources/deployments';

/**
 * Deployments as they run: the resources of a template are written one after the other, those that depend on a failed one
 * are left out, and nested deployments run as deployments of their own.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/deployment-history
 */
export function createDeployments(parts: DeploymentParts): Deployments {
  const { clock, state, switches, books, jobs, store, injected, history, fetchTemplate } = parts;
  const read = createRuntimeState({ state, store });
  const work = new WeakMap<Deployment, Job>();
  const failed = new WeakMap<Deployment, Set<string>>();

  function scopeOf({
    subscription,
    group,
    name,
  }: Pick<DeploymentRequest, 'subscription' | 'group' | 'name'>): DeploymentScope {
    return {
      tenantId: subscription.tenantId,
      subscriptionId: subscription.id,
      subscriptionName: subscription.displayName,
      resourceGroup: { name: group.name, location: group.location, tags: group.tags },
      deploymentName: name,
      nowMs: clock.now(),
    };
  }

  function open(request: DeploymentRequest, evaluation: Evaluation, parent?: Deployment): Deployment {
    const deployment = history.record(request, evaluation, parent);
    failed.set(deployment, new Set());
    return deployment;
  }

  function stepsOf(deployment: Deployment, evaluation: Evaluation): (() => void)[] {
    return [
      ...evaluation.resources.map((resource) => () => writeStep(deployment, resource)),
      () => endStep(deployment, evaluation),
    ];
  }

  function begin(deployment: Deployment): void {
    deployment.state = 'Running';
    deployment.at = clock.now();
  }

  function writeStep(deployment: Deployment, resource: TemplateResource): void {
    deployment.at = clock.now();
    const bad = failed.get(deployment)!;
    if (resource.dependsOn.some((id) => bad.has(keyOf(id)))) {
      bad.add(keyOf(resource.id));
      return;
    }
    const operation = history.openOperation(deployment, resource);
    const nested = nestedOf(deployment, resource);
    if (nested === undefined) {
      const outcome = writeTemplateResource(resource, deployment.cause, { store, state, clock, injected, read });
      closeOperation(deployment, operation, resource, outcome);
    } else if ('failure' in nested) closeOperation(deployment, operation, resource, nested.failure);
    else startNested(deployment, operation, resource, nested);
  }

  /** The nested deployment behind a resource, its template inline or linked. */
  function nestedOf(
    deployment: Deployment,
    resource: TemplateResource,
  ): NestedDeployment | { failure: WriteFailure } | undefined {
    if (keyOf(resource.type) !== NESTED) return undefined;
    if (resource.resolveNested !== undefined) {
      const resolved = resource.resolveNested(read);
      return resolved.ok ? resolved.nested : { failure: runtimeFailure(resolved.error) };
    }
    if (resource.nested !== undefined) return resource.nested;
    const resolved = resource.resolve(read);
    if (!resolved.ok) return { failure: runtimeFailure(resolved.error) };
    const { templateLink, parameters } = (resolved.body.properties ?? {}) as {
      templateLink?: { uri?: string };
      parameters?: Record<string, ParameterValue>;
    };
    const uri = templateLink?.uri ?? '';
    const text = fetchTemplate(uri);
    if (text === undefined) return { failure: { status: 400, error: invalidLink(uri) } };
    try {
      const { subscriptionId } = deployment;
      const subscription = state.subscriptions.get(subscriptionId)!;
      const group = state.groups.get(keyOf(groupId(subscriptionId, deployment.group)))!;
      const scope = scopeOf({ subscription, group, name: resource.name });
      return { template: JSON.parse(text), parameters: parameters ?? {}, scope };
    } catch {
      return { failure: { status: 400, error: invalidLink(uri) } };
    }
  }

  function startNested(
    parent: Deployment,
    operation: DeploymentOperation,
    resource: TemplateResource,
    { template, parameters, scope }: NestedDeployment,
  ): void {
    const subscription = state.subscriptions.get(keyOf(scope.subscriptionId));
    const group = state.groups.get(keyOf(groupId(scope.subscriptionId, scope.resourceGroup.name)));
    if (subscription === undefined || group === undefined) {
      const message = `Resource group '${scope.resourceGroup.name}' could not be found.`;
      closeOperation(parent, operation, resource, { status: 404, error: { code: 'ResourceGroupNotFound', message } });
      return;
    }
    history.keepSecrets(template, parameters);
    const evaluation = evaluateTemplate({ template, parameters, scope });
    if (!evaluation.ok) {
      closeOperation(parent, operation, resource, { status: 400, error: evaluation.error });
      return;
    }
    const { cause, correlationId } = parent;
    const request: DeploymentRequest = {
      subscription,
      group,
      name: resource.name,
      tags: {},
      mode: 'Incremental',
      template,
      parameters,
      cause,
      correlationId,
    };
    const child = open(request, evaluation, parent);
    begin(child);
    const close = (): void => {
      const isDone = child.state === 'Succeeded';
      const failure = isDone ? undefined : { status: 409, error: child.error ?? deploymentFailed(child, []) };
      if (isDone) parent.outputResources.push(...child.outputResources);
      closeOperation(parent, operation, resource, failure);
    };
    const job = work.get(parent);
    if (job === undefined) return;
    work.set(child, job);
    job.insert([...stepsOf(child, evaluation), close]);
  }

  function closeOperation(
    deployment: Deployment,
    operation: DeploymentOperation,
    resource: TemplateResource,
    failure: WriteFailure | undefined,
  ): void {
    operation.at = clock.now();
    if (failure === undefined) {
      operation.state = 'Succeeded';
      operation.statusCode = 'Created';
      if (keyOf(resource.type) !== NESTED) deployment.outputResources.push(resource.id);
      return;
    }
    failed.get(deployment)!.add(keyOf(resource.id));
    operation.state = 'Failed';
    operation.statusCode = statusName(failure);
    operation.statusMessage = failure.statusMessage ?? { status: 'Failed', error: failure.error };
    operation.detail = providerError(failure);
  }

  function endStep(deployment: Deployment, evaluation: Evaluation): void {
    const failures = deployment.operations.filter((operation) => operation.state === 'Failed');
    const result = failures.length === 0 ? evaluation.outputs(read) : undefined;
    if (result === undefined) {
      const details = failures.flatMap(({ detail }) => (detail === undefined ? [] : [detail]));
      end(deployment, 'Failed', deploymentFailed(deployment, details));
    } else if (result.ok) {
      deployment.outputs = result.outputs;
      deployment.operations.push(outputOperation(clock.now()));
      if (deployment.mode === 'Complete') removeOthers(deployment);
      end(deployment, 'Succeeded');
    } else {
      end(deployment, 'Failed', result.error);
    }
  }

  /** Mode `Complete`: what the template does not name goes. */
  function removeOthers({ subscriptionId, group, outputResources, cause }: Deployment): void {
    const kept = new Set(outputResources.map(keyOf));
    for (const resource of store.inGroup(subscriptionId, group).reverse()) {
      const { managedBy } = resource.body;
      const isKept = kept.has(keyOf(resource.id)) || (typeof managedBy === 'string' && kept.has(keyOf(managedBy)));
      if (!isKept && store.find(resource.id) !== undefined) store.remove(resource, cause);
    }
  }

  function end(deployment: Deployment, to: 'Succeeded' | 'Failed' | 'Canceled', error?: ArmError): void {
    deployment.state = to;
    deployment.at = clock.now();
    if (error !== undefined) deployment.error = error;
    const { name, group, subscriptionId, cause } = deployment;
    books.write('deployment ended', cause, { deployment: name, group, subscriptionId, state: to });
  }

  /** Cancels a deployment; one that is nested together with those around it, whose work it is. */
  function cancel(deployment: Deployment, cause: Cause): void {
    const root = history.rootOf(deployment);
    work.get(root)?.stop();
    const message = `The deployment '${deployment.name}' was canceled.`;
    for (const one of history.withNested(root).filter(isActive)) {
      for (const operation of one.operations) if (operation.state === 'Running') operation.state = 'Canceled';
      end(one, 'Canceled', { code: 'DeploymentCanceled', message });
    }
    const { name, group, subscriptionId } = deployment;
    books.write('deployment cancelled', cause, { deployment: name, group, subscriptionId });
  }

  return {
    scopeOf,

    start(request, evaluation) {
      const deployment = open(request, evaluation);
      const steps = [() => begin(deployment), ...stepsOf(deployment, evaluation)];
      work.set(deployment, jobs.start({ takesMs: switches.deploymentTakesMs, steps }));
      return deployment;
    },

    look: (deployment) => work.get(deployment)?.look(),

    cancel,

    cancelAll(id, cause) {
      for (const one of [...state.deployments.values()]) if (isActive(one) && isWithin(one.id, id)) cancel(one, cause);
    },

    forget(id) {
      for (const [key, one] of state.deployments) if (isWithin(one.id, id)) state.deployments.delete(key);
    },
  };
}

/** The last operation of a deployment that succeeded has no target: it evaluates the outputs. */
function outputOperation(at: number): DeploymentOperation {
  return {
    id: '08586000000000000000',
    kind: 'EvaluateDeploymentOutput',
    state: 'Succeeded',
    startedAt: at,
    at,
    statusCode: 'OK',
  };
}
