import { renamed } from '../../engine/renamed.ts';
import { type Flow, Suspended, type Workflow } from '../../engine/workflow.ts';
import { AttentionError } from '../../lib/errors.ts';
import { once } from '../../lib/once.ts';
import type { Report } from '../../report/report.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import { hasEnded, type PartnerSubscription } from '../../upstreams/partner-center/schema.ts';
import { readBuyer } from '../buyer.ts';
import type { Look } from '../look.ts';
import { bearsMark, markOf } from '../mark.ts';
import { readSelling } from '../selling.ts';
import { type BecomeCustomerParts, becomeCustomer } from '../steps/become-customer.ts';
import { pollPlan } from '../steps/polls.ts';
import { buy, findOrder } from '../steps/purchase.ts';
import { boughtOf } from './bought.ts';
import { findCatalogItem } from './catalog-item.ts';
import { type HandOverParts, handOver } from './hand-over.ts';
import { type LicenseSettings, readLicenseOrder } from './order.ts';
import {
  changePartnerSubscription,
  endsWithTerm,
  offerOf,
  RUN_OUT,
  readPartnerSubscription,
} from './partner-subscription.ts';
import { choiceForFirstTerm, findTermEnd } from './term-end.ts';
import { findSuccessor } from './transition.ts';

export interface ProvisionLicenseParts extends BecomeCustomerParts, HandOverParts {
  cloudesire: Cloudesire;
  partnerCenter: PartnerCenter;
  report: Report;
  license: LicenseSettings;
  privateCustomers: 'refuse' | 'allow';
}

