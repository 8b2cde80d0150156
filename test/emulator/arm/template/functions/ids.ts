import type { DeploymentScope } from '../types.ts';
import { type BuiltIns, define, type FunctionCall, strings, unable } from './built-in.ts';

const ANY = Number.POSITIVE_INFINITY;

/**
 * The part of an id that follows `/providers/`: namespace, then types and names in turn.
 * `Microsoft.Web/sites/slots` with names `a` and `b` gives `Microsoft.Web/sites/a/slots/b`.
 */
export function relativeId(type: string, names: readonly string[]): string {
  const [namespace = '', ...types] = type.split('/');
  return [namespace, ...types.flatMap((part, index) => [part, names[index] ?? ''])].join('/');
}

/** The id of a resource in the resource group of a scope. */
export function groupResourceId(scope: DeploymentScope, type: string, names: readonly string[]): string {
  return `/subscriptions/${scope.subscriptionId}/resourceGroups/${scope.resourceGroup.name}/providers/${relativeId(type, names)}`;
}

/**
 * Functions that build ids. Optional arguments before the type choose another subscription or resource group.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-resource#resourceid
 */
export const ID_FUNCTIONS: BuiltIns = {
  extensionResourceId: define(3, ANY, (call) => {
    const [scope = ''] = strings(call);
    return `${scope}/providers/${relativeId(...typeAndNames(call, strings(call).slice(1)))}`;
  }),
  managementGroupResourceId: define(2, ANY, (call) => `/providers/${relativeId(...typeAndNames(call, strings(call)))}`),
  resourceId: define(2, ANY, (call) => {
    const { before, rest } = splitAtType(call, 2);
    const { subscriptionId, resourceGroup } = call.env.scope;
    const group = before.at(-1) ?? resourceGroup.name;
    const subscription = before.length > 1 ? before[0] : subscriptionId;
    const parts = relativeId(...typeAndNames(call, rest));
    return `/subscriptions/${subscription}/resourceGroups/${group}/providers/${parts}`;
  }),
  subscriptionResourceId: define(2, ANY, (call) => {
    const { before, rest } = splitAtType(call, 1);
    const subscription = before[0] ?? call.env.scope.subscriptionId;
    return `/subscriptions/${subscription}/providers/${relativeId(...typeAndNames(call, rest))}`;
  }),
  tenantResourceId: define(2, ANY, (call) => `/providers/${relativeId(...typeAndNames(call, strings(call)))}`),
};

function splitAtType(call: FunctionCall, most: number): { before: string[]; rest: string[] } {
  const args = strings(call);
  const at = args.findIndex((arg) => arg.includes('/'));
  if (at < 0 || at > most || args.filter((arg) => arg.includes('/')).length > 1) {
    const what =
      'function requires exactly one multi-segmented argument which must be resource type including resource provider namespace.';
    return unable(call, what);
  }
  return { before: args.slice(0, at), rest: args.slice(at) };
}

function typeAndNames(call: FunctionCall, [written = '', ...names]: string[]): [string, string[]] {
  const type = written.replace(/^\/|\/$/g, '');
  const needed = type.split('/').length - 1;
  if (names.length !== needed) {
    return unable(call, `the type '${type}' requires '${needed}' resource name argument(s).`);
  }
  return [type, names];
}
