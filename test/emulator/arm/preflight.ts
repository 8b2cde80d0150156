import { textIn } from './api.ts';
import type { Principal } from './authentication.ts';
import type { Capacity } from './capacity.ts';
import { keyOf } from './ids.ts';
import type { Images } from './images.ts';
import type { Injected } from './injected-failures.ts';
import type { AzureSubscription } from './model.ts';
import { findLocation, findProvider, findType } from './provider-catalog.ts';
import type { Registrations } from './providers.ts';
import { type ArmRefusal, missingRegistration, refuse } from './refusals.ts';
import type { ResourceStore } from './resource-store.ts';
import type { Roles } from './roles.ts';
import type { Switches } from './switches.ts';
import { evaluateTemplate } from './template/evaluate.ts';
import type { ArmError, Evaluation, TemplateResource } from './template/types.ts';

export interface PreflightParts {
  switches: Switches;
  registrations: Registrations;
  roles: Roles;
  images: Images;
  capacity: Capacity;
  injected: Injected;
  store: ResourceStore;
}

export interface PreflightRequest {
  subscription: AzureSubscription;
  name: string;
  principal: Principal;
  correlationId: string;
}

const NOTHING = (): undefined => undefined;

/**
 * What Azure checks after the template itself and before anything is written: registrations, types, versions and regions,
 * permissions, policies, quotas, sizes, and the terms of Marketplace images. A refusal leaves nothing in the history.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/find-error-code
 */
export function createPreflight(parts: PreflightParts) {
  const { switches, registrations, roles, images, capacity, injected } = parts;

  function flatten(resources: TemplateResource[]): TemplateResource[] {
    return resources.flatMap((resource) => {
      if (resource.nested === undefined) return [resource];
      const inner = evaluateTemplate(resource.nested);
      return inner.ok ? [resource, ...flatten(inner.resources)] : [resource];
    });
  }

  function checkRegistrations({ subscription }: PreflightRequest, { providers }: Evaluation): void {
    for (const namespace of providers) {
      if (findProvider(namespace) === undefined) {
        throw refuse(404, 'InvalidResourceNamespace', `The resource namespace '${namespace}' is invalid.`);
      }
      if (registrations.isRegistered(subscription, namespace)) continue;
      if (!switches.registerOnDeployment) throw missingRegistration(namespace);
      registrations.register(subscription, namespace);
    }
  }

  function checkType({ type, apiVersion }: TemplateResource, body: Record<string, unknown>): ArmRefusal | undefined {
    const known = findType(type);
    const [namespace = ''] = type.split('/');
    if (known === undefined || !/^\d{4}-\d\d-\d\d(-preview)?$/i.test(apiVersion)) {
      const versions = findProvider(namespace)?.versions.join(', ') ?? '';
      return refuse(
        400,
        'NoRegisteredProviderFound',
        `No registered resource provider found for location '${textIn(body, 'location') ?? ''}' and API version ` +
          `'${apiVersion}' for type '${type.split('/').slice(1).join('/')}'. The supported api-versions are '${versions}'.`,
      );
    }
    const { location } = body;
    if (typeof location !== 'string' || known.global === true || findLocation(location) !== undefined) return undefined;
    return refuse(
      400,
      'LocationNotAvailableForResourceType',
      `The provided location '${location}' is not available for resource type '${type}'.`,
    );
  }

  function authorizationError(
    { principal }: PreflightRequest,
    { id, type, name }: TemplateResource,
  ): ArmError | undefined {
    const action = `${type}/write`;
    if (roles.can(principal, action, id)) return undefined;
    return {
      code: 'AuthorizationFailed',
      target: id,
      message:
        `Authorization failed for template resource '${name}' of type '${type}'. The client '${principal.name}' with ` +
        `object id '${principal.objectId}' does not have permission to perform action '${action}' at scope '${id}'.`,
    };
  }

  function detailsOf(request: PreflightRequest, resources: TemplateResource[]): ArmError[] {
    const machines = resources.filter(({ type }) => keyOf(type) === 'microsoft.compute/virtualmachines');
    return [
      ...resources.flatMap((resource) => authorizationError(request, resource) ?? []),
      ...capacity.check(request.subscription.id, machines.map(bodyOf), (id) => parts.store.find(id) !== undefined),
    ];
  }

  /** @throws {ArmRefusal} when Azure would not begin */
  function check(request: PreflightRequest, evaluation: Evaluation): void {
    checkRegistrations(request, evaluation);
    const resources = flatten(evaluation.resources);
    for (const resource of resources) {
      const refusal = checkType(resource, bodyOf(resource).body);
      if (refusal !== undefined) throw refusal;
    }
    const ordered = resources.flatMap((resource) => injected.takeAtPreflight(resource) ?? []);
    const policies = ordered.filter(({ code }) => code === 'RequestDisallowedByPolicy');
    if (policies.length > 0) throw violation(policies);
    const details = [...detailsOf(request, resources), ...ordered];
    if (details.length > 0) throw notValid(request, details);
    for (const resource of resources) {
      const { body } = bodyOf(resource);
      const error = images.purchaseError({ body, subscriptionId: request.subscription.id });
      if (error !== undefined) throw refuse(400, error.code, error.message, { details: error.details ?? [] });
    }
  }

  return { check };
}

export type Preflight = ReturnType<typeof createPreflight>;

/** The body as far as it is known before anything is written. */
function bodyOf(resource: TemplateResource): { id: string; body: Record<string, unknown> } {
  const resolved = resource.resolve(NOTHING);
  return { id: resource.id, body: resolved.ok ? resolved.body : {} };
}

function violation(details: ArmError[]): ArmRefusal {
  return refuse(
    400,
    'InvalidTemplateDeployment',
    'The template deployment failed because of policy violation. Please see details for more information.',
    { details },
  );
}

function notValid({ name, correlationId }: PreflightRequest, details: ArmError[]): ArmRefusal {
  return refuse(
    details.every(({ code }) => code === 'AuthorizationFailed') ? 403 : 400,
    'InvalidTemplateDeployment',
    `The template deployment '${name}' is not valid according to the validation procedure. The tracking id is ` +
      `'${correlationId}'. See inner errors for details.`,
    { details },
  );
}
