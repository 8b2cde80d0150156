import { AttentionError, type ConnectorError, CustomerError } from '../../lib/errors.ts';
import { asText, type Conversion, checkValue, convertText } from './convert-parameter.ts';
import { plainName, type TemplateParameter } from './declarations.ts';
import { quoted } from './flaw.ts';
import type { Template } from './template.ts';

/** What the connector itself knows and templates ask for under several names; every other name stands for itself. */
const SYNONYMS = {
  location: ['location', 'region'],
  dnsLabel: [
    'dnsLabel',
    'dnsPrefix',
    'dnsNameLabel',
    'dnsLabelPrefix',
    'dnsNamePrefix',
    'domainNameLabel',
    'dnsNameForPublicIp',
  ],
  vmSize: ['vmSize', 'virtualMachineSize'],
  tags: ['tags', 'resourceTags'],
} as const;

/** What is meant by one of the connector's own codes; `null` when it means nothing to a template, such as a domain. */
export type Meaning = keyof typeof SYNONYMS | null;

export interface ParameterSources {
  /** What the customer entered, by code of the marketplace. May hold secrets. */
  chosen: Readonly<Record<string, string>>;
  /** The connector's own codes, such as DNS_PREFIX, which a template need not know, and what each means. */
  ownCodes: Readonly<Record<string, Meaning>>;
  /** What the connector knows, by the name of a template parameter, or of one of its synonyms. */
  system: Readonly<Record<string, unknown>>;
  /** Supplies a secret that nobody has given, within these lengths. */
  generate(name: string, bounds: Pick<TemplateParameter, 'minLength' | 'maxLength'>): string;
}

export interface FilledParameters {
  /** As a deployment takes them. */
  parameters: Record<string, { value: unknown }>;
  /** Names of those whose value was generated and has to be handed over. */
  generated: string[];
}

const DNS_LABEL = /^[a-z][a-z0-9-]{1,61}[a-z0-9]$/;
const NAMES_OF = new Map(
  Object.entries(SYNONYMS).map(([meaning, names]) => [meaning, new Set(names.map(plainName))] as const),
);

/**
 * Gives every parameter of a template its value: what the customer chose, else what the connector knows, else for a required
 * secret text one that is generated; parameters with a default may go without. Codes and names are compared ignoring case,
 * underscores and hyphens.
 *
 * @throws {CustomerError} `order.parameter-invalid` with `parameter` (the code), `reason`, and `allowed`, `min`, `max` of
 *   the rule that the customer's value breaks; the value itself is never told
 * @throws {AttentionError} `template.parameter-unknown` for a code that the template does not know,
 *   `template.parameter-missing` for a parameter that nothing in the product supplies, and `template.parameter-unfit` for one
 *   that the connector's own value does not fit
 */
export function fillParameters(template: Pick<Template, 'parameters'>, sources: ParameterSources): FilledParameters {
  const { chosen, ownCodes, system, generate } = sources;
  const codes = new Map<TemplateParameter, string>();
  for (const code of Object.keys(chosen)) {
    const meant = parametersMeant(template, code, ownCodes);
    if (meant.length === 0 && meaningOf(code, ownCodes) === undefined) throw unknown(code);
    for (const parameter of meant) {
      // Who names a parameter itself is heard before who means it among others.
      const isNamed = plainName(parameter.name) === plainName(code);
      if (isNamed || !codes.has(parameter)) codes.set(parameter, code);
    }
  }

  const known = new Map(Object.entries(system).map(([name, value]) => [plainName(name), value]));
  const generated: string[] = [];
  const filled: [string, { value: unknown }][] = [];
  for (const parameter of template.parameters) {
    const { name, type, secure, required } = parameter;
    const code = codes.get(parameter);
    const text = code === undefined ? undefined : chosen[code];
    const own = systemValue(parameter, known);
    if (code !== undefined && text !== undefined && text.trim() !== '') {
      filled.push([name, { value: accepted(convertChosen(text, parameter), (flaw) => invalid(code, flaw)) }]);
    } else if (own !== undefined && own !== null) {
      filled.push([name, { value: accepted(checkValue(own, parameter), (flaw) => unfit(parameter, flaw)) }]);
    } else if (!required) {
      // Azure takes the default.
    } else if (secure && type === 'string') {
      const { minLength, maxLength } = parameter;
      const secret = generate(name, {
        ...(minLength !== undefined && { minLength }),
        ...(maxLength !== undefined && { maxLength }),
      });
      filled.push([name, { value: accepted(checkValue(secret, parameter), (flaw) => unfit(parameter, flaw)) }]);
      generated.push(name);
    } else {
      throw code === undefined ? missing(parameter) : invalid(code, { flaw: 'missing', bounds: {} });
    }
  }
  return { parameters: Object.fromEntries(filled), generated };
}

