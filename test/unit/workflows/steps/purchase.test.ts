import { describe, expect, it } from 'vitest';
import { Order, PartnerSubscription } from '../../../../src/upstreams/partner-center/schema.ts';
import { type BuyParts, findOrder } from '../../../../src/workflows/steps/purchase.ts';

const FORMER = '7d3f0c2a-1b5e-4c69-9a0d-2f8e6b41c5aa';
const LIVING = 'e4a91b70-0c3d-4f52-8d67-5b1c9e2f7a33';
const MARK = 'Cloudesire 50010';

/** What Microsoft lists, in upper case. */
function listed({ orders = [], behind = [] }: { orders?: string[]; behind?: string[] }) {
  const order = (id: string) =>
    Order.parse({
      id: id.toUpperCase(),
      status: 'completed',
      lineItems: [{ lineItemNumber: 0, quantity: 10, friendlyName: MARK }],
    });
  const subscription = (id: string) =>
    PartnerSubscription.parse({
      id: 'p',
      status: 'active',
      quantity: 10,
      friendlyName: MARK,
      orderId: id.toUpperCase(),
    });
  return {
    orders: { list: async () => orders.map(order) },
    subscriptions: { list: async () => behind.map(subscription) },
  } as unknown as BuyParts['partnerCenter'];
}

describe('the order of a subscription', () => {
  it.each([
    ['among the orders', { orders: [FORMER, LIVING] }],
    ['behind the partner subscriptions', { behind: [FORMER, LIVING] }],
  ])('is none of those that have ended, in whatever case their ids are written: %s', async (_where, answers) => {
    expect(await findOrder(listed(answers), 'c', 50010, [FORMER])).toBe(LIVING.toUpperCase());
  });
});
