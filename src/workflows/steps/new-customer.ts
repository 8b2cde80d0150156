import { CustomerError } from '../../lib/errors.ts';
import { fitsPattern } from '../../lib/foreign-pattern.ts';
import type { AskedField } from '../../report/texts/texts.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { CountryRules, NewCustomer, PostalAddress } from '../../upstreams/partner-center/customers.ts';
import { type Buyer, missingData } from '../buyer.ts';
import { isLegalForm } from './tenant-domain.ts';

/**
 * Countries whose business customers must state a registration number and a phone number; elsewhere the number is not sent.
 * https://learn.microsoft.com/partner-center/developer/create-a-customer
 */
const REGISTRATION_COUNTRIES = new Set(
  'AM AZ BY HU KZ KG MD RU TJ UZ UA BR IN ZA PL AE SA TR TH VN MM IQ SS VE'.split(' '),
);

/** https://learn.microsoft.com/partner-center/developer/utility-resources */
const LONGEST_NAME = 50;
const LONGEST_LINE = 200;
const LONGEST_STATE = 2;

/**
 * Finds, before anything is sent, whether a customer can be created with what is known of a buyer.
 *
 * @throws {CustomerError} `customer.data-missing` or `customer.data-refused`, naming the fields
 */
export async function checkNewCustomer(
  buyer: Buyer,
  customers: Pick<PartnerCenter['customers'], 'countryRules' | 'validateAddress'>,
): Promise<void> {
  const { address } = composeNewCustomer(buyer, '', await customers.countryRules(buyer.country));
  await refuseWrongAddress(address, customers, buyer.owner);
}

/**
 * The request that creates a buyer's tenant, by the rules of Microsoft and of their country. What can be written as Microsoft wants it,
 * without a loss, is.
 *
 * @param rules what Partner Center demands in that country; undefined when it knows no rules for it. One that cannot be used is ignored
 * @throws {CustomerError} `customer.data-missing` naming what the country demands and the buyer's profile lacks, `customer.data-refused`
 *   naming what is there and would be refused
 * @see https://learn.microsoft.com/partner-center/validate-names-addresses
 */
export function composeNewCustomer(buyer: Buyer, domain: string, rules: CountryRules | undefined): NewCustomer {
  const registers = REGISTRATION_COUNTRIES.has(buyer.country);
  const missing: AskedField[] = [];
  if (rules?.isStateRequired && !buyer.state) missing.push('state');
  if (rules?.isPostalCodeRequired && !buyer.postalCode) missing.push('postalCode');
  if (registers && !buyer.registrationNumber) missing.push('registrationNumber');
  if (registers && !buyer.phoneNumber) missing.push('phoneNumber');
  if (missing.length > 0) throw missingData(missing);

  const lines = toLines(buyer.addressLine);
  const state = buyer.state && toState(buyer.state, rules);
  const postalCode = buyer.postalCode && toPostalCode(buyer.postalCode, rules);
  const phoneNumber = buyer.phoneNumber && toPhone(buyer.phoneNumber, rules);
  const refused: AskedField[] = [];
  if (!isCompanyName(buyer.companyName)) refused.push('companyName');
  if (!isEmail(buyer.email)) refused.push('email');
  if (buyer.firstName.length > LONGEST_NAME) refused.push('firstName');
  if (buyer.lastName.length > LONGEST_NAME) refused.push('lastName');
  if (!lines) refused.push('addressLine');
  if (buyer.postalCode && !postalCode) refused.push('postalCode');
  if (buyer.state && !state) refused.push('state');
  // Where nobody needs it, one that does not fit is left out.
  if (registers && !phoneNumber) refused.push('phoneNumber');
  if (!lines || refused.length > 0) throw refusedData(buyer.owner, refused);

  const [addressLine1, addressLine2] = lines;
  return {
    domain,
    companyName: buyer.companyName,
    email: buyer.email,
    culture: supported(buyer.culture, rules?.cultures) ?? rules?.defaultCulture ?? buyer.culture,
    language: supported(buyer.language, rules?.languages) ?? rules?.defaultCulture?.slice(0, 2) ?? buyer.language,
    address: {
      firstName: buyer.firstName,
      lastName: buyer.lastName,
      addressLine1,
      ...(addressLine2 && { addressLine2 }),
      city: buyer.city,
      country: buyer.country,
      ...(state && { state }),
      ...(postalCode && { postalCode }),
      ...(phoneNumber && { phoneNumber }),
    },
    ...(registers &&
      buyer.registrationNumber && { organizationRegistrationNumber: buyer.registrationNumber.replace(/[\s./-]/g, '') }),
  };
}