/**
 * The values that a customer may choose for a code, the default first, as the marketplace lists them; `null` when any value
 * may be entered, as far as the template is concerned. Secrets have no list in a template that was read.
 */
export function choicesOf(
  template: Pick<Template, 'parameters'>,
  code: string,
  ownCodes: ParameterSources['ownCodes'],
): { value: string; description: string }[] | null {
  const [parameter] = parametersMeant(template, code, ownCodes);
  if (!parameter || parameter.type === 'array' || parameter.type === 'object') return null;
  const { type, allowedValues = type === 'bool' ? [true, false] : [], defaultValue } = parameter;
  const texts = [...new Set(allowedValues.map(asText))];
  if (texts.length === 0) return null;
  const first = texts.filter((text) => text === asText(defaultValue ?? ''));
  return [...first, ...texts.filter((text) => !first.includes(text))].map((value) => ({ value, description: value }));
}

/** The parameters that a code of the marketplace fills: the one of its name, and all that the code means. */
function parametersMeant(
  { parameters }: Pick<Template, 'parameters'>,
  code: string,
  ownCodes: ParameterSources['ownCodes'],
): TemplateParameter[] {
  const named = parameters.filter(({ name }) => plainName(name) === plainName(code));
  const meaning = meaningOf(code, ownCodes);
  const synonyms = meaning ? parameters.filter((parameter) => means(parameter, meaning)) : [];
  return [...new Set([...named, ...synonyms])];
}

/** `undefined` for a code that is none of the connector's own. */
function meaningOf(code: string, ownCodes: ParameterSources['ownCodes']): Meaning | undefined {
  return Object.entries(ownCodes).find(([own]) => plainName(own) === plainName(code))?.[1];
}

function means({ name }: TemplateParameter, meaning: string): boolean {
  return NAMES_OF.get(meaning)?.has(plainName(name)) ?? false;
}

function systemValue({ name }: TemplateParameter, known: ReadonlyMap<string, unknown>): unknown {
  const own = known.get(plainName(name));
  if (own !== undefined) return own;
  for (const names of NAMES_OF.values()) {
    const synonym = names.has(plainName(name)) ? [...names].find((other) => known.get(other) !== undefined) : undefined;
    if (synonym !== undefined) return known.get(synonym);
  }
  return undefined;
}

function convertChosen(text: string, parameter: TemplateParameter): Conversion {
  if (parameter.type !== 'string' || !means(parameter, 'dnsLabel')) return convertText(text, parameter);
  const label = text.trim().toLowerCase();
  return DNS_LABEL.test(label) ? convertText(label, parameter) : { flaw: 'dns-label', bounds: {} };
}

type Broken = Extract<Conversion, { flaw: unknown }>;

function accepted(conversion: Conversion, toError: (broken: Broken) => ConnectorError): unknown {
  if ('flaw' in conversion) throw toError(conversion);
  return conversion.value;
}

function invalid(code: string, { flaw, bounds }: Broken): CustomerError {
  const limits = Object.entries(bounds).map(([name, value]) => `, ${name} ${value}`);
  const message = `The value that the customer chose for ${quoted(code)} does not fit the template (${flaw}${limits.join('')}).`;
  const params = { parameter: code.slice(0, 60), reason: flaw, ...bounds };
  return new CustomerError('order.parameter-invalid', message, { params, effect: 'none' });
}

function unknown(code: string): AttentionError {
  const message = `The template has no parameter for the configuration parameter ${quoted(code)} of the product. Remove it from the product, or add a parameter of that name to the template.`;
  return new AttentionError('template.parameter-unknown', message, { effect: 'none' });
}

function missing({ name, type }: TemplateParameter): AttentionError {
  const message = `The template requires the parameter ${quoted(name)} (${type}), which nothing supplies. Add a configuration parameter of that code to the product, or a default to the template.`;
  return new AttentionError('template.parameter-missing', message, { effect: 'none' });
}

function unfit({ name, secure }: TemplateParameter, { flaw, bounds }: Broken): AttentionError {
  const limits = secure ? [] : Object.entries(bounds).map(([limit, value]) => `, ${limit} ${value}`);
  const message = `The value that the connector has for the parameter ${quoted(name)} of the template does not fit its declaration (${flaw}${limits.join('')}). Correct the metadata of the plan, or the template.`;
  return new AttentionError('template.parameter-unfit', message, { effect: 'none' });
}
