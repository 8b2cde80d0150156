import type { ReferenceTarget } from './environment.ts';
import { naming, partAt, validationFailure, withHelp } from './errors.ts';
import { relativeId } from './functions/ids.ts';
import { isObject, tokenType } from './json.ts';
import type { Instance } from './resources.ts';
import type { Sections } from './structure.ts';
import { evaluateTree } from './tree.ts';

/** The resources of a template by all the names they go by: none for a loop without turns, undefined for a stranger. */
export type Directory = (name: string) => Instance[] | undefined;

/** Files every resource under its id, name, `type/name`, symbolic name and loop, whatever their case. */
export function fileResources(sections: Sections, instances: Instance[]): Directory {
  const byName = new Map<string, Instance[]>();
  const file = (name: string, instance: Instance): void => {
    const key = name.toLowerCase();
    byName.set(key, [...(byName.get(key) ?? []), instance]);
  };
  for (const { raw, symbol } of sections.resources) {
    if (symbol !== undefined) byName.set(symbol.toLowerCase(), []);
    if (isObject(raw.copy) && typeof raw.copy.name === 'string') byName.set(raw.copy.name.toLowerCase(), []);
  }
  for (const instance of instances) {
    const { id, type, name, symbol, loop } = instance;
    const names = new Set([id, name, relativeId(type, name.split('/'))].map((one) => one.toLowerCase()));
    if (loop !== undefined) names.add(loop.name.toLowerCase());
    if (symbol !== undefined) names.add(symbol.toLowerCase());
    if (symbol !== undefined && loop !== undefined) names.add(`${symbol}[${loop.index}]`.toLowerCase());
    for (const one of names) file(one, instance);
  }
  return (name) => byName.get(name.toLowerCase().replace(/\/$/, ''));
}

/**
 * What a resource waits for by its `dependsOn`, and by the order of a serial loop. Resources that are not deployed are
 * left out.
 *
 * @throws {TemplateError} when a dependency is not in the template
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/resource-dependency
 */
export function explicitDependencies(template: unknown, instance: Instance, directory: Directory): Instance[] {
  const { raw, path, env, name } = instance;
  const { dependsOn = [] } = raw;
  const what = (): string => partAt(template, 'resource', name, path);
  const list = naming(what, path, () => evaluateTree(dependsOn, env)) ?? [];
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) {
    const problem = `The ${what()} is not valid. The dependsOn property must be an array of strings, and is of type '${tokenType(list)}'.`;
    throw validationFailure(withHelp(problem, 'arm-syntax-resources'), path);
  }
  const found = list.flatMap((item: string) => {
    const targets = directory(item);
    if (targets !== undefined) return targets;
    const shown = item.replace(/^.*\/providers\/(?=[^/]+\.)/, '');
    throw validationFailure(withHelp(`The resource '${shown}' is not defined in the template.`, 'arm-syntax'), path);
  });
  return [...found, ...earlierBatch(instance, directory)].filter(({ deployed }) => deployed);
}

/** In a serial loop each batch waits for the one before it. */
function earlierBatch({ loop, type }: Instance, directory: Directory): Instance[] {
  if (loop?.batchSize === undefined) return [];
  const { name, index, batchSize } = loop;
  const batch = Math.floor(index / batchSize);
  return (directory(name) ?? []).filter((other) => {
    return other.type === type && other.loop !== undefined && Math.floor(other.loop.index / batchSize) === batch - 1;
  });
}

/**
 * Puts resources in an order in which each follows what it depends on; otherwise they stay as the template has them.
 *
 * @throws {TemplateError} when they depend on each other in a circle
 */
export function inOrder<T extends ReferenceTarget>(instances: T[], dependencies: ReadonlyMap<T, T[]>): T[] {
  const ordered: T[] = [];
  const state = new Map<T, 'open' | 'done'>();
  const visit = (instance: T): void => {
    if (state.get(instance) === 'done') return;
    if (state.get(instance) === 'open') {
      throw validationFailure(
        withHelp(`Circular dependency detected on resource: '${instance.id}'.`, 'arm-syntax-resources'),
      );
    }
    state.set(instance, 'open');
    for (const dependency of dependencies.get(instance) ?? []) visit(dependency);
    state.set(instance, 'done');
    ordered.push(instance);
  };
  instances.forEach(visit);
  return ordered;
}
