import { placeOf, type TemplateError, type TemplatePath, validationFailure, withHelp } from './errors.ts';
import { sameJson, textOf, tokenType } from './json.ts';
import { expectedToken, fitsType, isSecure, type TypeName } from './parameter-types.ts';

const HELP = 'arm-create-parameter-file';

/** A declared parameter. */
export interface Declaration {
  name: string;
  type: TypeName;
  path: TemplatePath;
  defaultValue: unknown;
  allowedValues: unknown[] | undefined;
  minLength: number | undefined;
  maxLength: number | undefined;
  minValue: number | undefined;
  maxValue: number | undefined;
  nullable: boolean;
}

/**
 * Checks a value against what the template demands of it.
 *
 * @throws {TemplateError} with the message of ARM for the first thing that does not fit
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/parameters
 */
export function checkValue(template: unknown, declaration: Declaration, value: unknown): void {
  const { type, allowedValues } = declaration;
  if (!fitsType(type, value)) throw typeFailure(declaration, value);
  if (allowedValues !== undefined && !isAllowed(allowedValues, value)) throw notAllowed(template, declaration, value);
  const broken = brokenLength(declaration, value) ?? brokenRange(declaration, value);
  if (broken !== undefined) throw invalid(template, declaration, broken);
}

function typeFailure({ name, type, path }: Declaration, value: unknown): TemplateError {
  const kinds = `Expected a value of type '${expectedToken(type)}', but received a value of type '${tokenType(value)}'.`;
  const what = `The provided value for the template parameter '${name}' is not valid. ${kinds}`;
  return validationFailure(withHelp(what, HELP), path);
}

/** An array may hold any of the allowed values, or be one of them. */
function isAllowed(allowed: unknown[], value: unknown): boolean {
  if (allowed.some((one) => sameJson(one, value))) return true;
  return Array.isArray(value) && value.every((item) => allowed.some((one) => sameJson(one, item)));
}

function notAllowed(template: unknown, declaration: Declaration, value: unknown): TemplateError {
  const { name, type, path, allowedValues = [] } = declaration;
  const provided = isSecure(type) ? 'The provided value' : `The provided value '${textOf(value)}'`;
  const list = isSecure(type) ? '' : `: '${allowedValues.map(textOf).join(',')}'`;
  const where = `for the template parameter '${name}' ${placeOf(template, path)}`;
  const what = `${provided} ${where} is not valid. The parameter value is not part of the allowed value(s)${list}.`;
  return validationFailure(what, path);
}

function invalid(template: unknown, { name, path }: Declaration, why: string): TemplateError {
  const where = `for the template parameter '${name}' ${placeOf(template, path)}`;
  return validationFailure(withHelp(`The provided value ${where} is not valid. ${why}`, HELP), path);
}

function brokenLength({ minLength, maxLength }: Declaration, value: unknown): string | undefined {
  if (typeof value !== 'string' && !Array.isArray(value)) return undefined;
  if (minLength !== undefined && value.length < minLength) {
    return `Length of the value should be greater than or equal to '${minLength}'.`;
  }
  if (maxLength !== undefined && value.length > maxLength) {
    return `Length of the value should be less than or equal to '${maxLength}'.`;
  }
  return undefined;
}

function brokenRange({ minValue, maxValue }: Declaration, value: unknown): string | undefined {
  if (typeof value !== 'number') return undefined;
  if (minValue !== undefined && value < minValue) return `The value should be greater than or equal to '${minValue}'.`;
  if (maxValue !== undefined && value > maxValue) return `The value should be less than or equal to '${maxValue}'.`;
  return undefined;
}
