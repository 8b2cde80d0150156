import type { CustomerDirectory } from '../customer-directory.ts';
import type { RecordState, Records, SubscriptionRecord } from '../record.ts';
import type { ExposedCost, Tallies } from '../tallies.ts';

/** How all subscriptions stand, in numbers. */
export interface Overview {
  states: Record<RecordState, number>;
  /** What Microsoft goes on charging for although it was ended: how many, and their prices a billing period, before tax, by currency. */
  exposures: { count: number; byCurrency: Record<string, number> };
  agreementsPending: number;
}

/** Counts how all records stand; `today` is an ISO date. */
export async function readOverview(tallies: Pick<Tallies, 'read' | 'exposedCosts'>, today: string): Promise<Overview> {
  const states = { idle: 0, running: 0, waiting: 0, retrying: 0, 'needs-attention': 0, failed: 0, done: 0 };
  const [standing, costs] = await Promise.all([tallies.read(), tallies.exposedCosts()]);
  for (const { state, count } of standing) states[state] += count;
  const agreements = standing.filter(({ state, why }) => state === 'waiting' && why === 'agreement');
  return {
    states,
    exposures: sumExposed(costs, today),
    agreementsPending: agreements.reduce((sum, { count }) => sum + count, 0),
  };
}

/** What is still charged on the ISO date `today`. */
export function sumExposed(costs: ExposedCost[], today: string): Overview['exposures'] {
  const present = costs.filter(({ until = today }) => until >= today);
  const byCurrency: Record<string, number> = {};
  for (const { cost } of present)
    if (cost) byCurrency[cost.currency] = inCents((byCurrency[cost.currency] ?? 0) + cost.amount);
  return { count: present.length, byCurrency };
}

function inCents(amount: number): number {
  return Math.round(amount * 100) / 100;
}

/** A Microsoft customer, and what was sold to it. */
export interface ListedCustomer {
  /** Owner in the marketplace: `userCompany/512`. */
  owner: string;
  customerId?: string;
  domain?: string;
  /** Of the Microsoft Customer Agreement; `unknown` where nothing has needed one yet, or the record of it was lost. */
  agreement: 'accepted' | 'pending' | 'unknown';
  subscriptions: number[];
}

/** All customers that subscriptions are recorded of, by their owner; a page of them. */
export async function listCustomers(
  { records, directory }: { records: Pick<Records, 'all'>; directory: Pick<CustomerDirectory, 'find'> },
  { page, pageSize }: { page: number; pageSize: number },
): Promise<{ items: ListedCustomer[]; total: number }> {
  const customers = new Map<string, ListedCustomer>();
  for await (const record of records.all()) {
    const owner = record.fulfillment?.owner ?? record.customer;
    if (owner === undefined) continue;
    const known = customers.get(owner) ?? { owner, agreement: 'unknown', subscriptions: [] };
    const { customerId, domain } = record.fulfillment ?? {};
    customers.set(owner, {
      ...known,
      ...(customerId && { customerId }),
      ...(domain && { domain }),
      agreement: isAgreementPending(record) ? 'pending' : known.agreement,
      subscriptions: [...known.subscriptions, record.subscriptionId],
    });
  }
  const sorted = [...customers.values()].sort((one, other) => (one.owner < other.owner ? -1 : 1));
  const items = sorted.slice((page - 1) * pageSize, page * pageSize).map(async (customer): Promise<ListedCustomer> => {
    const found = await directory.find(customer.owner);
    return {
      ...customer,
      ...(found && { customerId: found.customerId, domain: found.domain }),
      ...(found?.agreed && customer.agreement === 'unknown' && { agreement: 'accepted' as const }),
      subscriptions: customer.subscriptions.sort((one, other) => one - other),
    };
  });
  return { items: await Promise.all(items), total: sorted.length };
}

/** The customer has the link to the Microsoft Customer Agreement and has not accepted it yet. */
function isAgreementPending({ state, step }: SubscriptionRecord): boolean {
  return state === 'waiting' && step?.startsWith('agreement accepted') === true;
}
