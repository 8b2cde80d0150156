import { readFileSync } from 'node:fs';
import type { Api } from './api.ts';
import { invalidInput, refusal } from './refusals.ts';
import { ok } from './replies.ts';
import type { Switches } from './switches.ts';

export interface Country {
  currency: { code: string; symbol: string };
  defaultCulture: string;
  cultures: string[];
  languages: string[];
  isStateRequired: boolean;
  states: string[];
  isPostalCodeRequired: boolean;
  postalCodeRegex: string;
  phoneNumberRegex: string;
  isVatIdSupported: boolean;
  vatIdRegex?: string;
  taxIdFormat: string;
  taxIdSample: string;
  registrationNumberRegex?: string;
  callingCodes: string[];
}

const COUNTRIES = JSON.parse(readFileSync(new URL('./seed/countries.json', import.meta.url), 'utf8')) as Record<
  string,
  Country
>;

const COUNTRIES_WITH_REGISTRATION_NUMBER = new Set(
  'AM AZ BY HU KZ KG MD RU TJ UZ UA BR IN ZA PL AE SA TR TH VN MM IQ SS VE'.split(' '),
);

/** Where the partner of this emulator may sell, by ISO alpha-2 code; undefined elsewhere. */
export function findCountry(code: string): Country | undefined {
  return COUNTRIES[code.toUpperCase()];
}

/**
 * Whether customers there must give a registration number and a phone number.
 *
 * @see https://learn.microsoft.com/partner-center/developer/create-a-customer
 */
export function needsRegistrationNumber(code: string): boolean {
  return COUNTRIES_WITH_REGISTRATION_NUMBER.has(code.toUpperCase());
}

/**
 * `GET /v1/countryvalidationrules/{iso2}`, in the shape that production shows or in the documented one.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-market-specific-validation-data
 */
export function defineCountryRules({ api, switches }: { api: Api; switches: Switches }): void {
  api.define('any', 'GET', '/v1/countryvalidationrules/:iso2', ({ params }) => {
    const code = params.iso2!.toUpperCase();
    if (!/^[A-Z]{2}$/.test(code)) throw invalidInput(`Country ${params.iso2} should have two letters.`);
    const country = findCountry(code);
    if (country === undefined) throw refusal(400, 20000, 'Current country not supported');
    return ok({ ...commonRules(code, country), ...listsOf(country, switches.countryRulesShape) });
  });
}

function commonRules(iso2Code: string, country: Country): object {
  const { defaultCulture, isStateRequired, isPostalCodeRequired, postalCodeRegex, phoneNumberRegex } = country;
  const { isVatIdSupported, vatIdRegex, taxIdFormat, taxIdSample } = country;
  return {
    iso2Code,
    defaultCulture,
    isStateRequired,
    isPostalCodeRequired,
    postalCodeRegex,
    isCityRequired: true,
    phoneNumberRegex,
    isVatIdSupported,
    taxIdFormat,
    taxIdSample,
    ...(vatIdRegex === undefined ? {} : { vatIdRegex }),
    isTaxIdSupported: false,
    isTaxIdOptional: false,
    isRegistrationNumberSupported: needsRegistrationNumber(iso2Code),
  };
}

function listsOf({ states, languages, cultures, callingCodes }: Country, shape: Switches['countryRulesShape']): object {
  if (shape === 'production') {
    return {
      supportedStatesList: states,
      supportedLanguagesList: languages,
      supportedCulturesList: cultures,
      countryCallingCodesList: callingCodes,
      attributes: { objectType: 'CountryValidationRules' },
    };
  }
  return {
    states: { value: states },
    supportedLanguages: { value: languages },
    supportedCultures: { value: cultures },
    countryCallingCodes: { value: callingCodes },
    attributes: { objectType: 'CountryInformation' },
  };
}
