import type { Directory } from './dependencies.ts';
import type { Environment, ReferenceTarget } from './environment.ts';
import { ExpressionError, naming, partAt, placeOf, RuntimeError } from './errors.ts';
import { evaluateText } from './evaluator.ts';
import type { Json } from './json.ts';
import { innerTemplate, nestedDeployment } from './nested.ts';
import type { Instance } from './resources.ts';
import { liveResources, unreadResources } from './runtime.ts';
import { evaluateTree, known, type Leaf } from './tree.ts';
import type { ArmError, NestedDeployment, ReadResource, TemplateResource } from './types.ts';

/** Members of a resource that tell ARM what to do with it and do not reach its provider. */
const NOT_IN_BODY = [
  ['type', 'name', 'apiVersion', 'dependsOn', 'condition', 'copy', 'comments', 'metadata', 'resources', 'scope'],
  ['existing', 'resourceGroup', 'subscriptionId'],
].flat();

/** What validation learns of a resource. */
interface Check {
  /** The resources that its expressions refer to. */
  implied: Instance[];
  /** Its nested deployment, when that needs no run-time state. */
  nested: NestedDeployment | undefined;
}

/**
 * Evaluates a resource as far as validation can.
 *
 * @throws {TemplateError} when an expression is wrong
 */
export function checkResource(template: unknown, instance: Instance, directory: Directory): Check {
  const { id, name, path } = instance;
  const noted = new Set<string>();
  const note = (target: ReferenceTarget): void => void noted.add(target.id);
  const env: Environment = { ...instance.env, place: 'body', resources: unreadResources(directory, id, note) };
  let complete = true;
  const leaf = known((text) => {
    complete = false;
    return text;
  });
  const nested = naming(
    () => partAt(template, 'resource', name, path),
    path,
    () => {
      evaluateBody(instance, env, leaf);
      return nestedOf(instance, env, leaf);
    },
  );
  const implied = [...noted].flatMap((one) => directory(one) ?? []).filter((one) => one.deployed && one.id !== id);
  return { implied, nested: complete ? nested : undefined };
}

/** A resource as the caller gets it: its body and its nested deployment are evaluated when there is state to read. */
export function templateResource(
  template: unknown,
  instance: Instance,
  dependencies: Instance[],
  directory: Directory,
): TemplateResource {
  const { id, type, name, apiVersion } = instance;
  const place = (): string => placeOf(template, instance.path);
  const live = (read: ReadResource): Environment => {
    return { ...instance.env, place: 'body', resources: liveResources(directory, id, read) };
  };
  const resource: TemplateResource = {
    id,
    type,
    name,
    apiVersion,
    dependsOn: dependencies.map((dependency) => dependency.id),
    resolve(read) {
      const result = attempt(id, place, () => evaluateBody(instance, live(read), evaluateText));
      return result.ok ? { ok: true, body: result.value } : result;
    },
  };
  const unread: Environment = {
    ...instance.env,
    place: 'body',
    resources: unreadResources(directory, id, () => undefined),
  };
  const nested = nestedOf(
    instance,
    unread,
    known((text) => text),
  );
  if (nested === undefined) return resource;
  return {
    ...resource,
    nested,
    resolveNested(read) {
      const result = attempt(id, place, () => nestedOf(instance, live(read), evaluateText) ?? nested);
      return result.ok ? { ok: true, nested: result.value } : result;
    },
  };
}

function nestedOf(instance: Instance, env: Environment, leaf: Leaf): NestedDeployment | undefined {
  const written = innerTemplate(instance);
  return written === undefined ? undefined : nestedDeployment(instance, written, env, leaf);
}

/** What reaches the provider; members that come out as null, such as an optional plan, are left out. */
function evaluateBody(instance: Instance, env: Environment, leaf: Leaf): Json {
  const body: Json = {};
  for (const [member, value] of Object.entries(instance.raw)) {
    if (NOT_IN_BODY.includes(member)) continue;
    const result = member === 'properties' ? evaluateProperties(instance, env, leaf) : evaluateTree(value, env, leaf);
    if (result !== null) body[member] = result;
  }
  return body;
}

function evaluateProperties(instance: Instance, env: Environment, leaf: Leaf): unknown {
  const nested = nestedOf(instance, env, leaf);
  if (nested === undefined) return evaluateTree(instance.raw.properties, env, leaf);
  const { template: _, parameters: __, ...rest } = instance.raw.properties as Json;
  const { template, parameters } = nested;
  return { ...(evaluateTree(rest, env, leaf) as Json), template, parameters };
}

function attempt<T>(
  id: string,
  place: () => string,
  work: () => T,
): { ok: true; value: T } | { ok: false; error: ArmError } {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (error instanceof RuntimeError) return { ok: false, error: error.error };
    if (!(error instanceof ExpressionError)) throw error;
    const message = `Unable to process template language expressions for resource '${id}' ${place()}. '${error.message}'`;
    return { ok: false, error: { code: 'InvalidTemplate', message } };
  }
}
