import { randomUUID } from 'node:crypto';
import type { Flow, Workflow } from '../../engine/workflow.ts';
import { compact } from '../../lib/compact.ts';
import { AttentionError, ConnectorError, RetryableError } from '../../lib/errors.ts';
import type { Report } from '../../report/report.ts';
import { hasEnded } from '../../upstreams/partner-center/schema.ts';
import type { Exposure, Fulfillment } from '../fulfillment.ts';
import type { Look } from '../look.ts';
import { bearsMark } from '../mark.ts';
import { isSameId } from '../same-id.ts';
import { pollPlan } from '../steps/polls.ts';
import { DEAD_ORDERS, findOrder, LISTED_WITHIN_MS } from '../steps/purchase.ts';
import { boughtOf } from './bought.ts';
import { awaitStatus } from './change-status.ts';
import {
  changePartnerSubscription,
  GONE,
  type LicenseParts,
  offerOf,
  RUN_OUT,
  readPartnerSubscription,
  runsOut,
} from './partner-subscription.ts';
import { findSuccessor } from './transition.ts';

export interface DeprovisionLicenseParts extends LicenseParts {
  report: Report;
}

/** Microsoft's answers to a cancellation after the window has closed. https://learn.microsoft.com/partner-center/developer/error-codes */
const WINDOW_CLOSED = new Set(['900117', '900213']);

/** So often the price of what runs out is asked for before its exposure is noted without. */
const MOST_LOOKS_FOR_PRICE = 5;

type Asked = 'cancelled' | 'window-closed' | 'gone';
/** What is left to be charged. */
type End = { kind: 'runs-out'; exposure: Exposure } | { kind: 'nothing' };

/**
 * Ends a licence: cancels it while Microsoft still allows that, else sees to it that it neither renews nor moves to an extended term,
 * and notes what is paid for until then. Then reports UNDEPLOYED.
 *
 * @see https://learn.microsoft.com/partner-center/developer/cancel-an-azure-marketplace-subscription
 * @see https://learn.microsoft.com/partner-center/customers/extended-service-terms
 */
