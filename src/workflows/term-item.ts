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

/** Whether Microsoft shows this item. What it does not say contradicts nothing; case does not matter. */
export function isSameItem(
  shown: { [field in keyof TermItem]?: TermItem[field] | undefined },
  item: TermItem,
): boolean {
  const fields = Object.keys(item) as (keyof TermItem)[];
  return fields.every(
    (field) => shown[field] === undefined || String(shown[field]).toLowerCase() === String(item[field]).toLowerCase(),
  );
}
