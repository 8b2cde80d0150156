/** No document of any API comes near; programs that walk through a deeper one run out of stack. */
const DEEPEST = 256;

/**
 * Reads JSON that somebody else has written.
 *
 * @throws {SyntaxError} for what is no JSON, and for a document that is nested more than 256 levels deep
 */
export function parseForeignJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (isDeep(text)) throw new SyntaxError(`The JSON is nested more than ${DEEPEST} levels deep.`);
  return value;
}

/** Counts on the text, which is known to be JSON, since counting on the value would itself run out of stack. */
function isDeep(text: string): boolean {
  let depth = 0;
  let isInText = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (isInText) {
      if (character === '\\') at += 1;
      else if (character === '"') isInText = false;
    } else if (character === '"') isInText = true;
    else if (character === '[' || character === '{') {
      depth += 1;
      if (depth > DEEPEST) return true;
    } else if (character === ']' || character === '}') depth -= 1;
  }
  return false;
}
