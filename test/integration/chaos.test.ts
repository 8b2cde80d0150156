import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createKeys } from '../../src/store/keys.ts';
import { CMW_EVENT_SECRETS } from '../emulator/cloudesire/emulator.ts';
import { startEmulators } from '../emulator/emulators.ts';
import { seeded } from '../support/backlog.ts';
import { addCompany } from '../support/companies.ts';
import { createEventLedger } from '../support/event-ledger.ts';
import { createEventSender, type SentEvent } from '../support/event-sender.ts';
import { freePort } from '../support/free-port.ts';
import { startRedis } from '../support/redis.ts';
import { launchService, type RunningService } from '../support/service.ts';

const EVENTS = Number(process.env.CHAOS_EVENTS ?? 150);
const SEED = Number(process.env.CHAOS_SEED ?? 1);
const isComplete = EVENTS >= 1_000;
const SUBSCRIPTIONS = Math.ceil(EVENTS / 30);
const PROCESSES = isComplete ? { web: 2, worker: 3 } : { web: 1, worker: 1 };
/** Events that are on their way at once. */
const SENDERS = isComplete ? 24 : 8;
/** New orders come over so long; so long lasts a pause between two things that happen to one of them. */
const ORDERS_OVER_MS = isComplete ? 180_000 : 500;
const LONGEST_PAUSE_MS = isComplete ? 8_000 : 300;
/** Between two strokes. */
const STROKE_EVERY_MS = isComplete ? { least: 2_000, most: 6_000 } : { least: 700, most: 1_000 };
/** Without end, as long as customers do anything. */
const STROKES = isComplete ? Number.POSITIVE_INFINITY : 3;
/** What a killed worker was at is taken up after 15 s, a few times over at worst; a slow machine needs much longer. */
const WITHIN_MS = isComplete ? 1_800_000 : 240_000;

/** Subscriptions that do not exist: no sweep finds them, so that only their event leads to a look. */
const FIRST_UNKNOWN = 900_000;
const FIRST_BUYER = 30_000;
const MOST_SEATS = 30;
/** Of these many orders one is a machine in Azure, all others are licences. */
const ORDERS_PER_MACHINE = 5;

const TYPES = ['CREATED', 'MODIFIED', 'DELETED'] as const;

type Role = keyof typeof PROCESSES;

interface AtMicrosoft {
  friendlyName?: string;
  status: string;
  quantity: number;
}

const random = seeded(Math.imul(SEED, 2_654_435_761) >>> 0);
const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
function pick<T>(list: readonly T[]): T {
  return list[between(0, list.length - 1)]!;
}

async function openScene() {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const emulators = await startEmulators();
  onTestFinished(() => emulators.close());
  emulators.partnerCenter.acceptAllAttestations(true);
  emulators.partnerCenter.setOrderDelayMs(500);
  // Limits count minutes, and are tested elsewhere: here a minute of theirs lasts a second.
  emulators.partnerCenter.setSwitches({ throttlePerMinute: 1_000_000 });
  emulators.arm.setSwitches({
    throttling: false,
    coreQuota: 10_000,
    pollsUntilDone: 1,
    subscriptionVisibleAfterMs: 0,
    subscriptionStateDelayMs: 0,
  });
  const admin = new Redis(redis.url, { maxRetriesPerRequest: null }).on('error', () => {});
  const keys = createKeys('microsoft-connector');
  const minutes = setInterval(() => {
    void admin.keys(keys.budget('*')).then((found) => (found.length > 0 ? admin.unlink(...found) : 0));
  }, 1_000);
  onTestFinished(() => {
    clearInterval(minutes);
    admin.disconnect();
  });

  const environment = { ...emulators.environment(), REDIS_URL: redis.url, POLL_EVERY_MS: '300', RETRY_BASE_MS: '100' };
  const slots = await Promise.all(
    (Object.keys(PROCESSES) as Role[]).flatMap((role) =>
      Array.from({ length: PROCESSES[role] }, async () => ({ role, port: String(await freePort()) })),
    ),
  );
  const outputs: string[] = [];
  const running = await Promise.all(slots.map(launch));
  let isOver = false;
  onTestFinished(async () => {
    isOver = true;
    await Promise.all(running.map((one) => one.end('SIGKILL')));
  });
  await Promise.all(running.map((one) => one.ready));

  async function launch({ role, port }: { role: Role; port: string }): Promise<RunningService> {
    const service = await launchService({ ...environment, ROLE: role, PORT: port });
    service.ready.catch(() => {});
    return service;
  }

  async function replace(at: number, signal: NodeJS.Signals): Promise<void> {
    const former = running[at]!;
    await former.end(signal);
    outputs.push(former.output());
    if (isOver) return;
    running[at] = await launch(slots[at]!);
    await running[at].ready;
  }

  return {
    redis,
    emulators,
    webUrls: slots.flatMap(({ role }, at) => (role === 'web' ? [running[at]!.url] : [])),
    replace,
    /** Places of the processes of this role. */
    places: (role: Role) => slots.flatMap((slot, at) => (slot.role === role ? [at] : [])),
    output: () => [...outputs, ...running.map((one: RunningService) => one.output())].join(''),
  };
}

