import { expect, it } from 'vitest';
import { exposures } from '../../../src/commands/exposures.ts';
import type { Exposed } from '../../../src/workflows/ops/exposures.ts';
import { run } from './run.ts';

const EXPOSED: Exposed = {
  subscriptionId: 50010,
  owner: 'userCompany/512',
  partnerSubscriptionId: 'a3b0',
  seats: 10,
  until: '2027-01-31',
  billingCycle: 'monthly',
  price: { amount: 4.215, currency: 'EUR' },
};
const holding = (all: Exposed[]) => ({
  listExposures: async ({ page, pageSize }: { page: number; pageSize: number }) => ({
    items: all.slice((page - 1) * pageSize, page * pageSize),
    total: all.length,
  }),
});

it('shows in a table what is charged for how long, and what is not known as a dash', async () => {
  const { code, text } = await run(
    exposures,
    [],
    holding([EXPOSED, { subscriptionId: 7, partnerSubscriptionId: 'b', seats: 1 }]),
  );
  expect(code).toBe(0);
  expect(text.split('\n')).toEqual([
    'subscription  customer         partner subscription  seats  until       a period, before tax',
    '50010         userCompany/512  a3b0                  10     2027-01-31  42.15 EUR monthly',
    '7             –                b                     1      –           –',
    '',
  ]);
});

it('lists all of them, however many pages the store has of them', async () => {
  const all = Array.from({ length: 1_200 }, (_, index) => ({ ...EXPOSED, subscriptionId: index + 1 }));
  const { text } = await run(exposures, ['--json'], holding(all));
  expect(JSON.parse(text)).toEqual({ items: all, total: 1_200 });
});

it('lets no text of others move the cursor of the terminal', async () => {
  const { text } = await run(exposures, [], holding([{ ...EXPOSED, partnerSubscriptionId: 'a\u001b[2J\r\nb' }]));
  expect(text).toContain('a [2J b');
});
