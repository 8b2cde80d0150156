import type { Clock } from '../core/clock.ts';
import type { Reply } from '../core/server.ts';
import type { Api, Request } from './api.ts';
import type { Catalog, Product, Sku, Term } from './catalog.ts';
import { findCountry } from './countries.ts';
import { findCustomer } from './customers.ts';
import type { State } from './model.ts';
import { invalidInput, refusal } from './refusals.ts';
import { collection, linkTo, ok } from './replies.ts';

const OPEN_VIEWS = new Set(
  [
    'Azure',
    'AzureReservations',
    'AzureReservationsVM',
    'AzureReservationsSQL',
    'AzureReservationsCosmosDb',
    'MicrosoftAzure',
    'OnlineServices',
    'Software',
    'SoftwareSUSELinux',
    'SoftwarePerpetual',
    'SoftwareSubscriptions',
    'MarketplaceSaaS',
  ].map((view) => view.toLowerCase()),
);
const SEGMENTS = new Set(['commercial', 'education', 'government', 'nonprofit']);

export interface CatalogParts {
  api: Api;
  clock: Clock;
  state: State;
  catalog: Catalog;
  partnerTenantId: string;
}

/** Where a read of the catalog comes from: a market by its country, or a customer, whose country counts. */
interface Reading {
  country: string;
  /** The path as links print it, without query. */
  path: string;
  self: string;
}

/**
 * Products, SKUs and availabilities, by country and by customer. Calls by country must name it; without `targetSegment`
 * availabilities of all segments but nonprofit come back.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-a-list-of-availabilities-for-a-sku
 * @see https://learn.microsoft.com/partner-center/developer/get-a-list-of-availabilities-for-a-sku-by-customer
 */
export function defineCatalog(parts: CatalogParts): void {
  const { api, catalog } = parts;

  function define(pattern: string, operation: (request: Request, reading: Reading) => Reply): void {
    api.define('any', 'GET', `/v1${pattern}`, (request) => operation(request, readByCountry(request)));
    api.define('any', 'GET', `/v1/customers/:customerId${pattern}`, (request) => {
      const customer = findCustomer(request, parts);
      return operation(request, reading(request, customer.country));
    });
  }

  define('/products', ({ query }, { country, self }) => {
    const view = query.get('targetView');
    if (view === null) throw invalidInput('The parameter targetView is required.');
    if (!OPEN_VIEWS.has(view.toLowerCase())) throw refusal(403, 400036);
    const segment = readSegment(query);
    const products = catalog
      .products()
      .filter(({ targetViews }) => targetViews.some((name) => name.toLowerCase() === view.toLowerCase()))
      .filter(({ skus }) => segment === undefined || skus.some((sku) => isSoldIn(sku, segment)));
    return collection(
      products.map((product) => viewProduct(product, country)),
      self,
    );
  });

  define('/products/:productId', ({ params }, { country }) => ok(viewProduct(findProduct(params.productId!), country)));

  define('/products/:productId/skus', ({ params, query }, { country, self }) => {
    const product = findProduct(params.productId!);
    const segment = readSegment(query);
    const skus = product.skus.filter((sku) => segment === undefined || isSoldIn(sku, segment));
    return collection(
      skus.map((sku) => viewSku(product, sku, country)),
      self,
    );
  });

  define('/products/:productId/skus/:skuId', ({ params }, { country }) => {
    const product = findProduct(params.productId!);
    return ok(viewSku(product, findSku(product, params.skuId!), country));
  });

  define('/products/:productId/skus/:skuId/availabilities', ({ params, query }, { country, self }) => {
    const product = findProduct(params.productId!);
    const sku = findSku(product, params.skuId!);
    const segment = readSegment(query);
    const items = catalog
      .availabilities(sku)
      .filter((one) => (segment === undefined ? one.segment !== 'nonprofit' : one.segment === segment))
      .map((one) => viewAvailability(product, sku, one, country));
    return collection(items, self);
  });

  define('/products/:productId/skus/:skuId/availabilities/:availabilityId', ({ params }, { country }) => {
    const product = findProduct(params.productId!);
    const sku = findSku(product, params.skuId!);
    const wanted = params.availabilityId!.toUpperCase();
    const availability = catalog.availabilities(sku).find(({ id }) => id === wanted);
    if (availability === undefined) throw refusal(404, 400019);
    return ok(viewAvailability(product, sku, availability, country));
  });

  function findProduct(productId: string): Product {
    const product = catalog.findProduct(productId);
    if (product === undefined) throw refusal(404, 400013);
    return product;
  }

  function findSku(product: Product, skuId: string): Sku {
    const sku = catalog.findSku(product.id, skuId);
    if (sku === undefined) throw refusal(404, 400018);
    return sku;
  }
}

