import type { Redis } from 'ioredis';
import { LaneLostError } from '../engine/journal.ts';
import type { RecordQuery, Records, SubscriptionRecord } from '../workflows/record.ts';
import type { Keys } from './keys.ts';
import { createFencedWrite } from './lanes.ts';
import { defineScript } from './script.ts';
import { COUNT, countedKeys, countedWords } from './tallies.ts';

/** How many records are fetched at once while a filtered list is gathered. */
const CHUNK = 1_000;

/** How long the journal of a finished run is kept. */
const RUN_LIFE_MS = 30 * 86_400_000;

/**
 * Writes a record and its counts atomically. KEYS[1]: the fence, ARGV[1]: its number, then as for COUNT; after those the record and the
 * index, and the document. The rest are journals, and the milliseconds that each is kept from now on: nothing means for ever.
 */
const PUT = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  ${COUNT}
  redis.call('SET', KEYS[7], ARGV[7])
  redis.call('ZADD', KEYS[8], since, id)
  for at = 9, #KEYS do
    local life = ARGV[at - 1]
    if life == '' then redis.call('PERSIST', KEYS[at]) else redis.call('PEXPIRE', KEYS[at], life) end
  end
  return 1
`;

/**
 * The records of subscriptions in Redis: a document each, and an index by `since`. A list without filter reads one page; a
 * filtered one reads every record, which takes about 0.2 s for 50,000 of them.
 */
export function createRecords(redis: Redis, keys: Keys): Records {
  const fencedWrite = createFencedWrite(redis, keys);
  const put = defineScript(redis, 'putRecord', PUT);

  const allIds = () => redis.zrevrange(keys.records, 0, -1);

  async function fetch(ids: string[]): Promise<SubscriptionRecord[]> {
    if (ids.length === 0) return [];
    const documents = await redis.mget(ids.map((id) => keys.record(Number(id))));
    return documents.filter((document) => document !== null).map(parse);
  }

  async function listAll(offset: number, count: number) {
    const ids = await redis.zrevrange(keys.records, offset, offset + count - 1);
    return { items: await fetch(ids), total: await redis.zcard(keys.records) };
  }

  async function* all(): AsyncIterable<SubscriptionRecord> {
    const ids = await allIds();
    for (let at = 0; at < ids.length; at += CHUNK) yield* await fetch(ids.slice(at, at + CHUNK));
  }

  async function listMatching(query: RecordQuery, offset: number, count: number) {
    const items: SubscriptionRecord[] = [];
    let total = 0;
    for await (const record of all()) {
      if (!matches(record, query)) continue;
      if (total >= offset && items.length < count) items.push(record);
      total += 1;
    }
    return { items, total };
  }

  return {
    async get(subscriptionId) {
      const document = await redis.get(keys.record(subscriptionId));
      return document === null ? undefined : parse(document);
    },

    async put(lane, record, { runsOver } = { runsOver: [] }) {
      const { subscriptionId, run, aside } = record;
      const journals: [runId: string, lifeMs: number | ''][] = [];
      for (const named of [run, aside]) if (named) journals.push([named.id, '']);
      for (const runId of runsOver) journals.push([runId, RUN_LIFE_MS]);
      const touched = [
        keys.fence(lane.subscriptionId),
        ...countedKeys(keys),
        keys.record(subscriptionId),
        keys.records,
      ];
      const words = [lane.fence, ...countedWords(record), JSON.stringify(record)];
      const allKeys = [...touched, ...journals.map(([runId]) => keys.journal(runId))];
      if ((await put(allKeys, [...words, ...journals.map(([, lifeMs]) => lifeMs)])) !== 1)
        throw new LaneLostError(lane.subscriptionId);
    },

    async list(query) {
      const { page, pageSize, ...filters } = query;
      const offset = (page - 1) * pageSize;
      const isFiltered = Object.values(filters).some((filter) => filter !== undefined);
      return isFiltered ? listMatching(query, offset, pageSize) : listAll(offset, pageSize);
    },

    all,

    async *ids() {
      // All at once, since paging through an index that changes meanwhile would skip some; 50,000 are 0.4 MB.
      for (const id of await allIds()) yield Number(id);
    },

    areEndedListed: async () => (await redis.exists(keys.endedListed)) === 1,

    async noteEndedListed() {
      await redis.set(keys.endedListed, '1');
    },

    async askLook(subscriptionId) {
      await redis.sadd(keys.askedLooks, subscriptionId);
    },

    async isLookAsked(subscriptionId) {
      return (await redis.sismember(keys.askedLooks, subscriptionId)) === 1;
    },

    async forgetLook(lane) {
      await fencedWrite(lane, ['SREM', keys.askedLooks, lane.subscriptionId]);
    },

    async askRetry(subscriptionId) {
      await redis.sadd(keys.askedRetries, subscriptionId);
    },

    async isRetryAsked(subscriptionId) {
      return (await redis.sismember(keys.askedRetries, subscriptionId)) === 1;
    },

    async forgetRetry(lane) {
      await fencedWrite(lane, ['SREM', keys.askedRetries, lane.subscriptionId]);
    },
  };
}

function parse(document: string): SubscriptionRecord {
  return JSON.parse(document) as SubscriptionRecord;
}

/** What a customer is looked for by: the owner in the marketplace, the Microsoft customer, its domain. */
function customersOf({ customer, fulfillment }: SubscriptionRecord): (string | undefined)[] {
  return [customer, fulfillment?.customerId, fulfillment?.domain].map((name) => name?.toLowerCase());
}

function matches(record: SubscriptionRecord, query: RecordQuery): boolean {
  const { state, product, customer, text, among, exposedOn } = query;
  const exposure = record.fulfillment?.exposure;
  return (
    (among === undefined || among.has(record.subscriptionId)) &&
    (exposedOn === undefined || (exposure !== undefined && (exposure.until ?? exposedOn) >= exposedOn)) &&
    (state === undefined || record.state === state) &&
    (product === undefined || record.productType === product || String(record.productId) === product) &&
    (customer === undefined || customersOf(record).includes(customer.toLowerCase())) &&
    (text === undefined || textsOf(record).some((found) => found?.toLowerCase().includes(text.toLowerCase())))
  );
}

/** The texts by which a person may search for a subscription. */
function textsOf({ subscriptionId, operation, waitingFor, lastError, fulfillment, ...record }: SubscriptionRecord) {
  const { orderId, partnerSubscriptionId, cartId, offerId, azure } = fulfillment ?? {};
  const ids = [orderId, partnerSubscriptionId, cartId, offerId, azure?.subscriptionId];
  return [
    String(subscriptionId),
    ...customersOf({ ...record, subscriptionId, ...(fulfillment && { fulfillment }) }),
    ...ids,
    operation,
    waitingFor,
    lastError?.code,
    lastError?.message,
  ];
}
