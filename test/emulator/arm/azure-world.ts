import { readFileSync } from 'node:fs';
import { AuthorizationManagementClient } from '@azure/arm-authorization';
import { ComputeManagementClient } from '@azure/arm-compute';
import { MarketplaceOrderingAgreements } from '@azure/arm-marketplaceordering';
import { ResourceManagementClient } from '@azure/arm-resources';
import { SubscriptionClient as SubscriptionReader } from '@azure/arm-resources-subscriptions';
import { DeploymentsClient } from '@azure/arm-resourcesdeployments';
import { SubscriptionClient } from '@azure/arm-subscriptions';
import { ClientSecretCredential } from '@azure/identity';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { trustAuthority } from '../core/tls.ts';
import { type Emulators, startEmulators } from '../emulators.ts';
import { PARTNER_CLIENT_ID, PARTNER_TENANT_ID } from '../entra/emulator.ts';
import { CUSTOMER_TEMPLATE } from '../partner-center/partner-client.ts';
import { ROLES } from './roles.ts';

const START_AT = Date.parse('2026-09-01T09:00:00Z');
const SCOPES = ['https://management.azure.com/.default'];
const AZURE_SERVICE_MANAGEMENT = '797f4846-ba00-4fd7-ba43-dac1f8f63013';
const DECADE_S = 315_360_000;

/** What a client takes as its credential. */
export interface Credential {
  getToken(
    scopes: string | string[],
    options?: { claims?: string },
  ): Promise<{ token: string; expiresOnTimestamp: number }>;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Body = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Body;
}

/** The emulators with one customer who has an Azure plan, and the real clients to act on it. */
export type AzureWorld = Awaited<ReturnType<typeof startAzureWorld>>;

/**
 * Starts all emulators and buys an Azure plan for a customer, whose Azure subscription is visible when this returns. Access
 * tokens live long, so that tests may move the clock.
 */
