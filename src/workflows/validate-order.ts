import { createValidateAzureOrder, type ValidateAzureOrderParts } from './azure/validate-order.ts';
import { type CheckParts, type Checks, createChecks, type Objection, type ProposedOrder } from './checks.ts';
import { createValidateLicenseOrder, type ValidateLicenseOrderParts } from './license/validate-order.ts';
import type { ProductType } from './operations.ts';

export type ValidateOrderParts = CheckParts & ValidateLicenseOrderParts & ValidateAzureOrderParts;

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
  const validators: Record<ProductType, (order: ProposedOrder, checks: Checks) => Promise<void>> = {
    license: createValidateLicenseOrder(parts),
    azure: createValidateAzureOrder('azure', parts),
    arm: createValidateAzureOrder('arm', parts),
  };

  return async (order, signal) => {
    const { orderType, productId, planId, buyerId, subscriptionId } = order;
    if (ENDINGS.has(orderType)) return [];
    const about = log.child({ orderType, productId, planId, buyerId, subscriptionId });
    const checks = createChecks({ log: about, alerts }, signal);

    const product = await checks.make('product', () => cloudesire.catalogue.product(productId));
    if (product?.cspProductType) await validators[product.cspProductType](order, checks);
    const objections = checks.objections();
    about.info({ objections: objections.map(({ code }) => code) }, 'order validated');
    return objections;
  };
}
