import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from '../core/clock.ts';
import type { Switches } from './switches.ts';

export interface Term {
  id: string;
  duration: string;
  description: string;
  billingCycle: string;
  /** Per seat and billing period. */
  price: number;
  refundOptions: object[];
}

export interface Sku {
  id: string;
  title: string;
  kind: 'licence' | 'trial' | 'plan' | 'software';
  minimumQuantity: number;
  maximumQuantity: number;
  supportedBillingCycles: string[];
  provisioningId?: string;
  isAddon?: boolean;
  prerequisiteSkus?: string[];
  upgradeTargetOffers?: string[];
  /** What a trial may become, the paid equivalent first. */
  convertsTo?: string[];
  retired?: boolean;
  terms: Term[];
  availabilities: { id: string; segment: string }[];
}

export interface Product {
  id: string;
  title: string;
  productType: string;
  targetViews: string[];
  skus: Sku[];
}

export interface CatalogItem {
  product: Product;
  sku: Sku;
  availabilityId: string;
  segment: string;
}

/** What of a catalog item id does not exist any more. */
export type Missing = 'product' | 'sku' | 'availability';

export interface Catalog {
  products(): Product[];
  findProduct(productId: string): Product | undefined;
  findSku(productId: string, skuId: string): Sku | undefined;
  /** A SKU by `product:sku`. */
  findOffer(offer: string): { product: Product; sku: Sku } | undefined;
  /** The availabilities of a SKU as they are named now; none for a retired one. */
  availabilities(sku: Sku): { id: string; segment: string }[];
  resolve(catalogItemId: string): CatalogItem | Missing;
  /** The id under which a SKU is bought now; undefined when it is retired or not sold in that segment. */
  currentItemId(productId: string, skuId: string, segment: string): string | undefined;
  rotate(): void;
  retire(productId: string, skuId: string): void;
  setBounds(productId: string, skuId: string, bounds: { minimumQuantity?: number; maximumQuantity?: number }): void;
  reset(): void;
}

const SEED = readFileSync(new URL('./seed/catalog.json', import.meta.url), 'utf8');
const KEPT_CHARACTERS = 8;
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/**
 * The catalog. Ids of availabilities change every day of virtual time, counted from the start, as the real ones do from
 * time to time: whoever stores one finds it stale.
 *
 * @see https://learn.microsoft.com/partner-center/developer/product-resources
 */
export function createCatalog({ clock, switches }: { clock: Clock; switches: Switches }): Catalog {
  let products = JSON.parse(SEED) as Product[];
  let firstDayAt = clock.now();
  let rotations = 0;

  function nameNow(seedId: string): string {
    const period = Math.floor((clock.now() - firstDayAt) / switches.availabilityLifeMs) + rotations;
    if (period === 0) return seedId;
    const hash = createHash('sha256').update(`${seedId} ${period}`).digest();
    const tail = Array.from(hash.subarray(0, 4), (byte) => ALPHABET[byte % ALPHABET.length]);
    return seedId.slice(0, KEPT_CHARACTERS) + tail.join('');
  }

  function findProduct(productId: string): Product | undefined {
    return products.find(({ id }) => id === productId.toUpperCase());
  }

  function findSku(productId: string, skuId: string): Sku | undefined {
    return findProduct(productId)?.skus.find(({ id }) => id === skuId.toUpperCase());
  }

  function requireSku(productId: string, skuId: string): Sku {
    const sku = findSku(productId, skuId);
    if (sku === undefined) throw new Error(`The catalog has no ${productId}:${skuId}.`);
    return sku;
  }

  function availabilities(sku: Sku): { id: string; segment: string }[] {
    if (sku.retired === true) return [];
    return sku.availabilities.map(({ id, segment }) => ({ id: nameNow(id), segment }));
  }

  return {
    products: () => products,
    findProduct,
    findSku,
    availabilities,

    findOffer(offer) {
      const [productId = '', skuId = ''] = offer.split(':');
      const product = findProduct(productId);
      const sku = findSku(productId, skuId);
      return product === undefined || sku === undefined ? undefined : { product, sku };
    },

    resolve(catalogItemId) {
      const [productId = '', skuId = '', availabilityId = ''] = catalogItemId.split(':');
      const product = findProduct(productId);
      if (product === undefined) return 'product';
      const sku = findSku(productId, skuId);
      if (sku === undefined) return 'sku';
      const availability = availabilities(sku).find(({ id }) => id === availabilityId.toUpperCase());
      if (availability === undefined) return 'availability';
      return { product, sku, availabilityId: availability.id, segment: availability.segment };
    },

    currentItemId(productId, skuId, segment) {
      const sku = findSku(productId, skuId);
      const availability = sku === undefined ? undefined : availabilities(sku).find((one) => one.segment === segment);
      return availability === undefined ? undefined : `${productId}:${skuId}:${availability.id}`;
    },

    rotate() {
      rotations += 1;
    },

    retire(productId, skuId) {
      requireSku(productId, skuId).retired = true;
    },

    setBounds(productId, skuId, bounds) {
      Object.assign(requireSku(productId, skuId), bounds);
    },

    reset() {
      products = JSON.parse(SEED) as Product[];
      firstDayAt = clock.now();
      rotations = 0;
    },
  };
}

/** The term of a SKU with this length and billing cycle; the catalog writes cycles with a capital, requests do not. */
export function findTerm(sku: Sku, duration: string | undefined, billingCycle: string): Term | undefined {
  const cycle = plainCycle(billingCycle);
  return sku.terms.find((term) => term.duration === duration && plainCycle(term.billingCycle) === cycle);
}

function plainCycle(billingCycle: string): string {
  return billingCycle.toLowerCase().replaceAll('_', '');
}
