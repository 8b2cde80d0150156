import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Circuit } from '../upstreams/http.ts';
import type { Turn } from '../workflows/turn.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './script.ts';

/** What is told of the outage of an upstream, once for all processes. */
export interface OutageListener {
  /** No call goes to the upstream any more but now and then one that finds out whether it is back. */
  began(outage: Outage & { because: string }): void;
  /** It has lasted for so long that a person should know: told once. */
  lasts(outage: Outage & { because: string }): void;
  /** `wasTold`: a person was told that it lasts. */
  ended(outage: Outage & { wasTold: boolean }): void;
}

export interface Outage {
  upstream: string;
  /** ISO instant of the first failure. */
  since: string;
}

/** How it stands with an upstream. */
export interface CircuitState {
  upstream: string;
  /** ISO instant of the first failure of the outage; absent while the circuit is closed. */
  openSince?: string;
  /** ISO instant of the next call that finds out whether it is back. */
  nextProbeAt?: string;
}

/** The circuit opens after this many different failures without an answer in between. */
const FAILURES = 5;
/** Times the first back-off: when all has failed for so long, fewer are enough, if one of them concerns everybody. */
const SILENCE = 60;
/** What fails is tried again at least this often, so that the failures before it are remembered. */
const REMEMBERED_MS = 1_800_000;
/** Times the first back-off: the first probe of an outage, and the longest pause between two. */
const FIRST_PROBE = 5;
const LONGEST_PROBE = 60;
/** Times the first back-off: the longest pauses of those who wait for the end of an outage. */
const LONGEST_WAIT = { asked: 60, urgent: 60, background: 300 };
/** Times the first back-off: an outage that is shorter is no matter for a person. */
const TOLD_AFTER = 120;
/** A process that dies while it probes hinders the others for so much longer than its call may take. */
const LEASE_SLACK_MS = 5_000;

const NOW = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** ARGV: whether it may be a probe, and how long that lasts. `due` is what may not be one, although it is time for one. Answers state, now, since. */
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
 * ARGV: failure, whether it was a probe, how many open the circuit, first and longest pause between probes, when it is told; whether it
 * concerns everybody, after how long a silence such a one is enough, and for how long failures are remembered.
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
  /** First pause between two tries of something that fails: the pauses here are multiples of it. */
  retryBaseMs: number;
  turn: () => Turn | undefined;
  tell: OutageListener;
  /**
   * Makes a cheap call through this circuit that reads and concerns no customer. It is wanted when a few calls alone have failed for a minute
   * and nobody else has called, since what becomes of it tells whether the upstream is out or something is wrong with those calls; and when
   * it is time to find out whether the upstream is back, and only a call that changes something is there.
   */
  ask(upstream: string): Promise<unknown>;
  /** Draws from [0, 1). */
  random: () => number;
}

/**
 * Circuit breakers, one for each upstream and shared by all processes. Five different failures in a row without any answer open it:
 * connections that did not come about, each of which counts, and answers 5xx or none to different calls, so that what a single call
 * brings about does not keep all others away. Where few call, five do not come together: after a minute without any answer the connector
 * makes a call of its own, and that this fails too is enough. While it is open nothing is sent but one call at a time, ever more rarely, that finds out
 * whether the upstream is back; a call that changes something is never that one.
 *
 * Whoever is kept away is told a time to come back that differs from one to the next, so that when the upstream is back the work goes on
 * little by little.
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

  /** The call tells the circuit itself what became of it; why else it fails, as for want of a token, is no matter here. */
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

/** How it stands with these upstreams. */
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
