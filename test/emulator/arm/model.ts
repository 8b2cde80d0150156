import type { Cause } from './books.ts';
import type { ArmError, TypedValue } from './template/types.ts';

export type SubscriptionState = 'Enabled' | 'Warned' | 'PastDue' | 'Disabled' | 'Deleted';

export interface AzureSubscription {
  id: string;
  tenantId: string;
  displayName: string;
  state: SubscriptionState;
  createdAt: number;
  /** From when on Azure Resource Manager knows it. */
  visibleAt: number;
  tags: Record<string, string>;
  disabledAt?: number;
  /** When a resource of it was deleted last. */
  lastDeletionAt?: number;
  /** Registered namespaces in lower case; those that are missing are not registered. */
  registrations: Map<string, 'Registering' | 'Registered' | 'Unregistering'>;
}

export interface ResourceGroup {
  id: string;
  subscriptionId: string;
  name: string;
  location: string;
  tags: Record<string, string>;
  state: 'Succeeded' | 'Deleting';
}

export type PowerState = 'running' | 'stopped' | 'deallocated' | 'starting' | 'stopping' | 'deallocating';

export interface Resource {
  id: string;
  subscriptionId: string;
  group: string;
  type: string;
  name: string;
  location?: string;
  /** As it was written: tags, sku, kind, plan, zones, identity and properties, and what its provider added. */
  body: Record<string, unknown>;
  createdAt: number;
  /** Of what can be stopped. */
  power?: PowerState;
  powerHistory: { at: number; state: PowerState; by: string; requestId?: string }[];
}

export type DeploymentState = 'Accepted' | 'Running' | 'Succeeded' | 'Failed' | 'Canceled';

export interface DeploymentOperation {
  id: string;
  kind: 'Create' | 'EvaluateDeploymentOutput';
  state: 'Running' | 'Succeeded' | 'Failed' | 'Canceled';
  startedAt: number;
  at: number;
  target?: { id: string; resourceType: string; resourceName: string };
  statusCode: string;
  statusMessage?: unknown;
  /** How the deployment repeats a failure among the details of its own error. */
  detail?: ArmError;
}

export interface Deployment {
  id: string;
  subscriptionId: string;
  group: string;
  name: string;
  tags: Record<string, string>;
  mode: 'Incremental' | 'Complete';
  state: DeploymentState;
  parameters: Record<string, TypedValue>;
  template: unknown;
  templateLink?: { uri: string; contentVersion?: string };
  templateHash: string;
  providers: string[];
  dependencies: { id: string; dependsOn: string[] }[];
  startedAt: number;
  at: number;
  correlationId: string;
  /** The last part of the address under which its progress is told. */
  statusId: string;
  outputs?: Record<string, TypedValue>;
  outputResources: string[];
  error?: ArmError;
  operations: DeploymentOperation[];
  cause: Cause;
  /** The deployment that it is nested in. */
  parent?: string;
}

export interface RoleAssignment {
  id: string;
  name: string;
  scope: string;
  roleDefinitionId: string;
  principalId: string;
  principalType: string;
  description?: string;
  createdAt: number;
  createdBy: string;
  /** From when on it acts. */
  effectiveAt: number;
}

export interface Lock {
  id: string;
  name: string;
  scope: string;
  level: 'CanNotDelete' | 'ReadOnly';
  notes?: string;
  /** A lock that was removed may still block for a while. */
  removedAt?: number;
}

export interface Alias {
  name: string;
  tenantId: string;
  state: 'Accepted' | 'Succeeded' | 'Failed';
  displayName: string;
  customerId: string;
  subscriptionId?: string;
}

export interface Terms {
  subscriptionId: string;
  publisher: string;
  offer: string;
  plan: string;
  signature: string;
  retrievedAt: number;
  accepted: boolean;
  effectiveAt: number;
  signedAt?: number;
  cancelledAt?: number;
  acceptedBy?: string;
}

export interface Budget {
  id: string;
  name: string;
  scope: string;
  properties: Record<string, unknown>;
  version: number;
}

/** A time in which a resource cost something; an open one goes on. */
export interface CostPeriod {
  subscriptionId: string;
  resourceId: string;
  type: string;
  meter: 'machine' | 'storage' | 'other';
  perHour: number;
  from: number;
  to?: number;
}

/** Everything that Azure remembers, by ids in lower case. */
export interface State {
  subscriptions: Map<string, AzureSubscription>;
  groups: Map<string, ResourceGroup>;
  resources: Map<string, Resource>;
  deployments: Map<string, Deployment>;
  roleAssignments: Map<string, RoleAssignment>;
  locks: Map<string, Lock>;
  aliases: Map<string, Alias>;
  terms: Map<string, Terms>;
  budgets: Map<string, Budget>;
  costs: CostPeriod[];
  /** Secure values of parameters that ever came in. */
  secrets: Set<string>;
}

export function createState(): State {
  return {
    subscriptions: new Map(),
    groups: new Map(),
    resources: new Map(),
    deployments: new Map(),
    roleAssignments: new Map(),
    locks: new Map(),
    aliases: new Map(),
    terms: new Map(),
    budgets: new Map(),
    costs: [],
    secrets: new Set(),
  };
}

/** Empties everything but the secrets, none of which may show up in a log later. */
export function clearState(state: State): void {
  const { secrets: _secrets, costs, ...maps } = state;
  costs.length = 0;
  for (const map of Object.values(maps)) map.clear();
}
