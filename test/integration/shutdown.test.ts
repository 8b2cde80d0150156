import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it, type TestContext, vi } from 'vitest';
import { CMW_EVENT_SECRETS } from '../emulator/cloudesire/emulator.ts';
import { startEmulators } from '../emulator/emulators.ts';
import { createEventSender } from '../support/event-sender.ts';
import { startRedis } from '../support/redis.ts';
import { launchService, type RunningService } from '../support/service.ts';

/** A life takes seconds; a slow machine may need much longer. */
const LIFE_MS = 120_000;
/** Whatever happens, a process that was told to stop is gone by then; a slow machine needs some time to see it. */
const GONE_WITHIN_MS = 15_000 + 30_000;
const ORDERS = 12;
const SENDERS = 16;

/** A world of its own: no other test uses any of it. */
async function openScene(onTestFinished: TestContext['onTestFinished']) {
  const emulators = await startEmulators();
  const running: RunningService[] = [];
  onTestFinished(async () => {
    await Promise.all(running.map((service) => service.end('SIGKILL')));
    await emulators.close();
  });
  emulators.partnerCenter.acceptAllAttestations(true);
  emulators.partnerCenter.setOrderDelayMs(300);
  const REDIS_PREFIX = `test-${randomUUID()}`;

  async function launch(environment: Record<string, string> = {}): Promise<RunningService> {
    const service = await launchService({
      ...emulators.environment(),
      REDIS_URL: inject('redisUrl'),
      REDIS_PREFIX,
      POLL_EVERY_MS: '200',
      RETRY_BASE_MS: '50',
      ...environment,
    });
    running.push(service);
    service.ready.catch(() => {});
    return service;
  }

  return {
    emulators,
    /** Does not wait until it listens. */
    launch,
    async start(environment: Record<string, string> = {}): Promise<RunningService> {
      const service = await launch(environment);
      await service.ready;
      return service;
    },
  };
}

describe.concurrent('told to stop, a process', { timeout: 3 * LIFE_MS }, () => {
  it('answers every request that reached it under load, exits 0, and another one finishes its looks with nothing done twice', async ({
    onTestFinished,
  }) => {
    const { emulators, start } = await openScene(onTestFinished);
    const [first, second] = await Promise.all([start(), start()]);
    const ids = Array.from({ length: ORDERS }, () =>
      emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true }),
    );
    const [secret = ''] = CMW_EVENT_SECRETS;
    const answers: (number | string)[] = [];
    const placed = () => emulators.partnerCenter.books().entries.filter(({ what }) => what === 'order placed').length;

    // Half of the senders keep their connections, like a proxy; the others come anew each time.
    const senders = Array.from({ length: SENDERS }, async (_, sender) => {
      const { send, close } = createEventSender({ secret, connections: 1, keepAlive: sender % 2 === 0 });
      for (let turn = sender; ; turn += 1) {
        const { outcome } = await send(first.url, { subscriptionId: ids[turn % ids.length] ?? 0, type: 'MODIFIED' });
        if (outcome === 'ECONNREFUSED') break;
        answers.push(outcome);
      }
      close();
    });
    await vi.waitFor(() => expect(placed()).toBeGreaterThan(0), { timeout: LIFE_MS, interval: 10 });
    const stoppedAt = performance.now();
    expect(await first.end('SIGTERM')).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(GONE_WITHIN_MS);
    await Promise.all(senders);

    const answered = answers.filter((answer) => answer === 204).length;
    expect(answered).toBeGreaterThan(SENDERS);
    expect(first.output().split('"event queued"').length - 1).toBe(answered);
    // Connections that the system had set up, but the process never saw when it ceased to listen, are reset. A slow machine may not queue
    // an event in time.
    expect(answers.filter((answer) => answer !== 204 && answer !== 503 && answer !== 'ECONNRESET')).toEqual([]);
    await Promise.all(ids.map((id) => emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS)));
    expect(placed()).toBe(ORDERS);
    expect(await second.end('SIGTERM')).toBe(0);
  });

  it('exits 0 also when it is told twice', async ({ onTestFinished }) => {
    const service = await (await openScene(onTestFinished)).start();
    service.process.kill('SIGTERM');
    await vi.waitFor(() => expect(service.output()).toContain('"stopping"'), LIFE_MS);
    service.process.kill('SIGTERM');
    expect(await service.ended).toBe(0);
    expect(service.output().match(/"stopping"/g)).toHaveLength(1);
  });

  it('exits 0 while it still starts, waiting for a Redis that is not there', async ({ onTestFinished }) => {
    const service = await (await openScene(onTestFinished)).launch({ REDIS_URL: 'redis://127.0.0.1:1' });
    await vi.waitFor(() => expect(service.output()).toContain('Redis cannot be reached'), LIFE_MS);
    expect(await service.end('SIGTERM')).toBe(0);
    expect(service.output()).not.toContain('could not start');
  });

  it.for(['SIGKILL', 'SIGSTOP'] as const)(
    'exits 0 while Redis is away (%s), in the middle of looks',
    async (how, { onTestFinished }) => {
      const { emulators, start } = await openScene(onTestFinished);
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      const service = await start({ REDIS_URL: redis.url });
      emulators.connectTo(service.url);
      emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true });
      await vi.waitFor(() => expect(service.output()).toContain('"step finished"'), { timeout: LIFE_MS, interval: 5 });
      await redis.kill(how);
      const stoppedAt = performance.now();

      expect(await service.end('SIGTERM')).toBe(0);
      expect(performance.now() - stoppedAt).toBeLessThan(GONE_WITHIN_MS);
    },
  );
});
