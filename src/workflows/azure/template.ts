import { type ParameterType, resolveType, type TemplateParameter, typeNamed } from './declarations.ts';
import { flaw, quoted } from './flaw.ts';
import { checkResources, type TemplateResource } from './resources.ts';
import { checkExpressions, limit, readScope, type Scope, tellsSecret } from './scope.ts';
import { below, field, isSection, namesOf, type Section, sectionOf } from './sections.ts';

/** A template that has passed every check that can be made without Azure. */
export interface Template {
  /** To be sent as it is: what was checked is what runs. */
  json: Section;
  parameters: TemplateParameter[];
  /** Providers to be registered before, such as `Microsoft.Network`, in alphabetical order. */
  namespaces: string[];
  outputs: { name: string; type: ParameterType }[];
  /** What will be created, nested templates included, in the order of the template. */
  resources: TemplateResource[];
}

const LARGEST_BYTES = 4 * 1024 * 1024;
const MOST_OUTPUTS = 64;
/** Deeper is no template that a person or a compiler would write, and would only serve to overflow us. */
const DEEPEST = 200;
/** Of templates within templates. */
const MOST_LEVELS = 10;
const SCHEMA =
  /^https?:\/\/schema\.management\.azure\.com\/schemas\/\d{4}-\d{2}-\d{2}(-preview)?\/deploymentTemplate\.json#?$/i;

/**
 * Reads an ARM template and makes every check that can be made without Azure: its form and Azure's limits, names in
 * expressions, secrets that would become readable, types of resources that an order must not create, and that it stays
 * within its resource group. Linked templates are refused, for what they contain could not be checked.
 *
 * @throws {AttentionError} `template.…`, naming the first flaw and its place: only the operator of the marketplace can cure
 *   a template
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax
 */
export function readTemplate(text: string): Template {
  const json = parse(text);
  const resources: TemplateResource[] = [];
  const namespaces = new Map<string, string>();

  checkForm(json, '');
  const { scope, parameters } = readScope(json, '');
  checkContent(json, '', scope, 0);
  const outputs = readOutputs(json, '', scope);
  return { json, parameters, outputs, resources, namespaces: [...namespaces.values()].sort() };

  function checkContent(template: Section, place: string, scope: Scope, level: number): void {
    if (level > MOST_LEVELS) throw flaw('template.limit-exceeded', place, 'templates are nested too deeply');
    checkResources(template, place, scope, {
      found(resource, exists) {
        const [namespace = ''] = resource.type.split('/');
        if (!namespaces.has(namespace.toLowerCase())) namespaces.set(namespace.toLowerCase(), namespace);
        if (!exists) resources.push(resource);
      },
      nested(inner, at, outer) {
        checkForm(inner, at);
        // In the outer scope its own names mean nothing.
        if (outer) checkExpressions(field(inner, 'variables', at), outer, at);
        const own = outer ?? readScope(inner, at).scope;
        checkContent(inner, at, own, level + 1);
        readOutputs(inner, at, own);
        return outer ? undefined : own;
      },
    });
  }
}

function parse(text: string): Section {
  if (Buffer.byteLength(text) > LARGEST_BYTES) {
    throw flaw('template.too-large', '', 'it is larger than 4 MB, which Azure does not take either');
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // The sentence quotes the text; only the position may be told.
    const position = /line \d+ column \d+/.exec(String(error))?.[0];
    const why = `it is no plain JSON${position ? `, see ${position}` : ''}; comments and texts of several lines are not possible`;
    throw flaw('template.not-json', '', why);
  }
  if (!isSection(json)) throw flaw('template.malformed', '', 'it has to be an object in braces');
  checkDepth(json, 0);
  return json;
}

function checkDepth(value: unknown, depth: number): void {
  if (depth > DEEPEST) throw flaw('template.limit-exceeded', '', 'it is nested too deeply');
  if (typeof value !== 'object' || value === null) return;
  for (const child of Object.values(value)) checkDepth(child, depth + 1);
}

function checkForm(template: Section, place: string): void {
  const schema = field(template, '$schema', place);
  if (typeof schema !== 'string' || !SCHEMA.test(schema)) {
    const why =
      '"$schema" has to be that of a template for a resource group, ending in 2019-04-01/deploymentTemplate.json#';
    throw flaw('template.malformed', below(place, '$schema'), why);
  }
  if (typeof field(template, 'contentVersion', place) !== 'string') {
    throw flaw('template.malformed', below(place, 'contentVersion'), '"contentVersion" is missing, such as 1.0.0.0');
  }
  for (const name of ['imports', 'extensions']) {
    if (field(template, name, place) === undefined) continue;
    throw flaw(
      'template.type-forbidden',
      below(place, name),
      'it creates something outside Azure, which would outlive the order',
    );
  }
}

function readOutputs(template: Section, place: string, scope: Scope): Template['outputs'] {
  const section = sectionOf(template, 'outputs', place);
  const definitions = sectionOf(template, 'definitions', place);
  const at = below(place, 'outputs');
  const names = namesOf(section, at);
  limit(names.length, MOST_OUTPUTS, 'outputs', place);
  return names.map((name) => {
    const here = `${at}.${name}`;
    const output = section[name];
    if (!isSection(output)) throw flaw('template.malformed', here, 'an output has to be an object in braces');
    checkExpressions(output, scope, here);
    const declared = typeNamed(field(resolveType(output, definitions, here), 'type', here));
    if (declared?.secure || tellsSecret(output, scope, here)) {
      const why = `the output ${quoted(name)} tells a secret, which Azure would keep readable`;
      throw flaw('template.secret-exposed', here, why);
    }
    if (declared) return { name, type: declared.type };
    throw flaw('template.malformed', here, `the output ${quoted(name)} has none of the types that Azure knows`);
  });
}