type Scene = Awaited<ReturnType<typeof openScene>>;

/** The marketplace's side of events: each is sent until it was answered 204, and some are sent again or late. */
function createMarketplace({ emulators, webUrls }: Scene) {
  const sender = createEventSender({ secret: CMW_EVENT_SECRETS[0] ?? '', connections: SENDERS, keepAlive: true });
  onTestFinished(() => sender.close());
  const waiting: SentEvent[] = [];
  const outcomes = new Map<number | string, number>();
  const ledger = createEventLedger(emulators);
  const known: number[] = [];
  let unknown = FIRST_UNKNOWN;
  let made = 0;
  let underWay = 0;

  /** What nobody needs: repeated, swapped, or of something that is not there. */
  function makeOne(): SentEvent {
    made += 1;
    if (known.length === 0 || random() < 0.1) {
      unknown += 1;
      return { subscriptionId: unknown, type: 'CREATED' };
    }
    return { subscriptionId: pick(known), type: pick(TYPES) };
  }

  async function deliver(event: SentEvent): Promise<void> {
    underWay += 1;
    const sentAt = ledger.now();
    const { outcome } = await sender.send(pick(webUrls), event);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (outcome === 204) ledger.accepted(event.subscriptionId, sentAt);
    else {
      await pause(between(200, 1_000));
      waiting.push(event);
    }
    underWay -= 1;
  }

  return {
    outcomes,
    subscriptions: known,
    tell(subscriptionId: number, type: SentEvent['type']): void {
      if (!known.includes(subscriptionId)) known.push(subscriptionId);
      made += 1;
      waiting.push({ subscriptionId, type });
    },
    /** Sends all that there is, and more until there were enough, as long as customers are at work. */
    async sendAll(isAtWork: () => boolean): Promise<void> {
      const pauseMs = ORDERS_OVER_MS / EVENTS;
      await Promise.all(
        Array.from({ length: SENDERS }, async () => {
          while (isAtWork() || waiting.length > 0 || underWay > 0 || made < EVENTS) {
            const event = waiting.shift() ?? (made < EVENTS ? makeOne() : undefined);
            if (event) await deliver(event);
            await pause(pauseMs * SENDERS * 1.5);
          }
        }),
      );
    },
    /** Subscriptions that were not read after an event of theirs was answered 204. */
    lost: () => ledger.unread(),
  };
}

type Marketplace = ReturnType<typeof createMarketplace>;

