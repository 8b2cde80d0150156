import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { AtMicrosoft, Fulfillment, LicenseAtMicrosoft } from '../../../src/workflows/fulfillment.ts';
import { type Known, planOperation, type Seen } from '../../../src/workflows/plan-operation.ts';

const DAY = '2027-01-31T00:00:00.000Z';
const LATER = '2027-02-28T00:00:00.000Z';

function built(facts: Partial<Fulfillment> = {}): Fulfillment {
  return {
    productType: 'license',
    customerId: 'c',
    deployedAt: '2026-09-01T08:00:00Z',
    settled: { planId: 2101, seats: 10, trial: false, endDate: DAY },
    ...facts,
  };
}

/** What had ended at Microsoft, and is made once more. */
function anew(facts: Partial<Fulfillment>): Fulfillment {
  const { deployedAt: _before, settled: _done, ...rest } = built(facts);
  return rest;
}

const ON_ORDER = { offerId: 'CFQ7TTC0LH18:0001', seats: 10, term: 'P1Y', billingCycle: 'monthly' };
const ITEM = { offerId: 'CFQ7TTC0LH18:0001', term: 'P1Y', billingCycle: 'monthly' };
const run = { id: 'r', operation: 'provision', startedAt: '2026-09-01T08:00:00Z' } as const;
const KNOWN = {
  nothing: {},
  provisioning: { run },
  provisioned: { fulfillment: built() },
  'provisioned, told that it has ended': { fulfillment: built(), alerted: 'partner-subscription.ended read seats' },
  'provisioned, being bought anew': { fulfillment: built(), state: 'needs-attention', run },
  'provisioned, being reported again': { fulfillment: built(), run: { ...run, operation: 'report' } },
  suspended: { fulfillment: built({ suspended: { at: DAY, autoRenewEnabled: true } }) },
  'suspended, told that it has ended': {
    fulfillment: built({ suspended: { at: DAY, autoRenewEnabled: true } }),
    alerted: 'partner-subscription.ended ',
  },
  ended: { fulfillment: built({ endedAt: DAY }) },
  'provisioned, fewer seats on order': {
    fulfillment: built({ seats: 15, scheduled: ON_ORDER }),
  },
  'being moved to another plan': {
    fulfillment: built({ moving: {} }),
    run: { ...run, operation: 'change-plan', target: '2102' },
  },
  'trial, being converted': {
    fulfillment: built({ moving: {}, settled: { planId: 2101, seats: 25, trial: true, endDate: DAY } }),
    run: { ...run, operation: 'convert-trial', target: '2101' },
  },
  'provisioned, the change to plan 2102 needs a person': {
    fulfillment: built(),
    state: 'needs-attention',
    run: { ...run, operation: 'change-plan', target: '2102' },
  },
  'provisioned, the change to plan 2102 was put aside': {
    fulfillment: built(),
    state: 'needs-attention',
    run: { ...run, operation: 'change-seats', target: '12' },
    aside: { ...run, operation: 'change-plan', target: '2102' },
  },
  'provisioned, and not shown for a day': { fulfillment: built(), isUnseen: true },
  'provisioned, 400 seats need a person': {
    fulfillment: built(),
    state: 'needs-attention',
    run: { ...run, operation: 'change-seats', target: '400' },
  },
  'provisioned, 400 seats and the change to plan 2102 need a person': {
    fulfillment: built(),
    state: 'needs-attention',
    run: { ...run, operation: 'change-seats', target: '400' },
    aside: { ...run, operation: 'change-plan', target: '2102' },
  },
  'provisioned, of a known item': { fulfillment: built(ITEM) },
  'provisioned, another item on order': {
    fulfillment: built({ ...ITEM, scheduled: { ...ON_ORDER, term: 'P1M' } }),
  },
  'asked for the agreement': { fulfillment: built({ askedAt: DAY }) },
  trial: { fulfillment: built({ settled: { planId: 2101, seats: 25, trial: true, endDate: DAY } }) },
  'in Azure': { fulfillment: built({ settled: { planId: 2101, trial: false, endDate: DAY, configuration: 'small' } }) },
  'being suspended': {
    fulfillment: built({ suspended: { at: DAY, autoRenewEnabled: true } }),
    run: { ...run, operation: 'suspend' },
  },
  'being resumed': {
    fulfillment: built({ suspended: { at: DAY, autoRenewEnabled: true } }),
    run: { ...run, operation: 'resume' },
  },
  'being handed over': {
    fulfillment: (({ deployedAt: _notYet, ...rest }) => rest)(built()),
    run,
  },
  'being bought anew, not sent': { fulfillment: anew({ cartId: 'k' }), run },
  'being bought anew, sent': { fulfillment: anew({ cartId: 'k', checkoutAt: DAY }), run },
  'being bought anew, ordered': { fulfillment: anew({ orderId: 'o' }), run },
  'being bought anew, there already': { fulfillment: anew({ orderId: 'o', partnerSubscriptionId: 'p' }), run },
  'being deployed anew in Azure': { fulfillment: anew({ azure: { subscriptionId: 's', attempt: 2 } }), run },
  'suspended, in Azure': { fulfillment: built({ suspended: { at: DAY, ran: ['/vm'] } }) },
  'in Azure, trial': {
    fulfillment: built({ settled: { planId: 2101, trial: true, endDate: DAY, configuration: 'small' } }),
  },
  'failed by the customer': {
    run,
    failure: { kind: 'customer', code: 'customer.data-missing', params: {}, reported: true },
  },
  'failed for good': { run, failure: { kind: 'final', code: 'order.failed', params: {}, reported: true } },
  'wanted again': { run },
} satisfies Record<string, Omit<Known, 'retryAsked'>>;

