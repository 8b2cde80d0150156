import { z } from 'zod';
import { readBody } from '../http.ts';
import type { Call } from './call.ts';
import { Plan, Product } from './schema.ts';

/** The largest page that the API gives. */
const PAGE_SIZE = 50;
const FIRST_PAGE = { pageSize: PAGE_SIZE, pageNumber: 1 };

export type Range = ReturnType<typeof createRange>;

/**
 * Returns the calls about all that is sold, of which an overview suffices: what cannot be read is left out, and so is what comes after the
 * first fifty.
 */
export function createRange(call: Call) {
  /** Products of a type, such as `CSP`. */
  async function products(productType: string): Promise<Product[]> {
    const answer = await call('GET', '/product', { query: { productType, ...FIRST_PAGE } });
    return readable(readBody(answer, z.array(z.unknown())), Product);
  }

  /** The plans of a product. */
  async function plans(productId: number): Promise<Plan[]> {
    const answer = await call('GET', '/productVersion', { query: { product: productId, ...FIRST_PAGE } });
    return readable(readBody(answer, z.array(z.unknown())), Plan);
  }

  return { products, plans };
}

function readable<S extends z.ZodType>(elements: unknown[], schema: S): z.output<S>[] {
  return elements.flatMap((element) => {
    const { success, data } = schema.safeParse(element);
    return success ? [data] : [];
  });
}
