import { describe, expect, it } from 'vitest';
import { createDerivedSecrets } from '../../../../src/lib/derived-secrets.ts';
import { RetryableError } from '../../../../src/lib/errors.ts';
import type { ProposedOrder } from '../../../../src/workflows/checks.ts';
import type { Fulfillment } from '../../../../src/workflows/fulfillment.ts';
import type { ValidateLicenseOrderParts } from '../../../../src/workflows/license/validate-order.ts';
import { createValidateOrder } from '../../../../src/workflows/validate-order.ts';
import { createMemoryLog } from '../../../support/memory-log.ts';

/** What the upstreams and the store say. Everything that an order needs is in place unless a row says otherwise. */
interface Situation {
  order: Partial<ProposedOrder>;
  offers: Record<string, string>;
  plan: { minimumDuration: number; billingPeriod: number };
  product: 'license' | 'azure' | undefined;
  seats: { minimumQuantity?: number; maximumQuantity?: number } | undefined;
  isSold: boolean;
  hasCompany: boolean;
  city: string | undefined;
  state: string | undefined;
  stateRequired: boolean;
  address: 'Verified' | 'NotValidated' | 'None';
  takenDomains: string[];
  /** Domain of a customer of ours → whose it is. */
  customers: Record<string, string>;
  /** The customer of the buyer's company. */
  known: boolean;
  owned: { offerId: string; status?: 'active' | 'deleted'; isTrial?: boolean }[];
  /** Days on which Microsoft allows the first term to end; undefined while it does not answer. */
  ends: string[] | undefined;
  fulfillment: Fulfillment | undefined;
  ways: { immediate?: string[]; scheduled?: string[] };
  /** Of the partner subscription, where Microsoft shows it. */
  shown: { offerId?: string; termDuration?: string; billingCycle?: string } | undefined;
  privateCustomers: 'refuse' | 'allow';
  sandboxOrders: 'refuse' | 'allow';
}

const OFFER = 'CFQ7TTC0XA11:0001';
const TRIAL = 'CFQ7TTC0XA11:0009';
const OTHER = 'CFQ7TTC0XC33:0001';
const ORDER: ProposedOrder = {
  orderType: 'NORMAL',
  productId: 210,
  planId: 2101,
  extraResources: [{ identifier: 'licenses', value: 10 }],
  parameters: {},
  buyerId: 1301,
};
const CHANGE: Partial<ProposedOrder> = { buyerId: undefined, subscriptionId: 50010 };
const IN_SERVICE: Fulfillment = {
  productType: 'license',
  customerId: 'c-512',
  partnerSubscriptionId: 'p-1',
  country: 'IT',
  segment: 'commercial',
  offerId: OFFER,
  term: 'P1Y',
  billingCycle: 'monthly',
  seats: 10,
  trial: false,
  deployedAt: '2026-09-01T08:00:00Z',
};
const USUAL: Situation = {
  order: {},
  offers: { offerId: OFFER, partnerCenterTrialOfferId: TRIAL },
  plan: { minimumDuration: 12, billingPeriod: 1 },
  product: 'license',
  seats: { minimumQuantity: 1, maximumQuantity: 300 },
  isSold: true,
  hasCompany: true,
  city: 'Brescia',
  state: 'BS',
  stateRequired: false,
  address: 'Verified',
  takenDomains: [],
  customers: {},
  known: false,
  owned: [],
  ends: [],
  fulfillment: undefined,
  ways: {},
  shown: undefined,
  privateCustomers: 'refuse',
  sandboxOrders: 'refuse',
};

/** No order of licences asks for any of it. */
const NOTHING_OF_AZURE = {
  templateHost: { fetch: async () => Promise.reject(new Error('no template is fetched')) },
  templates: { get: async () => undefined, put: async () => {} },
  secrets: createDerivedSecrets([Buffer.alloc(32)]),
  settings: {
    dnsParameter: 'DNS_PREFIX',
    regionParameter: 'REGION',
    domainParameter: 'MICROSOFT_DOMAIN',
    location: 'westeurope',
  },
};

async function judge(row: Partial<Situation>): Promise<string[]> {
  const now = { ...USUAL, ...row };
  const bugs: unknown[] = [];
  const validate = createValidateOrder({
    ...partsOf(now),
    ...NOTHING_OF_AZURE,
    log: createMemoryLog().log,
    alerts: { bug: (error) => bugs.push(error) },
  });
  const objections = await validate({ ...ORDER, ...now.order }, new AbortController().signal);
  expect(bugs).toEqual([]);
  return objections.map(({ code }) => code);
}

