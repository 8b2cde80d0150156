import { Lambda } from '../environment.ts';
import { isObject, type Json, textOf } from '../json.ts';
import { arrayAt, type BuiltIns, define, type FunctionCall, objectAt, wrongType } from './built-in.ts';

/**
 * Functions that take a lambda.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-lambda
 */
export const LAMBDA_FUNCTIONS: BuiltIns = {
  filter: define(2, 2, (call) => arrayAt(call, 0).filter((item, index) => lambdaAt(call, 1)(item, index) === true)),
  groupBy: define(2, 2, (call) => {
    const groups = Object.groupBy(arrayAt(call, 0), (item) => textOf(lambdaAt(call, 1)(item)));
    return { ...groups };
  }),
  map: define(2, 2, (call) => arrayAt(call, 0).map((item, index) => lambdaAt(call, 1)(item, index))),
  mapValues: define(2, 2, (call) => {
    const entries = Object.entries(objectAt(call, 0));
    return Object.fromEntries(entries.map(([key, value]) => [key, lambdaAt(call, 1)(value)]));
  }),
  reduce: define(3, 3, (call) => {
    return arrayAt(call, 0).reduce((result, item, index) => lambdaAt(call, 2)(result, item, index), call.args[1]);
  }),
  sort: define(2, 2, (call) => {
    const before = lambdaAt(call, 1);
    return arrayAt(call, 0).toSorted((a, b) => (before(a, b) === true ? -1 : Number(before(b, a) === true)));
  }),
  toObject: define(2, 3, (call) => {
    const result: Json = {};
    for (const item of arrayAt(call, 0)) {
      result[textOf(lambdaAt(call, 1)(item))] = call.args.length > 2 ? lambdaAt(call, 2)(item) : item;
    }
    return result;
  }),
};

function lambdaAt(call: FunctionCall, index: number): (...args: unknown[]) => unknown {
  const value = call.args[index];
  return value instanceof Lambda ? value.invoke : wrongType(call, 'a lambda', isObject(value) ? {} : value);
}
