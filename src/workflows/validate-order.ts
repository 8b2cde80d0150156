import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { SubscriptionSummary } from '../upstreams/cloudesire/schema.ts';
import { type CheckParts, type Checks, createChecks, type Objection } from './checks.ts';
import { createValidateLicenseOrder, type ValidateLicenseOrderParts } from './license/validate-order.ts';
import type { ProductType } from './operations.ts';

/** An order that the marketplace asks about before it takes it. */
export interface ProposedOrder {
  /** `NORMAL`, `TRIAL`, `SYNDICATED_UPGRADE` …; the marketplace may know others. */
  orderType: string;
  productId: number;
  /** With a change of plan, the new one. */
  planId: number;
  /** What is ordered of each extra resource, such as seats. */
  extraResources: SubscriptionSummary['extraResources'];
  /** What the customer entered, by code. May hold secrets. */
  parameters: Record<string, string>;
  /** Unknown for an estimate that a visitor asks for. */
  buyerId?: number | undefined;
  /** What is to be changed or ended. */
  subscriptionId?: number | undefined;
}

export interface ValidateOrderParts extends CheckParts, Omit<ValidateLicenseOrderParts, 'cloudesire'> {
  cloudesire: Pick<Cloudesire, 'catalogue' | 'customers'>;
}

/** A subscription may always be ended: no setting forbids that. */
const ENDINGS = new Set(['TERMINATION', 'UNSUBSCRIBE']);

/**
 * Returns what speaks against an order: what fulfilment would stumble over, asked of the same functions, without changing
 * anything anywhere. Ends when the signal aborts, at the latest, with what is known by then; whatever could not be found
 * out counts in favour of the order.
 *
 * @see https://docs.cloudesire.com/docs/order-validation.html
 */
export function createValidateOrder(
  parts: ValidateOrderParts,
): (order: ProposedOrder, signal: AbortSignal) => Promise<Objection[]> {
  const { cloudesire, log, alerts } = parts;
  // Orders of Azure products are taken as they come.
  const validators: Partial<Record<ProductType, (order: ProposedOrder, checks: Checks) => Promise<void>>> = {
    license: createValidateLicenseOrder(parts),
  };

  return async (order, signal) => {
    const { orderType, productId, planId, buyerId, subscriptionId } = order;
    if (ENDINGS.has(orderType)) return [];
    const about = log.child({ orderType, productId, planId, buyerId, subscriptionId });
    const checks = createChecks({ log: about, alerts }, signal);

    const product = await checks.make('product', () => cloudesire.catalogue.product(productId));
    if (product?.cspProductType) await validators[product.cspProductType]?.(order, checks);
    const objections = checks.objections();
    about.info({ objections: objections.map(({ code }) => code) }, 'order validated');
    return objections;
  };
}
