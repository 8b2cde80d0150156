import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Redis } from 'ioredis';
import { createBudget } from '../src/store/budget.ts';
import { createKeys } from '../src/store/keys.ts';
import { createTurns } from '../src/workflows/turn.ts';
import type { Share, Spent } from './backlog.ts';

/* A process of the service that works off its share of a backlog. */

const { redisUrl, prefix, first, looks, callsPerLook, limit, callMs, untilAt, inLine } = workerData as Share;
const redis = new Redis(redisUrl);
const turns = createTurns();
const budget = createBudget(redis, createKeys(prefix), {
  limitOf: () => limit,
  turn: inLine ? turns.current : () => undefined,
});
const spent: Spent = { callsAt: [], takes: 0, order: [] };
await Promise.all(Array.from({ length: looks }, (_, index) => look(first + index)));
redis.disconnect();
parentPort?.postMessage(spent);

async function look(place: number): Promise<void> {
  const turn = { holder: String(place), urgency: 'urgent', sinceAt: place } as const;
  for (let made = 0; made < callsPerLook && Date.now() < untilAt; ) {
    spent.takes += 1;
    const wait = await turns.within(turn, () => budget.take(['partner']));
    if (wait) {
      await sleep(Math.min(wait.waitMs, Math.max(0, untilAt - Date.now())));
      continue;
    }
    spent.callsAt.push(Date.now());
    made += 1;
    if (made === callsPerLook) spent.order.push([Date.now(), place]);
    await sleep(callMs);
  }
}
