import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { workerConnection } from '../../src/store/redis.ts';
import { startEmulators } from '../emulator/emulators.ts';
import { freePort } from '../support/free-port.ts';
import { launchService, type RunningService } from '../support/service.ts';

/** What a dead worker was at is taken up after about 15 s; a slow machine may need much longer. */
const LIFE_MS = 900_000;
/** `all` in the environment: the processes really die as often as it takes. Otherwise all but the last of their deaths are only written down. */
const isComplete = process.env.STOPS === 'all';
const CRASHES = 6;
const OPS_TOKEN = 'operations-token-for-tests';

it(
  'a look that takes its process down each time is set aside and told, the others go on, and a person has it done once that is cured',
  async () => {
    const emulators = await startEmulators();
    onTestFinished(() => emulators.close());
    emulators.partnerCenter.acceptAllAttestations(true);
    emulators.partnerCenter.setOrderDelayMs(300);
    const prefix = `test-${randomUUID()}`;
    const redis = workerConnection(inject('redisUrl'));
    const looks = new Queue('looks', { connection: redis, prefix });
    onTestFinished(async () => {
      await looks.close();
      redis.disconnect();
    });

    let current: RunningService | undefined;
    let deaths = 0;
    let isPoison = true;
    onTestFinished(async () => void (await current?.end('SIGKILL')));
    const PORT = String(await freePort());
    const start = async () => {
      current = await launchService({
        ...emulators.environment(),
        REDIS_URL: inject('redisUrl'),
        REDIS_PREFIX: prefix,
        OPS_TOKEN,
        PORT,
        POLL_EVERY_MS: '100',
        RETRY_BASE_MS: '50',
      });
      return current;
    };
    const poison = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 5, paid: true });
    // Its cart is too much for any process: it is gone before it has heard the answer.
    emulators.partnerCenter.server.finish((call, reply) => {
      if (isPoison && call.path.endsWith('/carts') && call.rawBody.includes(`Cloudesire ${poison}`)) {
        deaths += 1;
        current?.process.kill('SIGKILL');
      }
      return reply;
    });

    let others: number[] = [];
    const crashes = isComplete ? CRASHES : 1;
    for (let crash = 1; crash <= crashes; crash += 1) {
      const service = await start();
      // The first sweep may come to the poison before the process is ready, which then never is.
      await service.ready.catch(() => {});
      if (crash === 1) {
        emulators.connectTo(service.url);
        others = [1301, 1302].map((buyer) =>
          emulators.cloudesire.placeOrder({ plan: 2101, buyer, licenses: 2, paid: true }),
        );
      }
      expect(await service.ended).toBe('SIGKILL');
    }
    expect(deaths).toBe(crashes);
    if (!isComplete)
      await redis.hset(`${prefix}:looks:${await looks.getDeduplicationJobId(String(poison))}`, 'stc', CRASHES - 1);

    const service = await start();
    await service.ready;
    await emulators.cloudesire.redeliver();
    for (const id of others) await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);
    const ops = async (path: string, method = 'GET') => {
      const response = await fetch(`${service.url}/ops/api/subscriptions/${poison}${path}`, {
        method,
        headers: { authorization: `Bearer ${OPS_TOKEN}`, 'content-type': 'application/json' },
        ...(method === 'POST' && { body: JSON.stringify({ reason: 'more memory' }) }),
      });
      return { status: response.status, body: response.status === 200 ? await response.json() : undefined };
    };
    await vi.waitFor(
      async () =>
        expect((await ops('')).body).toMatchObject({
          state: 'needs-attention',
          lastError: { code: 'look.crashes', message: expect.stringContaining('took their process down 6 times') },
        }),
      LIFE_MS,
    );
    expect(service.output()).toMatch(/"code":"look.crashes".*"subscriptionId":\d+.*"a person has to look"/);
    expect(deaths).toBe(crashes);

    isPoison = false;
    expect((await ops('/look', 'POST')).status).toBe(202);
    await emulators.cloudesire.whenStatus(poison, 'DEPLOYED', LIFE_MS);
    const placed = emulators.partnerCenter.books().entries.filter(({ what }) => what === 'order placed');
    expect(placed).toHaveLength(3);
  },
  LIFE_MS * 5,
);