/** Only what validation may ask: anything else is no part of these objects. */
function partsOf(now: Situation): ValidateLicenseOrderParts {
  const address = { address: 'Via Aldo Moro 18', zipCode: '25124', countryCode: 'IT' };
  const eligibilities = [{ isEligible: true, transitionType: 'transition_only', errors: [] }];
  const parts = {
    cloudesire: {
      catalogue: {
        product: async (id: number) => ({ id, type: 'CSP', cspProductType: now.product, fields: {} }),
        plan: async (id: number) => ({ id, ...now.plan, fields: {} }),
        planMetadata: async () => now.offers,
        productMetadata: async () => ({}),
      },
      customers: {
        user: async (id: number) => ({
          id,
          name: 'Giulia',
          surname: 'Ferri',
          email: 'giulia@verdi.example',
          language: 'it',
          ...(now.hasCompany && { companyRef: { kind: 'userCompany', id: 512 } }),
          address: { ...address, ...(now.city && { city: now.city }), ...(now.state && { state: now.state }) },
        }),
        company: async () => ({ id: 512, name: 'Officine Verdi S.p.A.' }),
      },
    },
    partnerCenter: {
      catalog: {
        sku: async () => now.seats && { id: '0001', isTrial: false, ...now.seats },
        availabilities: async ({ productId, skuId }: { productId: string; skuId: string }) =>
          now.isSold
            ? [
                {
                  id: 'A',
                  catalogItemId: `${productId}:${skuId}:A`,
                  terms: [
                    { duration: 'P1Y', billingCycle: 'monthly' },
                    { duration: 'P1M', billingCycle: 'monthly' },
                  ],
                },
              ]
            : [],
      },
      customers: {
        isDomainTaken: async (domain: string) => now.takenDomains.includes(domain),
        findByDomain: async (domain: string) =>
          now.customers[domain] && { id: `c-of-${now.customers[domain]}`, domain },
        countryRules: async () => ({ isStateRequired: now.stateRequired, states: [], languages: [], cultures: [] }),
        validateAddress: async () => ({ status: now.address }),
      },
      subscriptions: {
        get: async (_customer: string, id: string) => now.shown && { id, quantity: 10, status: 'active', ...now.shown },
        list: async () => now.owned.map((one, id) => ({ id: String(id), status: 'active', isTrial: false, ...one })),
        customTermEndDates: async () => {
          if (!now.ends) throw new RetryableError('partner-center.unavailable', 'Away.');
          return now.ends.map((date) => ({ date, isShared: true }));
        },
        transitionEligibilities: async (_customer: string, _id: string, when: 'immediate' | 'scheduled') =>
          (now.ways[when] ?? []).map((offer) => ({ catalogItemId: `${offer}:A`, eligibilities })),
      },
    },
    directory: {
      find: async () => (now.known ? { customerId: 'c-512', domain: 'verdi.onmicrosoft.com' } : undefined),
      ownerOf: async (customerId: string) => customerId.replace('c-of-', ''),
    },
    records: { get: async () => ({ fulfillment: now.fulfillment }) },
    license: {
      licenseIdentifier: 'licenses',
      domainParameter: 'MICROSOFT_DOMAIN',
      termEndParameter: 'TERM_END_DATE',
    },
    now: () => Date.parse('2026-09-01T09:00:00Z'),
    privateCustomers: now.privateCustomers,
    sandboxOrders: now.sandboxOrders,
  };
  return parts as unknown as ValidateLicenseOrderParts;
}

const seats = (value: number) => [{ identifier: 'licenses', value }];
const end = (TERM_END_DATE: string) => ({ parameters: { TERM_END_DATE } });
const wish = (MICROSOFT_DOMAIN: string) => ({ parameters: { MICROSOFT_DOMAIN } });
const trial = (row: Partial<Situation>): Partial<Situation> => ({
  ...row,
  order: { ...row.order, orderType: 'TRIAL' },
});
const change = (orderType: string, row: Partial<Situation> = {}): Partial<Situation> => ({
  fulfillment: IN_SERVICE,
  ...row,
  order: { ...CHANGE, orderType, ...row.order },
});

