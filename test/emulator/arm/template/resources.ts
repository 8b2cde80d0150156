import { copyCount, withTurn } from './copy.ts';
import type { Environment, ReferenceTarget } from './environment.ts';
import { naming, partAt, placeOf, type TemplatePath, validationFailure, withHelp } from './errors.ts';
import { evaluateText } from './evaluator.ts';
import { groupResourceId, relativeId } from './functions/ids.ts';
import { isObject, type Json, memberOf, tokenType } from './json.ts';
import { checkLimit, missing, type Sections } from './structure.ts';

export const DEPLOYMENTS = 'microsoft.resources/deployments';

const SYNTAX = 'arm-syntax-resources';
const MOST_RESOURCES = 800;

/** A resource of a template after its loop was expanded and its name, type and condition were evaluated. */
export interface Instance extends ReferenceTarget {
  raw: Json;
  path: TemplatePath;
  /** Sees the turn of the loop, if there is one. */
  env: Environment;
  /** The scope it goes to, which differs from the template's for a nested deployment elsewhere. */
  scope: Environment['scope'];
  symbol?: string;
  loop?: { name: string; index: number; batchSize: number | undefined };
  /** False for an existing resource, and when the condition is false. */
  deployed: boolean;
}

interface Entry {
  raw: Json;
  path: TemplatePath;
  symbol?: string;
}

interface Parent {
  type: string;
  name: string;
  env: Environment;
  deployed: boolean;
}

/**
 * All resources of a template: loops expanded, children beside their parents.
 *
 * @throws {TemplateError} when a name, type or condition is wrong, or when there are too many resources
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/resource-declaration
 */
export function expandResources(sections: Sections, env: Environment): Instance[] {
  const instances = sections.resources.flatMap((entry) => expandLoop(sections, entry, env));
  checkLimit('template resources', MOST_RESOURCES, instances.length);
  refuseDoubles(sections.template, instances);
  return instances;
}

function expandLoop(sections: Sections, entry: Entry, env: Environment): Instance[] {
  const { copy } = entry.raw;
  if (!isObject(copy)) return expandOne(sections, entry, env);
  const { template } = sections;
  const name = copy.name === undefined ? entry.symbol : copy.name;
  if (typeof name !== 'string') return missing(template, 'name', [...entry.path, 'copy']);
  const what = (): string => partAt(template, 'resource', nameOf(entry.raw), entry.path);
  const count = naming(what, entry.path, () => copyCount(copy.count, env, [...entry.path, 'copy']));
  const batchSize = String(copy.mode).toLowerCase() === 'serial' ? Number(copy.batchSize ?? 1) : undefined;
  return Array.from({ length: count }, (_, index) => {
    const turn = expandOne(sections, entry, withTurn(env, name, index, true));
    return turn.map((instance) => ({ ...instance, loop: { name, index, batchSize } }));
  }).flat();
}

function expandOne(sections: Sections, entry: Entry, env: Environment, parent?: Parent): Instance[] {
  const instance = instanceOf(sections, entry, env, parent);
  const children = Array.isArray(entry.raw.resources) ? entry.raw.resources.filter(isObject) : [];
  const inherited = { type: instance.type, name: instance.name, env, deployed: instance.deployed };
  const expanded = children.flatMap((raw, index) => {
    const path = [...entry.path, 'resources', index];
    if (raw.copy !== undefined) refuseNestedCopy(sections.template, raw, path);
    return expandOne(sections, { raw, path }, env, inherited);
  });
  return [instance, ...expanded];
}

function instanceOf({ template }: Sections, { raw, path, symbol }: Entry, env: Environment, parent?: Parent): Instance {
  for (const member of ['type', 'apiVersion', 'name']) {
    if (memberOf(raw, member) === undefined) missing(template, member, path);
  }
  const text = (member: string): string => {
    const written = memberOf(raw, member);
    const what = (): string => partAt(template, 'resource', nameOf(raw), path);
    const value = naming(what, path, () => (typeof written === 'string' ? evaluateText(written, env) : written));
    if (typeof value === 'string' && value.trim() !== '') return value;
    const problem = `The ${partAt(template, 'resource', '', path)} is not valid. The ${member} property cannot be null or empty.`;
    throw validationFailure(withHelp(problem, SYNTAX), path);
  };
  const [ownType, ownName, apiVersion] = [text('type'), text('name'), text('apiVersion')];
  const type = parent === undefined ? ownType : `${parent.type}/${ownType}`;
  const name = parent === undefined ? ownName : `${parent.name}/${ownName}`;
  checkSegments(template, type, name, path);
  const holds = (parent?.deployed ?? true) && raw.existing !== true && conditionOf(template, raw, name, path, env);
  const scope = scopeOf(template, raw, name, path, env);
  const id = idOf(template, raw, { type, name }, path, { ...env, scope });
  return { id, type, name, apiVersion, raw, path, env, scope, deployed: holds, ...(symbol && { symbol }) };
}

