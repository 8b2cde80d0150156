import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './calendar.ts';
import { type Answer, type Body, CUSTOMER_TEMPLATE, type PartnerClient, startPartnerClient } from './partner-client.ts';

const EXAMPLES: Record<string, { status: number; body: unknown }> = JSON.parse(
  readFileSync(new URL('./seed/examples.json', import.meta.url), 'utf8'),
);

/** Every field of a body with its type, e.g. `items[].quantity: number`; empty lists and null say nothing. */
function shapeOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => shapeOf(item, `${path}[]`));
  if (value === null) return [];
  if (typeof value !== 'object') return [`${path}: ${typeof value}`];
  return Object.entries(value).flatMap(([name, inner]) => shapeOf(inner, path === '' ? name : `${path}.${name}`));
}

function expectShape(name: string, { status, body }: Answer, allowed: { more?: RegExp; fewer?: RegExp } = {}): void {
  const example = EXAMPLES[name]!;
  expect(status, name).toBe(example.status);
  const [wanted, got] = [new Set(shapeOf(example.body)), new Set(shapeOf(body))];
  const missing = [...wanted].filter((field) => !got.has(field) && allowed.fewer?.test(field) !== true);
  const extra = [...got].filter((field) => !wanted.has(field) && allowed.more?.test(field) !== true);
  expect({ name, missing, extra }).toEqual({ name, missing: [], extra: [] });
}

