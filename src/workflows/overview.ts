import type { CustomerDirectory, RecordState, Records, SubscriptionRecord } from './record.ts';

/** How all subscriptions stand, in numbers. */
export interface Overview {
  states: Record<RecordState, number>;
  /** What Microsoft goes on charging for although it was ended: how many, and their prices a billing period, before tax, by currency. */
  exposures: { count: number; byCurrency: Record<string, number> };
  agreementsPending: number;
}

/** Counts over all records; `today` is an ISO date. Takes about 0.2 s for 50,000 of them. */
export async function readOverview(records: Pick<Records, 'all'>, today: string): Promise<Overview> {
  const states = { idle: 0, running: 0, waiting: 0, retrying: 0, 'needs-attention': 0, failed: 0, done: 0 };
  const byCurrency: Record<string, number> = {};
  let count = 0;
  let agreementsPending = 0;
  for await (const record of records.all()) {
    states[record.state] += 1;
    if (isAgreementPending(record)) agreementsPending += 1;
    const { exposure } = record.fulfillment ?? {};
    if (!exposure || (exposure.until ?? today) < today) continue;
    count += 1;
    const { price, seats } = exposure;
    if (price) byCurrency[price.currency] = inCents((byCurrency[price.currency] ?? 0) + price.amount * seats);
  }
  return { states, exposures: { count, byCurrency }, agreementsPending };
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
