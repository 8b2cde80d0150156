import type { Clock } from '../core/clock.ts';
import { type Fields, textOf, withoutAbsent } from './body.ts';
import { isLastDayOfMonth, lastDayOfTerm, monthsOfTerm, startOfDay } from './calendar.ts';
import { type Catalog, type CatalogItem, findTerm, type Missing } from './catalog.ts';
import { findCountry } from './countries.ts';
import type { Customer, Line, LineError, Pricing, State } from './model.ts';
import { refusal } from './refusals.ts';
import type { Switches } from './switches.ts';

/** Names of the line errors, for the dialect that prints them instead of their numbers. */
export const CART_ERROR_NAMES: Record<number, string> = {
  10001: 'catalog_item_id_is_not_valid',
  10004: 'participants_is_not_supported_for_partner',
  10006: 'unable_to_process_cart_line_item',
  10009: 'sandbox_limit_exceeded',
  10010: 'invalid_input',
  10013: 'billing_plan_not_supported',
  10015: 'max_allowed_seats_per_subscription_exceeded',
  10017: 'invalid_custom_term_end_date',
};

export const SANDBOX_SEATS = 25;
export const SANDBOX_SUBSCRIPTIONS = 5;
const CURRENCY_OF_PARTNER = 'EUR';
const MONTHS_PER_PERIOD: Record<string, number> = { monthly: 1, annual: 12, triennial: 36 };
const MAX_ADDITIONAL_RESELLERS = 5;

export interface LineParts {
  clock: Clock;
  state: State;
  switches: Switches;
  catalog: Catalog;
}

/** A line as a cart or an order asks for it, its form checked. */
export type WantedLine = Omit<Line, 'orderGroup' | 'pricing' | 'error' | 'currencyCode'> & { currencyCode?: string };

/** @throws {Refusal} 400 900169 for a currency that is neither the customer's nor the partner's */
function chooseCurrency(customer: Customer, asked: string | undefined): string {
  const ofCustomer = findCountry(customer.country)?.currency.code ?? CURRENCY_OF_PARTNER;
  if (asked === undefined) return ofCustomer;
  const code = asked.toUpperCase();
  if (code !== ofCustomer && code !== CURRENCY_OF_PARTNER) throw refusal(400, 900169);
  return code;
}

/**
 * The lines as the service would sell them: grouped into orders (all licences together, a plan and a software line
 * each alone), priced, and with an error where a line cannot be sold.
 */
export function examineLines(wanted: WantedLine[], customer: Customer, parts: LineParts): Line[] {
  const groups: string[] = [];
  const lines: Line[] = [];
  for (const want of wanted) {
    const item = parts.catalog.resolve(want.catalogItemId);
    const group = groupOf(want, item);
    if (!groups.includes(group)) groups.push(group);
    const line = { ...want, currencyCode: chooseCurrency(customer, want.currencyCode) };
    lines.push(
      withoutAbsent({
        ...line,
        orderGroup: String(groups.indexOf(group)),
        pricing: typeof item === 'string' ? undefined : priceLine(want, item),
        error: findLineError(want, item, lines, customer, parts),
      }) as Line,
    );
  }
  return lines;
}

function groupOf({ number }: WantedLine, item: CatalogItem | Missing): string {
  if (typeof item === 'string') return 'licences';
  return item.sku.kind === 'licence' || item.sku.kind === 'trial' ? 'licences' : `line ${number}`;
}

function priceLine({ termDuration, billingCycle, quantity }: WantedLine, { sku }: CatalogItem): Pricing | undefined {
  const term = findTerm(sku, termDuration, billingCycle);
  if (term === undefined) return undefined;
  const periods = (monthsOfTerm(term.duration) || 1) / (MONTHS_PER_PERIOD[billingCycle] ?? monthsOfTerm(term.duration));
  const { price } = term;
  const extendedPrice = Math.round(price * quantity * periods * 100) / 100;
  return { listPrice: price, discountedPrice: price, proratedPrice: price, price, extendedPrice };
}

function findLineError(
  line: WantedLine,
  item: CatalogItem | Missing,
  before: WantedLine[],
  customer: Customer,
  parts: LineParts,
): LineError | undefined {
  if (typeof item === 'string') return { code: 10001, description: 'Catalog item id is not valid.' };
  const { sku } = item;
  if (!isOpenTo(item.segment, customer)) return { code: 10001, description: 'Catalog item id is not valid.' };
  if (sku.kind === 'plan' && line.termDuration !== undefined) {
    return { code: 10010, description: 'A term duration is not allowed for this item.' };
  }
  if (sku.kind !== 'plan' && line.termDuration === undefined) {
    return { code: 10010, description: 'The term duration is required for this item.' };
  }
  if (!isCycleSold(line, item)) return { code: 10013, description: 'The billing plan is not supported for this item.' };
  const seats = findSeatError(line, item, parts);
  if (seats !== undefined) return seats;
  if (!isCustomEndAllowed(line, customer, parts)) {
    return { code: 10017, description: 'The custom term end date is not valid.' };
  }
  if (!areResellersKnown(line, parts.state)) {
    return { code: 10004, description: 'Participants is not supported for this partner.' };
  }
  if (sku.kind === 'trial' && !isTrialOpen(item, before, customer, parts)) {
    return { code: 10006, description: 'The customer is not eligible for this trial.' };
  }
  if (sku.isAddon === true && !hasBase(sku.prerequisiteSkus ?? [], before, customer, parts)) {
    return { code: 400041, description: 'This item is not purchasable without a compatible base product.' };
  }
  return undefined;
}