describe('answers have the fields of the documented examples', () => {
  let client: PartnerClient;
  let customer: Answer;
  let customerId: string;
  let path: string;

  beforeAll(async () => {
    client = await startPartnerClient();
    customer = await client.call('POST', '/v1/customers', {
      body: { ...CUSTOMER_TEMPLATE, enableGDAPByDefault: false },
    });
    customerId = customer.body.id;
    path = `/v1/customers/${customerId}`;
    await client.acceptAgreement(customerId);
    await client.createCustomer('padariaestrela.onmicrosoft.com');
  });
  afterAll(() => client.stop());

  const get = (at: string, as: 'app' | 'user' = 'app') => client.call('GET', at, { as });

  it('for customers', async () => {
    expectShape('create-customer', customer);
    expectShape('get-customer', await get(path));
    expectShape('list-customers-page-1', await get('/v1/customers?size=1'));
    const more = /^(phoneNumberRegex|isRegistrationNumberSupported):/;
    expectShape('rules-it', await get('/v1/countryvalidationrules/IT'), { more });
    client.emulator.setVetting(customerId, 'Allowed');
    expectShape('validation-allowed', await get(`${path}/validationStatus?type=account`, 'user'));
    const address = { AddressLine1: 'Esempio', City: 'Milano', State: 'MI', PostalCode: '20121', Country: 'IT' };
    const check = (changes: object) =>
      client.call('POST', '/v1/validations/address', { body: { ...address, ...changes } });
    expectShape('address-verified', await check({ AddressLine1: "Via dell'Esempio 12" }));
    expectShape('address-street-partial', await check({}));
    expectShape('address-none', await check({ City: 'Nowhere' }));
  });

  it('for agreements', async () => {
    const signatory = {
      country: 'IT',
      language: 'it-IT',
      companyName: 'Panificio Aurora S.r.l.',
      signatoryFirstName: 'Anna',
      signatoryLastName: 'Ferri',
      signatoryEmail: 'anna.ferri@panificio-aurora.example',
      signatoryPhoneNumber: '0255501235',
    };
    const attestation = await client.call('POST', '/v1/attestations/enhanced', { body: signatory });
    expectShape('create-attestation', attestation);
    const { attestationId } = attestation.body;
    client.emulator.acceptAttestation(attestationId);
    expectShape('get-attestation-accepted', await get(`/v1/attestations/enhanced/${attestationId}`));
    const body = { attestationId, type: 'MicrosoftCustomerAgreement' };
    const create = () => client.call('POST', `${path}/agreements`, { body });
    expectShape('create-agreement-from-attestation', await create());
    expectShape('confirm-acceptance-duplicate', await create());
    const type = 'agreementType=MicrosoftCustomerAgreement';
    const metadata = await get(`/v1/agreements?${type}`, 'user');
    expectShape('agreement-metadata', metadata);
    expectShape('list-agreements', await get(`${path}/agreements?${type}`, 'user'));
    const { templateId } = metadata.body.items[0];
    expectShape('agreement-document', await get(`/v1/agreementtemplates/${templateId}/document?country=IT`, 'user'));
  });

  it('for the catalog', async () => {
    const query = 'country=IT&targetSegment=commercial';
    expectShape('list-products', await get(`/v1/products?${query}&targetView=OnlineServices`));
    expectShape('list-skus', await get(`/v1/products/CFQ7TTC0XA11/skus?${query}`));
    expectShape('get-sku-azure-plan', await get(`${path}/products/DZH318Z0BPS6/skus/0001`));
    expectShape('list-availabilities', await get(`/v1/products/CFQ7TTC0XA11/skus/0001/availabilities?${query}`));
    expectShape('list-availabilities-trial', await get(`${path}/products/CFQ7TTC0XA11/skus/0003/availabilities`));
    expectShape('list-availabilities-azure-plan', await get(`${path}/products/DZH318Z0BPS6/skus/0001/availabilities`));
  });

  it('for carts, orders and subscriptions', async () => {
    const catalogItemId = await client.itemId('CFQ7TTC0XA11:0001');
    const line = {
      catalogItemId,
      friendlyName: 'Sede di Milano',
      quantity: 10,
      billingCycle: 'monthly',
      termDuration: 'P1Y',
    };
    const cart = await client.createCart(customerId, [line]);
    expectShape('create-cart', cart);
    expectShape('create-cart-line-error', await client.createCart(customerId, [{ ...line, quantity: 400 }]));
    const planId = await client.itemId('DZH318Z0BPS6:0001');
    const planLine = { catalogItemId: planId, quantity: 1, billingCycle: 'one_time' };
    expectShape('create-cart-azure-plan', await client.createCart(customerId, [planLine]));

    const checkout = await client.checkOut(customerId, cart.body.id);
    expectShape('checkout-pending', checkout);
    const orderPath = `${path}/orders/${checkout.body.orders[0].id}`;
    await client.clock.advance(3_000);
    const order = await get(orderPath);
    expectShape('get-order-completed', order);
    expectShape('order-provisioning-fulfilled', await get(`${orderPath}/provisioningstatus`, 'user'));
    const subscriptionPath = `${path}/subscriptions/${order.body.lineItems[0].subscriptionId}`;
    expectShape('get-subscription', await get(subscriptionPath));
    expectShape('subscription-provisioning-status', await get(`${subscriptionPath}/provisioningstatus`, 'user'));
    expectShape('custom-term-end-dates', await get(`${path}/subscriptions/customTermEndDates?term_duration=P1Y`));

    expectShape('eligibilities-immediate', await get(`${subscriptionPath}/transitionEligibilities`), {
      fewer: /\.errors\[\]/,
    });
    const upgrade: Body = {
      toCatalogItemId: await client.itemId('CFQ7TTC0XC33:0001'),
      quantity: 10,
      transitionType: 'transition_only',
    };
    const transition = await client.call('POST', `${subscriptionPath}/transitions`, { body: upgrade });
    expectShape('transition-full', transition);
    await client.clock.advance(MINUTE_MS);
    expectShape('transitions-history', await get(`${subscriptionPath}/transitions`));
    const today = new Date(client.clock.now()).toISOString().slice(0, 10);
    await client.change(customerId, order.body.lineItems[0].subscriptionId, { quantity: 11 });
    expectShape('audit-records', await get(`/v1/auditrecords?startDate=${today}&endDate=${today}`));
  });

  it('for trials and Azure plans', async () => {
    const other = await client.createCustomer('forno.onmicrosoft.com');
    await client.acceptAgreement(other.customerId);
    const otherPath = `/v1/customers/${other.customerId}`;
    const trialLine = { offer: 'CFQ7TTC0XA11:0003', quantity: 25, billingCycle: 'none', termDuration: 'P1M' };
    const trial = await client.buy(other.customerId, trialLine);
    expectShape('get-trial', await get(`${otherPath}/subscriptions/${trial.id}`));
    const plan = await client.buy(other.customerId, { offer: 'DZH318Z0BPS6:0001' });
    const planPath = `${otherPath}/subscriptions/${plan.id}`;
    expectShape('get-azure-plan', await get(planPath));
    const entitlements = await get(`${planPath}/azureEntitlements`);
    expectShape('list-entitlements', entitlements);
    expectShape('get-entitlement', await get(`${planPath}/azureEntitlements/${entitlements.body.items[0].id}`));
    await client.call('PATCH', `${otherPath}/usagebudget`, { body: { Amount: 400 } });
    await client.clock.advance(5 * HOUR_MS);
    expectShape('usage-summary', await get(`${otherPath}/usagesummary`, 'user'));
    expectShape('plan-usage-summary', await get(`${planPath}/usagesummary`, 'user'));
    expectShape('subscriptions-usage-records', await get(`${otherPath}/subscriptions/usagerecords`, 'user'));
    expectShape('resource-usage-records', await get(`${planPath}/resourceusagerecords`, 'user'));
    expectShape('meter-usage-records', await get(`${planPath}/meterusagerecords`, 'user'));
    expectShape('customers-usage-records', await get('/v1/customers/usagerecords', 'user'));
  });

  it('for audit records of the last 90 days only', async () => {
    const startDate = new Date(client.clock.now() - 95 * DAY_MS).toISOString().slice(0, 10);
    expect(await get(`/v1/auditrecords?startDate=${startDate}`)).toMatchObject({ status: 400 });
    const filter = encodeURIComponent(JSON.stringify({ Field: 'CustomerId', Value: customerId, Operator: 'equals' }));
    const { items } = (await get(`/v1/auditrecords?filter=${filter}`)).body;
    expect(items.map(({ operationType }: Body) => operationType)).toContain('create_order');
  });
});