function nameOf(raw: Json): string {
  return typeof raw.name === 'string' ? raw.name : '';
}

function refuseNestedCopy(template: unknown, raw: Json, path: TemplatePath): never {
  const what = `The ${partAt(template, 'resource', nameOf(raw), path)} is not valid. Copying nested resources is not supported.`;
  throw validationFailure(withHelp(what, 'arm-copy'), path);
}

/** A type has a namespace and as many further segments as the name has: `Microsoft.Web/sites` takes `a`, not `a/b`. */
function checkSegments(template: unknown, type: string, name: string, path: TemplatePath): void {
  const names = name.split('/');
  if (type.split('/').length === names.length + 1 && names.every((part) => part !== '')) return;
  const place = placeOf(template, [...path, 'type']);
  const what = `The template resource '${name}' for type '${type}' ${place} has incorrect segment lengths. A nested resource type must have identical number of segments as its resource name. A root resource type must have segment length one greater than its resource name.`;
  throw validationFailure(withHelp(what, SYNTAX), [...path, 'type']);
}

function conditionOf(template: unknown, raw: Json, name: string, path: TemplatePath, env: Environment): boolean {
  const { condition } = raw;
  if (condition === undefined) return true;
  const what = (): string => partAt(template, 'resource', name, path);
  const value = naming(what, path, () => (typeof condition === 'string' ? evaluateText(condition, env) : condition));
  if (typeof value === 'boolean') return value;
  const problem = `The ${what()} is not valid. The condition must be of type 'Boolean', and is of type '${tokenType(value)}'.`;
  throw validationFailure(withHelp(problem, SYNTAX), path);
}

/** Only nested deployments may go to another resource group or subscription. */
function scopeOf(
  template: unknown,
  raw: Json,
  name: string,
  path: TemplatePath,
  env: Environment,
): Environment['scope'] {
  const part = (member: string): string | undefined => {
    const written = raw[member];
    if (typeof written !== 'string') return undefined;
    const value = naming(
      () => partAt(template, 'resource', name, path),
      path,
      () => evaluateText(written, env),
    );
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [group, subscription] = [part('resourceGroup'), part('subscriptionId')];
  if (group === undefined && subscription === undefined) return env.scope;
  if (group === undefined) {
    const what = `The ${partAt(template, 'resource', name, path)} is not valid. A deployment to a subscription is not known to this emulator: name a resource group.`;
    throw validationFailure(what, path);
  }
  const same = group.toLowerCase() === env.scope.resourceGroup.name.toLowerCase() && subscription === undefined;
  if (same) return env.scope;
  const resourceGroup = { name: group, location: env.scope.resourceGroup.location, tags: {} };
  return { ...env.scope, subscriptionId: subscription ?? env.scope.subscriptionId, resourceGroup };
}

function idOf(
  template: unknown,
  raw: Json,
  { type, name }: { type: string; name: string },
  path: TemplatePath,
  env: Environment,
): string {
  const names = name.split('/');
  const { scope } = raw;
  if (typeof scope !== 'string') return groupResourceId(env.scope, type, names);
  const value = String(
    naming(
      () => partAt(template, 'resource', name, path),
      path,
      () => evaluateText(scope, env),
    ),
  );
  const { subscriptionId, resourceGroup } = env.scope;
  const group = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup.name}/providers/`;
  const base = value.startsWith('/') ? value.replace(/\/$/, '') : group + value;
  return `${base}/providers/${relativeId(type, names)}`;
}

function refuseDoubles(template: unknown, instances: Instance[]): void {
  const seen = new Set<string>();
  for (const { id, type, name, path, deployed } of instances) {
    if (!deployed) continue;
    if (seen.has(id.toLowerCase())) {
      const what = `The resource '${relativeId(type, name.split('/'))}' ${placeOf(template, path)} is defined multiple times in a template.`;
      throw validationFailure(withHelp(what, SYNTAX), path);
    }
    seen.add(id.toLowerCase());
  }
}

/** The namespaces of all resource types of a template, nested templates included, in the order of their appearance. */
export function providersOf(template: unknown): string[] {
  const found = new Map<string, string>();
  const visit = (resource: unknown): void => {
    if (!isObject(resource)) return;
    const { type, properties } = resource;
    const namespace = typeof type === 'string' && type.includes('.') ? type.split('/')[0] : undefined;
    if (namespace !== undefined && resource.existing !== true) found.set(namespace.toLowerCase(), namespace);
    visitAll(resource.resources);
    if (isObject(properties) && isObject(properties.template)) visitAll(memberOf(properties.template, 'resources'));
  };
  const visitAll = (resources: unknown): void => {
    const list: unknown[] = Array.isArray(resources) ? resources : isObject(resources) ? Object.values(resources) : [];
    list.forEach(visit);
  };
  if (isObject(template)) visitAll(memberOf(template, 'resources'));
  return [...found.values()];
}
