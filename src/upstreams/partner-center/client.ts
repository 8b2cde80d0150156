import type { Http } from '../http.ts';
import { type Account, createAccount } from './account.ts';
import { type Agreements, createAgreements } from './agreements.ts';
import { createAzureCalls, type PartnerCenterAzure } from './azure.ts';
import { createCall } from './call.ts';
import { type Catalog, createCatalog } from './catalog.ts';
import { type Customers, createCustomers } from './customers.ts';
import { type Carts, createCarts, createOrders, type Orders } from './orders.ts';
import { createSubscriptions, type PartnerSubscriptions } from './subscriptions.ts';
import type { Tokens } from './token.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';

/** Microsoft's Partner Center, in its own words. */
export interface PartnerCenter {
  account: Account;
  customers: Customers;
  agreements: Agreements;
  catalog: Catalog;
  carts: Carts;
  orders: Orders;
  subscriptions: PartnerSubscriptions;
  azure: PartnerCenterAzure;
  webhooks: Webhooks;
  /** Whether calls that need a user can be made at all. */
  hasUserToken: boolean;
}

/**
 * Returns the client of the Partner Center API. `http` stands for its base address, without `/v1`. All methods throw what
 * `createHttp`, `createTokens` and the table of refusals name. Ids are GUIDs, instants ISO strings in UTC.
 *
 * @see https://learn.microsoft.com/partner-center/developer/partner-center-rest-api-reference
 */
export function createPartnerCenter({ http, tokens }: { http: Http; tokens: Tokens }): PartnerCenter {
  const call = createCall({ http, tokens });
  return {
    account: createAccount(call),
    customers: createCustomers(call),
    agreements: createAgreements(call),
    catalog: createCatalog(call),
    carts: createCarts(call),
    orders: createOrders(call),
    subscriptions: createSubscriptions(call),
    azure: createAzureCalls(call),
    webhooks: createWebhooks(call),
    hasUserToken: tokens.hasUser,
  };
}
