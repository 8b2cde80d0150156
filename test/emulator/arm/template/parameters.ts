import { checkValue, type Declaration } from './constraints.ts';
import type { Environment } from './environment.ts';
import { ExpressionError, naming, placeOf, type TemplatePath, validationFailure, withHelp } from './errors.ts';
import { isObject, type Json, keyOf, memberOf, textOf } from './json.ts';
import { followReference, isSecure, typeNamed } from './parameter-types.ts';
import { missing, type Sections } from './structure.ts';
import { evaluateTree } from './tree.ts';
import type { ParameterValue, TypedValue } from './types.ts';

const HELP = 'arm-create-parameter-file';
const VAULT = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.KeyVault\/vaults\/[^/]+$/i;

/** The parameters of a deployment. */
export interface Parameters {
  /** Settles them all. @throws {TemplateError} when one is unknown, missing, or not what the template demands */
  check(): void;
  /** @throws {ExpressionError} when there is none of that name */
  value(name: string): unknown;
  /** Every declared parameter as answers show it. */
  typed(): Record<string, TypedValue>;
}

/**
 * Brings declared and supplied parameters together. Values are data: only defaults are evaluated.
 */
export function bindParameters(
  sections: Sections,
  supplied: Record<string, ParameterValue>,
  environment: () => Environment,
): Parameters {
  const { template } = sections;
  const declarations = Object.keys(sections.parameters).map((name) => declare(sections, name));
  const values = new Map<string, unknown>();
  const underWay = new Set<string>();

  function settle(declaration: Declaration): unknown {
    const key = declaration.name.toLowerCase();
    if (values.has(key)) return values.get(key);
    if (underWay.has(key)) {
      throw new ExpressionError(`The default value of the template parameter '${declaration.name}' refers to itself.`);
    }
    underWay.add(key);
    const value = settleValue(declaration);
    values.set(key, value);
    return value;
  }

  function settleValue(declaration: Declaration): unknown {
    const { name, path, defaultValue, nullable } = declaration;
    const given = memberOf(supplied as Json, name) as ParameterValue | undefined;
    if (given?.reference !== undefined) return secretOf(declaration, given.reference);
    let value: unknown = given?.value ?? undefined;
    if (value === undefined && defaultValue !== undefined) {
      const what = (): string => `template resource '${name}' ${placeOf(template, path)}`;
      value = naming(what, path, () => evaluateTree(defaultValue, { ...environment(), place: 'parameter' }));
    }
    if (nullable && (value === undefined || value === null)) return null;
    if (value === undefined) throw notProvided(template, name, path);
    checkValue(template, declaration, value);
    return value;
  }

  return {
    check() {
      refuseUnknown(declarations, supplied);
      for (const declaration of declarations) settle(declaration);
    },
    value(name) {
      const declaration = declarations.find((one) => one.name.toLowerCase() === name.toLowerCase());
      if (declaration !== undefined) return settle(declaration);
      throw new ExpressionError(withHelp(`The template parameter '${name}' is not found.`, 'arm-syntax-parameters'));
    },
    typed: () => Object.fromEntries(declarations.map((one) => [one.name, typedValue(one, settle(one), supplied)])),
  };
}

function typedValue({ name, type }: Declaration, value: unknown, supplied: Record<string, ParameterValue>): TypedValue {
  const given = memberOf(supplied as Json, name) as ParameterValue | undefined;
  if (given?.reference !== undefined) return { type, reference: given.reference };
  return isSecure(type) ? { type } : { type, value };
}

function declare({ template, parameters, definitions }: Sections, name: string): Declaration {
  const path: TemplatePath = [keyOf(template, 'parameters') ?? 'parameters', name];
  const written = parameters[name];
  if (!isObject(written)) return missing(template, 'type', path);
  const declaration = followReference(written, definitions);
  const type = typeNamed(declaration.type);
  if (declaration.type === undefined) return missing(template, 'type', path);
  if (type === undefined) {
    const what = `The template parameter '${name}' ${placeOf(template, path)} is not valid. The type '${textOf(declaration.type)}' is not supported.`;
    throw validationFailure(withHelp(what, 'arm-syntax-parameters'), path);
  }
  const number = (member: string): number | undefined => {
    const value = declaration[member];
    return typeof value === 'number' ? value : undefined;
  };
  return {
    name,
    type,
    path,
    defaultValue: declaration.defaultValue,
    allowedValues: Array.isArray(declaration.allowedValues) ? declaration.allowedValues : undefined,
    minLength: number('minLength'),
    maxLength: number('maxLength'),
    minValue: number('minValue'),
    maxValue: number('maxValue'),
    nullable: declaration.nullable === true,
  };
}

function refuseUnknown(declarations: Declaration[], supplied: Record<string, ParameterValue>): void {
  const names = declarations.map(({ name }) => name);
  const known = new Set(names.map((name) => name.toLowerCase()));
  const unknown = Object.keys(supplied).filter((name) => !known.has(name.toLowerCase()));
  if (unknown.length === 0) return;
  const what = `The following parameters were supplied, but do not correspond to any parameters defined in the template: '${unknown.join(', ')}'. The parameters defined in the template are: '${names.join(', ')}'.`;
  throw validationFailure(withHelp(what, 'arm-pass-parameter-values'));
}

function notProvided(template: unknown, name: string, path: TemplatePath): Error {
  const what = `The value for the template parameter '${name}' ${placeOf(template, path)} is not provided.`;
  return validationFailure(withHelp(what, HELP), path);
}

/**
 * A text that stands for a secret of a Key Vault: ARM fetches it when the deployment runs, and nobody sees it. An object
 * gets an empty one.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/key-vault-parameter
 */
function secretOf(declaration: Declaration, reference: NonNullable<ParameterValue['reference']>): unknown {
  const { name, type, path } = declaration;
  const { keyVault, secretName } = reference as Partial<typeof reference>;
  if (typeof keyVault?.id !== 'string' || !VAULT.test(keyVault.id) || !secretName) {
    const what = `The Key Vault reference of the template parameter '${name}' is not valid: it needs the resource id of a vault and the name of a secret.`;
    throw validationFailure(withHelp(what, 'arm-keyvault'), path);
  }
  if (type === 'SecureObject') return {};
  if (type === 'SecureString' || type === 'String') return `secret ${secretName} of ${keyVault.id}`;
  const what = `The template parameter '${name}' of type '${type}' cannot take the value of a Key Vault secret.`;
  throw validationFailure(withHelp(what, 'arm-keyvault'), path);
}
