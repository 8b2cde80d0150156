import { keyOf } from './ids.ts';
import type { WriteFailure } from './resource-store.ts';
import type { ArmError, TemplateResource } from './template/types.ts';

/** Ways in which a resource of a template fails, in the words of Azure. */
export const FAILURE_KINDS = [
  'capacity',
  'allocation',
  'quota',
  'policy',
  'nested-details',
  'json-text',
  'busy',
  'internal',
  'plain-text',
] as const;

export type FailureKind = (typeof FAILURE_KINDS)[number];

/** A failure to come: of which resources, how, and how often. */
export interface FailureRule {
  /** Source of a regular expression, tested without regard to case against type, a blank and the id; all by default. */
  resource?: string;
  kind: FailureKind;
  /** Before the deployment begins, or when the resource is written; by default where the kind belongs. */
  at?: 'preflight' | 'operation';
  /** Replaces the error of the kind. */
  error?: ArmError;
  /** Resources that fail before the rule is used up; 1 by default. */
  times?: number;
}

export interface Injected {
  add(rule: FailureRule): void;
  /** The errors that stop a deployment before it begins. */
  takeAtPreflight(resource: TemplateResource): ArmError | undefined;
  takeAtOperation(resource: TemplateResource): WriteFailure | undefined;
  pending(): FailureRule[];
  clear(): void;
}

/** Returns the failures that tests order, empty at first. */
export function createInjectedFailures(): Injected {
  let rules: (Required<Pick<FailureRule, 'kind' | 'at' | 'times'>> & FailureRule & { pattern: RegExp })[] = [];

  function take(at: FailureRule['at'], { type, id }: TemplateResource): (typeof rules)[number] | undefined {
    const rule = rules.find((one) => one.at === at && one.pattern.test(`${type} ${id}`));
    if (rule === undefined) return undefined;
    rule.times -= 1;
    if (rule.times <= 0) rules = rules.filter((other) => other !== rule);
    return rule;
  }

  return {
    add(rule) {
      if (!FAILURE_KINDS.includes(rule.kind))
        throw new Error(`A failure has a kind, one of ${FAILURE_KINDS.join(', ')}.`);
      const at = rule.at ?? (rule.kind === 'quota' || rule.kind === 'policy' ? 'preflight' : 'operation');
      rules.push({ ...rule, at, times: rule.times ?? 1, pattern: new RegExp(rule.resource ?? '', 'i') });
    },

    takeAtPreflight(resource) {
      const rule = take('preflight', resource);
      return rule === undefined ? undefined : (rule.error ?? errorOf(rule.kind, resource));
    },

    takeAtOperation(resource) {
      const rule = take('operation', resource);
      if (rule === undefined) return undefined;
      const error = rule.error ?? errorOf(rule.kind, resource);
      return {
        status: STATUS[rule.kind],
        error,
        ...(rule.kind === 'json-text' ? { asText: true } : {}),
        ...(rule.kind === 'plain-text' ? { statusMessage: error.message } : {}),
      };
    },

    pending: () => rules.map(({ pattern: _pattern, ...rule }) => rule),
    clear() {
      rules = [];
    },
  };
}

const STATUS: Record<FailureKind, number> = {
  capacity: 409,
  allocation: 409,
  quota: 409,
  policy: 403,
  'nested-details': 409,
  'json-text': 409,
  busy: 429,
  internal: 500,
  'plain-text': 409,
};

function errorOf(kind: FailureKind, resource: TemplateResource): ArmError {
  const { id, name } = resource;
  switch (kind) {
    case 'capacity':
      return {
        code: 'SkuNotAvailable',
        message:
          "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: Standard_B2s' is " +
          "currently not available in location 'westeurope'. Please try another size or deploy to a different location or " +
          'different zone. See https://aka.ms/azureskunotavailable for details.',
      };
    case 'allocation':
      return { code: 'AllocationFailed', message: ALLOCATION_FAILED };
    case 'quota':
      return {
        code: 'QuotaExceeded',
        message:
          'Operation could not be completed as it results in exceeding approved standardBSFamily Cores quota. Additional ' +
          'details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 10, Current Usage: 8, ' +
          'Additional Required: 4, (Minimum) New Limit Required: 12.',
      };
    case 'policy':
      return policyError(name);
    case 'nested-details':
    case 'json-text':
      return {
        code: 'ResourceDeploymentFailure',
        target: id,
        message:
          "The resource write operation failed to complete successfully, because it reached terminal provisioning state 'Failed'.",
        details: [
          {
            code: 'RegionNotSupportedForZoneRedundantHA',
            message: 'Zone redundant high availability is not supported for this size.',
          },
        ],
      };
    case 'busy':
      return {
        code: 'AnotherOperationInProgress',
        message: `Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: ${keyOf(id)}.`,
        details: [],
      };
    case 'internal':
      return { code: 'InternalServerError', message: 'Encountered internal server error.' };
    case 'plain-text':
      return { code: 'Conflict', message: `The resource '${name}' could not be written.` };
  }
}

export const ALLOCATION_FAILED =
  'Allocation failed. We do not have sufficient capacity for the requested VM size in this region. Read more about ' +
  'improving likelihood of allocation success at https://aka.ms/allocation-guidance';

function policyError(name: string): ArmError {
  const policyDefinitionId =
    '/providers/Microsoft.Authorization/policyDefinitions/e56962a6-4747-49cd-b67b-bf8b01975c4c';
  const info = {
    policyDefinitionDisplayName: 'Allowed locations',
    policyDefinitionId,
    policyDefinitionEffect: 'deny',
    policyAssignmentDisplayName: 'Allowed locations',
  };
  return {
    code: 'RequestDisallowedByPolicy',
    target: name,
    message:
      `Resource '${name}' was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"Allowed locations"},` +
      `"policyDefinition":{"name":"Allowed locations","id":"${policyDefinitionId}"}}]'.`,
    additionalInfo: [{ type: 'PolicyViolation', info }],
  };
}
