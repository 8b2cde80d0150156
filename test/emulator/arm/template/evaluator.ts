import { type Environment, Lambda, type Place } from './environment.ts';
import { Deferred, ExpressionError, withHelp } from './errors.ts';
import { type Expression, isExpression, parseExpression, withoutEscape } from './expression.ts';
import { findBuiltIn } from './functions/registry.ts';
import { isObject, keyOf, tokenType } from './json.ts';

type Call = Extract<Expression, { kind: 'call' }>;
type Form = (call: Call, env: Environment) => unknown;

/** Functions that decide themselves what of their arguments is evaluated. */
const FORMS = new Map<string, { run: Form; barred?: readonly Place[] }>([
  ['and', { run: (call, env) => decide(call, env, false) }],
  ['coalesce', { run: coalesce }],
  ['copyindex', { run: copyIndex, barred: ['parameter', 'function'] }],
  ['if', { run: choose }],
  ['lambda', { run: lambda }],
  ['lambdavariables', { run: lambdaVariable }],
  ['or', { run: (call, env) => decide(call, env, true) }],
  ['parameters', { run: (call, env) => env.parameter(nameArgument(call, env)) }],
  ['variables', { run: (call, env) => env.variable(nameArgument(call, env)), barred: ['parameter', 'function'] }],
]);

/**
 * The value of a string of the template: an expression evaluated, or the string itself.
 *
 * @throws {ExpressionError} when the expression is wrong
 * @throws {Deferred} when it needs run-time state and there is none yet
 */
export function evaluateText(text: string, env: Environment): unknown {
  if (!isExpression(text)) return withoutEscape(text);
  const expression = parseExpression(text);
  checkNames(expression, env);
  return evaluate(expression, env);
}

/** Refuses functions that do not exist, even where they would not be reached. */
function checkNames(expression: Expression, env: Environment): void {
  if (expression.kind === 'access') {
    checkNames(expression.target, env);
    checkNames(expression.key, env);
  }
  if (expression.kind !== 'call') return;
  const { name, args } = expression;
  const known =
    FORMS.has(name.toLowerCase()) || findBuiltIn(name) !== undefined || env.userFunction(name) !== undefined;
  if (!known) throw new ExpressionError(withHelp(`The template function '${name}' is not valid.`, 'arm-functions'));
  for (const arg of args) checkNames(arg, env);
}

function evaluate(expression: Expression, env: Environment): unknown {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'call':
      return evaluateCall(expression, env);
    case 'access': {
      const target = evaluate(expression.target, env);
      return select(target, evaluate(expression.key, env), expression.safe);
    }
  }
}

function evaluateCall(call: Call, env: Environment): unknown {
  const { name } = call;
  const form = FORMS.get(name.toLowerCase());
  if (form !== undefined) {
    if (form.barred?.includes(env.place)) misplaced(name);
    return form.run(call, env);
  }
  const builtIn = findBuiltIn(name);
  if (builtIn === undefined) return callUserFunction(call, env);
  if (builtIn.places !== undefined && !builtIn.places.includes(env.place)) misplaced(name);
  checkCount(call, builtIn.least, builtIn.most);
  return builtIn.run({ name, args: evaluateAll(call.args, env), env });
}

/** Evaluates every argument before a missing state ends it, so that errors behind it are found during validation. */
function evaluateAll(args: Expression[], env: Environment): unknown[] {
  let deferred: Deferred | undefined;
  const values = args.map((arg) => {
    try {
      return evaluate(arg, env);
    } catch (error) {
      if (!(error instanceof Deferred)) throw error;
      deferred = error;
      return undefined;
    }
  });
  if (deferred !== undefined) throw deferred;
  return values;
}

function callUserFunction(call: Call, env: Environment): unknown {
  const userFunction = env.userFunction(call.name);
  if (userFunction === undefined) throw new ExpressionError(`The template function '${call.name}' is not valid.`);
  const count = userFunction.parameters.length;
  checkCount(call, count, count);
  return userFunction.call(evaluateAll(call.args, env));
}

function checkCount(call: Call, least: number, most: number): void {
  const given = call.args.length;
  if (given >= least && given <= most) return;
  const needs =
    least === most
      ? `'${least}' argument(s)`
      : given < least
        ? `at least '${least}' argument(s)`
        : `at most '${most}' argument(s)`;
  const what = `Unable to evaluate template language function '${call.name}': function requires ${needs} while '${given}' were provided.`;
  throw new ExpressionError(withHelp(what, `arm-functions#${call.name.toLowerCase()}`));
}

