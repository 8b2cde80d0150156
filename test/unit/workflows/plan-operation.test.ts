import { describe, expect, it } from 'vitest';
import type { Fulfillment } from '../../../src/workflows/fulfillment.ts';
import { planOperation } from '../../../src/workflows/plan-operation.ts';

type Seen = Parameters<typeof planOperation>[0];
type Known = Parameters<typeof planOperation>[1];

const nothing: Known = { retryAsked: false };
const provisioning: Known = {
  retryAsked: false,
  run: { id: 'r', operation: 'provision', startedAt: '2026-09-01T08:00:00Z' },
};
const provisioned: Known = { retryAsked: false, fulfillment: built({ deployedAt: '2026-09-01T08:00:00Z' }) };
const ended: Known = {
  retryAsked: false,
  fulfillment: built({ deployedAt: '2026-09-01T08:00:00Z', endedAt: '2027-09-01T08:00:00Z' }),
};
const failedByCustomer: Known = {
  ...provisioning,
  failure: { kind: 'customer', code: 'customer.data-missing', params: {}, reported: true },
};
const failedFinally: Known = {
  ...provisioning,
  failure: { kind: 'final', code: 'order.failed', params: {}, reported: true },
};

function built(facts: Partial<Fulfillment>): Fulfillment {
  return { productType: 'license', customerId: 'c', ...facts };
}

function plan(
  deploymentStatus: Seen['deploymentStatus'],
  known: Known,
  facts: Partial<Seen> = {},
  sandboxOrders: 'refuse' | 'allow' = 'refuse',
) {
  const decision = planOperation({ deploymentStatus, type: 'NORMAL', paid: true, ...facts }, known, { sandboxOrders });
  switch (decision.kind) {
    case 'run':
      return decision.operation;
    case 'settled':
      return decision.state;
    case 'wait':
      return `wait: ${decision.state}`;
    case 'attention':
      return decision.code;
  }
}

describe('what a subscription needs, by what the marketplace shows and what is recorded', () => {
  it.each(['WAITING_PAYMENT', 'REQUIRES_APPROVAL', 'POSTPONED'] as const)(
    '%s: waits while nothing exists, tells operations when something does',
    (status) => {
      expect(plan(status, nothing, { paid: false })).toBe('wait: idle');
      expect(plan(status, provisioned, { paid: false })).toBe('subscription.state-went-back');
    },
  );

  it('PENDING and paid: provisions', () => {
    expect(plan('PENDING', nothing)).toBe('provision');
    expect(plan('PENDING', provisioning)).toBe('provision');
  });

  it('PENDING and not paid: waits', () => {
    expect(plan('PENDING', nothing, { paid: false })).toBe('wait: idle');
    expect(plan('PENDING', provisioned, { paid: false })).toBe('wait: idle');
  });

  it('PENDING trial: provisions whatever the payment, for no invoice exists', () => {
    expect(plan('PENDING', nothing, { type: 'TRIAL', paid: false })).toBe('provision');
  });

  it('PENDING although provisioned: reports again', () => {
    expect(plan('PENDING', provisioned)).toBe('report');
  });

  it('PENDING sandbox order: never reaches Microsoft unless the account is a sandbox', () => {
    expect(plan('PENDING', nothing, { type: 'SANDBOX' })).toBe('subscription.sandbox-order');
    expect(plan('PENDING', nothing, { type: 'SANDBOX' }, 'allow')).toBe('provision');
  });

  it('PENDING of an unknown type: buys nothing', () => {
    expect(plan('PENDING', nothing, { type: 'UNKNOWN' })).toBe('subscription.unexpected-type');
  });

  it('DEPLOYED: is settled when provisioned, carries a run on whose record was cut off, and is told when deployed elsewhere', () => {
    expect(plan('DEPLOYED', provisioned)).toBe('done');
    expect(plan('DEPLOYED', provisioning)).toBe('provision');
    expect(plan('DEPLOYED', nothing)).toBe('subscription.deployed-elsewhere');
  });

  it('DEPLOYED with an unpaid renewal invoice: stays as it is', () => {
    expect(plan('DEPLOYED', provisioned, { paid: false })).toBe('done');
  });

  it('UNDEPLOY_SENT: deprovisions, whatever exists', () => {
    for (const known of [nothing, provisioning, provisioned, ended])
      expect(plan('UNDEPLOY_SENT', known)).toBe('deprovision');
  });

  it('UNDEPLOYED: closes when nothing is left, ends at Microsoft what is', () => {
    expect(plan('UNDEPLOYED', nothing)).toBe('done');
    expect(plan('UNDEPLOYED', ended)).toBe('done');
    expect(plan('UNDEPLOYED', provisioned)).toBe('deprovision');
    expect(plan('UNDEPLOYED', provisioning)).toBe('deprovision');
  });

  it.each(['PAYMENT_EXPIRED', 'REJECTED'] as const)(
    '%s: closes when nothing exists, tells operations when something does',
    (status) => {
      expect(plan(status, nothing)).toBe('done');
      expect(plan(status, provisioned)).toBe('subscription.closed-but-provisioned');
    },
  );

  it('FAILED for want of customer data: tries again at each look', () => {
    expect(plan('FAILED', failedByCustomer)).toBe('provision');
  });

  it('FAILED for good: waits for the retry of operations, and goes on with it', () => {
    expect(plan('FAILED', failedFinally)).toBe('wait: failed');
    expect(plan('FAILED', { ...failedFinally, retryAsked: true })).toBe('provision');
  });

  it('FAILED although provisioned: reports only on the word of operations', () => {
    expect(plan('FAILED', provisioned)).toBe('subscription.failed-but-provisioned');
    expect(plan('FAILED', { ...provisioned, retryAsked: true })).toBe('report');
  });

  it.each(['POST_CONFIGURATION', 'UNKNOWN'] as const)('%s: changes nothing and tells operations', (status) => {
    for (const known of [nothing, provisioned]) expect(plan(status, known)).toBe('subscription.unexpected-state');
  });
});
