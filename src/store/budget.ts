import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LASTING_PAUSE_MS } from '../lib/wait.ts';
import type { Budget } from '../upstreams/http.ts';
import type { Turn } from '../workflows/turn.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './script.ts';

/** State of the rate limit of one key. */
export interface BudgetState {
  budget: string;
  /** Calls within the last period. */
  used: number;
  limit: number;
  /** Number of holders in the queue. */
  waiting: number;
  /** ISO instant before which no call is made. */
  pausedUntil?: string;
  /** The same, where the upstream has refused calls for a minute or more. */
  refusedUntil?: string;
}

/** At most `calls` in any period of `inMs`: a sliding window, not one that is aligned to the clock. */
export interface RateLimit {
  calls: number;
  inMs: number;
}

/** Share of a limit that is reserved for more urgent calls, so that they need not wait until the queue is empty. */
const LEFT_TO_OTHERS = { asked: 0, urgent: 0.02, background: 0.06 };
/** How much later a background call is placed in the queue than an urgent one: it is delayed, but never starved. */
const HEAD_START_MS = 600_000;
/**
 * How much earlier in the queue an order is placed that is further along: it needs the fewest calls to be completed, and what was bought is
 * already paid for. An order that has not begun still goes first once it has waited that much longer.
 */
const LEAD_MS = { begun: 3_600_000, bought: 7_200_000 };
const LISTED = 200;

/**
 * KEYS: the index of budgets, then of each budget
 *   calls    its calls of the last period, a sorted set by instant
 *   pause    the end of its pause
 *   line     priority queue of the holders that wait for a call, a sorted set by their place
 *   back     the same holders by the instant at which they were told to come back
 *   learned  a hash: how many calls were made in how many turns, the cap after a refusal, and the end of a lasting refusal
 * ARGV: a name for this call, holder or '', place; then of each budget limit, period, share left to others, whether this is the
 * turn's first call of it, and its name.
 *
 * Instants are in microseconds of Redis' own time. Answers how long to wait, and the end of a lasting refusal, or 0. Each holder in the
 * queue is given a time of its own, spaced at the rate of the limit, so that none comes in vain and they do not all come at once.
 */
const TAKE = `
  local GRACE, INDEXED_MS, LEARNED_MS = 2000000, 3600000, 900000
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local call, holder, place = ARGV[1], ARGV[2], ARGV[3]
  local budgets = (#KEYS - 1) / 5
  local wait, binding, refusedUntil = 0, 0, 0

  for at = 1, budgets do
    local calls, pause, line, back, learned = unpack(KEYS, 5 * at - 3, 5 * at + 1)
    local limit, period, share = tonumber(ARGV[5 * at - 1]), tonumber(ARGV[5 * at]), tonumber(ARGV[5 * at + 1])
    redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - period)
    local absent = redis.call('ZRANGEBYSCORE', back, '-inf', now - GRACE, 'LIMIT', 0, 100)
    if #absent > 0 then
      redis.call('ZREM', line, unpack(absent))
      redis.call('ZREM', back, unpack(absent))
    end

    local known = redis.call('HMGET', learned, 'cap', 'capEnds', 'calls', 'turns', 'refusedUntil')
    if known[1] and tonumber(known[2]) > now then limit = math.min(limit, tonumber(known[1])) end
    limit = limit - math.floor(limit * share)
    local used = redis.call('ZCARD', calls)
    local free = limit - used
    local paused = math.max(0, tonumber(redis.call('GET', pause) or '0') - now)
    local ahead = redis.call('ZCOUNT', line, '-inf', '(' .. place)
    if paused > 0 and known[5] and tonumber(known[5]) > now then refusedUntil = math.max(refusedUntil, tonumber(known[5])) end

    if paused > 0 or ahead >= free then
      local first = paused
      if free <= 0 then
        local freed = redis.call('ZRANGE', calls, used - limit, used - limit, 'WITHSCORES')
        first = math.max(paused, tonumber(freed[2]) + period - now)
      elseif paused == 0 then
        ahead = ahead - free + 1
      end
      -- A little sooner than an average turn needs: a call that nobody takes is lost, while asking too early costs nothing.
      local callsPerTurn = 0.8 * tonumber(known[3] or 1) / math.max(1, tonumber(known[4] or 1))
      local due = math.max(1000, first + ahead * math.max(1, callsPerTurn) * period / limit)
      if due > wait then wait, binding = due, at end
    end
  end

  for at = 1, budgets do
    local calls, pause, line, back, learned = unpack(KEYS, 5 * at - 3, 5 * at + 1)
    if wait > 0 and at == binding and holder ~= '' then
      redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[5 * at + 3])
      redis.call('ZADD', line, place, holder)
      redis.call('ZADD', back, string.format('%.0f', now + wait), holder)
      for _, key in ipairs({ line, back }) do
        redis.call('PEXPIRE', key, math.max(redis.call('PTTL', key), math.ceil((wait + GRACE) / 1000)))
      end
    elseif holder ~= '' then
      redis.call('ZREM', line, holder)
      redis.call('ZREM', back, holder)
    end
    if wait == 0 then
      redis.call('ZADD', calls, string.format('%.0f', now), call)
      redis.call('PEXPIRE', calls, math.ceil(tonumber(ARGV[5 * at]) / 1000))
      redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[5 * at + 3])
      if holder ~= '' then
        redis.call('HINCRBY', learned, 'calls', 1)
        if redis.call('HINCRBY', learned, 'turns', ARGV[5 * at + 2]) > 200 then
          -- Halved from time to time, so that recent turns count most.
          local sums = redis.call('HMGET', learned, 'calls', 'turns')
          redis.call('HSET', learned, 'calls', math.floor(sums[1] / 2), 'turns', math.floor(sums[2] / 2))
        end
        redis.call('PEXPIRE', learned, math.max(LEARNED_MS, redis.call('PTTL', learned)))
      end
    end
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - INDEXED_MS * 1000)
  redis.call('PEXPIRE', KEYS[1], INDEXED_MS)
  return { math.ceil(wait), refusedUntil }
`;

