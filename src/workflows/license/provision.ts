import { randomUUID } from 'node:crypto';
import type { Flow, Workflow } from '../../engine/workflow.ts';
import { AttentionError } from '../../lib/errors.ts';
import { once } from '../../lib/once.ts';
import type { Report } from '../../report/report.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import { readBuyer } from '../buyer.ts';
import type { Look } from '../look.ts';
import { readSelling } from '../selling.ts';
import { type AcceptAgreementParts, acceptAgreement, passVetting } from '../steps/accept-agreement.ts';
import { type EnsureCustomerParts, ensureCustomer } from '../steps/ensure-customer.ts';
import { findCatalogItem } from './catalog-item.ts';
import { type HandOverParts, handOver } from './hand-over.ts';
import { markOf } from './mark.ts';
import { type LicenseSettings, readLicenseOrder } from './parameters.ts';
import { buy } from './purchase.ts';

export interface ProvisionLicenseParts extends EnsureCustomerParts, AcceptAgreementParts, HandOverParts {
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
        await order();
        return { owner: (await buyer()).owner };
      });

      await look.note({ owner });

      const domainWish = subscription.parameters[license.domainParameter];
      const { customerId, domain } = await ensureCustomer(flow, look, { owner, buyer, domainWish }, parts);
      await look.note({ customerId, domain });
      await acceptAgreement(flow, look, { customerId, buyer }, parts);
      await passVetting(flow, customerId, parts);

      const bought = await buy(
        flow,
        look,
        { customerId, findItem: async () => findCatalogItem(partnerCenter, await order(), (await buyer()).country) },
        parts,
      );
      await look.note(bought);

      const seats = await awaitActive(flow, customerId, bought.partnerSubscriptionId);
      await nameIt(flow, subscription.id, customerId, bought.partnerSubscriptionId);
      await look.note({ ...seats, ...(subscription.planId !== undefined && { planId: subscription.planId }) });

      await handOver(flow, look, owner, parts);
    },
  };

  /** @see https://learn.microsoft.com/partner-center/developer/subscription-resources */
  async function awaitActive(flow: Flow, customerId: string, partnerSubscriptionId: string) {
    const plan = {
      firstMs: pollEveryMs / 3,
      factor: 1.5,
      longestMs: 60 * pollEveryMs,
      waitingFor: `partner subscription ${partnerSubscriptionId} to become active`,
    };
    return flow.poll('partner subscription active', plan, async () => {
      const found = await partnerCenter.subscriptions.get(customerId, partnerSubscriptionId);
      if (!found || found.status === 'pending' || found.status === 'none' || found.status === 'unknown')
        return undefined;
      if (found.status === 'active') return describe(found);
      throw new AttentionError(
        'partner-subscription.not-active',
        `Partner subscription ${partnerSubscriptionId} of customer ${customerId} is ${found.status} although it was just bought. Somebody may have changed it in Partner Center; cure it there, or terminate the order in the marketplace.`,
      );
    });
  }

  /** The cart line already carried the name; only where it did not arrive it is set afterwards. */
  async function nameIt(
    flow: Flow,
    subscriptionId: number,
    customerId: string,
    partnerSubscriptionId: string,
  ): Promise<void> {
    const friendlyName = markOf(subscriptionId);
    const isNamed = async (): Promise<true | undefined> =>
      (await partnerCenter.subscriptions.get(customerId, partnerSubscriptionId))?.friendlyName === friendlyName
        ? true
        : undefined;
    if (await flow.step('read the name', async () => (await isNamed()) ?? false)) return;
    await flow.effect('name the partner subscription', {
      prepare: () => ({ requestId: randomUUID() }),
      find: isNamed,
      act: async ({ requestId }) => {
        await partnerCenter.subscriptions.update(customerId, partnerSubscriptionId, { friendlyName }, { requestId });
        return true as const;
      },
    });
  }
}

function describe(found: {
  quantity: number;
  offerId?: string;
  termDuration?: string;
  billingCycle?: string;
  isTrial: boolean;
}) {
  return {
    seats: found.quantity,
    trial: found.isTrial,
    ...(found.offerId && { offerId: found.offerId.split(':').slice(0, 2).join(':') }),
    ...(found.termDuration && { term: found.termDuration }),
    ...(found.billingCycle && { billingCycle: found.billingCycle }),
  };
}
