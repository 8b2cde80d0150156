import type { Secret } from '../../lib/secret.ts';
import type { Http } from '../http.ts';
import { createCall } from './call.ts';
import { type Catalogue, createCatalogue } from './catalogue.ts';
import { type Customers, createCustomers } from './customers.ts';
import { createRange, type Range } from './range.ts';
import { createSubscriptions, type Subscriptions } from './subscriptions.ts';

/** The marketplace, in its own words. */
export interface Cloudesire {
  subscriptions: Subscriptions;
  catalogue: Catalogue;
  customers: Customers;
  range: Range;
}

/**
 * Returns the client of the Cloudesire API. `http` stands for its base address, path included. All methods throw what
 * `createHttp` names, and for refusals:
 *
 * @throws {PermanentError} `cloudesire.refused` on 400, 405 and 422, `cloudesire.not-found` on 404 where something had to be found
 * @throws {AttentionError} `cloudesire.unauthorized` on 401, `cloudesire.forbidden` on 403
 * @throws {RetryableError} `cloudesire.conflict` on 409, `cloudesire.locked` on 423
 * @see https://docs.cloudesire.com/docs/api.html
 */
export function createCloudesire({ http, token }: { http: Http; token: Secret }): Cloudesire {
  const call = createCall({ http, token });
  return {
    subscriptions: createSubscriptions(call),
    catalogue: createCatalogue(call),
    customers: createCustomers(call),
    range: createRange(call),
  };
}