describe('an order of a new licence', () => {
  it.each<[string, Partial<Situation>, string[]]>([
    ['of what is sold to somebody who may buy', {}, []],
    ['of a plan without an offer', { offers: {} }, ['plan.not-available']],
    ['of a plan whose offer cannot be read', { offers: { offerId: 'LEGACY' } }, ['plan.not-available']],
    [
      'of a term that Microsoft does not know',
      { plan: { minimumDuration: 7, billingPeriod: 1 } },
      ['plan.not-available'],
    ],
    ['of a term that is not sold', { plan: { minimumDuration: 36, billingPeriod: 1 } }, ['offer.not-sold']],
    ['of what is sold no more', { isSold: false }, ['offer.not-sold']],
    ['of what has never been sold in the country', { seats: undefined }, ['offer.not-sold']],
    ['without seats', { order: { extraResources: [] } }, ['order.seats-missing']],
    ['of no seat', { order: { extraResources: seats(0) } }, ['order.quantity-invalid']],
    ['of half a seat', { order: { extraResources: seats(2.5) } }, ['order.quantity-invalid']],
    ['of the fewest seats', { seats: { minimumQuantity: 5 }, order: { extraResources: seats(5) } }, []],
    [
      'of fewer',
      { seats: { minimumQuantity: 5 }, order: { extraResources: seats(4) } },
      ['order.quantity-out-of-bounds'],
    ],
    ['of the most seats', { order: { extraResources: seats(300) } }, []],
    ['of more', { order: { extraResources: seats(301) } }, ['order.quantity-out-of-bounds']],
    ['by a private person', { hasCompany: false }, ['customer.company-required']],
    ['by a private person where that is allowed', { hasCompany: false, privateCustomers: 'allow' }, []],
    ['by somebody without a city', { city: undefined }, ['customer.data-missing']],
    ['without a state where there must be one', { state: undefined, stateRequired: true }, ['customer.data-missing']],
    ['without a state where there need not be one', { state: undefined }, []],
    ['with an address that is wrong', { address: 'None' }, ['customer.data-refused']],
    ['with an address that cannot be checked', { address: 'NotValidated' }, []],
    ['with a wish for a name', { order: wish('verdi') }, []],
    [
      'with a wish for a name that is taken',
      { order: wish('verdi'), takenDomains: ['verdi.onmicrosoft.com'] },
      ['customer.domain-taken'],
    ],
    [
      'with a wish for a name that is taken, by a customer',
      { order: wish('verdi'), takenDomains: ['verdi.onmicrosoft.com'], known: true },
      [],
    ],
    ['without a wish, where the name of the company is taken', { takenDomains: ['officineverdi.onmicrosoft.com'] }, []],
    ['with a wish that is no name', { order: wish('1!') }, ['customer.domain-unusable']],
    ['with a blank wish', { order: wish('  ') }, []],
    ['with a wish that is no name, by a customer', { order: wish('1!'), known: true }, []],
    ['by a customer with an address that is wrong', { address: 'None', known: true }, []],
    ['with an own domain that is nobody’s customer', { order: wish('verdi.example'), address: 'None' }, []],
    [
      'with an own domain that is the customer of the company',
      { order: wish('verdi.example'), customers: { 'verdi.example': 'userCompany/512' } },
      [],
    ],
    [
      'with the domain of another company',
      { order: wish('hafen.example'), customers: { 'hafen.example': 'userCompany/513' } },
      ['customer.tenant-of-another'],
    ],
    [
      'with the domain of another company, by a customer',
      { order: wish('hafen.example'), customers: { 'hafen.example': 'userCompany/513' }, known: true },
      ['customer.tenant-of-another'],
    ],
    [
      'with the whole name of the tenant of another company',
      {
        order: wish('hafen.onmicrosoft.com'),
        takenDomains: ['hafen.onmicrosoft.com'],
        customers: { 'hafen.onmicrosoft.com': 'userCompany/513' },
      },
      ['customer.tenant-of-another'],
    ],
    [
      'with a whole name that is free',
      { order: wish('verdi.onmicrosoft.com'), address: 'None' },
      ['customer.data-refused'],
    ],
    ['that ends with others', { order: end('2027-03-17'), known: true, ends: ['2027-03-17'] }, []],
    ['that ends on no day in particular', { order: end(' '), known: true, ends: ['2027-03-17'] }, []],
    [
      'that ends with nothing',
      { order: end('2027-03-18'), known: true, ends: ['2027-03-17'] },
      ['order.term-end-not-allowed'],
    ],
    [
      'that ends with nothing, since there is no tenant yet',
      { order: end('2027-03-17'), ends: ['2027-03-17'] },
      ['order.term-end-not-allowed'],
    ],
    ['that ends nobody knows when', { order: end('17/3/27'), known: true }, ['order.term-end-not-allowed']],
    [
      'that ends with others in the tenant that is named',
      {
        order: { parameters: { MICROSOFT_DOMAIN: 'verdi.example', TERM_END_DATE: '2027-03-17' } },
        customers: { 'verdi.example': 'userCompany/512' },
        ends: ['2027-03-17'],
      },
      [],
    ],
    [
      'that ends on a day of which Microsoft says nothing',
      { order: end('2027-03-18'), known: true, ends: undefined },
      [],
    ],
    [
      'that ends with others in the tenant of somebody else',
      {
        order: { parameters: { MICROSOFT_DOMAIN: 'hafen.example', TERM_END_DATE: '2027-03-17' } },
        customers: { 'hafen.example': 'userCompany/513' },
        ends: ['2027-03-17'],
      },
      ['customer.tenant-of-another'],
    ],
    ['for a sandbox', { order: { orderType: 'SANDBOX' } }, ['order.sandbox']],
    ['for a sandbox where that is allowed', { order: { orderType: 'SANDBOX' }, sandboxOrders: 'allow' }, []],
    ['by a visitor', { order: { buyerId: undefined }, isSold: false }, []],
    [
      'of half a seat by a visitor',
      { order: { buyerId: undefined, extraResources: seats(0.5) } },
      ['order.quantity-invalid'],
    ],
    [
      'against which much speaks',
      { order: { extraResources: seats(301), ...wish('!') }, address: 'None' },
      ['customer.domain-unusable', 'customer.data-refused', 'order.quantity-out-of-bounds'],
    ],
    ['of a product of Azure whose plan names no image', { product: 'azure', offers: {} }, ['plan.not-available']],
    ['of a product that does not say what it is', { product: undefined, offers: {} }, []],
  ])('%s', async (_what, row, objections) => {
    expect((await judge(row)).sort()).toEqual(objections.sort());
  });
});

