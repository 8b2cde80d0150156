/** An Azure subscription and the customer's tenant that it lives in. */
export interface Where {
  tenantId: string;
  subscriptionId: string;
}

/** What one innermost cause of a failure asks for; see `kindOf`. */
export type FaultKind = 'permanent' | 'customer' | 'capacity' | 'transient' | 'conflict';

/**
 * One innermost cause of a failure. `path` are the codes from the outermost to its own, `target` what failed, mostly a
 * resource id. The message is Azure's, in English, at most 500 characters, without addresses of people, tokens, and values of
 * secure parameters that the call knew.
 */
export interface Fault {
  code: string;
  message: string;
  path: string[];
  target?: string;
  kind: FaultKind;
}

/** A resource, as lists show it. */
export interface Resource {
  id: string;
  /** Such as `Microsoft.Compute/virtualMachines`; compare without regard to case. */
  type: string;
  name: string;
  location?: string;
}

/** What a deployment writes: the template as JSON, and its parameters in ARM's form, `{ name: { value } }`. */
export interface DeploymentBody {
  template: Record<string, unknown>;
  parameters: Record<string, { value: unknown }>;
}

export type DeploymentState =
  | { state: 'absent' }
  | { state: 'running' }
  | { state: 'succeeded'; outputs: Record<string, { type: string; value: unknown }>; resourceIds: string[] }
  | { state: 'failed' | 'canceled'; faults: Fault[] };

export interface WhatIf {
  /** `action` in Microsoft's words: `Create`, `Modify`, `Delete`, `NoChange`, `Deploy`, `Ignore`, `Unsupported`. */
  changes: { action: string; resourceId: string }[];
}

/** What accepted terms belong to, as the image names it. */
export interface Plan {
  publisher: string;
  product: string;
  name: string;
}

export interface Image {
  /** Absent for an image without plan block and terms. */
  plan?: Plan;
  deprecated: boolean;
  /** Operating system; absent where Azure does not say. */
  os?: 'Linux' | 'Windows';
}

export interface RoleGrant {
  /** Object id in the customer's tenant. */
  principalId: string;
  principalType: 'ServicePrincipal' | 'User';
  role: 'owner' | 'contributor' | 'reader';
  /** The resource group that the role is for; without it, for the whole Azure subscription. */
  group?: string;
}

export interface Bootstrap {
  /**
   * The name of the billing account for new Azure subscriptions, once it is known that the user sees it.
   *
   * @throws {AttentionError} `arm.billing-account-not-visible`, `arm.billing-account-unclear`
   */
  billingAccount(): Promise<string>;
  /** The billing scope of a customer, for `createAlias`. Only customers with an Azure plan have one. */
  billingScope(customerId: string): Promise<string>;
  /** Asks for an Azure subscription. The same alias again answers with the same one. */
  createAlias(alias: string, order: { displayName: string; billingScope: string }): Promise<void>;
  alias(alias: string): Promise<{ state: 'creating' | 'created' | 'failed'; subscriptionId?: string } | undefined>;
  deleteAlias(alias: string): Promise<void>;
  assignRole(where: Where, grant: RoleGrant): Promise<void>;
  removeRole(where: Where, grant: RoleGrant): Promise<void>;
  /** Ends an Azure subscription; it is disabled at once and deleted after 90 days. */
  cancelSubscription(where: Where): Promise<'cancelled' | 'resources-left'>;
}

export interface AzureSubscription {
  /** `undefined`: ARM does not know it (yet); `no-access`: it belongs to another tenant, or we have no role there. */
  read(): Promise<{ state: string; displayName?: string } | 'no-access' | undefined>;
  /** Gives the Azure subscription these tags instead of those it has. */
  tag(tags: Record<string, string>): Promise<void>;
  locations(): Promise<{ name: string; displayName: string }[]>;
  providers: {
    /** `Registered`, `Registering`, `NotRegistered`, `Unregistering`. */
    state(namespace: string): Promise<string>;
    register(namespace: string): Promise<void>;
  };
  groups: {
    get(
      name: string,
    ): Promise<{ location: string; tags: Record<string, string>; provisioningState: string } | undefined>;
    put(name: string, group: { location: string; tags: Record<string, string> }): Promise<void>;
    /** Begins to delete the group with all that is in it; look with `get` until it is gone. */
    remove(name: string): Promise<'removing' | 'gone'>;
    /** All groups of the Azure subscription, with their tags. */
    all(): Promise<{ name: string; tags: Record<string, string> }[]>;
    /** Names of the groups with exactly this tag. */
    taggedWith(tag: string, value: string): Promise<string[]>;
  };
  resources: {
    inGroup(name: string): Promise<Resource[]>;
    taggedWith(tag: string, value: string): Promise<Resource[]>;
  };
  deployments: {
    /** Empty: acceptable. */
    validate(group: string, name: string, body: DeploymentBody): Promise<Fault[]>;
    whatIf(group: string, name: string, body: DeploymentBody): Promise<WhatIf | { faults: Fault[] }>;
    /** `joined`: one of this name was running already. */
    start(
      group: string,
      name: string,
      body: DeploymentBody & { tags: Record<string, string> },
    ): Promise<'started' | 'joined'>;
    /** With what was `sent`, its secrets are not repeated in the causes of a failure. */
    look(group: string, name: string, sent?: DeploymentBody): Promise<DeploymentState>;
    cancel(group: string, name: string): Promise<void>;
    /** Names of the deployments of a group, whatever became of them. */
    names(group: string): Promise<string[]>;
  };
  power: {
    isStoppable(type: string): boolean;
    state(resource: Resource): Promise<'running' | 'stopped' | 'changing' | 'unknown'>;
    stop(resource: Resource): Promise<void>;
    start(resource: Resource): Promise<void>;
  };
  images: {
    /** The newest version; `undefined` when the region does not offer the image. */
    find(location: string, image: { publisher: string; offer: string; sku: string }): Promise<Image | undefined>;
  };
  terms: {
    /** Whether the terms show as accepted afterwards. */
    accept(plan: Plan): Promise<boolean>;
  };
}

export interface Azure {
  /** With the rights of the partner's user; needed until our service principal has its role. */
  bootstrap: Bootstrap;
  /**
   * Object id of our service principal in a tenant; `undefined` when its token does not tell.
   *
   * @throws {RetryableError} `entra.no-service-principal` while the tenant does not know our application
   */
  principalId(tenantId: string): Promise<string | undefined>;
  /** As our service principal in the customer's tenant. */
  in(where: Where): AzureSubscription;
}
