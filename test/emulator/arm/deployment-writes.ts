import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Cause } from './books.ts';
import { isWithin, keyOf } from './ids.ts';
import type { Injected } from './injected-failures.ts';
import type { Deployment, Lock, State } from './model.ts';
import type { ResourceStore, WriteFailure } from './resource-store.ts';
import type { ArmError, ReadResource, TemplateResource } from './template/types.ts';

interface Parts {
  store: ResourceStore;
  state: State;
  clock: Clock;
  injected: Injected;
  read: ReadResource;
}

/** Writes one resource of a template through its provider; the failure when it cannot be written. */
export function writeTemplateResource(
  resource: TemplateResource,
  cause: Cause,
  parts: Parts,
): WriteFailure | undefined {
  const { store, state, injected, read } = parts;
  const resolved = resource.resolve(read);
  if (!resolved.ok) return runtimeFailure(resolved.error);
  const failure = injected.takeAtOperation(resource);
  if (failure !== undefined) return failure;
  const lock = readOnlyLock(resource.id, state);
  if (lock !== undefined) return { status: 409, error: lockedError(resource.id, lock) };
  if (keyOf(resource.type) === 'microsoft.authorization/roleassignments') {
    return writeRoleAssignment(resource, resolved.body, cause, parts);
  }
  if (keyOf(resource.type) === 'microsoft.authorization/locks') return writeLock(resource, resolved.body, state);
  return store.write(resource.id, resolved.body, cause);
}

export function runtimeFailure(error: ArmError): WriteFailure {
  return { status: error.code === 'ResourceNotFound' ? 404 : 400, error };
}

/**
 * A provider's error as a deployment repeats it among its details: some providers' errors come as they are, others as JSON
 * text in the message of an error that is named after the status.
 */
export function providerError({ status, error, asText }: WriteFailure): ArmError {
  const isBare = status === 400 && error.details !== undefined && error.details.length === 0;
  if (asText !== true && !isBare) return error;
  const body = isBare ? { error } : { status: 'Failed', error };
  return { code: status === 400 ? 'BadRequest' : 'Conflict', message: JSON.stringify(body, null, 2) };
}

function readOnlyLock(id: string, state: State): Lock | undefined {
  return [...state.locks.values()].find(
    ({ scope, level, removedAt }) => removedAt === undefined && level === 'ReadOnly' && isWithin(id, scope),
  );
}

function lockedError(id: string, { scope }: Lock): ArmError {
  const message =
    `The scope '${id}' cannot perform write operation because following scope(s) are locked: '${scope}'. Please remove ` +
    'the lock and try again.';
  return { code: 'ScopeLocked', message };
}

function scopeOf(id: string): string {
  return id.slice(0, id.toLowerCase().lastIndexOf('/providers/microsoft.authorization/'));
}

function writeRoleAssignment(
  { id, name }: TemplateResource,
  body: Record<string, unknown>,
  cause: Cause,
  { state, clock }: Parts,
): undefined {
  const { roleDefinitionId, principalId, principalType } = body.properties as Record<string, string>;
  state.roleAssignments.set(keyOf(id), {
    id,
    name,
    scope: scopeOf(id),
    roleDefinitionId: roleDefinitionId ?? '',
    principalId: (principalId ?? '').toLowerCase(),
    principalType: principalType ?? 'ServicePrincipal',
    createdAt: clock.now(),
    createdBy: cause.by,
    effectiveAt: clock.now(),
  });
}

function writeLock({ id, name }: TemplateResource, body: Record<string, unknown>, state: State): undefined {
  const { level } = (body.properties ?? {}) as { level?: Lock['level'] };
  state.locks.set(keyOf(id), { id, name, scope: scopeOf(id), level: level ?? 'CanNotDelete' });
}

const STATUS_NAMES: Record<number, string> = {
  400: 'BadRequest',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  429: 'TooManyRequests',
  500: 'InternalServerError',
};

/** The error of a deployment of which some operations failed. */
export function deploymentFailed({ id }: Deployment, details: ArmError[]): ArmError {
  return {
    code: 'DeploymentFailed',
    target: id,
    message:
      'At least one resource deployment operation failed. Please list deployment operations for details. Please see ' +
      'https://aka.ms/arm-deployment-operations for usage details.',
    details,
  };
}

/** The error for a linked template that Azure cannot get. */
export function invalidLink(uri: string): ArmError {
  const message =
    `Unable to download deployment content from '${uri}'. The tracking Id is '${randomUUID()}'. Please see ` +
    'https://aka.ms/arm-deploy for usage details.';
  return { code: 'InvalidContentLink', message };
}

/** The name of the status with which a provider failed, as operations show it. */
export function statusName({ status }: WriteFailure): string {
  return STATUS_NAMES[status] ?? 'Conflict';
}
