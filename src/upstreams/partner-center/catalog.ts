import { type Answer, path, readBody } from '../http.ts';
import type { Call } from './call.ts';
import { codeOf } from './errors.ts';
import { Availability, collection, Sku } from './schema.ts';

/** An item of the catalogue as one market sees it. */
export interface CatalogItem {
  productId: string;
  skuId: string;
  /** The customer's market, ISO 3166-1 alpha-2. */
  country: string;
  /** `commercial`, `education`, `government` or `nonprofit`. */
  segment: string;
}

/** Product, SKU or availability gone; the last may also come with success. */
const GONE = new Set(['400013', '400018', '400019', '400072']);

export type Catalog = ReturnType<typeof createCatalog>;

/**
 * Returns the calls about the catalogue.
 *
 * @see https://learn.microsoft.com/partner-center/developer/product-resources
 */
export function createCatalog(call: Call) {
  /**
   * A SKU as a market sees it, whatever the segment; `undefined` when it is not sold there (any more).
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-a-sku-by-id
   */
  async function sku({ productId, skuId, country }: CatalogItem): Promise<Sku | undefined> {
    const answer = await call({
      method: 'GET',
      path: path`/v1/products/${productId}/skus/${skuId}`,
      query: { country },
      accept: isGone,
    });
    return isGone(answer) ? undefined : readBody(answer, Sku);
  }

  /**
   * What can be bought of a SKU now. Empty when nothing is: then every term has reached its end of sale.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-a-list-of-availabilities-for-a-sku
   */
  async function availabilities({ productId, skuId, country, segment }: CatalogItem): Promise<Availability[]> {
    const answer = await call({
      method: 'GET',
      path: path`/v1/products/${productId}/skus/${skuId}/availabilities`,
      query: { country, targetSegment: segment },
      accept: isGone,
    });
    return isGone(answer) ? [] : readBody(answer, collection(Availability));
  }

  return { sku, availabilities };
}

function isGone(answer: Answer): boolean {
  return GONE.has(codeOf(answer));
}
