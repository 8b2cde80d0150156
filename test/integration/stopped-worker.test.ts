import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Queue } from 'bullmq';
import { describe, expect, inject, it, type TestContext, vi } from 'vitest';
import { createProducer } from '../../src/queue/producer.ts';
import { createKeys } from '../../src/store/keys.ts';
import { producerConnection, workerConnection } from '../../src/store/redis.ts';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { type RunningService, startService } from '../support/service.ts';
import { watchWire } from '../support/wire-watch.ts';

/** A life takes seconds, and a look of a worker that stands still is taken over after about 15 s; a slow machine may need much longer. */
const LIFE_MS = 120_000;
/** `all` in the environment: at every one of these moments. */
const isComplete = process.env.STOPS === 'all';

/** A worker that stops dead, another one, and what both work on. No other test uses any of it. */
async function openScene(onTestFinished: TestContext['onTestFinished']) {
  const emulators = await startEmulators();
  const watch = await watchWire(inject('redisUrl'));
  const desk = await watchWire(emulators.partnerCenter.url);
  const prefix = `test-${randomUUID()}`;
  const keys = createKeys(prefix);
  const redis = workerConnection(inject('redisUrl'));
  const connection = producerConnection(inject('redisUrl'));
  const producer = createProducer({ redis: connection, prefix, confirm: async () => {}, backlogLimit: 100 });
  const looks = new Queue('looks', { connection: redis, prefix });
  const workers: RunningService[] = [];
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.end('SIGKILL')));
    await Promise.all([looks.close(), producer.close()]);
    for await (const found of redis.scanStream({ match: `${prefix}:*`, count: 1_000 }))
      if (found.length > 0) await redis.unlink(...(found as string[]));
    for (const one of [redis, connection]) one.disconnect();
    watch.close();
    desk.close();
    await emulators.close();
  });
  emulators.partnerCenter.acceptAllAttestations(true);
  emulators.partnerCenter.setOrderDelayMs(300);

  async function startWorker(ways: Record<'REDIS_URL' | 'PARTNER_CENTER_BASE_URL', string>): Promise<RunningService> {
    const worker = await startService({
      ...emulators.environment(),
      ...ways,
      ROLE: 'worker',
      REDIS_PREFIX: prefix,
      POLL_EVERY_MS: '100',
      RETRY_BASE_MS: '50',
    });
    workers.push(worker);
    return worker;
  }

  const victim = await startWorker({ REDIS_URL: watch.url, PARTNER_CENTER_BASE_URL: desk.url });
  await vi.waitFor(() => expect(victim.output()).toContain('sweep finished'), LIFE_MS);
  const stopped = Promise.withResolvers<void>();
  const goesOn = Promise.withResolvers<void>();

  return {
    emulators,
    watch,
    desk,
    requestLook: (id: number) => producer.requestLook(id),
    startOther: () =>
      startWorker({ REDIS_URL: inject('redisUrl'), PARTNER_CENTER_BASE_URL: emulators.partnerCenter.url }),
    stopped: stopped.promise,
    goesOn: goesOn.promise,
    /** Stops the first worker; it stands still when this returns. */
    stop() {
      const { pid } = victim.process;
      if (pid === undefined) throw new Error('the worker never started');
      process.kill(pid, 'SIGSTOP');
      while (!/^\d+ \(.*\) T/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) {}
      stopped.resolve();
    },
    /** Lets it go on and resolves once it has given its look up. What it wrote meanwhile is answered: upstream, and whether in Redis. */
    async goOn(id: number): Promise<{ upstream: string[]; redis: boolean }> {
      const story = async () =>
        JSON.stringify([
          await redis.mget(keys.fence(id), keys.record(id)),
          await redis.lrange(keys.timeline(id), 0, -1),
          await Promise.all((await redis.keys(keys.journal('*'))).sort().map((key) => redis.hgetall(key))),
        ]);
      const before = await story();
      const callsBefore = emulators.calls().length;
      victim.process.kill('SIGCONT');
      goesOn.resolve();
      await vi.waitFor(() => expect(victim.output()).toContain('look ended before its time'), LIFE_MS);
      const calls = emulators.calls().slice(callsBefore);
      return { upstream: writesOf(calls), redis: (await story()) !== before };
    },
    /** Resolves once nothing is left to do for anybody. */
    atRest: () =>
      vi.waitFor(async () => {
        const counts = await looks.getJobCounts('active', 'wait', 'prioritized', 'delayed');
        expect(counts).toEqual({ active: 0, wait: 0, prioritized: 0, delayed: 0 });
      }, LIFE_MS),
  };
}

type Scene = Awaited<ReturnType<typeof openScene>>;

function writesOf(calls: ReturnType<Emulators['calls']>): string[] {
  return calls
    .filter(({ server, method }) => server !== 'entra' && method !== 'GET' && method !== 'HEAD')
    .map(({ method, path }) => `${method} ${path.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{5}/g, '…')}`);
}

function count({ partnerCenter }: Emulators, what: string): number {
  return partnerCenter.books().entries.filter((entry) => entry.what === what).length;
}

