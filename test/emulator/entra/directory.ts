import { randomBytes } from 'node:crypto';

/** A tenant that Entra ID knows; `consented` tells whether the partner's app may act in it. */
export interface Tenant {
  id: string;
  domain: string;
  consented: boolean;
}

/** The partner's app registration, with every secret that is valid now. */
export interface AppRegistration {
  clientId: string;
  displayName: string;
  secrets: string[];
}

/** The person whose sign-in stands behind every user token. */
export interface PartnerUser {
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

export const PARTNER_USER: PartnerUser = {
  objectId: '9e02b6c4-75fd-4a18-9c3e-d1a84f60b257',
  name: 'Ilaria Connettori',
  userPrincipalName: 'ilaria.connettori@emulatedpartner.onmicrosoft.com',
};

const RESOURCES = [PARTNER_CENTER, RESOURCE_MANAGER];

/** Finds an API by application id or by application id URI, with or without a slash at the end. */
export function findResource(name: string): Resource | undefined {
  const wanted = name.replace(/\/$/, '').toLowerCase();
  return RESOURCES.find(({ audience, appId }) => audience === wanted || appId === wanted);
}

export interface Directory {
  app: AppRegistration;
  findTenant(idOrDomain: string): Tenant | undefined;
  putTenant(tenant: Tenant): void;
  /** Draws a new client secret; the old ones stop working unless they are kept. */
  rotateSecret(options: { keepOld: boolean }): string;
  /** Every client secret there ever was. */
  allSecrets(): string[];
}

/** Returns a directory with the partner's tenant and app registration, the app consented to in that tenant. */
export function createDirectory(): Directory {
  const tenants = new Map<string, Tenant>();
  const app = { clientId: PARTNER_CLIENT_ID, displayName: 'Marketplace connector', secrets: [PARTNER_CLIENT_SECRET] };
  const secrets = [PARTNER_CLIENT_SECRET];

  function putTenant(tenant: Tenant): void {
    tenants.set(tenant.id.toLowerCase(), {
      ...tenant,
      id: tenant.id.toLowerCase(),
      domain: tenant.domain.toLowerCase(),
    });
  }

  putTenant({ id: PARTNER_TENANT_ID, domain: PARTNER_DOMAIN, consented: true });

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

    allSecrets() {
      return [...secrets];
    },
  };
}
