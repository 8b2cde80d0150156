import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { SubscriptionRecord } from '../../../src/workflows/record.ts';
import type { FaultRule } from '../../emulator/core/faults.ts';
import { ARM_TEMPLATE, AZURE_IMAGE, LICENCE, type Life, TRIAL } from '../../support/lives.ts';
import { createWorld } from '../../support/world.ts';

/* What becomes of an operation when something never works again. */

/** Whatever an upstream, or the way to it, may do from now on for ever. */
const FAULTS = {
  unreachable: { kind: 'refuse' },
  reset: { kind: 'reset-before' },
  'effect without answer': { kind: 'reset-after' },
  'time-out': { kind: 'timeout-after' },
  400: { kind: 'status', status: 400, body: { code: 'BadRequest', description: 'No.' } },
  401: { kind: 'status', status: 401, body: {} },
  403: { kind: 'status', status: 403, body: {} },
  404: { kind: 'status', status: 404, body: {} },
  409: { kind: 'status', status: 409, body: {} },
  422: { kind: 'status', status: 422, body: {} },
  429: { kind: 'status', status: 429, headers: { 'retry-after': '7' }, body: {} },
  500: { kind: 'status', status: 500, body: {} },
  503: { kind: 'status', status: 503, body: {} },
  '503 for an hour': { kind: 'status', status: 503, headers: { 'retry-after': '3600' }, body: {} },
  'cut off': { kind: 'malformed' },
  'another shape': { kind: 'replace', status: 200, body: { unexpected: [true] } },
  'nothing in it': { kind: 'replace', status: 200, body: {} },
  redirect: { kind: 'status', status: 302, headers: { location: 'https://example.org/' }, body: {} },
} as const satisfies Record<string, FaultRule>;

type Fault = keyof typeof FAULTS;

interface Endless {
  /** The first call that meets it, counted from 1 through all upstreams and the whole life. */
  from: number;
  /** It meets the same call only, or every call of the same upstream. */
  scope: 'call' | 'upstream';
  fault: Fault;
}

const LIVES: Life[] = [LICENCE, TRIAL, AZURE_IMAGE, ARM_TEMPLATE];
const { FAULTS: HOW_MANY, ENDLESS_SEED } = process.env;
const RUNS = HOW_MANY === 'all' ? 60 : 3;
/** The marketplace knows nothing any more of what it has just sold. */
const FORGOTTEN: Endless = { from: 3, scope: 'upstream', fault: 404 };
/** Looks that find no rest before it counts as lasting. */
const LOOKS = 30;
const LONGEST_PAUSE_MS = 60_000;
const LIFE_WITHIN_MS = 600_000;

// The second failure in a row comes after the deadline.
const world = await createWorld({ OPERATION_DEADLINE_MS: '1', HTTP_TIMEOUT_MS: HOW_MANY === 'all' ? '300' : '20000' });
afterAll(() => world.close());

describe('an operation that something stands in the way of for ever', () => {
  it.each(LIVES.map((life) => [life.name, life] as const))(
    'stands, in the life of %s, where it says what happened and somebody was told',
    { timeout: LIFE_WITHIN_MS },
    async (_, life) => {
      const { calls, statuses } = await live(life);
      expect([statuses.length, statuses.at(-1)]).toEqual([1 + life.chapters.length, 'UNDEPLOYED']);
      const possible = Object.keys(FAULTS).filter((fault) => HOW_MANY === 'all' || fault !== 'time-out') as Fault[];
      const endless = fc.record({
        from: fc.integer({ min: 1, max: calls.length }),
        scope: fc.constantFrom('call' as const, 'upstream' as const),
        fault: fc.constantFrom(...possible),
      });
      await fc.assert(
        fc.asyncProperty(endless, async (given) => {
          assertStanding(await live(life, { ...given, undisturbed: statuses }), statuses);
        }),
        { numRuns: RUNS, seed: Number(ENDLESS_SEED ?? 20_260_302), examples: [[FORGOTTEN]], endOnFailure: true },
      );
    },
  );
});

interface Lived {
  calls: string[];
  /** The marketplace's status after each chapter. */
  statuses: string[];
  record: SubscriptionRecord | undefined;
  marketplace: ReturnType<typeof world.emulators.cloudesire.subscription>;
}

/** Lives until something lasts, or to the end. */
async function live(life: Life, endless?: Endless & { undisturbed: string[] }): Promise<Lived> {
  const { emulators } = world;
  await world.reset();
  world.restart();
  life.prepare(emulators);
  const calls: string[] = [];
  let met: string | undefined;
  emulators.faults.watch(({ server, method, path }) => {
    const name = `${server} ${method} ${withoutIds(path)}`;
    calls.push(name);
    if (calls.length === endless?.from) met = endless.scope === 'call' ? name : server;
    const isMet = met !== undefined && (endless?.scope === 'call' ? name === met : server === met);
    return isMet && endless ? FAULTS[endless.fault] : undefined;
  });

  const id = emulators.cloudesire.placeOrder(life.order);
  const statuses: string[] = [];
  const read = async () => (await world.records.get(id)) as SubscriptionRecord | undefined;
  for (const [, happen] of [['ordered', () => {}], ...life.chapters] as const) {
    await happen(emulators, id);
    const isAtRest = await settle(id, life.stepMs);
    statuses.push(emulators.cloudesire.subscription(id).deploymentStatus);
    const isAsExpected = endless?.undisturbed[statuses.length - 1] === statuses.at(-1);
    if (!isAtRest || (endless && !isAsExpected)) break;
  }
  return { calls, statuses, record: await read(), marketplace: emulators.cloudesire.subscription(id) };
}

async function settle(id: number, stepMs: number): Promise<boolean> {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    const outcome = await world.look(id);
    if ('done' in outcome) return true;
    // The connector itself goes by real time, and its tokens should not end before it thinks so.
    await world.pass(Math.min(Math.max(outcome.againInMs, stepMs), LONGEST_PAUSE_MS));
  }
  return false;
}

function assertStanding({ record, marketplace, statuses }: Lived, undisturbed: string[]): void {
  const { state, waitingFor, lastError, failure } = record ?? {};
  const stands = JSON.stringify({ state, waitingFor, lastError, failure, statuses, alerts: world.alerts });
  switch (state) {
    case 'failed':
      expect(failure?.reported, stands).toBe(true);
      expect(marketplace.deploymentStatus, stands).toBe('FAILED');
      expect(Object.values(marketplace.instructions).join(''), stands).toMatch(/\w{3}/);
      if (failure?.kind === 'final') expect(world.alerts, stands).toContain(failure.code);
      break;
    case 'needs-attention':
      expect(waitingFor, stands).toMatch(/\w{3}/);
      expect(lastError?.message, stands).toMatch(/\w{3} \w/);
      expect(world.alerts, stands).toContain(lastError?.code);
      break;
    case 'waiting':
      expect(waitingFor, stands).toMatch(/\w{3} \w/);
      // An outage is told once for all that it holds up, if it lasts.
      if (!/^the return of /.test(waitingFor ?? '')) expect(world.alerts, stands).toContain('operation.slow');
      break;
    default:
      expect(state, stands).toMatch(/^(done|idle)$/);
      if (state === 'idle' && waitingFor === 'the marketplace to show the subscription') break;
      // It was in nobody's way after all.
      expect(statuses, stands).toEqual(undisturbed);
  }
}

/** The same call for another object, or in another try, is the same call. */
function withoutIds(path: string): string {
  return path.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12,64}/gi, '…');
}
