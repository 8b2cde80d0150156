import { createContext, Script } from 'node:vm';

const LONGEST_PATTERN = 1_000;
const LONGEST_TEXT = 100;
/** A pattern that needs longer backtracks without end; the process waits for it so long, though a good one may be held up on a busy machine. */
const WITHIN_MS = 250;
/** Escapes of other dialects, which JavaScript would read as plain letters. */
const FOREIGN_ESCAPES = /\\[AzZGpP]/;

const context = createContext(Object.create(null));
const match = new Script('new RegExp(source).test(text)');

/**
 * Whether a short text fits a regular expression that others have written; `undefined` where that cannot be said, since the expression is
 * not one that JavaScript reads, is absurdly long or takes too long. A text of more than 100 characters is no short one, and does not fit.
 */
export function fitsPattern(source: string, text: string): boolean | undefined {
  if (text.length > LONGEST_TEXT) return false;
  if (source.length > LONGEST_PATTERN || FOREIGN_ESCAPES.test(source)) return undefined;
  Object.assign(context, { source, text });
  try {
    return match.runInContext(context, { timeout: WITHIN_MS }) as boolean;
  } catch {
    return undefined;
  }
}
