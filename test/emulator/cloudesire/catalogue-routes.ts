import type { Api, ApiCall } from './api.ts';
import { isAdministrator, isVendor } from './authentication.ts';
import { importProduct } from './csp-import.ts';
import { page, wholeNumber } from './listing.ts';
import type { MetadataAccess } from './metadata-routes.ts';
import { type BillingItem, idOf, type Plan, type Product, type Resource } from './model.ts';
import { accessDenied, notFound, refusal } from './refusal.ts';
import { pick, type State } from './state.ts';
import type { Switches } from './switches.ts';

const CONSTANT_SPELLING = { license: 'LICENSE_BASED', azure: 'AZURE_MARKETPLACE', arm: 'ARM_TEMPLATE' } as const;

/** Routes of products, plans, configuration parameters and extra resources. */
export function addCatalogueRoutes(parts: {
  api: Api;
  state: State;
  switches: Switches;
  metadata: MetadataAccess;
  parameterValues: (parameterId: number, body: unknown) => Promise<unknown>;
}): void {
  const { api, state, switches, metadata, parameterValues } = parts;

  function productOf({ call }: ApiCall): Product {
    return pick(state.products, 'Product', call.params.productId ?? '');
  }

  function writeProduct(product: Product): Resource {
    const { cspProductType, configurationParameters, published, ...rest } = product;
    return {
      ...rest,
      ...(typeof published === 'string' ? { published: new Date(published) } : {}),
      configurationParameters: configurationParameters.map((reference) =>
        pick(state.configurationParameters, 'ConfigurationParameter', idOf(reference)),
      ),
      ...(cspProductType === undefined ? {} : { cspProductType: spelled(cspProductType) }),
    };
  }

  function spelled(type: keyof typeof CONSTANT_SPELLING): string {
    return switches.cspProductTypeSpelling === 'short' ? type : CONSTANT_SPELLING[type];
  }

  api.route('GET', '/product', (request) => {
    const { query } = request.call;
    const name = query.get('name')?.toLowerCase();
    const productType = query.get('productType');
    const company = wholeNumber(query, 'company');
    const products = [...state.products.values()].filter(
      (product) =>
        (name === undefined || product.name.toLowerCase().includes(name)) &&
        (productType === null || product.type === productType) &&
        (company === undefined || idOf(product.company) === company),
    );
    return page(request, products, writeProduct);
  });
  api.route('GET', '/product/:productId', (request) => ({ status: 200, body: writeProduct(productOf(request)) }));
  api.route('GET', '/product/sku/:sku', ({ call }) => {
    const product = [...state.products.values()].find(({ sku }) => sku === call.params.sku);
    if (product === undefined) throw notFound('Product', call.params.sku ?? '');
    return { status: 200, body: writeProduct(product) };
  });

  for (const type of ['license', 'azure', 'arm'] as const) {
    api.route('POST', `/product/csp/${type}`, (request) => {
      if (!isAdministrator(request.user)) throw accessDenied();
      const product = importProduct(state, type, request.body());
      return { status: 201, body: writeProduct(product) };
    });
  }

  function planOf({ call }: ApiCall): Plan {
    return pick(state.plans, 'ProductVersion', call.params.productVersionId ?? '');
  }

  api.route('GET', '/productVersion', (request) => {
    const product = wholeNumber(request.call.query, 'product');
    const name = request.call.query.get('name')?.toLowerCase();
    const plans = [...state.plans.values()].filter(
      (plan) =>
        (product === undefined || idOf(plan.product) === product) &&
        (name === undefined || plan.name.toLowerCase().includes(name)),
    );
    return page(request, plans, (plan) => plan);
  });
  api.route('GET', '/productVersion/:productVersionId', (request) => ({ status: 200, body: planOf(request) }));
  api.route('GET', '/productVersion/identifier/:identifier', ({ call }) => {
    const plan = [...state.plans.values()].find(({ identifier }) => identifier === call.params.identifier);
    if (plan === undefined) throw notFound('ProductVersion', call.params.identifier ?? '');
    return { status: 200, body: plan };
  });

  metadata.addRoutes('product', (request) => productOf(request).self);
  metadata.addRoutes('productVersion', (request) => planOf(request).self);

  api.route('GET', '/configurationParameter', (request) => {
    const productId = wholeNumber(request.call.query, 'productId');
    if (productId === undefined) throw refusal(400, 'The parameter productId is missing');
    const product = pick(state.products, 'Product', productId);
    const parameters = product.configurationParameters.map((reference) =>
      pick(state.configurationParameters, 'ConfigurationParameter', idOf(reference)),
    );
    return page(request, parameters, (parameter) => parameter);
  });
  api.route('GET', '/configurationParameter/:parameterId', ({ call }) => ({
    status: 200,
    body: pick(state.configurationParameters, 'ConfigurationParameter', call.params.parameterId ?? ''),
  }));
  api.route('POST', '/configurationParameter/:parameterId/values', async (request) => {
    const { id } = pick(state.configurationParameters, 'ConfigurationParameter', request.call.params.parameterId ?? '');
    return { status: 200, body: await parameterValues(id, request.body()) };
  });

  api.route('GET', '/billingItem/:billingItemId', ({ call, user }) => {
    const key = call.params.billingItemId ?? '';
    const identifier = /^identifier=(.*)$/.exec(key)?.[1];
    const item: BillingItem | undefined =
      identifier === undefined
        ? pick(state.billingItems, 'BillingItem', key)
        : [...state.billingItems.values()].find((candidate) => candidate.identifier === identifier);
    if (item === undefined) throw notFound('BillingItem', key);
    if (!isVendor(user) && !isAdministrator(user)) throw accessDenied();
    return { status: 200, body: item };
  });
}
