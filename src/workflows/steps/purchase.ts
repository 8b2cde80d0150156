import { randomUUID } from 'node:crypto';
import { type Flow, PREPARE_ANEW, Suspended } from '../../engine/workflow.ts';
import { HOUR_MS, MINUTE_MS } from '../../lib/durations.ts';
import { AttentionError, ConnectorError, PermanentError, RetryableError } from '../../lib/errors.ts';
import { nameIn } from '../../lib/foreign-text.ts';
import type { Wait } from '../../lib/wait.ts';
import type { DeploymentStatus } from '../../upstreams/cloudesire/schema.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import { cartLineError, orderError } from '../../upstreams/partner-center/errors.ts';
import type { NewCartLine } from '../../upstreams/partner-center/orders.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { Grace } from '../grace.ts';
import type { Look } from '../look.ts';
import { bearsMark } from '../mark.ts';
import { isSameId } from '../same-id.ts';
import { pollPlan } from './polls.ts';

/** The code of a checkout of a cart that has been checked out already. */
const CART_SUBMITTED = '800065';
/** The cart has expired, or what is in it is no longer sold under that availability: a new cart is needed. */
const CART_USELESS = new Set(['800008', '400013', '400018', '400019', '800004', '800009']);
/** Orders that end like this created nothing. */
export const DEAD_ORDERS = new Set(['cancelled', 'error', 'po-review-rejected']);
/** Orders that go on only when a person acts in Partner Center. */
const STUCK_ORDERS = new Set(['suspended', 'partial-success', 'pending-po-upload']);
/** An order that is missing in the list for longer is none. */
export const LISTED_WITHIN_MS = 15 * MINUTE_MS;
/** A person is told of an order that takes longer to complete. */
const LATE_AFTER_MS = 24 * HOUR_MS;
const MOST_SENDS = 3;
/** Pause between two looks for what came of a checkout while the marketplace wants something else. */
const LOOK_WHILE_UNWANTED_EVERY_MS = MINUTE_MS;
/** In these states of the marketplace it is sold. */
const WANTED: DeploymentStatus[] = ['PENDING', 'FAILED', 'DEPLOYED'];
/** So many carts in a row are useless for another reason than a change of the catalogue. */
const MOST_ROUNDS = 5;

export interface BuyParts {
  partnerCenter: Pick<PartnerCenter, 'carts' | 'orders' | 'subscriptions'>;
  now(): number;
  pollEveryMs: number;
  grace: Grace;
}

export interface Purchase {
  customerId: string;
  findItem(): Promise<PurchaseItem>;
  /** The living order of what is to be bought, if there is one already, and how it is told from others, in words. */
  findOrder(): Promise<string | undefined>;
  recognisedBy: string;
  /** Of a cart that several orders check out, the first of which buys for all. */
  shared?: {
    /** The one that there is, else a new one. */
    openCart: PartnerCenter['carts']['create'];
    /** Orders of the same whose subscription has ended. A cart that led to one of them leads to nothing any more. */
    endedOrders(): Promise<string[]>;
  };
  /** What has come of it so far, for whoever has to end it before it is complete. */
  note(facts: PurchaseFacts): Promise<void>;
  /** Does what needs the Customer Agreement, and does it again once Microsoft knows of one. */
  underAgreement<T>(work: () => Promise<T>): Promise<T>;
}

/** The item, resolved in the catalogue of this moment, and the plan of the marketplace that it belongs to. */
export interface PurchaseItem {
  line: NewCartLine;
  planId: number | undefined;
  /**
   * All of it that people may correct, in any form that shows whether they did: a cart that was refused is made anew then. Left out where the
   * cart is shared, since it may serve others.
   */
  wish?: string;
}

type PurchaseFacts = { [fact in 'cartId' | 'checkoutAt' | 'orderId']?: Fulfillment[fact] | undefined } & {
  /** An order of which nothing came: it must not stand for the purchase. */
  deadOrderId?: string;
};

export interface Bought {
  orderId: string;
  partnerSubscriptionId: string;
  planId: number | undefined;
}

