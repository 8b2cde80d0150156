/* Two sets of answers beside each other by their shape: names of fields and types, never values. */

/** A type of JSON; `text` is a body that is none, `nothing` an empty one. */
export type JsonType = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'null' | 'text' | 'nothing';

/** A body, or that it is no JSON; `undefined` when it is empty. */
export type Body = { json: unknown } | { text: true } | undefined;

/** The way to a place in a body: names of fields, `[]` for the elements of a list, `{}` for the values of a map. */
export type Steps = readonly string[];

/** What is different at one place. */
export interface Difference {
  /**
   * `absent`: ours is always there, theirs never. `type`: both are there, with no type in common. `more`: theirs has types, or a place, that
   * ours has not. `spelling`: the same but for the case of its name. `unseen`: theirs has nothing by which it could be judged, such as an
   * empty list.
   */
  kind: 'absent' | 'type' | 'more' | 'spelling' | 'unseen';
  /** Such as `items[].companyProfile.domain`; empty for the body as a whole. */
  place: string;
  steps: Steps;
  ours: JsonType[];
  theirs: JsonType[];
}

export interface ShapeOptions {
  /** Places that are maps, whose keys say as little of the shape as values do, or names of fields that always are. */
  maps?: readonly string[];
  /** Names differ in case only by accident. */
  anyCase?: boolean;
}

interface Place {
  steps: Steps;
  parent: string | undefined;
  types: Map<JsonType, number>;
}

type Shape = Map<string, Place>;

const ELEMENT = '[]';
const VALUE = '{}';

/** Keys that are written by programmers. Everything else, an identifier or what people have typed, is the key of a map. */
const FIELD_NAME = /^(@?odata\.[A-Za-z.]{1,60}|\$?[A-Za-z_][A-Za-z0-9_]{0,59})$/;
const LONG_NUMBER = /\d{4}/;
const LANGUAGE = /^[a-z]{2}([_-][A-Z]{2})?$/;

/** Compares what one side answers with what the other does. Each may have answered several times. */
export function compareShapes(ours: Body[], theirs: Body[], options: ShapeOptions = {}): Difference[] {
  const maps = new Set(options.maps);
  // What is a map on one side is one on the other, whatever keys there are.
  for (const body of [...ours, ...theirs]) if (body && 'json' in body) findMaps(body.json, [], maps);
  const [our, their] = [ours, theirs].map((bodies) => shapeOf(bodies, maps, options.anyCase ?? false)) as [
    Shape,
    Shape,
  ];
  const closed = new Set<string>();
  return [...missing(our, their, closed), ...added(our, their, closed)];
}

/** A body in which the value at a place is another one, or, with `undefined`, none. A place in a list is in all of its elements. */
export function withChange(
  body: unknown,
  steps: Steps,
  change: (value: unknown) => unknown,
  { anyCase = false }: ShapeOptions = {},
): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return change(body);
  if (Array.isArray(body)) {
    if (step !== ELEMENT) return body;
    return body.map((one) => withChange(one, rest, change, { anyCase })).filter((one) => one !== undefined);
  }
  if (!isRecord(body)) return body;
  const isMeant = (name: string) => step === VALUE || keyOf(name, anyCase) === keyOf(step, anyCase);
  return Object.fromEntries(
    Object.entries(body).flatMap(([name, value]) => {
      if (!isMeant(name)) return [[name, value]];
      const changed = withChange(value, rest, change, { anyCase });
      return changed === undefined ? [] : [[name, changed]];
    }),
  );
}

/** What ours has and theirs lacks. Of what lies below such a place nothing is said: it adds its key to `closed`. */
function missing(our: Shape, their: Shape, closed: Set<string>): Difference[] {
  const found: Difference[] = [];
  for (const [key, place] of our) {
    if (place.parent !== undefined && closed.has(place.parent)) {
      closed.add(key);
      continue;
    }
    const other = their.get(key);
    const kind = other ? judge(place, other) : isAlways(place, our) ? 'absent' : 'unseen';
    if (kind === undefined) continue;
    if (kind !== 'more' && kind !== 'spelling') closed.add(key);
    found.push({ kind, ...told(other ?? place), ours: typesOf(place), theirs: other ? typesOf(other) : [] });
  }
  return found;
}

