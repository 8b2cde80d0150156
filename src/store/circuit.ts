import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Circuit } from '../upstreams/http.ts';
import type { Turn } from '../workflows/turn.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './script.ts';

/** What is told of the outage of an upstream, once for all processes. */
export interface OutageListener {
  /** The circuit has opened: no call is sent any more except a probe from time to time. */
  began(outage: Outage & { because: string }): void;
  /** The outage has lasted long enough that a person should know: told once. */
  lasts(outage: Outage & { because: string }): void;
  /** `wasTold`: a person was told that it lasts. */
  ended(outage: Outage & { wasTold: boolean }): void;
}

export interface Outage {
  upstream: string;
  /** ISO instant of the first failure. */
  since: string;
}

/** State of the circuit of one upstream. */
export interface CircuitState {
  upstream: string;
  /** ISO instant of the first failure of the outage; absent while the circuit is closed. */
  openSince?: string;
  /** ISO instant of the next probe. */
  nextProbeAt?: string;
}

/** Number of different failures, without an answer in between, that open the circuit. */
const FAILURES = 5;
/**
 * In multiples of the first back-off: after this time without any answer fewer failures open it, if one of them would have met any call.
 */
const SILENCE = 60;
/** How long failures are remembered: longer than the longest pause before a failed call is tried again. */
const REMEMBERED_MS = 1_800_000;
/** In multiples of the first back-off: pause before the first probe of an outage, and longest pause between two. */
const FIRST_PROBE = 5;
const LONGEST_PROBE = 60;
/** In multiples of the first back-off: longest pause of a caller that waits for the end of an outage. */
const LONGEST_WAIT = { asked: 60, urgent: 60, background: 300 };
/** In multiples of the first back-off: length of an outage from which on a person is told. */
const TOLD_AFTER = 120;
/** How much longer than its call a probe's lease lasts, after which another process may probe if this one has died. */
const LEASE_SLACK_MS = 5_000;

const NOW = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * ARGV: whether the call may be the probe, and the length of a probe's lease. Answers state, now, since. `due`: a probe is due, but this
 * call must not be it.
 */
const ENTER = `
  ${NOW}
  local since, probeAt, leased = unpack(redis.call('HMGET', KEYS[1], 'since', 'probeAt', 'leased'))
  if not since then return { redis.call('EXISTS', KEYS[2]) == 1 and 'watched' or 'clear', now, 0 } end
  if now < tonumber(probeAt) or now < tonumber(leased) then return { 'open', now, since } end
  if ARGV[1] ~= '1' then return { 'due', now, since } end
  redis.call('HSET', KEYS[1], 'leased', now + tonumber(ARGV[2]))
  return { 'probe', now, since }
`;

/**
 * ARGV: failure, whether it was a probe, how many open the circuit, first and longest pause between probes, when a person is told; whether
 * any call would have met it, the silence after which one such failure is enough, and how long failures are remembered.
 */
const FAILED = `
  ${NOW}
  local since = redis.call('HGET', KEYS[1], 'since')
  if not since then
    redis.call('ZADD', KEYS[2], 'NX', now, ARGV[1])
    redis.call('PEXPIRE', KEYS[2], ARGV[9])
    since = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
    if redis.call('ZCARD', KEYS[2]) < tonumber(ARGV[3]) then
      if now - tonumber(since) < tonumber(ARGV[8]) then return { 'closed', since } end
      if ARGV[7] ~= '1' then return { 'doubtful', since } end
    end
    redis.call('DEL', KEYS[2])
    redis.call('HSET', KEYS[1], 'since', since, 'probeAt', now + tonumber(ARGV[4]), 'leased', 0)
    return { 'began', since }
  end
  if ARGV[2] ~= '1' then return { 'lasts', since } end
  local probes = redis.call('HINCRBY', KEYS[1], 'probes', 1)
  local pause = math.min(tonumber(ARGV[4]) * 2 ^ math.min(probes, 20), tonumber(ARGV[5]))
  redis.call('HSET', KEYS[1], 'probeAt', now + pause, 'leased', 0)
  local isTold = now - tonumber(since) >= tonumber(ARGV[6]) and redis.call('HSETNX', KEYS[1], 'told', 1) == 1
  return { isTold and 'tell' or 'lasts', since }
`;

const ANSWERED = `
  redis.call('DEL', KEYS[2])
  if ARGV[1] ~= '1' then return {} end
  local since, told = unpack(redis.call('HMGET', KEYS[1], 'since', 'told'))
  redis.call('DEL', KEYS[1])
  return since and { since, told and 1 or 0 } or {}
`;