describe('an order of a trial', () => {
  it.each<[string, Partial<Situation>, string[]]>([
    ['that is new to the company', {}, []],
    ['that is new to the customer', { known: true, owned: [{ offerId: `${OTHER}:A` }] }, []],
    ['with an end, which only what is paid has', { order: end('2027-03-18'), known: true }, []],
    ['of a plan without one', { offers: { offerId: OFFER } }, ['plan.not-available']],
    ['without seats, which Microsoft fixes', { order: { extraResources: [] } }, []],
    ['that runs', { known: true, owned: [{ offerId: `${TRIAL}:A`, isTrial: true }] }, ['trial.used']],
    ['that has ended', { known: true, owned: [{ offerId: `${TRIAL}:A`, status: 'deleted' }] }, ['trial.used']],
    ['of what the customer owns', { known: true, owned: [{ offerId: `${OFFER.toLowerCase()}:A` }] }, ['trial.used']],
    ['of what the customer has owned', { known: true, owned: [{ offerId: `${OFFER}:A`, status: 'deleted' }] }, []],
    [
      'that runs in the tenant that is named',
      {
        order: wish('verdi.example'),
        customers: { 'verdi.example': 'userCompany/512' },
        owned: [{ offerId: `${TRIAL}:A` }],
      },
      ['trial.used'],
    ],
  ])('%s', async (_what, row, objections) => {
    expect(await judge(trial(row))).toEqual(objections);
  });

  it('is no matter for an order that is paid', async () => {
    expect(await judge({ known: true, owned: [{ offerId: `${OFFER}:A` }] })).toEqual([]);
  });
});

