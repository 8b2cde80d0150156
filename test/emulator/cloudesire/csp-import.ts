import { type ConfigurationParameter, idOf, type Plan, type Product, type Ref } from './model.ts';
import { refusal } from './refusal.ts';
import { isObject } from './reports.ts';
import { pick, type State } from './state.ts';

export type CspProductType = 'license' | 'azure' | 'arm';

const OWN_FIELDS: Record<CspProductType, string[]> = {
  license: ['offerId'],
  azure: ['azurePublisher', 'azureOffer', 'azureSku'],
  arm: ['template'],
};
const LICENSE_ITEM = 901;
const AZURE_OFFER = 'MS-AZR-0146P';

/**
 * Imports a CSP product as a platform administrator does: the product, one plan, and what the kind needs with it, seats
 * for licences and a DNS prefix for Azure. The Microsoft identifiers go to the plan's metadata.
 *
 * @throws {Refusal} 400 when a field is missing or the SKU is taken
 * @see https://docs.cloudesire.com/docs/csp-product.html
 */
export function importProduct(state: State, type: CspProductType, body: unknown): Product {
  if (!isObject(body)) throw refusal(400, 'The body is not an object');
  const text = (field: string): string => {
    const value = body[field];
    if (typeof value !== 'string' || value === '') throw refusal(400, `The field ${field} is required`);
    return value;
  };
  const name = text('name');
  const sku = text('sku');
  const identifiers = Object.fromEntries(OWN_FIELDS[type].map((field) => [field, text(field)]));
  const price = Number(body.price);
  if (body.price === undefined || !Number.isFinite(price)) throw refusal(400, 'The field price is required');
  const company = pick(state.companies, 'Company', idOf((body.company ?? '') as Ref | string));
  if ([...state.products.values()].some((product) => product.sku === sku)) throw refusal(400, 'The SKU is taken');

  const productId = state.nextId('product');
  const planId = state.nextId('plan');
  const parameters = type === 'license' ? [] : [addDnsPrefix(state)];
  const references = parameters.map(({ self }) => ({ url: self }));
  const plan: Plan = {
    id: planId,
    self: `productVersion/${planId}`,
    name,
    product: { url: `product/${productId}` },
    identifier: `${sku}-plan`,
    price: type === 'license' ? 0 : price,
    billingPeriod: 1,
    minimumDuration: 1,
    trial: 'NOT_ALLOWED',
    autoRenewable: true,
    upgradable: true,
    unkillable: false,
    published: false,
    billingItemValues: type === 'license' ? [licensePrice(state, price)] : [],
    configurationParameters: references,
    externalId: identifiers.offerId ?? AZURE_OFFER,
  };
  const product: Product = {
    id: productId,
    self: `product/${productId}`,
    name,
    slug: sku,
    sku,
    type: 'CSP',
    isCsp: true,
    cspProductType: type,
    company: { url: company.self },
    productVersion: [{ url: plan.self }],
    configurationParameters: references,
    syndicationEndpoints: [],
    orderValidationUrls: [],
    destination: 'B2B',
    subscriptionsPerProduct: 'UNLIMITED',
    subscriptionApproval: false,
  };
  state.products.set(productId, product);
  state.plans.set(planId, plan);
  state.metadata.set(plan.self, identifiers);
  state.note('product-imported', { product: productId, plan: planId, type });
  return product;
}

function licensePrice(state: State, price: number): Plan['billingItemValues'][number] {
  const id = state.nextId('billingItemValue');
  const item = pick(state.billingItems, 'BillingItem', LICENSE_ITEM);
  return { id, self: `billingItemValue/${id}`, item: { url: item.self }, start: 1, end: 300, price, step: 1 };
}

function addDnsPrefix(state: State): ConfigurationParameter {
  const id = state.nextId('configurationParameter');
  const parameter: ConfigurationParameter = {
    id,
    self: `configurationParameter/${id}`,
    name: 'DNS prefix',
    code: 'DNS_PREFIX',
    required: true,
    weight: 1,
    sensitive: false,
  };
  state.configurationParameters.set(id, parameter);
  return parameter;
}
