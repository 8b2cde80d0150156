import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { createBudget } from '../src/store/budget.ts';
import { createCircuit } from '../src/store/circuit.ts';
import { createKeys } from '../src/store/keys.ts';
import { createTurns } from '../src/workflows/turn.ts';
import { type Comparison, forget } from './comparison.ts';

const ROUNDS = 5;
const TIMES = 1_000;
const AT_ONCE = 20;

/** What each call to an upstream costs beforehand, beside a bare round trip to Redis. */
export async function compareTakes(redisUrl: string): Promise<Comparison> {
  const redis = new Redis(redisUrl);
  const prefix = `bench-${randomUUID()}`;
  const keys = createKeys(prefix);
  const turns = createTurns();
  const limitOf = (budget: string) => ({ calls: budget === 'spent' ? 1 : 1_000_000, inMs: 60_000 });
  const budget = createBudget(redis, keys, { limitOf, turn: turns.current });
  const circuit = createCircuit({
    redis,
    keys,
    retryBaseMs: 1_000,
    turn: turns.current,
    tell: { began() {}, lasts() {}, ended() {} },
    ask: async () => {},
    random: Math.random,
  });
  let holder = 0;
  const asHolder = (take: () => Promise<unknown>) => () => {
    holder += 1;
    return turns.within({ holder: String(holder), urgency: 'urgent', sinceAt: holder }, take);
  };
  const subjects: [string, () => Promise<unknown>][] = [
    ['PING', () => redis.ping()],
    ['a take of one key', asHolder(() => budget.take(['partner']))],
    ['a take of two keys', asHolder(() => budget.take(['partner', 'customer']))],
    ['a take that is put off, in a line that grows', asHolder(() => budget.take(['spent']))],
    ['a closed circuit', () => circuit.enter('partner-center', { isRead: true, timeoutMs: 60_000 })],
  ];

  const bestMs = new Map<string, number>();
  // In turns, so that whatever else the machine does meets all of them.
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, work] of subjects) {
      const startedAt = performance.now();
      for (let done = 0; done < TIMES; done += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, work));
      bestMs.set(name, Math.min(bestMs.get(name) ?? Number.POSITIVE_INFINITY, performance.now() - startedAt));
    }
  }
  redis.disconnect();
  await forget(redisUrl, prefix);
  const pingMs = bestMs.get('PING') ?? Number.NaN;
  return {
    title: `Time of a call to Redis, beside that of a PING (${AT_ONCE} at once, best of ${ROUNDS} rounds of ${TIMES})`,
    headings: ['', 'ratio'],
    rows: subjects.map(([name]) => [name, `${((bestMs.get(name) ?? Number.NaN) / pingMs).toFixed(1)} ×`]),
  };
}
