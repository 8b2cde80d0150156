import { AttentionError } from '../../lib/errors.ts';

/** What is wrong with a template. Each is a matter for the operator of the marketplace, who alone can change the template. */
export type FlawCode =
  | 'template.too-large'
  | 'template.not-json'
  | 'template.malformed'
  | 'template.limit-exceeded'
  | 'template.expression-invalid'
  | 'template.name-unknown'
  | 'template.secret-exposed'
  | 'template.type-forbidden'
  | 'template.linked'
  | 'template.cross-scope'
  | 'template.api-version';

const LONGEST_NAME = 60;
const LONGEST_PLACE = 160;

/** The error that names a template's flaw and its place, such as `resources[2].properties`. */
export function flaw(code: FlawCode, place: string, what: string): AttentionError {
  const where = place === '' ? 'the template as a whole' : printable(place, LONGEST_PLACE);
  const message = `The template cannot be deployed: ${what} (at ${where}). Correct the template.`;
  return new AttentionError(code, message, { effect: 'none' });
}

/** A name out of a template, fit for a message. */
export function quoted(name: string): string {
  return `"${printable(name, LONGEST_NAME)}"`;
}

function printable(text: string, longest: number): string {
  const clean = text.replace(/[^\x20-\x7e\u00a0-\ud7ff]/g, '?');
  return clean.length > longest ? `${clean.slice(0, longest)}…` : clean;
}