/** What became of an order. `hasEnded`: it was that of a shared cart, long ago. */
type Outcome = { partnerSubscriptionId: string } | { status: string } | { hasEnded: true };
/** A cart, or the order where there is one already. */
type Cart =
  | { cartId: string; planId: number | undefined; wish?: string }
  | { orderId: string; planId: number | undefined };
type Checkout = { orderId: string } | { outcome: 'submitted' | 'useless' };

/**
 * Buys an item once and returns the partner subscription that the order created. The cart is the idempotency key: it is noted before the
 * checkout, can be ordered only once, and tells after an unclear answer whether it was.
 *
 * @throws {PermanentError} `order.failed` when Microsoft ended the order without a subscription; `retry` buys anew
 * @see https://learn.microsoft.com/partner-center/developer/create-a-cart
 * @see https://learn.microsoft.com/partner-center/developer/checkout-a-cart
 */
export async function buy(
  flow: Flow,
  look: Look,
  { customerId, findItem, findOrder: find, recognisedBy, shared, note, underAgreement }: Purchase,
  { partnerCenter, now, pollEveryMs, grace }: BuyParts,
): Promise<Bought> {
  const { carts, orders } = partnerCenter;
  const { openCart, endedOrders } = shared ?? { openCart: carts.create, endedOrders: async () => [] };

  // In the tenant that we know an order may be there already when the record of it was lost: it is taken over instead of buying again.
  let isLookedFor = false;
  const earlier = await flow.step('look for an earlier order', async () => {
    isLookedFor = true;
    return (await find()) ?? null;
  });
  /** An order that came about since, as where a backup of the store was put back: once in each look is enough. */
  async function findMeanwhile(): Promise<string | undefined> {
    if (isLookedFor) return undefined;
    isLookedFor = true;
    return find();
  }
  for (let round = 1; ; round += 1) {
    if (round > 1 && round % MOST_ROUNDS === 1) await giveUpAfter(round - 1);
    const { orderId, planId } =
      round === 1 && earlier
        ? { orderId: earlier, planId: look.subscription.planId }
        : await underAgreement(() => order(round));
    if (orderId === null) continue;
    await note({ orderId });
    const outcome = await awaitOrder(round, orderId);
    if ('partnerSubscriptionId' in outcome)
      return { orderId, partnerSubscriptionId: outcome.partnerSubscriptionId, planId };
    // Nothing came of this order: from here on it must not stand for the purchase.
    await note({ orderId: undefined, deadOrderId: orderId });
    if ('hasEnded' in outcome) continue;
    await flow.step(`buy again after order ${round}`, async () => {
      // Once only: another pass would take the mark of the checkout that follows.
      await note({ checkoutAt: undefined });
      if (look.takeRetry()) return;
      throw new PermanentError(
        'order.failed',
        `Microsoft ended order ${orderId} as "${outcome.status}". Look at it in Partner Center and cure the cause; retry buys anew.`,
        { cure: 'retry' },
      );
    });
  }

  function giveUpAfter(rounds: number): Promise<void> {
    return flow.step(`buy on after cart ${rounds}`, async () => {
      if (look.takeRetry()) return;
      throw new AttentionError(
        'order.impossible',
        `${MOST_ROUNDS} carts in a row came to nothing at Partner Center for customer ${customerId}. Look at the offer of the plan there: retry makes a new one. Or terminate the order.`,
        { cure: 'retry' },
      );
    });
  }

  async function order(round: number): Promise<{ orderId: string | null; planId: number | undefined }> {
    let isMadeNow = false;
    const made = await flow.effect<PurchaseItem & { requestId: string }, Cart>(`create cart ${round}`, {
      // A cart that is noted and was ordered has bought it, also where nothing else of that is remembered. What is bought already may not be
      // sold again, such as a second trial.
      async findEarlier() {
        const { planId: sold } = look.subscription;
        const { cartId: noted } = look.fulfillment();
        const cart = round === 1 && noted !== undefined ? await carts.get(customerId, noted) : undefined;
        if (cart?.status === 'ordered') return { cartId: cart.id, planId: sold };
        const found = await findMeanwhile();
        return found === undefined ? undefined : { orderId: found, planId: sold };
      },
      async prepare() {
        return { requestId: randomUUID(), ...(await findItem()) };
      },
      // The same request makes no second cart. What it asks for may not be sold any more; since a cart that nobody checks out costs nothing
      // and expires by itself, one is then made anew, with the items of the day.
      find: async (_prepared, { sends }) => (sends < MOST_SENDS ? undefined : PREPARE_ANEW),
      async act({ requestId, line, planId: forPlan, wish: asked }) {
        const cart = await openCart(customerId, { lineItems: [line] }, { requestId });
        const error = cart.lineItems.find((item) => item.error)?.error;
        if (error) throw cartLineError(error);
        isMadeNow = true;
        return { cartId: cart.id, planId: forPlan, ...(asked !== undefined && { wish: asked }) };
      },
    });
    if ('orderId' in made) return made;
    const { cartId, planId, wish } = made;
    await note({ cartId });
    let isUnclear = false;
    /** Whether people have corrected what is in the cart, and surely nothing of it was ordered. */
    const isCorrected = async (): Promise<boolean> =>
      wish !== undefined &&
      !isMadeNow &&
      !isUnclear &&
      look.fulfillment().checkoutAt === undefined &&
      (await findItem()).wish !== wish;

    const checkout = await flow.effect<{ requestId: string; isOutdated?: true }, Checkout>(`check out cart ${round}`, {
      async findEarlier() {
        const found = await findMeanwhile();
        return found === undefined ? undefined : { orderId: found };
      },
      async prepare() {
        // Nothing that was sent still counts: the mark must not bring every look back here while the customer does not pay.
        if (look.subscription.deploymentStatus === 'STOPPED') await note({ checkoutAt: undefined });
        await look.stillIn(WANTED);
        return { requestId: randomUUID(), ...((await isCorrected()) && { isOutdated: true }) };
      },
      async find({ isOutdated }, { firstSentAt, sends }) {
        if (isOutdated) return { outcome: 'useless' };
        isUnclear = true;
        const cart = await carts.get(customerId, cartId);
        // Only a cart that says so has surely not been ordered, and may be checked out again. To a request that Partner Center has refused
        // it may repeat its answer, and none of ours stays unanswered for ever.
        const isOpen = cart?.status === 'active';
        if (isOpen && (await look.isStillIn(WANTED, () => true))) return sends < MOST_SENDS ? undefined : PREPARE_ANEW;
        const found = await find();
        if (found) return { orderId: found };
        // Nobody is sold by another send what they do not pay for; what was sent may still be on its way, until it surely is not.
        if (isOpen && now() - firstSentAt > grace(LISTED_WITHIN_MS)) return PREPARE_ANEW;
        if (isOpen) {
          throw new Suspended(
            now() + grace(LOOK_WHILE_UNWANTED_EVERY_MS),
            `Microsoft to show whether cart ${cartId} was ordered, which is no longer wanted`,
          );
        }
        // A cart is ordered once at most: asked again, it repeats its first answer or says that it was submitted.
        if (cart?.status === 'ordered') return undefined;
        if (!cart && now() - firstSentAt > grace(LISTED_WITHIN_MS)) return { outcome: 'useless' };
        throw notListed(cartId, pollEveryMs);
      },
      async act({ requestId, isOutdated }) {
        if (isOutdated) return { outcome: 'useless' };
        const isFirst = !isUnclear && look.fulfillment().checkoutAt === undefined;
        if (isFirst) await note({ checkoutAt: new Date(now()).toISOString() });
        try {
          const answer = await carts.checkout(customerId, cartId, { requestId });
          if (answer.orders[0]) return { orderId: answer.orders[0].id };
          if (answer.orderErrors[0]) throw orderError(answer.orderErrors[0]);
          return { outcome: 'submitted' };
        } catch (error) {
          const code = error instanceof ConnectorError ? (error.facts.upstreamCode ?? '') : '';
          // Of all that was sent this is the only one, and it was refused.
          if (isFirst && error instanceof ConnectorError && error.effect === 'none')
            await note({ checkoutAt: undefined });
          if (code === CART_SUBMITTED) return { outcome: 'submitted' };
          if (CART_USELESS.has(code)) return { outcome: 'useless' };
          throw error;
        }
      },
    });
    if ('orderId' in checkout) return { orderId: checkout.orderId, planId };
    if (checkout.outcome === 'submitted') {
      const plan = pollPlan(
        'work',
        pollEveryMs,
        `Microsoft to list the order of cart ${cartId}, which may take 15 minutes`,
      );
      const orderId = await flow.poll(`order of cart ${round} listed`, plan, async ({ sinceMs }) => {
        const found = await find();
        if (found || sinceMs < grace(4 * LISTED_WITHIN_MS)) return found;
        const [ended] = await endedOrders();
        if (ended) return ended;
        throw new AttentionError(
          'order.not-recognised',
          `Cart ${cartId} of customer ${customerId} was ordered, but no order there is recognised ${recognisedBy}. Look for it in Partner Center; nothing is ordered twice.`,
        );
      });
      return { orderId, planId };
    }
    // An earlier send of the same checkout may have been ordered all the same.
    const placed = await flow.step(`look for an order of cart ${round}`, async () => (await find()) ?? null);
    return { orderId: placed, planId };
  }

  async function awaitOrder(round: number, orderId: string): Promise<Outcome> {
    let status: string | undefined;
    const plan = pollPlan('purchase', pollEveryMs, () => completionOf(orderId, status));
    return flow.poll<Outcome>(`order ${round} completed`, plan, async ({ sinceMs }) => {
      const placed = await orders.get(customerId, orderId);
      status = placed?.status;
      const partnerSubscriptionId = placed?.lineItems.find((line) => line.subscriptionId)?.subscriptionId;
      if (placed?.status === 'completed' && partnerSubscriptionId)
        return (await endedOrders()).some((id) => isSameId(id, orderId))
          ? { hasEnded: true }
          : { partnerSubscriptionId };
      if (placed && DEAD_ORDERS.has(placed.status)) return { status: placed.status };
      if (placed && STUCK_ORDERS.has(placed.status)) {
        throw new AttentionError(
          'order.needs-person',
          `Order ${orderId} is "${placed.status}" at Partner Center and needs a person there. Nothing is ordered a second time.`,
        );
      }
      if (sinceMs > grace(LATE_AFTER_MS)) {
        throw new AttentionError(
          'order.slow',
          `Order ${orderId} of customer ${customerId} is still "${placed?.status ?? 'not shown'}". Ask the support of Partner Center; the connector goes on looking.`,
        );
      }
      return undefined;
    });
  }
}

