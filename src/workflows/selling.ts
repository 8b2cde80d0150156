import { AttentionError, ConnectorError } from '../lib/errors.ts';
import { nameIn } from '../lib/foreign-text.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { Plan, Product, Subscription } from '../upstreams/cloudesire/schema.ts';

/** What the marketplace sells with one plan, and where the Microsoft identifiers of it were found. */
export interface Selling {
  plan: Plan;
  product: Product;
  /**
   * The value of one integration key (`offerId`, `template` …): plan metadata, else product metadata, else the plan's
   * external id where it stands for that key, else a field of that name in plan or product.
   */
  find(key: string): string | undefined;
  /** Where that value stands, for whoever has to correct it: `offerId in the metadata of plan 2101 (Basic)`. */
  placeOf(key: string): string;
  /** The same, for what cannot be done without. @throws {AttentionError} naming the plan and what it lacks */
  demand(key: string): string;
}

const ALIASES: Record<string, string[]> = { offerId: ['offerId', 'partnerCenterOfferId'] };
const MEANT_BY_EXTERNAL_ID = 'offerId';

/**
 * Reads product, plan and the metadata of both.
 *
 * @throws {AttentionError} when the plan or the product cannot be read: only the operator of the marketplace can cure that
 */
export async function readSelling(
  { catalogue }: Pick<Cloudesire, 'catalogue'>,
  { planId, productId }: Pick<Subscription, 'planId' | 'productId'>,
): Promise<Selling> {
  if (planId === undefined) {
    throw new AttentionError(
      'plan.unknown',
      `The order of product ${productId} names no plan, so there is nothing to sell. Check the product in the marketplace.`,
    );
  }
  const [plan, product, planMetadata, productMetadata] = await Promise.all([
    catalogue.plan(planId),
    catalogue.product(productId),
    readIfAllowed(catalogue.planMetadata(planId)),
    readIfAllowed(catalogue.productMetadata(productId)),
  ]);
  if (!plan || !product) {
    const lost = plan ? `product ${productId}` : `plan ${planId}`;
    throw new AttentionError(
      'plan.unreadable',
      `The marketplace does not show ${lost} to the connector's account. Publish it or give the account access.`,
    );
  }

  const ofPlan = `of plan ${plan.id} (${nameIn(plan.name ?? 'without a name')})`;
  const ofProduct = `of product ${product.id}`;

  function locate(key: string): { value: string; place: string } | undefined {
    const names = ALIASES[key] ?? [key];
    const metadata = [
      { source: planMetadata, owner: ofPlan },
      { source: productMetadata, owner: ofProduct },
    ];
    for (const { source, owner } of metadata) {
      for (const name of names) {
        const value = source[name]?.trim();
        if (value) return { value, place: `${name} in the metadata ${owner}` };
      }
    }
    const others = [
      {
        value: key === MEANT_BY_EXTERNAL_ID ? plan?.externalId?.trim() : undefined,
        place: `the external id ${ofPlan}`,
      },
      { value: plan?.fields[key], place: `the field ${key} ${ofPlan}` },
      { value: product?.fields[key], place: `the field ${key} ${ofProduct}` },
    ];
    for (const { value, place } of others) if (value) return { value, place };
    return undefined;
  }

  const find = (key: string): string | undefined => locate(key)?.value;

  return {
    plan,
    product,
    find,
    placeOf: (key) => locate(key)?.place ?? `${key} ${ofPlan}`,
    demand(key) {
      const value = find(key);
      if (value) return value;
      throw new AttentionError(
        'plan.not-configured',
        `Plan ${plan.id} (${nameIn(plan.name ?? 'without a name')}) of product ${product.id} lacks ${key}. Add it to the plan's integration metadata.`,
      );
    },
  };
}

/** Not every account may read every kind of metadata; what it may not read it cannot find. */
async function readIfAllowed(metadata: Promise<Record<string, string>>): Promise<Record<string, string>> {
  try {
    return await metadata;
  } catch (error) {
    if (error instanceof ConnectorError && error.facts.status === 403) return {};
    throw error;
  }
}