export function createDeprovisionLicense(parts: DeprovisionLicenseParts): Workflow<Look> {
  const { partnerCenter, report, pollEveryMs, grace } = parts;
  const { subscriptions } = partnerCenter;

  return {
    name: 'license/deprovision',

    async run(flow, look) {
      const { customerId } = look.fulfillment();
      const bought = customerId && (await findBought(flow, look, customerId));
      const now = bought && (await followMoves(flow, look, bought));
      const end: End = now ? await endIt(flow, look, now.until) : { kind: 'nothing' };
      if (end.kind === 'runs-out') await look.note({ exposure: end.exposure });
      if (look.subscription.deploymentStatus === 'UNDEPLOY_SENT') {
        await flow.step('report undeployed', () => report.undeployed(look.subscription.id));
      }
      if (end.kind === 'runs-out') await look.note({ exposure: await priced(flow, look.fulfillment(), end.exposure) });
      await look.note({ endedAt: new Date(parts.now()).toISOString() });
    },
  };

  /** The exposure with its price, where the order still is about what runs out. */
  async function priced(flow: Flow, fulfillment: Fulfillment, exposure: Exposure): Promise<Exposure> {
    const { customerId } = boughtOf(fulfillment);
    const { orderId, offerId } = fulfillment;
    const plan = pollPlan('detail', pollEveryMs, 'Microsoft to tell the price');
    const { price } = await flow.poll<{ price: Exposure['price'] | null }>(
      'read the price',
      plan,
      async ({ looks }) => {
        try {
          return { price: orderId ? ((await priceOf(customerId, orderId, offerId)) ?? null) : null };
        } catch (error) {
          if (error instanceof RetryableError && looks < MOST_LOOKS_FOR_PRICE) return undefined;
          // It is good to know, but the end must not wait for it for ever.
          if (error instanceof ConnectorError) return { price: null };
          throw error;
        }
      },
    );
    return { ...exposure, ...(price && { price }) };
  }

  async function priceOf(customerId: string, orderId: string, offerId: string | undefined) {
    const order = await partnerCenter.orders.get(customerId, orderId, { withPrice: true });
    const line = order?.lineItems.find((item) => item.offerId && isSameId(offerOf(item.offerId), offerId));
    if (line?.price === undefined || order?.currencyCode === undefined) return undefined;
    return { amount: line.price, currency: order.currencyCode };
  }

  /** What was bought, even when provisioning was cut short between the purchase and its record. */
  async function findBought(flow: Flow, look: Look, customerId: string): Promise<string | undefined> {
    const { partnerSubscriptionId, cartId, checkoutAt, orderId: noted, formerOrderIds } = look.fulfillment();
    if (partnerSubscriptionId) return partnerSubscriptionId;
    if (!checkoutAt && !noted) return undefined;

    const plan = pollPlan(
      'soon',
      pollEveryMs,
      'Microsoft to settle the purchase that was under way when the customer terminated',
    );
    const { found } = await flow.poll<{ found: string | null }>('settle the purchase', plan, async ({ sinceMs }) => {
      const created = (await subscriptions.list(customerId)).find(
        (one) => !hasEnded(one) && bearsMark(one.friendlyName, look.subscription.id),
      );
      if (created) return { found: created.id };
      const orderId = noted ?? (await findOrder(partnerCenter, customerId, look.subscription.id, formerOrderIds));
      const order = orderId ? await partnerCenter.orders.get(customerId, orderId) : undefined;
      const line = order?.lineItems.find(({ subscriptionId }) => subscriptionId);
      if (line?.subscriptionId) return { found: line.subscriptionId };
      if (orderId) return order && DEAD_ORDERS.has(order.status) ? { found: null } : undefined;
      // A checkout that was sent just before may still be on its way, and a new order may be missing in the list for a while: only after
      // that an open cart proves that nothing was bought.
      const cart = cartId ? await partnerCenter.carts.get(customerId, cartId) : undefined;
      const isOpen = !cart || cart.status === 'active';
      return isOpen && sinceMs >= grace(LISTED_WITHIN_MS) ? { found: null } : undefined;
    });
    return found ?? undefined;
  }

  /** Where it is now: somebody may have moved it since it was looked at last, and what it became must not renew either. */
  async function followMoves(flow: Flow, look: Look, partnerSubscriptionId: string): Promise<{ until?: string }> {
    const plan = pollPlan(
      'change',
      pollEveryMs,
      `Microsoft to move partner subscription ${partnerSubscriptionId}, which the customer terminated`,
    );
    const fulfillment = { ...look.fulfillment(), partnerSubscriptionId };
    const { id, until } = await flow.poll<{ id: string; until?: string }>('see where it is now', plan, async () => {
      const found = await readPartnerSubscription(parts, fulfillment);
      const successor = hasEnded(found) ? await findSuccessor(parts, fulfillment, look.subscription.id) : undefined;
      if (successor === 'pending') return undefined;
      const now = successor ?? found;
      return {
        id: now?.id ?? partnerSubscriptionId,
        ...(now?.commitmentEndDate && { until: now.commitmentEndDate }),
      };
    });
    await look.note({ partnerSubscriptionId: id });
    return compact({ until });
  }

  /**
   * Cancelled, else seen to that it runs out. Should it renew before that is done, there is a new term, whose own window is open: then it is
   * cancelled after all.
   */
  async function endIt(flow: Flow, look: Look, termEnd: string | undefined): Promise<End> {
    const { partnerSubscriptionId } = boughtOf(look.fulfillment());
    let known = termEnd;
    for (let renewed = ''; ; renewed = `, renewed until ${known}`) {
      const outcome = await cancel(flow, look, renewed);
      if (outcome !== 'window-closed') return { kind: 'nothing' };
      // Suspended, it would seem to run out; brought back after that, it would not.
      await awaitStatus(flow, look, parts);
      const { seats, commitmentEndDate: until } = await changePartnerSubscription(
        flow,
        look,
        `let the term run out, since it cannot be cancelled any more${renewed}`,
        { change: () => RUN_OUT, shows: runsOut },
        parts,
      );
      if (known === undefined || until === undefined || until === known)
        return { kind: 'runs-out', exposure: { partnerSubscriptionId, seats, ...(until && { until }) } };
      known = until;
    }
  }

  /** Whether Microsoft has cancelled it, where that can be still, or a person says that it is gone. */
  async function cancel(flow: Flow, look: Look, renewed: string): Promise<Asked> {
    const fulfillment = look.fulfillment();
    const { customerId, partnerSubscriptionId } = boughtOf(fulfillment);
    const read = () => readPartnerSubscription(parts, fulfillment);

    const outcome = await flow.effect<{ requestId: string }, Asked>(`ask to cancel${renewed}`, {
      prepare: () => ({ requestId: randomUUID() }),
      find: async () => (hasEnded(await read()) ? 'cancelled' : undefined),
      async act({ requestId }) {
        const found = await read();
        if (!found) return giveUpOn(look);
        if (hasEnded(found)) return 'cancelled';
        // A trial cannot be cancelled, it only ends. For the rest Microsoft's own clock decides whether the window is open: it is asked.
        if (found.isTrial) return 'window-closed';
        try {
          await subscriptions.update(customerId, partnerSubscriptionId, { status: 'deleted' }, { requestId });
          return 'cancelled';
        } catch (error) {
          if (error instanceof ConnectorError && WINDOW_CLOSED.has(error.facts.upstreamCode ?? ''))
            return 'window-closed';
          throw error;
        }
      },
    });
    if (outcome !== 'cancelled') return outcome;
    await changePartnerSubscription(
      flow,
      look,
      `cancellation${renewed}`,
      { change: () => ({ status: 'deleted' }), shows: hasEnded },
      parts,
    );
    return outcome;
  }
}

/** What Microsoft does not show may be charged all the same: only a person who was told so can say that it is not. */
function giveUpOn(look: Look): 'gone' {
  if (look.takeRetry(GONE)) return 'gone';
  const { customerId, partnerSubscriptionId } = look.fulfillment();
  throw new AttentionError(
    GONE,
    `The customer has terminated, but Microsoft does not show partner subscription ${partnerSubscriptionId} of customer ${customerId}, so that nobody knows whether it is charged. Look for it in Partner Center: if it is there, give the connector its access back; if it is gone, retry reports it as ended.`,
    { effect: 'none' },
  );
}
