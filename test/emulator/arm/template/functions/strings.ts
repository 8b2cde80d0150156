import { textOf } from '../json.ts';
import {
  type BuiltIns,
  define,
  type FunctionCall,
  integerAt,
  stringAt,
  strings,
  unable,
  wrongType,
} from './built-in.ts';
import { nameBasedGuid, uniqueText } from './hashes.ts';
import { fillFormat } from './text-format.ts';

/**
 * Functions on text.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-string
 */
export const STRING_FUNCTIONS: BuiltIns = {
  base64: define(1, 1, (call) => Buffer.from(stringAt(call, 0), 'utf8').toString('base64')),
  base64ToString: define(1, 1, decode),
  base64ToJson: define(1, 1, (call) => parseJson(call, decode(call))),
  dataUri: define(1, 1, (call) => {
    return `data:text/plain;charset=utf8;base64,${Buffer.from(textOf(call.args[0]), 'utf8').toString('base64')}`;
  }),
  dataUriToString: define(1, 1, (call) => {
    const match = /^data:[^,]*?(;base64)?,(.*)$/s.exec(stringAt(call, 0));
    if (match === null) return unable(call, 'the argument is not a data URI.');
    return match[1] ? Buffer.from(match[2] ?? '', 'base64').toString('utf8') : decodeUri(call, match[2] ?? '');
  }),
  endsWith: define(2, 2, (call) => stringAt(call, 0).toLowerCase().endsWith(stringAt(call, 1).toLowerCase())),
  format: define(1, Number.POSITIVE_INFINITY, (call) => {
    try {
      return fillFormat(stringAt(call, 0), call.args.slice(1));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return unable(call, 'the format is invalid: Index (zero based) must be less than the size of the argument list.');
    }
  }),
  guid: define(1, Number.POSITIVE_INFINITY, (call) => nameBasedGuid(strings(call))),
  join: define(2, 2, (call) => {
    const [items] = call.args;
    if (!Array.isArray(items)) return wrongType(call, 'an array', items);
    return items.map(textOf).join(stringAt(call, 1));
  }),
  json: define(1, 1, (call) => parseJson(call, stringAt(call, 0))),
  newGuid: define(0, 0, (call) => call.env.newGuid(), ['parameter']),
  padLeft: define(2, 3, pad),
  replace: define(3, 3, (call) => stringAt(call, 0).replaceAll(stringAt(call, 1), () => stringAt(call, 2))),
  split: define(2, 2, split),
  startsWith: define(2, 2, (call) => stringAt(call, 0).toLowerCase().startsWith(stringAt(call, 1).toLowerCase())),
  string: define(1, 1, (call) => textOf(call.args[0])),
  substring: define(2, 3, substring),
  toLower: define(1, 1, (call) => stringAt(call, 0).toLowerCase()),
  toUpper: define(1, 1, (call) => stringAt(call, 0).toUpperCase()),
  trim: define(1, 1, (call) => stringAt(call, 0).trim()),
  uniqueString: define(1, Number.POSITIVE_INFINITY, (call) => uniqueText(strings(call))),
  uri: define(2, 2, uri),
  uriComponent: define(1, 1, (call) => encodeURIComponent(stringAt(call, 0))),
  uriComponentToString: define(1, 1, (call) => decodeUri(call, stringAt(call, 0))),
};

function decode(call: FunctionCall): string {
  return Buffer.from(stringAt(call, 0), 'base64').toString('utf8');
}

function decodeUri(call: FunctionCall, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return unable(call, `'${text}' is not encoded as a URI.`);
  }
}

function parseJson(call: FunctionCall, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return unable(call, `the argument is not valid JSON: '${text}'.`);
  }
}

function pad(call: FunctionCall): string {
  const value = call.args[0];
  if (typeof value !== 'string' && !Number.isInteger(value)) return wrongType(call, 'a string or an integer', value);
  const filler = call.args.length > 2 ? stringAt(call, 2) : ' ';
  if (filler.length !== 1) return unable(call, 'the padding character must be a single character.');
  return textOf(value).padStart(integerAt(call, 1), filler);
}

function split(call: FunctionCall): string[] {
  const delimiters = call.args[1];
  const list: unknown[] = Array.isArray(delimiters) ? delimiters : [delimiters];
  if (!list.every((item) => typeof item === 'string'))
    return wrongType(call, 'a string or an array of strings', delimiters);
  let parts = [stringAt(call, 0)];
  for (const delimiter of list) parts = parts.flatMap((part) => (delimiter === '' ? [part] : part.split(delimiter)));
  return parts;
}

function substring(call: FunctionCall): string {
  const text = stringAt(call, 0);
  const start = integerAt(call, 1);
  if (start < 0 || start > text.length) {
    const where = `The index parameter: '${start}', the length of the string parameter: '${text.length}'.`;
    return unable(call, `the index parameter cannot be larger than the length of the string. ${where}`);
  }
  const length = call.args.length > 2 ? integerAt(call, 2) : text.length - start;
  if (length < 0 || start + length > text.length) {
    const where = `The index parameter: '${start}', the length parameter: '${length}', the length of the string parameter: '${text.length}'.`;
    return unable(call, `the index and length parameters must refer to a location within the string. ${where}`);
  }
  return text.slice(start, start + length);
}

function uri(call: FunctionCall): string {
  const [base, relative] = [stringAt(call, 0), stringAt(call, 1)];
  try {
    return new URL(relative, base).href;
  } catch {
    return unable(call, `'${base}' and '${relative}' do not make a valid URI.`);
  }
}
