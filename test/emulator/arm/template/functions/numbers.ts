import { sameJson, textOf } from '../json.ts';
import { type BuiltIns, booleanAt, define, type FunctionCall, integerAt, unable, wrongType } from './built-in.ts';

const ANY = Number.POSITIVE_INFINITY;

/**
 * Functions on numbers and truth values. `if`, `and`, `or` and `coalesce` are not among them, for they evaluate lazily.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-numeric
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-logical
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-comparison
 */
export const NUMBER_FUNCTIONS: BuiltIns = {
  add: define(2, 2, (call) => integerAt(call, 0) + integerAt(call, 1)),
  bool: define(1, 1, bool),
  div: define(2, 2, (call) => Math.trunc(integerAt(call, 0) / divisor(call))),
  equals: define(2, 2, ({ args: [left, right] }) => sameJson(left, right)),
  false: define(0, 0, () => false),
  float: define(1, 1, (call) => number(call, Number.isFinite)),
  greater: define(2, 2, (call) => compare(call) > 0),
  greaterOrEquals: define(2, 2, (call) => compare(call) >= 0),
  int: define(1, 1, (call) => number(call, Number.isInteger)),
  less: define(2, 2, (call) => compare(call) < 0),
  lessOrEquals: define(2, 2, (call) => compare(call) <= 0),
  max: define(1, ANY, (call) => Math.max(...integers(call))),
  min: define(1, ANY, (call) => Math.min(...integers(call))),
  mod: define(2, 2, (call) => integerAt(call, 0) % divisor(call)),
  mul: define(2, 2, (call) => integerAt(call, 0) * integerAt(call, 1)),
  not: define(1, 1, (call) => !booleanAt(call, 0)),
  sub: define(2, 2, (call) => integerAt(call, 0) - integerAt(call, 1)),
  true: define(0, 0, () => true),
  xor: define(2, 2, (call) => booleanAt(call, 0) !== booleanAt(call, 1)),
};

function divisor(call: FunctionCall): number {
  return integerAt(call, 1) || unable(call, 'the divisor cannot be zero.');
}

function integers(call: FunctionCall): number[] {
  const [first] = call.args;
  const list: unknown[] = Array.isArray(first) && call.args.length === 1 ? first : call.args;
  return list.map((item) => (Number.isInteger(item) ? (item as number) : wrongType(call, 'an integer', item)));
}

function bool(call: FunctionCall): boolean {
  const [value] = call.args;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  const text = textOf(value).toLowerCase();
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  return wrongType(call, "a boolean, an integer, 'true' or 'false'", value);
}

function number(call: FunctionCall, fits: (value: unknown) => boolean): number {
  const [value] = call.args;
  const result = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return fits(result) ? (result as number) : wrongType(call, 'a number or the text of one', value);
}

function compare(call: FunctionCall): number {
  const [left, right] = call.args;
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : Number(left > right);
  return wrongType(call, 'two integers or two strings', typeof left === 'number' ? right : left);
}
