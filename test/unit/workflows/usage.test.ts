import { expect, it } from 'vitest';
import type { SubscriptionRecord } from '../../../src/workflows/record.ts';
import { createUsage } from '../../../src/workflows/usage.ts';
import { createMemoryLog } from '../../support/memory-log.ts';

const RECORD: SubscriptionRecord = {
  subscriptionId: 1,
  state: 'done',
  since: '2026-09-01T08:00:00.000Z',
  attempts: 0,
  fulfillment: { productType: 'arm', customerId: 'c-1', azure: { planId: 'plan-1', subscriptionId: 's-1' } },
};

it.each([0, 1, 2, 3])(
  'a cost is counted in one period only, though the period turns after %i answers',
  async (turnsAfter) => {
    const noted = new Map<string, number>();
    let answers = 0;
    const isOld = () => {
      answers += 1;
      return answers <= turnsAfter;
    };
    const usage = createUsage({
      records: { get: async () => RECORD },
      costs: {
        note: async (_id, period, cost) => void noted.set(period, Math.max(noted.get(period) ?? 0, cost)),
        total: async () => [...noted.values()].reduce((sum, one) => sum + one, 0),
      },
      partnerCenter: {
        subscriptions: {} as never,
        azure: {
          billingPeriod: async () => (isOld() ? '2026-09-01' : '2026-10-01'),
          usage: async () => [
            {
              entitlementId: 's-1',
              resourceGroupName: 'cloudesire-1',
              totalCost: isOld() ? 100 : 2,
              currencyCode: 'EUR',
            },
          ],
        },
      },
      log: createMemoryLog().log,
    });
    noted.set('2026-09-01', 100);

    const { signal } = new AbortController();
    await usage('azure-cost', 1, signal);
    expect(await usage('azure-cost', 1, signal)).toBe(102);
  },
);