const ACTIVE = { status: 'active', suspensionReasons: [] } satisfies AtMicrosoft;
const RENEWING = { seats: 10, isTrial: false, autoRenewEnabled: true } satisfies LicenseAtMicrosoft;

interface Row {
  status: Seen['deploymentStatus'];
  local: keyof typeof KNOWN;
  /** What else is so, in words. */
  and?: string;
  seen?: Partial<Seen>;
  retryAsked?: boolean;
  sandboxOrders?: 'allow';
  /** Of a licence unless the order is one of Azure. */
  atMicrosoft?: Partial<Omit<AtMicrosoft, 'license'> & LicenseAtMicrosoft>;
  does: string;
}

/** Every row of the decision: what the marketplace shows × what is recorded × what Microsoft says → what is done. */
const ROWS: Row[] = [
  ...(['WAITING_PAYMENT', 'REQUIRES_APPROVAL', 'POSTPONED'] as const).flatMap((status): Row[] => [
    { status, local: 'nothing', seen: { paid: false }, does: 'wait (idle)' },
    { status, local: 'provisioning', seen: { paid: false }, does: 'tell: subscription.state-went-back' },
    { status, local: 'provisioned', seen: { paid: false }, does: 'tell: subscription.state-went-back' },
    { status, local: 'suspended', seen: { paid: false }, does: 'tell: subscription.state-went-back' },
  ]),

  { status: 'PENDING', local: 'nothing', and: 'paid', does: 'provision' },
  { status: 'PENDING', local: 'provisioning', and: 'paid', does: 'provision' },
  { status: 'PENDING', local: 'provisioned', and: 'paid', does: 'report' },
  { status: 'PENDING', local: 'suspended', and: 'paid', does: 'resume' },
  { status: 'PENDING', local: 'ended', and: 'paid', does: 'tell: subscription.came-back' },
  { status: 'PENDING', local: 'nothing', and: 'not paid', seen: { paid: false }, does: 'wait (idle)' },
  { status: 'PENDING', local: 'provisioned', and: 'not paid', seen: { paid: false }, does: 'wait (idle)' },
  { status: 'PENDING', local: 'suspended', and: 'not paid', seen: { paid: false }, does: 'wait (idle)' },
  {
    status: 'PENDING',
    local: 'nothing',
    and: 'a trial, for which no invoice exists',
    seen: { type: 'TRIAL', paid: false },
    does: 'provision',
  },
  {
    status: 'PENDING',
    local: 'nothing',
    and: 'a sandbox order',
    seen: { type: 'SANDBOX' },
    does: 'tell: subscription.sandbox-order',
  },
  {
    status: 'PENDING',
    local: 'nothing',
    and: 'a sandbox order on a sandbox account',
    seen: { type: 'SANDBOX' },
    sandboxOrders: 'allow',
    does: 'provision',
  },
  {
    status: 'PENDING',
    local: 'nothing',
    and: 'an unknown type',
    seen: { type: 'UNKNOWN' },
    does: 'tell: subscription.unexpected-type',
  },

  { status: 'DEPLOYED', local: 'nothing', does: 'tell: subscription.deployed-elsewhere' },
  { status: 'DEPLOYED', local: 'ended', does: 'tell: subscription.deployed-elsewhere' },
  { status: 'DEPLOYED', local: 'provisioning', and: 'the record was cut off', does: 'provision' },
  { status: 'DEPLOYED', local: 'suspended', and: 'it was paid', does: 'resume' },
  { status: 'DEPLOYED', local: 'provisioned', and: 'nothing differs', does: 'done' },
  {
    status: 'DEPLOYED',
    local: 'asked for the agreement',
    and: 'nothing needs it any more',
    does: 'report',
  },
  {
    status: 'DEPLOYED',
    local: 'asked for the agreement',
    and: 'more seats, paid',
    seen: { seats: 12 },
    does: 'change-seats 12',
  },
  { status: 'DEPLOYED', local: 'provisioned', and: 'a renewal invoice is open', seen: { paid: false }, does: 'done' },
  { status: 'DEPLOYED', local: 'provisioned', and: 'more seats, paid', seen: { seats: 12 }, does: 'change-seats 12' },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'more seats, not paid',
    seen: { seats: 12, paid: false },
    does: 'wait (idle)',
  },
  { status: 'DEPLOYED', local: 'provisioned', and: 'fewer seats', seen: { seats: 8 }, does: 'change-seats 8' },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'fewer seats while an invoice is open',
    seen: { seats: 8, paid: false },
    does: 'change-seats 8',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'another plan, paid',
    seen: { planId: 2102 },
    does: 'change-plan 2102',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'another plan, not paid',
    seen: { planId: 2102, paid: false },
    does: 'wait (idle)',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'another plan and other seats',
    seen: { planId: 2102, seats: 12 },
    does: 'change-plan 2102',
  },
  { status: 'DEPLOYED', local: 'provisioned', and: 'a later end', seen: { endDate: LATER }, does: `renew ${LATER}` },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'an earlier end',
    seen: { endDate: '2026-12-01T00:00:00.000Z' },
    does: 'done',
  },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'still a trial',
    seen: { type: 'TRIAL', seats: 25, paid: false },
    does: 'done',
  },
  { status: 'DEPLOYED', local: 'trial', and: 'converted and paid', seen: { seats: 30 }, does: 'convert-trial 2101' },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'converted, not paid',
    seen: { seats: 30, paid: false },
    does: 'wait (idle)',
  },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'ended at Microsoft a few hours before the marketplace ends it',
    seen: { type: 'TRIAL', seats: 25, endDate: DAY },
    atMicrosoft: { status: 'ended', commitmentEndDate: '2027-01-30T00:00:00.000Z' },
    does: 'wait (idle)',
  },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'ended at Microsoft long before the marketplace ends it',
    seen: { type: 'TRIAL', seats: 25, endDate: LATER },
    atMicrosoft: { status: 'ended', commitmentEndDate: DAY },
    does: 'tell: partner-subscription.ended',
  },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'converted and paid after it has ended at Microsoft',
    seen: { seats: 30 },
    atMicrosoft: { status: 'ended' },
    does: 'provision',
  },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'converted, not paid, and ended at Microsoft',
    seen: { seats: 30, paid: false },
    atMicrosoft: { status: 'ended' },
    does: 'wait (idle)',
  },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'converted, not paid, and it has become a paid licence at Microsoft',
    seen: { seats: 30, paid: false },
    atMicrosoft: { seats: 25 },
    does: 'tell: trial.became-paid',
  },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'converted, not paid, and its renewal was switched on at Microsoft',
    seen: { seats: 30, paid: false },
    atMicrosoft: { seats: 25, isTrial: true },
    does: 'set-term-end the trial runs out',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'another plan, not paid, and fewer seats',
    seen: { planId: 2102, seats: 6, paid: false },
    does: 'change-seats 6',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'more seats, not paid, and the renewal was switched off at Microsoft',
    seen: { seats: 12, paid: false },
    atMicrosoft: { autoRenewEnabled: false },
    does: `renew ${DAY} again`,
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'more seats, not paid, and some taken away at Microsoft',
    seen: { seats: 12, paid: false },
    atMicrosoft: { seats: 7 },
    does: 'wait (idle)',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'Microsoft has dropped the order while more seats are not paid',
    seen: { seats: 20, paid: false },
    atMicrosoft: { ...ON_ORDER, seats: 15 },
    does: 'set-term-end CFQ7TTC0LH18:0001 10 P1Y monthly',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, and not shown for a day',
    and: 'still not shown',
    atMicrosoft: { status: 'unknown' },
    does: 'tell: partner-subscription.unseen',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, and not shown for a day',
    and: 'shown again',
    atMicrosoft: {},
    does: 'done',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'not shown for a moment',
    atMicrosoft: { status: 'unknown' },
    does: 'done',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, 400 seats need a person',
    and: 'the renewal was switched off at Microsoft',
    seen: { seats: 400 },
    atMicrosoft: { autoRenewEnabled: false },
    does: `renew ${DAY} again`,
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, 400 seats need a person',
    and: 'nothing else differs',
    seen: { seats: 400 },
    atMicrosoft: {},
    does: 'change-seats 400',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, 400 seats and the change to plan 2102 need a person',
    and: 'nothing else differs, and no run begins anew',
    seen: { seats: 400, planId: 2102 },
    atMicrosoft: {},
    does: 'change-seats 400',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'the new term has not begun',
    atMicrosoft: { ...ON_ORDER, seats: 15, next: ON_ORDER },
    does: 'done',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'the new term has begun with them',
    atMicrosoft: { ...ON_ORDER },
    does: 'note-renewal',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'Microsoft has dropped the order',
    atMicrosoft: { ...ON_ORDER, seats: 15 },
    does: 'set-term-end CFQ7TTC0LH18:0001 10 P1Y monthly',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'another number is on order',
    atMicrosoft: { ...ON_ORDER, seats: 15, next: { ...ON_ORDER, seats: 12 } },
    does: 'set-term-end CFQ7TTC0LH18:0001 10 P1Y monthly',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'another offer is on order',
    atMicrosoft: { ...ON_ORDER, seats: 15, next: { ...ON_ORDER, offerId: 'CFQ7TTC0LDPB:0001' } },
    does: 'set-term-end CFQ7TTC0LH18:0001 10 P1Y monthly',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'as many seats, but still in the old term, and nothing on order',
    atMicrosoft: { ...ON_ORDER, term: 'P1M' },
    does: 'set-term-end CFQ7TTC0LH18:0001 10 P1Y monthly',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'still a trial, and its default is on order',
    atMicrosoft: { seats: 25, isTrial: true, next: { ...ON_ORDER, seats: 25 } },
    does: 'set-term-end CFQ7TTC0LH18:0001 10 P1Y monthly',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'seats taken away at Microsoft',
    atMicrosoft: { ...ON_ORDER, seats: 7, next: ON_ORDER },
    does: 'change-seats 10 again',
  },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'its renewal was switched on at Microsoft',
    seen: { type: 'TRIAL', seats: 25 },
    atMicrosoft: { seats: 25, isTrial: true },
    does: 'set-term-end the trial runs out',
  },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'it runs out',
    seen: { type: 'TRIAL', seats: 25 },
    atMicrosoft: { seats: 25, isTrial: true, autoRenewEnabled: false },
    does: 'done',
  },
  {
    status: 'DEPLOYED',
    local: 'trial',
    and: 'it has become a paid licence at Microsoft',
    seen: { type: 'TRIAL', seats: 25 },
    atMicrosoft: { seats: 25 },
    does: 'tell: trial.became-paid',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'ended at Microsoft',
    atMicrosoft: { status: 'ended' },
    does: 'tell: partner-subscription.ended',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'ended at Microsoft, and a person who does not know of that has pressed retry',
    atMicrosoft: { status: 'ended' },
    retryAsked: true,
    does: 'tell: partner-subscription.ended',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, told that it has ended',
    and: 'a person wants it anew',
    atMicrosoft: { status: 'ended' },
    retryAsked: true,
    does: 'provision',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, being bought anew',
    and: 'ended at Microsoft, and what a person has begun is not through',
    atMicrosoft: { status: 'ended' },
    does: 'provision',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'suspended by Microsoft',
    atMicrosoft: { status: 'suspended' },
    does: 'tell: partner-subscription.suspended',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'seats taken away at Microsoft',
    atMicrosoft: { seats: 7 },
    does: 'change-seats 10 again',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'seats added at Microsoft',
    atMicrosoft: { seats: 15 },
    does: 'change-seats 10 again',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'fewer seats on order for the renewal',
    atMicrosoft: { seats: 15, next: { seats: 10 } },
    does: 'done',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'that order was dropped',
    atMicrosoft: { seats: 15 },
    does: 'change-seats 10 again',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned',
    and: 'the renewal was switched off at Microsoft',
    atMicrosoft: { autoRenewEnabled: false },
    does: `renew ${DAY} again`,
  },

  ...(
    ['PENDING', 'DEPLOYED', 'STOPPED', 'UNDEPLOY_SENT', 'UNDEPLOYED', 'PAYMENT_EXPIRED', 'FAILED', 'UNKNOWN'] as const
  ).map(
    (status): Row => ({
      status,
      local: 'being moved to another plan',
      and: 'whatever is sold meanwhile',
      seen: { seats: 12 },
      does: 'change-plan 2102',
    }),
  ),
  {
    status: 'DEPLOYED',
    local: 'trial, being converted',
    and: 'and the trial shows as ended',
    atMicrosoft: { status: 'ended' },
    does: 'convert-trial 2101',
  },
  {
    status: 'DEPLOYED',
    local: 'trial, being converted',
    and: 'and a person presses retry',
    atMicrosoft: { status: 'ended' },
    retryAsked: true,
    does: 'convert-trial 2101',
  },
  ...(
    [
      ['nothing else differs', { planId: 2102 }, {}, {}, 'change-plan 2102'],
      ['more seats, paid', { planId: 2102, seats: 12 }, {}, {}, 'change-seats 12'],
      ['renewed', { planId: 2102, endDate: LATER }, {}, {}, `renew ${LATER}`],
      ['seats taken away at Microsoft', { planId: 2102 }, { seats: 7 }, {}, 'change-seats 10 again'],
      ['a person wants it again', { planId: 2102, seats: 12 }, {}, { retryAsked: true }, 'change-plan 2102'],
      ['yet another plan and more seats', { planId: 2103, seats: 12 }, {}, {}, 'change-plan 2103'],
      ['the old plan is sold again', {}, {}, {}, 'done'],
    ] as const
  ).map(
    ([and, seen, atMicrosoft, more, does]): Row => ({
      status: 'DEPLOYED',
      local: 'provisioned, the change to plan 2102 needs a person',
      and,
      seen,
      atMicrosoft,
      ...more,
      does,
    }),
  ),
  {
    status: 'DEPLOYED',
    local: 'provisioned, the change to plan 2102 was put aside',
    and: 'and the seats need a person, too',
    seen: { planId: 2102, seats: 12 },
    does: 'change-seats 12',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, the change to plan 2102 was put aside',
    and: 'and nothing else differs',
    seen: { planId: 2102 },
    does: 'change-plan 2102',
  },
  ...(
    [
      ['as it was settled', ITEM, {}, 'done'],
      ['of another offer', { ...ITEM, offerId: 'CFQ7TTC0LDPB:0001' }, {}, 'change-plan 2101 again'],
      ['of another term', { ...ITEM, term: 'P1M' }, {}, 'change-plan 2101 again'],
      ['of another billing cycle', { ...ITEM, billingCycle: 'annual' }, {}, 'change-plan 2101 again'],
      ['still a trial', { offerId: 'CFQ7TTC0LH18:0003', term: 'P1M', isTrial: true, seats: 25 }, {}, 'done'],
      ['written in another way', { offerId: 'cfq7ttc0lh18:0001', billingCycle: 'Monthly' }, {}, 'done'],
      ['another offer is on order', { next: { ...ON_ORDER, term: 'P1M' } }, {}, 'change-plan 2101 again'],
      ['of another offer, and not paid', { ...ITEM, term: 'P1M' }, { paid: false }, 'done'],
      ['of another offer, and another plan is sold', { ...ITEM, term: 'P1M' }, { planId: 2102 }, 'change-plan 2102'],
      ['of another offer, and fewer seats', { ...ITEM, term: 'P1M', seats: 7 }, {}, 'change-seats 10 again'],
    ] as const
  ).map(
    ([and, atMicrosoft, seen, does]): Row => ({
      status: 'DEPLOYED',
      local: 'provisioned, of a known item',
      and,
      seen,
      atMicrosoft,
      does,
    }),
  ),
  {
    status: 'DEPLOYED',
    local: 'provisioned, another item on order',
    and: 'of the old one still',
    atMicrosoft: { ...ITEM, next: { ...ON_ORDER, term: 'P1M' } },
    does: 'done',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, another item on order',
    and: 'of neither',
    atMicrosoft: { ...ITEM, billingCycle: 'annual', next: { ...ON_ORDER, term: 'P1M' } },
    does: 'change-plan 2101 again',
  },
  ...(['DEPLOYED', 'PENDING'] as const).flatMap((status): Row[] => [
    {
      status,
      local: 'suspended',
      and: 'paid after it has ended at Microsoft',
      atMicrosoft: { status: 'ended' },
      does: 'tell: partner-subscription.ended',
    },
    {
      status,
      local: 'suspended, told that it has ended',
      and: 'paid after it has ended at Microsoft, and a person wants it anew',
      atMicrosoft: { status: 'ended' },
      retryAsked: true,
      does: 'provision',
    },
  ]),

  { status: 'STOPPED', local: 'nothing', does: 'wait (idle)' },
  { status: 'STOPPED', local: 'provisioned', does: 'suspend' },
  { status: 'STOPPED', local: 'suspended', does: 'wait (idle)' },
  { status: 'STOPPED', local: 'provisioning', does: 'wait (idle)' },
  { status: 'STOPPED', local: 'being bought anew, not sent', does: 'wait (idle)' },
  { status: 'STOPPED', local: 'being bought anew, sent', and: 'whether it is ordered is found out', does: 'provision' },
  { status: 'STOPPED', local: 'being bought anew, ordered', and: 'what comes of it is awaited', does: 'provision' },
  { status: 'STOPPED', local: 'being bought anew, there already', does: 'suspend' },
  { status: 'STOPPED', local: 'being deployed anew in Azure', does: 'suspend' },
  { status: 'STOPPED', local: 'being handed over', and: 'the report is not on record', does: 'provision' },

  ...(['nothing', 'provisioning', 'provisioned', 'suspended', 'ended'] as const).map(
    (local): Row => ({ status: 'UNDEPLOY_SENT', local, does: 'deprovision' }),
  ),

  { status: 'UNDEPLOYED', local: 'nothing', does: 'done' },
  { status: 'UNDEPLOYED', local: 'ended', does: 'done' },
  { status: 'UNDEPLOYED', local: 'provisioning', does: 'deprovision' },
  { status: 'UNDEPLOYED', local: 'provisioned', does: 'deprovision' },
  { status: 'UNDEPLOYED', local: 'suspended', does: 'deprovision' },

  ...(['PAYMENT_EXPIRED', 'REJECTED'] as const).flatMap((status): Row[] => [
    { status, local: 'nothing', does: 'done' },
    { status, local: 'ended', does: 'done' },
    { status, local: 'provisioned', does: 'suspend' },
    { status, local: 'suspended', does: 'tell: subscription.closed-but-provisioned' },
    { status, local: 'being suspended', and: 'which was cut short', does: 'suspend' },
    { status, local: 'being resumed', and: 'closed meanwhile', does: 'suspend' },
    { status, local: 'provisioning', and: 'nothing is ordered', does: 'done' },
    { status, local: 'being bought anew, sent', does: 'tell: subscription.closed-but-provisioned' },
    { status, local: 'being bought anew, there already', does: 'suspend' },
    { status, local: 'being deployed anew in Azure', does: 'suspend' },
  ]),

  { status: 'FAILED', local: 'nothing', does: 'wait (failed)' },
  { status: 'FAILED', local: 'failed by the customer', does: 'provision' },
  { status: 'FAILED', local: 'failed for good', does: 'wait (failed)' },
  { status: 'FAILED', local: 'failed for good', and: 'a person wants it again', retryAsked: true, does: 'provision' },
  { status: 'FAILED', local: 'wanted again', does: 'provision' },
  { status: 'FAILED', local: 'wanted again', and: 'not paid', seen: { paid: false }, does: 'wait (idle)' },
  {
    status: 'FAILED',
    local: 'failed for good',
    and: 'a sandbox order that a person wants again',
    seen: { type: 'SANDBOX' },
    retryAsked: true,
    does: 'tell: subscription.sandbox-order',
  },
  { status: 'FAILED', local: 'provisioned', does: 'tell: subscription.failed-but-provisioned' },
  { status: 'FAILED', local: 'provisioned, being reported again', does: 'report' },
  {
    status: 'FAILED',
    local: 'provisioned',
    and: 'a person says that it is in place',
    retryAsked: true,
    does: 'report',
  },

  ...(
    [
      ['as it was', {}, {}, 'done'],
      ['something else was entered', { configuration: 'large' }, {}, 'reconfigure large'],
      ['another plan is sold', { planId: 2102 }, {}, 'change-plan 2102'],
      ['another plan is not paid yet', { planId: 2102, paid: false }, {}, 'wait (idle)'],
      [
        'another plan, not paid, and something else was entered',
        { planId: 2102, paid: false, configuration: 'large' },
        {},
        'wait (idle)',
      ],
      ['another plan and something else was entered', { planId: 2102, configuration: 'large' }, {}, 'change-plan 2102'],
      ['it was renewed', { endDate: LATER }, {}, `renew ${LATER}`],
      ['its Azure subscription is disabled', {}, { status: 'suspended' }, 'tell: partner-subscription.suspended'],
      ['its resource group is gone', {}, { status: 'ended' }, 'tell: partner-subscription.ended'],
    ] as const
  ).map(
    ([and, seen, atMicrosoft, does]): Row => ({
      status: 'DEPLOYED',
      local: 'in Azure',
      and,
      seen: { seats: undefined, configuration: 'small', ...seen },
      atMicrosoft,
      does,
    }),
  ),
  {
    status: 'DEPLOYED',
    local: 'in Azure, trial',
    and: 'still a trial',
    seen: { type: 'TRIAL', seats: undefined, configuration: 'small' },
    atMicrosoft: {},
    does: 'done',
  },
  {
    status: 'DEPLOYED',
    local: 'in Azure, trial',
    and: 'sold and paid since',
    seen: { seats: undefined, configuration: 'small' },
    atMicrosoft: {},
    does: 'convert-trial 2101',
  },

  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'which a new term takes back at once',
    atMicrosoft: { seats: 15, next: ON_ORDER, refundable: 5 },
    does: 'change-seats 10 at once',
  },
  {
    status: 'DEPLOYED',
    local: 'provisioned, fewer seats on order',
    and: 'of which only some are taken back',
    atMicrosoft: { seats: 15, next: ON_ORDER, refundable: 4 },
    does: 'done',
  },
  { status: 'STOPPED', local: 'being suspended', does: 'suspend' },
  { status: 'DEPLOYED', local: 'being suspended', and: 'paid meanwhile', does: 'resume' },
  { status: 'STOPPED', local: 'being resumed', and: 'suspended again meanwhile', does: 'suspend' },
  {
    status: 'STOPPED',
    local: 'suspended, in Azure',
    and: 'something runs again',
    atMicrosoft: { runs: true },
    does: 'suspend',
  },
  { status: 'STOPPED', local: 'suspended, in Azure', and: 'nothing runs', atMicrosoft: {}, does: 'wait (idle)' },
  { status: 'STOPPED', local: 'suspended', and: 'active again', atMicrosoft: {}, does: 'suspend' },
  {
    status: 'STOPPED',
    local: 'suspended',
    and: 'suspended at Microsoft',
    atMicrosoft: { status: 'suspended' },
    does: 'wait (idle)',
  },
  { status: 'STOPPED', local: 'suspended', and: 'ended', atMicrosoft: { status: 'ended' }, does: 'wait (idle)' },
  {
    status: 'STOPPED',
    local: 'suspended',
    and: 'a trial that turns into what is charged',
    atMicrosoft: { isTrial: true },
    does: 'suspend',
  },
  {
    status: 'STOPPED',
    local: 'suspended',
    and: 'a trial that runs out',
    atMicrosoft: { isTrial: true, autoRenewEnabled: false },
    does: 'wait (idle)',
  },

  ...(['POST_CONFIGURATION', 'UNKNOWN'] as const).flatMap((status): Row[] =>
    (['nothing', 'provisioned', 'suspended'] as const).map((local) => ({
      status,
      local,
      does: 'tell: subscription.unexpected-state',
    })),
  ),
];

