import { parseFailure, positionOf, type TemplatePath, validationFailure, withHelp } from './errors.ts';
import { isObject, type Json, keyOf, memberOf } from './json.ts';

/** The sections of a template, absent ones empty. */
export interface Sections {
  template: Json;
  symbolic: boolean;
  definitions: Json;
  parameters: Json;
  variables: Json;
  functions: unknown[];
  /** Resources with the way to each and, in languageVersion 2.0, its symbolic name. */
  resources: { raw: Json; path: TemplatePath; symbol?: string }[];
  outputs: Json;
}

const GROUP_SCHEMA =
  /^https?:\/\/schema\.management\.azure\.com\/schemas\/(\d{4}-\d{2}-\d{2}(?:-preview)?)\/deploymentTemplate\.json#?$/i;
const SCHEMA_VERSIONS = ['2014-04-01-preview', '2015-01-01', '2018-05-01', '2019-04-01', '2019-08-01'];
const MEMBERS = [
  ['$schema', 'contentVersion', 'languageVersion', 'apiProfile', 'metadata', 'definitions', 'extensions', 'imports'],
  ['parameters', 'variables', 'functions', 'resources', 'outputs', 'asserts'],
].flat();
const MOST = { parameters: 256, variables: 256, outputs: 64 };
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * Checks the form of a template and takes it apart.
 *
 * @throws {TemplateError} when a section is missing, unknown, of the wrong kind or too long
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices#template-limits
 */
export function takeApart(template: unknown): Sections {
  if (!isObject(template)) {
    throw parseFailure(
      "Unexpected initial token when populating object. Expected JSON object or array. Path '', line 1, position 1.",
    );
  }
  checkMembers(template);
  checkSize(template);
  const symbolic = memberOf(template, 'languageVersion') !== undefined;
  const sections = {
    template,
    symbolic,
    definitions: section(template, 'definitions'),
    parameters: section(template, 'parameters'),
    variables: section(template, 'variables'),
    functions: functionsOf(template),
    resources: resourcesOf(template),
    outputs: section(template, 'outputs'),
  };
  for (const name of ['parameters', 'variables', 'outputs'] as const) {
    checkLimit(`template ${name}`, MOST[name], countOf(sections[name]));
  }
  return sections;
}

/** Refuses more of something than ARM takes. */
export function checkLimit(what: string, limit: number, actual: number): void {
  if (actual <= limit) return;
  const text = `The number of ${what} limit exceeded. Limit: '${limit}' and actual: '${actual}'.`;
  throw validationFailure(withHelp(text, 'arm-template'));
}

/** `copy` among the variables is a list of them, not one. */
function countOf(section: Json): number {
  const copies = Array.isArray(section.copy) ? section.copy.length - 1 : 0;
  return Object.keys(section).length + copies;
}

/** Says that an object lacks a member that ARM needs, in the words of its JSON reader. */
export function missing(template: Json, name: string, path: TemplatePath): never {
  const { line, column } = positionOf(template, path);
  const steps = path.map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index > 0 ? '.' : ''}${step}`));
  const at = `Path '${steps.join('')}', line ${line}, position ${column}`;
  throw parseFailure(`Required property '${name}' not found in JSON. ${at}.`, path);
}

function checkMembers(template: Json): void {
  for (const key of Object.keys(template)) {
    if (MEMBERS.some((known) => known.toLowerCase() === key.toLowerCase())) continue;
    const { line, column } = positionOf(template, [key]);
    const where = `Path '${key}', line ${line}, position ${column}`;
    throw parseFailure(`Could not find member '${key}' on object of type 'Template'. ${where}.`, [key]);
  }
  for (const name of ['$schema', 'contentVersion', 'resources']) {
    if (memberOf(template, name) === undefined) missing(template, name, []);
  }
  const schema = memberOf(template, '$schema');
  const version = typeof schema === 'string' ? GROUP_SCHEMA.exec(schema)?.[1] : undefined;
  if (version === undefined || !SCHEMA_VERSIONS.includes(version)) {
    const what = `The template schema '${String(schema)}' is not supported. Supported versions are '${SCHEMA_VERSIONS.join(',')}'.`;
    throw validationFailure(withHelp(what, 'arm-template'), ['$schema']);
  }
}

function checkSize(template: Json): void {
  const bytes = Buffer.byteLength(JSON.stringify(template));
  if (bytes > MOST_BYTES) {
    const what = `The template size '${bytes}' exceeds the maximum permitted size '${MOST_BYTES}'.`;
    throw validationFailure(withHelp(what, 'arm-template'));
  }
}

function section(template: Json, name: string): Json {
  const value = memberOf(template, name);
  if (value === undefined || value === null) return {};
  return isObject(value) ? value : wrongKind(template, name);
}

function functionsOf(template: Json): unknown[] {
  const value = memberOf(template, 'functions');
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : wrongKind(template, 'functions');
}

function resourcesOf(template: Json): Sections['resources'] {
  const key = keyOf(template, 'resources') ?? 'resources';
  const value = template[key];
  if (Array.isArray(value)) {
    return value.map((raw: unknown, index) => ({
      raw: isObject(raw) ? raw : wrongKind(template, key),
      path: [key, index],
    }));
  }
  if (!isObject(value)) return wrongKind(template, key);
  return Object.entries(value).map(([symbol, raw]) => {
    return { raw: isObject(raw) ? raw : wrongKind(template, key), path: [key, symbol], symbol };
  });
}

function wrongKind(template: Json, name: string): never {
  const { line, column } = positionOf(template, [name]);
  const what = `Unexpected initial token when populating object. Expected JSON object or array. Path '${name}', line ${line}, position ${column}.`;
  throw parseFailure(what, [name]);
}
