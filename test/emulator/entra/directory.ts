import { createHash, randomBytes } from 'node:crypto';

/**
 * A tenant that Entra ID knows. The partner's app has a service principal in it once somebody there, or the partner on
 * behalf of them, consented; `consentedTo` tells for which APIs it may hold tokens of a user.
 */
export interface Tenant {
  id: string;
  domain: string;
  /** `all`, or application ids of APIs; an empty list when the app is unknown in the tenant. */
  consentedTo: 'all' | string[];
}

/** The partner's app registration, with every secret that is valid now. */
export interface AppRegistration {
  clientId: string;
  displayName: string;
  secrets: string[];
  /** Where Entra ID may send people back to; a port of `localhost` or `127.0.0.1` does not count. */
  redirectUris: string[];
}

/** A person who signs in to the partner's app; every user token stands for one. */
export interface Person {
  tenantId: string;
  objectId: string;
  name: string;
  userPrincipalName: string;
}

/** An API that tokens are issued for, by its application id URI without a slash at the end, and its application id. */
export interface Resource {
  audience: string;
  appId: string;
}

export const PARTNER_CENTER: Resource = {
  audience: 'https://api.partnercenter.microsoft.com',
  appId: 'fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd',
};

export const RESOURCE_MANAGER: Resource = {
  audience: 'https://management.azure.com',
  appId: '797f4846-ba00-4fd7-ba43-dac1f8f63013',
};

export const PARTNER_TENANT_ID = 'b7d4a0e6-31c9-4f52-8e0b-6a9d17c25f83';
export const PARTNER_DOMAIN = 'emulatedpartner.onmicrosoft.com';
export const PARTNER_CLIENT_ID = '41c8f97d-0b6e-4d23-a5f1-c93e72d0864b';
export const PARTNER_CLIENT_SECRET = 'Emu8Q~First.Client-Secret_Of_The_Partner_App';
export const PARTNER_REFRESH_TOKEN = '1.EmulatedRefreshToken-OfThePartnerUser-BeforeAnyRotation';

/** Object id of the partner's group of admin agents: the foreign principal that owns what the partner creates in Azure. */
export const ADMIN_AGENTS_ID = '5f0b7e19-8a34-4dc2-b6e1-97d02c4fa83b';

export const PARTNER_USER: Person = {
  tenantId: PARTNER_TENANT_ID,
  objectId: '9e02b6c4-75fd-4a18-9c3e-d1a84f60b257',
  name: 'Ilaria Connettori',
  userPrincipalName: 'ilaria.connettori@emulatedpartner.onmicrosoft.com',
};

const OTHER_TENANT_ID = 'e35c81f0-6d2a-4b97-a4c8-70f1b92d5e46';

/**
 * Who can be made to sign in: the partner's user, who is an admin agent; a colleague in the same tenant, who is none; and
 * somebody of another tenant, which is no customer's either.
 */
export const PEOPLE = {
  adminAgent: PARTNER_USER,
  noAdminAgent: {
    tenantId: PARTNER_TENANT_ID,
    objectId: '27f4c9a1-b83e-4d05-96e2-0fa5d18c7b3d',
    name: 'Renzo Contabile',
    userPrincipalName: 'renzo.contabile@emulatedpartner.onmicrosoft.com',
  },
  otherTenant: {
    tenantId: OTHER_TENANT_ID,
    objectId: 'c84d1be6-0f57-4e92-b1a3-6d90e27f45c8',
    name: 'Olga Straniera',
    userPrincipalName: 'olga.straniera@emulatedelsewhere.onmicrosoft.com',
  },
} as const satisfies Record<string, Person>;

const RESOURCES = [PARTNER_CENTER, RESOURCE_MANAGER];

/** Finds an API by application id or by application id URI, with or without a slash at the end. */
export function findResource(name: string): Resource | undefined {
  const wanted = name.replace(/\/$/, '').toLowerCase();
  return RESOURCES.find(({ audience, appId }) => audience === wanted || appId === wanted);
}

