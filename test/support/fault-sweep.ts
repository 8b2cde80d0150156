import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, describe, expect, it } from 'vitest';
import type { FaultRule } from '../emulator/core/faults.ts';
import { comparable, type Life, type Outcome, outcomeOf, withLostPassword } from './lives.ts';
import { PRESENT, type Release } from './release.ts';
import { watchStored } from './stored.ts';
import { createWorld, type World } from './world.ts';

const HTML = {
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: '<!doctype html><html><body>We will be back soon.</body></html>',
};

/** What an upstream, or the way to it, does to a call. `refused` is not among them: such a call reaches no upstream. */
const DISTURBED = {
  'reset-before': { kind: 'reset-before' },
  'reset-after': { kind: 'reset-after' },
  'timeout-after': { kind: 'timeout-after' },
  throttled: { kind: 'status', status: 429, headers: { 'retry-after': '7' }, body: {} },
  'error-500': { kind: 'status', status: 500, body: { error: 'internal' } },
  'error-503': { kind: 'status', status: 503, ...HTML },
  'cut-off': { kind: 'malformed' },
  html: { kind: 'status', status: 200, ...HTML },
  'other-shape': { kind: 'replace', status: 200, body: { unexpected: [true] } },
} as const satisfies Record<string, FaultRule>;

/** An object of whatever names would be no other shape where any pair is possible. */
const ODD_PAIRS: FaultRule = { kind: 'replace', status: 200, body: ['unexpected'] };

/** The worker dies: before the effect, after it but before the answer, or once it was answered but before that was recorded. */
const DEATHS = {
  'killed-before': { kind: 'reset-before' },
  'killed-after': { kind: 'reset-after' },
  'killed-answered': undefined,
} as const satisfies Record<string, FaultRule | undefined>;

type Fault = 'refused' | keyof typeof DISTURBED | keyof typeof DEATHS;
const FAULTS = ['refused', ...Object.keys(DISTURBED), ...Object.keys(DEATHS)] as Fault[];

/** After these an effect was made, and its answer is known to nobody. */
const UNHEARD = new Set<Fault>([
  'reset-after',
  'timeout-after',
  'cut-off',
  'other-shape',
  'killed-after',
  'killed-answered',
]);

/** What happens to the call of this number, counted from 1 through all upstreams and the whole life. */
interface Disturbance {
  call: number;
  fault: Fault;
}

export interface Lived {
  /** Every call that was sent, as `partner-center POST /v1/customers`. */
  calls: string[];
  /** The calls whose effect was made although nobody lived, or was able, to read the answer. */
  unheard: string[];
  /** What was to happen and did not. */
  missed: Disturbance[];
  /** How it stood at the end of each chapter. */
  outcomes: Record<string, Outcome>;
  /** What was stored, as another release reads it: all of it where nothing was disturbed. */
  stored: string[];
}

/** The release that makes the next look, after so many looks and deaths of workers. */
export type ReleaseFor = (before: { looks: number; deaths: number }) => Release;

const MOST_LOOKS = 150;
/** Calls in a life with a time-out wait for it in real time; in the others no slow machine may cause one. */
const SHORT_MS = '1000';
const LONG_MS = '20000';
/** As long as it takes until another worker takes up what a dead one held. */
const TAKEOVER_MS = 15_000;
const CLOSED_PORT = 1;
/** A life takes under a second; a busy machine may need much longer. */
const LIFE_WITHIN_MS = 120_000;

