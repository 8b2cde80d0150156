import type { Redis } from 'ioredis';
import { createBudget, createLines, type RateLimit } from '../../src/store/budget.ts';
import type { Keys } from '../../src/store/keys.ts';
import type { Budget } from '../../src/upstreams/http.ts';
import { createTurns, type Turn } from '../../src/workflows/turn.ts';

/** A piece of work that makes calls to an upstream, one after the other, and comes back when one is put off. */
export interface Look {
  holder: string;
  urgency: Turn['urgency'];
  /** Keys that each of its calls draws from. */
  budgets: string[];
  /** Calls that it needs; what has been called once is not called again. */
  calls: number;
  /** Calls that every visit begins with, since nothing remembers their answers. */
  callsFirst: number;
  askedAtMs: number;
}

export interface Scenario {
  looks: Look[];
  /** What our processes hold the limit of each key to be. */
  limitOf: (budget: string) => RateLimit;
  /** What the upstream really allows over the first key of a look, in any period. */
  upstream: RateLimit;
  processes: number;
  /** Looks at once in one process. */
  workers: number;
  /** Duration of a call, drawn evenly from these two. */
  callMs: [number, number];
  /** How late a worker takes up what is due, at most. */
  lateMs: number;
  forMs: number;
  /** Draws from [0, 1). */
  random: () => number;
}

export interface Outcome {
  /** Instants of the calls that the upstream answered. */
  answeredAtMs: number[];
  /** Instants of the calls that it refused. */
  refusedAtMs: number[];
  /** How often a budget was asked. */
  takes: number;
  /** When each look was done. */
  doneAtMs: Map<string, number>;
}

const CALL_UP_EVERY_MS = 2_000;

/** Moves everything that a budget remembers back in time, which is the same as waiting. */
const PASS = `
  for at = 1, #KEYS, 4 do
    local calls, back, pause, learned = unpack(KEYS, at, at + 3)
    for _, key in ipairs({ calls, back }) do
      for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, '-' .. ARGV[1], member) end
    end
    if redis.call('EXISTS', pause) == 1 then redis.call('INCRBY', pause, '-' .. ARGV[1]) end
    if redis.call('HEXISTS', learned, 'capEnds') == 1 then redis.call('HINCRBY', learned, 'capEnds', '-' .. ARGV[1]) end
  end
`;

/** Lets `ms` pass for these budgets. */
export async function passBudgets(redis: Redis, keys: Keys, budgets: string[], ms: number): Promise<void> {
  const touched = budgets.flatMap((name) => [
    keys.budget(name),
    keys.budgetBack(name),
    keys.budgetPause(name),
    keys.budgetLearned(name),
  ]);
  await redis.eval(PASS, touched.length, ...touched, Math.round(1_000 * ms));
}

/**
 * Works a backlog off against a budget in a real Redis, in virtual time: whatever is to happen next happens at once, in the order in
 * which it would.
 */
export async function workOff(redis: Redis, keys: Keys, scenario: Scenario): Promise<Outcome> {
  const { looks, limitOf, upstream, random } = scenario;
  const processes = Array.from({ length: scenario.processes }, () => {
    const turns = createTurns();
    return { turns, budget: createBudget(redis, keys, { limitOf, turn: turns.current }), free: scenario.workers };
  });
  const lines = createLines(redis, keys, limitOf);
  const putOffs = new Map<string, { visitor: Visitor; isOver: boolean }>();
  const budgets = [...new Set(looks.flatMap((look) => look.budgets))];
  const outcome: Outcome = { answeredAtMs: [], refusedAtMs: [], takes: 0, doneAtMs: new Map() };
  const events: { atMs: number; happen: () => Promise<void> }[] = [];
  const ready: Visitor[] = [];
  const startedAt = performance.now();
  let passedMs = 0;
  const nowMs = () => performance.now() - startedAt + passedMs;

  for (const look of looks) {
    const visitor: Visitor = { look, left: look.calls, sinceMs: undefined };
    schedule(look.askedAtMs, async () => void ready.push(visitor));
  }
  schedule(CALL_UP_EVERY_MS, callUp);
  while (outcome.doneAtMs.size < looks.length && nowMs() < scenario.forMs) {
    const event = events.shift()!;
    const aheadMs = event.atMs - nowMs();
    if (aheadMs > 0) {
      await passBudgets(redis, keys, budgets, aheadMs);
      passedMs += aheadMs;
    }
    await event.happen();
    await takeUp();
  }
  return outcome;

  function schedule(atMs: number, happen: () => Promise<void>): void {
    let at = events.length;
    while (at > 0 && events[at - 1]!.atMs > atMs) at -= 1;
    events.splice(at, 0, { atMs, happen });
  }

  async function takeUp(): Promise<void> {
    for (const process of processes) {
      while (process.free > 0 && ready.length > 0) {
        const visitor = ready.shift()!;
        process.free -= 1;
        visitor.sinceMs ??= nowMs();
        const turn: Turn = { holder: visitor.look.holder, urgency: visitor.look.urgency, sinceAt: visitor.sinceMs };
        await call(process, visitor, turn, visitor.look.callsFirst + visitor.left);
      }
    }
  }

  async function call(process: Process, visitor: Visitor, turn: Turn, left: number): Promise<void> {
    const { look } = visitor;
    if (left === 0) {
      outcome.doneAtMs.set(look.holder, nowMs());
      process.free += 1;
      return;
    }
    outcome.takes += 1;
    const wait = await process.turns.within(turn, () => process.budget.take(look.budgets));
    if (wait) return putOff(process, visitor, wait.waitMs);
    if (outcome.answeredAtMs.filter((atMs) => atMs > nowMs() - upstream.inMs).length >= upstream.calls) {
      outcome.refusedAtMs.push(nowMs());
      await process.budget.pause(look.budgets, upstream.inMs / 2, { refused: true });
      return putOff(process, visitor, upstream.inMs / 2);
    }
    outcome.answeredAtMs.push(nowMs());
    if (left <= visitor.left) visitor.left -= 1;
    const [fewest, most] = scenario.callMs;
    schedule(nowMs() + fewest + random() * (most - fewest), () => call(process, visitor, turn, left - 1));
  }

  function putOff(process: Process, visitor: Visitor, waitMs: number): void {
    process.free += 1;
    const pause = { visitor, isOver: false };
    putOffs.set(visitor.look.holder, pause);
    schedule(nowMs() + waitMs + random() * scenario.lateMs, async () => comeBack(pause));
  }

  function comeBack(pause: { visitor: Visitor; isOver: boolean }): void {
    if (!pause.isOver) ready.push(pause.visitor);
    pause.isOver = true;
  }

  /** As the workers do, those who may come sooner than they were told are called. */
  async function callUp(): Promise<void> {
    for (const holder of await lines.callUp(CALL_UP_EVERY_MS)) {
      const pause = putOffs.get(holder);
      if (pause) schedule(nowMs() + random() * scenario.lateMs, async () => comeBack(pause));
    }
    schedule(nowMs() + CALL_UP_EVERY_MS, callUp);
  }
}

interface Visitor {
  look: Look;
  /** Calls whose answers are not yet remembered. */
  left: number;
  /** Since when it has been waiting for its turn. */
  sinceMs: number | undefined;
}

interface Process {
  turns: ReturnType<typeof createTurns>;
  budget: Budget;
  free: number;
}

/** A repeatable source of chance. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
