import { randomUUID } from 'node:crypto';
import type { Flow, Workflow } from '../../engine/workflow.ts';
import { ConnectorError } from '../../lib/errors.ts';
import type { Report } from '../../report/report.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { PartnerSubscription } from '../../upstreams/partner-center/schema.ts';
import type { Exposure } from '../fulfillment.ts';
import type { Look } from '../look.ts';
import { bearsMark } from './mark.ts';
import { findOrder } from './purchase.ts';

export interface DeprovisionLicenseParts {
  partnerCenter: PartnerCenter;
  report: Report;
  now(): number;
  pollEveryMs: number;
}

/** Microsoft's answers to a cancellation after the window has closed. https://learn.microsoft.com/partner-center/developer/error-codes */
const WINDOW_CLOSED = new Set(['900117', '900213']);
/** States in which nothing renews, runs or is charged any more. */
const ENDED = new Set(['deleted', 'disabled', 'expired']);

type End = { kind: 'cancelled' } | { kind: 'runs-out'; exposure: Exposure } | { kind: 'nothing' };

/**
 * Ends a licence: cancels it while Microsoft still allows that, else sees to it that it neither renews nor moves to an extended term,
 * and notes what is paid for until then. Then reports UNDEPLOYED.
 *
 * @see https://learn.microsoft.com/partner-center/developer/cancel-an-azure-marketplace-subscription
 * @see https://learn.microsoft.com/partner-center/customers/extended-service-terms
 */
export function createDeprovisionLicense(parts: DeprovisionLicenseParts): Workflow<Look> {
  const { partnerCenter, report, pollEveryMs } = parts;
  const { subscriptions } = partnerCenter;

  return {
    name: 'license/deprovision',

    async run(flow, look) {
      const { customerId } = look.fulfillment();
      const partnerSubscriptionId = customerId && (await findBought(flow, look, customerId));
      const end: End =
        customerId && partnerSubscriptionId
          ? await endIt(flow, customerId, partnerSubscriptionId)
          : { kind: 'nothing' };
      if (end.kind === 'runs-out') await look.note({ exposure: end.exposure });
      if (look.subscription.deploymentStatus === 'UNDEPLOY_SENT') {
        await flow.step('report undeployed', () => report.undeployed(look.subscription.id));
      }
      await look.note({ endedAt: new Date(parts.now()).toISOString() });
    },
  };

  /** What was bought, even when provisioning was cut short between the purchase and its record. */
  async function findBought(flow: Flow, look: Look, customerId: string): Promise<string | undefined> {
    const { partnerSubscriptionId, cartId, checkoutAt, orderId: noted } = look.fulfillment();
    if (partnerSubscriptionId) return partnerSubscriptionId;
    if (!checkoutAt && !noted) return undefined;

    const plan = {
      firstMs: pollEveryMs / 3,
      factor: 1.5,
      longestMs: 4 * pollEveryMs,
      waitingFor: 'Microsoft to settle the purchase that was under way when the customer terminated',
    };
    const { found } = await flow.poll<{ found: string | null }>('settle the purchase', plan, async ({ sinceMs }) => {
      const created = (await subscriptions.list(customerId)).find((one) =>
        bearsMark(one.friendlyName, look.subscription.id),
      );
      if (created) return { found: created.id };
      const orderId = noted ?? (await findOrder(partnerCenter, customerId, look.subscription.id));
      if (orderId) {
        const order = await partnerCenter.orders.get(customerId, orderId);
        const line = order?.lineItems.find(({ subscriptionId }) => subscriptionId);
        if (line?.subscriptionId) return { found: line.subscriptionId };
        return order && ['cancelled', 'error', 'po-review-rejected'].includes(order.status)
          ? { found: null }
          : undefined;
      }
      const cart = cartId ? await partnerCenter.carts.get(customerId, cartId) : undefined;
      if (cart?.status.toLowerCase() === 'ordered') return undefined;
      // A checkout that was sent just before may still be on its way: only after a while an open cart proves that nothing was bought.
      return sinceMs >= 20 * pollEveryMs ? { found: null } : undefined;
    });
    return found ?? undefined;
  }

  async function endIt(flow: Flow, customerId: string, partnerSubscriptionId: string): Promise<End> {
    const read = (): Promise<PartnerSubscription | undefined> => subscriptions.get(customerId, partnerSubscriptionId);

    const outcome = await flow.effect<{ requestId: string }, 'cancelled' | 'window-closed'>('ask to cancel', {
      prepare: () => ({ requestId: randomUUID() }),
      async find() {
        const found = await read();
        return !found || ENDED.has(found.status) ? 'cancelled' : undefined;
      },
      async act({ requestId }) {
        const found = await read();
        if (!found || ENDED.has(found.status)) return 'cancelled';
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
    if (outcome === 'cancelled') {
      await verify(flow, 'cancellation shows', read, (found) => !found || ENDED.has(found.status));
      return { kind: 'cancelled' };
    }

    await flow.effect<{ requestId: string }, true>('let the term run out', {
      prepare: () => ({ requestId: randomUUID() }),
      find: async () => (runsOut(await read()) ? true : undefined),
      async act({ requestId }) {
        const found = await read();
        if (runsOut(found)) return true;
        // Without the second half the subscription might move to an extended term and be charged month by month.
        const scheduledActions = [{ scheduleType: 'TermEnd', actionType: 'Cancel' }];
        await subscriptions.update(
          customerId,
          partnerSubscriptionId,
          { autoRenewEnabled: false, scheduledActions },
          { requestId },
        );
        return true;
      },
    });
    const left = await verify(flow, 'end of term shows', read, runsOut);
    return { kind: 'runs-out', exposure: { partnerSubscriptionId, ...left } };
  }

  /** A change may be accepted first and made later, so it counts once it can be read. */
  async function verify(
    flow: Flow,
    name: string,
    read: () => Promise<PartnerSubscription | undefined>,
    shows: (found: PartnerSubscription | undefined) => boolean,
  ): Promise<{ seats: number; until?: string }> {
    const plan = {
      firstMs: pollEveryMs / 3,
      factor: 1.5,
      longestMs: 60 * pollEveryMs,
      waitingFor: `Microsoft to show the ${name.replace(' shows', '')}`,
    };
    return flow.poll(name, plan, async () => {
      const found = await read();
      if (!shows(found)) return undefined;
      return { seats: found?.quantity ?? 0, ...(found?.commitmentEndDate && { until: found.commitmentEndDate }) };
    });
  }
}

/** Neither renews nor is continued at the end of its term. A suspended one has lost its renewal already and accepts no schedule. */
function runsOut(found: PartnerSubscription | undefined): boolean {
  if (!found || ENDED.has(found.status) || found.status === 'suspended') return true;
  return (
    !found.autoRenewEnabled && found.scheduledActions.some((action) => action.actionType.toLowerCase() === 'cancel')
  );
}