/** Lets lives be lived in this world, undisturbed or not. */
export function createSweep(world: World) {
  const { emulators } = world;
  const stored = watchStored(world.redis, world.keys);
  let waiting: Disturbance[] = [];
  let calls: string[] = [];
  let unheard: string[] = [];
  let sent = 0;
  let subscription = 0;
  let isDead = false;
  let timeoutMs = LONG_MS;
  let looksMade = 0;
  let deaths = 0;
  let releaseFor: ReleaseFor = () => PRESENT;
  let present = PRESENT;

  const disturb: Parameters<typeof emulators.faults.watch>[0] = ({ server, method, path }) => {
    // A dead worker sends nothing any more.
    if (isDead) return { kind: 'reset-before' };
    const name = `${server} ${method} ${withoutIds(path)}`;
    const taken = take(calls.push(name), (one) => one !== 'refused');
    if (taken === undefined || taken === 'refused') return undefined;
    const fault = isPossible(name, taken) ? taken : 'error-503';
    if (UNHEARD.has(fault)) unheard.push(name);
    if (fault === 'other-shape' && path.endsWith('/metadata')) return ODD_PAIRS;
    if (fault in DISTURBED) return DISTURBED[fault as keyof typeof DISTURBED];
    isDead = true;
    // On the worker's own connection, so it holds for everything that the dying worker writes from now on.
    void world.redis.incr(world.keys.fence(subscription));
    return DEATHS[fault as keyof typeof DEATHS];
  };

  function isRefused(): boolean {
    if (isDead) return false;
    sent += 1;
    return take(sent, (one) => one === 'refused') !== undefined;
  }

  function take(call: number, isMeant: (fault: Fault) => boolean): Fault | undefined {
    const found = waiting.find((one) => one.call === call && isMeant(one.fault));
    waiting = waiting.filter((one) => one !== found);
    return found?.fault;
  }

  /** Looks until the subscription is at rest, with a new worker after a death. */
  async function settle(stepMs: number): Promise<void> {
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      const release = releaseFor({ looks: looksMade, deaths });
      if (release !== present) restart(release);
      looksMade += 1;
      const outcome = await world.look(subscription).catch((error: unknown) => {
        if (isDead) return { againInMs: TAKEOVER_MS };
        throw error;
      });
      if (isDead) {
        isDead = false;
        deaths += 1;
        restart(releaseFor({ looks: looksMade, deaths }));
        await world.pass(TAKEOVER_MS);
        continue;
      }
      if ('done' in outcome) return;
      await world.pass(Math.max(outcome.againInMs, stepMs));
    }
    const { state, waitingFor, lastError } = (await world.records.get(subscription)) ?? {};
    const stands = JSON.stringify({ state, waitingFor, lastError });
    throw new Error(`It is not at rest after ${MOST_LOOKS} looks: ${stands}`);
  }

  function restart(release: Release): void {
    present = release;
    world.restart({ HTTP_TIMEOUT_MS: timeoutMs }, release);
  }

  async function live(life: Life, disturbances: Disturbance[]): Promise<Lived> {
    // Every life begins on the same day: months differ in length.
    emulators.clock.turnBack();
    await world.reset();
    stored.forget();
    timeoutMs = disturbances.some(({ fault }) => fault === 'timeout-after') ? SHORT_MS : LONG_MS;
    looksMade = 0;
    deaths = 0;
    restart(releaseFor({ looks: 0, deaths }));
    waiting = [...disturbances];
    isDead = false;
    calls = [];
    unheard = [];
    sent = 0;
    life.prepare(emulators);
    subscription = emulators.cloudesire.placeOrder(life.order);
    const outcomes: Lived['outcomes'] = {};
    await end('delivered');
    for (const [name, happen] of life.chapters) {
      await happen(emulators, subscription);
      await end(name);
    }
    return { calls, unheard, missed: waiting, outcomes, stored: [...new Set(comparable(stored.lines()))].toSorted() };

    async function end(chapter: string): Promise<void> {
      await settle(life.stepMs);
      outcomes[chapter] = await outcomeOf(world, subscription);
      if (disturbances.length === 0) await stored.see();
    }
  }

  /** One whole life, from nothing; by this release unless another one is named. */
  return async (life: Life, disturbances: Disturbance[] = [], releases: ReleaseFor = () => PRESENT): Promise<Lived> => {
    releaseFor = releases;
    emulators.faults.watch(disturb);
    const restoreRequests = watchRequests(isRefused);
    try {
      return await live(life, disturbances);
    } finally {
      restoreRequests();
      emulators.faults.watch(() => undefined);
    }
  };
}

/** Asks about each request before it is sent; one that is to be refused is sent where nobody listens. Returns the way back. */
function watchRequests(isRefused: () => boolean): () => void {
  const kept = [http, https].map((module) => [module, module.request] as const);
  for (const [module, request] of kept) {
    const watched = (...args: Parameters<typeof https.request>) => {
      if (!isRefused()) return (request as typeof https.request)(...args);
      const [target, ...rest] = args as unknown as [http.RequestOptions | URL, ...never[]];
      const nowhere =
        target instanceof URL
          ? Object.assign(new URL(target), { port: String(CLOSED_PORT) })
          : { ...target, port: CLOSED_PORT, agent: false };
      return request(nowhere as URL, ...rest);
    };
    Object.assign(module, { request: watched });
  }
  syncBuiltinESMExports();
  return () => {
    for (const [module, request] of kept) Object.assign(module, { request });
    syncBuiltinESMExports();
  };
}

/** Names of tests stay the same from run to run. */
function withoutIds(path: string): string {
  return path.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12,64}/gi, '…');
}

/**
 * `FAULTS=all` in the environment: every call with every fault, and random lives with two or three; otherwise a sample of them.
 * `FAULT="34 reset-after"`, or several of them with commas between: only this case. `FAULT_SEED` draws another sample.
 */
const { FAULTS: HOW_MANY, FAULT: ONLY } = process.env;
const SEED = Number(process.env.FAULT_SEED ?? 1);
const SAMPLE = 3;
const RANDOM_LIVES = 100;

