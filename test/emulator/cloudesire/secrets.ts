import type { Authentication } from './authentication.ts';
import { isObject } from './reports.ts';
import type { State } from './state.ts';

const PERSONAL_FIELDS = [
  'name',
  'surname',
  'fullName',
  'email',
  'pec',
  'phoneNumber',
  'fiscalCode',
  'iban',
  'taxCode',
  'emailAddress',
  'technicalEmailAddress',
];
const ADDRESS_FIELDS = ['address', 'homeAddress'];
const SHORTEST = 4;

/**
 * Lists what must never show up in a log: tokens, passwords, event secrets, reported credentials and sensitive
 * parameter values, and of customers names, e-mail addresses, phone numbers, streets, tax and fiscal codes. Names of
 * companies do not count, nor texts so short that they would be found anywhere.
 */
export function listSecrets(parts: { state: State; authentication: Authentication }): string[] {
  const { state, authentication } = parts;
  const found = new Set<string>(authentication.tokens());

  for (const { password } of state.accounts.values()) found.add(password);
  for (const { notificationSecretToken } of [...state.companies.values(), ...state.products.values()]) {
    if (notificationSecretToken !== undefined) found.add(notificationSecretToken);
  }
  for (const { secret } of state.platformEndpoints) if (secret !== undefined) found.add(secret);

  for (const user of state.users.values()) {
    if (user.userRole === 'ROLE_USER') collect(user, PERSONAL_FIELDS, found);
  }
  const companyFields = PERSONAL_FIELDS.filter((field) => field !== 'name');
  for (const company of state.userCompanies.values()) {
    collect(company, companyFields, found);
    if (isObject(company.italianElectronicInvoicing)) collect(company.italianElectronicInvoicing, ['pec'], found);
  }

  const sensitiveCodes = [...state.configurationParameters.values()].flatMap(({ sensitive, code }) =>
    sensitive === true ? [code] : [],
  );
  for (const { credentials, parameters } of state.subscriptions.values()) {
    for (const { value } of credentials) if (value !== undefined) found.add(value);
    for (const code of sensitiveCodes) if (parameters[code] !== undefined) found.add(parameters[code]);
  }
  return [...found].filter((secret) => secret.length >= SHORTEST);
}

function collect(resource: Record<string, unknown>, fields: string[], found: Set<string>): void {
  for (const field of fields) {
    const value = resource[field];
    if (typeof value === 'string') found.add(value);
  }
  for (const field of ADDRESS_FIELDS) {
    const address = resource[field];
    if (isObject(address) && typeof address.address === 'string') found.add(address.address);
  }
}
