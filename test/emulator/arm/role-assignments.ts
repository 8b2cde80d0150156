import type { Clock } from '../core/clock.ts';
import { type Api, objectIn, type Request, requireText } from './api.ts';
import type { Books } from './books.ts';
import { isGuid, isWithin, keyOf } from './ids.ts';
import type { RoleAssignment, State } from './model.ts';
import { invalidContent, refuse } from './refusals.ts';
import { isKnownRole, ROLES, roleIdOf } from './roles.ts';
import type { Switches } from './switches.ts';

export interface RoleAssignmentParts {
  api: Api;
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
}

export interface RoleAssignments {
  /** The next assignments without `principalType` meet a directory that does not know the principal yet. */
  forgetPrincipals(times: number): void;
  /** A service principal came to exist, which replicas of the directory learn by and by. */
  principalAppeared(objectId: string): void;
  reset(): void;
}

const ASSIGNMENTS = '*scope/providers/Microsoft.Authorization/roleAssignments';
const PRINCIPAL_TYPES = ['User', 'Group', 'ServicePrincipal', 'ForeignGroup', 'Device'];

const rule = (verb: string) => ({
  namespace: 'Microsoft.Authorization',
  action: `Microsoft.Authorization/roleAssignments/${verb}`,
  scope: ({ scope, name }: Record<string, string>) =>
    name === undefined ? scope! : `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`,
});

/**
 * Who has which role where. The name of an assignment is a GUID of the caller's choice.
 *
 * @see https://learn.microsoft.com/azure/role-based-access-control/role-assignments-rest
 */