/** Adds the tests of lives whose calls are disturbed, one life after the other. */
export async function sweepFaults(lives: Life[]): Promise<void> {
  const world = await createWorld();
  afterAll(() => world.close());
  const live = createSweep(world);
  for (const life of lives) describeLife(live, life, await live(life));
}

function describeLife(live: ReturnType<typeof createSweep>, life: Life, undisturbed: Lived): void {
  describe(`the life of ${life.name}`, () => {
    let survivors = 0;
    const cases = casesOf(undisturbed.calls, life.name);

    it.each(cases)('ends as it would without %s', { timeout: LIFE_WITHIN_MS }, async (what, disturbances) => {
      const { outcomes, unheard, missed } = await live(life, disturbances);
      const again = `Again: FAULT="${what.replaceAll(/ \(.*?\)/g, '')}" npm run test:faults -- -t "life of ${life.name}"`;
      expect(missed.length, `The call did not come about. ${again}`).toBeLessThan(disturbances.length);
      const isPasswordLost = unheard.includes('partner-center POST /v1/customers');
      expect(outcomes, again).toEqual(
        isPasswordLost ? withLostPassword(undisturbed.outcomes, outcomes) : undisturbed.outcomes,
      );
      survivors += 1;
    });

    it('stores nothing but what the release before can take up, and the next', async () => {
      const file = `../../fixtures/stored/${life.name.replaceAll(' ', '-')}.txt`;
      await expect(`${undisturbed.stored.join('\n')}\n`, STORED_OTHERWISE).toMatchFileSnapshot(file);
    });

    it('is disturbed in so many ways', () => {
      process.stdout.write(
        `${life.name}: ${survivors} of ${cases.length} disturbed lives ended as the undisturbed one\n`,
      );
    });
  });
}

const STORED_OTHERWISE = `What is stored has changed, which other releases read: the one before, and this one, when it takes up runs in flight or is taken back.
A step of another name is done anew by the runs that have done it: keep the name. A field that is gone or has another type leaves the release before without it: go on
writing it until no release reads it. What is only new does no harm: npm run test:faults -- -u -t "stores nothing".`;

type Case = [what: string, disturbances: Disturbance[]];

function casesOf(calls: string[], seedOf: string): Case[] {
  const named = (disturbances: Disturbance[]): Case => [
    disturbances.map(({ call, fault }) => `${call} ${fault} (${calls[call - 1]})`).join(', '),
    disturbances,
  ];
  if (ONLY) return [named(ONLY.split(',').map(parseDisturbance))];
  const all = calls.flatMap((name, index) => faultsAt(name).map((fault) => [{ call: index + 1, fault }]));
  const draw = createDraw(`${SEED} ${seedOf}`);
  const several = () =>
    Array.from({ length: 2 + draw(2) }, () => ({ call: 1 + draw(calls.length), fault: FAULTS[draw(FAULTS.length)]! }));
  if (HOW_MANY === 'all') return [...all, ...Array.from({ length: RANDOM_LIVES }, several)].map(named);
  return [...Array.from({ length: SAMPLE }, () => all[draw(all.length)]!), several()].map(named);
}

/** The faults that make a difference at a call. */
function faultsAt(call: string): Fault[] {
  return FAULTS.filter((fault) => isPossible(call, fault) && isDifferent(call, fault));
}

/** The deaths of a worker in a life of these calls: after each answer that it heard, and around each effect. */
export function deathsIn(calls: string[]): Disturbance[] {
  const isHeard = ({ fault }: Disturbance): boolean => fault === 'killed-answered';
  return calls.flatMap((name, index) => {
    const deaths = faultsAt(name)
      .filter((fault) => fault in DEATHS)
      .map((fault) => ({ call: index + 1, fault }));
    return / (GET|HEAD) |oauth2/.test(name) ? deaths.filter(isHeard) : deaths;
  });
}

function parseDisturbance(text: string): Disturbance {
  const [call, fault] = text.trim().split(' ');
  if (!FAULTS.includes(fault as Fault))
    throw new Error(`FAULT is like "34 reset-after", with one of ${FAULTS.join(', ')}.`);
  return { call: Number(call), fault: fault as Fault };
}

/** An answer without a body has none that could be cut off or replaced. */
function isPossible(call: string, fault: Fault): boolean {
  return !(/ HEAD /.test(call) && (fault === 'cut-off' || fault === 'other-shape'));
}

/** A read has no effect that could come before or after the fault. */
function isDifferent(call: string, fault: Fault): boolean {
  return !(/ (GET|HEAD) /.test(call) && (fault === 'reset-after' || fault === 'killed-after'));
}

/** Draws whole numbers from 0 up to a limit, always the same for the same seed. */
function createDraw(seed: string): (below: number) => number {
  let drawn = 0;
  return (below) => {
    drawn += 1;
    return createHash('sha256').update(`${seed} ${drawn}`).digest().readUInt32BE() % below;
  };
}
