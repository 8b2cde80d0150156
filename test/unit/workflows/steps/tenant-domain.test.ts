import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  domainsFor,
  enteredFor,
  readDomainWish,
  tenantDomains,
} from '../../../../src/workflows/steps/tenant-domain.ts';

const first = (name: string): string | undefined =>
  tenantDomains(name, 'c512customer').next().value as string | undefined;

describe('the domain of a new tenant', () => {
  it.each([
    ['Panificio Aurora S.r.l.', 'panificioaurora.onmicrosoft.com'],
    ['Müller & Söhne GmbH & Co. KG', 'mullersohne.onmicrosoft.com'],
    ['Weißbräu AG', 'weissbrau.onmicrosoft.com'],
    ['3M Italia SpA', 'mitalia.onmicrosoft.com'],
    ['Una Società dal Nome Davvero Molto Lungo', 'unasocietadalnomedavveromol.onmicrosoft.com'],
    ['株式会社', 'c512customer.onmicrosoft.com'],
    ['SA', 'c512customer.onmicrosoft.com'],
  ])('derives it from the company name %s', (name, domain) => {
    expect(first(name)).toBe(domain);
  });

  it('goes on with numbers while names are taken, never longer than Microsoft allows', () => {
    const names = [...tenantDomains('Una Società dal Nome Davvero Molto Lungo', 'x')];
    expect(names[1]).toBe('unasocietadalnomedavveromo2.onmicrosoft.com');
    expect(new Set(names).size).toBe(names.length);
  });

  it('is acceptable to every Microsoft cloud, whatever the company is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        for (const domain of tenantDomains(name, 'c1customer'))
          expect(domain).toMatch(/^[a-z][a-z0-9]{2,26}\.onmicrosoft\.com$/);
      }),
      { numRuns: 200 },
    );
  });
});

describe('what the buyer entered as domain', () => {
  it.each([
    ['contoso', { kind: 'new', prefix: 'contoso' }],
    [' Contoso.onmicrosoft.com ', { kind: 'either', domain: 'contoso.onmicrosoft.com', prefix: 'contoso' }],
    ['con-to_so', { kind: 'new', prefix: 'contoso' }],
    ['contoso.com', { kind: 'existing', domain: 'contoso.com' }],
    ['', { kind: 'none' }],
    ['!!', { kind: 'none' }],
  ])('reads %j', (value, wish) => {
    expect(readDomainWish(value)).toEqual(wish);
  });
});

describe('names for the new tenant of a buyer', () => {
  const COMPANY = { owner: 'userCompany/512', companyName: 'Officine Verdi S.p.A.' };

  it.each([
    ['the wish', COMPANY, 'Contoso', 'contoso.onmicrosoft.com'],
    ['the whole name that was wished for', COMPANY, 'contoso.onmicrosoft.com', 'contoso.onmicrosoft.com'],
    ['the company without a wish', COMPANY, '', 'officineverdi.onmicrosoft.com'],
    ['the company where the wish is a domain of its own', COMPANY, 'verdi.example', 'officineverdi.onmicrosoft.com'],
    [
      'nothing of a private person',
      { owner: 'user/1303', companyName: 'Anna Bianchi' },
      '',
      'c1303customer.onmicrosoft.com',
    ],
    [
      'the wish of a private person',
      { owner: 'user/1303', companyName: 'Anna Bianchi' },
      'anna',
      'anna.onmicrosoft.com',
    ],
  ])('come from %s', (_what, buyer, wish, domain) => {
    expect(domainsFor(buyer, readDomainWish(wish)).next().value).toBe(domain);
  });
});

it.each([
  ['contoso.onmicrosoft.com', 'contoso', { kind: 'new', prefix: 'contoso' }],
  ['contoso.example', 'contoso.example', { kind: 'existing', domain: 'contoso.example' }],
])('the tenant %s is entered as %s, which is read as it is meant', (domain, entered, wish) => {
  expect(enteredFor(domain)).toBe(entered);
  expect(readDomainWish(entered)).toEqual(wish);
});