function misplaced(name: string, why = ''): never {
  const what = `The template function '${name}' is not expected at this location.${why}`;
  throw new ExpressionError(withHelp(what, why === '' ? 'arm-functions' : 'arm-copy'));
}

function select(target: unknown, key: unknown, safe: boolean): unknown {
  if (safe && (target === null || target === undefined)) return null;
  if (Array.isArray(target) && typeof key === 'number') {
    if (key >= 0 && key < target.length) return target[key];
    if (safe) return null;
    throw new ExpressionError(`The language expression property array index '${key}' is out of bounds.`);
  }
  if (isObject(target) && typeof key === 'string') {
    const known = keyOf(target, key);
    if (known !== undefined) return target[known];
    if (safe) return null;
    const available = `available properties are '${Object.keys(target).join(', ')}'`;
    throw new ExpressionError(`The language expression property '${key}' doesn't exist, ${available}.`);
  }
  throw new ExpressionError(`The language expression property '${String(key)}' can't be evaluated.`);
}

function truth(call: Call, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  const what = `The template language function '${call.name}' expects its parameter to be a boolean. The provided value is of type '${tokenType(value)}'.`;
  throw new ExpressionError(withHelp(what, `arm-functions#${call.name.toLowerCase()}`));
}

/** `and` ends with the first false, `or` with the first true. */
function decide(call: Call, env: Environment, end: boolean): boolean {
  checkCount(call, 2, Number.POSITIVE_INFINITY);
  return call.args.some((arg) => truth(call, evaluate(arg, env)) === end) ? end : !end;
}

function coalesce(call: Call, env: Environment): unknown {
  checkCount(call, 1, Number.POSITIVE_INFINITY);
  for (const arg of call.args) {
    const value = evaluate(arg, env);
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

/** Evaluates one branch only; both, for the dependencies they imply, as long as the condition is not known. */
function choose(call: Call, env: Environment): unknown {
  checkCount(call, 3, 3);
  const [condition, yes, no] = call.args as [Expression, Expression, Expression];
  let holds: boolean;
  try {
    holds = truth(call, evaluate(condition, env));
  } catch (error) {
    if (error instanceof Deferred) for (const branch of [yes, no]) look(branch, env);
    throw error;
  }
  return evaluate(holds ? yes : no, env);
}

function look(branch: Expression, env: Environment): void {
  try {
    evaluate(branch, env);
  } catch (error) {
    if (!(error instanceof Deferred || error instanceof ExpressionError)) throw error;
  }
}

function nameArgument(call: Call, env: Environment): string {
  checkCount(call, 1, 1);
  const name = evaluate(call.args[0]!, env);
  if (typeof name === 'string') return name;
  const what = `The template language function '${call.name}' has an invalid argument: a string is expected.`;
  throw new ExpressionError(withHelp(what, 'arm-functions'));
}

/** `copyIndex()`, `copyIndex(offset)`, `copyIndex(name)`, `copyIndex(name, offset)`. */
function copyIndex(call: Call, env: Environment): number {
  checkCount(call, 0, 2);
  const args = evaluateAll(call.args, env);
  const name = typeof args[0] === 'string' ? args[0] : undefined;
  const offset = args[name === undefined ? 0 : 1] ?? 0;
  if (!Number.isInteger(offset)) {
    throw new ExpressionError(
      withHelp(`The template language function '${call.name}' has an invalid argument.`, 'arm-copy'),
    );
  }
  const turn = env.turns.findLast(({ loop, unnamed }) => {
    return name === undefined ? unnamed : loop.toLowerCase() === name.toLowerCase();
  });
  if (turn !== undefined) return turn.index + (offset as number);
  const why =
    name === undefined
      ? ' The function can only be used in a resource with copy specified.'
      : ` The copy loop '${name}' does not exist here.`;
  return misplaced(call.name, why);
}

function lambda(call: Call, env: Environment): Lambda {
  checkCount(call, 1, Number.POSITIVE_INFINITY);
  const names = call.args.slice(0, -1).map((arg) => String(evaluate(arg, env)).toLowerCase());
  const body = call.args.at(-1)!;
  return new Lambda((...values) => {
    const locals = new Map(env.locals);
    for (const [index, name] of names.entries()) locals.set(name, values[index]);
    return evaluate(body, { ...env, locals });
  });
}

function lambdaVariable(call: Call, env: Environment): unknown {
  const name = nameArgument(call, env);
  if (env.locals.has(name.toLowerCase())) return env.locals.get(name.toLowerCase());
  throw new ExpressionError(withHelp(`The lambda variable '${name}' is not found.`, 'arm-functions-lambda'));
}
