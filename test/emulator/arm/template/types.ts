/** The body of an ARM error, as it stands below `error`. */
export interface ArmError {
  code: string;
  message: string;
  target?: string;
  details?: ArmError[];
  additionalInfo?: { type: string; info: unknown }[];
}

/** Where and when a template is deployed: what `resourceGroup()`, `subscription()`, `deployment()` and `utcNow()` tell. */
export interface DeploymentScope {
  tenantId: string;
  subscriptionId: string;
  subscriptionName: string;
  resourceGroup: { name: string; location: string; tags: Record<string, string> };
  deploymentName: string;
  nowMs: number;
}

/** A wrapped value of a parameter, as it stands in a request for a deployment. */
export interface ParameterValue {
  value?: unknown;
  reference?: { keyVault: { id: string }; secretName: string; secretVersion?: string };
}

/**
 * A value of a parameter or of an output, as a deployment shows it; a secure one shows its type alone. A parameter from
 * a Key Vault shows where it comes from.
 */
export interface TypedValue {
  type: string;
  value?: unknown;
  reference?: ParameterValue['reference'];
}

/**
 * Answers `reference()`: the run-time state of the resource with that id, or undefined when there is no such resource.
 * The state is the whole resource as a GET answers it (`reference()` shows its `properties`, all of it with `'Full'`); a
 * state without `properties` is taken for the properties themselves. A member named like `listKeys` answers that
 * function; a nested deployment has its `outputs` among its properties.
 */
export type ReadResource = (resourceId: string) => Record<string, unknown> | undefined;

/** A deployment within a deployment: the input of another `evaluateTemplate`. */
export interface NestedDeployment {
  template: unknown;
  parameters: Record<string, ParameterValue>;
  scope: DeploymentScope;
}

/** One resource of a template, its expressions evaluated but for those that need run-time state. */
export interface TemplateResource {
  id: string;
  type: string;
  name: string;
  apiVersion: string;
  /** Ids of resources of the same template that come first: what `dependsOn` names, and what `reference()` implies. */
  dependsOn: string[];
  /** Where a nested deployment goes: its own template and parameters, for `evaluateTemplate` in turn. */
  nested?: NestedDeployment;
  /**
   * A nested deployment when its turn has come: the same as `nested`, with the values filled in that need run-time
   * state. In `nested` those stand as the expressions they are.
   */
  resolveNested?(read: ReadResource): { ok: true; nested: NestedDeployment } | { ok: false; error: ArmError };
  /** The resource as it is written: location, tags, sku, kind, plan, zones, identity, properties, all evaluated. */
  resolve(read: ReadResource): { ok: true; body: Record<string, unknown> } | { ok: false; error: ArmError };
}

/** A template that ARM accepts. */
export interface Evaluation {
  ok: true;
  /** Every declared parameter with its type as ARM spells it in answers (`String`, `SecureString`, …). */
  parameters: Record<string, TypedValue>;
  /** In an order that respects `dependsOn`; copies expanded; those whose condition is false left out. */
  resources: TemplateResource[];
  /** Namespaces of all resource types, nested templates included. */
  providers: string[];
  outputs(read: ReadResource): { ok: true; outputs: Record<string, TypedValue> } | { ok: false; error: ArmError };
}

/** A template or parameters that ARM refuses, with the error that `validate` and PUT answer. */
export interface Refusal {
  ok: false;
  error: ArmError;
}

export type EvaluateTemplate = (input: {
  template: unknown;
  parameters: Record<string, ParameterValue>;
  scope: DeploymentScope;
}) => Evaluation | Refusal;