const CHECKOUT = /\/checkout$/;
/** A call takes its turn in the limits of its upstream, and then asks whether it may be sent. */
const TURN = { partnerCenter: /:budget:partner-center\r\n/, cloudesire: /:budget:cloudesire\r\n/ };

/** The marketplace is asked a last time, once there is a cart, whether the order still stands: from there on the purchase goes its way. */
function atLastQuestion({ emulators }: Scene, id: number, then: () => void): void {
  let isAsked = false;
  emulators.cloudesire.server.before(({ method, path }) => {
    if (isAsked || method !== 'GET' || !path.endsWith(`/subscription/${id}`)) return undefined;
    if (count(emulators, 'cart created') === 0) return undefined;
    isAsked = true;
    then();
    return undefined;
  });
}

/** Once, when this call has had its effect and before its answer is sent. */
function atAnswer({ emulators }: Scene, wanted: { method: string; path: RegExp }, then: () => void): void {
  let isAnswered = false;
  for (const { server } of [emulators.cloudesire, emulators.partnerCenter]) {
    server.finish((call, reply) => {
      if (isAnswered || call.method !== wanted.method || !wanted.path.test(call.path)) return reply;
      isAnswered = true;
      then();
      return reply;
    });
  }
}

const MOMENTS: { when: string; arrange(scene: Scene, id: number): void; stillSends?: string[] }[] = [
  {
    when: 'with its key for the checkout stored, just before it asks whether it may send it',
    arrange: (scene, id) => atLastQuestion(scene, id, () => scene.watch.next(TURN.partnerCenter, scene.stop)),
  },
  {
    when: 'with its checkout on the way, which then comes twice',
    arrange: ({ desk, stop, goesOn }) =>
      desk.next(/^POST \S+\/checkout /, () => {
        stop();
        return goesOn;
      }),
    stillSends: ['POST /v1/customers/…/carts/…/checkout'],
  },
  { when: 'before the key for the checkout is stored', arrange: (scene, id) => atLastQuestion(scene, id, scene.stop) },
  {
    when: 'when the customer was created, but not recorded',
    arrange: (scene) => atAnswer(scene, { method: 'POST', path: /\/customers$/ }, scene.stop),
  },
  {
    when: 'between the cart and its record',
    arrange: (scene) => atAnswer(scene, { method: 'POST', path: /\/carts$/ }, scene.stop),
  },
  {
    when: 'when the checkout was carried out, but not recorded',
    arrange: (scene) => atAnswer(scene, { method: 'POST', path: CHECKOUT }, scene.stop),
  },
  {
    when: 'just before it asks whether it may report the delivery',
    arrange: (scene) =>
      atAnswer(scene, { method: 'POST', path: /\/subscription\/\d+\/endpoints$/ }, () =>
        scene.watch.next(TURN.cloudesire, scene.stop),
      ),
  },
];

const PURCHASES_OF_A_COMPANY = [
  { when: 'while it created the customer of a company', path: /\/customers$/ },
  { when: 'in the checkout of a company', path: CHECKOUT },
];

describe.concurrent('a worker that stood still for longer than its lock lasts', () => {
  it.for(isComplete ? MOMENTS : MOMENTS.slice(0, 2))(
    '$when: writes nothing any more',
    { timeout: 2 * LIFE_MS },
    async ({ arrange, stillSends = [] }, { onTestFinished }) => {
      const scene = await openScene(onTestFinished);
      const { emulators } = scene;
      const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
      arrange(scene, id);
      await scene.requestLook(id);
      await scene.stopped;

      await scene.startOther();
      await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);
      await scene.atRest();
      expect(count(emulators, 'order placed')).toBe(1);

      expect(await scene.goOn(id)).toEqual({ upstream: stillSends, redis: false });
      expect(count(emulators, 'order placed')).toBe(1);
      expect(count(emulators, 'customer created')).toBe(1);
      expect(emulators.cloudesire.subscription(id).deploymentStatus).toBe('DEPLOYED');
    },
  );

  it.for(isComplete ? PURCHASES_OF_A_COMPANY : [])(
    '$when: a second order of that company is delivered too, and each is one order of one customer',
    { timeout: 2 * LIFE_MS },
    async ({ path }, { onTestFinished }) => {
      const scene = await openScene(onTestFinished);
      const { emulators } = scene;
      const order = { plan: 2101, buyer: 1301, licenses: 10, paid: true };
      const first = emulators.cloudesire.placeOrder(order);
      atAnswer(scene, { method: 'POST', path }, scene.stop);
      await scene.requestLook(first);
      await scene.stopped;

      const second = emulators.cloudesire.placeOrder(order);
      await scene.startOther();
      await scene.requestLook(second);
      for (const id of [first, second]) await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);
      await scene.atRest();

      expect(await scene.goOn(first)).toEqual({ upstream: [], redis: false });
      expect(count(emulators, 'customer created')).toBe(1);
      expect(count(emulators, 'order placed')).toBe(2);
      expect(emulators.partnerCenter.subscriptions()).toHaveLength(2);
    },
  );
});