/** One customer, from the order to the end, or to the last of what they wanted. */
async function live({ emulators }: Scene, { tell }: Marketplace, index: number): Promise<void> {
  const { cloudesire } = emulators;
  await pause((ORDERS_OVER_MS * index) / SUBSCRIPTIONS);
  // Every third order is of a company that has ordered before.
  const buyer = FIRST_BUYER + (index % 3 === 2 ? index - 1 : index);
  addCompany(emulators, buyer);
  const isMachine = index % ORDERS_PER_MACHINE === 1;
  const id = cloudesire.placeOrder({
    buyer,
    paid: true,
    ...(isMachine
      ? { plan: 2201, parameters: { DNS_PREFIX: `host-${index}` } }
      : { plan: 2101, licenses: between(2, 20) }),
  });
  tell(id, 'CREATED');
  await cloudesire.whenStatus(id, 'DEPLOYED', WITHIN_MS);

  for (let left = between(0, 4); left > 0; left -= 1) {
    await pause(between(0, LONGEST_PAUSE_MS));
    if (!isMachine && random() < 0.6) {
      const { licenses = 1 } = cloudesire.subscription(id);
      cloudesire.changeQuantity(id, ((licenses + between(0, MOST_SEATS - 2)) % MOST_SEATS) + 1, { paid: true });
    } else {
      cloudesire.stop(id);
      tell(id, 'MODIFIED');
      await pause(between(0, LONGEST_PAUSE_MS));
      cloudesire.resume(id);
    }
    tell(id, 'MODIFIED');
  }
  await pause(between(0, LONGEST_PAUSE_MS));
  const end = random();
  if (end < 0.4) {
    cloudesire.terminate(id);
    tell(id, 'MODIFIED');
    await cloudesire.whenStatus(id, 'UNDEPLOYED', WITHIN_MS);
  } else if (end < 0.6) {
    cloudesire.stop(id);
    tell(id, 'MODIFIED');
  }
}

/** What happens to the processes and to Redis, again and again, until it is enough. */
async function strike(scene: Scene, isOver: () => boolean): Promise<Record<string, number>> {
  const strokes = { webKilled: 0, workerKilled: 0, stopped: 0, redisRestarted: 0 };
  const underWay = new Set<Promise<void>>();
  const free = new Set(['web', 'worker'].flatMap((role) => scene.places(role as Role)));

  function replaceOne(role: Role, signal: NodeJS.Signals): boolean {
    const able = scene.places(role).filter((at) => free.has(at));
    if (able.length === 0) return false;
    const at = pick(able);
    free.delete(at);
    const replaced = scene.replace(at, signal).finally(() => {
      free.add(at);
      underWay.delete(replaced);
    });
    underWay.add(replaced);
    return true;
  }

  for (let count = 0; count < STROKES && !isOver(); count += 1) {
    await pause(between(STROKE_EVERY_MS.least, STROKE_EVERY_MS.most));
    const kind = isComplete ? random() : [0.5, 0.1, 0.99][count]!;
    if (kind < 0.3) strokes.webKilled += Number(replaceOne('web', 'SIGKILL'));
    else if (kind < 0.75) strokes.workerKilled += Number(replaceOne('worker', 'SIGKILL'));
    else if (kind < 0.85) strokes.stopped += Number(replaceOne(pick(['web', 'worker']), 'SIGTERM'));
    else {
      await scene.redis.kill('SIGKILL');
      await pause(between(0, isComplete ? 1_500 : 100));
      await scene.redis.restart();
      strokes.redisRestarted += 1;
    }
  }
  await Promise.all(underWay);
  return strokes;
}

