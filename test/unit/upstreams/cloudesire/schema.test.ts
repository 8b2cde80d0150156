import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Amount,
  Company,
  DeploymentStatus,
  FoundSubscription,
  Instant,
  Metadata,
  Plan,
  Product,
  Reference,
  User,
} from '../../../../src/upstreams/cloudesire/schema.ts';
import { fixture, fixtureNames } from '../fixtures.ts';

const deployed = fixture('cloudesire/subscription-50010-3-deployed');

// Times without a zone must not be taken for local ones.
process.env.TZ = 'Pacific/Honolulu';

describe('subscriptions', () => {
  it('reads a deployed one', () => {
    expect(FoundSubscription.parse(deployed)).toEqual({
      subscription: {
        id: 50010,
        name: 'Microsoft 365 Business Premium - Business Premium, monthly',
        deploymentStatus: 'DEPLOYED',
        type: 'NORMAL',
        paid: true,
        endDate: '2026-04-02T09:24:05.000Z',
        billingPeriod: 1,
        productId: 210,
        planId: 2101,
        buyerId: 1301,
        endpoints: [
          { endpoint: 'https://portal.office.com', category: 'APP', description: 'Microsoft 365 portal' },
          {
            endpoint: 'https://learn.microsoft.com/microsoft-365',
            category: 'DOCUMENTATION',
            description: 'Documentation',
          },
        ],
      },
      resources: [{ name: 'licenses', value: 10 }],
      parameters: [{ name: 'MICROSOFT_DOMAIN', value: 'officineverdi' }],
    });
  });

  it('reads the same from every shape that the API has had', () => {
    const now = FoundSubscription.parse(deployed);
    expect(FoundSubscription.parse(fixture('cloudesire/subscription-50010-3-deployed-offset-dates'))).toEqual(now);
    expect(FoundSubscription.parse(fixture('cloudesire/subscription-50010-3-deployed-apiversion-20220211'))).toEqual({
      ...now,
      parameters: [{ name: 705, value: 'officineverdi' }],
    });
    expect(FoundSubscription.parse(fixture('cloudesire/subscription-50010-3-deployed-without-apiversion'))).toEqual({
      ...now,
      resources: [{ name: 901, value: 10 }],
      parameters: [{ name: 705, value: 'officineverdi' }],
    });
  });

  it('reads the sample of the public guide: another word for the unpaid state, no plan, no dates', () => {
    const { subscription } = FoundSubscription.parse(
      fixture('cloudesire/subscription-50010-1-waiting-payment-as-in-public-sample'),
    );
    expect(subscription).toMatchObject({ deploymentStatus: 'WAITING_PAYMENT', paid: false, buyerId: 1301 });
    expect(subscription).not.toHaveProperty('planId');
    expect(subscription).not.toHaveProperty('endDate');
  });

  it.each(fixtureNames('cloudesire', 'subscription-5').filter((name) => !name.endsWith('deployment-representation')))(
    'reads %s',
    (name) => {
      const { subscription } = FoundSubscription.parse(fixture(name));
      expect(subscription.deploymentStatus).not.toBe('UNKNOWN');
      expect(subscription.type).not.toBe('UNKNOWN');
      expect(subscription.id).toBe(Number(/subscription-(\d+)/.exec(name)?.[1]));
    },
  );

  it('reads references given as text, numbers given as text, and nulls as absent', () => {
    const { subscription, resources } = FoundSubscription.parse({
      ...deployed,
      id: '50010',
      product: 'product/210',
      buyer: 'https://marketplace.example/api/user/1301',
      productVersion: null,
      endDate: null,
      billingItems: [{ billingItem: 'billingItem/901', identifier: 'licenses', value: '25.0000000000' }],
    });
    expect(subscription).toMatchObject({ id: 50010, productId: 210, buyerId: 1301 });
    expect(subscription).not.toHaveProperty('planId');
    expect(subscription).not.toHaveProperty('endDate');
    expect(resources).toEqual([{ name: 'licenses', value: 25 }]);
  });

  it('falls to the safe side for states and types that it does not know', () => {
    const { subscription } = FoundSubscription.parse({
      ...deployed,
      deploymentStatus: 'HIBERNATED',
      type: 'GIFT',
      paid: undefined,
    });
    expect(subscription).toMatchObject({ deploymentStatus: 'UNKNOWN', type: 'UNKNOWN', paid: false });
    expect(DeploymentStatus.parse(undefined)).toBe('UNKNOWN');
  });

  it('is not stopped by descriptive fields that cannot be read', () => {
    const { subscription } = FoundSubscription.parse({
      ...deployed,
      name: 7,
      endDate: 'some day',
      endpoints: 'none',
      autoRenew: 'x',
    });
    expect(subscription).toMatchObject({ id: 50010, endpoints: [] });
    expect(subscription).not.toHaveProperty('endDate');
  });

  it.each([
    ['id', 'x'],
    ['product', {}],
    ['buyer', null],
    ['paid', 'yes'],
    ['billingItems', [{ identifier: 'licenses', value: 'many' }]],
    ['billingItems', [{ value: 10 }]],
    ['billingItems', { nothing: 10 }],
    ['configurationParameters', 'x'],
  ])('refuses an unreadable %s, which decides about the order', (field, value) => {
    expect(FoundSubscription.safeParse({ ...deployed, [field]: value }).success).toBe(false);
  });

  it('leaves out parameters whose value the account may not see', () => {
    const { parameters } = FoundSubscription.parse({
      ...deployed,
      configurationParameters: [
        { configurationParameter: { url: 'configurationParameter/704' }, code: 'ADMIN_PASSWORD' },
        { configurationParameter: { url: 'configurationParameter/705' }, code: 'SIZE', value: 3 },
      ],
    });
    expect(parameters).toEqual([
      { name: 'ADMIN_PASSWORD', value: undefined },
      { name: 'SIZE', value: '3' },
    ]);
  });
});