function decide({
  status,
  local,
  seen,
  retryAsked = false,
  sandboxOrders = 'refuse',
  atMicrosoft,
}: Omit<Row, 'does' | 'sandboxOrders'> & { sandboxOrders?: 'refuse' | 'allow' }): string {
  const decision = planOperation(
    { deploymentStatus: status, type: 'NORMAL', paid: true, planId: 2101, seats: 10, endDate: DAY, ...seen },
    { ...KNOWN[local], retryAsked },
    { sandboxOrders },
    atMicrosoft && say(atMicrosoft, local),
  );
  switch (decision.kind) {
    case 'run':
      return [decision.operation, decision.target].filter(Boolean).join(' ');
    case 'settled':
      return decision.state;
    case 'wait':
      return `wait (${decision.state})`;
    case 'attention':
      return `tell: ${decision.code}`;
  }
}

function say(
  { status, commitmentEndDate, suspensionReasons, runs, ...license }: NonNullable<Row['atMicrosoft']>,
  local: Row['local'],
): AtMicrosoft {
  return {
    ...ACTIVE,
    ...(status && { status }),
    ...(suspensionReasons && { suspensionReasons }),
    ...(commitmentEndDate && { commitmentEndDate }),
    ...(runs && { runs }),
    ...(!local.includes('Azure') && { license: { ...RENEWING, ...license } }),
  };
}