/**
 * KEYS: of each budget calls, pause and learned. ARGV: the length of the pause; 0, 1 or 2 for a warning, a refusal or a lasting refusal;
 * then of each budget limit and period.
 */
const PAUSE = `
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local isFound, isLasting = ARGV[2] == '0', ARGV[2] == '2'
  for at = #KEYS / 3, 1, -1 do
    local calls, pause, learned = unpack(KEYS, 3 * at - 2, 3 * at)
    local limit, period = tonumber(ARGV[2 * at + 1]), tonumber(ARGV[2 * at + 2])
    local ends = math.max(tonumber(redis.call('GET', pause) or '0'), now + tonumber(ARGV[1]))
    redis.call('SET', pause, string.format('%.0f', ends), 'PX', math.max(1, math.ceil((ends - now) / 1000)))

    local used = redis.call('ZCOUNT', calls, now - period, '+inf')
    if not isFound and used * 2 > limit then
      isFound = true
      local cap = math.max(1, math.floor(used * 0.95))
      local known = redis.call('HMGET', learned, 'cap', 'capEnds')
      if known[1] and tonumber(known[2]) > now then cap = math.min(cap, tonumber(known[1])) end
      -- Long enough to outweigh the refusal that may follow when the cap ends.
      local lasts = math.max(900000000, 15 * period)
      redis.call('HSET', learned, 'cap', cap, 'capEnds', string.format('%.0f', now + lasts))
      redis.call('PEXPIRE', learned, math.max(redis.call('PTTL', learned), math.ceil(lasts / 1000)))
    end
    if isLasting then
      redis.call('HSET', learned, 'refusedUntil', string.format('%.0f', ends))
      redis.call('PEXPIRE', learned, math.max(redis.call('PTTL', learned), math.ceil((ends - now) / 1000)))
    end
  end
  return 0
`;

/**
 * KEYS: calls, pause, line, back and learned of a budget. ARGV: limit, period, the share that is left to others, and the time until this is
 * asked again. Answers which holders are to come now: as many as the rate of the limit allows in addition to those that are due by then
 * anyway; or, where the upstream has refused nothing recently, as many as use up a fifth of the free calls.
 */
