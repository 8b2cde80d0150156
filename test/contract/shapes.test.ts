import { describe, expect, it } from 'vitest';
import { compareShapes, type ShapeOptions, withChange } from './shapes.ts';

const GUID = '3f2a1b0c-1d2e-4f30-8a4b-5c6d7e8f9a0b';

function differences(ours: unknown[], theirs: unknown[], options?: ShapeOptions): string[] {
  const bodies = (values: unknown[]) => values.map((json) => ({ json }));
  return compareShapes(bodies(ours), bodies(theirs), options).map(({ kind, place, ours: our, theirs: their }) =>
    `${kind} ${place || '.'} ${our.join('|')} ${their.join('|')}`.trim(),
  );
}

describe('shapes are alike', () => {
  it.each<[string, unknown[], unknown[], ShapeOptions?]>([
    ['whatever the values are', [{ id: 1, name: 'a' }], [{ id: 2, name: 'b' }]],
    ['whatever the order of the names is', [{ id: 1, name: 'a' }], [{ name: 'b', id: 2 }]],
    ['however many elements there are', [[{ id: 1 }]], [[{ id: 1 }, { id: 2 }, { id: 3 }]]],
    ['when only one of theirs has it', [[{ id: 1, note: 'a' }]], [[{ id: 1 }, { id: 2, note: 'b' }]]],
    ['when ours is null, which says nothing', [{ note: null }], [{ note: null }]],
    [
      'when identifiers are the keys',
      [{ [GUID]: { name: 'a' } }],
      [{ '50010': { name: 'b' }, '50011': { name: 'c' } }],
    ],
    ['when people wrote the keys', [{ tags: { owner: 'a' } }], [{ tags: { costs: 'b', of: 'c' } }], { maps: ['tags'] }],
    ['when the keys are languages', [{ text: { en: 'a' } }], [{ text: { it: 'b', de_CH: 'c' } }]],
  ])('%s', (_name, ours, theirs, options) => {
    expect(differences(ours, theirs, options)).toEqual([]);
  });
});

describe('shapes differ', () => {
  it.each<[string, unknown[], unknown[], string[]]>([
    ['a field that is missing', [{ a: { id: 1 } }], [{ a: {} }], ['absent a.id number']],
    ['a field of another name', [{ id: 1 }], [{ ID: 1 }], ['absent id number', 'more ID  number']],
    ['a field in a list', [[{ id: 1 }]], [[{}]], ['absent [].id number']],
    ['another type', [{ id: 1 }], [{ id: '1' }], ['type id number string']],
    ['a list in the place of an object', [{ a: { id: 1 } }], [{ a: [{ id: 1 }] }], ['type a object array']],
    ['an object in the place of a list, as a whole', [[{ id: 1 }]], [{ items: [] }], ['type . array object']],
    ['a further type', [{ id: 1 }], [{ id: 1 }, { id: '1' }], ['more id number number|string']],
    ['a further field', [{ a: {} }], [{ a: { b: { c: true } } }], ['more a.b  object', 'more a.b.c  boolean']],
    ['a field in a map', [{ [GUID]: { id: 1 } }], [{ [GUID]: {} }], ['absent {}.id number']],
  ])('by %s', (_name, ours, theirs, expected) => {
    expect(differences(ours, theirs)).toEqual(expected);
  });

  it('by a body that is none, or no JSON', () => {
    const [json, text] = [{ json: {} }, { text: true as const }];
    expect(compareShapes([json], [text])).toMatchObject([
      { kind: 'type', place: '', ours: ['object'], theirs: ['text'] },
    ]);
    expect(compareShapes([json], [undefined])).toMatchObject([{ kind: 'type', theirs: ['nothing'] }]);
  });

  it('by the case of a name only where that means something', () => {
    expect(differences([{ id: 1 }], [{ Id: 2 }], { anyCase: true })).toEqual(['spelling Id number number']);
    expect(differences([{ a: { id: 1 } }], [{ A: { ID: '1' } }], { anyCase: true })).toEqual([
      'spelling A object object',
      'type A.ID number string',
    ]);
  });
});

describe('nothing is said of what could not be seen', () => {
  it.each<[string, unknown[], unknown[], string[]]>([
    ['an empty list', [{ items: [{ id: 1 }] }], [{ items: [] }], ['unseen items[] object']],
    ['an empty map', [{ [GUID]: { id: 1 }, [`${GUID}2`]: {} }], [{}], ['unseen {} object']],
    ['null', [{ a: { id: 1 } }], [{ a: null }], ['unseen a object null']],
    ['what ours has only now and then', [[{ a: { id: 1 } }, {}]], [[{}]], ['unseen [].a object']],
  ])('for %s', (_name, ours, theirs, expected) => {
    expect(differences(ours, theirs)).toEqual(expected);
  });
});

it('tells no key that people have chosen', () => {
  const theirs = { 'giulia.ferri@example.org': 1, [GUID]: { Müller: 1, 'two words': 2, order50010: 3 } };
  expect(differences([{}], [theirs])).toEqual(['more {}  number|object', 'more {}{}  number']);
});

describe('a change', () => {
  const body = { items: [{ Id: 1, tags: { a: 'x', b: 'y' } }, { id: 2 }], id: 3 };
  const none = () => undefined;

  it('is made in every element, and nowhere else', () => {
    expect(withChange(body, ['items', '[]', 'id'], none)).toEqual({
      items: [{ Id: 1, tags: body.items[0]?.tags }, {}],
      id: 3,
    });
    expect(withChange(body, ['items', '[]', 'id'], none, { anyCase: true })).toMatchObject({
      items: [{ tags: {} }, {}],
      id: 3,
    });
    expect(withChange(body, ['items', '[]', 'tags', '{}'], (value) => `${String(value)}~`)).toMatchObject({
      items: [{ tags: { a: 'x~', b: 'y~' } }, { id: 2 }],
    });
    expect(withChange(body, ['items', '[]'], none)).toEqual({ items: [], id: 3 });
    expect(withChange(body, [], none)).toBeUndefined();
  });

  it('leaves what has no such place as it is', () => {
    expect(withChange(body, ['items', 'id', 'x'], none)).toEqual(body);
    expect(withChange(body, ['id', '[]'], none)).toEqual(body);
  });
});