const titled = ROWS.map((row) => ({
  ...row,
  title: `${row.status}, ${row.local}${row.and ? `, ${row.and}` : ''} → ${row.does}`,
}));
let tested = 0;

describe('the decision table', () => {
  it.each(titled)('$title', (row) => {
    tested += 1;
    expect(decide(row)).toBe(row.does);
  });

  it('has no row twice', () => {
    expect(new Set(titled.map(({ title }) => title)).size).toBe(ROWS.length);
  });

  afterAll(() => {
    process.stdout.write(`decision table: ${ROWS.length} rows, ${tested} tested\n`);
  });
});

/** What carrying an operation out changes in what is recorded: the promise that the workflows keep. */
function carryOut(known: Known, seen: Seen, operation: string): Known {
  const before = known.fulfillment ?? built({ settled: { trial: false } });
  const wish = {
    trial: seen.type === 'TRIAL',
    ...(seen.planId !== undefined && { planId: seen.planId }),
    ...(seen.seats !== undefined && { seats: seen.seats }),
    ...(seen.configuration !== undefined && { configuration: seen.configuration }),
  };
  const done = before.settled ?? { trial: false };
  const endDate = seen.endDate && { endDate: seen.endDate };
  const after: Record<string, Fulfillment> = {
    provision: { ...before, deployedAt: DAY, settled: { ...wish, ...endDate } },
    report: before,
    'change-seats': { ...before, settled: { ...done, ...(seen.seats !== undefined && { seats: seen.seats }) } },
    'change-plan': { ...before, settled: { ...done, ...(seen.planId !== undefined && { planId: seen.planId }) } },
    reconfigure: {
      ...before,
      settled: { ...done, ...(seen.configuration !== undefined && { configuration: seen.configuration }) },
    },
    'convert-trial': { ...before, settled: { ...done, ...wish, trial: false } },
    renew: { ...before, settled: { ...done, ...endDate } },
    'set-term-end': before,
    'note-renewal': (({ scheduled, ...rest }) => ({ ...rest, ...scheduled }))(before),
    suspend: { ...before, suspended: { at: DAY, autoRenewEnabled: true } },
    resume: (({ suspended: _over, ...rest }) => rest)(before),
    deprovision: { ...before, endedAt: DAY },
  };
  return { retryAsked: false, fulfillment: after[operation] ?? before };
}