const CALL_UP = `
  local calls, pause, line, back, learned = unpack(KEYS)
  local limit, period, share, ahead = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  if tonumber(redis.call('GET', pause) or '0') > now then return {} end
  local known = redis.call('HMGET', learned, 'cap', 'capEnds', 'calls', 'turns')
  local isCapped = known[1] and tonumber(known[2]) > now
  if isCapped then limit = math.min(limit, tonumber(known[1])) end
  limit = limit - math.floor(limit * share)
  local free = limit - redis.call('ZCOUNT', calls, '(' .. string.format('%.0f', now - period), '+inf')
  if free <= 0 then return {} end

  local wanted = math.min(free, limit * ahead / period)
  if not isCapped then wanted = math.max(wanted, free / 5) end
  local callsPerTurn = math.max(1, 0.8 * tonumber(known[3] or 1) / math.max(1, tonumber(known[4] or 1)))
  local due = redis.call('ZCOUNT', back, '-inf', string.format('%.0f', now + ahead))
  local missing = math.floor(wanted / callsPerTurn - due)
  local called = {}
  if missing < 1 then return called end
  for _, holder in ipairs(redis.call('ZRANGE', line, 0, due + missing - 1)) do
    if #called == missing then break end
    if tonumber(redis.call('ZSCORE', back, holder) or now) > now + ahead then
      redis.call('ZADD', back, string.format('%.0f', now), holder)
      table.insert(called, holder)
    end
  end
  return called
`;

export interface BudgetParts {
  /** The limit of a key, the same in all processes; `undefined` where none is known: another release may have left that key. */
  limitOf: (budget: string) => RateLimit | undefined;
  /** On whose behalf a call is made. Calls without a turn go first and never queue. */
  turn?: () => Turn | undefined;
}

/**
 * Rate limiter in Redis, shared by all processes. Whoever has to wait gets a place in a priority queue: orders that are furthest along go
 * first, and among these the one that has waited longest. A holder that does not come back at its time loses its place 2 s later. After the
 * upstream has refused a call, the limit is lowered to below the number of calls at which it refused, for a quarter of an hour, on the
 * narrowest key that had used more than half of its limit.
 */
export function createBudget(redis: Redis, keys: Keys, { limitOf, turn = () => undefined }: BudgetParts): Budget {
  const take = defineScript(redis, 'takeBudget', TAKE);
  const pause = defineScript(redis, 'pauseBudget', PAUSE);
  const begun = new WeakMap<Turn, Set<string>>();

  /** What is asked for here is named by our own code: a name without a limit is a mistake in it. */
  function givenLimitOf(budget: string): RateLimit {
    const limit = limitOf(budget);
    if (limit === undefined) throw new TypeError(`Nobody has said how many calls "${budget}" allows.`);
    return limit;
  }

  /** The keys that this turn has drawn calls from. */
  function begunBy(current: Turn | undefined): Set<string> {
    if (!current) return new Set();
    const known = begun.get(current) ?? new Set();
    begun.set(current, known);
    return known;
  }

  return {
    async take(budgets) {
      const current = turn();
      const known = begunBy(current);
      const touched = budgets.flatMap((budget) => [
        keys.budget(budget),
        keys.budgetPause(budget),
        keys.budgetLine(budget),
        keys.budgetBack(budget),
        keys.budgetLearned(budget),
      ]);
      const share = LEFT_TO_OTHERS[current?.urgency ?? 'asked'];
      const limits = budgets.flatMap((budget) => {
        const { calls, inMs } = givenLimitOf(budget);
        return [calls, 1_000 * inMs, share, known.has(budget) ? 0 : 1, budget];
      });
      const who = [randomUUID(), current?.holder ?? '', placeOf(current)];
      const answer = (await take([keys.budgets, ...touched], [...who, ...limits])) as [number, number];
      const [waitUs, refusedUntilUs] = answer.map(Number) as [number, number];
      if (waitUs > 0) {
        return {
          waitMs: Math.ceil(waitUs / 1_000),
          ...(refusedUntilUs > 0 && { refusedUntil: isoOf(refusedUntilUs) }),
        };
      }
      for (const budget of budgets) known.add(budget);
      return undefined;
    },

    async pause(budgets, ms, { refused }) {
      const touched = budgets.flatMap((budget) => [
        keys.budget(budget),
        keys.budgetPause(budget),
        keys.budgetLearned(budget),
      ]);
      const limits = budgets.map(givenLimitOf).flatMap(({ calls, inMs }) => [calls, 1_000 * inMs]);
      const kind = refused ? (ms < LASTING_PAUSE_MS ? 1 : 2) : 0;
      await pause(touched, [Math.ceil(ms * 1_000), kind, ...limits]);
    },
  };
}