export function defineRoleAssignments(parts: RoleAssignmentParts): RoleAssignments {
  const { api, clock, state, switches, books } = parts;
  const appearedAt = new Map<string, number>();
  let forgotten = 0;

  api.define('PUT', `${ASSIGNMENTS}/:name`, rule('write'), (request) => {
    const { params, cause, principal } = request;
    const { scope, name } = params as { scope: string; name: string };
    if (!isGuid(name)) {
      throw refuse(400, 'InvalidRoleAssignmentId', `The role assignment ID '${name}' is not valid. It must be a GUID.`);
    }
    const properties = objectIn(request.fields(), 'properties');
    const roleDefinitionId = requireText(properties, 'roleDefinitionId');
    const principalId = requireText(properties, 'principalId').toLowerCase();
    if (!isGuid(principalId)) throw refuse(400, 'InvalidPrincipalId', `A valid principal ID must be provided.`);
    if (!isKnownRole(roleDefinitionId)) {
      throw refuse(
        400,
        'RoleDefinitionDoesNotExist',
        `The specified role definition with ID '${roleIdOf(roleDefinitionId)}' does not exist.`,
      );
    }
    const principalType = readPrincipalType(request, properties.principalType, principalId);

    const id = `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`;
    const byName = [...state.roleAssignments.values()].find((other) => keyOf(other.name) === keyOf(name));
    if (byName !== undefined) {
      const isSame =
        keyOf(byName.scope) === keyOf(scope) &&
        byName.principalId === principalId &&
        roleIdOf(byName.roleDefinitionId) === roleIdOf(roleDefinitionId);
      if (isSame) return { status: 200, body: view(byName) };
      throw refuse(
        400,
        'RoleAssignmentUpdateNotPermitted',
        'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.',
      );
    }
    const twin = [...state.roleAssignments.values()].some(
      (other) =>
        keyOf(other.scope) === keyOf(scope) &&
        other.principalId === principalId &&
        roleIdOf(other.roleDefinitionId) === roleIdOf(roleDefinitionId),
    );
    if (twin) throw refuse(409, 'RoleAssignmentExists', 'The role assignment already exists.');

    const assignment: RoleAssignment = {
      id,
      name,
      scope,
      roleDefinitionId,
      principalId,
      principalType,
      ...(typeof properties.description === 'string' ? { description: properties.description } : {}),
      createdAt: clock.now(),
      createdBy: principal.objectId,
      effectiveAt: clock.now() + switches.roleEffectiveAfterMs,
    };
    state.roleAssignments.set(keyOf(id), assignment);
    books.write('role assigned', cause, {
      roleAssignment: id,
      scope,
      role: roleIdOf(roleDefinitionId),
      principalId,
      principalType,
    });
    return { status: 201, body: view(assignment) };
  });

  api.define('GET', `${ASSIGNMENTS}/:name`, rule('read'), ({ params }) => {
    const assignment = find(params.scope!, params.name!);
    if (assignment === undefined) {
      throw refuse(404, 'RoleAssignmentNotFound', `The role assignment '${params.name}' is not found.`);
    }
    return { status: 200, body: view(assignment) };
  });

  api.define('DELETE', `${ASSIGNMENTS}/:name`, rule('delete'), ({ params, cause }) => {
    const assignment = find(params.scope!, params.name!);
    if (assignment === undefined) return { status: 204 };
    if (isLastOwner(assignment)) {
      throw refuse(400, 'LastOwnerCannotBeRemoved', 'Cannot delete the last RBAC admin assignment.');
    }
    state.roleAssignments.delete(keyOf(assignment.id));
    books.write('role removed', cause, { roleAssignment: assignment.id, principalId: assignment.principalId });
    return { status: 200, body: view(assignment) };
  });

  api.define('GET', ASSIGNMENTS, rule('read'), ({ params, query }) => {
    const filter = query.get('$filter') ?? '';
    const [, principalId] = /(?:principalId eq|assignedTo\()\s*'([^']+)'/i.exec(filter) ?? [];
    const atScope = /atScope\(\)/i.test(filter);
    const value = [...state.roleAssignments.values()].filter(({ scope, principalId: assignee }) => {
      const isNear = isWithin(params.scope!, scope) || (!atScope && isWithin(scope, params.scope!));
      return isNear && (principalId === undefined || assignee === principalId.toLowerCase());
    });
    return { status: 200, body: { value: value.map(view) } };
  });

  function readPrincipalType({ subscription }: Request, given: unknown, principalId: string): string {
    if (given !== undefined) {
      if (typeof given === 'string' && PRINCIPAL_TYPES.includes(given)) return given;
      throw invalidContent(`${JSON.stringify(given)} is no type of a principal.`);
    }
    const isFresh = (appearedAt.get(principalId) ?? -Infinity) + switches.principalReplicationMs > clock.now();
    if (forgotten === 0 && !isFresh) return appearedAt.has(principalId) ? 'ServicePrincipal' : 'User';
    if (forgotten > 0) forgotten -= 1;
    throw refuse(
      400,
      'PrincipalNotFound',
      `Principal ${principalId.replaceAll('-', '')} does not exist in the directory ${subscription.tenantId}. Check that ` +
        'you have the correct principal ID. If you are creating this principal and then immediately assigning a role, ' +
        'this error might be related to a replication delay. In this case, set the role assignment principalType property ' +
        'to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype',
    );
  }

  function find(scope: string, name: string): RoleAssignment | undefined {
    return state.roleAssignments.get(keyOf(`${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`));
  }

  function isLastOwner(assignment: RoleAssignment): boolean {
    const owners = [...state.roleAssignments.values()].filter(
      ({ scope, roleDefinitionId }) =>
        keyOf(scope) === keyOf(assignment.scope) &&
        roleIdOf(roleDefinitionId) === roleIdOf(assignment.roleDefinitionId),
    );
    const isOwner = roleIdOf(assignment.roleDefinitionId) === ROLES.owner;
    return isOwner && /^\/subscriptions\/[^/]+$/.test(assignment.scope) && owners.length === 1;
  }

  return {
    forgetPrincipals(times) {
      forgotten = times;
    },
    principalAppeared: (objectId) => void appearedAt.set(objectId.toLowerCase(), clock.now()),
    reset() {
      forgotten = 0;
      appearedAt.clear();
    },
  };
}

function view(assignment: RoleAssignment): object {
  const { id, name, scope, roleDefinitionId, principalId, principalType, description, createdAt, createdBy } =
    assignment;
  const createdOn = new Date(createdAt).toISOString().replace('Z', '0000Z');
  return {
    id,
    name,
    type: 'Microsoft.Authorization/roleAssignments',
    properties: {
      roleDefinitionId,
      principalId,
      principalType,
      scope,
      description: description ?? null,
      condition: null,
      conditionVersion: null,
      createdOn,
      updatedOn: createdOn,
      createdBy: null,
      updatedBy: createdBy,
      delegatedManagedIdentityResourceId: null,
    },
  };
}
