import { isDeepStrictEqual } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { createSweep, deathsIn, type Lived, type ReleaseFor } from '../support/fault-sweep.ts';
import {
  ABANDONED_TRIAL,
  ARM_TEMPLATE,
  AZURE_IMAGE,
  LICENCE,
  type Life,
  type Outcome,
  TRIAL,
  withLostPassword,
} from '../support/lives.ts';
import { loadRelease, PRESENT, type Release } from '../support/release.ts';
import { createWorld } from '../support/world.ts';

/* Runs that one release has begun and another one goes on with: when this one is rolled out, and when it is taken back. */

const { UPGRADE_FROM = '' } = process.env;
if (UPGRADE_FROM === '') throw new Error('UPGRADE_FROM has to name the commit of the release before, e.g. v1.2.0.');
const FORMER = await loadRelease(UPGRADE_FROM);
const LIVES = [LICENCE, TRIAL, ABANDONED_TRIAL, AZURE_IMAGE, ARM_TEMPLATE].map(withRests);
const WAYS: [way: string, first: Release, then: Release][] = [
  ['rolled out', FORMER, PRESENT],
  ['taken back', PRESENT, FORMER],
];
const LIFE_WITHIN_MS = 120_000;

const world = await createWorld();
afterAll(() => world.close());
const live = createSweep(world);

for (const life of LIVES) {
  const whole = new Map<Release, Lived>();
  for (const release of [FORMER, PRESENT]) whole.set(release, await live(life, [], () => release));

  describe.each(WAYS)(`${life.name}, while this release is %s`, (_way, first, then) => {
    const ends = [then, first].map((release) => whole.get(release)!.outcomes);
    const calls = whole.get(first)!.calls;
    const deaths = deathsIn(calls).map((death) => {
      const { call, fault } = death;
      return [`${fault} at call ${call} (${calls[call - 1]})`, death] as const;
    });

    it('is delivered, changed and ended as by one alone, by both in turns', { timeout: LIFE_WITHIN_MS }, async () => {
      expectEnd(await live(life, [], ({ looks }) => (looks % 2 === 0 ? first : then)), ends);
    });

    it.each(deaths)('goes on after a worker %s', { timeout: LIFE_WITHIN_MS }, async (_what, death) => {
      const other: ReleaseFor = (before) => (before.deaths === 0 ? first : then);
      expectEnd(await live(life, [death], other), ends);
    });
  });
}

/** After each chapter it is looked at once more, by whichever release did not find it at rest: there is nothing to do then. */
function withRests(life: Life): Life {
  const rest = (after: string): Life['chapters'][number] => [`${after}, at rest`, () => {}];
  return { ...life, chapters: [rest('delivered'), ...life.chapters.flatMap((one) => [one, rest(one[0])])] };
}

/** As it would have been with the one release or with the other. Texts may differ between the two, and what each notes for itself. */
function expectEnd({ outcomes, unheard, missed }: Lived, ends: Record<string, Outcome>[]): void {
  expect(missed).toEqual([]);
  const isPasswordLost = unheard.includes('partner-center POST /v1/customers');
  const [end, otherEnd] = ends.map((one) => factsOf(isPasswordLost ? withLostPassword(one, outcomes) : one));
  const facts = factsOf(outcomes);
  expect(facts).toEqual(isDeepStrictEqual(facts, otherEnd) ? otherEnd : end);
}

function factsOf(outcomes: Record<string, Outcome>) {
  return Object.entries(outcomes).map(([chapter, { marketplace, partnerCenter, azure, record }]) => {
    const { deploymentStatus, was, credentials } = marketplace;
    return {
      chapter,
      deploymentStatus,
      was,
      credentials,
      partnerCenter,
      azure,
      state: (record as { state: string }).state,
    };
  });
}
