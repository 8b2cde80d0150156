import type { Redis } from 'ioredis';
import { kindOfWait } from '../lib/wait.ts';
import type { Records, SubscriptionRecord } from '../workflows/record.ts';
import type { CustomersTurn, ExposedCost, Tallies, Tally } from '../workflows/tallies.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './script.ts';

const TURNS: CustomersTurn[] = ['agreement', 'invitation'];
/** Steps that wait for a customer. */
const CUSTOMERS_STEPS: [beginning: string, turn: CustomersTurn][] = [
  ['agreement accepted', 'agreement'],
  ['tenant linked', 'invitation'],
];
/** How many records are counted anew at once. */
const CHUNK = 1_000;

/**
 * Part of a script that writes a record: updates the counts. KEYS from 2 on as of `countedKeys`, ARGV from 2 on as of `countedWords`: id,
 * kind, cost or nothing, since when, whose turn it is. What the script needs for itself comes first, or from 7 on.
 */
export const COUNT = `
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

/** KEYS[1]: the record, ARGV[7]: the record as read. One that was written since has been counted by that write. */
const COUNT_ANEW = `
  if redis.call('GET', KEYS[1]) ~= ARGV[7] then return 0 end
  ${COUNT}
  return 1
`;

/** The counts in Redis: a hash of the kind of each record, one of the number of each kind, and the few costs and waits. */
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
        const words = countedWords(record);
        const [, kind, cost] = words;
        if (kinds[id] === kind && (costs[id] ?? '') === cost) continue;
        counting.push(countAnew([keys.record(id), ...countedKeys(keys)], ['', ...words, JSON.stringify(record)]));
        if (counting.length < CHUNK) continue;
        await Promise.all(counting);
        counting = [];
      }
      await Promise.all(counting);
    },
  };
}

/** The keys that a count writes to, for `COUNT`. */
export function countedKeys(keys: Keys): string[] {
  return [keys.kinds, keys.tallies, keys.exposedCosts, ...TURNS.map(keys.customersTurn)];
}

/** What is counted of a record, for `COUNT`. */
export function countedWords(record: SubscriptionRecord): (string | number)[] {
  const { subscriptionId, productType = 'unknown', state, since, fulfillment } = record;
  const kind = JSON.stringify([productType, state, reasonOf(record)]);
  const { until, price, seats } = fulfillment?.exposure ?? {};
  const cost = price && seats !== undefined && { amount: price.amount * seats, currency: price.currency };
  const exposed = fulfillment?.exposure ? JSON.stringify({ until, cost }) : '';
  const turn = customersTurn(record);
  // The index of its key in KEYS, as COUNT has it.
  return [subscriptionId, kind, exposed, Date.parse(since), turn === undefined ? '' : 5 + TURNS.indexOf(turn)];
}

function customersTurn({ state, step = '' }: SubscriptionRecord): CustomersTurn | undefined {
  if (state !== 'waiting') return undefined;
  return CUSTOMERS_STEPS.find(([beginning]) => step.startsWith(beginning))?.[1];
}

/** The code of the reason where it is stuck, the kind of wait where it waits. */
function reasonOf(record: SubscriptionRecord): string {
  const { state, waitingFor = '', lastError, failure } = record;
  if (state === 'needs-attention' || state === 'retrying') return lastError?.code ?? '';
  if (state === 'failed') return failure?.code ?? lastError?.code ?? '';
  if ((state !== 'waiting' && state !== 'idle') || waitingFor === '') return '';
  return customersTurn(record) ?? kindOfWait(waitingFor);
}