/** Microsoft's side of a licence, in plans: what it is, and what is on order for the next term. */
interface Side {
  plan: number;
  next?: number;
}

const itemOf = (plan: number) => ({ ...ITEM, offerId: `${plan}:0001`, seats: 10 });

/** Looks until nothing is left to do, or Microsoft has been asked for a move: the look at the next state finds that done. */
function lookAt(known: Known, side: Side, seen: Seen): { known: Known; side: Side; asked: string[] } {
  const asked: string[] = [];
  let now = { known, side };
  for (let looks = 0; looks < 12; looks += 1) {
    const { plan, next } = now.side;
    const license = { ...RENEWING, ...itemOf(plan), ...(next !== undefined && { next: itemOf(next) }) };
    const status = now.known.fulfillment?.suspended ? 'suspended' : 'active';
    const decision = planOperation(seen, now.known, { sandboxOrders: 'refuse' }, { ...ACTIVE, status, license });
    if (decision.kind !== 'run') return { ...now, asked };
    const { operation, target } = decision;
    const { moving, scheduled, ...before } = now.known.fulfillment ?? built();
    if (operation === 'change-plan' && !moving && (seen.planId ?? plan) > plan) {
      asked.push(`${plan} to ${seen.planId}`);
      const begun = { ...run, operation, ...(target !== undefined && { target }) };
      return { known: { ...now.known, fulfillment: { ...before, moving: {} }, run: begun }, side: now.side, asked };
    }
    if (operation === 'change-plan') {
      const planId = moving ? Number.parseInt(now.known.run?.target ?? '', 10) : (seen.planId ?? plan);
      const settled = { trial: false, ...before.settled, planId };
      const isNow = moving !== undefined || planId === plan;
      const item = itemOf(isNow ? planId : plan);
      const fulfillment = { ...before, ...item, settled, ...(!isNow && { scheduled: itemOf(planId) }) };
      now = { known: { retryAsked: false, fulfillment }, side: isNow ? { plan: planId } : { plan, next: planId } };
      continue;
    }
    if (operation === 'suspend') now.side = { plan };
    if (operation === 'set-term-end' && scheduled) now.side = { plan, next: Number.parseInt(scheduled.offerId, 10) };
    now = { ...now, known: carryOut(now.known, seen, operation) };
  }
  throw new Error('No end.');
}

