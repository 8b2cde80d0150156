import type { Config } from '../../src/config.ts';
import { type Http, path } from '../../src/upstreams/http.ts';
import { ORDER_TAG } from '../../src/workflows/azure/names.ts';
import { readSelling } from '../../src/workflows/selling.ts';
import type { Clients } from './clients.ts';

/** Identifiers that the settings name, or an answer has. One that is missing keeps the questions from being asked that need it. */
export interface Known {
  tenant: string;
  /** Whether there is a user who consented. */
  user?: boolean;
  location: string;
  reseller?: string | undefined;
  country?: string | undefined;
  product?: number | undefined;
  subscription?: number | undefined;
  buyer?: number | undefined;
  company?: { kind: 'company' | 'userCompany'; id: number } | undefined;
  productId?: string | undefined;
  skuId?: string | undefined;
  image?: { publisher: string; offer: string; sku: string } | undefined;
  customers?: string[];
  customer?: string | undefined;
  domain?: string | undefined;
  partnerSubscription?: string | undefined;
  order?: string | undefined;
  azureCustomer?: string | undefined;
  azurePlan?: string | undefined;
  entitlement?: string | undefined;
  /** An Azure subscription that our service principal may read. */
  azureSubscription?: string | undefined;
  group?: string | undefined;
  deployment?: string | undefined;
  machine?: { id: string; type: string; name: string } | undefined;
}

/** What is missing where something is not known. */
export const LACKS: Record<keyof Known, string> = {
  tenant: 'no PARTNER_CENTER_TENANT_ID',
  location: 'no AZURE_LOCATION',
  user: 'no PARTNER_CENTER_REFRESH_TOKEN',
  reseller: 'no RESELLER_PARTNER_IDS',
  country: 'no country is known',
  product: 'no CSP product is known',
  subscription: 'no subscription is known',
  buyer: 'no buyer is known',
  company: 'no company of the buyer is known',
  productId: 'no plan is known with an offerId',
  skuId: 'no plan is known with an offerId',
  image: 'no plan is known with an image',
  customers: 'no customer is known',
  customer: 'no customer is known',
  domain: 'no domain of the customer is known',
  partnerSubscription: 'no customer is known with a licence',
  order: 'no order of the customer is known',
  azureCustomer: 'no customer is known with an Azure plan',
  azurePlan: 'no customer is known with an Azure plan',
  entitlement: 'no Azure subscription is known',
  azureSubscription: 'no Azure subscription is known that the service principal may read',
  group: 'no resource group is known',
  deployment: 'no deployment is known',
  machine: 'no machine is known',
};

/** One call of the service's clients that reads. */
export interface Question {
  name: string;
  needs?: (keyof Known)[];
  /** Codes of refusals that say that something has not been set up or bought yet, and nothing of how answers look. */
  excuses?: string[];
  /** Asks, and notes which identifiers the answer has. What it returns is all that the service learns. */
  ask(clients: Clients, known: Known): Promise<unknown>;
}

/** So many elements of a list are enough to know its shape. */
const ENOUGH = 50;
const FEW = 10;
/** Where Partner Center does not tell the partner's own: the catalogue of each country has the same shape. */
const ANY_COUNTRY = 'IT';
const AZURE_PLAN = 'DZH318Z0BPS6';
const COMPUTE = 'Microsoft.Compute';
const CONSENT_MISSING = ['entra.no-service-principal', 'entra.tenant-unknown'];
const ACCOUNT_MISSING = ['arm.billing-account-unclear', 'arm.billing-account-not-visible', 'arm.customer-not-billed'];

/** What is known before anything was asked. */
export function knownFrom({ partnerCenter, azure, sales }: Config): Known {
  const [reseller] = sales.resellerPartnerIds.values();
  return {
    tenant: partnerCenter.tenantId,
    location: azure.location,
    reseller,
    ...(partnerCenter.refreshToken && { user: true }),
  };
}

