import { copyCount, propertyLoops, withTurn } from './copy.ts';
import type { Environment } from './environment.ts';
import { Deferred, ExpressionError } from './errors.ts';
import { evaluateText } from './evaluator.ts';
import { isObject, type Json, tokenType } from './json.ts';

/** Gives the value of one string of a tree. */
export type Leaf = (text: string, env: Environment) => unknown;

/**
 * A value of the template with every expression below it evaluated, keys included, and its property loops expanded.
 *
 * @throws {ExpressionError} when an expression is wrong
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/copy-properties
 */
export function evaluateTree(value: unknown, env: Environment, leaf: Leaf = evaluateText): unknown {
  if (typeof value === 'string') return leaf(value, env);
  if (Array.isArray(value)) return value.map((item) => evaluateTree(item, env, leaf));
  return isObject(value) ? evaluateObject(value, env, leaf) : value;
}

function evaluateObject(object: Json, env: Environment, leaf: Leaf): Json {
  const loops = propertyLoops(object);
  const result: Json = {};
  for (const [key, value] of Object.entries(object)) {
    if (key === 'copy' && loops !== undefined) continue;
    const name = evaluateText(key, env);
    if (typeof name !== 'string') {
      throw new ExpressionError(`The property name '${key}' must be a string, and is of type '${tokenType(name)}'.`);
    }
    result[name] = evaluateTree(value, env, leaf);
  }
  for (const { name, count, input } of loops ?? []) {
    const turns = Array.from({ length: copyCount(count, env) }, (_, index) => index);
    result[name] = turns.map((index) => evaluateTree(input, withTurn(env, name, index, false), leaf));
  }
  return result;
}

/** A leaf for validation: evaluates what needs no run-time state, and asks `stand` for a value of what does. */
export function known(stand: (text: string) => unknown): Leaf {
  return (text, env) => {
    try {
      return evaluateText(text, env);
    } catch (error) {
      if (error instanceof Deferred) return stand(text);
      throw error;
    }
  };
}
