import { flaw, quoted } from './flaw.ts';
import { isResourceType, type Role, roleOf, whyForbidden } from './resource-types.ts';
import { checkExpressions, limit, type Scope, tellsSecret } from './scope.ts';
import { below, field, isSection, type Section, sectionOf } from './sections.ts';

/** A resource that a template creates. */
export interface TemplateResource {
  role: Role;
  /** In full, such as `Microsoft.Network/virtualNetworks/subnets`. */
  type: string;
  /** As in the template, where it is mostly an expression. */
  name: string;
}

export interface ResourceVisitor {
  /** Called for every resource, also for those that exist already. */
  found(resource: TemplateResource, exists: boolean): void;
  /** Called for every nested template, with the outer scope if its expressions are evaluated there. Else it answers its own. */
  nested(template: Section, place: string, outer: Scope | undefined): Scope | undefined;
}

const NESTED = 'microsoft.resources/deployments';
/** Copies counted. https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices#template-limits */
const MOST_RESOURCES = 800;
const API_VERSION = /^\d{4}-\d{2}-\d{2}(-[a-z]+)?$/i;
const LONGEST_NAME = 200;

/** Checks the resources of a template, and theirs, and tells the visitor of each. @throws as readTemplate */
export function checkResources(template: Section, place: string, scope: Scope, visitor: ResourceVisitor): void {
  const listed = field(template, 'resources', place);
  if (!Array.isArray(listed) && !isSection(listed)) {
    throw flaw(
      'template.malformed',
      below(place, 'resources'),
      '"resources" is missing, or neither a list nor an object',
    );
  }
  const count = checkAll(listed, below(place, 'resources'), undefined);
  limit(count, MOST_RESOURCES, 'resources', place);

  function checkAll(resources: Section | unknown[], at: string, parent: string | undefined): number {
    const entries: [string, unknown][] = Array.isArray(resources)
      ? resources.map((resource, index) => [`${at}[${index}]`, resource])
      : Object.entries(resources).map(([symbol, resource]) => [`${at}.${symbol}`, resource]);
    let total = 0;
    for (const [here, resource] of entries) {
      if (!isSection(resource)) throw flaw('template.malformed', here, 'a resource has to be an object in braces');
      total += check(resource, here, parent);
    }
    return total;
  }

  function check(resource: Section, at: string, parent: string | undefined): number {
    const type = typeOf(resource, at, parent);
    const { apiVersion, name, children, copy } = {
      apiVersion: field(resource, 'apiVersion', at),
      name: field(resource, 'name', at),
      children: field(resource, 'resources', at) ?? [],
      copy: sectionOf(resource, 'copy', at),
    };
    if (typeof apiVersion !== 'string' || !API_VERSION.test(apiVersion)) {
      const why = `apiVersion of ${quoted(type)} has to be written out, such as 2024-05-01, so that what runs is what was checked`;
      throw flaw('template.api-version', at, why);
    }
    if (typeof name !== 'string')
      throw flaw('template.malformed', at, `a resource of the type ${quoted(type)} has no name`);
    checkReach(resource, type, at);

    const isNested = type.toLowerCase() === NESTED;
    if (isNested) checkNested(resource, at);
    else
      visitor.found(
        { role: roleOf(type), type, name: name.slice(0, LONGEST_NAME) },
        field(resource, 'existing', at) === true,
      );
    checkExpressions(without(resource, isNested ? ['resources', 'properties'] : ['resources']), scope, at);

    if (!Array.isArray(children) && !isSection(children)) {
      throw flaw('template.malformed', `${at}.resources`, '"resources" is neither a list nor an object');
    }
    const copies = field(copy, 'count', at);
    return (typeof copies === 'number' ? copies : 1) + checkAll(children, `${at}.resources`, type);
  }

  function checkNested(resource: Section, at: string): void {
    const here = `${at}.properties`;
    const properties = sectionOf(resource, 'properties', at);
    for (const link of ['templateLink', 'parametersLink']) {
      if (field(properties, link, here) === undefined) continue;
      const why =
        'it refers to another file, whose content nobody has checked and which may change; put it in as a nested template, as Bicep does';
      throw flaw('template.linked', `${here}.${link}`, why);
    }
    const mode = field(properties, 'mode', here);
    if (typeof mode === 'string' && mode.toLowerCase() !== 'incremental') {
      const why = 'a nested template can only be deployed with the mode Incremental, which deletes nothing';
      throw flaw('template.malformed', `${here}.mode`, why);
    }
    const template = field(properties, 'template', here);
    if (!isSection(template))
      throw flaw('template.linked', `${here}.template`, 'a nested template has to be written out');
    checkExpressions(without(properties, ['template']), scope, here);

    const evaluation = field(sectionOf(properties, 'expressionEvaluationOptions', here), 'scope', here);
    const isInner = typeof evaluation === 'string' && evaluation.toLowerCase() === 'inner';
    if (!isInner && tellsSecret(template, scope, here)) {
      const why =
        'a nested template that is evaluated in the outer scope uses a secret, which Azure would keep readable; set its scope to "inner"';
      throw flaw('template.secret-exposed', `${here}.template`, why);
    }
    const own = visitor.nested(template, `${here}.template`, isInner ? undefined : scope);
    checkHandedIn(field(properties, 'parameters', here), own, `${here}.parameters`);
  }

  /** A secret that is handed to a nested template has to be declared as one there too. */
  function checkHandedIn(given: unknown, own: Scope | undefined, at: string): void {
    const values: [string, unknown][] = isSection(given) ? Object.entries(given) : [['', given]];
    for (const [name, value] of values) {
      if (own?.parameters.get(name.toLowerCase()) === true || !tellsSecret(value, scope, at)) continue;
      const why = `a secret is handed to ${quoted(name)}, which the nested template does not declare as secure`;
      throw flaw('template.secret-exposed', at, why);
    }
  }
}