function isOpenTo(segment: string, customer: Customer): boolean {
  if (segment === 'commercial') return true;
  return customer.qualifications.some(
    ({ qualification, vettingStatus }) => vettingStatus === 'Approved' && qualification.toLowerCase() === segment,
  );
}

function isCycleSold({ billingCycle, termDuration }: WantedLine, { sku }: CatalogItem): boolean {
  if (sku.kind === 'plan') return sku.supportedBillingCycles.includes(billingCycle);
  return findTerm(sku, termDuration, billingCycle) !== undefined;
}

function findSeatError({ quantity }: WantedLine, { sku }: CatalogItem, { switches }: LineParts): LineError | undefined {
  if (switches.environment === 'sandbox' && quantity > SANDBOX_SEATS) {
    return { code: 10009, description: 'The limit of seats in the integration sandbox is exceeded.' };
  }
  if (quantity > sku.maximumQuantity) {
    return {
      code: 10015,
      description: 'Requested number of seats exceeds the limit.',
      additionalInformation: { availableQuantity: sku.maximumQuantity, purchasedQuantity: quantity },
    };
  }
  if (quantity < sku.minimumQuantity) {
    return { code: 10010, description: `At least ${sku.minimumQuantity} seats are required.` };
  }
  return undefined;
}

/**
 * Whether a first term may end that day: the last day of a month, or the end of one of the customer's subscriptions,
 * and never later than the full term.
 *
 * @see https://learn.microsoft.com/partner-center/developer/custom-term-end-dates
 */
function isCustomEndAllowed(line: WantedLine, customer: Customer, { clock, state }: LineParts): boolean {
  if (line.customTermEndDate === undefined || line.termDuration === undefined) return true;
  const endAt = Date.parse(line.customTermEndDate);
  return isTermEndAllowed({ endAt, startAt: clock.now(), termDuration: line.termDuration }, customer, state);
}

export function isTermEndAllowed(
  { endAt, startAt, termDuration }: { endAt: number; startAt: number; termDuration: string },
  customer: Customer,
  state: State,
): boolean {
  if (Number.isNaN(endAt) || endAt < startAt || startOfDay(endAt) > lastDayOfTerm(startAt, termDuration)) return false;
  return (
    isLastDayOfMonth(endAt) || coterminous(customer, state).some(({ lastDayAt }) => lastDayAt === startOfDay(endAt))
  );
}

/** The customer's subscriptions whose end another term may share. */
export function coterminous(customer: Customer, state: State) {
  return [...state.subscriptions.values()].filter(
    ({ customerId, status, kind }) => customerId === customer.id && status === 'active' && kind === 'licence',
  );
}

function areResellersKnown({ participants = [], partnerIdOnRecord }: WantedLine, state: State): boolean {
  const known = (partnerId: string | undefined): boolean =>
    state.resellers.some((reseller) => reseller.partnerId === partnerId);
  if (partnerIdOnRecord !== undefined && !known(partnerIdOnRecord)) return false;
  const additional = participants.filter((one) => textOf(one, 'key') === 'additional_transaction_reseller');
  return additional.length <= MAX_ADDITIONAL_RESELLERS && participants.every((one) => known(textOf(one, 'value')));
}

function isTrialOpen(
  { product, sku }: CatalogItem,
  before: WantedLine[],
  customer: Customer,
  { state }: LineParts,
): boolean {
  const offer = `${product.id}:${sku.id}`;
  const paid = sku.convertsTo?.[0];
  const owned = [...state.subscriptions.values()].some(
    (one) => one.customerId === customer.id && `${one.productId}:${one.skuId}` === paid && one.status === 'active',
  );
  const inCart = before.some(({ catalogItemId }) => catalogItemId.startsWith(`${offer}:`));
  return !owned && !inCart && !customer.trialsUsed.has(offer);
}

function hasBase(prerequisites: string[], before: WantedLine[], customer: Customer, { state }: LineParts): boolean {
  const inCart = before.some(({ catalogItemId }) => prerequisites.some((base) => catalogItemId.startsWith(`${base}:`)));
  return (
    inCart ||
    [...state.subscriptions.values()].some(
      ({ customerId, status, productId, skuId }) =>
        customerId === customer.id && status === 'active' && prerequisites.includes(`${productId}:${skuId}`),
    )
  );
}

/** The PartnerID of the reseller that a line names; undefined for a direct customer. */
export function resellerOf({ participants = [], partnerIdOnRecord }: Line): string | undefined {
  const reseller = participants.find((one: Fields) => textOf(one, 'key') === 'transaction_reseller');
  return partnerIdOnRecord ?? (reseller === undefined ? undefined : textOf(reseller, 'value'));
}