/** Looks at one state of the marketplace until nothing is left to do; the operations on the way. */
function reconcile(known: Known, seen: Seen): { known: Known; operations: string[] } {
  const operations: string[] = [];
  let now = known;
  for (let looks = 0; looks < 10; looks += 1) {
    const decision = planOperation(seen, now, { sandboxOrders: 'refuse' });
    if (decision.kind !== 'run') return { known: now, operations };
    operations.push(`${decision.operation} ${decision.target ?? ''}`);
    now = carryOut(now, seen, decision.operation);
    // A reported status shows in the marketplace, which is then looked at again.
    if (decision.operation === 'provision' || decision.operation === 'report') return { known: now, operations };
    if (decision.operation === 'deprovision') return { known: now, operations };
    if (decision.operation === 'resume' && seen.deploymentStatus === 'PENDING') return { known: now, operations };
    if (decision.operation === 'suspend' && seen.deploymentStatus !== 'STOPPED') return { known: now, operations };
  }
  throw new Error(`No end: ${operations.join(', ')}`);
}

/** Any state in which the marketplace may show a running subscription. */
const runningState = fc.record({
  deploymentStatus: fc.constantFrom('DEPLOYED', 'STOPPED'),
  type: fc.constantFrom('TRIAL', 'NORMAL'),
  paid: fc.boolean(),
  planId: fc.constantFrom(2101, 2102, 2103),
  seats: fc.integer({ min: 1, max: 300 }),
  endDate: fc.constantFrom(DAY, LATER, '2027-03-31T00:00:00.000Z'),
  configuration: fc.constantFrom('small', 'large'),
}) as fc.Arbitrary<Seen>;
const paidState = runningState.map(
  (seen): Seen => ({
    ...seen,
    deploymentStatus: 'DEPLOYED',
    type: 'NORMAL',
    paid: true,
    endDate: '2027-12-31T00:00:00.000Z',
  }),
);

