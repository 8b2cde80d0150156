import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it, type TestContext, vi } from 'vitest';
import { CMW_EVENT_SECRETS } from '../../emulator/cloudesire/emulator.ts';
import { startEmulators } from '../../emulator/emulators.ts';
import { startRedis } from '../../support/redis.ts';
import { startRedisProxy } from '../../support/redis-proxy.ts';
import { startSentinels } from '../../support/sentinel.ts';
import { startService } from '../../support/service.ts';

/** `all` in the environment: every outage, again and again, each for longer than any lock lasts and any connection may be silent. */
const isComplete = process.env.OUTAGES === 'all';
const ROUNDS = isComplete ? 2 : 1;
const OUTAGE_MS = isComplete ? 16_000 : 0;
const PROCESSES = isComplete ? 2 : 1;
/** What is promised to the marketplace, where no other test takes the processor away. */
const ANSWER_WITHIN_MS = isComplete ? 2_000 : 10_000;
/** Between two events of the load. */
const EVENT_EVERY_MS = 50;
/** Orders take seconds, and looks that an outage interrupted are taken up after 15 s; a slow machine may need much longer. */
const WITHIN_MS = 120_000;
const TEST_MS = 600_000;
/** Subscriptions that do not exist: no sweep finds them, so that only their event leads to a look. */
const FIRST_UNKNOWN = 900_000;
const BUYERS = [1301, 1302];

/** A Redis as the service sees it, and what happens to it. */
interface Outage {
  url: string;
  begin(): Promise<unknown>;
  end(): Promise<unknown>;
  close(): Promise<void>;
}

/** One server behind a network that can fail. */
async function openServer(
  happen: (parts: {
    server: Awaited<ReturnType<typeof startRedis>>;
    network: Awaited<ReturnType<typeof startRedisProxy>>;
    admin: Redis;
  }) => Pick<Outage, 'begin' | 'end'>,
): Promise<Outage> {
  const server = await startRedis();
  const network = await startRedisProxy(server.port);
  const admin = new Redis(server.url, { maxRetriesPerRequest: null }).on('error', () => {});
  return {
    url: network.url,
    ...happen({ server, network, admin }),
    async close() {
      admin.disconnect();
      await network.stop();
      await server.stop();
    },
  };
}

/** A master with two replicas, set up as documented. It is the master of the moment that the signal hits. */
async function openSentinels(signal: NodeJS.Signals, goOn: 'restart' | 'thaw'): Promise<Outage> {
  const setup = await startSentinels({ args: ['--min-replicas-to-write', '1'] });
  let master = await setup.master();
  return {
    url: setup.url,
    async begin() {
      master = await setup.master();
      await master.kill(signal);
    },
    async end() {
      await setup.failedOver(master);
      await (goOn === 'restart' ? master.restart() : master.kill('SIGCONT'));
    },
    close: () => setup.stop(),
  };
}

const OUTAGES: [what: string, open: () => Promise<Outage>][] = [
  [
    'is killed and started again',
    () => openServer(({ server }) => ({ begin: () => server.kill(), end: () => server.restart() })),
  ],
  [
    'has no memory left',
    () =>
      openServer(({ admin }) => ({
        begin: () => admin.config('SET', 'maxmemory', '1'),
        end: () => admin.config('SET', 'maxmemory', '0'),
      })),
  ],
  [
    'stands still',
    () => openServer(({ server }) => ({ begin: () => server.kill('SIGSTOP'), end: () => server.kill('SIGCONT') })),
  ],
  [
    'loses its network without a word',
    () => openServer(({ network }) => ({ begin: async () => network.stall(), end: async () => network.mend() })),
  ],
  [
    'is cut off',
    () => openServer(({ network }) => ({ begin: async () => network.cut(), end: async () => network.mend() })),
  ],
  [
    'is a replica for a while',
    () =>
      openServer(({ admin }) => ({
        begin: () => admin.replicaof('127.0.0.1', 1),
        end: () => admin.replicaof('NO', 'ONE'),
      })),
  ],
  [
    'has too few replicas',
    () =>
      openServer(({ admin }) => ({
        begin: () => admin.config('SET', 'min-replicas-to-write', '1'),
        end: () => admin.config('SET', 'min-replicas-to-write', '0'),
      })),
  ],
  ['is killed, and a replica takes over', () => openSentinels('SIGKILL', 'restart')],
  ['stands still until a replica has taken over, and comes back', () => openSentinels('SIGSTOP', 'thaw')],
];

interface Answer {
  id: number;
  status: number;
  ms: number;
  retryAfter: string | null;
}

