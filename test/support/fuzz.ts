import fc from 'fast-check';
import { ConnectorError } from '../../src/lib/errors.ts';

/** How often a property is tried: `usually`, or as often as `FUZZ_RUNS` says (`npm run test:fuzz`). */
export function runs(usually: number): { numRuns: number } {
  const given = Number(process.env.FUZZ_RUNS);
  return { numRuns: given > 0 ? given : usually };
}

/** What `work` results in; `undefined` when it fails with an error of ours. Any other error would be taken for a bug, and tried for ever. */
export async function onlyOurErrors<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConnectorError) return undefined;
    throw error;
  }
}

/** Names that every object has without anybody having put them there. */
export const INHERITED = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'then', 'toJSON'];

/** Values that programs stumble over, and any JSON. */
export const nasty: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, 2 ** 53, '', ' ', '0', '-1', 'NaN', '1e999', [], {}, [[]]),
  fc.constantFrom<unknown>(
    ...INHERITED,
    '\u0000',
    '\r\nX-Injected: 1',
    '\ud800',
    '../..',
    'https://evil.example/',
    '2026-13-45',
  ),
  fc.constantFrom<unknown>(
    { toString: 1, valueOf: 1 },
    { length: 1e9 },
    JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
    'x'.repeat(5_000),
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A value of which up to three places were replaced by something nasty, dropped, or renamed. */
export function damaged(valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({
    place: fc.nat(),
    by: nasty,
    how: fc.constantFrom('replace', 'replace', 'drop', 'rename', 'add'),
    name: fc.constantFrom(...INHERITED, 'value', 'items', 'id'),
  });
  return fc
    .tuple(valid, fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([value, changes]) => changes.reduce(applied, value));
}

type Change = { place: number; by: unknown; how: string; name: string };

function applied(value: unknown, { place, by, how, name }: Change): unknown {
  const places = placesIn(value);
  const [at = []] = places.length > 0 ? [places[place % places.length]] : [];
  if (at.length === 0) return how === 'replace' && place % 7 === 0 ? by : value;
  // JSON is how it would have come: with a prototype of nobody's making.
  const copy = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
  const parent = at.slice(0, -1).reduce((node, key) => node[key] as Record<string, unknown>, copy);
  const key = at.at(-1) ?? '';
  if (how === 'replace') define(parent, key, by);
  if (how === 'add') define(parent, Array.isArray(parent) ? key : name, by);
  if (how === 'rename' && !Array.isArray(parent)) define(parent, name, parent[key]);
  if (how !== 'replace' && how !== 'add' && !Array.isArray(parent)) delete parent[key];
  return copy;
}

/** As JSON.parse would have put it there, `__proto__` included. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Every place in a value, as a list of keys. */
function placesIn(value: unknown, at: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, child]) => placesIn(child, [...at, key]))];
}

/** Whether something that all objects have in common has been changed. */
export function isPolluted(): boolean {
  return 'polluted' in {} || Object.keys(Object.prototype).length > 0;
}
