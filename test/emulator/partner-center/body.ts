import type { Call } from '../core/server.ts';
import { invalidInput } from './refusals.ts';

export type Fields = Record<string, unknown>;

/**
 * The body of a call as an object with camelCase names all the way down, since requests may write `Quantity` or
 * `quantity`. An empty body is an empty object.
 *
 * @throws {Refusal} 400 800002 when it is no JSON object
 */
export function readFields(call: Call): Fields {
  if (call.rawBody.length === 0) return {};
  let parsed: unknown;
  try {
    parsed = call.json();
  } catch {
    throw invalidInput('The request body is not valid JSON.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalidInput('The request body must be a JSON object.');
  }
  return toCamelCase(parsed) as Fields;
}

function toCamelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toCamelCase);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [
    name.charAt(0).toLowerCase() + name.slice(1),
    toCamelCase(inner),
  ]);
  return Object.fromEntries(entries);
}

/** The text of a field without blanks around it; undefined when it is absent, null, empty or no text. */
export function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  return value.trim();
}

/** @throws {Refusal} 400 800002 when the field is missing or empty */
export function requireText(fields: Fields, name: string): string {
  const text = textOf(fields, name);
  if (text === undefined) throw invalidInput(`The field ${name} is required.`);
  return text;
}

/** An object in a field; an empty one when it is absent. */
export function fieldsOf(fields: Fields, name: string): Fields {
  const value = fields[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** @throws {Refusal} 400 800002 when the field is not a list with at least one object */
export function requireList(fields: Fields, name: string): Fields[] {
  const value = fields[name];
  if (!Array.isArray(value) || value.length === 0 || value.some((item) => typeof item !== 'object' || item === null)) {
    throw invalidInput(`The field ${name} must be a list with at least one item.`);
  }
  return value as Fields[];
}

/** @throws {Refusal} 400 800002 when the field is not a whole number of at least `atLeast` */
export function requireWhole(fields: Fields, name: string, atLeast: number): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < atLeast) {
    throw invalidInput(`The field ${name} must be a whole number of at least ${atLeast}.`);
  }
  return value;
}

/** An object without the fields that are undefined, as replies leave them out. */
export function withoutAbsent<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
