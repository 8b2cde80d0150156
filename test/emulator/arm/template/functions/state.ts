import { createHash } from 'node:crypto';
import type { Environment, Place, ReferenceTarget, Resources } from '../environment.ts';
import { ExpressionError, withHelp } from '../errors.ts';
import { isObject, type Json, memberOf, textOf } from '../json.ts';
import { type BuiltIn, type BuiltIns, type FunctionCall as Call, define, stringAt, unable } from './built-in.ts';

const RUN_TIME: readonly Place[] = ['body', 'output'];

/**
 * Functions that read the state of resources while the deployment runs.
 *
 * A name, a symbolic name, or an id without an API version means a resource of the template, which then comes first. An
 * id with an API version is read as it is, in whatever order.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-resource#reference
 */
export const STATE_FUNCTIONS: BuiltIns = {
  reference: define(
    1,
    3,
    (call) => view(call, read(call, stringAt(call, 0), call.args.length > 1 && call.args[1] !== null)),
    RUN_TIME,
  ),
  references: define(
    1,
    2,
    (call) => {
      const targets = resourcesOf(call.env).find(stringAt(call, 0)) ?? unknownName(stringAt(call, 0));
      for (const target of targets) note(call.env, target);
      return targets.map(({ id }) => view(call, resourcesOf(call.env).read(id)));
    },
    RUN_TIME,
  ),
  resourceInfo: define(1, 1, (call) => {
    const [target] = resourcesOf(call.env).find(stringAt(call, 0)) ?? [];
    if (target === undefined) return unknownName(stringAt(call, 0));
    const { id, name, type, apiVersion } = target;
    return { id, name, type, apiVersion };
  }),
};

/**
 * Answers `listKeys` and every other function of that kind: with the member of that name in the resource's state if
 * there is one, otherwise with two keys made from the id, the same each time.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-resource#list
 */
export const LIST_FUNCTION: BuiltIn = define(
  1,
  3,
  (call) => {
    const target = stringAt(call, 0);
    const state = read(call, target, target.startsWith('/') && call.args.length > 1);
    const known = memberOf(state, call.name) ?? memberOf(propertiesOf(state), call.name);
    return known ?? madeUpKeys(textOf(state.id ?? target));
  },
  RUN_TIME,
);

function resourcesOf(env: Environment): Resources {
  if (env.resources === undefined) throw new Error('an expression reads resources where there are none');
  return env.resources;
}

function note(env: Environment, target: ReferenceTarget): void {
  const resources = resourcesOf(env);
  if (resources.self?.toLowerCase() === target.id.toLowerCase()) {
    const what = `The template resource '${target.name}' cannot reference itself.`;
    throw new ExpressionError(withHelp(what, 'arm-function-reference'));
  }
  resources.note(target);
}

function read(call: Call, target: string, versioned: boolean): Json {
  const resources = resourcesOf(call.env);
  const isId = target.startsWith('/');
  if (isId && versioned) return resources.read(target);
  const [found] = resources.find(target) ?? [];
  if (found !== undefined) {
    note(call.env, found);
    return resources.read(found.id);
  }
  if (isId)
    return unable(call, `the reference to '${target}' requires an API version, for the template does not define it.`);
  return target.includes('/') && !versioned ? malformed(target) : unknownName(target);
}

function malformed(target: string): never {
  throw new ExpressionError(
    withHelp(`The resource identificator '${target}' is malformed.`, 'arm-functions/#reference'),
  );
}

function unknownName(target: string): never {
  const what = `The template reference '${target}' is not valid: could not find template resource or resource copy with this name.`;
  throw new ExpressionError(withHelp(what, 'arm-function-reference'));
}

/** What `reference` shows: the properties, or with `Full` the whole resource. */
function view(call: Call, state: Json): unknown {
  const option = call.args[call.name.toLowerCase() === 'references' ? 1 : 2];
  if (option === undefined) return propertiesOf(state);
  if (typeof option === 'string' && option.toLowerCase() === 'full') return state;
  return unable(call, `the option '${textOf(option)}' is not valid. Valid values are: 'Full'.`);
}

/** The properties of a resource; a state without that member is taken for the properties themselves. */
function propertiesOf(state: Json): Json {
  return isObject(state.properties) ? state.properties : state;
}

function madeUpKeys(id: string): Json {
  const key = (name: string): string => createHash('sha512').update(`${name} of ${id.toLowerCase()}`).digest('base64');
  const [primary, secondary] = [key('key1'), key('key2')];
  return {
    keys: [
      { keyName: 'key1', value: primary, permissions: 'FULL' },
      { keyName: 'key2', value: secondary, permissions: 'FULL' },
    ],
    key1: primary,
    key2: secondary,
    primaryKey: primary,
    secondaryKey: secondary,
  };
}
