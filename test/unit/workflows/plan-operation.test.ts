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

const ON_ORDER = { offerId: 'CFQ7TTC0LH18:0001', seats: 10, term: 'P1Y', billingCycle: 'monthly' };
const run = { id: 'r', operation: 'provision', startedAt: '2026-09-01T08:00:00Z' } as const;
const KNOWN = {
  nothing: {},
  provisioning: { run },
  provisioned: { fulfillment: built() },
  suspended: { fulfillment: built({ suspended: { at: DAY, autoRenewEnabled: true } }) },
  ended: { fulfillment: built({ endedAt: DAY }) },
  'provisioned, fewer seats on order': {
    fulfillment: built({ seats: 15, scheduled: ON_ORDER }),
  },
  'asked for the agreement': { fulfillment: built({ askedAt: DAY }) },
  trial: { fulfillment: built({ settled: { planId: 2101, seats: 25, trial: true, endDate: DAY } }) },
  'in Azure': { fulfillment: built({ settled: { planId: 2101, trial: false, endDate: DAY, configuration: 'small' } }) },
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
  { status: 'DEPLOYED', local: 'trial', and: 'converted and paid', seen: { seats: 30 }, does: 'convert-trial' },
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
    and: 'ended at Microsoft, and a person wants it anew',
    atMicrosoft: { status: 'ended' },
    retryAsked: true,
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

  { status: 'STOPPED', local: 'nothing', does: 'wait (idle)' },
  { status: 'STOPPED', local: 'provisioned', does: 'suspend' },
  { status: 'STOPPED', local: 'suspended', does: 'wait (idle)' },

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
    does: 'convert-trial',
  },

  {
    status: 'STOPPED',
    local: 'suspended, in Azure',
    and: 'something runs again',
    atMicrosoft: { runs: true },
    does: 'suspend',
  },
  { status: 'STOPPED', local: 'suspended, in Azure', and: 'nothing runs', atMicrosoft: {}, does: 'wait (idle)' },

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
    'note-renewal': (({ scheduled: _done, ...rest }) => rest)(before),
    suspend: { ...before, suspended: { at: DAY, autoRenewEnabled: true } },
    resume: (({ suspended: _over, ...rest }) => rest)(before),
    deprovision: { ...before, endedAt: DAY },
  };
  return { retryAsked: false, fulfillment: after[operation] ?? before };
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
