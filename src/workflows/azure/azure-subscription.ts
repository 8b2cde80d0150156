import { renamed } from '../../engine/renamed.ts';
import { type Flow, PREPARE_ANEW } from '../../engine/workflow.ts';
import { MINUTE_MS } from '../../lib/durations.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { Azure } from '../../upstreams/azure/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Grace } from '../grace.ts';
import type { Look } from '../look.ts';
import { isSameId } from '../same-id.ts';
import { pollPlan } from '../steps/polls.ts';
import { groupOf, isDedicated, sharedAliasOf } from './names.ts';
import { noteAzure } from './note.ts';

export interface AzureSubscriptionParts {
  azure: Pick<Azure, 'bootstrap'>;
  partnerCenter: Pick<PartnerCenter, 'azure'>;
  now(): number;
  pollEveryMs: number;
  grace: Grace;
}

export interface AzureSubscriptionRequest {
  customerId: string;
  /** Azure plan below which it stands. */
  planId: string;
  dedicated: boolean;
}

/** A plan comes with an Azure subscription: one is made only when none has shown for so long. */
const SHOWN_WITHIN_MS = 15 * MINUTE_MS;

/**
 * Returns the id of the Azure subscription to deploy into: one of this order alone where the plan of the marketplace wants that, else the
 * one that the customer's orders share.
 *
 * @see https://learn.microsoft.com/azure/cost-management-billing/manage/programmatically-create-subscription-microsoft-partner-agreement
 */
export async function ensureAzureSubscription(
  flow: Flow,
  look: Look,
  { customerId, planId, dedicated }: AzureSubscriptionRequest,
  parts: AzureSubscriptionParts,
): Promise<string> {
  const { partnerCenter, pollEveryMs, grace } = parts;
  if (dedicated) return createThroughAlias(flow, look, { alias: groupOf(look.subscription.id), customerId }, parts);

  const plan = pollPlan('soon', pollEveryMs, `the Azure subscription that comes with plan ${planId}`);
  const { shared } = await flow.poll<{ shared: string | null }>('find the Azure subscription', plan, async (waited) => {
    const found = (await partnerCenter.azure.entitlements(customerId, planId)).filter(
      ({ friendlyName }) => !isDedicated(friendlyName),
    );
    const active = found.find(({ status }) => status === 'active');
    if (active) return { shared: active.id };
    // One that was cancelled is not taken up again: whoever cancelled it had a reason.
    const isOver = found.length > 0 || waited.sinceMs > grace(SHOWN_WITHIN_MS);
    return isOver ? { shared: null } : undefined;
  });
  if (shared) return shared;
  const naming = pollPlan(
    'soon',
    pollEveryMs,
    `Azure to list the subscription that was made for customer ${customerId}`,
  );
  const alias = await flow.poll('name the Azure subscription', naming, async ({ sinceMs }) => {
    const known = await partnerCenter.azure.entitlements(customerId, planId);
    for (let number = 1; ; number += 1) {
      const name = sharedAliasOf(customerId, number);
      const found = await parts.azure.bootstrap.alias(name);
      if (found?.state !== 'created') return name;
      // An alias goes on naming what was cancelled, or what stood below a plan that has ended: that can hold nothing any more.
      const named = known.find(({ id }) => isSameId(id, found.subscriptionId));
      if (named?.status === 'active') return name;
      if (!named && sinceMs <= grace(SHOWN_WITHIN_MS)) return undefined;
    }
  });
  return createThroughAlias(flow, look, { alias, customerId }, parts);
}

/**
 * Creates an Azure subscription under a name that follows from whom it is for: asked for again, it is the same one. Where Azure has failed
 * to, it is created anew once that name is free again.
 */
async function createThroughAlias(
  flow: Flow,
  look: Look,
  { alias, customerId }: { alias: string; customerId: string },
  { azure: { bootstrap }, now, pollEveryMs }: AzureSubscriptionParts,
): Promise<string> {
  const read = () => bootstrap.alias(alias);
  const plan = pollPlan('soon', pollEveryMs, `Azure to create the subscription ${alias}`);
  for (let round = 1; ; round += 1) {
    const ours = round === 1 ? flow : renamed(flow, String(round));
    await ours.effect<{ billingScope: string }, true>('create the Azure subscription', {
      async prepare() {
        const billingScope = await bootstrap.billingScope(customerId);
        await noteAzure(look, { subscriptionAskedAt: new Date(now()).toISOString() });
        return { billingScope };
      },
      // Its name makes it one, however often it is sent; the billing account may have been corrected.
      find: async () => ((await read()) ? true : PREPARE_ANEW),
      async act({ billingScope }) {
        if (!(await read())) await bootstrap.createAlias(alias, { displayName: alias, billingScope });
        return true;
      },
    });
    const created = await ours.poll('Azure subscription created', plan, async () => {
      const found = await read();
      if (found?.state === 'created') return found.subscriptionId;
      return found?.state === 'failed' ? null : undefined;
    });
    if (created !== null) return created;
    await ours.step('see the failed alias deleted', async () => {
      if ((await read())?.state !== 'failed') return;
      throw new AttentionError(
        'azure-subscription.not-created',
        `Azure could not create the subscription "${alias}" of customer ${customerId}. Look at the alias of that name in Azure; delete it there to have it created again.`,
      );
    });
  }
}
