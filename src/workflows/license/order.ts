import { AttentionError, CustomerError } from '../../lib/errors.ts';
import type { Plan, Subscription } from '../../upstreams/cloudesire/schema.ts';
import type { Selling } from '../selling.ts';

/** What is bought at Microsoft for one subscription, before the catalogue is asked. */
export interface LicenseOrder {
  productId: string;
  skuId: string;
  /** Where the marketplace keeps product and SKU, in words. */
  writtenIn: string;
  segment: string;
  /** ISO 8601 duration. */
  term: 'P1M' | 'P1Y' | 'P3Y';
  billingCycle: 'monthly' | 'annual' | 'triennial' | 'none';
  /** Undefined for a trial: the SKU fixes how many. */
  seats: number | undefined;
  trial: boolean;
}

export interface LicenseSettings {
  /** Identifier of the extra resource that counts seats. */
  licenseIdentifier: string;
  /** Code of the configuration parameter with the wanted domain. */
  domainParameter: string;
  /** Code of the configuration parameter with the last day of the first term. */
  termEndParameter: string;
}

/** Most seats that an order may ask for; more is a mistake rather than a purchase. */
const SANE_SEATS = 100_000;

const TERMS: Record<number, LicenseOrder['term']> = { 1: 'P1M', 12: 'P1Y', 36: 'P3Y' };
const CYCLES: Record<number, LicenseOrder['billingCycle']> = { 1: 'monthly', 12: 'annual', 36: 'triennial' };

/**
 * Translates plan and quantities of the marketplace into the words of the Partner Center catalogue.
 *
 * @throws {AttentionError} when the plan is not configured for that; nothing has been asked of Microsoft yet
 * @throws {CustomerError} `order.quantity-invalid` for a number of seats that cannot be sold
 */
export function readLicenseOrder(
  selling: Selling,
  subscription: Pick<Subscription, 'type' | 'extraResources'>,
  settings: LicenseSettings,
): LicenseOrder {
  const trial = subscription.type === 'TRIAL';
  const key = trial ? 'partnerCenterTrialOfferId' : 'offerId';
  const offer = selling.demand(key);
  // A third part, the availability, changes every day at Microsoft: it is looked up when the order is placed.
  const [productId, skuId] = offer.split(':');
  if (!productId || !skuId || !/^[A-Za-z0-9]+$/.test(productId) || !/^[A-Za-z0-9]+$/.test(skuId)) {
    throw new AttentionError(
      'plan.offer-malformed',
      `Plan ${selling.plan.id} names ${key} "${offer.slice(0, 60)}"; expected is product:sku, for example CFQ7TTC0LH18:0001. Correct it in the plan's integration metadata.`,
    );
  }
  const common = {
    productId,
    skuId,
    writtenIn: selling.placeOf(key),
    segment: selling.find('segment') ?? 'commercial',
    trial,
  };
  if (trial) return { ...common, term: 'P1M', billingCycle: 'none', seats: undefined };
  return {
    ...common,
    ...termAndCycle(selling.plan),
    seats: readSeats(subscription, settings.licenseIdentifier, selling.plan),
  };
}

/** Term and billing cycle of a plan. @throws as readLicenseOrder */
export function termAndCycle(plan: Plan): Pick<LicenseOrder, 'term' | 'billingCycle'> {
  const term = TERMS[plan.minimumDuration ?? 1];
  const billingCycle = CYCLES[plan.billingPeriod ?? 1];
  if (term && billingCycle) return { term, billingCycle };
  throw new AttentionError(
    'plan.term-unsupported',
    `Plan ${plan.id} has a minimum duration of ${plan.minimumDuration} and a billing period of ${plan.billingPeriod} months; Microsoft sells terms of 1, 12 or 36 months, billed every 1, 12 or 36. Correct the plan.`,
  );
}

/** Seats of the order. @throws as readLicenseOrder */
export function readSeats(
  { extraResources }: Pick<Subscription, 'extraResources'>,
  licenseIdentifier: string,
  plan: Pick<Plan, 'id'>,
): number {
  const resource = extraResources.find(({ identifier }) => identifier === licenseIdentifier);
  if (!resource) {
    throw new AttentionError(
      'plan.seats-not-sold',
      `The order of plan ${plan.id} has no extra resource "${licenseIdentifier}", so the number of seats is unknown. Add it to the plan, or set CMW_LICENSE_IDENTIFIER.`,
    );
  }
  const seats = resource.value;
  if (Number.isInteger(seats) && seats >= 1 && seats <= SANE_SEATS) return seats;
  throw new CustomerError(
    'order.quantity-invalid',
    `The order of plan ${plan.id} asks for ${seats} seats; a whole number from 1 to ${SANE_SEATS} can be sold.`,
    {
      params: { seats: String(seats) },
      effect: 'none',
    },
  );
}
