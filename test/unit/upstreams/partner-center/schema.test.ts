import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Availability,
  Cart,
  Checkout,
  CountryRules,
  Customer,
  collection,
  Instant,
  NextTerm,
  Order,
  PartnerSubscription,
  Sku,
  Transition,
  TransitionEligibility,
} from '../../../../src/upstreams/partner-center/schema.ts';
import { exchange } from '../fixtures.ts';

function bodyOf(file: string, name: string): Record<string, unknown> {
  return exchange(file, name).response.body as Record<string, unknown>;
}

const licence = bodyOf('get-subscriptions', 'get-subscription');

// Times without a zone must not be taken for local ones.
process.env.TZ = 'Pacific/Honolulu';

describe('partner subscriptions', () => {
  it('reads a licence', () => {
    expect(PartnerSubscription.parse(licence)).toMatchObject({
      id: 'e2a4c7d1-0b5f-4c3a-8d92-6f1e7b3a9c54',
      status: 'active',
      quantity: 10,
      friendlyName: 'Sede di Milano',
      offerId: 'CFQ7TTC0XA11:0001:CFQ7TTC0XB22',
      orderId: '5e1c7a90b2d4',
      autoRenewEnabled: true,
      isTrial: false,
      termDuration: 'P1Y',
      billingCycle: 'monthly',
      commitmentEndDate: '2027-08-31T00:00:00.000Z',
      cancellationAllowedUntilDate: '2026-09-08T09:46:30.991Z',
      scheduledActions: [],
      refundableQuantity: {
        totalQuantity: 10,
        details: [{ quantity: 10, allowedUntilDateTime: '2026-09-08T09:46:30.991Z' }],
      },
      suspensionReasons: [],
    });
  });

  it('reads names in any case, and nulls as absent', () => {
    const shouting = Object.fromEntries(Object.entries(licence).map(([name, value]) => [name.toUpperCase(), value]));
    const subscription = PartnerSubscription.parse({
      ...shouting,
      REFUNDABLEQUANTITY: null,
      SCHEDULEDACTIONS: null,
    });
    expect(subscription).toMatchObject({
      id: licence.id,
      status: 'active',
      autoRenewEnabled: true,
      scheduledActions: [],
    });
    expect(subscription).not.toHaveProperty('refundableQuantity');
  });

  it('reads scheduled actions under both of their names', () => {
    const { scheduledActions } = PartnerSubscription.parse({
      ...licence,
      scheduledActions: [
        { scheduleType: 'TermEnd', actionType: 'Cancel' },
        {
          scheduledType: 'CustomDate',
          actionType: 'RenewToNewTerm',
          effectiveDate: '2027-08-31T00:00:00',
          instructions: { quantity: 8 },
        },
      ],
    });
    expect(scheduledActions).toEqual([
      { scheduleType: 'TermEnd', actionType: 'Cancel' },
      {
        scheduleType: 'CustomDate',
        actionType: 'RenewToNewTerm',
        effectiveDate: '2027-08-31T00:00:00.000Z',
        instructions: { quantity: 8 },
      },
    ]);
  });

  it('reads what a trial will become, as it came', () => {
    const { scheduledNextTermInstructions } = PartnerSubscription.parse(bodyOf('trial-conversion', 'get-trial'));
    expect(scheduledNextTermInstructions).toEqual({
      product: {
        productId: 'CFQ7TTC0XA11',
        skuId: '0001',
        availabilityId: 'CFQ7TTC0XB22',
        billingCycle: 'monthly',
        termDuration: 'P1Y',
      },
      quantity: 25,
    });
    expect(PartnerSubscription.parse(bodyOf('trial-conversion', 'let-trial-expire'))).not.toHaveProperty(
      'scheduledNextTermInstructions',
    );
  });

  it('passes the instructions of a scheduled action through, whatever is in them', () => {
    const instructions = { Quantity: 8, product: { promotionId: null }, customTermEndDate: '2028-01-31T00:00:00' };
    const scheduledActions = [{ actionType: 'RenewToNewTerm', instructions }];
    expect(PartnerSubscription.parse({ ...licence, scheduledActions }).scheduledActions).toEqual([
      { scheduleType: 'TermEnd', actionType: 'RenewToNewTerm', instructions },
    ]);
  });

  it('reads who sold it, what may be done with it, and why it is suspended', () => {
    expect(
      PartnerSubscription.parse({
        ...licence,
        partnerId: '7100455',
        actions: ['Edit', 'Cancel'],
        suspensionReasons: ['Fraud'],
      }),
    ).toMatchObject({ partnerId: '7100455', actions: ['Edit', 'Cancel'], suspensionReasons: ['Fraud'] });
    const plain = PartnerSubscription.parse({ ...licence, partnerId: '', actions: null, suspensionReasons: 'Fraud' });
    expect(plain).toMatchObject({ actions: [], suspensionReasons: [] });
    expect(plain).not.toHaveProperty('partnerId');
  });

  const batch = { quantity: 3, allowedUntilDateTime: '2026-09-10T00:00:00.000Z' };
  it.each([
    ['without batches', { totalQuantity: 4, details: null }, { totalQuantity: 4, details: [] }],
    ['without a total', { details: [batch, { ...batch, quantity: 2 }] }, { totalQuantity: 5 }],
    [
      'with an unreadable date',
      { details: [{ ...batch, allowedUntilDateTime: 'soon' }] },
      { details: [{ quantity: 3 }] },
    ],
  ])('reads the seats that may be given back %s', (_, refundableQuantity, expected) => {
    expect(PartnerSubscription.parse({ ...licence, refundableQuantity })).toMatchObject({
      refundableQuantity: expected,
    });
  });

  it.each(['many', { details: [{}] }, null])('takes %j for no seats that may be given back', (refundableQuantity) => {
    expect(PartnerSubscription.parse({ ...licence, refundableQuantity })).not.toHaveProperty('refundableQuantity');
  });

  it.each([
    ['Suspended', 'suspended'],
    ['hibernated', 'unknown'],
    [null, 'unknown'],
  ])('reads the status %s as %s', (status, expected) => {
    expect(PartnerSubscription.parse({ ...licence, status }).status).toBe(expected);
  });

  it('refuses one without seats or id', () => {
    expect(PartnerSubscription.safeParse({ ...licence, quantity: 'ten' }).success).toBe(false);
    expect(PartnerSubscription.safeParse({ ...licence, id: null }).success).toBe(false);
  });

  it('reads all recorded ones', () => {
    const { items } = bodyOf('get-subscriptions', 'list-subscriptions') as { items?: unknown[] };
    expect(collection(PartnerSubscription).parse({ items })).toHaveLength(items?.length ?? 0);
  });
});