async function openScene(open: () => Promise<Outage>, onTestFinished: TestContext['onTestFinished']) {
  const outage = await open();
  onTestFinished(() => outage.close());
  const emulators = await startEmulators();
  onTestFinished(() => emulators.close());
  emulators.partnerCenter.acceptAllAttestations(true);
  emulators.partnerCenter.setOrderDelayMs(300);
  const services = await Promise.all(
    Array.from({ length: PROCESSES }, () =>
      startService({
        ...emulators.environment(),
        REDIS_URL: outage.url,
        POLL_EVERY_MS: '100',
        RETRY_BASE_MS: '50',
      }),
    ),
  );
  onTestFinished(async () => void (await Promise.all(services.map((service) => service.end('SIGKILL')))));
  const [{ url }] = services as [(typeof services)[number]];

  const answers: Answer[] = [];
  const orders: number[] = [];
  let isOver = false;

  async function send(id: number): Promise<Answer> {
    const body = JSON.stringify({ id, entity: 'Subscription', type: 'MODIFIED' });
    const signature = `sha1=${createHmac('sha1', CMW_EVENT_SECRETS[0] ?? '')
      .update(body)
      .digest('hex')}`;
    const headers = { 'Content-Type': 'application/json', 'CMW-Event-Signature': signature };
    const startedAt = performance.now();
    const response = await fetch(`${url}/event`, { method: 'POST', body, headers });
    const answer = {
      id,
      status: response.status,
      ms: performance.now() - startedAt,
      retryAfter: response.headers.get('retry-after'),
    };
    answers.push(answer);
    return answer;
  }

  const load = (async () => {
    for (let id = FIRST_UNKNOWN; !isOver; id += 1) {
      await send(id);
      await pause(EVENT_EVERY_MS);
    }
  })();
  onTestFinished(async () => {
    isOver = true;
    await load;
  });

  return {
    outage,
    emulators,
    answers,
    orders,
    output: () => services.map((service) => service.output()).join(''),
    /** Sells, and tells of it until that is heard, as the marketplace does. */
    sell() {
      const buyer = BUYERS[orders.length % BUYERS.length]!;
      const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer, licenses: 5, paid: true });
      orders.push(id);
      void (async () => {
        while (!isOver && (await send(id)).status !== 204) await pause(EVENT_EVERY_MS);
      })();
    },
    health: async (of: 'live' | 'ready') =>
      Promise.all(services.map(async (service) => (await fetch(`${service.url}/health/${of}`)).status)),
    async endLoad() {
      isOver = true;
      await load;
    },
    /** Subscriptions that the connector has read. */
    read: () =>
      new Set(
        emulators
          .calls()
          .filter(({ server, method }) => server === 'cloudesire' && method === 'GET')
          .map(({ path }) => Number(/\/subscription\/(\d+)$/.exec(path)?.[1])),
      ),
  };
}

const all = (status: number) => Array.from({ length: PROCESSES }, () => status);

// One after the other where seconds are promised.
(isComplete ? describe : describe.concurrent)('when Redis', () => {
  it.for(isComplete ? OUTAGES : OUTAGES.slice(0, 2))(
    '%s: no event that was accepted is lost, others are refused in time, and every order is delivered and bought once',
    { timeout: TEST_MS },
    async ([, open], { onTestFinished }) => {
      const scene = await openScene(open, onTestFinished);
      const { outage, answers, emulators } = scene;
      await vi.waitFor(async () => expect(await scene.health('ready')).toEqual(all(200)), WITHIN_MS);

      for (let round = 1; round <= ROUNDS; round += 1) {
        scene.sell();
        const bought = () => emulators.partnerCenter.books().entries.filter(({ what }) => what === 'cart created');
        await vi.waitFor(() => expect(bought().length).toBeGreaterThanOrEqual(scene.orders.length), WITHIN_MS);
        await outage.begin();
        scene.sell();
        const before = answers.length;
        const refused = () => answers.slice(before).filter(({ status }) => status === 503);
        await Promise.all([
          vi.waitFor(() => expect(refused()).not.toEqual([]), WITHIN_MS),
          vi.waitFor(async () => expect(await scene.health('ready')).toEqual(all(503)), WITHIN_MS),
        ]);
        expect(await scene.health('live')).toEqual(all(200));
        await pause(OUTAGE_MS);
        await outage.end();
        await vi.waitFor(async () => expect(await scene.health('ready')).toEqual(all(200)), WITHIN_MS);
      }

      for (const id of scene.orders) await emulators.cloudesire.whenStatus(id, 'DEPLOYED', WITHIN_MS);
      await scene.endLoad();
      const accepted = answers.filter(({ status }) => status === 204).map(({ id }) => id);
      await vi.waitFor(() => {
        const read = scene.read();
        expect(accepted.filter((id) => !read.has(id))).toEqual([]);
      }, WITHIN_MS);

      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204, 503]));
      expect(answers.filter(({ status, retryAfter }) => status === 503 && !(Number(retryAfter) > 0))).toEqual([]);
      expect(answers.filter(({ ms }) => ms > ANSWER_WITHIN_MS)).toEqual([]);
      const { entries } = emulators.partnerCenter.books();
      expect(entries.filter(({ what }) => what === 'order placed')).toHaveLength(scene.orders.length);
      expect(entries.filter(({ what }) => what === 'customer created')).toHaveLength(
        Math.min(scene.orders.length, BUYERS.length),
      );
    },
  );
});
