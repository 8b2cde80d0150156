import { AttentionError, CustomerError } from '../../lib/errors.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Sku } from '../../upstreams/partner-center/schema.ts';
import type { Fulfillment } from '../fulfillment.ts';
import { productAndSku } from '../term-item.ts';

/** What is looked for. Term and billing cycle in Partner Center's words; without `seats` the SKU says how many. */
export interface WantedItem {
  productId: string;
  skuId: string;
  /** Where the marketplace keeps product and SKU, in words for whoever has to correct them. Left out where correcting them changes nothing. */
  writtenIn?: string;
  segment: string;
  term: string;
  billingCycle: string;
  seats: number | undefined;
}

/** Of what is in service already, or was on order before. */
const ONLY_ANOTHER_PLAN = 'Find out whether Microsoft has retired it: then only another plan helps';

/** What goes into the cart. */
export interface CatalogItem {
  /** `product:sku:availability`; good for the cart that is made now, and for nothing later. */
  catalogItemId: string;
  quantity: number;
  /** Undefined where the item has none of its own. */
  termDuration: string;
  billingCycle: string;
}

/**
 * Resolves an order in the catalogue of the customer's country: the availability of the segment that is for sale with this
 * term and billing cycle.
 *
 * @throws {AttentionError} when it is not sold there like that: only another plan helps
 * @throws {CustomerError} when the number of seats is outside what one subscription can have
 * @see https://learn.microsoft.com/partner-center/developer/get-a-list-of-availabilities-for-a-sku
 */
export async function findCatalogItem(
  { catalog }: Pick<PartnerCenter, 'catalog'>,
  order: WantedItem,
  country: string,
): Promise<CatalogItem> {
  const { productId, skuId, writtenIn, segment, term, billingCycle } = order;
  const offer = `${productId}:${skuId}`;
  const sku = await catalog.sku({ productId, skuId, country, segment });
  if (!sku) {
    throw new AttentionError(
      'offer.not-found',
      `The Partner Center catalogue has no ${offer} for ${country} (${segment}). ${writtenIn ? `Find out whether Microsoft has retired it: then only another plan helps; if not, correct ${writtenIn}` : ONLY_ANOTHER_PLAN}.`,
    );
  }
  const quantity = order.seats ?? sku.minimumQuantity ?? 1;
  refuseOutOfBounds(quantity, sku, offer);

  const availabilities = await catalog.availabilities({ productId, skuId, country, segment });
  const sold = availabilities.filter(
    (one) => one.isPurchasable !== false && (one.segment ?? segment).toLowerCase() === segment.toLowerCase(),
  );
  const fits = sold.find(({ terms }) => terms.some((one) => sameTerm(one, term, billingCycle)));
  if (fits) return { catalogItemId: fits.catalogItemId, quantity, termDuration: term, billingCycle };

  const offered = sold.flatMap(({ terms }) => terms.map((one) => `${one.duration} ${one.billingCycle}`)).join(', ');
  throw new AttentionError(
    'offer.not-sold-like-this',
    `${offer} is not for sale in ${country} (${segment}) with term ${term} billed ${billingCycle}; on offer: ${offered || 'nothing'}. ${writtenIn ? 'Correct duration and billing period of the plan' : ONLY_ANOTHER_PLAN}.`,
  );
}

/**
 * Checks a number of seats against what one subscription of the SKU can have.
 *
 * @param offer `product:sku`
 * @throws {CustomerError} `order.quantity-out-of-bounds` with `seats`, `min` and, where there is one, `max`
 */
function refuseOutOfBounds(
  quantity: number,
  { minimumQuantity: min = 1, maximumQuantity: max }: Sku,
  offer: string,
): void {
  if (quantity >= min && (max === undefined || quantity <= max)) return;
  throw new CustomerError(
    'order.quantity-out-of-bounds',
    `One subscription of ${offer} has ${min} to ${max ?? 'any number of'} seats; ${quantity} were ordered. The customer was told so and can choose another number; the next look goes on.`,
    {
      params: { seats: String(quantity), min: String(min), ...(max !== undefined && { max: String(max) }) },
      effect: 'none',
    },
  );
}

/** The same of what is in service; what the catalogue does not show any more can still change while it runs. @throws as refuseOutOfBounds */
export async function refuseImpossibleSeats(
  { catalog }: { catalog: Pick<PartnerCenter['catalog'], 'sku'> },
  { offerId, country, segment = 'commercial' }: Pick<Fulfillment, 'offerId' | 'country' | 'segment'>,
  seats: number,
): Promise<void> {
  if (!offerId || !country) return;
  const { productId, skuId } = productAndSku(offerId);
  const sku = await catalog.sku({ productId, skuId, country, segment });
  if (sku) refuseOutOfBounds(seats, sku, offerId);
}

function sameTerm(one: { duration: string; billingCycle: string }, term: string, billingCycle: string): boolean {
  if (one.duration !== term) return false;
  // Trials are listed with the cycle of what they become, or with none.
  return billingCycle === 'none' || one.billingCycle.toLowerCase() === billingCycle;
}