/** The priority queues in which holders wait for calls, all together. */
export interface Lines {
  /** Removes a holder that will not come back from every queue. */
  leave(holder: string): Promise<void>;
  /**
   * Holders that may come earlier than they were told, since others have left or needed fewer calls. To be asked again after `everyMs`.
   */
  callUp(everyMs: number): Promise<string[]>;
}

/** The queues of the keys that were used within the last hour, at most 200. */
export function createLines(redis: Redis, keys: Keys, limitOf: BudgetParts['limitOf']): Lines {
  const callUp = defineScript(redis, 'callUpLine', CALL_UP);
  const recent = () => redis.zrevrange(keys.budgets, 0, LISTED - 1);

  return {
    async leave(holder) {
      const names = await recent();
      await Promise.all(
        names.flatMap((name) => [redis.zrem(keys.budgetLine(name), holder), redis.zrem(keys.budgetBack(name), holder)]),
      );
    },

    async callUp(everyMs) {
      const names = await recent();
      const called = await Promise.all(
        names.map(async (name) => {
          const line = keys.budgetLine(name);
          if ((await redis.exists(line)) === 0) return [];
          const limit = limitOf(name);
          if (limit === undefined) return [];
          const { calls, inMs } = limit;
          const touched = [
            keys.budget(name),
            keys.budgetPause(name),
            line,
            keys.budgetBack(name),
            keys.budgetLearned(name),
          ];
          const answer = await callUp(touched, [calls, 1_000 * inMs, LEFT_TO_OTHERS.background, 1_000 * everyMs]);
          return answer as string[];
        }),
      );
      return called.flat();
    },
  };
}

/** State of the keys that were used within the last hour, at most 200. */
export async function listBudgets(redis: Redis, keys: Keys, limitOf: BudgetParts['limitOf']): Promise<BudgetState[]> {
  const [seconds = 0, micros = 0] = (await redis.time()).map(Number);
  const nowUs = seconds * 1_000_000 + micros;
  const names = await redis.zrevrange(keys.budgets, 0, LISTED - 1);
  return Promise.all(
    names.flatMap((budget) => {
      const limit = limitOf(budget);
      return limit ? [stateOf(budget, limit)] : [];
    }),
  );

  async function stateOf(budget: string, { calls, inMs }: RateLimit): Promise<BudgetState> {
    const [used, waiting, paused, [cap, capEnds, refusedUntil]] = await Promise.all([
      redis.zcount(keys.budget(budget), nowUs - 1_000 * inMs, '+inf'),
      redis.zcard(keys.budgetLine(budget)),
      redis.get(keys.budgetPause(budget)),
      redis.hmget(keys.budgetLearned(budget), 'cap', 'capEnds', 'refusedUntil'),
    ]);
    return {
      budget,
      used,
      limit: Number(capEnds) > nowUs ? Math.min(calls, Number(cap)) : calls,
      waiting,
      ...(Number(paused) > nowUs && { pausedUntil: isoOf(Number(paused)) }),
      ...(Number(paused) > nowUs && Number(refusedUntil) > nowUs && { refusedUntil: isoOf(Number(refusedUntil)) }),
    };
  }
}

function isoOf(us: number): string {
  return new Date(us / 1_000).toISOString();
}

/** Place in the queue, smaller goes first: the further along, and then the older, the smaller. Microseconds, in decimal digits. */
function placeOf(turn: Turn | undefined): string {
  if (!turn || turn.urgency === 'asked') return '0';
  if (turn.urgency === 'background') return String(1_000 * (turn.sinceAt + HEAD_START_MS));
  return String(1_000 * (turn.sinceAt - (turn.progress ? LEAD_MS[turn.progress] : 0)));
}