/** Everything that the service reads, each after what it takes its identifiers from. */
export const QUESTIONS: Question[] = [
  {
    name: 'addresses of Entra ID',
    ask: ({ entra }, { tenant }) => openly(entra, path`/${tenant}/v2.0/.well-known/openid-configuration`),
  },
  { name: 'token of the application', ask: ({ tokens }) => tokens.appOnly() },
  { name: 'token of the user', needs: ['user'], ask: ({ tokens }) => tokens.appUser() },
  { name: 'addresses of Azure', ask: ({ arm }) => openly(arm, '/metadata/endpoints', { 'api-version': '2022-09-01' }) },

  { name: 'account at the marketplace', ask: ({ cloudesire }) => cloudesire.customers.me() },
  { name: 'countries of the marketplace', ask: ({ cloudesire }) => cloudesire.customers.countryCodes('en') },
  {
    name: 'products',
    async ask({ cloudesire }, known) {
      const products = await cloudesire.range.products('CSP');
      known.product = products[0]?.id;
      return products;
    },
  },
  {
    name: 'plans and what they sell',
    needs: ['product'],
    async ask({ cloudesire }, known) {
      const sold = [];
      for (const { id: productId } of (await cloudesire.range.products('CSP')).slice(0, FEW)) {
        for (const { id: planId } of (await cloudesire.range.plans(productId)).slice(0, FEW)) {
          const { find, ...selling } = await readSelling(cloudesire, { planId, productId });
          sold.push(selling);
          [known.productId, known.skuId] = known.skuId ? [known.productId, known.skuId] : partsOf(find('offerId'));
          const [publisher, offer, sku] = ['azurePublisher', 'azureOffer', 'azureSku'].map(find);
          if (publisher && offer && sku) known.image ??= { publisher, offer, sku };
        }
      }
      return sold;
    },
  },
  {
    name: 'subscriptions',
    async ask({ cloudesire }, known) {
      const found = [];
      for await (const one of cloudesire.subscriptions.list({ productType: 'CSP' })) {
        found.push(one);
        if (found.length === ENOUGH) break;
      }
      const first = found.find(({ deploymentStatus }) => deploymentStatus === 'DEPLOYED') ?? found[0];
      known.subscription = first?.id;
      known.buyer = first?.buyerId;
      return found;
    },
  },
  {
    name: 'subscription',
    needs: ['subscription'],
    ask: ({ cloudesire }, { subscription = 0 }) => cloudesire.subscriptions.get(subscription),
  },
  {
    name: 'metadata of a subscription',
    needs: ['subscription'],
    ask: ({ cloudesire }, { subscription = 0 }) => cloudesire.subscriptions.metadata(subscription),
  },
  {
    name: 'buyer',
    needs: ['buyer'],
    async ask({ cloudesire }, known) {
      const buyer = await cloudesire.customers.user(known.buyer ?? 0);
      known.company = buyer.companyRef;
      return buyer;
    },
  },
  {
    name: 'company of a buyer',
    needs: ['company'],
    ask: async ({ cloudesire }, { company }) => company && cloudesire.customers.company(company),
  },

  {
    name: 'country of the partner',
    async ask({ partnerCenter }, known) {
      const country = await partnerCenter.account.country();
      known.country = country ?? ANY_COUNTRY;
      return country;
    },
  },
  {
    name: 'rules of a country',
    needs: ['country'],
    ask: ({ partnerCenter }, { country = '' }) => partnerCenter.customers.countryRules(country),
  },
  { name: 'events of the webhook', ask: ({ partnerCenter }) => partnerCenter.webhooks.events() },
  { name: 'registration of the webhook', ask: ({ partnerCenter }) => partnerCenter.webhooks.registration() },
  {
    name: 'SKU',
    needs: ['productId', 'skuId', 'country'],
    ask: ({ partnerCenter }, known) => partnerCenter.catalog.sku(itemOf(known)),
  },
  {
    name: 'availabilities',
    needs: ['productId', 'skuId', 'country'],
    ask: ({ partnerCenter }, known) => partnerCenter.catalog.availabilities(itemOf(known)),
  },
  {
    name: 'customers',
    async ask({ partnerCenter }, known) {
      const customers: string[] = [];
      for await (const id of partnerCenter.customers.ids()) {
        customers.push(id);
        if (customers.length === FEW) break;
      }
      [known.customer] = customers;
      if (customers.length > 0) known.customers = customers;
      return customers;
    },
  },
  {
    name: 'partner subscriptions',
    needs: ['customers'],
    async ask({ partnerCenter }, known) {
      const bought = [];
      for (const customer of known.customers ?? []) {
        const ofCustomer = await partnerCenter.subscriptions.list(customer);
        bought.push(ofCustomer);
        const isPlan = ({ offerId = '' }: { offerId?: string }) => offerId.toUpperCase().startsWith(AZURE_PLAN);
        const [plan, licence] = [ofCustomer.find(isPlan), ofCustomer.find((one) => !isPlan(one))];
        if (plan && !known.azurePlan) [known.azureCustomer, known.azurePlan] = [customer, plan.id];
        if (licence && !known.partnerSubscription) [known.customer, known.partnerSubscription] = [customer, licence.id];
        if (known.azurePlan && known.partnerSubscription) break;
      }
      return bought;
    },
  },
  {
    name: 'customer',
    needs: ['customer'],
    async ask({ partnerCenter }, known) {
      const customer = await partnerCenter.customers.get(known.customer ?? '');
      known.domain = customer?.domain || undefined;
      return customer;
    },
  },
  {
    name: 'customer by domain',
    needs: ['domain'],
    ask: ({ partnerCenter }, { domain = '' }) => partnerCenter.customers.findByDomain(domain),
  },
  {
    name: 'domain',
    needs: ['domain'],
    ask: ({ partnerCenter }, { domain = '' }) => partnerCenter.customers.isDomainTaken(domain),
  },
  {
    name: 'orders',
    needs: ['customer'],
    async ask({ partnerCenter }, known) {
      const orders = await partnerCenter.orders.list(known.customer ?? '');
      known.order = orders[0]?.id;
      return orders;
    },
  },
  {
    name: 'order with prices',
    needs: ['customer', 'order'],
    ask: ({ partnerCenter }, { customer = '', order = '' }) =>
      partnerCenter.orders.get(customer, order, { withPrice: true }),
  },
  {
    name: 'partner subscription',
    needs: ['customer', 'partnerSubscription'],
    ask: ({ partnerCenter }, { customer = '', partnerSubscription = '' }) =>
      partnerCenter.subscriptions.get(customer, partnerSubscription),
  },
  {
    name: 'upgrades that are possible',
    needs: ['customer', 'partnerSubscription'],
    ask: ({ partnerCenter }, { customer = '', partnerSubscription = '' }) =>
      partnerCenter.subscriptions.transitionEligibilities(customer, partnerSubscription, 'immediate'),
  },
  {
    name: 'changes that can be scheduled',
    needs: ['customer', 'partnerSubscription'],
    ask: ({ partnerCenter }, { customer = '', partnerSubscription = '' }) =>
      partnerCenter.subscriptions.transitionEligibilities(customer, partnerSubscription, 'scheduled'),
  },
  {
    name: 'upgrades that were made',
    needs: ['customer', 'partnerSubscription'],
    ask: ({ partnerCenter }, { customer = '', partnerSubscription = '' }) =>
      partnerCenter.subscriptions.transitions(customer, partnerSubscription),
  },
  {
    name: 'last days of a term',
    needs: ['customer'],
    ask: ({ partnerCenter }, { customer = '' }) => partnerCenter.subscriptions.customTermEndDates(customer, 'P1Y'),
  },
  {
    name: 'multi-factor authentication',
    needs: ['user'],
    ask: ({ partnerCenter }) => partnerCenter.account.isMfaCompliant(),
  },
  {
    name: 'relationship request',
    needs: ['user'],
    ask: ({ partnerCenter }) => partnerCenter.customers.relationshipRequest(),
  },
  {
    name: 'indirect resellers',
    needs: ['user', 'reseller'],
    ask: ({ partnerCenter }) => partnerCenter.customers.resellers(),
  },
  {
    name: 'agreement of a reseller',
    needs: ['user', 'reseller'],
    ask: ({ partnerCenter }, { reseller = '' }) => partnerCenter.customers.isPartnerAgreementSigned(reseller),
  },
  {
    name: 'text of the customer agreement',
    needs: ['user'],
    excuses: ['partner-center.no-agreement-template'],
    ask: ({ partnerCenter }) => partnerCenter.agreements.template(),
  },
  {
    name: 'agreement of a customer',
    needs: ['user', 'customer'],
    ask: ({ partnerCenter }, { customer = '' }) => partnerCenter.agreements.isAccepted(customer),
  },
  {
    name: 'review of a customer',
    needs: ['user', 'customer'],
    ask: ({ partnerCenter }, { customer = '' }) => partnerCenter.customers.vettingStatus(customer),
  },
  {
    name: 'administrators of a customer',
    needs: ['user', 'customer'],
    ask: ({ partnerCenter }, { customer = '' }) => partnerCenter.customers.administrators(customer),
  },
  {
    name: 'budget of a customer',
    needs: ['azureCustomer'],
    ask: ({ partnerCenter }, { azureCustomer = '' }) => partnerCenter.azure.budget(azureCustomer),
  },
  {
    name: 'Azure subscriptions of a plan',
    needs: ['azureCustomer', 'azurePlan'],
    async ask({ partnerCenter }, known) {
      const { azureCustomer = '', azurePlan = '' } = known;
      const found = await partnerCenter.azure.entitlements(azureCustomer, azurePlan);
      known.entitlement = (found.find(({ status }) => status === 'active') ?? found[0])?.id;
      return found;
    },
  },
  {
    name: 'billing period of a plan',
    needs: ['user', 'azureCustomer', 'azurePlan'],
    ask: ({ partnerCenter }, { azureCustomer = '', azurePlan = '' }) =>
      partnerCenter.azure.billingPeriod(azureCustomer, azurePlan),
  },
  {
    name: 'costs of a plan',
    needs: ['user', 'azureCustomer', 'azurePlan'],
    ask: ({ partnerCenter }, { azureCustomer = '', azurePlan = '' }) =>
      partnerCenter.azure.usage(azureCustomer, azurePlan),
  },

  {
    name: 'billing accounts',
    needs: ['user'],
    excuses: ACCOUNT_MISSING,
    ask: ({ azure }) => azure.bootstrap.billingAccount(),
  },
  {
    name: 'customers of a billing account',
    needs: ['user', 'azureCustomer'],
    excuses: ACCOUNT_MISSING,
    ask: ({ azure }, { azureCustomer = '' }) => azure.bootstrap.billingScope(azureCustomer),
  },
  {
    name: 'token in the tenant of a customer',
    needs: ['azureCustomer'],
    excuses: CONSENT_MISSING,
    ask: ({ azure }, { azureCustomer = '' }) => azure.principalId(azureCustomer),
  },
  {
    name: 'Azure subscription',
    needs: ['azureCustomer', 'entitlement'],
    excuses: CONSENT_MISSING,
    async ask(clients, known) {
      const found = await inAzure(clients, known).read();
      if (typeof found === 'object') known.azureSubscription = known.entitlement;
      return found;
    },
  },
  ask('regions', (there) => there.locations()),
  ask('resource provider', (there) => there.providers.state(COMPUTE)),
  ask('resource groups', async (there, known) => {
    const groups = await there.groups.all();
    known.group = (groups.find(({ tags }) => ORDER_TAG in tags) ?? groups[0])?.name;
    return groups;
  }),
  ask('resource group', (there, { group = '' }) => there.groups.get(group), ['group']),
  ask('resource groups of an order', (there, { subscription = 0 }) =>
    there.groups.taggedWith(ORDER_TAG, String(subscription)),
  ),
  ask('resources of an order', (there, { subscription = 0 }) =>
    there.resources.taggedWith(ORDER_TAG, String(subscription)),
  ),
  ask(
    'resources of a group',
    async (there, known) => {
      const resources = await there.resources.inGroup(known.group ?? '');
      known.machine = resources.find(({ type }) => there.power.isStoppable(type));
      return resources;
    },
    ['group'],
  ),
  ask(
    'deployments of a group',
    async (there, known) => {
      const names = await there.deployments.names(known.group ?? '');
      [known.deployment] = names;
      return names;
    },
    ['group'],
  ),
  ask('deployment', (there, { group = '', deployment = '' }) => there.deployments.look(group, deployment), [
    'group',
    'deployment',
  ]),
  ask('state of a machine', async (there, { machine }) => machine && there.power.state(machine), ['machine']),
  ask('image', async (there, { image, location }) => image && there.images.find(location, image), ['image']),
];

/** A question to Azure in the name of our service principal. */
function ask(
  name: string,
  work: (there: ReturnType<typeof inAzure>, known: Known) => Promise<unknown>,
  needs: (keyof Known)[] = [],
): Question {
  return {
    name,
    needs: ['azureSubscription', ...needs],
    ask: (clients, known) => work(inAzure(clients, known), known),
  };
}

function inAzure({ azure }: Clients, { azureCustomer: tenantId = '', entitlement: subscriptionId = '' }: Known) {
  return azure.in({ tenantId, subscriptionId });
}

/** What the service asks only to see whether anything is answered, whatever that is. */
async function openly(http: Http, path: string, query?: Record<string, string>): Promise<undefined> {
  await http.send({ method: 'GET', path, query, accept: () => true, ignoreBody: true });
}

/** `product:sku`. */
function partsOf(offerId: string | undefined): [string | undefined, string | undefined] {
  const [productId, skuId] = offerId?.split(':') ?? [];
  return [productId, skuId];
}

function itemOf({ productId = '', skuId = '', country = '' }: Known) {
  return { productId, skuId, country, segment: 'commercial' };
}
