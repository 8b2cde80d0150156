import type { Api } from './api.ts';
import { type Fields, requireText, textOf, withoutAbsent } from './body.ts';
import { type Country, findCountry } from './countries.ts';
import type { State } from './model.ts';
import { ok } from './replies.ts';

const ADDRESS_STATUSES = [
  'VerifiedShippable',
  'Verified',
  'InteractionRequired',
  'StreetPartial',
  'PremisesPartial',
  'Multiple',
  'None',
  'NotValidated',
] as const;

export type AddressStatus = (typeof ADDRESS_STATUSES)[number];

const COUNTRIES_WITH_STATE_LIST = new Set(['US', 'CA', 'CN', 'MX']);

export interface Addresses {
  /** Lets the next `times` checks come out this way, whatever is asked. */
  answerWith(status: AddressStatus, times: number): void;
  reset(): void;
}

/**
 * `POST /v1/validations/address`. Left alone it verifies an address whose postal code fits the country, finds nothing
 * when code, state or the city `Nowhere` is wrong, and finds a street incomplete that has no number.
 *
 * @see https://learn.microsoft.com/partner-center/developer/validate-an-address
 */
export function defineAddresses({ api, state }: { api: Api; state: State }): Addresses {
  let told: { status: AddressStatus; times: number } | undefined;

  api.define('any', 'POST', '/v1/validations/address', ({ fields }) => {
    const address = readAddress(fields());
    state.personalData.add(address.addressLine1);
    const status = told?.status ?? judge(address);
    if (told !== undefined) told = told.times > 1 ? { ...told, times: told.times - 1 } : undefined;
    const message = messageFor(address, status);
    return ok({
      originalAddress: address,
      suggestedAddresses: suggest(address, status),
      status,
      ...(message === undefined ? {} : { validationMessage: message }),
    });
  });

  return {
    answerWith(status, times) {
      if (!ADDRESS_STATUSES.includes(status)) throw new Error(`An address is one of ${ADDRESS_STATUSES.join(', ')}.`);
      told = { status, times };
    },
    reset() {
      told = undefined;
    },
  };
}

interface CheckedAddress {
  country: string;
  city: string;
  state: string;
  addressLine1: string;
  addressLine2?: string;
  postalCode: string;
}

function readAddress(fields: Fields): CheckedAddress {
  return withoutAbsent({
    country: requireText(fields, 'country').toUpperCase(),
    city: requireText(fields, 'city'),
    state: requireText(fields, 'state'),
    addressLine1: requireText(fields, 'addressLine1'),
    addressLine2: textOf(fields, 'addressLine2'),
    postalCode: requireText(fields, 'postalCode'),
  }) as CheckedAddress;
}

function judge(address: CheckedAddress): AddressStatus {
  const country = findCountry(address.country);
  if (country === undefined) return 'NotValidated';
  if (wrongFields(address, country).length > 0) return 'None';
  return /\d/.test(`${address.addressLine1} ${address.addressLine2 ?? ''}`) ? 'VerifiedShippable' : 'StreetPartial';
}

function wrongFields(address: CheckedAddress, country: Country): string[] {
  const isStateWrong = COUNTRIES_WITH_STATE_LIST.has(address.country) && !country.states.includes(address.state);
  const isCodeWrong = !new RegExp(country.postalCodeRegex).test(address.postalCode);
  const isCityWrong = address.city.toLowerCase() === 'nowhere';
  return [
    ...(isStateWrong ? ['Region'] : []),
    ...(isCodeWrong ? ['PostalCode'] : []),
    ...(isCityWrong ? ['City'] : []),
  ];
}

function suggest(address: CheckedAddress, status: AddressStatus): CheckedAddress[] {
  switch (status) {
    case 'VerifiedShippable':
    case 'Verified':
      return [address];
    case 'InteractionRequired':
      return [{ ...address, addressLine1: address.addressLine1.toUpperCase() }];
    case 'StreetPartial':
    case 'PremisesPartial':
    case 'Multiple':
      return ['12', '14'].map((number) => ({ ...address, addressLine1: `${address.addressLine1} ${number}` }));
    default:
      return [];
  }
}

function messageFor(address: CheckedAddress, status: AddressStatus): string | undefined {
  if (status === 'StreetPartial') return "Address field invalid for property: 'Street'";
  if (status !== 'None') return undefined;
  const country = findCountry(address.country);
  const wrong = country === undefined ? [] : wrongFields(address, country);
  return `Address field invalid for property: ${(wrong.length > 0 ? wrong : ['Street']).map((name) => `'${name}'`).join(', ')}`;
}
