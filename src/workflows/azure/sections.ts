import { flaw, quoted } from './flaw.ts';

export type Section = Record<string, unknown>;

export function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field of a template by its name. Azure does not mind the case, so that no field may hide behind another spelling. */
export function field(section: Section, name: string, place: string): unknown {
  const keys = Object.keys(section).filter((key) => key.toLowerCase() === name.toLowerCase());
  if (keys.length > 1) throw flaw('template.malformed', place, `the field ${quoted(name)} stands there more than once`);
  return keys[0] === undefined ? undefined : section[keys[0]];
}

/** A part of a template that holds further fields; empty where the template has none. */
export function sectionOf(section: Section, name: string, place: string): Section {
  const found = field(section, name, place) ?? {};
  if (isSection(found)) return found;
  throw flaw('template.malformed', below(place, name), `${quoted(name)} has to be an object in braces`);
}

export function below(place: string, name: string): string {
  return place === '' ? name : `${place}.${name}`;
}

/** The names of a section, each once: Azure tells none apart by case. */
export function namesOf(section: Section, place: string): string[] {
  const names = Object.keys(section);
  if (new Set(names.map((name) => name.toLowerCase())).size === names.length) return names;
  throw flaw('template.malformed', place, 'two names there differ in nothing but case');
}