function added(our: Shape, their: Shape, closed: Set<string>): Difference[] {
  const found: Difference[] = [];
  for (const [key, place] of their) {
    if (place.parent !== undefined && closed.has(place.parent)) closed.add(key);
    else if (!our.has(key)) found.push({ kind: 'more', ...told(place), ours: [], theirs: typesOf(place) });
  }
  return found;
}

function judge(place: Place, other: Place): Difference['kind'] | undefined {
  const [ours, theirs] = [typesOf(place), typesOf(other)].map((types) => types.filter((type) => type !== 'null')) as [
    JsonType[],
    JsonType[],
  ];
  if (ours.length === 0) return undefined;
  if (theirs.length === 0) return 'unseen';
  if (!ours.some((type) => theirs.includes(type))) return 'type';
  if (theirs.some((type) => !ours.includes(type))) return 'more';
  return place.steps.at(-1) === other.steps.at(-1) ? undefined : 'spelling';
}

/** Whether it was there each time that the object was which it belongs to. Elements of lists and maps need not be there at all. */
function isAlways({ steps, parent, types }: Place, shape: Shape): boolean {
  const last = steps.at(-1);
  if (parent === undefined) return true;
  if (last === ELEMENT || last === VALUE) return false;
  return countOf(types) === shape.get(parent)?.types.get('object');
}

function countOf(types: Place['types']): number {
  return [...types.values()].reduce((sum, count) => sum + count, 0);
}

function typesOf({ types }: Place): JsonType[] {
  return [...types.keys()].sort();
}

function told({ steps }: Place): Pick<Difference, 'place' | 'steps'> {
  return { place: nameOf(steps), steps };
}

/** How a place is told. */
export function nameOf(steps: Steps): string {
  return steps.reduce(
    (place, step) => (step === ELEMENT || step === VALUE || !place ? place + step : `${place}.${step}`),
    '',
  );
}

function shapeOf(bodies: Body[], maps: ReadonlySet<string>, anyCase: boolean): Shape {
  const shape: Shape = new Map();

  function note(type: JsonType, steps: Steps): void {
    const key = keyOf(nameOf(steps), anyCase);
    const parent = steps.length === 0 ? undefined : keyOf(nameOf(steps.slice(0, -1)), anyCase);
    const place = shape.get(key) ?? { steps, parent, types: new Map<JsonType, number>() };
    place.types.set(type, (place.types.get(type) ?? 0) + 1);
    shape.set(key, place);
  }

  function walk(value: unknown, steps: Steps): void {
    note(typeOf(value), steps);
    if (Array.isArray(value)) for (const one of value) walk(one, [...steps, ELEMENT]);
    else if (isRecord(value)) {
      const isMap = isMapAt(steps, maps);
      for (const [name, one] of Object.entries(value)) walk(one, [...steps, isMap ? VALUE : name]);
    }
  }

  for (const body of bodies) {
    if (body === undefined) note('nothing', []);
    else if ('text' in body) note('text', []);
    else walk(body.json, []);
  }
  return shape;
}

/** Adds the places whose keys cannot be names of fields. */
function findMaps(value: unknown, steps: Steps, maps: Set<string>): void {
  if (Array.isArray(value)) for (const one of value) findMaps(one, [...steps, ELEMENT], maps);
  if (Array.isArray(value) || !isRecord(value)) return;
  const names = Object.keys(value);
  if (!names.every(isFieldName) || isByLanguage(names)) maps.add(nameOf(steps));
  const isMap = isMapAt(steps, maps);
  for (const [name, one] of Object.entries(value)) findMaps(one, [...steps, isMap ? VALUE : name], maps);
}

function isFieldName(name: string): boolean {
  return FIELD_NAME.test(name) && !LONG_NUMBER.test(name);
}

/** Texts by their language. */
function isByLanguage(names: string[]): boolean {
  return names.length > 0 && names.every((name) => LANGUAGE.test(name) && name !== 'id');
}

function isMapAt(steps: Steps, maps: ReadonlySet<string>): boolean {
  return maps.has(nameOf(steps)) || maps.has(steps.at(-1) ?? '');
}

function keyOf(name: string, anyCase: boolean): string {
  return anyCase ? name.toLowerCase() : name;
}

function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : (typeof value as JsonType);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