describe('instants', () => {
  it.each([
    ['2015-01-12T11:19:30Z', '2015-01-12T11:19:30.000Z'],
    ['2015-01-12T11:19:30.000+00:00', '2015-01-12T11:19:30.000Z'],
    ['2015-01-12T11:19:30.5+0000', '2015-01-12T11:19:30.500Z'],
    ['2015-01-12T13:19:30+0200', '2015-01-12T11:19:30.000Z'],
    ['2015-01-12T11:19:30', '2015-01-12T11:19:30.000Z'],
    ['2015-01-12T11:19:30.1234567Z', '2015-01-12T11:19:30.123Z'],
    ['2015-01-12', '2015-01-12T00:00:00.000Z'],
    [1421061570000, '2015-01-12T11:19:30.000Z'],
  ])('reads %s', (form, expected) => {
    expect(Instant.parse(form)).toBe(expected);
  });

  it.each(['', 'tomorrow', '2015-13-12T11:19:30Z', '12/01/2015', 9e15, {}])('refuses %s', (form) => {
    expect(Instant.safeParse(form).success).toBe(false);
  });
});

describe('references and amounts', () => {
  it.each([
    ['user/3', { kind: 'user', id: 3 }],
    [{ url: 'userCompany/512' }, { kind: 'userCompany', id: 512 }],
    [{ url: '/api/userCompany/512/' }, { kind: 'userCompany', id: 512 }],
    ['123', { kind: undefined, id: 123 }],
    [123, { kind: undefined, id: 123 }],
  ])('reads %j', (form, expected) => {
    expect(Reference.parse(form)).toEqual(expected);
  });

  it.each(['', 'user/', 'user/me', {}, null])('refuses %j as reference', (form) => {
    expect(Reference.safeParse(form).success).toBe(false);
  });

  it.each([
    [25, 25],
    ['25.0000000000', 25],
    [' 20.6 ', 20.6],
  ])('reads the amount %j', (form, expected) => {
    expect(Amount.parse(form)).toBe(expected);
  });

  it.each(['', 'ten', '1e3', Number.NaN, null])('refuses the amount %j', (form) => {
    expect(Amount.safeParse(form).success).toBe(false);
  });
});

