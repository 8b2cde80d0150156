import { describe, expect, it } from 'vitest';
import type { Fulfillment } from '../../../../src/workflows/fulfillment.ts';
import type { LicenseOrder } from '../../../../src/workflows/license/order.ts';
import { allowedTermEnds, choiceForFirstTerm, findTermEnd } from '../../../../src/workflows/license/term-end.ts';

const NOW = Date.parse('2026-09-17T22:30:00Z');

/** What Microsoft allows in the tenant `c-512`. Nothing may be asked of another one. */
function tenantWith(...dates: string[]) {
  const asked: string[] = [];
  const customTermEndDates = async (customerId: string, term: string) => {
    asked.push(`${customerId} ${term}`);
    return dates.map((date) => ({ date, isShared: date.endsWith('17') }));
  };
  return { parts: { partnerCenter: { subscriptions: { customTermEndDates } }, now: () => NOW }, asked };
}

describe('the allowed ends of a first term', () => {
  it('are told the soonest first, as Microsoft says for that tenant and term', async () => {
    const { parts, asked } = tenantWith('2027-08-31', '2026-09-30', '2027-03-17');
    expect(await allowedTermEnds(parts, 'c-512', 'P1Y')).toEqual([
      { date: '2026-09-30', isShared: false },
      { date: '2027-03-17', isShared: true },
      { date: '2027-08-31', isShared: false },
    ]);
    expect(asked).toEqual(['c-512 P1Y']);
  });

  it.each<[LicenseOrder['term'], string, string]>([
    ['P1M', '2026-10-16', '2026-10-17'],
    ['P1Y', '2027-09-16', '2027-09-17'],
    ['P3Y', '2029-09-16', '2029-09-17'],
  ])('lie between today and the last day of a whole term of %s', async (term, last, tooLate) => {
    const { parts } = tenantWith('2026-09-16', '2026-09-17', last, tooLate);
    const ends = await allowedTermEnds(parts, 'c-512', term);
    expect(ends.map(({ date }) => date)).toEqual(['2026-09-17', last]);
  });

  it.each<[string, LicenseOrder['term'], string, string]>([
    ['2027-01-31', 'P1M', '2027-02-28', '2027-03-01'],
    ['2027-01-30', 'P1M', '2027-02-28', '2027-03-01'],
    ['2028-01-31', 'P1M', '2028-02-29', '2028-03-01'],
    ['2026-08-31', 'P1M', '2026-09-30', '2026-10-01'],
    ['2028-02-29', 'P1Y', '2029-02-28', '2029-03-01'],
  ])(
    'of a term that begins on %s for %s lie no later than the end of a month without that day',
    async (today, term, last, tooLate) => {
      const { parts } = tenantWith(last, tooLate);
      const ends = await allowedTermEnds({ ...parts, now: () => Date.parse(today) }, 'c-512', term);
      expect(ends.map(({ date }) => date)).toEqual([last]);
    },
  );
});

describe('the end that a customer chose', () => {
  const find = (parts: ReturnType<typeof tenantWith>['parts'], chosen: string | undefined, customerId?: string) =>
    findTermEnd(parts, { chosen, customerId, term: 'P1Y' });

  it('goes into the cart as the instant at which its day begins', async () => {
    const { parts } = tenantWith('2027-03-17');
    expect(await find(parts, ' 2027-03-17 ', 'c-512')).toBe('2027-03-17T00:00:00Z');
  });

  it.each([undefined, '', '  '])('is none where nothing was entered (%j), without asking Microsoft', async (chosen) => {
    const { parts, asked } = tenantWith('2027-03-17');
    expect(await find(parts, chosen, 'c-512')).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it.each(['2027-03-18', '2026-09-16', '2027-09-17'])(
    'is refused when Microsoft does not allow it: %s',
    async (chosen) => {
      const { parts } = tenantWith('2027-03-17', '2026-09-16', '2027-09-17');
      const found = find(parts, chosen, 'c-512');
      await expect(found).rejects.toMatchObject({ code: 'order.term-end-not-allowed', effect: 'none' });
      await expect(found).rejects.toThrow(chosen);
    },
  );

  it('is refused in a company without a tenant, which has nothing to end together with', async () => {
    const { parts, asked } = tenantWith('2027-03-17');
    await expect(find(parts, '2027-03-17')).rejects.toMatchObject({ code: 'order.term-end-not-allowed' });
    expect(asked).toEqual([]);
  });

  it('is refused without being repeated when it is no day, for it may be anything', async () => {
    const { parts, asked } = tenantWith('2027-03-17');
    const found = find(parts, 'Kx4!example-only', 'c-512');
    await expect(found).rejects.toMatchObject({ code: 'order.term-end-not-allowed', params: {} });
    await expect(found).rejects.not.toThrow('Kx4');
    expect(asked).toEqual([]);
  });
});

describe('what the customer chose counts for the first term only', () => {
  const bought: Fulfillment = { productType: 'license', formerOrderIds: ['o-1'] };

  it.each<[string, Fulfillment, string | undefined, string | undefined]>([
    ['at the first purchase', { productType: 'license' }, '2027-03-17', '2027-03-17'],
    ['at the first purchase, be it over', { productType: 'license' }, '2026-03-17', '2026-03-17'],
    ['when what was bought came to nothing', bought, '2027-03-17', '2027-03-17'],
    ['on its last day', bought, '2026-09-17', '2026-09-17'],
    ['not once that term is over', bought, '2026-09-16', undefined],
    ['not after a trial', { productType: 'license', trial: true }, '2027-03-17', undefined],
    ['where nothing was chosen', bought, undefined, undefined],
  ])('%s', (_when, fulfillment, chosen, counts) => {
    expect(choiceForFirstTerm(chosen, fulfillment, NOW)).toBe(counts);
  });
});
