import { expect, it } from 'vitest';
import { createAnswers } from '../../../src/report/answers.ts';

const OUT_OF_BOUNDS = { code: 'order.quantity-out-of-bounds' as const, params: { seats: '3', min: '5' } };
const DATA_MISSING = { code: 'customer.data-missing' as const, params: { fields: 'city,postalCode' } };

it('tells every objection in the language asked for, with the names of data in that language', () => {
  const { objections } = createAnswers({ languages: ['en', 'it'] });
  const [bounds, data] = objections([OUT_OF_BOUNDS, DATA_MISSING], 'it');
  expect(bounds).toContain('con almeno 5 licenze e ne hai scelte 3.');
  expect(data).toContain('mancano nel tuo profilo: città, CAP.');
});

it.each([
  [['it', 'en'], 'en', 'your existing Microsoft organisation'],
  [['it', 'en'], 'fr', 'la tua organizzazione Microsoft esistente'],
  [['it', 'en'], undefined, 'la tua organizzazione Microsoft esistente'],
  [['de'], 'fr', 'your existing Microsoft organisation'],
  [['it', 'en'], 'constructor', 'la tua organizzazione Microsoft esistente'],
])('in a marketplace of %j, %s is answered in the best language that there is', (languages, asked, text) => {
  expect(createAnswers({ languages }).existingOrganisation(asked)).toBe(text);
});

it.each([
  [true, 'en', '31 August 2027, together with licences that you have already'],
  [true, 'it', '31 agosto 2027, insieme a licenze che hai già'],
  [false, 'en', '31 August 2027, at the end of the month'],
  [false, 'fr', '31 agosto 2027, a fine mese'],
])('an end of the first term (shared: %s) is called in %s so that a person can read it', (isShared, asked, text) => {
  const { termEnd } = createAnswers({ languages: ['it', 'en'] });
  expect(termEnd({ date: '2027-08-31', isShared }, asked)).toBe(text);
});
