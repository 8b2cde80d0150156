import type { Subscription } from '../upstreams/cloudesire/schema.ts';
import type { AtMicrosoft, Fulfillment } from './fulfillment.ts';
import { type Decision, type Known, type PlanSettings, planOperation, type Seen } from './plan-operation.ts';
import type { Product } from './product.ts';

/** What the marketplace, the record and Microsoft say of one subscription, and what follows from that. */
export interface Comparison {
  decision: Decision;
  /** As the marketplace shows it, in the words of the decision. */
  seen: Seen;
  /** What Microsoft answered; undefined where it was not asked, or nothing says where to ask. */
  atMicrosoft: AtMicrosoft | undefined;
  /** The fulfillment together with what was learned from that answer; undefined where Microsoft was not asked. */
  learned: Fulfillment | undefined;
}

/**
 * Compares a subscription of the marketplace with its record and with what Microsoft shows, and decides what it needs. It only asks:
 * nothing is changed or written anywhere.
 *
 * @throws {Suspended} while Microsoft cannot say yet how it stands
 */
export async function compare(
  subscription: Subscription,
  known: Known,
  product: Product,
  settings: PlanSettings,
): Promise<Comparison> {
  const { fulfillment } = known;
  const seen = {
    ...subscription,
    seats: product.seats?.(subscription),
    configuration: product.configuration?.(subscription, fulfillment?.settled?.configuration),
  };
  if (!fulfillment || !isAsked(subscription, fulfillment)) {
    return { decision: planOperation(seen, known, settings), seen, atMicrosoft: undefined, learned: undefined };
  }
  const atMicrosoft = await product.inspect(fulfillment, subscription.id);
  const learned = learn(fulfillment, atMicrosoft, subscription);
  const decision = planOperation(seen, { ...known, fulfillment: learned }, settings, atMicrosoft);
  return { decision, seen, atMicrosoft, learned };
}

/** Microsoft is asked about what is in service or comes back, so that what others changed there is seen. */
function isAsked({ deploymentStatus }: Subscription, { suspended, deployedAt, endedAt }: Fulfillment): boolean {
  // What is made anew may be suspended before it is delivered.
  if (endedAt || !(deployedAt || suspended)) return false;
  if (deploymentStatus === 'PENDING') return suspended !== undefined;
  // Azure starts some of what was stopped again by itself, a trial may become paid, and a person may bring back what is unpaid.
  if (deploymentStatus === 'STOPPED') return suspended !== undefined;
  return deploymentStatus === 'DEPLOYED';
}

function learn(fulfillment: Fulfillment, found: AtMicrosoft | undefined, { endDate }: Subscription): Fulfillment {
  return {
    ...fulfillment,
    ...(found?.movedTo && { partnerSubscriptionId: found.movedTo }),
    ...(found?.commitmentEndDate && { commitmentEndDate: found.commitmentEndDate }),
    ...(found?.status === 'active' && found.license && { seats: found.license.seats }),
    // The marketplace dates a subscription only after its delivery: the first date is where renewals are counted from.
    ...(fulfillment.settled &&
      !fulfillment.settled.endDate &&
      endDate && { settled: { ...fulfillment.settled, endDate } }),
  };
}
