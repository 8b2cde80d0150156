import { readParameters, type TemplateParameter } from './declarations.ts';
import { callsIn, type Expression, expressionsIn } from './expression.ts';
import { flaw, quoted } from './flaw.ts';
import { below, field, isSection, namesOf, type Section, sectionOf } from './sections.ts';

/** The names that expressions of a template may use, in lower case. */
export interface Scope {
  /** Whether its value is a secret, by parameter. */
  parameters: ReadonlyMap<string, boolean>;
  /** Whether a secret went into it, by variable. */
  variables: ReadonlyMap<string, boolean>;
}

/** https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices#template-limits */
const MOST_PARAMETERS = 256;
const MOST_VARIABLES = 256;

/** Reads what a template declares, and checks the expressions in its declarations. */
export function readScope(template: Section, place: string): { scope: Scope; parameters: TemplateParameter[] } {
  const parameters = readParameters(template, place);
  limit(parameters.length, MOST_PARAMETERS, 'parameters', place);
  const variables = readVariables(template, place);
  limit(variables.size, MOST_VARIABLES, 'variables', place);

  const secure = new Map(parameters.map((parameter) => [parameter.name.toLowerCase(), parameter.secure]));
  const secret = new Map([...variables.keys()].map((name) => [name, false]));
  const scope: Scope = { parameters: secure, variables: secret };
  for (const { name, secure: mayBeSecret, defaultValue } of parameters) {
    const at = `${below(place, 'parameters')}.${name}.defaultValue`;
    checkExpressions(defaultValue, scope, at);
    if (mayBeSecret || !tellsSecret(defaultValue, scope, at)) continue;
    throw flaw('template.secret-exposed', at, `${quoted(name)} is no secret, but takes its default from one`);
  }
  for (const [name, expressions] of variables) {
    for (const expression of expressions) checkNames(expression, scope, `${below(place, 'variables')}.${name}`);
  }
  markSecrets(variables, scope, secret);
  checkFunctions(template, place);
  return { scope, parameters };
}

/** Variables may be built from others, in any order: what is secret spreads until it reaches no further. */
function markSecrets(variables: ReadonlyMap<string, Expression[]>, scope: Scope, secret: Map<string, boolean>): void {
  const users = new Map([...variables.keys()].map((name) => [name, new Set<string>()]));
  const reached: string[] = [];
  for (const [name, expressions] of variables) {
    if (expressions.some((expression) => revealsSecret(expression, scope))) reached.push(name);
    const names = expressions.flatMap(namesUsedIn).filter(({ kind }) => kind === 'variables');
    for (const used of new Set(names.map((found) => found.name))) {
      // A name that is made up while the template runs may be any.
      for (const source of used === undefined ? variables.keys() : [used]) users.get(source)?.add(name);
    }
  }
  for (let name = reached.pop(); name !== undefined; name = reached.pop()) {
    if (secret.get(name)) continue;
    secret.set(name, true);
    reached.push(...(users.get(name) ?? []));
  }
}

/** The expressions of every variable, by its name in lower case. */
function readVariables(template: Section, place: string): Map<string, Expression[]> {
  const section = sectionOf(template, 'variables', place);
  const at = below(place, 'variables');
  const values = new Map<string, unknown>();
  for (const name of namesOf(section, at)) {
    const value = section[name];
    if (name.toLowerCase() !== 'copy' || !Array.isArray(value)) {
      values.set(name.toLowerCase(), value);
      continue;
    }
    // A loop stands under the name "copy" and declares a variable for each of its entries.
    for (const loop of value) {
      const loopName = isSection(loop) ? field(loop, 'name', at) : undefined;
      if (typeof loopName !== 'string') throw flaw('template.malformed', `${at}.copy`, 'a loop there has no name');
      values.set(loopName.toLowerCase(), loop);
    }
  }
  return new Map(
    [...values].map(([name, value]) => [
      name,
      expressionsIn(value, `${at}.${name}`).map(({ expression }) => expression),
    ]),
  );
}

/** Functions of the template itself know nothing but their own parameters. */
function checkFunctions(template: Section, place: string): void {
  const at = below(place, 'functions');
  const namespaces = field(template, 'functions', place) ?? [];
  if (!Array.isArray(namespaces))
    throw flaw('template.malformed', at, '"functions" has to be a list in square brackets');
  for (const namespace of namespaces) {
    if (!isSection(namespace)) throw flaw('template.malformed', at, 'an entry there is no object in braces');
    for (const [name, member] of Object.entries(sectionOf(namespace, 'members', at))) {
      const here = `${at}.${name}`;
      if (!isSection(member)) throw flaw('template.malformed', here, 'a function is declared by an object in braces');
      const declared = field(member, 'parameters', here) ?? [];
      const names = (Array.isArray(declared) ? declared : []).flatMap((parameter) => {
        const own = isSection(parameter) ? field(parameter, 'name', here) : undefined;
        return typeof own === 'string' ? [own.toLowerCase()] : [];
      });
      const scope = { parameters: new Map(names.map((own) => [own, false])), variables: new Map() };
      checkExpressions(field(member, 'output', here), scope, here);
    }
  }
}

/**
 * Checks that every parameter and variable that expressions within a part of a template name is declared.
 *
 * @throws {AttentionError} `template.name-unknown`, or as parseExpression
 */
export function checkExpressions(part: unknown, scope: Scope, at: string): void {
  for (const { expression, place } of expressionsIn(part, at)) checkNames(expression, scope, place);
}

function checkNames(expression: Expression, scope: Scope, place: string): void {
  for (const { kind, name } of namesUsedIn(expression)) {
    if (name === undefined || scope[kind].has(name)) continue;
    const why = `an expression uses ${kind}('${name.slice(0, 60)}'), which the template does not declare`;
    throw flaw('template.name-unknown', place, why);
  }
}

/** Whether the value of an expression tells a secret: one that was handed in, or one that Azure itself lists, such as a key. */
export function revealsSecret(expression: Expression, scope: Scope): boolean {
  for (const { kind, name } of namesUsedIn(expression)) {
    const tells = name === undefined ? [...scope[kind].values()].includes(true) : scope[kind].get(name) === true;
    if (tells) return true;
  }
  return callsIn(expression).some(({ name }) => /^list[a-z]*$/i.test(name));
}

/** Whether any expression within a part of a template tells a secret. */
export function tellsSecret(part: unknown, scope: Scope, place: string): boolean {
  return expressionsIn(part, place).some(({ expression }) => revealsSecret(expression, scope));
}

/** Without a name, it is made up while the template runs. */
function namesUsedIn(expression: Expression): { kind: keyof Scope; name: string | undefined }[] {
  return callsIn(expression).flatMap(({ name, args: [arg] }) => {
    const kind = name.toLowerCase();
    if (kind !== 'parameters' && kind !== 'variables') return [];
    return [{ kind, name: arg?.kind === 'literal' ? String(arg.value).toLowerCase() : undefined }];
  });
}

/** @throws {AttentionError} `template.limit-exceeded` */
export function limit(count: number, most: number, what: string, place: string): void {
  if (count <= most) return;
  throw flaw('template.limit-exceeded', below(place, what), `it has ${count} ${what}, and Azure takes ${most} at most`);
}