function refusedData(owner: string, fields: AskedField[]): CustomerError {
  return new CustomerError(
    'customer.data-refused',
    `Microsoft would not accept these data of ${owner}: ${fields.join(', ')}. The customer was asked to correct them; the next look goes on.`,
    { params: { fields: fields.join(',') }, effect: 'none' },
  );
}

/**
 * Only an address that Microsoft calls wrong is refused; one that it cannot check, or would write otherwise, is good enough to try.
 *
 * @see https://learn.microsoft.com/partner-center/developer/validate-an-address
 */
async function refuseWrongAddress(
  { addressLine1, addressLine2, city, country, state, postalCode }: PostalAddress,
  customers: Pick<PartnerCenter['customers'], 'validateAddress'>,
  owner: string,
): Promise<void> {
  // Incomplete addresses cannot be checked.
  if (!state || !postalCode) return;
  const address = { addressLine1, ...(addressLine2 && { addressLine2 }), city, country, state, postalCode };
  const check = await customers.validateAddress(address);
  if (check?.status === 'None') throw refusedData(owner, ['addressLine', 'postalCode', 'city']);
}

/** More than one character, some of which say something, and not a legal form alone. */
function isCompanyName(name: string): boolean {
  return name.length > 1 && /[\p{L}\p{N}]/u.test(name) && !isLegalForm(name);
}

function isEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text) && !/@microsoft\.com$/i.test(text);
}

/** In two lines where one cannot hold it; undefined where two cannot either. */
function toLines(street: string): [string, string?] | undefined {
  if (street.length <= LONGEST_LINE) return [street];
  const end = street.lastIndexOf(' ', LONGEST_LINE);
  const rest = street.slice(end + 1);
  return end > 0 && rest.length <= LONGEST_LINE ? [street.slice(0, end), rest] : undefined;
}

/** As the country's list writes it. */
function toState(text: string, rules: CountryRules | undefined): string | undefined {
  const state = supported(text, rules?.states);
  return state && state.length <= LONGEST_STATE ? state : undefined;
}

function toPostalCode(text: string, rules: CountryRules | undefined): string | undefined {
  const upper = text.toUpperCase();
  return firstFitting([text, upper, upper.replaceAll(' ', '')], rules?.postalCodeRegex);
}

/** Digits only, in the national form where the country's rule wants that; undefined when the rule fits no form of it. */
function toPhone(text: string, rules: CountryRules | undefined): string | undefined {
  const digits = text.replace(/^\s*00/, '+').replace(/[^\d+]/g, '');
  if (!digits) return undefined;
  const callingCode = rules?.callingCodes
    ?.map((code) => `+${code.replace(/\D/g, '')}`)
    .find((code) => digits.startsWith(code));
  const national = callingCode ? digits.slice(callingCode.length) : digits.replace('+', '');
  return firstFitting([national, digits, digits.replace('+', '')], rules?.phoneNumberRegex);
}

/** Rules without a list restrict nothing. */
function supported(value: string, list: string[] | undefined): string | undefined {
  if (!list || list.length === 0) return value;
  return list.find((entry) => entry.toLowerCase() === value.toLowerCase());
}

/** The first form that a pattern does not rule out; undefined when it rules out all. */
function firstFitting(forms: string[], pattern: string | undefined): string | undefined {
  return pattern ? forms.find((form) => fitsPattern(pattern, form) !== false) : forms[0];
}