export interface CircuitParts {
  redis: Redis;
  keys: Keys;
  /** First back-off of failed work: the pauses here are multiples of it. */
  retryBaseMs: number;
  turn: () => Turn | undefined;
  tell: OutageListener;
  /**
   * Makes a cheap call through this circuit that reads and concerns no customer. It is made when only a few calls have failed for a minute
   * and there were no others, since its outcome tells whether the upstream is out or something is wrong with those calls; and when a probe
   * is due but the call at hand is a write.
   */
  ask(upstream: string): Promise<unknown>;
  /** Draws from [0, 1). */
  random: () => number;
}

/**
 * Circuit breakers, one for each upstream and shared by all processes. A circuit opens after five different failures in a row without any
 * answer: failed connections, each of which counts, and 5xx or missing answers to different calls, so that one call that always fails does
 * not keep all others away. Where there are few calls, five failures take long to come together: after a minute without any answer the
 * connector makes a call of its own, and its failure is enough. While the circuit is open nothing is sent but one probe at a time, ever
 * more rarely; a write is never the probe.
 *
 * Each caller that is turned away is given a different time to come back, so that the load returns gradually.
 */
export function createCircuit({ redis, keys, retryBaseMs, turn, tell, ask, random }: CircuitParts): Circuit {
  const enter = defineScript(redis, 'enterCircuit', ENTER);
  const fail = defineScript(redis, 'failCircuit', FAILED);
  const answer = defineScript(redis, 'answerCircuit', ANSWERED);
  const firstProbeMs = FIRST_PROBE * retryBaseMs;

  function waitMs(openForMs: number): number {
    const longestMs = LONGEST_WAIT[turn()?.urgency ?? 'asked'] * retryBaseMs;
    const pauseMs = Math.min(Math.max(openForMs / 4, firstProbeMs), longestMs);
    return Math.ceil(pauseMs * (0.5 + random()));
  }

  /**
   * The call reports its outcome to the circuit itself; if it fails for another reason, such as a missing token, that does not matter here.
   */
  async function askQuietly(upstream: string): Promise<void> {
    await ask(upstream).catch(() => {});
  }

  return {
    async enter(upstream, { isRead, timeoutMs }) {
      const touched = [keys.circuit(upstream), keys.circuitFailures(upstream)];
      const look = async () =>
        (await enter(touched, [isRead ? 1 : 0, timeoutMs + LEASE_SLACK_MS])) as [
          'clear' | 'watched' | 'open' | 'due' | 'probe',
          number,
          string,
        ];
      let [state, nowMs, sinceMs] = await look();
      if (state === 'due') {
        await askQuietly(upstream);
        [state, nowMs, sinceMs] = await look();
      }
      if (state === 'open' || state === 'due') {
        return { waitMs: waitMs(nowMs - Number(sinceMs)), since: isoOf(sinceMs) };
      }
      const probes = state === 'probe' ? 1 : 0;

      return {
        async answered() {
          if (state === 'clear') return;
          const [since, wasTold] = (await answer(touched, [probes])) as [string?, number?];
          if (since !== undefined) tell.ended({ upstream, since: isoOf(since), wasTold: wasTold === 1 });
        },

        async failed(because, kind) {
          const failure = kind ?? randomUUID();
          const pauses = [firstProbeMs, LONGEST_PROBE * retryBaseMs, TOLD_AFTER * retryBaseMs];
          const whole = [kind === undefined ? 1 : 0, SILENCE * retryBaseMs, REMEMBERED_MS];
          const answer = await fail(touched, [failure, probes, FAILURES, ...pauses, ...whole]);
          const [became, since] = answer as [string, string];
          if (became === 'doubtful') await askQuietly(upstream);
          const outage = { upstream, since: isoOf(since), because };
          if (became === 'began') tell.began(outage);
          if (became === 'tell') tell.lasts(outage);
        },

        async unsent() {
          if (probes) await redis.hset(keys.circuit(upstream), 'leased', 0);
        },
      };
    },
  };
}

/** State of the circuits of these upstreams. */
export function listCircuits(redis: Redis, keys: Keys, upstreams: readonly string[]): Promise<CircuitState[]> {
  return Promise.all(
    upstreams.map(async (upstream) => {
      const [since, probeAt] = await redis.hmget(keys.circuit(upstream), 'since', 'probeAt');
      if (!since || !probeAt) return { upstream };
      return { upstream, openSince: isoOf(since), nextProbeAt: isoOf(probeAt) };
    }),
  );
}

function isoOf(ms: string | number): string {
  return new Date(Number(ms)).toISOString();
}
