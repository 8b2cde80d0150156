import type { Environment, UserFunction } from './environment.ts';
import { ExpressionError, withHelp } from './errors.ts';
import { isObject, type Json, memberOf, tokenType } from './json.ts';
import { expectedToken, fitsType, followReference, typeNamed } from './parameter-types.ts';
import type { Sections } from './structure.ts';
import { evaluateTree } from './tree.ts';

/**
 * The functions that a template defines, by `namespace.name`. They see their own parameters and nothing else.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/user-defined-functions
 */
export function readUserFunctions(sections: Sections, environment: () => Environment): Map<string, UserFunction> {
  const functions = new Map<string, UserFunction>();
  for (const group of sections.functions) {
    if (!isObject(group) || !isObject(group.members)) continue;
    for (const [name, member] of Object.entries(group.members)) {
      const fullName = `${String(group.namespace)}.${name}`;
      if (isObject(member))
        functions.set(fullName.toLowerCase(), userFunction(fullName, member, sections, environment));
    }
  }
  return functions;
}

function userFunction(
  name: string,
  member: Json,
  { definitions }: Sections,
  environment: () => Environment,
): UserFunction {
  const declared = (Array.isArray(member.parameters) ? member.parameters : []).filter(isObject);
  const output = isObject(member.output) ? member.output : {};
  const parameters = declared.map((parameter) => String(parameter.name));
  return {
    parameters,
    call(args) {
      for (const [index, parameter] of declared.entries()) {
        checkArgument(name, followReference(parameter, definitions), args[index]);
      }
      const values = Object.fromEntries(parameters.map((parameter, index) => [parameter, args[index]]));
      const env: Environment = { ...environment(), place: 'function', turns: [], locals: new Map() };
      return evaluateTree(output.value, { ...env, parameter: (parameter) => argument(values, parameter) });
    },
  };
}

function argument(values: Json, name: string): unknown {
  const value = memberOf(values, name);
  if (value !== undefined) return value;
  throw new ExpressionError(withHelp(`The template function parameter '${name}' is not found.`, 'arm-functions'));
}

function checkArgument(name: string, parameter: Json, value: unknown): void {
  const type = typeNamed(parameter.type);
  if (type === undefined || fitsType(type, value) || (parameter.nullable === true && value === null)) return;
  const kinds = `Expected a value of type '${expectedToken(type)}', but received a value of type '${tokenType(value)}'.`;
  const what = `The argument '${String(parameter.name)}' of the template function '${name}' is not valid. ${kinds}`;
  throw new ExpressionError(withHelp(what, 'arm-functions'));
}
