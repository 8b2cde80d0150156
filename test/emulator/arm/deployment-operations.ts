import type { Clock } from '../core/clock.ts';
import type { Reply } from '../core/server.ts';
import { type Api, type Fields, isObject, objectIn, type Request, textIn, textsIn } from './api.ts';
import type { Books } from './books.ts';
import { type DeploymentHistory, isActive } from './deployment-history.ts';
import { isOf, newestFirst, viewDeployment, viewOperation, viewValidated } from './deployment-views.ts';
import type { Deployments } from './deployments.ts';
import { findGroup, findWritableGroup } from './groups.ts';
import { groupId, keyOf } from './ids.ts';
import type { Jobs } from './jobs.ts';
import type { Locks } from './locks.ts';
import type { Deployment, State } from './model.ts';
import type { Operations } from './operations.ts';
import type { Preflight } from './preflight.ts';
import { ArmRefusal, deploymentActive, deploymentNotFound, invalidContent, refuse } from './refusals.ts';
import type { ResourceStore } from './resource-store.ts';
import type { Switches } from './switches.ts';
import { evaluateTemplate } from './template/evaluate.ts';
import type { Evaluation, ParameterValue } from './template/types.ts';
import { predictChanges } from './what-if.ts';

export interface DeploymentOperationParts {
  api: Api;
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
  jobs: Jobs;
  locks: Locks;
  operations: Operations;
  deployments: Deployments;
  history: DeploymentHistory;
  preflight: Preflight;
  store: ResourceStore;
  fetchTemplate: (uri: string) => string | undefined;
}

const GROUP = '/subscriptions/:subscriptionId/resourcegroups/:group';
const DEPLOYMENTS = `${GROUP}/providers/Microsoft.Resources/deployments`;
const DEPLOYMENT = `${DEPLOYMENTS}/:name`;
const NAME = /^[A-Za-z0-9._()-]{1,64}$/;
const PAUSE_S = 5;

const rule = (verb: string) => ({
  namespace: 'Microsoft.Resources',
  action: `Microsoft.Resources/deployments/${verb}`,
  scope: ({ subscriptionId, group, name }: Record<string, string>) =>
    `${groupId(subscriptionId!, group!)}/providers/Microsoft.Resources/deployments${name === undefined ? '' : `/${name}`}`,
});

interface Wish {
  mode: Deployment['mode'];
  template: unknown;
  parameters: Record<string, ParameterValue>;
  templateLink?: { uri: string; contentVersion?: string };
}

/**
 * Deployments of templates into a resource group.
 *
 * @see https://learn.microsoft.com/rest/api/resources/deployments
 */