/** In what a subscription at Microsoft differs from what the marketplace has sold. */
function difference({ emulators }: Scene, id: number, bought: AtMicrosoft[]): string | undefined {
  const { deploymentStatus, licenses, plan } = emulators.cloudesire.subscription(id);
  if (plan === 2201) return differenceOfMachine(emulators.arm, id, deploymentStatus);
  const [ours, ...more] = bought.filter(({ friendlyName }) => friendlyName === `Cloudesire ${id}`);
  if (more.length > 0) return `${id} was bought ${more.length + 1} times`;
  const isRight =
    (deploymentStatus === 'DEPLOYED' && ours?.status === 'active' && ours.quantity === licenses) ||
    // Seats of what is suspended are changed when it is paid.
    (deploymentStatus === 'STOPPED' && ours?.status === 'suspended') ||
    (deploymentStatus === 'UNDEPLOYED' && ours?.status !== 'active');
  if (isRight) return undefined;
  return `${id}, ${licenses} seats, is ${deploymentStatus} in the marketplace, and ${ours?.status}, ${ours?.quantity} seats, at Microsoft`;
}

/** In what a machine at Azure differs from that; whatever else was made for it ends with it. */
function differenceOfMachine(arm: Scene['emulators']['arm'], id: number, deploymentStatus: string): string | undefined {
  const left = arm.leftovers({ tag: 'cloudesire-subscription', value: String(id) });
  const power = arm
    .resources()
    .filter(({ type, id: path }) => type === 'Microsoft.Compute/virtualMachines' && path.includes(`/cloudesire-${id}/`))
    .map((machine) => arm.powerHistory({ resource: machine.id }).at(-1)?.state);
  const wanted: Record<string, string[]> = { DEPLOYED: ['running'], STOPPED: ['deallocated'], UNDEPLOYED: [] };
  const isRight =
    isDeepStrictEqual(power, wanted[deploymentStatus]) && (deploymentStatus !== 'UNDEPLOYED' || left.length === 0);
  if (isRight) return undefined;
  return `${id}, a machine, is ${deploymentStatus} in the marketplace, and ${power.join(', ') || 'absent'} at Azure, where ${left.length} things are its own`;
}

it(
  `while processes and Redis are killed, ${EVENTS} events of ${SUBSCRIPTIONS} orders, repeated and swapped, lead each to its right end: no event lost, none bought twice (seed ${SEED})`,
  async () => {
    const scene = await openScene();
    const { emulators } = scene;
    const marketplace = createMarketplace(scene);
    const startedAt = performance.now();
    let isAtWork = true;
    const lives = Promise.all(
      Array.from({ length: SUBSCRIPTIONS }, (_, index) => live(scene, marketplace, index)),
    ).finally(() => {
      isAtWork = false;
    });
    const [strokes] = await Promise.all([strike(scene, () => !isAtWork), marketplace.sendAll(() => isAtWork), lives]);

    const differences = () => {
      const bought = emulators.partnerCenter.subscriptions() as unknown as AtMicrosoft[];
      return marketplace.subscriptions
        .map((id) => difference(scene, id, bought))
        .filter((found) => found !== undefined);
    };
    await vi.waitFor(() => expect([...differences(), ...marketplace.lost()]).toEqual([]), {
      timeout: WITHIN_MS,
      interval: 500,
    });

    const count = (wanted: string) =>
      emulators.partnerCenter.books().entries.filter(({ what }) => what === wanted).length;
    const answered = Object.fromEntries([...marketplace.outcomes].map(([outcome, times]) => [String(outcome), times]));
    if (isComplete)
      console.info(
        JSON.stringify({
          seconds: Math.round((performance.now() - startedAt) / 1_000),
          requests: Object.values(answered).reduce((sum, times) => sum + times, 0),
          answered,
          ...strokes,
          subscriptions: SUBSCRIPTIONS,
          machines: emulators.arm.books().deployments.length,
          ordersPlaced: count('order placed'),
          customersCreated: count('customer created'),
          setAside: scene.output().split('"code":"look.crashes"').length - 1,
        }),
      );
    expect(answered[204]).toBeGreaterThanOrEqual(EVENTS);
    expect(count('order placed')).toBe(SUBSCRIPTIONS);
    expect(count('customer created')).toBe(
      new Set(Array.from({ length: SUBSCRIPTIONS }, (_, i) => (i % 3 === 2 ? i - 1 : i))).size,
    );
  },
  WITHIN_MS * 1.5,
);
