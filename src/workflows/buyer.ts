import { CustomerError } from '../lib/errors.ts';
import type { AskedField } from '../report/texts/texts.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { Address, Company, User } from '../upstreams/cloudesire/schema.ts';

/** The buyer as Microsoft wants to know a customer. Personal data: lives only as long as the look that read it. */
export interface Buyer {
  /** Whose Microsoft customer it is: `userCompany/512`, or `user/1303` for a private person. */
  owner: string;
  companyName: string;
  email: string;
  firstName: string;
  lastName: string;
  phoneNumber?: string;
  /** Business registration or tax number. */
  registrationNumber?: string;
  addressLine: string;
  city: string;
  postalCode?: string;
  state?: string;
  /** ISO 3166-1 alpha-2, upper case. */
  country: string;
  /** Two letters. */
  language: string;
  /** Such as `it-IT`. */
  culture: string;
}

/** The error that tells the customer in their language which data are missing. */
export function missingData(fields: AskedField[]): CustomerError {
  return new CustomerError(
    'customer.data-missing',
    `The buyer's profile lacks: ${fields.join(', ')}. The customer was asked to supply it; the next look goes on.`,
    { params: { fields: fields.join(',') }, effect: 'none' },
  );
}

/**
 * Reads the buyer and their company.
 *
 * @throws {CustomerError} `customer.data-missing` naming every field that no country can do without,
 *   `customer.company-required` for a private person where those are refused
 */
export async function readBuyer(
  { customers }: Pick<Cloudesire, 'customers'>,
  buyerId: number,
  settings: { privateCustomers: 'refuse' | 'allow' },
): Promise<Buyer> {
  const user = await customers.user(buyerId);
  const company = user.companyRef ? await customers.company(user.companyRef) : undefined;
  if (!user.companyRef && settings.privateCustomers === 'refuse') {
    throw new CustomerError(
      'customer.company-required',
      `Buyer ${buyerId} has no company; private customers are refused (PRIVATE_CUSTOMERS).`,
      { effect: 'none' },
    );
  }
  const country = await countryOf(customers, [
    addressOf(user, company),
    company?.address,
    user.address,
    user.homeAddress,
  ]);
  return composeBuyer(user, company, country);
}

/** Whose Microsoft customer a user buys for: `userCompany/512`, or `user/1303` for a private person. */
export function ownerOf({ id, companyRef }: Pick<User, 'id' | 'companyRef'>): string {
  return companyRef ? `${companyRef.kind}/${companyRef.id}` : `user/${id}`;
}

/** Puts a Microsoft customer together from what the marketplace knows: the company's data first, then the user's. */
export function composeBuyer(user: User, company: Company | undefined, country: string | undefined): Buyer {
  const isPrivate = user.companyRef === undefined;
  const { firstName, lastName } = splitName(user);
  const address = addressOf(user, company) ?? {};
  const language = (user.language ?? company?.language ?? 'en').toLowerCase();

  const wanted = {
    companyName: tidy(company?.name) ?? (isPrivate ? tidy([firstName, lastName].join(' ')) : undefined),
    email: tidy(user.email) ?? tidy(company?.emailAddress),
    firstName: tidy(firstName),
    lastName: tidy(lastName),
    addressLine: tidy(address.address),
    city: tidy(address.city),
    country,
  };
  const missing = Object.entries(wanted).flatMap(([field, value]) => (value ? [] : [field as AskedField]));
  if (missing.length > 0) throw missingData(missing);

  const found = wanted as { [field in keyof typeof wanted]: string };
  const phoneNumber = tidy(user.phoneNumber) ?? tidy(company?.phoneNumber);
  const registrationNumber = tidy(company?.taxCode) ?? (isPrivate ? tidy(user.fiscalCode) : undefined);
  const postalCode = tidy(address.zipCode);
  const state = tidy(address.state);
  return {
    ...found,
    owner: ownerOf(user),
    language,
    culture: user.culture?.replace('_', '-') ?? (user.language ? `${language}-${found.country}` : 'en-US'),
    ...(phoneNumber && { phoneNumber }),
    ...(registrationNumber && { registrationNumber }),
    ...(postalCode && { postalCode }),
    ...(state && { state }),
  };
}

/** The first complete address, else what there is of one. */
function addressOf(user: User, company: Company | undefined): Address | undefined {
  const complete = [company?.address, user.address, user.homeAddress].find((one) => one?.address && one.city);
  return complete ?? company?.address ?? user.address;
}

/** Blanks around and between words are no part of what is meant. */
function tidy(text: string | undefined): string | undefined {
  return text?.replace(/\s+/g, ' ').trim() || undefined;
}

function splitName(user: User): { firstName?: string; lastName?: string } {
  if (user.name && user.surname) return { firstName: user.name, lastName: user.surname };
  const whole = (user.fullName ?? user.name ?? '').trim();
  const blank = whole.lastIndexOf(' ');
  if (blank < 0) return whole ? { firstName: whole } : {};
  return { firstName: whole.slice(0, blank), lastName: whole.slice(blank + 1) };
}

/** The country of the first address that has one. That of another address would be another market. */
async function countryOf(
  customers: Cloudesire['customers'],
  addresses: (Address | undefined)[],
): Promise<string | undefined> {
  const codeIn = ({ countryCode, country }: Address) =>
    [countryCode, country].map((text) => text?.trim() ?? '').find(({ length }) => length === 2);
  const address = addresses.find((one) => one && (codeIn(one) || one.country?.trim()));
  if (!address) return undefined;
  const code = codeIn(address);
  if (code) return code.toUpperCase();
  const name = address.country?.trim().toLowerCase();
  const known = await customers.countryCodes('en');
  return known.find((entry) => entry.country.toLowerCase() === name)?.countryCode.toUpperCase();
}