export function defineDeployments(parts: DeploymentOperationParts): void {
  const { api, clock, state, switches, books, jobs, locks, operations, deployments, history, preflight, store } = parts;

  api.define('PUT', DEPLOYMENT, rule('write'), (request): Reply => {
    const group = findWritableGroup(request, state);
    const name = readName(request);
    const fields = request.fields();
    const known = history.find(request.subscription.id, group.name, name);
    if (known !== undefined && isActive(known)) {
      if (switches.activeDeploymentPut === 'refuse') throw deploymentActive(known);
      deployments.cancel(known, request.cause);
    }
    locks.requireWritable(group.id);
    const wish = readWish(fields);
    const evaluation = evaluate(request, wish);
    const { subscription, cause, correlationId, principal } = request;
    preflight.check({ subscription, name, principal, correlationId }, evaluation);
    const tags = textsIn(fields, 'tags');
    const deployment = deployments.start(
      { subscription, group, name, tags, ...wish, cause, correlationId },
      evaluation,
    );
    return {
      status: known === undefined ? 201 : 200,
      headers: { 'azure-asyncoperation': statusAddress(request, deployment), ...operations.pause(PAUSE_S) },
      body: viewDeployment(deployment),
    };
  });

  api.define('GET', DEPLOYMENT, rule('read'), (request) => {
    const deployment = find(request);
    deployments.look(deployment);
    return { status: 200, body: viewDeployment(deployment) };
  });

  api.define('HEAD', DEPLOYMENT, rule('read'), (request) => {
    find(request);
    return { status: 204 };
  });

  api.define('GET', `${DEPLOYMENT}/operationStatuses/:statusId`, rule('operationstatuses/read'), (request): Reply => {
    const deployment = find(request);
    if (deployment.statusId !== request.params.statusId) throw deploymentNotFound(deployment.name);
    deployments.look(deployment);
    if (isActive(deployment)) {
      return { status: 200, headers: operations.pause(PAUSE_S), body: { status: deployment.state } };
    }
    const { state: status, error } = deployment;
    return { status: 200, body: error === undefined ? { status } : { status, error } };
  });

  api.define('DELETE', DEPLOYMENT, rule('delete'), (request): Reply => {
    const deployment = state.deployments.get(keyOf(rule('').scope(idParams(request))));
    if (deployment === undefined) return { status: 204 };
    if (isActive(deployment)) {
      throw refuse(409, 'DeploymentActive', `The deployment '${deployment.name}' is active and cannot be deleted.`);
    }
    state.deployments.delete(keyOf(deployment.id));
    const { name, group, subscriptionId } = deployment;
    books.write('deployment deleted', request.cause, { deployment: name, group, subscriptionId });
    return { status: 204 };
  });

  api.define('GET', DEPLOYMENTS, rule('read'), (request) => {
    const group = findGroup(request, state);
    const wanted = /provisioningState eq '([^']+)'/i.exec(request.query.get('$filter') ?? '')?.[1];
    const found = newestFirst([...state.deployments.values()].filter((one) => isOf(one, group))).filter(
      (one) => wanted === undefined || keyOf(one.state) === keyOf(wanted),
    );
    return {
      status: 200,
      body: { value: found.slice(0, Number(request.query.get('$top') ?? 800)).map(viewDeployment) },
    };
  });

  api.define('POST', `${DEPLOYMENT}/validate`, rule('validate/action'), (request): Reply => {
    const group = findWritableGroup(request, state);
    const name = readName(request);
    const { subscription, principal, correlationId } = request;
    const wish = readWish(request.fields());
    const answer = (): object => {
      const evaluation = evaluate(request, wish);
      preflight.check({ subscription, name, principal, correlationId }, evaluation);
      const id = `${group.id}/providers/Microsoft.Resources/deployments/${name}`;
      return viewValidated(id, name, evaluation, correlationId, clock.now());
    };
    if (switches.validateAnswers === 'at-once') return { status: 200, body: answer() };
    return later(request, answer);
  });

  api.define('POST', `${DEPLOYMENT}/whatIf`, rule('whatIf/action'), (request): Reply => {
    const group = findWritableGroup(request, state);
    readName(request);
    const fields = request.fields();
    const wish = readWish(fields);
    const { resultFormat } = objectIn(objectIn(fields, 'properties'), 'whatIfSettings');
    return later(request, () => {
      try {
        const evaluation = evaluate(request, wish);
        const changes = predictChanges(evaluation, group, store, { idsOnly: resultFormat === 'ResourceIdOnly' });
        const { correlationId } = request;
        return { status: 'Succeeded', properties: { correlationId, changes, potentialChanges: [], diagnostics: [] } };
      } catch (error) {
        if (error instanceof ArmRefusal) return { status: 'Failed', error: error.error };
        throw error;
      }
    });
  });

  api.define('POST', `${DEPLOYMENT}/cancel`, rule('cancel/action'), (request) => {
    const deployment = find(request);
    if (!isActive(deployment)) {
      throw refuse(
        409,
        'DeploymentCannotBeCancelled',
        `The deployment '${deployment.name}' cannot be cancelled because it is in the state '${deployment.state}'.`,
      );
    }
    deployments.cancel(deployment, request.cause);
    return { status: 204 };
  });

  api.define('POST', `${DEPLOYMENT}/exportTemplate`, rule('exportTemplate/action'), (request) => ({
    status: 200,
    body: { template: find(request).template },
  }));

  const operationRule = {
    ...rule('operations/read'),
    scope: ({ subscriptionId, group, name }: Record<string, string>) =>
      `${groupId(subscriptionId!, group!)}/deployments/${name}`,
  };
  api.define('GET', `${GROUP}/deployments/:name/operations`, operationRule, (request) => {
    const deployment = find(request);
    const visible = deployment.operations.filter(
      ({ state: status, at }) => status !== 'Failed' || at + switches.operationsLagMs <= clock.now(),
    );
    const top = Number(request.query.get('$top') ?? visible.length);
    return { status: 200, body: { value: visible.slice(0, top).map((one) => viewOperation(deployment, one)) } };
  });

  function idParams({ params, subscription }: Request): Record<string, string> {
    return { ...params, subscriptionId: subscription.id };
  }

  function find(request: Request): Deployment {
    const group = findGroup(request, state);
    const deployment = history.find(request.subscription.id, group.name, request.params.name!);
    if (deployment === undefined) throw deploymentNotFound(request.params.name!);
    return deployment;
  }

  function readName({ params }: Request): string {
    const name = params.name!;
    if (NAME.test(name)) return name;
    throw refuse(
      400,
      'InvalidDeploymentName',
      `The deployment name '${name}' is not valid. The name must be at most 64 characters and may contain letters, digits, ` +
        "'-', '.', '_' and parentheses.",
    );
  }

  function readWish(fields: Fields): Wish {
    const properties = objectIn(fields, 'properties');
    const { mode, template, templateLink } = properties;
    if (mode !== 'Incremental' && mode !== 'Complete')
      throw invalidContent("Required property 'mode' not found in JSON.");
    if (template !== undefined && templateLink !== undefined) {
      throw invalidContent("Only one of the properties 'template' and 'templateLink' may be given.");
    }
    const parameters = objectIn(properties, 'parameters') as Record<string, ParameterValue>;
    if (isObject(templateLink)) {
      const uri = textIn(templateLink, 'uri') ?? '';
      const text = parts.fetchTemplate(uri + (textIn(templateLink, 'queryString') ?? ''));
      const link = {
        uri,
        ...(typeof templateLink.contentVersion === 'string' ? { contentVersion: templateLink.contentVersion } : {}),
      };
      return { mode, template: readLinked(uri, text), parameters, templateLink: link };
    }
    return { mode, template, parameters };
  }

  function evaluate(request: Request, { template, parameters }: Wish): Evaluation {
    const group = findGroup(request, state);
    const scope = deployments.scopeOf({ subscription: request.subscription, group, name: request.params.name! });
    history.keepSecrets(template, parameters);
    const evaluation = evaluateTemplate({ template, parameters, scope });
    if (evaluation.ok) return evaluation;
    throw new ArmRefusal(400, evaluation.error);
  }

  /** Answers 202 and lets the result be fetched; a refusal becomes an answer with its status. */
  function later(request: Request, answer: () => object): Reply {
    const operation = operations.begin(request.subscription.id, (settle) =>
      jobs.start({
        takesMs: switches.whatIfTakesMs,
        steps: [
          () => {
            try {
              settle({ ok: true, body: answer() });
            } catch (error) {
              if (!(error instanceof ArmRefusal)) throw error;
              settle({ ok: false, status: error.status, error: error.error });
            }
          },
        ],
      }),
    );
    return operations.acceptAtLocation(request, operation);
  }

  function statusAddress({ origin, query }: Request, { id, statusId }: Deployment): string {
    return `${origin}${id}/operationStatuses/${statusId}?api-version=${query.get('api-version')}&t=1&c=EMULATED&s=EMULATED&h=EMULATED`;
  }
}

function readLinked(uri: string, text: string | undefined): unknown {
  try {
    if (text !== undefined) return JSON.parse(text);
  } catch {
    // Not JSON: the same as not there.
  }
  throw refuse(
    400,
    'InvalidContentLink',
    `Unable to download deployment content from '${uri}'. Please see https://aka.ms/arm-deploy for usage details.`,
  );
}
