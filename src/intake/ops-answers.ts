import { z } from 'zod';

/* What operations are answered: one schema for each, which describes it, and from which its type follows. */

export const STATES = ['idle', 'running', 'waiting', 'retrying', 'needs-attention', 'failed', 'done'] as const;
export type OpsState = (typeof STATES)[number];
/** What subscriptions can be listed by. */
export const LISTED_STATES = [...STATES, 'held', 'detached'] as const;
export const DEAD_STATES = ['failed', 'needs-attention', 'quarantined'] as const;
export const ACTIONS = ['look', 'retry', 'hold', 'release', 'detach', 'attach'] as const;

const Instant = z.string().meta({ format: 'date-time' });
const Day = z.string().meta({ description: 'A day: 2027-03-02, or an instant in it' });
const SubscriptionNumber = z.int().describe('Of the marketplace');

const Intervention = z
  .object({ by: z.string(), reason: z.string(), at: Instant })
  .meta({ id: 'Intervention', description: 'What a person has decided, until they say otherwise' });

const fields = {
  subscriptionId: SubscriptionNumber,
  productType: z.string().nullable(),
  state: z.enum(STATES),
  operation: z.string().nullable(),
  step: z.string().nullable(),
  waitingFor: z.string().nullable(),
  since: Instant,
  attempts: z.int(),
  lastError: z
    .object({
      code: z.string(),
      message: z.string(),
      at: Instant,
      cure: z
        .enum(['look', 'retry'])
        .describe(
          'What to press once its cause is cured: look does at once what happens by itself, and only retry begins anew what failed',
        ),
    })
    .nullable(),
  fulfillment: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('What exists at Microsoft: identifiers, dates, states'),
  why: z.string().nullable().describe('Why it does not move, and what to do; null when nothing is to come'),
  held: Intervention.nullable().describe('Nothing is sent for it until it is released'),
  detached: Intervention.nullable().describe('The connector leaves it alone'),
  failingSince: Instant.nullable().describe('Of its first failure, if nothing has succeeded since'),
  nextTryAt: Instant.nullable().describe('Of what is retrying'),
  deadlineAt: Instant.nullable().describe(
    'When retrying ends: a delivery is then given up; of anything else a person is told',
  ),
  product: z
    .object({ id: z.int(), name: z.string().nullable() })
    .nullable()
    .describe('Of the marketplace, named as at the first look; null before that'),
};

/** A subscription in a list. */
export const OpsSubscription = z.object(fields).meta({ id: 'Subscription' });
export type OpsSubscription = z.infer<typeof OpsSubscription>;

const TimelineEntry = z
  .looseObject({
    at: Instant,
    kind: z.enum(['event', 'look', 'call', 'decision', 'step', 'wait', 'error', 'report', 'operator']),
    text: z.string(),
  })
  .meta({ id: 'TimelineEntry', description: 'A line of the story, with further facts by its kind' });

/** One subscription with its story. */
export const OpsSubscriptionStory = z
  .object({
    ...fields,
    queuedSince: Instant.nullable().describe('Since when its next look waits for a worker; null when none waits'),
    timeline: z.array(TimelineEntry),
    actions: z.array(z.enum(ACTIONS)),
  })
  .meta({ id: 'SubscriptionStory' });

export const OpsExposure = z
  .object({
    subscriptionId: SubscriptionNumber,
    customer: z.string().nullable(),
    customerId: z.string().nullable(),
    partnerSubscriptionId: z.string(),
    offerId: z.string().nullable(),
    seats: z.int(),
    until: Day.nullable(),
    billingCycle: z.string().nullable(),
    price: z
      .object({ perSeat: z.number(), perPeriod: z.number(), currency: z.string() })
      .nullable()
      .describe('Before tax, for a billing period'),
  })
  .meta({ id: 'Exposure' });
export type OpsExposure = z.infer<typeof OpsExposure>;

