/** What a licence is in one term. */
export interface TermItem {
  /** `product:sku`. */
  offerId: string;
  seats: number;
  /** ISO 8601 duration, e.g. `P1Y`. */
  term: string;
  /** `monthly`, `annual`, `triennial`. */
  billingCycle: string;
}

/** What an offer, `product:sku`, consists of; empty what it does not name. */
export function productAndSku(offerId: string): { productId: string; skuId: string } {
  const [productId = '', skuId = ''] = offerId.split(':');
  return { productId, skuId };
}

type Stated = { [field in keyof TermItem]?: TermItem[field] | undefined };

/** Whether Microsoft shows this item. What is not said contradicts nothing; case does not matter. */
export function isSameItem(shown: Stated, item: Stated): boolean {
  const fields = ['offerId', 'seats', 'term', 'billingCycle'] as const;
  return fields.every(
    (field) =>
      shown[field] === undefined ||
      item[field] === undefined ||
      String(shown[field]).toLowerCase() === String(item[field]).toLowerCase(),
  );
}
