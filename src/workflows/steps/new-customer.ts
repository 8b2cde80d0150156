import type { AskedField } from '../../report/texts/texts.ts';
import type { CountryRules, NewCustomer } from '../../upstreams/partner-center/customers.ts';
import { type Buyer, missingData } from '../buyer.ts';

/**
 * Countries whose business customers must state a registration number and a phone number; elsewhere the number is not sent.
 * https://learn.microsoft.com/partner-center/developer/create-a-customer
 */
const REGISTRATION_COUNTRIES = new Set(
  'AM AZ BY HU KZ KG MD RU TJ UZ UA BR IN ZA PL AE SA TR TH VN MM IQ SS VE'.split(' '),
);

/**
 * The request that creates a buyer's tenant, by the rules of their country.
 *
 * @param rules what Partner Center demands in that country; undefined when it knows no rules for it
 * @throws {CustomerError} `customer.data-missing` naming what the country demands and the buyer's profile lacks
 */
export function composeNewCustomer(buyer: Buyer, domain: string, rules: CountryRules | undefined): NewCustomer {
  const registers = REGISTRATION_COUNTRIES.has(buyer.country);
  const phoneNumber = normalizePhone(buyer.phoneNumber, rules);
  const missing: AskedField[] = [];
  if (rules?.isStateRequired && !buyer.state) missing.push('state');
  if (rules?.isPostalCodeRequired && !buyer.postalCode) missing.push('postalCode');
  if (registers && !buyer.registrationNumber) missing.push('registrationNumber');
  if (registers && !phoneNumber) missing.push('phoneNumber');
  if (missing.length > 0) throw missingData(missing);

  return {
    domain,
    companyName: buyer.companyName,
    email: buyer.email,
    culture: supported(buyer.culture, rules?.cultures) ?? rules?.defaultCulture ?? buyer.culture,
    language: supported(buyer.language, rules?.languages) ?? rules?.defaultCulture?.slice(0, 2) ?? buyer.language,
    address: {
      firstName: buyer.firstName,
      lastName: buyer.lastName,
      addressLine1: buyer.addressLine,
      city: buyer.city,
      country: buyer.country,
      ...(buyer.state && { state: buyer.state }),
      ...(buyer.postalCode && { postalCode: buyer.postalCode }),
      ...(phoneNumber && { phoneNumber }),
    },
    ...(registers &&
      buyer.registrationNumber && { organizationRegistrationNumber: buyer.registrationNumber.replace(/[\s./-]/g, '') }),
  };
}

/** Rules without a list restrict nothing. */
function supported(value: string, list: string[] | undefined): string | undefined {
  if (!list || list.length === 0) return value;
  return list.find((entry) => entry.toLowerCase() === value.toLowerCase());
}

/** Digits only, in the national form where the country's rule wants that; undefined when the rule fits no form of it. */
function normalizePhone(text: string | undefined, rules: CountryRules | undefined): string | undefined {
  const digits = text?.replace(/^\s*00/, '+').replace(/[^\d+]/g, '');
  if (!digits) return undefined;
  const callingCode = rules?.callingCodes
    ?.map((code) => `+${code.replace(/\D/g, '')}`)
    .find((code) => digits.startsWith(code));
  const forms = [
    callingCode ? digits.slice(callingCode.length) : digits.replace('+', ''),
    digits,
    digits.replace('+', ''),
  ];
  const pattern = toPattern(rules?.phoneNumberRegex);
  return pattern ? forms.find((form) => pattern.test(form)) : forms[0];
}

function toPattern(source: string | undefined): RegExp | undefined {
  try {
    return source ? new RegExp(source) : undefined;
  } catch {
    return undefined; // a dialect that JavaScript does not read: Partner Center itself will judge
  }
}
