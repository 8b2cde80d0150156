import { ExpressionError, withHelp } from './errors.ts';

/** A parsed template language expression. */
export type Expression =
  | { kind: 'literal'; value: string | number }
  | { kind: 'call'; name: string; args: Expression[] }
  | { kind: 'access'; target: Expression; key: Expression; safe: boolean };

const LONGEST_EXPRESSION = 24_576;

interface Token {
  type: string;
  text: string;
}

const TOKEN_NAMES: Record<string, string> = {
  '(': 'LeftParenthesis',
  ')': 'RightParenthesis',
  '[': 'LeftSquareBracket',
  ']': 'RightSquareBracket',
  ',': 'Comma',
  '.': 'Dot',
  '?': 'QuestionMark',
};
const TOKEN = /\s*(?:([()[\],.?])|'((?:[^']|'')*)'|(-?\d+(?![\w$]))|([A-Za-z_$][\w$]*))\s*/y;

/** Whether ARM takes a string for an expression: in brackets, the first of which is not doubled. */
export function isExpression(text: string): boolean {
  return text.startsWith('[') && !text.startsWith('[[') && text.endsWith(']');
}

/**
 * Undoes the doubled bracket of a literal string that begins with one and ends with one.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions#escape-characters
 */
export function withoutEscape(text: string): string {
  return text.startsWith('[[') && text.endsWith(']') ? text.slice(1) : text;
}

const parsed = new Map<string, Expression>();

/**
 * Parses a string for which {@link isExpression} holds.
 *
 * @throws {ExpressionError} with the text of ARM when brackets, quotes or names do not fit
 */
export function parseExpression(text: string): Expression {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  if (text.length > LONGEST_EXPRESSION) {
    const limit = `The language expression length limit exceeded. Limit: '${LONGEST_EXPRESSION}' and actual: '${text.length}'.`;
    throw new ExpressionError(withHelp(limit, 'arm-functions'));
  }
  const expression = parse(text.slice(1, -1));
  parsed.set(text, expression);
  return expression;
}

function parse(source: string): Expression {
  const tokens = tokenize(source);
  let at = 0;

  function peek(): Token {
    return tokens[at] ?? { type: 'EndOfData', text: '' };
  }
  function fail(expected: string): never {
    const what = `expected token '${expected}' and actual '${peek().type}'`;
    throw new ExpressionError(`Unable to parse language expression '${source}': ${what}.`);
  }
  function take(type: string): Token {
    const token = peek();
    if (token.type !== type) fail(type);
    at += 1;
    return token;
  }
  function skip(type: string): boolean {
    if (peek().type !== type) return false;
    at += 1;
    return true;
  }

  function primary(): Expression {
    const { type, text } = peek();
    if (type === 'StringLiteral') {
      take(type);
      return { kind: 'literal', value: text };
    }
    if (type === 'IntegerLiteral') {
      take(type);
      return { kind: 'literal', value: Number(text) };
    }
    let name = take('Identifier').text;
    while (skip('Dot')) name += `.${take('Identifier').text}`;
    return { kind: 'call', name, args: args() };
  }

  function args(): Expression[] {
    take('LeftParenthesis');
    const list: Expression[] = [];
    if (skip('RightParenthesis')) return list;
    do list.push(expression());
    while (skip('Comma'));
    take('RightParenthesis');
    return list;
  }

  function expression(): Expression {
    let target = primary();
    for (;;) {
      if (skip('Dot')) {
        const safe = skip('QuestionMark');
        target = { kind: 'access', target, key: { kind: 'literal', value: take('Identifier').text }, safe };
      } else if (skip('LeftSquareBracket')) {
        const safe = skip('QuestionMark');
        target = { kind: 'access', target, key: expression(), safe };
        take('RightSquareBracket');
      } else return target;
    }
  }

  const result = expression();
  if (peek().type !== 'EndOfData') fail('EndOfData');
  return result;
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (match === null) {
      const what = `The language expression '${source}' is not valid: the string character '${source[start]}' at position '${start}' is not expected.`;
      throw new ExpressionError(what);
    }
    const [, sign, string, integer, identifier] = match;
    if (sign !== undefined) tokens.push({ type: TOKEN_NAMES[sign] ?? sign, text: sign });
    else if (string !== undefined) tokens.push({ type: 'StringLiteral', text: string.replaceAll("''", "'") });
    else if (integer !== undefined) tokens.push({ type: 'IntegerLiteral', text: integer });
    else tokens.push({ type: 'Identifier', text: identifier ?? '' });
  }
  return tokens;
}
