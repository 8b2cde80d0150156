import { isDeepStrictEqual } from 'node:util';
import { parseForeignJson } from '../../lib/json.ts';
import type { ParameterFlaw } from '../../report/texts/texts.ts';
import type { TemplateParameter } from './declarations.ts';

/** Either a value as Azure takes it, or the rule that it breaks and the bounds of that rule, fit for a text. */
export type Conversion =
  | { value: unknown }
  | { flaw: ParameterFlaw; bounds: { allowed?: string; min?: string; max?: string } };

const LONGEST_TEXT = 16_384;
const DEEPEST = 20;
const MOST_ALLOWED_TOLD = 20;
const CONTROL = /\p{Cc}/u;
const WHOLE_NUMBER = /^-?\d{1,15}$/;

/**
 * Converts a text that a customer entered into the declared type: whole numbers in digits, `true` or `false` in any case,
 * lists and objects in JSON. Texts are trimmed, secrets are not.
 */
export function convertText(text: string, parameter: TemplateParameter): Conversion {
  const { type, secure } = parameter;
  const trimmed = text.trim();
  if (trimmed.length > LONGEST_TEXT) return broken('characters');
  switch (type) {
    case 'string':
      return checkValue(secure ? text : trimmed, parameter);
    case 'int':
      return WHOLE_NUMBER.test(trimmed) ? checkValue(Number(trimmed), parameter) : broken('number');
    case 'bool':
      return /^(true|false)$/i.test(trimmed)
        ? checkValue(trimmed.toLowerCase() === 'true', parameter)
        : broken('yes-no');
    default:
      // What is no JSON is none of the types either.
      return checkValue(parseJson(trimmed), parameter);
  }
}

/**
 * Checks a value against the declaration. What is among the allowed values in another case is sent as declared, which
 * Azure would not ask for. Texts that begin with a square bracket are refused, also within lists and objects: no product
 * needs them, and wherever they came to stand in a template they would be evaluated.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/parameters
 */
export function checkValue(given: unknown, parameter: TemplateParameter): Conversion {
  const mismatch = typeFlaw(given, parameter);
  if (mismatch) return broken(mismatch);
  const text = textFlaw(given, 0);
  if (text) return broken(text);

  const value = asDeclared(given, parameter);
  const { allowedValues, minLength, maxLength, minValue, maxValue } = parameter;
  if (value === undefined) return broken('allowed', { allowed: listed(allowedValues ?? []) });
  const isText = typeof value === 'string';
  if (isText || Array.isArray(value)) {
    if (isOutside(value.length, minLength, maxLength)) {
      return broken(isText ? 'length' : 'items', { min: minLength, max: maxLength });
    }
  }
  if (typeof value === 'number' && isOutside(value, minValue, maxValue)) {
    return broken('range', { min: minValue, max: maxValue });
  }
  return { value };
}

function typeFlaw(value: unknown, { type }: TemplateParameter): ParameterFlaw | undefined {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? undefined : 'characters';
    case 'int':
      return Number.isSafeInteger(value) ? undefined : 'number';
    case 'bool':
      return typeof value === 'boolean' ? undefined : 'yes-no';
    case 'array':
      return Array.isArray(value) ? undefined : 'list';
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'object';
  }
}

/** What is wrong with the texts in a value, names of fields included. */
function textFlaw(value: unknown, depth: number): ParameterFlaw | undefined {
  if (depth > DEEPEST) return 'characters';
  if (typeof value === 'string') {
    if (CONTROL.test(value)) return 'characters';
    return value.trimStart().startsWith('[') ? 'bracket' : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = textFlaw(Array.isArray(value) ? '' : key, depth) ?? textFlaw(item, depth + 1);
    if (found) return found;
  }
  return undefined;
}

/** The value in the spelling of the template; `undefined` when it is not among the allowed ones. */
function asDeclared(value: unknown, { type, allowedValues }: TemplateParameter): unknown {
  if (!allowedValues) return value;
  const isMeant = (allowed: unknown) => isDeepStrictEqual(allowed, value);
  if (type === 'array') {
    // Any part of the allowed entries, unless whole lists are allowed.
    const isPart = (value as unknown[]).every((item) =>
      allowedValues.some((allowed) => isDeepStrictEqual(allowed, item)),
    );
    return isPart || allowedValues.some(isMeant) ? value : undefined;
  }
  const exact = allowedValues.find(isMeant);
  if (exact !== undefined || typeof value !== 'string') return exact;
  // Azure compares without regard to case: https://github.com/Azure/bicep/issues/2489
  return allowedValues.find((allowed) => typeof allowed === 'string' && allowed.toLowerCase() === value.toLowerCase());
}

function isOutside(size: number, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): boolean {
  return size < min || size > max;
}

function broken(
  flaw: ParameterFlaw,
  { allowed, min, max }: { allowed?: string; min?: number | undefined; max?: number | undefined } = {},
): Conversion {
  return {
    flaw,
    bounds: {
      ...(allowed !== undefined && { allowed }),
      ...(min !== undefined && { min: String(min) }),
      ...(max !== undefined && { max: String(max) }),
    },
  };
}

/** Allowed values as a customer reads them. */
function listed(values: readonly unknown[]): string {
  const told = values.slice(0, MOST_ALLOWED_TOLD).map(asText);
  return told.join(', ') + (values.length > told.length ? ' …' : '');
}

/** A value as a customer would enter it. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function parseJson(text: string): unknown {
  try {
    return parseForeignJson(text);
  } catch {
    return undefined;
  }
}
