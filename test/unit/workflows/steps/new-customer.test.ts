import { describe, expect, it } from 'vitest';
import { CountryRules } from '../../../../src/upstreams/partner-center/schema.ts';
import { composeBuyer } from '../../../../src/workflows/buyer.ts';
import { composeNewCustomer } from '../../../../src/workflows/steps/new-customer.ts';

const US = {
  isStateRequired: true,
  supportedStatesList: ['NY', 'CA'],
  isPostalCodeRequired: true,
  postalCodeRegex: '^\\d{5}(-\\d{4})?$',
  phoneNumberRegex: '^\\d{10}$',
  countryCallingCodesList: ['1'],
};
const GB = { postalCodeRegex: '^[A-Z]{1,2}\\d[A-Z\\d]? ?\\d[A-Z]{2}$' };
const PL = { postalCodeRegex: '^\\d{2}-\\d{3}$', phoneNumberRegex: '^\\d{9}$', countryCallingCodesList: ['48'] };

const person = { id: 1301, name: 'Ada', surname: 'Lovelace', email: 'ada@contoso.example', language: 'en' };
const place = { address: 'Main Street 1', city: 'New York', state: 'NY', zipCode: '10001' };

interface Given {
  country?: string;
  rules?: object;
  company?: { name?: string; taxCode?: string };
  user?: { [field in 'name' | 'surname' | 'email' | 'phoneNumber']?: string };
  address?: { [field in keyof typeof place]?: string | undefined };
}

/** What would be sent for a buyer whose profile differs in this. */
function compose({ country = 'US', rules = US, company, user, address }: Given) {
  const buyer = composeBuyer(
    { ...person, companyRef: { kind: 'userCompany', id: 512 }, ...user } as Parameters<typeof composeBuyer>[0],
    { id: 512, name: 'Contoso Inc', ...company, address: { ...place, ...address } } as Parameters<
      typeof composeBuyer
    >[1],
    country,
  );
  return composeNewCustomer(buyer, 'contoso.onmicrosoft.com', CountryRules.parse(rules));
}

describe('what Microsoft would refuse of a profile is asked of the customer by name', () => {
  it.each<[string, string, Given]>([
    ['a postal code of another form', 'postalCode', { address: { zipCode: 'ABC' } }],
    ['a postal code of absurd length', 'postalCode', { address: { zipCode: '1'.repeat(200) } }],
    ['a state that is not on the list', 'state', { address: { state: 'QQ' } }],
    [
      'a state of more than two letters',
      'state',
      { country: 'GB', rules: GB, address: { state: 'Kent', zipCode: 'SW1A 1AA' } },
    ],
    ['a street beyond two lines', 'addressLine', { address: { address: 'Way '.repeat(120) } }],
    ['a street that cannot be parted', 'addressLine', { address: { address: `Via ${'a'.repeat(250)}` } }],
    ['a company of one letter', 'companyName', { company: { name: 'X' } }],
    ['a company of signs only', 'companyName', { company: { name: '*** --' } }],
    ['a bare legal form', 'companyName', { company: { name: 'S.r.l.' } }],
    ['an e-mail address of Microsoft', 'email', { user: { email: 'ada@Microsoft.com' } }],
    ['what is no e-mail address', 'email', { user: { email: 'ada at contoso' } }],
    ['a first name that is too long', 'firstName', { user: { name: 'A'.repeat(51) } }],
    ['a last name that is too long', 'lastName', { user: { surname: 'L'.repeat(51) } }],
    [
      'a phone number of another form, where one is needed',
      'phoneNumber',
      {
        country: 'PL',
        rules: PL,
        company: { taxCode: '5260001246' },
        user: { phoneNumber: '12' },
        address: { state: undefined, zipCode: '00-001' },
      },
    ],
    ['several at once', 'email,postalCode,state', { user: { email: 'x' }, address: { zipCode: 'x', state: 'QQ' } }],
  ])('%s', (_what, fields, given) => {
    expect(() => compose(given)).toThrow(
      expect.objectContaining({ code: 'customer.data-refused', params: { fields }, effect: 'none' }),
    );
  });

  it('what is missing is asked for as missing', () => {
    expect(() => compose({ address: { state: undefined, zipCode: ' ' } })).toThrow(
      expect.objectContaining({ code: 'customer.data-missing', params: { fields: 'state,postalCode' } }),
    );
  });
});

describe('what can be written as Microsoft wants it, is', () => {
  it('blanks around and between words', () => {
    const { companyName, address } = compose({
      company: { name: '  Contoso \n Inc ' },
      address: { address: ' Main\tStreet  1 ', zipCode: ' 10001 ', state: 'ny' },
    });
    expect(companyName).toBe('Contoso Inc');
    expect(address).toMatchObject({ addressLine1: 'Main Street 1', postalCode: '10001', state: 'NY' });
    expect(address).not.toHaveProperty('addressLine2');
  });

  it('a long street, in two lines parted between words', () => {
    const street = `${'Long Way '.repeat(27)}12`;
    const { addressLine1, addressLine2 = '' } = compose({ address: { address: street } }).address;
    expect(addressLine1.length).toBeLessThanOrEqual(200);
    expect(`${addressLine1} ${addressLine2}`).toBe(street);
  });

  it('a postal code in capitals', () => {
    expect(
      compose({ country: 'GB', rules: GB, address: { state: undefined, zipCode: 'sw1a 1aa' } }).address,
    ).toMatchObject({
      postalCode: 'SW1A 1AA',
    });
  });

  it('a phone number in the form of the country, and none where it fits no form and nobody needs it', () => {
    expect(compose({ user: { phoneNumber: '+1 (212) 555-0100' } }).address.phoneNumber).toBe('2125550100');
    expect(compose({ user: { phoneNumber: '12' } }).address).not.toHaveProperty('phoneNumber');
  });

  it('what speaks of a legal form and of more is a name', () => {
    for (const name of ['Zoo', 'Company', 'SA 4', 'СА srl', 'Co-Op']) {
      expect(compose({ company: { name } }).companyName).toBe(name);
    }
  });
});

it('a rule of a country that cannot be used is no rule', () => {
  const rules = { ...US, postalCodeRegex: '(', phoneNumberRegex: '^((\\d)+)+[a-z]$' };
  const { address } = compose({ rules, user: { phoneNumber: '1'.repeat(60) } });
  expect(address).toMatchObject({ postalCode: '10001', phoneNumber: '1'.repeat(60) });
});
