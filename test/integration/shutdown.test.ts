import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { afterAll, describe, expect, inject, it, vi } from 'vitest';
import { CMW_EVENT_SECRETS } from '../emulator/cloudesire/emulator.ts';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { startRedis } from '../support/redis.ts';
import { launchService, type RunningService } from '../support/service.ts';

/** A life takes seconds; a slow machine may need much longer. */
const LIFE_MS = 60_000;
/** Whatever happens, a process that was told to stop is gone by then; a slow machine needs some time to see it. */
const GONE_WITHIN_MS = 15_000 + 15_000;
const ORDERS = 12;
const SENDERS = 16;

/** A world for each test: connectors that share no Redis would sell the same orders. */
const worlds: Emulators[] = [];
const running: RunningService[] = [];

afterAll(async () => {
  await Promise.all(running.map((service) => service.end('SIGKILL')));
  await Promise.all(worlds.map((emulators) => emulators.close()));
});

async function startWorld(): Promise<Emulators> {
  const emulators = await startEmulators();
  worlds.push(emulators);
  emulators.partnerCenter.acceptAllAttestations(true);
  emulators.partnerCenter.setOrderDelayMs(300);
  return emulators;
}

async function launch(emulators: Emulators, environment: Record<string, string> = {}): Promise<RunningService> {
  const service = await launchService({
    ...emulators.environment(),
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: `test-${randomUUID()}`,
    POLL_EVERY_MS: '200',
    RETRY_BASE_MS: '50',
    ...environment,
  });
  running.push(service);
  service.ready.catch(() => {});
  return service;
}

async function start(emulators: Emulators, environment: Record<string, string> = {}): Promise<RunningService> {
  const service = await launch(emulators, environment);
  await service.ready;
  return service;
}

/** What became of one event: its status, or the code of the error that kept an answer from coming. */
function sendEvent({ url }: RunningService, id: number, agent: Agent): Promise<number | string> {
  const body = JSON.stringify({
    id: String(id),
    entity: 'Subscription',
    entityUrl: `subscription/${id}`,
    type: 'MODIFIED',
  });
  const signature = `sha1=${createHmac('sha1', CMW_EVENT_SECRETS[0] ?? '')
    .update(body)
    .digest('hex')}`;
  return new Promise((resolve) => {
    const outgoing = request(`${url}/event`, {
      method: 'POST',
      agent,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'cmw-event-signature': signature,
      },
    });
    outgoing.on('response', (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    });
    outgoing.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    outgoing.end(body);
  });
}

describe.concurrent('told to stop under load, a process', () => {
  it(
    'answers every request that reached it, exits 0, and another one finishes its looks with nothing done twice',
    async () => {
      const REDIS_PREFIX = `test-${randomUUID()}`;
      const emulators = await startWorld();
      const [first, second] = await Promise.all([
        start(emulators, { REDIS_PREFIX }),
        start(emulators, { REDIS_PREFIX }),
      ]);
      const ids = Array.from({ length: ORDERS }, () =>
        emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true }),
      );
      const answers: (number | string)[] = [];
      const placed = () => emulators.partnerCenter.books().entries.filter(({ what }) => what === 'order placed').length;

      // Half of the senders keep their connections, like a proxy; the others come anew each time.
      const senders = Array.from({ length: SENDERS }, async (_, sender) => {
        const agent = new Agent({ keepAlive: sender % 2 === 0, maxSockets: 1 });
        for (let turn = sender; ; turn += 1) {
          const answer = await sendEvent(first, ids[turn % ids.length] ?? 0, agent);
          if (answer === 'ECONNREFUSED') break;
          answers.push(answer);
        }
        agent.destroy();
      });
      await vi.waitFor(() => expect(placed()).toBeGreaterThan(0), { timeout: LIFE_MS, interval: 10 });
      const stoppedAt = performance.now();
      expect(await first.end('SIGTERM')).toBe(0);
      expect(performance.now() - stoppedAt).toBeLessThan(GONE_WITHIN_MS);
      await Promise.all(senders);

      const answered = answers.filter((answer) => answer === 204).length;
      expect(answered).toBeGreaterThan(SENDERS);
      expect(first.output().split('"event queued"').length - 1).toBe(answered);
      // Connections that the system had set up, but the process never saw when it ceased to listen, are reset.
      expect(answers.filter((answer) => answer !== 204 && answer !== 'ECONNRESET')).toEqual([]);
      await Promise.all(ids.map((id) => emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS)));
      expect(placed()).toBe(ORDERS);
      expect(await second.end('SIGTERM')).toBe(0);
    },
    2 * LIFE_MS,
  );
});

describe.concurrent('told to stop, a process exits 0', () => {
  it(
    'also when it is told twice',
    async () => {
      const service = await start(await startWorld());
      service.process.kill('SIGTERM');
      await vi.waitFor(() => expect(service.output()).toContain('"stopping"'), LIFE_MS);
      service.process.kill('SIGTERM');
      expect(await service.ended).toBe(0);
      expect(service.output().match(/"stopping"/g)).toHaveLength(1);
    },
    2 * LIFE_MS,
  );

  it(
    'while it still starts, waiting for a Redis that is not there',
    async () => {
      const service = await launch(await startWorld(), { REDIS_URL: 'redis://127.0.0.1:1' });
      await vi.waitFor(() => expect(service.output()).toContain('Redis cannot be reached'), LIFE_MS);
      expect(await service.end('SIGTERM')).toBe(0);
      expect(service.output()).not.toContain('could not start');
    },
    2 * LIFE_MS,
  );

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'while Redis is away (%s), in the middle of looks',
    async (how) => {
      const redis = await startRedis();
      const emulators = await startWorld();
      const service = await start(emulators, { REDIS_URL: redis.url });
      emulators.connectTo(service.url);
      emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true });
      await vi.waitFor(() => expect(service.output()).toContain('"step finished"'), { timeout: LIFE_MS, interval: 5 });
      await redis.kill(how);
      const stoppedAt = performance.now();
      const code = await service.end('SIGTERM');

      await redis.stop();
      expect(code).toBe(0);
      expect(performance.now() - stoppedAt).toBeLessThan(GONE_WITHIN_MS);
    },
    2 * LIFE_MS,
  );
});
