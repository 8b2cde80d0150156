import { flaw } from './flaw.ts';

/** A template expression, such as `[parameters('names')[0].first]`, as a tree. */
export type Expression =
  | { kind: 'literal'; value: string | number }
  | { kind: 'call'; name: string; args: Expression[] }
  | { kind: 'member'; of: Expression; key: Expression };

/** https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices#template-limits */
const LONGEST_EXPRESSION = 24_576;
/** Deeper is no template that a person or a compiler would write. */
const DEEPEST = 200;

const TEXT = /'((?:[^']|'')*)'/y;
const NUMBER = /-?\d+(?:\.\d+)?/y;
/** Functions of the template itself carry a namespace. */
const CALL = /([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)\s*\(/y;
const MEMBER = /\.\s*([A-Za-z_$][\w$]*)/y;
const SPACE = /\s*/y;

/**
 * Whether a text of a template is evaluated: it stands in square brackets; two opening ones mean the bracket itself.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions
 */
export function isExpression(text: string): boolean {
  return text.startsWith('[') && text.endsWith(']') && !text.startsWith('[[');
}

/**
 * Reads the expression of a text for which `isExpression` holds.
 *
 * @throws {AttentionError} `template.expression-invalid` or `template.limit-exceeded`
 */
export function parseExpression(text: string, place: string): Expression {
  if (text.length > LONGEST_EXPRESSION) {
    throw flaw('template.limit-exceeded', place, `an expression is longer than ${LONGEST_EXPRESSION} characters`);
  }
  const end = text.length - 1;
  let at = 1;
  const expression = read(0);
  if (at < end) throw invalid('it should end there');
  return expression;

  function read(depth: number): Expression {
    if (depth > DEEPEST) throw invalid('it is nested too deeply');
    let found = readFirst(depth);
    for (;;) {
      const property = take(MEMBER)?.[1];
      if (property !== undefined) found = { kind: 'member', of: found, key: { kind: 'literal', value: property } };
      else if (takeSign('[')) found = { kind: 'member', of: found, key: readUntil(']', depth) };
      else return found;
    }
  }

  function readFirst(depth: number): Expression {
    const literal = take(TEXT);
    if (literal) return { kind: 'literal', value: (literal[1] ?? '').replaceAll("''", "'") };
    const number = take(NUMBER);
    if (number) return { kind: 'literal', value: Number(number[0]) };
    const name = take(CALL)?.[1];
    if (name === undefined)
      throw invalid("a text in quotes ('…'), a number or a function with its parentheses is missing");
    const args: Expression[] = [];
    if (takeSign(')')) return { kind: 'call', name, args };
    do args.push(read(depth + 1));
    while (takeSign(','));
    if (!takeSign(')')) throw invalid(`the closing parenthesis of ${name}(…) is missing`);
    return { kind: 'call', name, args };
  }

  function readUntil(sign: string, depth: number): Expression {
    const inner = read(depth + 1);
    if (!takeSign(sign)) throw invalid(`"${sign}" is missing`);
    return inner;
  }

  function take(pattern: RegExp): RegExpExecArray | null {
    SPACE.lastIndex = at;
    at += SPACE.exec(text)?.[0].length ?? 0;
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    at += match?.[0].length ?? 0;
    return match;
  }

  function takeSign(sign: string): boolean {
    SPACE.lastIndex = at;
    at += SPACE.exec(text)?.[0].length ?? 0;
    // The last bracket of the text closes the expression itself.
    if (at >= end || text[at] !== sign) return false;
    at += 1;
    return true;
  }

  function invalid(why: string): Error {
    return flaw(
      'template.expression-invalid',
      place,
      `an expression cannot be read from its character ${at + 1} on, ${why}`,
    );
  }
}

export type Call = Extract<Expression, { kind: 'call' }>;

/** Every function call in an expression, the outermost first. */
export function callsIn(expression: Expression, found: Call[] = []): Call[] {
  if (expression.kind === 'member') {
    callsIn(expression.of, found);
    callsIn(expression.key, found);
  } else if (expression.kind === 'call') {
    found.push(expression);
    for (const arg of expression.args) callsIn(arg, found);
  }
  return found;
}

export interface PlacedExpression {
  expression: Expression;
  place: string;
}

/** Every expression within a part of a template, names of properties included. */
export function expressionsIn(value: unknown, place: string, found: PlacedExpression[] = []): PlacedExpression[] {
  if (typeof value === 'string') {
    if (isExpression(value)) found.push({ expression: parseExpression(value, place), place });
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) expressionsIn(item, `${place}[${index}]`, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      expressionsIn(key, place, found);
      expressionsIn(item, `${place}.${key}`, found);
    }
  }
  return found;
}
