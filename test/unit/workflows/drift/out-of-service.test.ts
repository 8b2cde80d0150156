import { describe, expect, it } from 'vitest';
import { isTakenOut, mostChanges } from '../../../../src/workflows/drift/out-of-service.ts';
import type { SubscriptionRecord } from '../../../../src/workflows/record.ts';

const record = (facts: Partial<SubscriptionRecord>): SubscriptionRecord => ({
  subscriptionId: 1,
  state: 'done',
  since: '2026-01-01T00:00:00.000Z',
  attempts: 0,
  ...facts,
});
const at = '2026-01-02T00:00:00.000Z';
const inService = { productType: 'license', deployedAt: at } as const;
const run = (operation: 'deprovision' | 'suspend') => ({ id: 'r', operation, startedAt: at });

it.each([
  [0, 10],
  [100, 10],
  [119, 11],
  [4_000, 400],
])('of %i in service at most %i are changed in one go', (count, most) => expect(mostChanges(count)).toBe(most));

describe('what takes a subscription out of service', () => {
  it.each([
    ['UNDEPLOY_SENT', record({ fulfillment: inService })],
    ['UNDEPLOYED', record({ fulfillment: inService })],
    ['UNDEPLOY_SENT', record({ fulfillment: { ...inService, suspended: { at } } })],
    ['UNDEPLOY_SENT', undefined],
    ['STOPPED', record({ fulfillment: inService })],
  ] as const)('%s of something that goes on does', (status, known) => expect(isTakenOut(status, known)).toBe(true));

  it.each([
    ['DEPLOYED', record({ fulfillment: inService })],
    ['UNDEPLOYED', record({ fulfillment: { ...inService, endedAt: at } })],
    ['UNDEPLOY_SENT', record({ fulfillment: inService, run: run('deprovision') })],
    ['STOPPED', record({ fulfillment: { ...inService, suspended: { at } } })],
    ['STOPPED', record({ fulfillment: inService, run: run('suspend') })],
    ['STOPPED', undefined],
  ] as const)('%s does not where nothing goes on, or it is on its way', (status, known) =>
    expect(isTakenOut(status, known)).toBe(false),
  );
});
