import { type Fields, fieldsOf, requireText, textOf, withoutAbsent } from './body.ts';
import { type Country, findCountry, needsRegistrationNumber } from './countries.ts';
import { newEtag, newGuid } from './identifiers.ts';
import type { Address, BillingProfile, State } from './model.ts';
import { invalidInput, refusal } from './refusals.ts';
import type { Switches } from './switches.ts';

const PUBLIC_SUFFIX = '.onmicrosoft.com';
const STRICT_PREFIX = /^[a-z][a-z0-9]{2,26}$/;
const BARE_LEGAL_FORM = /^(llc|inc|ltd|gmbh|srl|s\.r\.l\.|spa|s\.p\.a\.|sa|ag|corp|co)\.?$/i;
const ADDRESS_FIELDS = [
  'city',
  'state',
  'region',
  'addressLine1',
  'addressLine2',
  'postalCode',
  'firstName',
  'middleName',
  'lastName',
  'phoneNumber',
] as const;
const PERSONAL_FIELDS = ['firstName', 'middleName', 'lastName', 'phoneNumber', 'addressLine1', 'addressLine2'];

export interface NewCustomer {
  domain: string;
  companyName: string;
  registrationNumber?: string;
  billingProfile: BillingProfile;
  associatedPartnerId?: string;
  enableGdapByDefault?: boolean;
}

/**
 * The customer that a creation asks for, once all rules of form and country are kept.
 *
 * @throws {Refusal} 400: 800002 for the form, 600049, 600050, 600051 and 600002 for registration number and phone, 20000
 *   for a country where the partner may not sell
 * @see https://learn.microsoft.com/partner-center/developer/create-a-customer
 * @see https://learn.microsoft.com/partner-center/validate-names-addresses
 */
export function readNewCustomer(
  fields: Fields,
  { state, switches }: { state: State; switches: Switches },
): NewCustomer {
  const company = fieldsOf(fields, 'companyProfile');
  const billing = fieldsOf(fields, 'billingProfile');
  const address = readAddress(fieldsOf(billing, 'defaultAddress'));
  const registrationNumber = textOf(company, 'organizationRegistrationNumber');
  const email = requireText(billing, 'email');
  rememberPersonalData(state, { ...address, email, registrationNumber });

  const domain = readDomain(requireText(company, 'domain'), switches);
  const companyName = readCompanyName(requireText(billing, 'companyName'));
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) throw invalidInput('The e-mail address is not valid.');
  if (/@microsoft\.com$/i.test(email)) throw invalidInput('The e-mail address must not be one of Microsoft.');
  const culture = requireText(billing, 'culture');
  const language = requireText(billing, 'language');

  const country = findCountry(address.country);
  checkRegistration({ code: address.country, country, registrationNumber, phone: address.phoneNumber, switches });
  if (country === undefined) throw refusal(400, 20000, 'Current country not supported');
  checkAddress(address, country);
  if (!/^[a-z]{2}-[A-Z]{2}$/.test(culture)) throw invalidInput(`The culture ${culture} is not valid.`);
  if (!/^[a-z]{2}$/.test(language)) throw invalidInput(`The language ${language} is not valid.`);

  const associatedPartnerId = textOf(fields, 'associatedPartnerId')?.toLowerCase();
  const { enableGDAPByDefault } = fields;
  return withoutAbsent({
    domain,
    companyName,
    registrationNumber,
    billingProfile: {
      id: newGuid(),
      etag: newEtag(),
      email,
      culture,
      language,
      companyName,
      defaultAddress: address,
    },
    associatedPartnerId,
    enableGdapByDefault: typeof enableGDAPByDefault === 'boolean' ? enableGDAPByDefault : undefined,
  }) as NewCustomer;
}

/** Keeps what no log may show. Parts of fewer than four characters are left out: a search for them would say nothing. */
export function rememberPersonalData(state: State, facts: Record<string, string | undefined>): void {
  const names = [facts.firstName, facts.lastName].filter((name) => name !== undefined);
  const values = [
    names.join(' '),
    facts.email,
    facts.registrationNumber,
    ...PERSONAL_FIELDS.map((name) => facts[name]),
  ];
  for (const value of values) if (value !== undefined && value.length >= 4) state.personalData.add(value);
}

function readDomain(text: string, switches: Switches): string {
  const domain = text.toLowerCase();
  if (!domain.endsWith(PUBLIC_SUFFIX)) throw invalidInput(`The domain must end in ${PUBLIC_SUFFIX}.`);
  const prefix = domain.slice(0, -PUBLIC_SUFFIX.length);
  if (prefix === '' || (switches.domainPrefixes === 'strict' && !STRICT_PREFIX.test(prefix))) {
    throw invalidInput(`The domain prefix ${prefix} is not valid.`);
  }
  return domain;
}

function readCompanyName(name: string): string {
  if (name.length < 2 || !/[\p{L}\p{N}]/u.test(name) || BARE_LEGAL_FORM.test(name)) {
    throw invalidInput('The company name is not valid.');
  }
  return name;
}

function readAddress(fields: Fields): Address {
  const address: Address = { country: requireText(fields, 'country').toUpperCase() };
  for (const name of ADDRESS_FIELDS) {
    const text = textOf(fields, name);
    if (text !== undefined) address[name] = text;
  }
  for (const name of ['firstName', 'lastName', 'addressLine1', 'city']) requireText(fields, name);
  if (!/^[A-Z]{2}$/.test(address.country)) throw invalidInput('The country must be an ISO code of two letters.');
  for (const [name, maxLength] of [
    ['firstName', 50],
    ['lastName', 50],
    ['addressLine1', 200],
    ['addressLine2', 200],
    ['state', 2],
  ] as const) {
    if ((address[name]?.length ?? 0) > maxLength)
      throw invalidInput(`The field ${name} has at most ${maxLength} characters.`);
  }
  return address;
}

function checkRegistration(facts: {
  code: string;
  country: Country | undefined;
  registrationNumber: string | undefined;
  phone: string | undefined;
  switches: Switches;
}): void {
  const { code, country, registrationNumber, phone, switches } = facts;
  if (!needsRegistrationNumber(code)) {
    if (registrationNumber !== undefined && switches.registrationNumberElsewhere === 'refuse')
      throw refusal(400, 600002);
    return;
  }
  if (registrationNumber === undefined) throw refusal(400, 600049);
  const format = country?.registrationNumberRegex;
  if (format !== undefined && !new RegExp(format).test(registrationNumber)) {
    const text = `Organization registration ID information is invalid and should be of the format ${format}`;
    throw refusal(400, 600050, text);
  }
  if (phone === undefined) throw refusal(400, 600051);
}

function checkAddress(address: Address, country: Country): void {
  const { state, postalCode, phoneNumber } = address;
  if (country.isStateRequired && state === undefined)
    throw invalidInput('The field state is required in this country.');
  if (state !== undefined && country.states.length > 0 && !country.states.includes(state)) {
    throw invalidInput(`The state ${state} is not one of this country.`);
  }
  if (country.isPostalCodeRequired && postalCode === undefined) {
    throw invalidInput('The field postalCode is required in this country.');
  }
  if (postalCode !== undefined && !new RegExp(country.postalCodeRegex).test(postalCode)) {
    throw invalidInput('The postal code does not have the format of this country.');
  }
  if (phoneNumber !== undefined && !new RegExp(country.phoneNumberRegex).test(phoneNumber.replace(/[ ().-]/g, ''))) {
    throw invalidInput('The phone number does not have the format of this country.');
  }
}
