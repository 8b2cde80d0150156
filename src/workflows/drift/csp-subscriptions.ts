import { ConnectorError } from '../../lib/errors.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { DeploymentStatus, Subscription, SubscriptionSummary } from '../../upstreams/cloudesire/schema.ts';
import type { ProductType } from '../operations.ts';

/** States in the marketplace in which something exists at Microsoft, or may come to. */
export const LIVING = ['PENDING', 'DEPLOYED', 'STOPPED', 'UNDEPLOY_SENT', 'FAILED'] as const;

/** No term that Microsoft sells is longer than 36 months, and this is what may be left of one that was sold on the last day. */
const LONGEST_TERM_MS = 37 * 31 * 24 * 3_600_000;

/** The marketplace's CSP subscriptions in these states. @throws as `subscriptions.list`, at the end */
export async function* cspSubscriptions(
  subscriptions: Pick<Cloudesire['subscriptions'], 'list'>,
  statuses: DeploymentStatus[],
): AsyncGenerator<SubscriptionSummary> {
  try {
    yield* subscriptions.list({ productType: 'CSP', statuses });
  } catch (error) {
    // Some accounts may not filter by product type; then each look finds out by itself what is ours.
    const notAllowed = error instanceof ConnectorError && [400, 403, 422].includes(error.facts.status ?? 0);
    if (!notAllowed) throw error;
    yield* subscriptions.list({ statuses });
  }
}

/** What the marketplace has ended and Microsoft may still charge for. */
export async function* endedSubscriptions(
  subscriptions: Pick<Cloudesire['subscriptions'], 'list'>,
  now: number,
): AsyncGenerator<SubscriptionSummary> {
  for await (const ended of cspSubscriptions(subscriptions, ['UNDEPLOYED'])) {
    const isLongAgo = ended.endDate !== undefined && now - Date.parse(ended.endDate) > LONGEST_TERM_MS;
    if (!isLongAgo) yield ended;
  }
}

/** What a subscription is of; `undefined` for what is not ours, and where the marketplace does not say it. */
export async function readCspType(
  { catalogue }: Pick<Cloudesire, 'catalogue'>,
  { productId }: Subscription,
): Promise<ProductType | undefined> {
  const product = await catalogue.product(productId);
  return product?.type === 'CSP' ? product.cspProductType : undefined;
}
