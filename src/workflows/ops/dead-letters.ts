import type { Records, SubscriptionRecord } from '../record.ts';

/** What stands still for one reason. */
export interface DeadLetters {
  /** The code of the failure or error; `event.unreadable` for what is in quarantine. */
  code: string;
  /** `failed`: the customer was told; `needs-attention`: tried again now and then; `quarantined`: signed, but not understood. */
  state: (typeof STATES)[number] | 'quarantined';
  count: number;
  /** ISO instant since which the oldest of them stands there. */
  oldestAt: string;
  /** The first 20, in the order of their ids. */
  subscriptionIds: number[];
}

export interface DeadLetterParts {
  records: Pick<Records, 'all'>;
  /** What came last first; pages count from 1. */
  listQuarantine(page: { page: number; pageSize: number }): Promise<{ items: { lastAt: string }[]; total: number }>;
}

const NAMED = 20;
const STATES = ['failed', 'needs-attention'] as const;
const UNREADABLE = 'event.unreadable';

/** What no longer moves by itself or only a person can cure, the most frequent reason first. Reads every record. */
export async function listDeadLetters({ records, listQuarantine }: DeadLetterParts): Promise<DeadLetters[]> {
  const found = new Map<string, DeadLetters>();
  for await (const { state, code, record } of allDead(records)) {
    const key = `${state} ${code}`;
    const letters = found.get(key) ?? { code, state, count: 0, oldestAt: record.since, subscriptionIds: [] };
    letters.count += 1;
    if (record.since < letters.oldestAt) letters.oldestAt = record.since;
    letters.subscriptionIds.push(record.subscriptionId);
    found.set(key, letters);
  }
  const items = [...found.values()].map((letters) => ({
    ...letters,
    subscriptionIds: letters.subscriptionIds.sort((one, other) => one - other).slice(0, NAMED),
  }));
  return [...items, ...(await unreadable(listQuarantine))].sort((one, other) => other.count - one.count);
}

/** Subscriptions that stand still for this reason, those that have stood for longest first. */
export async function standingStillFor(records: Pick<Records, 'all'>, code: string): Promise<number[]> {
  const dead: SubscriptionRecord[] = [];
  for await (const one of allDead(records)) if (one.code === code) dead.push(one.record);
  return dead.sort((one, other) => one.since.localeCompare(other.since)).map(({ subscriptionId }) => subscriptionId);
}

async function* allDead(records: Pick<Records, 'all'>) {
  for await (const record of records.all()) {
    const state = STATES.find((one) => one === record.state);
    if (state === undefined) continue;
    const code = (state === 'failed' ? record.failure?.code : undefined) ?? record.lastError?.code ?? 'unknown';
    yield { state, code, record };
  }
}

async function unreadable(list: DeadLetterParts['listQuarantine']): Promise<DeadLetters[]> {
  const { total } = await list({ page: 1, pageSize: 1 });
  const [oldest] = total > 0 ? (await list({ page: total, pageSize: 1 })).items : [];
  if (!oldest) return [];
  return [{ code: UNREADABLE, state: 'quarantined', count: total, oldestAt: oldest.lastAt, subscriptionIds: [] }];
}