/** An order that is being processed goes on within minutes; what else Partner Center says of one may last. */
function completionOf(orderId: string, status = 'pending'): Wait {
  const wait: Wait = `Microsoft to complete order ${orderId}`;
  if (status === 'pending' || status === 'completed') return wait;
  const itLasts = 'where that lasts, see in Partner Center whether documents are asked for, else ask its support';
  return `${wait}, which says "${nameIn(status)}": ${itLasts}`;
}

function notListed(cartId: string, retryAfterMs: number): RetryableError {
  return new RetryableError(
    'order.not-listed-yet',
    `It is not known yet whether cart ${cartId} was ordered: it is not open any more, and Partner Center does not list an order of it, which may take 15 minutes. Nothing is ordered twice.`,
    { retryAfterMs },
  );
}

/** The living order that bears the mark of this subscription: among the customer's orders, else behind their partner subscriptions. */
export async function findOrder(
  { orders, subscriptions }: BuyParts['partnerCenter'],
  customerId: string,
  subscriptionId: number,
  formerOrderIds: string[] = [],
): Promise<string | undefined> {
  const isFormer = (orderId: string): boolean => formerOrderIds.some((id) => isSameId(id, orderId));
  const placed = await orders.list(customerId);
  const ours = placed.find(
    (order) =>
      !DEAD_ORDERS.has(order.status) &&
      !isFormer(order.id) &&
      order.lineItems.some((line) => bearsMark(line.friendlyName, subscriptionId)),
  );
  if (ours) return ours.id;
  // A new order may be missing in the list for 15 minutes; its subscription shows the name as soon as it exists.
  const created = (await subscriptions.list(customerId)).find(
    (one) => one.orderId && !isFormer(one.orderId) && bearsMark(one.friendlyName, subscriptionId),
  );
  return created?.orderId;
}
