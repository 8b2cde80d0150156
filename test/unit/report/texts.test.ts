import { describe, expect, it } from 'vitest';
import { en } from '../../../src/report/texts/en.ts';
import { it as italian } from '../../../src/report/texts/it.ts';
import type { Texts } from '../../../src/report/texts/texts.ts';

const params = { fields: 'city', seats: '7', min: '1', max: '300' };

/** Every text of a language, by its place in the catalogue. */
function allTexts(node: unknown, place = ''): Map<string, string> {
  if (typeof node === 'string') return new Map([[place, node]]);
  if (typeof node === 'function') return new Map([[place, String(node(params))]]);
  return new Map(
    Object.entries(node as object).flatMap(([key, child]) => [...allTexts(child, place ? `${place}/${key}` : key)]),
  );
}

describe.each([
  ['English', en],
  ['Italian', italian],
] as [string, Texts][])('what a customer reads in %s', (_name, texts) => {
  const all = allTexts(texts);

  it('contains no link and no markup, for the marketplace forbids both in instructions', () => {
    for (const [place, text] of all) expect.soft(text, place).not.toMatch(/https?:|www\.|<|>|\w\.(com|it|net|org)\b/i);
  });

  it('fits into the field of the marketplace', () => {
    for (const [place, text] of all) expect.soft(text.length, place).toBeLessThan(4_000);
  });
});

it('both languages say the same things', () => {
  expect([...allTexts(italian).keys()].sort()).toEqual([...allTexts(en).keys()].sort());
  const untranslated = [...allTexts(italian)]
    .filter(([place, text]) => text === allTexts(en).get(place))
    .map(([place]) => place);
  expect(untranslated).toEqual([]);
});