export async function startAzureWorld() {
  const emulators = await startEmulators({ startAt: START_AT });
  trustAuthority(emulators.caFile);
  const { arm, clock, entra, partnerCenter, tokens } = emulators;
  entra.setSwitches({ accessTokenLifetimeS: DECADE_S });
  partnerCenter.setSwitches({ checkoutTakesMs: 0 });

  const partnerToken = (kind: 'app' | 'user'): string =>
    tokens.issue({
      audience: 'https://api.partnercenter.microsoft.com',
      tenant: PARTNER_TENANT_ID,
      clientId: PARTNER_CLIENT_ID,
      kind,
      mfa: true,
      expiresAt: clock.now() + DECADE_S * 1000,
    }).value;

  const askPartnerCenter = (
    method: string,
    path: string,
    body?: unknown,
    as: 'app' | 'user' = 'app',
  ): Promise<Answer> => send(partnerCenter.url + path, method, partnerToken(as), body);

  const customerId = await createCustomer(emulators, askPartnerCenter);
  await buyPlan(customerId);
  const subscriptionId = partnerCenter.entitlements()[0]!.id;
  await clock.advance(arm.switches().subscriptionVisibleAfterMs);

  async function buyPlan(customer: string): Promise<void> {
    const query = 'country=IT&targetSegment=commercial';
    const { body: list } = await askPartnerCenter('GET', `/v1/products/DZH318Z0BPS6/skus/0001/availabilities?${query}`);
    const lineItems = [{ id: 0, catalogItemId: list.items[0].catalogItemId, quantity: 1, billingCycle: 'one_time' }];
    const carts = `/v1/customers/${customer}/carts`;
    const { body: cart } = await askPartnerCenter('POST', carts, {
      PartnerOnRecordAttestationAccepted: true,
      lineItems,
    });
    await askPartnerCenter('POST', `${carts}/${cart.id}/checkout`);
    await clock.advance(partnerCenter.switches().orderDelayMs + 1_000);
  }

  /** Consents to the app in the customer's tenant, as the partner's user can. */
  const consent = (): Promise<Answer> =>
    askPartnerCenter(
      'POST',
      `/v1/customers/${customerId}/applicationconsents`,
      {
        applicationId: PARTNER_CLIENT_ID,
        displayName: 'Marketplace connector',
        applicationGrants: [{ enterpriseApplicationId: AZURE_SERVICE_MANAGEMENT, scope: 'user_impersonation' }],
      },
      'user',
    );

  /** The partner's user, acting in a tenant with the refresh token. */
  function asUser(tenant = customerId): Credential {
    const { clientId, clientSecret, refreshToken } = entra.credentials();
    const host = new URL(entra.url).host;
    const auth = { clientId, clientSecret, authority: `${entra.url}/${tenant}`, knownAuthorities: [host] };
    const application = new ConfidentialClientApplication({ auth });
    return {
      async getToken(_scopes, options) {
        const claims = options?.claims === undefined ? {} : { claims: options.claims };
        const result = await application.acquireTokenByRefreshToken({ refreshToken, scopes: SCOPES, ...claims });
        return { token: result!.accessToken, expiresOnTimestamp: result!.expiresOn!.getTime() };
      },
    };
  }

  /** The app itself in a tenant. */
  function asApp(tenant = customerId): ClientSecretCredential {
    const { clientId, clientSecret } = entra.credentials();
    const options = { authorityHost: entra.url, disableInstanceDiscovery: true, retryOptions: { maxRetries: 0 } };
    return new ClientSecretCredential(tenant, clientId, clientSecret, options);
  }

  function clientsFor(credential: Credential, subscription = subscriptionId) {
    const options = {
      endpoint: arm.url,
      credentials: { scopes: SCOPES },
      credentialScopes: SCOPES,
      retryOptions: { maxRetries: 0 },
    };
    return {
      aliases: new SubscriptionClient(credential, options),
      authorization: new AuthorizationManagementClient(credential, subscription, options),
      compute: new ComputeManagementClient(credential, subscription, options),
      deployments: new DeploymentsClient(credential, subscription, options),
      marketplace: new MarketplaceOrderingAgreements(credential, subscription, options),
      resources: new ResourceManagementClient(credential, subscription, options),
      subscriptions: new SubscriptionReader(credential, options),
    };
  }

  /** A bare call with a token of the credential. */
  async function call(credential: Credential, method: string, path: string, body?: unknown): Promise<Answer> {
    const { token } = await credential.getToken(SCOPES);
    return send(arm.url + path, method, token, body);
  }

  /** Gives the app its role in the subscription and registers providers, as a connector does at first. */
  async function bootstrap(namespaces = PROVIDERS): Promise<ReturnType<typeof clientsFor>> {
    await consent();
    const principalId = entra.servicePrincipal(customerId)!;
    const scope = `subscriptions/${subscriptionId}`;
    await clientsFor(asUser()).authorization.roleAssignments.create(scope, '7a1c9e52-3b4d-4f60-8a71-9c2d3e4f5061', {
      principalId,
      principalType: 'ServicePrincipal',
      roleDefinitionId: `/${scope}/providers/Microsoft.Authorization/roleDefinitions/${ROLES.contributor}`,
    });
    arm.registerProviders({ subscription: subscriptionId, namespaces });
    return clientsFor(asApp());
  }

  return {
    ...emulators,
    customerId,
    subscriptionId,
    askPartnerCenter,
    buyPlan,
    consent,
    asUser,
    asApp,
    clientsFor,
    call,
    bootstrap,
  };
}

const PROVIDERS = [
  'Microsoft.Compute',
  'Microsoft.Network',
  'Microsoft.Storage',
  'Microsoft.DBforPostgreSQL',
  'Microsoft.MarketplaceOrdering',
  'Microsoft.Web',
];

type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>;

async function createCustomer({ partnerCenter }: Emulators, ask: Ask): Promise<string> {
  const { body } = await ask('POST', '/v1/customers', CUSTOMER_TEMPLATE);
  partnerCenter.signDirectly(body.id, true);
  return body.id;
}

async function send(url: string, method: string, token: string, body?: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true && text !== '';
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** A template of the template host's seed. */
export function seededTemplate(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`../templates/seed/${name}.json`, import.meta.url), 'utf8')) as Record<
    string,
    unknown
  >;
}

/** Parameters in the form of a request. */
export function wrap(values: Record<string, unknown>): Record<string, { value: unknown }> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}
