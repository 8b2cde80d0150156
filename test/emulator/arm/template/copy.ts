import type { Environment } from './environment.ts';
import { placeOf, type TemplatePath, validationFailure, withHelp } from './errors.ts';
import { evaluateText } from './evaluator.ts';
import { isObject, type Json } from './json.ts';

const MOST_COPIES = 800;

/** A loop over properties or variables, as it stands in an array named `copy`. */
interface PropertyLoop {
  name: string;
  count: unknown;
  input: unknown;
}

/**
 * The turns of a copy loop: its count, evaluated if it is an expression, for which no run-time state may be needed.
 *
 * @throws {TemplateError} when the count is no integer from 0 to 800
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/copy-resources#syntax
 */
export function copyCount(count: unknown, env: Environment, path?: TemplatePath): number {
  const place = env.place === 'body' || env.place === 'output' ? 'resource' : env.place;
  const value = typeof count === 'string' ? evaluateText(count, { ...env, place }) : count;
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_COPIES) return value as number;
  const where = path === undefined ? '' : ` ${placeOf(env.template, path)}`;
  const what = `The template 'copy' definition${where} has an invalid copy count. The copy count must be a positive integer value and cannot exceed '${MOST_COPIES}'.`;
  throw validationFailure(withHelp(what, 'arm-copy'), path);
}

/** The loops of an object whose member `copy` defines properties, or undefined when `copy` is a member like others. */
export function propertyLoops(object: Json): PropertyLoop[] | undefined {
  const { copy } = object;
  const isLoop = (item: unknown): item is PropertyLoop & Json => {
    return isObject(item) && typeof item.name === 'string' && 'count' in item && 'input' in item;
  };
  return Array.isArray(copy) && copy.length > 0 && copy.every(isLoop) ? copy : undefined;
}

/** The environment of one turn of a loop. */
export function withTurn(env: Environment, loop: string, index: number, unnamed: boolean): Environment {
  return { ...env, turns: [...env.turns, { loop, index, unnamed }] };
}