/** Sells seats of an offer: customer, agreement, order; then hands over and reports DEPLOYED. */
export function createProvisionLicense(parts: ProvisionLicenseParts): Workflow<Look> {
  const { cloudesire, partnerCenter, pollEveryMs, license } = parts;
  return {
    name: 'license/provision',

    async run(flow, look) {
      const { subscription } = look;
      // Personal data are read anew by each look that needs them, and rest nowhere.
      const buyer = once(() => readBuyer(cloudesire, subscription.buyerId, parts));
      const order = once(async () =>
        readLicenseOrder(await readSelling(cloudesire, subscription), subscription, license),
      );

      // What only the marketplace can cure is found before anything is asked of Microsoft.
      const { owner } = await flow.step('check the order', async () => {
        const { segment } = await order();
        const { owner: whose, country } = await buyer();
        await look.note({ owner: whose, country, segment });
        return { owner: whose };
      });
      // What has ended before it was handed over is bought anew with steps of its own.
      let time = 1;
      while (flow.isDone(wantedAnew(time))) time += 1;
      const purchase = time === 1 ? flow : renamed(flow, `bought anew ${time}`);
      await letGoOfEnded(purchase, look);

      const domainWish = subscription.parameters[license.domainParameter];
      const { customerId, resellerPartnerId, underAgreement } = await becomeCustomer(
        flow,
        look,
        { owner, buyer, domainWish },
        parts,
      );

      const findItem = async () => {
        // Buyers whose data Microsoft refused may have corrected the country, operations the plan.
        const { country } = await buyer();
        const { productId, skuId, segment } = await order();
        await look.note({ country, segment });
        const { catalogItemId, ...sold } = await findCatalogItem(partnerCenter, await order(), country);
        const asked = {
          ...sold,
          ...(await termEnd()),
          ...(resellerPartnerId && { participants: [{ key: 'transaction_reseller', value: resellerPartnerId }] }),
        };
        return {
          line: { catalogItemId, ...asked, friendlyName: markOf(subscription.id) },
          planId: subscription.planId,
          // Without the availability, which is called something else every day.
          wish: JSON.stringify({ productId, skuId, country, segment, ...asked }),
        };
      };
      /** Asked for each cart, since what Microsoft allows changes from day to day. */
      async function termEnd(): Promise<{ customTermEndDate?: string }> {
        const { trial, term } = await order();
        if (trial) return {};
        const entered = subscription.parameters[license.termEndParameter];
        const chosen = choiceForFirstTerm(entered, look.fulfillment(), parts.now());
        const customTermEndDate = await findTermEnd(parts, { chosen, customerId, term });
        return customTermEndDate ? { customTermEndDate } : {};
      }
      const { planId, ...bought } = await buy(
        purchase,
        look,
        {
          customerId,
          findItem,
          findOrder: () => findOrder(partnerCenter, customerId, subscription.id, look.fulfillment().formerOrderIds),
          recognisedBy: `by the name "${markOf(subscription.id)}"; give it to the partner subscription of the order, and this one goes on with it`,
          async note({ deadOrderId, ...facts }) {
            const { formerOrderIds = [] } = look.fulfillment();
            await look.note({
              ...facts,
              ...(deadOrderId && { formerOrderIds: [...new Set([...formerOrderIds, deadOrderId])] }),
            });
          },
          underAgreement,
        },
        parts,
      );
      await look.note(bought);

      const shown = await awaitActive(purchase, look, async () => {
        await flow.step(wantedAnew(time), async () => true);
      });
      await look.note(shown);
      // The cart line already carried the name; where it did not arrive it is set now.
      await changePartnerSubscription(
        purchase,
        look,
        'name the partner subscription',
        {
          change: () => ({ friendlyName: markOf(subscription.id) }),
          shows: (found) => bearsMark(found?.friendlyName, subscription.id),
        },
        parts,
      );
      // By itself a trial becomes a paid year: it may only when the marketplace has sold that.
      if (shown.trial) {
        await changePartnerSubscription(
          purchase,
          look,
          'let the trial run out',
          { change: () => RUN_OUT, shows: endsWithTerm },
          parts,
        );
      }
      await look.settle({ seats: shown.seats, trial: shown.trial, ...(planId !== undefined && { planId }) });

      await handOver(flow, look, owner, parts);
    },
  };

  /** What has ended at Microsoft is bought anew on the word of operations; its order must not be taken for the new one. */
  async function letGoOfEnded(flow: Flow, look: Look): Promise<void> {
    await flow.step('let go of what has ended', async () => {
      const { partnerSubscriptionId, orderId, formerOrderIds = [] } = look.fulfillment();
      if (!partnerSubscriptionId || !orderId || !hasEnded(await readPartnerSubscription(parts, look.fulfillment())))
        return;
      await look.note({
        formerOrderIds: [...formerOrderIds, orderId],
        partnerSubscriptionId: undefined,
        orderId: undefined,
        cartId: undefined,
        checkoutAt: undefined,
        deployedAt: undefined,
        settled: undefined,
        scheduled: undefined,
        suspended: undefined,
      });
    });
  }

  /** @see https://learn.microsoft.com/partner-center/developer/subscription-resources */
  async function awaitActive(flow: Flow, look: Look, buyAnew: () => Promise<void>) {
    const { customerId, partnerSubscriptionId } = boughtOf(look.fulfillment());
    const plan = pollPlan('purchase', pollEveryMs, `partner subscription ${partnerSubscriptionId} to become active`);
    return flow.poll('partner subscription active', plan, async () => {
      const found = await partnerCenter.subscriptions.get(customerId, partnerSubscriptionId);
      if (!found || found.status === 'pending' || found.status === 'none' || found.status === 'unknown')
        return undefined;
      if (found.status === 'active') return describe(found);
      const what = `Partner subscription ${partnerSubscriptionId} of customer ${customerId} is ${found.status} although it was just bought.`;
      if (!hasEnded(found)) {
        throw new AttentionError(
          NOT_ACTIVE,
          `${what} Somebody may have changed it in Partner Center; cure it there, or terminate the order in the marketplace.`,
        );
      }
      const successor = await findSuccessor(parts, look.fulfillment(), look.subscription.id);
      if (successor === 'pending') return undefined;
      if (successor) return { ...describe(successor), partnerSubscriptionId: successor.id };
      if (look.takeRetry(NOT_ACTIVE)) {
        await buyAnew();
        throw new Suspended(parts.now(), 'a new decision: it is bought anew');
      }
      throw new AttentionError(
        NOT_ACTIVE,
        `${what} Find out who ended it in Partner Center. Terminate the order in the marketplace, or have it bought anew, which costs money and so is only done by retry.`,
        { cure: 'retry' },
      );
    });
  }
}

const NOT_ACTIVE = 'partner-subscription.not-active';

/** The step that says that operations want it bought once more than so many times. */
function wantedAnew(times: number): string {
  return `buy anew what has ended, ${times}`;
}

function describe(found: PartnerSubscription) {
  return {
    seats: found.quantity,
    trial: found.isTrial,
    ...(found.offerId && { offerId: offerOf(found.offerId) }),
    ...(found.termDuration && { term: found.termDuration }),
    ...(found.billingCycle && { billingCycle: found.billingCycle }),
    ...(found.commitmentEndDate && { commitmentEndDate: found.commitmentEndDate }),
  };
}
