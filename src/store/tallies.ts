import type { Redis } from 'ioredis';
import { type Lane, LaneLostError } from '../engine/journal.ts';
import { kindOfWait } from '../lib/wait.ts';
import type { CustomersTurn, ExposedCost, Records, SubscriptionRecord, Tallies, Tally } from '../workflows/record.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './script.ts';

const TURNS: CustomersTurn[] = ['agreement', 'invitation'];
/** Steps that wait for a customer. */
const CUSTOMERS_STEPS: [beginning: string, turn: CustomersTurn][] = [
  ['agreement accepted', 'agreement'],
  ['tenant linked', 'invitation'],
];
/** For so long it can be read how a run went that is over. */
const RUN_LIFE_MS = 30 * 86_400_000;
/** How many records are counted anew at once. */
const CHUNK = 1_000;

/** KEYS as of `keysOf`, behind the first one; ARGV from 2 on: id, kind, cost or nothing, since when it stands so, whose turn it is. */
const COUNT = `
  local id, kind, cost, since, turn = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
  local before = redis.call('HGET', KEYS[2], id)
  if before ~= kind then
    if before and redis.call('HINCRBY', KEYS[3], before, -1) < 1 then redis.call('HDEL', KEYS[3], before) end
    redis.call('HINCRBY', KEYS[3], kind, 1)
    redis.call('HSET', KEYS[2], id, kind)
  end
  if cost == '' then redis.call('HDEL', KEYS[4], id) else redis.call('HSET', KEYS[4], id, cost) end
  for at = 5, 6 do
    if turn == tostring(at) then redis.call('ZADD', KEYS[at], since, id) else redis.call('ZREM', KEYS[at], id) end
  end
`;

/**
 * KEYS[1]: the fence, ARGV[1]: its number, then as COUNT; behind those of COUNT the record and the index, and the document. From there on
 * journals, and for how many milliseconds each is kept from now on: nothing means for ever.
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

/** KEYS[1]: the record, ARGV[7]: as it was read. What was written meanwhile was counted then. */
const COUNT_ANEW = `
  if redis.call('GET', KEYS[1]) ~= ARGV[7] then return 0 end
  ${COUNT}
  return 1
`;

/** Writes a record and what is counted of it in one, if its lane is still held. @throws {LaneLostError} when it was taken */
export function createRecordPut(redis: Redis, keys: Keys): Records['put'] {
  const put = defineScript(redis, 'putRecord', PUT);
  return async (lane: Lane, record: SubscriptionRecord, { runOver } = {}) => {
    const { subscriptionId, run } = record;
    const journals: [runId: string, lifeMs: number | ''][] = [];
    if (run) journals.push([run.id, '']);
    if (runOver) journals.push([runOver, RUN_LIFE_MS]);
    const touched = [keys.fence(lane.subscriptionId), ...keysOf(keys), keys.record(subscriptionId), keys.records];
    const words = [lane.fence, ...wordsOf(record), JSON.stringify(record)];
    const allKeys = [...touched, ...journals.map(([runId]) => keys.journal(runId))];
    if ((await put(allKeys, [...words, ...journals.map(([, lifeMs]) => lifeMs)])) !== 1)
      throw new LaneLostError(lane.subscriptionId);
  };
}

/** The counts in Redis: a hash of how each record stands, one of how many stand so, and what little there is of the rest. */
export function createTallies(redis: Redis, keys: Keys, records: Pick<Records, 'all'>): Tallies {
  const countAnew = defineScript(redis, 'countAnew', COUNT_ANEW);

  return {
    async read() {
      const tallies = await redis.hgetall(keys.tallies);
      return Object.entries(tallies).map(([kind, number]) => {
        const [productType, state, why] = JSON.parse(kind) as [Tally['productType'], Tally['state'], string];
        return { productType, state, why, count: Number(number) };
      });
    },

    exposedCosts: async () => (await redis.hvals(keys.exposedCosts)).map((cost) => JSON.parse(cost) as ExposedCost),

    async waitingSince(turn) {
      const [, since] = await redis.zrange(keys.customersTurn(turn), '0', '0', 'WITHSCORES');
      return since === undefined ? undefined : Number(since);
    },

    async repair() {
      const [kinds, costs] = await Promise.all([redis.hgetall(keys.kinds), redis.hgetall(keys.exposedCosts)]);
      let counting: Promise<unknown>[] = [];
      for await (const record of records.all()) {
        const { subscriptionId: id } = record;
        const words = wordsOf(record);
        const [, kind, cost] = words;
        if (kinds[id] === kind && (costs[id] ?? '') === cost) continue;
        counting.push(countAnew([keys.record(id), ...keysOf(keys)], ['', ...words, JSON.stringify(record)]));
        if (counting.length < CHUNK) continue;
        await Promise.all(counting);
        counting = [];
      }
      await Promise.all(counting);
    },
  };
}

function keysOf(keys: Keys): string[] {
  return [keys.kinds, keys.tallies, keys.exposedCosts, ...TURNS.map(keys.customersTurn)];
}

function wordsOf(record: SubscriptionRecord): (string | number)[] {
  const { subscriptionId, productType = 'unknown', state, since, fulfillment } = record;
  const kind = JSON.stringify([productType, state, whyOf(record)]);
  const { until, price, seats } = fulfillment?.exposure ?? {};
  const cost = price && seats !== undefined && { amount: price.amount * seats, currency: price.currency };
  const exposed = fulfillment?.exposure ? JSON.stringify({ until, cost }) : '';
  const turn = customersTurn(record);
  // The place of its key, as COUNT knows it.
  return [subscriptionId, kind, exposed, Date.parse(since), turn === undefined ? '' : 5 + TURNS.indexOf(turn)];
}

function customersTurn({ state, step = '' }: SubscriptionRecord): CustomersTurn | undefined {
  if (state !== 'waiting') return undefined;
  return CUSTOMERS_STEPS.find(([beginning]) => step.startsWith(beginning))?.[1];
}

/** The code where it stands still, the kind of what it waits for where it waits. */
function whyOf(record: SubscriptionRecord): string {
  const { state, waitingFor = '', lastError, failure } = record;
  if (state === 'needs-attention' || state === 'retrying') return lastError?.code ?? '';
  if (state === 'failed') return failure?.code ?? lastError?.code ?? '';
  if ((state !== 'waiting' && state !== 'idle') || waitingFor === '') return '';
  return customersTurn(record) ?? kindOfWait(waitingFor);
}
