import { path, readBody } from '../http.ts';
import { type Call, isNotFound } from './call.ts';
import { Metadata, Plan, Product } from './schema.ts';

export type Catalogue = ReturnType<typeof createCatalogue>;

/**
 * Returns the calls about products and plans.
 */
export function createCatalogue(call: Call) {
  /** A product; `undefined` when it does not exist. */
  async function product(id: number): Promise<Product | undefined> {
    const answer = await call('GET', path`/product/${id}`, { accept: isNotFound });
    return isNotFound(answer) ? undefined : readBody(answer, Product);
  }

  /** A plan, which the API calls product version; `undefined` when it does not exist. */
  async function plan(id: number): Promise<Plan | undefined> {
    const answer = await call('GET', path`/productVersion/${id}`, { accept: isNotFound });
    return isNotFound(answer) ? undefined : readBody(answer, Plan);
  }

  /** The integration metadata of a product; empty when there are none. */
  async function productMetadata(id: number): Promise<Record<string, string>> {
    const answer = await call('GET', path`/product/${id}/metadata`, { accept: isNotFound });
    return isNotFound(answer) ? {} : readBody(answer, Metadata);
  }

  /** The integration metadata of a plan; empty when there are none. */
  async function planMetadata(id: number): Promise<Record<string, string>> {
    const answer = await call('GET', path`/productVersion/${id}/metadata`, { accept: isNotFound });
    return isNotFound(answer) ? {} : readBody(answer, Metadata);
  }

  return { product, plan, productMetadata, planMetadata };
}