describe('transitions', () => {
  it.each([
    ['Started ', 'started'],
    ['COMPLETED', 'completed'],
    ['failed', 'failed'],
    ['Paused', 'unknown'],
    [undefined, 'unknown'],
  ])('read the status %j of an event as %s', (status, expected) => {
    const { events } = Transition.parse({ OperationId: 'o1', Events: [{ Name: 'Conversion ', Status: status }] });
    expect(events).toEqual([{ name: 'Conversion', status: expected, errors: [] }]);
  });

  it('read why one failed, codes as text', () => {
    const errors = [{ code: 12, description: 'User license error' }, { code: 'Other' }];
    const { events } = Transition.parse({
      operationId: 'o1',
      events: [{ name: 'LicenseReassignment', status: 'Failed', errors }],
    });
    expect(events[0]?.errors).toEqual([
      { code: '12', description: 'User license error' },
      { code: 'Other', description: '' },
    ]);
  });

  it('take a way that nobody calls eligible for closed', () => {
    const { eligibilities } = TransitionEligibility.parse({
      catalogItemId: 'a:b:c',
      eligibilities: [{ isEligible: null, transitionType: 'Transition_Only' }],
    });
    expect(eligibilities).toEqual([{ isEligible: false, transitionType: 'transition_only', errors: [] }]);
  });
});