function deployed(): Known {
  const settled = { planId: 2101, seats: 10, trial: false, endDate: DAY, configuration: 'small' };
  return { retryAsked: false, fulfillment: built({ settled }) };
}

describe('whatever happens in between', () => {
  it('a licence ends as the plan that is sold, or has it on order, and no move is asked for twice', () => {
    const happening = fc.record({
      planId: fc.constantFrom(2101, 2102, 2103),
      deploymentStatus: fc.constantFrom('DEPLOYED', 'STOPPED'),
      paid: fc.boolean(),
      /** What somebody makes of it in Partner Center. */
      byHand: fc.option(fc.constantFrom(2101, 2102, 2103), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 10 }), fc.constantFrom(2101, 2102, 2103), (history, planId) => {
        const usual = { type: 'NORMAL', seats: 10, endDate: DAY } as const;
        let known: Known = { retryAsked: false, fulfillment: built(itemOf(2101)) };
        let side: Side = { plan: 2101 };
        const last = { planId, deploymentStatus: 'DEPLOYED', paid: true, byHand: undefined } as const;
        for (const { byHand, ...state } of [...history, last, last, last]) {
          if (byHand !== undefined && !known.fulfillment?.moving) side = { plan: byHand };
          const seen = { ...usual, ...state } as Seen;
          const looked = lookAt(known, side, seen);
          ({ known, side } = looked);
          expect(new Set(looked.asked).size).toBe(looked.asked.length);
        }
        expect(side.next ?? side.plan).toBe(planId);
        expect(known.fulfillment?.settled?.planId).toBe(planId);
        expect(known.fulfillment).not.toHaveProperty('moving');
        expect(lookAt(known, side, { ...usual, ...last } as Seen)).toMatchObject({ asked: [] });
      }),
    );
  });

  it('the same end state follows from any history of states, seen, lost or swapped', () => {
    fc.assert(
      fc.property(
        fc.array(runningState, { maxLength: 8 }),
        fc.array(runningState, { maxLength: 8 }),
        paidState,
        (one, other, last) => {
          const start = deployed();
          const after = [one, other].map((history) =>
            [...history, last].reduce((known, seen) => reconcile(known, seen).known, start),
          );
          expect(after[0]).toEqual(after[1]);
          expect(after[0]?.fulfillment?.settled).toMatchObject({
            planId: last.planId,
            seats: last.seats,
            configuration: last.configuration,
            trial: false,
          });
        },
      ),
    );
  });

  it('no operation is chosen twice for the same difference', () => {
    fc.assert(
      fc.property(fc.array(runningState, { minLength: 1, maxLength: 10 }), (history) => {
        let known = deployed();
        for (const seen of history) {
          const looked = reconcile(known, seen);
          expect(new Set(looked.operations).size).toBe(looked.operations.length);
          known = looked.known;
          expect(reconcile(known, seen).operations).toEqual([]);
        }
      }),
    );
  });
});