describe('catalogue', () => {
  it.each([
    ['210-license', 'license'],
    ['220-azure-marketplace', 'azure'],
    ['230-arm-template', 'arm'],
  ])('reads product %s', (name, cspProductType) => {
    const product = Product.parse(fixture(`cloudesire/product-${name}`));
    expect(product).toMatchObject({
      id: Number(name.slice(0, 3)),
      type: 'CSP',
      cspProductType,
      companyId: 40,
      fields: {},
    });
  });

  it.each([
    ['LICENSE_BASED', 'license'],
    ['AZURE_MARKETPLACE', 'azure'],
    ['ARM_TEMPLATE', 'arm'],
  ])('reads the other spelling %s', (cspProductType, expected) => {
    expect(Product.parse({ id: 1, type: 'CSP', cspProductType }).cspProductType).toBe(expected);
    expect(Product.parse({ id: 1, type: 'CSP', cspProductType: 'NEW' })).not.toHaveProperty('cspProductType');
  });

  it('reads a plan', () => {
    expect(Plan.parse(fixture('cloudesire/product-version-2101-license'))).toMatchObject({
      id: 2101,
      productId: 210,
      billingPeriod: 1,
      minimumDuration: 1,
      fields: {},
    });
  });

  it('shows Microsoft identifiers where product or plan have them, and nothing else', () => {
    const found = {
      id: 1,
      type: 'CSP',
      offerId: 'A:1',
      azureSku: null,
      template: 'https://t.example/a.json',
      other: 'x',
    };
    const fields = { offerId: 'A:1', template: 'https://t.example/a.json' };
    expect(Product.parse(found).fields).toEqual(fields);
    expect(Plan.parse(found).fields).toEqual(fields);
  });

  it('turns metadata into texts and drops what is none', () => {
    expect(Metadata.parse({ offerId: 'A:1', seats: 5, on: true, none: null, deep: { a: 1 } })).toEqual({
      offerId: 'A:1',
      seats: '5',
      on: 'true',
    });
  });
});

describe('customers', () => {
  it('reads a customer and the kind of company that the reference names', () => {
    const user = User.parse(fixture('cloudesire/user-1301-customer'));
    expect(user).toMatchObject({
      id: 1301,
      culture: 'it_IT',
      companyRef: { kind: 'userCompany', id: 512 },
      address: { countryCode: 'IT' },
    });
    expect(User.parse(fixture('cloudesire/user-me-41-connector-account')).companyRef).toEqual({
      kind: 'company',
      id: 40,
    });
    expect(User.parse({ id: 1, company: null, userCompany: 'userCompany/5' }).companyRef).toEqual({
      kind: 'userCompany',
      id: 5,
    });
  });

  it('reads a private customer with gaps', () => {
    const user = User.parse(fixture('cloudesire/user-1303-private-customer-incomplete'));
    expect(user).toMatchObject({ name: 'Camille Morel', address: { country: 'FR' } });
    expect(user).not.toHaveProperty('companyRef');
    expect(user).not.toHaveProperty('surname');
  });

  it('reads companies of customers and vendors', () => {
    expect(Company.parse(fixture('cloudesire/user-company-512'))).toMatchObject({
      id: 512,
      taxCode: 'IT12345678903',
      address: { state: 'BS' },
    });
    expect(Company.parse(fixture('cloudesire/company-40-vendor'))).toMatchObject({
      id: 40,
      name: 'Nordlicht Cloud Distribution S.r.l.',
    });
  });
});

/** Arbitrary JSON in the place of arbitrary fields of a real subscription. */
const damaged = fc
  .dictionary(fc.constantFrom(...Object.keys(deployed), '__proto__'), fc.jsonValue({ maxDepth: 4 }))
  .map((damage) => ({ ...deployed, ...damage }));

describe('whatever arrives', () => {
  it.each([
    ['a subscription', FoundSubscription],
    ['a product', Product],
    ['a plan', Plan],
    ['a user', User],
    ['a company', Company],
    ['metadata', Metadata],
  ])('%s is read or refused, never an exception', (_, schema) => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), damaged), (json) => void schema.safeParse(json)),
      { numRuns: 500 },
    );
  });

  it('what decides about an order is there once a subscription was read', () => {
    fc.assert(
      fc.property(damaged, (json) => {
        const { data } = FoundSubscription.safeParse(json);
        if (!data) return;
        const { id, productId, buyerId, paid } = data.subscription;
        expect([id, productId, buyerId].every(Number.isSafeInteger)).toBe(true);
        expect(typeof paid).toBe('boolean');
        for (const { value } of data.resources) expect(value === undefined || Number.isFinite(value)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