describe('an order of a change', () => {
  const inTrial = { ...IN_SERVICE, offerId: TRIAL, trial: true, seats: 25, term: 'P1M', billingCycle: 'none' };

  it.each<[string, Partial<Situation>, string[]]>([
    ['of more seats', change('BILLING_ITEM_UPGRADE', { order: { extraResources: seats(20) } }), []],
    ['of fewer seats', change('BILLING_ITEM_UPGRADE', { order: { extraResources: seats(1) } }), []],
    [
      'of too many seats',
      change('BILLING_ITEM_UPGRADE', { order: { extraResources: seats(301) } }),
      ['order.quantity-out-of-bounds'],
    ],
    [
      'of half a seat',
      change('BILLING_ITEM_UPGRADE', { order: { extraResources: seats(1.5) } }),
      ['order.quantity-invalid'],
    ],
    [
      'of what began with an end that is over',
      change('BILLING_ITEM_UPGRADE', { order: { extraResources: seats(20), ...end('2026-03-31') }, known: true }),
      [],
    ],
    [
      'of the seats of a trial',
      change('BILLING_ITEM_UPGRADE', { fulfillment: inTrial, order: { extraResources: seats(30) } }),
      ['trial.seats-fixed'],
    ],
    [
      'of anything but the seats of a trial',
      change('BILLING_ITEM_UPGRADE', { fulfillment: inTrial, order: { extraResources: [] } }),
      [],
    ],
    [
      'of the seats that follow a trial',
      change('BILLING_ITEM_UPGRADE', {
        fulfillment: { ...inTrial, scheduled: { offerId: OFFER, term: 'P1Y', billingCycle: 'monthly', seats: 5 } },
        order: { extraResources: seats(6) },
      }),
      [],
    ],
    ['of another resource', change('BILLING_ITEM_UPGRADE', { order: { extraResources: [] } }), []],
    ['of seats of what is sold no more', change('BILLING_ITEM_UPGRADE', { seats: undefined, isSold: false }), []],
    ['of seats of a plan that lost its offer', change('BILLING_ITEM_UPGRADE', { offers: {} }), []],
    ['of nothing but the date', change('RENEWAL', { offers: {}, isSold: false }), []],
    [
      'of the date and too many seats',
      change('RENEWAL', { order: { extraResources: seats(301) } }),
      ['order.quantity-out-of-bounds'],
    ],
    [
      'of what is being bought',
      change('SYNDICATED_UPGRADE', { fulfillment: { productType: 'license', customerId: 'c-512' }, offers: {} }),
      [],
    ],
    [
      'of what is not in service yet',
      change('BILLING_ITEM_UPGRADE', { fulfillment: undefined, order: { extraResources: seats(301) } }),
      [],
    ],
    [
      'of what has ended',
      change('SYNDICATED_UPGRADE', { fulfillment: { ...IN_SERVICE, endedAt: '2027-01-01' }, offers: {} }),
      [],
    ],
    [
      'that names no subscription',
      change('SYNDICATED_UPGRADE', { order: { subscriptionId: undefined }, offers: {} }),
      [],
    ],
    [
      'to a plan that is reached at once',
      change('SYNDICATED_UPGRADE', { offers: { offerId: OTHER }, ways: { immediate: [OTHER] } }),
      [],
    ],
    [
      'to a plan that is reached at the renewal',
      change('SYNDICATED_UPGRADE', { offers: { offerId: OTHER }, ways: { scheduled: [OTHER] } }),
      [],
    ],
    [
      'to a plan that is not reached',
      change('SYNDICATED_UPGRADE', { offers: { offerId: OTHER } }),
      ['plan.change-not-possible'],
    ],
    ['to a plan that is not configured', change('SYNDICATED_UPGRADE', { offers: {} }), ['plan.not-available']],
    [
      'to a plan that is not sold',
      change('SYNDICATED_UPGRADE', { offers: { offerId: OTHER }, ways: { immediate: [OTHER] }, isSold: false }),
      ['offer.not-sold'],
    ],
    [
      'to a plan of another offer and a shorter term, which is not reached at once',
      change('SYNDICATED_UPGRADE', {
        offers: { offerId: OTHER },
        ways: { immediate: [OTHER] },
        plan: { minimumDuration: 1, billingPeriod: 1 },
      }),
      ['plan.change-not-possible'],
    ],
    [
      'to a plan that Microsoft carries out already, to which no way leads any more',
      change('SYNDICATED_UPGRADE', {
        offers: { offerId: OTHER },
        shown: { offerId: `${OTHER}:A`, termDuration: 'P1Y', billingCycle: 'monthly' },
      }),
      [],
    ],
    [
      'to a plan of the same offer and another term',
      change('SYNDICATED_UPGRADE', { plan: { minimumDuration: 1, billingPeriod: 1 } }),
      [],
    ],
    ['to a plan of the same, which is sold no more', change('SYNDICATED_UPGRADE', { isSold: false }), []],
    [
      'to a plan, without a word of seats',
      change('SYNDICATED_UPGRADE', {
        offers: { offerId: OTHER },
        ways: { immediate: [OTHER] },
        order: { extraResources: [] },
      }),
      [],
    ],
    ['from a trial to what is sold', change('RENEWAL', { fulfillment: inTrial }), []],
    [
      'from a trial to what is sold no more',
      change('RENEWAL', { fulfillment: inTrial, isSold: false }),
      ['offer.not-sold'],
    ],
    [
      'from a trial to another plan',
      change('SYNDICATED_UPGRADE', { fulfillment: inTrial, offers: { offerId: OTHER } }),
      [],
    ],
  ])('%s', async (_what, row, objections) => {
    expect(await judge(row)).toEqual(objections);
  });
});

describe('an order that ends something, or of a kind that is not known here, is accepted', () => {
  it.each(['TERMINATION', 'UNSUBSCRIBE', 'UPSELL', 'UNKNOWN'])('%s', async (orderType) => {
    expect(await judge({ order: { orderType, extraResources: [] }, offers: {}, hasCompany: false })).toEqual([]);
  });
});