function readByCountry(request: Request): Reading {
  const country = request.query.get('country')?.toUpperCase();
  if (country === undefined || !/^[A-Z]{2}$/.test(country)) {
    throw invalidInput('The parameter country must be an ISO code of two letters.');
  }
  if (findCountry(country) === undefined) throw refusal(400, 20000, 'Current country not supported');
  return reading(request, country);
}

function reading({ call, query }: Request, country: string): Reading {
  const path = call.path.replace(/^\/v1/i, '');
  return { country, path, self: query.size === 0 ? path : `${path}?${query.toString()}` };
}

function readSegment(query: URLSearchParams): string | undefined {
  const segment = query.get('targetSegment')?.toLowerCase();
  if (segment !== undefined && !SEGMENTS.has(segment)) throw refusal(403, 400030);
  return segment;
}

function isSoldIn(sku: Sku, segment: string): boolean {
  return sku.availabilities.some((availability) => availability.segment === segment);
}

function viewProduct({ id, title, productType }: Product, country: string): object {
  return {
    id,
    title,
    description: `${title} (sample)`,
    productType: { id: productType, displayName: productType },
    isMicrosoftProduct: true,
    publisherName: 'Microsoft Corporation',
    links: {
      skus: linkTo(`/products/${id}/skus?country=${country}`),
      self: linkTo(`/products/${id}?country=${country}`),
    },
  };
}

function viewSku(product: Product, sku: Sku, country: string): object {
  const { id, title, minimumQuantity, maximumQuantity, supportedBillingCycles } = sku;
  const path = `/products/${product.id}/skus/${id}`;
  return {
    id,
    productId: product.id,
    title,
    description: `${title} (sample)`,
    minimumQuantity,
    maximumQuantity,
    isTrial: sku.kind === 'trial',
    supportedBillingCycles: [...supportedBillingCycles],
    purchasePrerequisites: ['MicrosoftCustomerAgreement'],
    inventoryVariables: [],
    provisioningVariables: [],
    actions: ['Refund'],
    dynamicAttributes: viewDynamicAttributes(sku),
    links: {
      availabilities: linkTo(`${path}/availabilities?country=${country}`),
      self: linkTo(`${path}?country=${country}`),
    },
  };
}

function viewDynamicAttributes(sku: Sku): object {
  if (sku.kind === 'plan' || sku.kind === 'software') return { isMicrosoftProduct: true };
  return {
    isMicrosoftProduct: true,
    hasConstraints: true,
    isAddon: sku.isAddon === true,
    prerequisiteSkus: [...(sku.prerequisiteSkus ?? [])],
    ...(sku.convertsTo === undefined
      ? { upgradeTargetOffers: [...(sku.upgradeTargetOffers ?? [])] }
      : { conversionInstructions: [viewConversions(sku)] }),
    ...(sku.provisioningId === undefined ? {} : { provisioningId: sku.provisioningId }),
    internal: false,
  };
}

function viewConversions({ convertsTo = [], terms }: Sku): object {
  const yearly = { termDuration: 'P1Y', billingPlan: 'P1M' };
  const monthly = { termDuration: 'P1M', billingPlan: 'P1M' };
  return {
    applicableTermIds: terms.map(({ id }) => id),
    conversionOptions: convertsTo.map((transferToId) => ({
      transferToId,
      termTransferRules: [
        { transferTiming: 'Immediate', allowedTransferToTermDurationAndBilling: [yearly] },
        { transferTiming: 'Scheduled', allowedTransferToTermDurationAndBilling: [yearly, monthly] },
      ],
    })),
  };
}

function viewAvailability(
  product: Product,
  sku: Sku,
  { id, segment }: { id: string; segment: string },
  country: string,
): object {
  const path = `/products/${product.id}/skus/${sku.id}`;
  const isRenewable = sku.kind === 'licence' || sku.kind === 'trial';
  const renewal = {
    applicableTermIds: sku.terms.map((term) => term.id),
    renewalOptions: [{ renewToId: `${product.id}:${sku.id}`, isAutoRenewable: true }],
  };
  return {
    id,
    productId: product.id,
    skuId: sku.id,
    catalogItemId: `${product.id}:${sku.id}:${id}`,
    defaultCurrency: { ...findCountry(country)?.currency },
    segment,
    country,
    isPurchasable: true,
    isRenewable,
    renewalInstructions: isRenewable ? [renewal] : [],
    terms: sku.terms.map(viewTerm),
    links: { self: linkTo(`${path}/availabilities/${id}?country=${country}`) },
  };
}

function viewTerm({ id, duration, description, billingCycle, refundOptions }: Term): object {
  return {
    id,
    duration,
    description,
    billingCycle,
    cancellationPolicies: refundOptions.length === 0 ? [] : [{ refundOptions }],
  };
}
