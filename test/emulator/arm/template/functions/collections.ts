import { isObject, type Json, keyOf, memberOf, sameJson, textOf } from '../json.ts';
import {
  arrayAt,
  type BuiltIns,
  define,
  type FunctionCall,
  integerAt,
  objectAt,
  stringAt,
  unable,
  wrongType,
} from './built-in.ts';

const ANY = Number.POSITIVE_INFINITY;

/**
 * Functions on arrays and objects, and those that take text as well.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-array
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-object
 */
export const COLLECTION_FUNCTIONS: BuiltIns = {
  array: define(1, 1, ({ args: [value] }) => (Array.isArray(value) ? value : [value])),
  concat: define(1, ANY, concat),
  contains: define(2, 2, contains),
  createArray: define(0, ANY, ({ args }) => [...args]),
  createObject: define(0, ANY, createObject),
  empty: define(1, 1, (call) => {
    const [value] = call.args;
    if (value === null) return true;
    return lengthOf(call, value) === 0;
  }),
  first: define(1, 1, (call) => sequence(call)[0] ?? (typeof call.args[0] === 'string' ? '' : null)),
  flatten: define(1, 1, (call) => arrayAt(call, 0).flat(1)),
  indexFromEnd: define(2, 2, (call) => arrayAt(call, 0).at(-integerAt(call, 1)) ?? outOfBounds(call)),
  indexOf: define(2, 2, (call) => {
    const [where, what] = call.args;
    if (Array.isArray(where)) return where.findIndex((item) => sameJson(item, what));
    return stringAt(call, 0).toLowerCase().indexOf(stringAt(call, 1).toLowerCase());
  }),
  intersection: define(2, ANY, intersection),
  items: define(1, 1, (call) => {
    const entries = Object.entries(objectAt(call, 0));
    return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value }));
  }),
  last: define(1, 1, (call) => sequence(call).at(-1) ?? (typeof call.args[0] === 'string' ? '' : null)),
  lastIndexOf: define(2, 2, (call) => {
    const [where, what] = call.args;
    if (Array.isArray(where)) return where.findLastIndex((item) => sameJson(item, what));
    return stringAt(call, 0).toLowerCase().lastIndexOf(stringAt(call, 1).toLowerCase());
  }),
  length: define(1, 1, (call) => lengthOf(call, call.args[0])),
  null: define(0, 0, () => null),
  objectKeys: define(1, 1, (call) => Object.keys(objectAt(call, 0))),
  range: define(2, 2, (call) => {
    const [start, count] = [integerAt(call, 0), integerAt(call, 1)];
    if (count < 0 || count > 10_000) return unable(call, `the count '${count}' must be between '0' and '10000'.`);
    return Array.from({ length: count }, (_, index) => start + index);
  }),
  shallowMerge: define(1, 1, (call) => Object.assign({}, ...arrayAt(call, 0).filter(isObject)) as Json),
  skip: define(2, 2, (call) => slice(call, Math.max(integerAt(call, 1), 0), ANY)),
  take: define(2, 2, (call) => slice(call, 0, Math.max(integerAt(call, 1), 0))),
  tryGet: define(2, ANY, ({ args: [value, ...keys] }) => keys.reduce(tryMember, value) ?? null),
  tryIndexFromEnd: define(2, 2, (call) => arrayAt(call, 0).at(-integerAt(call, 1)) ?? null),
  union: define(2, ANY, union),
};

function lengthOf(call: FunctionCall, value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  if (isObject(value)) return Object.keys(value).length;
  return wrongType(call, 'an array, object, or a string', value);
}

function sequence(call: FunctionCall): unknown[] | string[] {
  const [value] = call.args;
  return typeof value === 'string' ? value.split('') : arrayAt(call, 0);
}

function slice(call: FunctionCall, from: number, to: number): unknown {
  const [value] = call.args;
  return typeof value === 'string' ? value.slice(from, to) : arrayAt(call, 0).slice(from, to);
}

function outOfBounds(call: FunctionCall): never {
  return unable(call, `the index '${String(call.args[1])}' is out of bounds.`);
}

function concat(call: FunctionCall): unknown {
  const arrays = call.args.filter(Array.isArray);
  if (arrays.length === 0) {
    if (call.args.some(isObject)) return wrongType(call, 'a string or an array', call.args.find(isObject));
    return call.args.map(textOf).join('');
  }
  if (arrays.length < call.args.length) {
    return unable(call, 'either all or none of the parameters must be an array.');
  }
  return arrays.flat(1);
}

function contains(call: FunctionCall): boolean {
  const [where, what] = call.args;
  if (typeof where === 'string') return where.includes(textOf(what));
  if (Array.isArray(where)) return where.some((item) => sameJson(item, what));
  if (isObject(where)) return keyOf(where, stringAt(call, 1)) !== undefined;
  return wrongType(call, 'a string, an array or an object', where);
}

function createObject(call: FunctionCall): Json {
  if (call.args.length % 2 === 1) return unable(call, 'the function requires pairs of keys and values.');
  const object: Json = {};
  for (let at = 0; at < call.args.length; at += 2) object[stringAt(call, at)] = call.args[at + 1];
  return object;
}

function tryMember(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) return typeof key === 'number' ? value[key] : undefined;
  return isObject(value) && typeof key === 'string' ? memberOf(value, key) : undefined;
}

function intersection(call: FunctionCall): unknown {
  const [first, ...rest] = call.args;
  if (Array.isArray(first)) {
    const others = rest.map((_, index) => arrayAt(call, index + 1));
    return first.filter((item) => others.every((other) => other.some((one) => sameJson(one, item))));
  }
  const others = rest.map((_, index) => objectAt(call, index + 1));
  const entries = Object.entries(objectAt(call, 0));
  return Object.fromEntries(
    entries.filter(([key, value]) => others.every((other) => sameJson(memberOf(other, key), value))),
  );
}

function union(call: FunctionCall): unknown {
  if (!Array.isArray(call.args[0])) return call.args.map((_, index) => objectAt(call, index)).reduce(mergeObjects, {});
  const result: unknown[] = [];
  for (const item of call.args.flatMap((_, index) => arrayAt(call, index))) {
    if (!result.some((known) => sameJson(known, item))) result.push(item);
  }
  return result;
}

/** Members of the second win, but objects in both are merged in turn. */
function mergeObjects(left: Json, right: Json): Json {
  const result = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const known = keyOf(result, key);
    const old = known === undefined ? undefined : result[known];
    result[known ?? key] = isObject(old) && isObject(value) ? mergeObjects(old, value) : value;
  }
  return result;
}