describe('orders', () => {
  it('reads a recorded one', () => {
    const { orders } = Checkout.parse(bodyOf('checkout-cart', 'checkout-pending'));
    expect(orders[0]).toMatchObject({ id: '5e1c7a90b2d4', lineItems: [{ lineItemNumber: 0, quantity: 10 }] });
  });

  it.each([
    ['completed', 'completed'],
    ['Completed', 'completed'],
    ['pending review', 'pending-review'],
    ['pending_po_upload', 'pending-po-upload'],
    ['PO Review Rejected', 'po-review-rejected'],
    ['partialSuccess', 'partial-success'],
    [undefined, 'unknown'],
  ])('writes the status %s as %s', (status, expected) => {
    expect(Order.parse({ id: 'o1', status, lineItems: null })).toEqual({ id: 'o1', status: expected, lineItems: [] });
  });

  it('returns what failed inside a success, codes as text', () => {
    const orderErrors = [{ orderGroupId: '0', code: 900121, description: 'Insufficient credit' }];
    expect(Checkout.parse({ orderErrors })).toEqual({
      orders: [],
      orderErrors: [{ code: '900121', description: 'Insufficient credit' }],
    });
  });
});

describe('carts', () => {
  it('reads a recorded one', () => {
    expect(Cart.parse(bodyOf('create-cart', 'create-cart'))).toEqual({
      id: '3f2b9a51-7c08-4d1e-b6f4-5a9e0c7d2183',
      status: 'active',
      lineItems: [{ id: 0, catalogItemId: 'CFQ7TTC0XA11:0001:CFQ7TTC0XB22', quantity: 10 }],
      expiresAt: '2026-09-08T09:45:04.552Z',
    });
  });

  it('reads the other spelling of its expiry, line ids that are text, and faults of lines', () => {
    const cart = Cart.parse({
      id: 'c1',
      status: 'Ordered',
      expirationTimeStamp: '2026-09-08T09:45:04',
      lineItems: [
        { id: '0', catalogItemId: 'a:b:c', quantity: 1, error: { errorCode: 10001, errorDescription: 'gone' } },
      ],
    });
    expect(cart).toEqual({
      id: 'c1',
      status: 'ordered',
      expiresAt: '2026-09-08T09:45:04.000Z',
      lineItems: [{ id: 0, catalogItemId: 'a:b:c', quantity: 1, error: { code: '10001', description: 'gone' } }],
    });
  });
});

describe('rules of a country', () => {
  const expected = { states: ['MI'], languages: ['en', 'it'], cultures: ['it-IT'], callingCodes: ['39'] };

  it('are read as they came in practice', () => {
    expect(CountryRules.parse(bodyOf('country-validation-rules', 'rules-it'))).toEqual({
      isStateRequired: false,
      isPostalCodeRequired: true,
      postalCodeRegex: '^\\d{5}$',
      defaultCulture: 'it-IT',
      states: [],
      languages: ['en', 'it'],
      cultures: ['it-IT', 'en-US'],
      callingCodes: ['39'],
    });
  });

  it.each([
    [
      'documentation',
      {
        states: { value: ['MI'] },
        supportedLanguages: { value: ['en', 'it'] },
        supportedCultures: { value: ['it-IT'] },
        countryCallingCodes: { value: [39] },
      },
    ],
    [
      'practice',
      {
        supportedStatesList: ['MI'],
        supportedLanguagesList: ['en', 'it'],
        supportedCulturesList: ['it-IT'],
        countryCallingCodesList: ['39'],
      },
    ],
  ])('have the names of the %s', (_, form) => {
    expect(CountryRules.parse(form)).toMatchObject(expected);
  });
});

describe('catalogue', () => {
  it('reads SKUs and availabilities', () => {
    const [sku] = collection(Sku).parse(bodyOf('catalog-skus', 'list-skus'));
    expect(sku).toEqual({
      id: '0001',
      title: 'Sample Workspace Basic',
      minimumQuantity: 1,
      maximumQuantity: 300,
      isTrial: false,
      conversions: [],
    });
    const [availability] = collection(Availability).parse(bodyOf('catalog-availabilities', 'list-availabilities'));
    expect(availability).toMatchObject({
      catalogItemId: 'CFQ7TTC0XA11:0001:CFQ7TTC0XB22',
      segment: 'commercial',
      isPurchasable: true,
      terms: [
        { duration: 'P1Y', billingCycle: 'annual' },
        { duration: 'P1Y', billingCycle: 'monthly' },
        { duration: 'P1M', billingCycle: 'monthly' },
      ],
    });
  });
});

