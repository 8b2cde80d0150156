import type { Clock } from '../core/clock.ts';
import type { Principal } from './authentication.ts';
import { isWithin, keyOf, stableGuid } from './ids.ts';
import type { AzureSubscription, RoleAssignment, State } from './model.ts';
import { type ArmRefusal, refuse } from './refusals.ts';

/** Ids of the built-in roles that the emulator knows. */
export const ROLES = {
  owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7',
  userAccessAdministrator: '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9',
  virtualMachineContributor: '9980e02c-c2be-4d73-94e8-173b1dc7cf3c',
} as const;

type Permission = (action: string) => boolean;

const isRead: Permission = (action) => action.endsWith('/read');
const isAccessChange: Permission = (action) => /^microsoft\.authorization\/.*\/(write|delete)$/.test(action);

/** @see https://learn.microsoft.com/azure/role-based-access-control/built-in-roles */
const PERMISSIONS: Record<string, Permission> = {
  [ROLES.owner]: () => true,
  [ROLES.contributor]: (action) => !isAccessChange(action),
  [ROLES.reader]: isRead,
  [ROLES.userAccessAdministrator]: (action) => isRead(action) || action.startsWith('microsoft.authorization/'),
  [ROLES.virtualMachineContributor]: (action) =>
    isRead(action) ||
    action.startsWith('microsoft.compute/virtualmachines/') ||
    action.startsWith('microsoft.resources/deployments/'),
};

export interface Roles {
  can(principal: Principal, action: string, scope: string): boolean;
  /** @throws {ArmRefusal} 403 AuthorizationFailed */
  require(principal: Principal, action: string, scope: string): void;
  /** Whether the caller has any role in a subscription, or below it. */
  hasAny(principal: Principal, subscriptionId: string): boolean;
  /** The partner's admin agents become Owner of what the partner created. */
  addForeignPrincipal(subscription: AzureSubscription, delayMs: number): void;
  removeForeignPrincipal(subscriptionId: string): boolean;
}

export function roleIdOf(roleDefinitionId: string): string {
  return roleDefinitionId.split('/').at(-1)!.toLowerCase();
}

export function isKnownRole(roleDefinitionId: string): boolean {
  return roleIdOf(roleDefinitionId) in PERMISSIONS;
}

/** Who may do what where, from the role assignments that are in effect. */
export function createRoles(parts: { clock: Clock; state: State; adminAgentsId: string }): Roles {
  const { clock, state, adminAgentsId } = parts;

  function assignmentsOf(principal: Principal): RoleAssignment[] {
    return [...state.roleAssignments.values()].filter(
      ({ principalId, effectiveAt }) => principal.ids.includes(principalId.toLowerCase()) && effectiveAt <= clock.now(),
    );
  }

  function can(principal: Principal, action: string, scope: string): boolean {
    return assignmentsOf(principal).some(
      (assignment) =>
        isWithin(scope, assignment.scope) &&
        PERMISSIONS[roleIdOf(assignment.roleDefinitionId)]?.(action.toLowerCase()) === true,
    );
  }

  return {
    can,

    require(principal, action, scope) {
      if (!can(principal, action, scope)) throw authorizationFailed(principal, action, scope);
    },

    hasAny(principal, subscriptionId) {
      return assignmentsOf(principal).some(({ scope }) => isWithin(scope, `/subscriptions/${subscriptionId}`));
    },

    addForeignPrincipal({ id, visibleAt }, delayMs) {
      const scope = `/subscriptions/${id}`;
      const name = stableGuid('foreign principal', id);
      const assignment: RoleAssignment = {
        id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`,
        name,
        scope,
        roleDefinitionId: `${scope}/providers/Microsoft.Authorization/roleDefinitions/${ROLES.owner}`,
        principalId: adminAgentsId,
        principalType: 'ForeignGroup',
        createdAt: clock.now(),
        createdBy: '',
        effectiveAt: visibleAt + delayMs,
      };
      state.roleAssignments.set(keyOf(assignment.id), assignment);
    },

    removeForeignPrincipal(subscriptionId) {
      const found = [...state.roleAssignments].filter(
        ([, { principalId, scope }]) =>
          principalId === adminAgentsId && isWithin(scope, `/subscriptions/${subscriptionId}`),
      );
      for (const [key] of found) state.roleAssignments.delete(key);
      return found.length > 0;
    },
  };
}

export function authorizationFailed({ name, objectId }: Principal, action: string, scope: string): ArmRefusal {
  return refuse(
    403,
    'AuthorizationFailed',
    `The client '${name}' with object id '${objectId}' does not have authorization to perform action '${action}' over ` +
      `scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  );
}
