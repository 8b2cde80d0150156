import type { Flow } from '../../engine/workflow.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { NewCartLine } from '../../upstreams/partner-center/orders.ts';
import { hasEnded, type PartnerSubscription } from '../../upstreams/partner-center/schema.ts';
import type { CustomerDirectory } from '../customer-directory.ts';
import type { Grace } from '../grace.ts';
import type { Look } from '../look.ts';
import { isSameId } from '../same-id.ts';
import { pollPlan } from '../steps/polls.ts';
import { buy, DEAD_ORDERS, type Purchase } from '../steps/purchase.ts';

/** The Azure plan in the catalogue. https://learn.microsoft.com/partner-center/developer/create-azure-plan */
const PRODUCT_ID = 'DZH318Z0BPS6';
const SKU_ID = '0001';

export interface AzurePlanParts {
  partnerCenter: PartnerCenter;
  directory: CustomerDirectory;
  now(): number;
  pollEveryMs: number;
  grace: Grace;
}

export interface AzurePlanRequest {
  customerId: string;
  /** Where it is sold, as it stands now: buyers may have corrected their country, operations the plan. */
  market(): Promise<{ country: string; segment: string }>;
  /** PartnerID of the indirect reseller through whom the order came. */
  resellerPartnerId?: string | undefined;
  underAgreement: Purchase['underAgreement'];
}

/**
 * Returns the id of the customer's Azure plan: the one there is, else one that is bought now. All orders of a customer buy it with the
 * same cart, which can be checked out once, so that two of them at the same moment, or one after a crash, buy one plan.
 *
 * @throws {AttentionError} when the plan was suspended at Microsoft, or is not sold to the customer
 */
export async function ensureAzurePlan(
  flow: Flow,
  look: Look,
  request: AzurePlanRequest,
  parts: AzurePlanParts,
): Promise<string> {
  const { partnerCenter, pollEveryMs } = parts;
  const { customerId, resellerPartnerId, underAgreement } = request;

  const existing = await flow.step('find the Azure plan', async () => (await findAzurePlan(parts, customerId)) ?? null);
  if (existing) return existing;

  const usedCarts = new Set<string>();
  const { partnerSubscriptionId: bought } = await buy(
    flow,
    look,
    {
      customerId,
      findItem: async () => ({ line: await findLine(), planId: undefined }),
      findOrder,
      recognisedBy: 'as that of an Azure plan',
      shared: {
        openCart,
        async endedOrders() {
          const ended = (await listPlans(parts, customerId)).filter(hasEnded);
          return ended.flatMap(({ orderId }) => orderId ?? []);
        },
      },
      async note({ cartId }) {
        if (cartId) usedCarts.add(cartId);
      },
      underAgreement,
    },
    parts,
  );
  const visible = pollPlan('change', pollEveryMs, `Azure plan ${bought} of customer ${customerId} to become active`);
  return flow.poll('Azure plan active', visible, () => findAzurePlan(parts, customerId));

  /** The item as it is sold today; it has neither a term nor a name of ours. */
  async function findLine(): Promise<NewCartLine> {
    const { country, segment } = await request.market();
    await look.note({ country, segment });
    const [item] = await partnerCenter.catalog.availabilities({
      productId: PRODUCT_ID,
      skuId: SKU_ID,
      country,
      segment,
    });
    if (!item) {
      throw new AttentionError(
        'azure-plan.not-sold',
        `Partner Center sells no Azure plan (${PRODUCT_ID}:${SKU_ID}) in ${country} (${segment}). Check whether the partner is enrolled for Azure there, and the segment of the plan.`,
      );
    }
    return {
      catalogItemId: item.catalogItemId,
      quantity: 1,
      billingCycle: 'one_time',
      ...(resellerPartnerId && { participants: [{ key: 'transaction_reseller', value: resellerPartnerId }] }),
    };
  }

  async function openCart(...cart: Parameters<PartnerCenter['carts']['create']>) {
    const shared = await parts.directory.azurePlanCart(customerId);
    // A cart that came to nothing in an earlier round is not used again.
    if (shared && !usedCarts.has(shared)) {
      const found = await partnerCenter.carts.get(customerId, shared);
      if (found) return found;
    }
    const created = await partnerCenter.carts.create(...cart);
    const agreed = await parts.directory.shareAzurePlanCart(customerId, { instead: shared, cartId: created.id });
    if (agreed === created.id) return created;
    return (await partnerCenter.carts.get(customerId, agreed)) ?? created;
  }

  async function findOrder(): Promise<string | undefined> {
    const plans = await listPlans(parts, customerId);
    const ended = plans.filter(hasEnded);
    const order = (await partnerCenter.orders.list(customerId)).find(
      ({ status, lineItems }) =>
        !DEAD_ORDERS.has(status) &&
        lineItems.some(
          ({ offerId, subscriptionId }) => isPlan(offerId) && !ended.some(({ id }) => isSameId(id, subscriptionId)),
        ),
    );
    return order?.id ?? plans.find((plan) => !hasEnded(plan))?.orderId;
  }
}

/**
 * The id of the active Azure plan of a customer.
 *
 * @throws {AttentionError} `azure-plan.suspended`: a second one would bring the customer no further
 */
export async function findAzurePlan(
  parts: { partnerCenter: Pick<PartnerCenter, 'subscriptions'> },
  customerId: string,
): Promise<string | undefined> {
  const plans = await listPlans(parts, customerId);
  const active = plans.find(({ status }) => status === 'active');
  if (active) return active.id;
  const suspended = plans.find(({ status }) => status === 'suspended');
  if (!suspended) return undefined;
  throw new AttentionError(
    'azure-plan.suspended',
    `The Azure plan ${suspended.id} of customer ${customerId} is suspended, so nothing can be deployed. Reactivate it in Partner Center.`,
  );
}

/** The Azure plans among a customer's partner subscriptions of which something may come yet. */
export function livingPlans(bought: PartnerSubscription[]): PartnerSubscription[] {
  return bought.filter((one) => isPlan(one.offerId) && !hasEnded(one));
}

async function listPlans(
  { partnerCenter }: { partnerCenter: Pick<PartnerCenter, 'subscriptions'> },
  customerId: string,
): Promise<PartnerSubscription[]> {
  return (await partnerCenter.subscriptions.list(customerId)).filter(({ offerId }) => isPlan(offerId));
}

function isPlan(offerId: string | undefined): boolean {
  return offerId?.toUpperCase().startsWith(`${PRODUCT_ID}:`) ?? false;
}