export const OpsCustomer = z
  .object({
    owner: z.string().describe('In the marketplace: userCompany/512'),
    customerId: z.string().nullable(),
    domain: z.string().nullable(),
    agreement: z.enum(['accepted', 'pending', 'unknown']),
    subscriptions: z.array(z.int()),
  })
  .meta({ id: 'Customer' });

export const OpsQuarantined = z
  .object({
    id: z.string(),
    digest: z.string().describe('SHA-256 of the body'),
    at: Instant.describe('When it came last'),
    firstAt: Instant,
    count: z.int(),
    reason: z.string(),
    sizeBytes: z.int(),
  })
  .meta({ id: 'Quarantined' });

export const OpsDeadLetterList = z.object({
  items: z.array(
    z
      .object({
        code: z.string().describe('Of the failure or error; event.unreadable for bodies in quarantine'),
        state: z.enum(DEAD_STATES),
        count: z.int(),
        oldestAt: Instant.describe('Since when the oldest of them stands there'),
        subscriptionIds: z.array(z.int()).describe('The first 20'),
      })
      .meta({ id: 'DeadLetters', description: 'What stands still for one reason' }),
  ),
});

const CircuitState = z
  .object({ upstream: z.string(), openSince: Instant.nullable(), nextProbeAt: Instant.nullable() })
  .meta({
    id: 'Circuit',
    description: 'While it is open nothing is sent but now and then a call that finds out whether the upstream is back',
  });

export const OpsBudgets = z.object({
  items: z.array(
    z
      .object({
        budget: z.string(),
        used: z.int().describe('Calls within the period of the limit'),
        limit: z.int(),
        waiting: z.int().describe('Subscriptions that stand in line for a call'),
        pausedUntil: Instant.nullable().describe('Before this nothing is called'),
        refusedUntil: Instant.nullable().describe(
          'The same, where the upstream has refused calls as too many for a minute or more',
        ),
      })
      .meta({ id: 'Budget' }),
  ),
  circuits: z.array(CircuitState),
});

export const OpsAuditEntry = z
  .object({
    at: Instant,
    by: z.string(),
    action: z.string(),
    subscriptionId: z.int().nullable(),
    target: z.string().nullable(),
    subscriptionIds: z.array(z.int()).describe('The first 50 that a press on many reaches'),
    reason: z.string(),
    outcome: z.enum(['accepted', 'failed', 'refused']),
    code: z.string().nullable(),
  })
  .meta({ id: 'AuditEntry' });

export const OpsOverview = z
  .object({
    states: z.object(
      Object.fromEntries(STATES.map((state) => [state, z.int()])) as Record<(typeof STATES)[number], z.ZodInt>,
    ),
    backlog: z.int().describe('Looks that wait for a worker'),
    oldestWaitingS: z.int().nullable().describe('How long the first of them has waited'),
    exposures: z.object({
      count: z.int(),
      byCurrency: z.record(z.string(), z.number()).describe('Sums of a billing period, before tax'),
    }),
    agreementsPending: z.int(),
    deadLetters: z.int(),
    quarantine: z.int(),
    circuits: z.array(z.object({ upstream: z.string(), open: z.boolean(), since: Instant.nullable() })),
    held: z.int(),
    detached: z.int(),
    workers: z.object({
      count: z.int().describe('Workers that take looks at this moment'),
      lastSeenAt: Instant.nullable().describe('When one was seen last; null when none ever was'),
    }),
    throttles: z
      .array(z.object({ upstream: z.string(), until: Instant, waiting: z.int().describe('Orders in line') }))
      .describe('Upstreams that have refused calls as too many for a minute or more'),
    notes: z
      .array(z.string())
      .describe('What is worth knowing now; who takes no looks and who refuses calls is told here too'),
    version: z.string(),
    readOnly: z.boolean(),
  })
  .meta({ id: 'Overview' });
export type OpsOverview = z.infer<typeof OpsOverview>;

/** A page of a list. */
export function pageOf<S extends z.ZodType>(item: S) {
  return z.object({ items: z.array(item), page: z.int(), total: z.int().describe('Of all pages') });
}