describe('what a trial can become', () => {
  const bodies = collection(Sku).parse(bodyOf('catalog-skus', 'list-skus'));

  it('is read with its time, term and billing cycle', () => {
    const becomes = { toId: 'CFQ7TTC0XA11:0001', billingCycle: 'monthly' };
    expect(bodies.find(({ isTrial }) => isTrial)?.conversions).toEqual([
      { ...becomes, timing: 'immediate', term: 'P1Y' },
      { ...becomes, timing: 'scheduled', term: 'P1Y' },
      { ...becomes, timing: 'scheduled', term: 'P1M' },
    ]);
  });

  it.each([{}, { conversionInstructions: null }, { conversionInstructions: [{ conversionOptions: [{}] }] }, 'none'])(
    'is not known where it cannot be read: %j',
    (dynamicAttributes) => {
      const { conversions = [] } = Sku.parse({ id: '0003', isTrial: true, dynamicAttributes });
      expect(conversions).toEqual([]);
    },
  );
});

describe('instants and collections', () => {
  it.each([
    ['2026-09-01T09:46:31.8990127Z', '2026-09-01T09:46:31.899Z'],
    ['2026-09-01T09:46:31', '2026-09-01T09:46:31.000Z'],
    ['2026-09-01T09:46:31+00:00', '2026-09-01T09:46:31.000Z'],
    ['2026-09-01T01:46:31-08:00', '2026-09-01T09:46:31.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
    ['2026-09-01', '2026-09-01T00:00:00.000Z'],
  ])('reads %s', (form, expected) => {
    expect(Instant.parse(form)).toBe(expected);
  });

  it('reads a collection in both of its forms', () => {
    const customer = { id: 'c1', companyProfile: { domain: 'a.example', companyName: 'A' } };
    const expected = [{ id: 'c1', domain: 'a.example', companyName: 'A' }];
    expect(collection(Customer).parse([customer])).toEqual(expected);
    expect(collection(Customer).parse({ totalCount: 1, Items: [customer] })).toEqual(expected);
    expect(collection(Customer).parse({ totalCount: 0, items: null })).toEqual([]);
    expect(collection(Customer).parse({ totalCount: 0 })).toEqual([]);
  });

  it.each([[{}], [{ status: 'maintenance' }], [{ totalCount: 2 }], ['none']])(
    'takes %j for no empty collection',
    (answer) => {
      expect(collection(Customer).safeParse(answer).success).toBe(false);
    },
  );
});

describe('whatever arrives', () => {
  const damaged = fc
    .dictionary(fc.constantFrom(...Object.keys(licence), '__proto__'), fc.jsonValue({ maxDepth: 4 }))
    .map((damage) => ({ ...licence, ...damage }));

  it.each([
    ['a partner subscription', PartnerSubscription],
    ['an order', Order],
    ['a cart', Cart],
    ['a checkout', Checkout],
    ['rules of a country', CountryRules],
    ['availabilities', collection(Availability)],
    ['transitions', collection(Transition)],
    ['what can be moved to', collection(TransitionEligibility)],
  ])('%s is read or refused, never an exception', (_, schema) => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), damaged), (json) => void schema.safeParse(json)),
      { numRuns: 500 },
    );
  });
});

it.each([
  [
    {
      quantity: 6,
      product: { productId: 'CFQ7TTC0LH18', skuId: '0001', termDuration: 'P1Y', billingCycle: 'monthly' },
    },
    { seats: 6, productId: 'CFQ7TTC0LH18', skuId: '0001', term: 'P1Y', billingCycle: 'monthly' },
  ],
  [
    {
      Quantity: 6,
      Product: { ProductId: 'CFQ7TTC0LH18', SkuId: '0001', TermDuration: 'P1M', BillingCycle: 'Monthly' },
    },
    { seats: 6, productId: 'CFQ7TTC0LH18', skuId: '0001', term: 'P1M', billingCycle: 'monthly' },
  ],
  [{ quantity: 'six', product: 'none' }, {}],
])('reads the instructions for the next term, whatever their case: %j', (shown, read) => {
  expect(NextTerm.parse(shown)).toEqual(read);
});
