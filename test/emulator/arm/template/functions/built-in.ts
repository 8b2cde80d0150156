import type { Environment, Place } from '../environment.ts';
import { ExpressionError, withHelp } from '../errors.ts';
import { isObject, type Json, tokenType } from '../json.ts';

/** A call of a function: its name as the template spells it, its evaluated arguments, and where it stands. */
export interface FunctionCall {
  name: string;
  args: unknown[];
  env: Environment;
}

/** A function of the template language. Without `places` it may be called anywhere. */
export interface BuiltIn {
  least: number;
  most: number;
  places?: readonly Place[];
  /** @throws {ExpressionError} when the arguments do not fit */
  run(call: FunctionCall): unknown;
}

export type BuiltIns = Record<string, BuiltIn>;

export function define(least: number, most: number, run: BuiltIn['run'], places?: readonly Place[]): BuiltIn {
  return { least, most, run, ...(places && { places }) };
}

/** Fails a call with the usual opening of ARM. */
export function unable(call: FunctionCall, why: string): never {
  const opening = `Unable to evaluate template language function '${call.name}': `;
  throw new ExpressionError(withHelp(opening + why, `arm-functions#${call.name.toLowerCase()}`));
}

/** Fails a call because an argument is of a wrong type; `expected` reads like `a string`. */
export function wrongType(call: FunctionCall, expected: string, actual: unknown): never {
  const what = `The template language function '${call.name}' expects its parameter to be ${expected}. `;
  const found = `The provided value is of type '${tokenType(actual)}'.`;
  throw new ExpressionError(withHelp(what + found, `arm-functions#${call.name.toLowerCase()}`));
}

export function stringAt(call: FunctionCall, index: number): string {
  const value = call.args[index];
  return typeof value === 'string' ? value : wrongType(call, 'a string', value);
}

export function integerAt(call: FunctionCall, index: number): number {
  const value = call.args[index];
  return Number.isInteger(value) ? (value as number) : wrongType(call, 'an integer', value);
}

export function booleanAt(call: FunctionCall, index: number): boolean {
  const value = call.args[index];
  return typeof value === 'boolean' ? value : wrongType(call, 'a boolean', value);
}

export function arrayAt(call: FunctionCall, index: number): unknown[] {
  const value = call.args[index];
  return Array.isArray(value) ? value : wrongType(call, 'an array', value);
}

export function objectAt(call: FunctionCall, index: number): Json {
  const value = call.args[index];
  return isObject(value) ? value : wrongType(call, 'an object', value);
}

/** All arguments, which must be strings. */
export function strings(call: FunctionCall): string[] {
  if (call.args.every((arg) => typeof arg === 'string')) return call.args;
  return unable(call, 'all function arguments must be string literals.');
}
