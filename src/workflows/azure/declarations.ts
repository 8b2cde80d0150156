import { compact } from '../../lib/compact.ts';
import { callsIn, expressionsIn } from './expression.ts';
import { flaw, quoted } from './flaw.ts';
import { below, field, isSection, namesOf, type Section, sectionOf } from './sections.ts';

export type ParameterType = 'string' | 'int' | 'bool' | 'array' | 'object';

/** What a template wants to be told. */
export interface TemplateParameter {
  name: string;
  /** Without the word "secure", for which there is `secure`. */
  type: ParameterType;
  /** The value is a secret: Azure does not keep it. */
  secure: boolean;
  /** It has no default and may not be null. */
  required: boolean;
  /** As it stands in the template, where it may be an expression; absent when there is none. */
  defaultValue?: unknown;
  allowedValues?: readonly unknown[];
  /** Characters of a string, items of an array. */
  minLength?: number;
  maxLength?: number;
  /** Inclusive. */
  minValue?: number;
  maxValue?: number;
  description?: string;
}

const TYPES = new Map<string, Pick<TemplateParameter, 'type' | 'secure'>>([
  ['string', { type: 'string', secure: false }],
  ['int', { type: 'int', secure: false }],
  ['bool', { type: 'bool', secure: false }],
  ['array', { type: 'array', secure: false }],
  ['object', { type: 'object', secure: false }],
  ['securestring', { type: 'string', secure: true }],
  ['secureobject', { type: 'object', secure: true }],
]);
/** Definitions may refer to each other, but hardly more often. */
const MOST_REFERENCES = 10;

/** A parameter's name as it is compared with codes of the marketplace: `DNS_PREFIX` and `dnsPrefix` are the same. */
export function plainName(name: string): string {
  return name.replace(/[_-]/g, '').toLowerCase();
}

/** What the word for a type of a parameter or an output means to Azure. */
export function typeNamed(word: unknown): Pick<TemplateParameter, 'type' | 'secure'> | undefined {
  return typeof word === 'string' ? TYPES.get(word.toLowerCase()) : undefined;
}

/**
 * Reads the parameters that a template declares.
 *
 * @throws {AttentionError} `template.malformed` for a declaration that Azure would not understand, and
 *   `template.secret-exposed` for a secret that stands in the template
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/parameters
 */
export function readParameters(template: Section, place: string): TemplateParameter[] {
  const section = sectionOf(template, 'parameters', place);
  const definitions = sectionOf(template, 'definitions', place);
  const at = below(place, 'parameters');
  const parameters = namesOf(section, at).map((name) => {
    const declared = section[name];
    const here = `${at}.${name}`;
    if (!isSection(declared)) throw flaw('template.malformed', here, 'a parameter is declared by an object in braces');
    return readParameter(name, resolveType(declared, definitions, here), here);
  });
  const secrets = parameters.filter(({ secure }) => secure).map(({ name }) => name.toLowerCase());
  for (const { name, secure, defaultValue, allowedValues } of parameters) {
    if (!secure || (allowedValues === undefined && isHarmless(defaultValue, secrets, `${at}.${name}`))) continue;
    const why = `the secret ${quoted(name)} has its values in the template, where everybody can read them; it may be empty or come from newGuid()`;
    throw flaw('template.secret-exposed', `${at}.${name}`, why);
  }
  return parameters;
}

function readParameter(name: string, declared: Section, place: string): TemplateParameter {
  const type = typeNamed(field(declared, 'type', place));
  if (!type)
    throw flaw('template.malformed', place, `the parameter ${quoted(name)} has none of the types that Azure knows`);

  const whole = (limit: string): number | undefined => {
    const value = field(declared, limit, place);
    if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined;
    throw flaw('template.malformed', place, `${limit} of the parameter ${quoted(name)} has to be a whole number`);
  };
  const allowedValues = field(declared, 'allowedValues', place);
  if (allowedValues !== undefined && !(Array.isArray(allowedValues) && allowedValues.length > 0)) {
    throw flaw(
      'template.malformed',
      place,
      `allowedValues of the parameter ${quoted(name)} has to be a list with entries`,
    );
  }
  const defaultValue = field(declared, 'defaultValue', place);
  const description = field(sectionOf(declared, 'metadata', place), 'description', place);
  return {
    name,
    ...type,
    required: defaultValue === undefined && field(declared, 'nullable', place) !== true,
    ...compact({
      defaultValue,
      allowedValues,
      minLength: whole('minLength'),
      maxLength: whole('maxLength'),
      minValue: whole('minValue'),
      maxValue: whole('maxValue'),
      description: typeof description === 'string' ? description : undefined,
    }),
  };
}

/** The declaration of a parameter or an output whose type may be defined elsewhere in the template, as Bicep does. */
export function resolveType(declared: Section, definitions: Section, place: string): Section {
  let found = declared;
  for (let hops = 0; hops < MOST_REFERENCES; hops += 1) {
    const reference = field(found, '$ref', place);
    if (reference === undefined) return found;
    const name = typeof reference === 'string' ? /^#\/definitions\/([^/]+)$/.exec(reference)?.[1] : undefined;
    const definition = name !== undefined && Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (!isSection(definition))
      throw flaw('template.malformed', place, 'it refers to a definition that does not exist');
    const { $ref: _done, ...rest } = found;
    found = { ...definition, ...rest };
  }
  throw flaw('template.malformed', place, 'its definition refers to itself');
}

/** Nothing, something random, or what another secret parameter is given. */
function isHarmless(value: unknown, secrets: string[], place: string): boolean {
  if (value === undefined || value === '' || (isSection(value) && Object.keys(value).length === 0)) return true;
  const calls = expressionsIn(value, place).flatMap(({ expression }) => callsIn(expression));
  return calls.some(({ name, args: [arg] }) => {
    const isSecret = arg?.kind === 'literal' && secrets.includes(String(arg.value).toLowerCase());
    return name.toLowerCase() === 'newguid' || (name.toLowerCase() === 'parameters' && isSecret);
  });
}
