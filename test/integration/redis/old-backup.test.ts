import { afterAll, describe, expect, it } from 'vitest';
import {
  ABANDONED_TRIAL,
  ARM_TEMPLATE,
  AZURE_IMAGE,
  LICENCE,
  type Life,
  outcomeOf,
  TRIAL,
} from '../../support/lives.ts';
import { createWorld } from '../../support/world.ts';

/** `all` in the environment: of the lives of all products a backup ahead of every call; otherwise some of a licence. */
const isComplete = process.env.OUTAGES === 'all';
/** Of these only the record knows which machines ran ahead of a suspension: the backup of an earlier moment cannot give them back. */
const AZURE = new Set([AZURE_IMAGE, ARM_TEMPLATE]);
const LIVES = isComplete ? [LICENCE, TRIAL, ABANDONED_TRIAL, AZURE_IMAGE, ARM_TEMPLATE] : [LICENCE];
const EVERY_NTH = isComplete ? 1 : 10;
/** A life takes about a second; a busy machine may need much longer. */
const LIFE_WITHIN_MS = 120_000;

/** Every key under a prefix with how long it lives and what it holds, at one moment. */
const BACK_UP = `
  local kept = {}
  for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
    kept[#kept + 1] = key
    kept[#kept + 1] = tostring(math.max(0, redis.call('PTTL', key)))
    kept[#kept + 1] = redis.call('DUMP', key)
  end
  return kept
`;

const world = await createWorld();
afterAll(() => world.close());
const { config, emulators, redis } = world;
const everything = `${config.redis.prefix}:*`;

interface Lived {
  /** Every call that was sent, as `partner-center POST /v1/customers`. */
  calls: { name: string; chapter: string }[];
  /** How it stood at the end of each chapter. */
  outcomes: Record<string, unknown>;
}

/** What is paid for, and what its buyer has of it. A cart that nobody checked out, and a
 * deployment over what it made before, cost nothing; a password may have been lost with the record. */
function owed({ marketplace, partnerCenter, azure, record }: Awaited<ReturnType<typeof outcomeOf>>) {
  const { deploymentStatus, endpoints } = marketplace;
  const { happened: _deployedAgain, ...inAzure } = azure as { happened: unknown };
  const { happened, ...atPartnerCenter } = partnerCenter as { happened: Record<string, number> };
  const purchases = Object.entries(happened).filter(([what]) => !what.startsWith('cart created'));
  return {
    deploymentStatus,
    endpoints,
    state: (record as { state?: string }).state,
    purchases,
    atPartnerCenter,
    inAzure,
  };
}

/** Lives a life, in which a backup that is taken ahead of the call of this number takes the place of all at the end of its chapter. */
async function live(life: Life, backupBefore?: number): Promise<Lived> {
  emulators.clock.turnBack();
  await world.reset();
  world.restart();
  life.prepare(emulators);
  const calls: Lived['calls'] = [];
  let chapter = '';
  let backup: Promise<Buffer[]> | undefined;
  emulators.faults.watch(({ server, method, path }) => {
    const name = `${server} ${method} ${path.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12,64}/gi, '…')}`;
    calls.push({ name, chapter });
    // Redis gets it behind all that the connector has sent so far on the same connection, and ahead of what it sends from here on.
    if (calls.length === backupBefore) backup = redis.callBuffer('EVAL', BACK_UP, 0, everything) as Promise<Buffer[]>;
    return undefined;
  });

  const subscription = emulators.cloudesire.placeOrder(life.order);
  const outcomes: Lived['outcomes'] = {};
  const chapters: Life['chapters'] = [['delivered', () => {}], ...life.chapters];
  for (const [name, happen] of chapters) {
    chapter = name;
    await happen(emulators, subscription);
    await world.settle(subscription, { atLeastMs: life.stepMs });
    if (backup) {
      await restore(await backup);
      backup = undefined;
      // As at every start and with every new server.
      if ((await world.sweep()).includes(subscription)) await world.settle(subscription, { atLeastMs: life.stepMs });
    }
    outcomes[name] = owed(await outcomeOf(world, subscription));
  }
  emulators.faults.watch(() => undefined);
  return { calls, outcomes };
}

async function restore(backup: Buffer[]): Promise<void> {
  await world.lose();
  for (let at = 0; at < backup.length; at += 3) {
    const [key, livesMs, value] = backup.slice(at, at + 3) as [Buffer, Buffer, Buffer];
    await redis.restore(key, Number(livesMs), value);
  }
  world.restart();
}

for (const life of LIVES) {
  const undisturbed = await live(life);
  const moments = undisturbed.calls
    .map(({ name, chapter }, index) => ({ call: index + 1, name, chapter }))
    .filter(({ call, chapter }) => call % EVERY_NTH === 0 && !(chapter === 'suspended' && AZURE.has(life)));

  describe(`a backup of Redis that is restored in the life of ${life.name}`, () => {
    it.each(moments)(
      'changes nothing at its end, taken ahead of call $call ($name)',
      { timeout: LIFE_WITHIN_MS },
      async ({ call }) => {
        expect((await live(life, call)).outcomes).toEqual(undisturbed.outcomes);
      },
    );
  });
}
