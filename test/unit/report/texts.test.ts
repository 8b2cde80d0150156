import { describe, expect, it } from 'vitest';
import { failureText } from '../../../src/report/texts/catalogue.ts';
import { en } from '../../../src/report/texts/en.ts';
import { it as italian } from '../../../src/report/texts/it.ts';
import type { Texts } from '../../../src/report/texts/texts.ts';

const params = {
  ...en.endpoints,
  name: 'contoso',
  free: 'contoso2',
  fields: 'city',
  seats: '7',
  min: '1',
  max: '300',
  date: '31 August 2027',
};
const ONE = { ...params, seats: '1', min: '1', max: '1' };
/** The places of the numbers that texts take as such. */
const COUNTS_SEATS = /^(nextTerm|newTerm)\//;
/** Captions and parts of sentences, all the rest being sentences. */
const CAPTION = /^(endpoints|credentials|fields|choices|parameterFlaws)\//;

/** Every text of a language, by its place in the catalogue. */
function allTexts(node: unknown, values: Record<string, string> = params, place = ''): Map<string, string> {
  if (typeof node === 'string') return new Map([[place, node]]);
  if (typeof node === 'function') {
    const seats = COUNTS_SEATS.test(place) ? Number(values.seats) : values.seats;
    return new Map([[place, String(node({ ...values, seats }))]]);
  }
  return new Map(
    Object.entries(node as object).flatMap(([key, child]) => [
      ...allTexts(child, values, place ? `${place}/${key}` : key),
    ]),
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

  it('fits into the field of the marketplace, also where two texts stand together', () => {
    const longest = Math.max(...[...all.values()].map(({ length }) => length));
    expect(2 * longest).toBeLessThan(4_000);
  });

  it('is whole: sentences with an end, no gap, no code, nothing undefined', () => {
    for (const [place, text] of all) {
      if (!CAPTION.test(place)) expect.soft(text, place).toMatch(/^[\p{Lu}\d].*[.]$/u);
      expect.soft(text, place).not.toMatch(/ {2}|undefined|NaN|\bnull\b|\b[a-z]+-?[a-z]+\.[a-z]+-[a-z]+|\d{5}/);
    }
  });

  it('speaks of one licence as of one', () => {
    for (const [place, text] of allTexts(texts, ONE))
      expect
        .soft(text, place)
        .not.toMatch(/\b1 licen|one licences|una licenze|ordinate (1|una)|scelte (1|una)|you \w+ 1\b/);
  });

  it('names our support once at most', () => {
    for (const [place, text] of all)
      expect.soft(text.match(/our support|nostra assistenza/g)?.length ?? 0, place).toBeLessThanOrEqual(1);
  });

  it('does without a date where there is none', () => {
    for (const [place, text] of allTexts(texts, { ...params, date: '' }))
      expect.soft(text, place).not.toMatch(/ [.,;]|\b(after|dopo|on|il)[.,;]|,\.|\d{4}/);
  });
});

it('both languages name the parameter and the rule that its value breaks', () => {
  const wrong = { parameter: 'SIZE', reason: 'allowed', allowed: 'S, M' };
  expect(en.objections['order.parameter-invalid'](wrong)).toBe(
    'Please check the value of "SIZE": possible values are S, M.',
  );
  expect(italian.objections['order.parameter-invalid'](wrong)).toBe(
    'Controlla il valore di "SIZE": i valori possibili sono S, M.',
  );
  expect(en.failures['order.parameter-invalid'](wrong)).toContain('"SIZE": possible values are S, M. Please correct');
  expect(italian.failures['order.parameter-invalid'](wrong)).toContain('"SIZE": i valori possibili sono S, M.');
});

it.each([
  [{ min: '3', max: '5' }, '3 to 5', 'da 3 a 5'],
  [{ min: '3' }, 'at least 3', 'almeno 3'],
  [{ max: '5' }, 'at most 5', 'al massimo 5'],
])('bounds %j are told in words', (bounds, english, inItalian) => {
  expect(en.parameterFlaws.length(bounds)).toBe(`it must be ${english} characters long`);
  expect(italian.parameterFlaws.length(bounds)).toBe(`deve avere ${inItalian} caratteri`);
});

it('a text names a link as it is shown, whatever the language of the text', () => {
  const links = { admin: 'Verwaltung', agreement: 'Vertrag annehmen', invitation: 'Einladung annehmen' };
  for (const texts of [en, italian]) {
    for (const text of Object.values(texts.license)) expect(text(links)).toContain('"Verwaltung"');
    for (const text of Object.values(texts.newTerm)) expect(text({ seats: 2, ...links })).toContain('"Verwaltung"');
    for (const text of Object.values(texts.agreement)) expect(text(links)).toContain('"Vertrag annehmen"');
    expect(texts.invitation(links)).toContain('"Einladung annehmen"');
  }
});

it('both languages say the same things', () => {
  expect([...allTexts(italian).keys()].sort()).toEqual([...allTexts(en).keys()].sort());
  const untranslated = [...allTexts(italian)]
    .filter(([place, text]) => text === allTexts(en).get(place))
    .map(([place]) => place);
  expect(untranslated).toEqual([]);
});

it('Italian says "tu" everywhere', () => {
  for (const [place, text] of allTexts(italian))
    expect
      .soft(text, place)
      .not.toMatch(/\b(Lei|Suo|Sua|Suoi|Sue|contatti|apra|acceda|indichi|verifichi|vostr[aoei])\b/);
});

it.each([
  ['31 agosto 2027', 'dopo il 31 agosto 2027'],
  ['8 ottobre 2027', "dopo l'8 ottobre 2027"],
  ['11 ottobre 2027', "dopo l'11 ottobre 2027"],
  ['18 ottobre 2027', 'dopo il 18 ottobre 2027'],
  ['1 marzo 2027', 'dopo il 1º marzo 2027'],
])('Italian gives the date %s its article', (date, words) => {
  expect(italian.nextTerm.seats({ seats: 6, date })).toContain(words);
  expect(italian.nextTerm.afterTrial({ seats: 6, date })).toContain(words.slice('dopo '.length));
});

it.each([
  [{ seats: '3', min: '5' }, 'with at least 5 licences, and you chose 3.', 'con almeno 5 licenze e ne hai scelte 3.'],
  [
    { seats: '1', min: '5', max: '300' },
    'with 5 to 300 licences, and you chose one.',
    'con un numero di licenze da 5 a 300 e ne hai scelta una.',
  ],
  [
    { seats: '2', min: '25', max: '25' },
    'with exactly 25 licences, and you chose 2.',
    'solo con 25 licenze e ne hai scelte 2.',
  ],
  [
    { seats: '20000', min: '1', max: '10000' },
    'with 1 to 10,000 licences, and you chose 20,000.',
    'con un numero di licenze da 1 a 10.000 e ne hai scelte 20.000.',
  ],
])('bounds are told in words that fit them: %j', (values, english, inItalian) => {
  expect(en.objections['order.quantity-out-of-bounds'](values)).toContain(english);
  expect(italian.objections['order.quantity-out-of-bounds'](values)).toContain(inItalian);
});

it('a failure without a text of its own gets that of all others, whatever its code', () => {
  expect(failureText(en, 'customer.data-missing')).toBe(en.failures['customer.data-missing']);
  for (const code of ['order.failed', 'constructor', '']) expect(failureText(en, code)).toBe(en.failures.other);
});
