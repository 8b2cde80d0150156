import { Suspended, type Workflow } from '../../engine/workflow.ts';
import { AttentionError, ConnectorError } from '../../lib/errors.ts';
import { toTheMinute } from '../../lib/moment.ts';
import type { Look } from '../look.ts';
import { noteAzure } from './note.ts';

/** A new Azure subscription is known within 15 minutes, and one that Azure forgets for a moment sooner. */
const UNSEEN_FOR_MS = 60 * 60_000;

/**
 * The same workflow, which needs a person where Azure has not known the Azure subscription of the order for an hour. Until then it is tried
 * again, and after it as well: known again, the order goes on by itself.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found
 */
export function toldWhenUnseen(workflow: Workflow<Look>, { now }: { now(): number }): Workflow<Look> {
  return {
    name: workflow.name,

    async run(flow, look) {
      try {
        await workflow.run(flow, look);
      } catch (error) {
        if (error instanceof Suspended) await noteSeen(look);
        if (!isUnseen(error)) throw error;
        const { customerId, azure: { subscriptionId, unseenSince = new Date(now()).toISOString() } = {} } =
          look.fulfillment();
        if (!subscriptionId) throw error;
        await noteAzure(look, { unseenSince });
        if (now() - Date.parse(unseenSince) < UNSEEN_FOR_MS) throw error;
        throw new AttentionError(
          'azure-subscription.unseen',
          `Azure has not known the Azure subscription ${subscriptionId} of tenant ${customerId} since ${toTheMinute(unseenSince)}. Order ${look.subscription.id} belongs into it, and nothing is made for it elsewhere. Look in Partner Center and in the Azure portal whether it was cancelled, or moved to another tenant. If it is gone for good, settle that with the customer and detach the order.`,
          { cause: error, facts: error.facts, effect: error.effect },
        );
      }
      await noteSeen(look);
    },
  };
}

function isUnseen(error: unknown): error is ConnectorError {
  return error instanceof ConnectorError && error.code === 'arm.SubscriptionNotFound';
}

async function noteSeen(look: Look): Promise<void> {
  const { unseenSince, ...seen } = look.fulfillment().azure ?? {};
  if (unseenSince !== undefined) await look.note({ azure: seen });
}
