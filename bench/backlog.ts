import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker as Thread } from 'node:worker_threads';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { RateLimit } from '../src/store/budget.ts';
import { type Comparison, forget } from './comparison.ts';

/** What a process is given of a backlog. */
export interface Share {
  redisUrl: string;
  prefix: string;
  /** Place of its first look among all, by age. */
  first: number;
  looks: number;
  callsPerLook: number;
  limit: RateLimit;
  callMs: number;
  untilAt: number;
  /** Whether looks that are put off have a place in a line. */
  inLine: boolean;
}

export interface Spent {
  callsAt: number[];
  /** How often the budget was asked. */
  takes: number;
  /** When each look was done, and its place among all by age. */
  order: [atMs: number, place: number][];
}

const LIMIT = { calls: 400, inMs: 2_000 };
/** As with Microsoft's limits, of which a tenth is left to others. */
const UPSTREAM_ALLOWS = Math.floor(LIMIT.calls / 0.9);
const PROCESSES = 3;
const LOOKS = 300;
const CALLS_PER_LOOK = 5;
const CALL_MS = 20;
const FOR_MS = 10_000;

/** A backlog that several processes work off within one limit: with a line, without, and with the rate limiter of BullMQ. */
export async function compareBacklogs(redisUrl: string): Promise<Comparison> {
  const found: [string, Spent][] = [
    ['a place in the line', await workOff(redisUrl, true)],
    ['everybody told the next free call', await workOff(redisUrl, false)],
    ['the rate limiter of BullMQ', await workOffWithQueue(redisUrl)],
  ];
  const allowed = (LIMIT.calls * FOR_MS) / LIMIT.inMs;
  return {
    title: `A backlog of ${PROCESSES * LOOKS} looks of ${CALLS_PER_LOOK} calls, worked off by ${PROCESSES} processes for ${FOR_MS / 1_000} s within ${LIMIT.calls} calls in ${LIMIT.inMs / 1_000} s`,
    headings: ['', 'of what is allowed', 'refused by the upstream', 'asked for each call', 'out of order'],
    rows: found.map(([name, { callsAt, takes, order }]) => [
      name,
      `${((100 * callsAt.length) / allowed).toFixed(0)} %`,
      String(refusedOf(callsAt)),
      `${(takes / callsAt.length).toFixed(1)} ×`,
      order.length > 0 ? `${((100 * displacementOf(order)) / (PROCESSES * LOOKS)).toFixed(1)} %` : '–',
    ]),
  };
}

async function workOff(redisUrl: string, inLine: boolean): Promise<Spent> {
  const prefix = `bench-${randomUUID()}`;
  const untilAt = Date.now() + FOR_MS;
  const shares = Array.from({ length: PROCESSES }, async (_, index): Promise<Spent> => {
    const share: Share = {
      redisUrl,
      prefix,
      first: 1 + index * LOOKS,
      looks: LOOKS,
      callsPerLook: CALLS_PER_LOOK,
      limit: LIMIT,
      callMs: CALL_MS,
      untilAt,
      inLine,
    };
    const [spent] = await once(
      new Thread(new URL('backlog-worker.ts', import.meta.url), { workerData: share }),
      'message',
    );
    return spent;
  });
  const spent = await Promise.all(shares);
  await forget(redisUrl, prefix);
  return {
    callsAt: spent.flatMap(({ callsAt }) => callsAt),
    takes: spent.reduce((sum, { takes }) => sum + takes, 0),
    order: spent.flatMap(({ order }) => order),
  };
}

/** One job for each call, since it limits jobs; it knows no keys, so that one limit is all there can be. */
async function workOffWithQueue(redisUrl: string): Promise<Spent> {
  const prefix = `bench-${randomUUID()}`;
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue('calls', { connection, prefix });
  await queue.addBulk(Array.from({ length: PROCESSES * LOOKS * CALLS_PER_LOOK }, () => ({ name: 'call', data: {} })));
  const callsAt: number[] = [];
  const limiter = { max: LIMIT.calls, duration: LIMIT.inMs };
  const work = async () => {
    callsAt.push(Date.now());
    await sleep(CALL_MS);
  };
  const workers = Array.from(
    { length: PROCESSES },
    () => new Worker('calls', work, { connection, prefix, limiter, concurrency: LOOKS }),
  );
  await sleep(FOR_MS);
  const spent = { callsAt: [...callsAt], takes: callsAt.length, order: [] };
  await Promise.all(workers.map((worker) => worker.close()));
  await queue.close();
  connection.disconnect();
  await forget(redisUrl, prefix);
  return spent;
}

/** Calls that an upstream refuses which allows so many in any period. */
function refusedOf(callsAt: number[]): number {
  const answered: number[] = [];
  let refused = 0;
  for (const at of callsAt.toSorted((one, other) => one - other)) {
    while (answered[0] !== undefined && answered[0] <= at - LIMIT.inMs) answered.shift();
    if (answered.length < UPSTREAM_ALLOWS) answered.push(at);
    else refused += 1;
  }
  return refused;
}

/** How far looks were done from their place by age, on average. */
function displacementOf(order: Spent['order']): number {
  const done = order.toSorted(([one], [other]) => one - other).map(([, place]) => place);
  const byAge = new Map(done.toSorted((one, other) => one - other).map((place, index) => [place, index]));
  return done.reduce((sum, place, index) => sum + Math.abs(index - (byAge.get(place) ?? 0)), 0) / done.length;
}
