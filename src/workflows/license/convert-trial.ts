import type { Flow, Workflow } from '../../engine/workflow.ts';
import type { Look } from '../look.ts';
import { readSelling } from '../selling.ts';
import { isSameItem, productAndSku } from '../term-item.ts';
import type { ChangePlanParts } from './change-plan.ts';
import { readLicenseOrder } from './order.ts';
import { gone, offerOf, orderNextTerm, readPartnerSubscription } from './partner-subscription.ts';
import { inRounds, type Refused, type RoundOutcome } from './rounds.ts';
import { tellStanding } from './tell-standing.ts';
import { findWay, transition } from './transition.ts';

/** Before any of these, what the plan says may still be corrected. */
const CHANGES = ['transition', 'schedule the conversion'];

/**
 * Turns a trial into the paid licence, in the same tenant. At once where Microsoft allows it, which demands at least the seats of the
 * trial and a term that can be begun at once; else at the end of the trial, so that nobody pays for what was not sold.
 *
 * @see https://learn.microsoft.com/partner-center/offer-your-customers-trials-of-microsoft-products
 */
export function createConvertTrial(parts: ChangePlanParts): Workflow<Look> {
  return {
    name: 'license/convert-trial',

    run: (flow, look) => inRounds(flow, (round, refused) => convertTrial(round, look, refused)),
  };

  async function convertTrial(flow: Flow, look: Look, refused: Refused): Promise<RoundOutcome> {
    const fulfillment = look.fulfillment();
    const trial = await flow.step('read the trial', async () => {
      const found = await readPartnerSubscription(parts, fulfillment);
      if (!found) throw gone(fulfillment);
      return { isTrial: found.isTrial, seats: found.quantity };
    });
    const { planId, endDate, ...order } = await flow.step(
      'read the plan',
      async () => {
        const { subscription } = look;
        return {
          ...readLicenseOrder(await readSelling(parts.cloudesire, subscription), subscription, parts.license),
          planId: subscription.planId,
          endDate: subscription.endDate,
        };
      },
      CHANGES,
    );
    const { term, billingCycle } = order;
    const next = {
      offerId: `${order.productId}:${order.skuId}`,
      seats: order.seats ?? trial.seats,
      term,
      billingCycle,
    };

    const outcome = trial.isTrial ? await convert() : 'through';
    if (outcome !== 'through') return outcome;
    await look.settle({
      trial: false,
      seats: next.seats,
      ...(planId !== undefined && { planId }),
      ...(endDate && { endDate }),
    });
    return 'through';

    async function convert(): Promise<RoundOutcome> {
      const isWanted = (fresh: Look['subscription']) => fresh.type !== 'TRIAL' && fresh.planId === planId && fresh.paid;
      const isAtOnce =
        next.seats >= trial.seats &&
        !(refused && isSameItem(refused, next)) &&
        (await flow.step(
          'ask for the way',
          async () => {
            if (!(await canBeginAtOnce())) return false;
            return (await findWay(parts, fulfillment, next.offerId, 'immediate')) !== null;
          },
          CHANGES,
        ));
      if (isAtOnce) {
        const moved = await transition(flow, look, { ...next, isWanted }, parts);
        if (moved === 'again') return moved;
        if (moved === 'only-later') return { refused: next };
        await look.note({ scheduled: undefined });
        return 'through';
      }
      const { writtenIn } = order;
      const shown = await orderNextTerm(flow, look, 'schedule the conversion', { ...next, writtenIn }, parts);
      await look.note({ ...shown, scheduled: next });
      await flow.step('tell the customer when', () => tellStanding(look, parts.report));
      return 'through';
    }

    /** The catalogue lists which terms a trial can have at once and which at its end. Where it says nothing, the attempt tells. */
    async function canBeginAtOnce(): Promise<boolean> {
      const { offerId = '', country = '', segment = 'commercial' } = fulfillment;
      const { productId, skuId } = productAndSku(offerId);
      const sku = country ? await parts.partnerCenter.catalog.sku({ productId, skuId, country, segment }) : undefined;
      const listed = (sku?.conversions ?? []).filter(({ toId }) =>
        isSameItem({ offerId: offerOf(toId) }, { offerId: next.offerId }),
      );
      return (
        listed.length === 0 ||
        listed.some((one) => one.timing === 'immediate' && isSameItem(one, { term, billingCycle }))
      );
    }
  }
}