/** Whether the app has a service principal in a tenant, without which Entra ID does not know it there. */
export function isAppKnown({ consentedTo }: Tenant): boolean {
  return consentedTo === 'all' || consentedTo.length > 0;
}

/** Whether the app may hold tokens of a user for an API in a tenant. */
export function hasConsent({ consentedTo }: Tenant, { appId }: Resource): boolean {
  return consentedTo === 'all' || consentedTo.includes(appId);
}

/** The object id of the app's service principal in a tenant: another one in each tenant, and always the same there. */
export function servicePrincipalId(clientId: string, tenantId: string): string {
  const hex = createHash('sha256').update(`${clientId} ${tenantId.toLowerCase()}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Whether a redirect URI is one of those that are registered: the same text, but for a port of `localhost` or `127.0.0.1`
 * and for the slash that a browser adds to an address without a path.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/reply-url
 */
export function isRegisteredRedirect({ redirectUris }: AppRegistration, sent: string): boolean {
  return URL.canParse(sent) && redirectUris.some((registered) => withoutPort(registered) === withoutPort(sent));
}

function withoutPort(uri: string): string {
  const portless = uri.replace(/^(https?:\/\/(?:localhost|127\.0\.0\.1)):\d+/, '$1');
  return portless.replace(/^([a-z]+:\/\/[^/?]+)\/$/, '$1');
}

export interface Directory {
  app: AppRegistration;
  findTenant(idOrDomain: string): Tenant | undefined;
  putTenant(tenant: Tenant): void;
  /** Draws a new client secret; the old ones stop working unless they are kept. */
  rotateSecret(options: { keepOld: boolean }): string;
  /** @throws {Error} for an address that cannot be registered */
  setRedirectUris(uris: string[]): void;
  /** Every client secret there ever was. */
  allSecrets(): string[];
}

/** Returns a directory with the partner's tenant and app registration, the app consented to in that tenant. */
export function createDirectory(): Directory {
  const tenants = new Map<string, Tenant>();
  const app: AppRegistration = {
    clientId: PARTNER_CLIENT_ID,
    displayName: 'Marketplace connector',
    secrets: [PARTNER_CLIENT_SECRET],
    redirectUris: ['http://localhost'],
  };
  const secrets = [PARTNER_CLIENT_SECRET];

  function putTenant(tenant: Tenant): void {
    tenants.set(tenant.id.toLowerCase(), {
      ...tenant,
      id: tenant.id.toLowerCase(),
      domain: tenant.domain.toLowerCase(),
    });
  }

  putTenant({ id: PARTNER_TENANT_ID, domain: PARTNER_DOMAIN, consentedTo: 'all' });
  putTenant({ id: OTHER_TENANT_ID, domain: 'emulatedelsewhere.onmicrosoft.com', consentedTo: [] });

  return {
    app,
    putTenant,

    findTenant(idOrDomain) {
      const wanted = idOrDomain.toLowerCase();
      return tenants.get(wanted) ?? [...tenants.values()].find(({ domain }) => domain === wanted);
    },

    rotateSecret({ keepOld }) {
      const secret = `Emu8Q~${randomBytes(24).toString('base64url')}`;
      app.secrets = keepOld ? [...app.secrets, secret] : [secret];
      secrets.push(secret);
      return secret;
    },

    setRedirectUris(uris) {
      for (const uri of uris) checkRedirectUri(uri);
      app.redirectUris = [...uris];
    },

    allSecrets() {
      return [...secrets];
    },
  };
}

function checkRedirectUri(uri: unknown): void {
  if (typeof uri !== 'string' || !URL.canParse(uri)) throw new Error(`${JSON.stringify(uri)} is no address.`);
  const { protocol, hostname } = new URL(uri);
  const isLoopback = hostname === 'localhost' || hostname === '127.0.0.1';
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback)) {
    throw new Error(`${uri} cannot be registered: it has to be https, or http on localhost or 127.0.0.1.`);
  }
  if (uri.length > 256 || /[!$'(),;*#]/.test(uri)) {
    throw new Error(`${uri} cannot be registered: at most 256 characters, and none of ! $ ' ( ) , ; * #.`);
  }
}
