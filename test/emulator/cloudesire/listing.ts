import type { Reply } from '../core/server.ts';
import type { ApiCall } from './api.ts';
import { Refusal, refusal, tooHigh, tooLow } from './refusal.ts';

const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 50;

/**
 * Cuts a page out of a list, as `pageNumber`, `pageSize`, `sortField` and `sortDirection` of the query say, and writes
 * the totals to the headers. A page past the end is empty.
 *
 * @throws {Refusal} 400 when a parameter is out of its range
 */
export function page<Item>(request: ApiCall, items: Item[], write: (item: Item) => unknown): Reply {
  const { query } = request.call;
  const pageNumber = wholeNumber(query, 'pageNumber') ?? 1;
  const pageSize = wholeNumber(query, 'pageSize') ?? DEFAULT_PAGE_SIZE;
  const problems = [
    ...(pageNumber < 1 ? [tooLow(1)] : []),
    ...(pageSize < 1 ? [tooLow(1)] : []),
    ...(pageSize > MAX_PAGE_SIZE ? [tooHigh(MAX_PAGE_SIZE)] : []),
  ];
  if (problems.length > 0) throw new Refusal(400, ...problems);
  const from = (pageNumber - 1) * pageSize;
  return {
    status: 200,
    headers: {
      'CMW-PageNumber': String(pageNumber),
      'CMW-PageSize': String(pageSize),
      'CMW-TotalItems': String(items.length),
      'CMW-TotalPages': String(Math.ceil(items.length / pageSize)),
    },
    body: sorted(request, items)
      .slice(from, from + pageSize)
      .map(write),
  };
}

function sorted<Item>({ call: { query } }: ApiCall, items: Item[]): Item[] {
  const field = query.get('sortField');
  const direction = query.get('sortDirection');
  if (direction !== null && direction !== 'ASC' && direction !== 'DESC') {
    throw refusal(400, 'The sortDirection is ASC or DESC');
  }
  if (field !== null && !['id', 'createdAt', 'updatedAt', 'date', 'name'].includes(field)) {
    throw refusal(400, `The list cannot be sorted by ${field}`);
  }
  const key = (item: Item) => (item as Record<string, string | number>)[field ?? 'id'] ?? 0;
  const ascending = [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  return direction === 'DESC' ? ascending.reverse() : ascending;
}

/** A whole number of the query. @throws {Refusal} 400 when it is something else */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^-?\d+$/.test(value)) throw refusal(400, `The parameter ${name} is not a whole number`);
  return Number(value);
}

/** `true` or `false` of the query. @throws {Refusal} 400 when it is something else */
export function flag(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (value !== 'true' && value !== 'false') throw refusal(400, `The parameter ${name} is true or false`);
  return value === 'true';
}

/** The comma-separated values of a parameter that knows only some. @throws {Refusal} 400 on any other */
export function choices<Value extends string>(
  query: URLSearchParams,
  name: string,
  known: readonly Value[],
): Value[] | undefined {
  const given = query.get(name);
  if (given === null || given === '') return undefined;
  return given.split(',').map((value) => {
    const choice = known.find((other) => other === value.trim());
    if (choice === undefined) throw refusal(400, `The parameter ${name} does not know ${value}`);
    return choice;
  });
}

/** An instant of the query, as ISO 8601, in milliseconds since the epoch. @throws {Refusal} 400 when it is none */
export function instant(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  const withColon = value.replace(/(T.*[+-]\d\d)(\d\d)?$/, (_zone, hours, minutes) => `${hours}:${minutes ?? '00'}`);
  const at = Date.parse(withColon);
  if (Number.isNaN(at)) throw refusal(400, `The parameter ${name} is not a date`);
  return at;
}

/** The entries of a map-valued filter: `metadata[colour]=blue` → `colour`, `blue`. An empty value means "not set". */
export function bracketed(query: URLSearchParams, name: string): Array<[key: string, value: string]> {
  return [...query].flatMap(([key, value]): Array<[string, string]> => {
    const match = /^([^[]+)\[([^\]]+)\]$/.exec(key);
    return match !== null && match[1] === name ? [[match[2]!, value]] : [];
  });
}