function typeOf(resource: Section, at: string, parent: string | undefined): string {
  const declared = field(resource, 'type', at);
  if (field(resource, 'import', at) !== undefined || field(resource, 'extension', at) !== undefined) {
    throw flaw('template.type-forbidden', at, 'it creates something outside Azure, which would outlive the order');
  }
  if (typeof declared !== 'string') throw flaw('template.malformed', at, 'a resource has no type');
  // Within another resource the type goes on from that one, unless it names a provider of its own.
  const type = parent === undefined || isResourceType(declared) ? declared : `${parent}/${declared}`;
  const why = whyForbidden(type);
  if (why !== undefined)
    throw flaw('template.type-forbidden', at, `resources of the type ${quoted(type)} are not created: ${why}`);
  if (isResourceType(type)) return type;
  throw flaw('template.malformed', at, `${quoted(type)} is no type of a resource, which has to be written out in full`);
}

/** An order owns its resource group, and nothing beyond: only that can be removed with it. */
function checkReach(resource: Section, type: string, at: string): void {
  const names =
    type.toLowerCase() === NESTED ? ['subscriptionId', 'resourceGroup', 'scope'] : ['subscriptionId', 'resourceGroup'];
  for (const name of names) {
    if (field(resource, name, at) === undefined) continue;
    throw flaw('template.cross-scope', `${at}.${name}`, 'it reaches beyond the resource group of the order');
  }
  const scope = field(resource, 'scope', at);
  if (scope === undefined || (typeof scope === 'string' && !scope.startsWith('/') && !BEYOND.test(scope))) return;
  throw flaw('template.cross-scope', `${at}.scope`, 'it reaches beyond the resource group of the order');
}

const BEYOND = /\b(subscription|tenant|managementGroup)(ResourceId)?\s*\(/i;

function without(section: Section, names: string[]): Section {
  return Object.fromEntries(Object.entries(section).filter(([name]) => !names.includes(name.toLowerCase())));
}
