import { randomUUID } from 'node:crypto';
import { afterAll, expect, inject, it, vi } from 'vitest';
import { createKeys } from '../../src/store/keys.ts';
import { workerConnection } from '../../src/store/redis.ts';
import { startEmulators } from '../emulator/emulators.ts';
import { startService } from '../support/service.ts';

/** `DEPLOYMENTS=200` is the promised size. */
const DEPLOYMENTS = Number(process.env.DEPLOYMENTS ?? 12);
const HALF_AN_HOUR_MS = 30 * 60_000;
const WITHIN_MS = 4_000 * DEPLOYMENTS + 60_000;
const MOST_MEGABYTES = 300;

const emulators = await startEmulators();
const prefix = `test-${randomUUID()}`;
const redis = workerConnection(inject('redisUrl'));
const keys = createKeys(prefix);

afterAll(async () => {
  for await (const found of redis.scanStream({ match: `${prefix}:*`, count: 1_000 })) {
    if (found.length > 0) await redis.unlink(...(found as string[]));
  }
  redis.disconnect();
  await emulators.close();
});

it(
  `${DEPLOYMENTS} deployments of half an hour are in flight at once on one worker, which goes on working`,
  async () => {
    const { cloudesire, partnerCenter, arm } = emulators;
    partnerCenter.acceptAllAttestations(true);
    arm.setSwitches({ deploymentTakesMs: HALF_AN_HOUR_MS, coreQuota: 10_000, throttling: false });
    const service = await startService({
      ...emulators.environment(),
      REDIS_URL: inject('redisUrl'),
      REDIS_PREFIX: prefix,
      POLL_EVERY_MS: '1000',
      RETRY_BASE_MS: '50',
    });
    emulators.connectTo(service.url);
    const meter = setInterval(() => {
      peakBytes = Math.max(peakBytes, service.residentBytes());
    }, 200);
    // The limits of the upstreams count real time, of which this test has little.
    const limits = setInterval(() => void forgetLimits(), 500);
    let peakBytes = 0;
    try {
      const order = (number: number): number =>
        cloudesire.placeOrder({
          plan: 2201,
          buyer: 1301,
          paid: true,
          parameters: { DNS_PREFIX: `officine-${number}` },
        });
      const first = order(0);
      await until(
        () => arm.books().deployments.length === 1,
        () => passing(5_000),
      );
      const ids = [first, ...Array.from({ length: DEPLOYMENTS - 1 }, (_, index) => order(index + 1))];
      await until(() => arm.books().deployments.length === DEPLOYMENTS);

      // All wait now; a licence of another company passes them by.
      const licence = cloudesire.placeOrder({ plan: 2101, buyer: 1302, licenses: 5, paid: true });
      await until(
        () => cloudesire.subscription(licence).deploymentStatus === 'DEPLOYED',
        () => passing(1_000),
      );
      expect(ids.map((id) => cloudesire.subscription(id).deploymentStatus)).not.toContain('DEPLOYED');

      const asked = arm.server.calls.length;
      await emulators.clock.advance(HALF_AN_HOUR_MS);
      await until(() => ids.every((id) => cloudesire.subscription(id).deploymentStatus === 'DEPLOYED'));

      // The first look that finds a deployment finished is the last one.
      for (const id of ids) expect(looksAt(id, asked)).toBe(1);
      expect(arm.books().deployments).toHaveLength(DEPLOYMENTS);
      expect(peakBytes / 1024 / 1024).toBeLessThan(MOST_MEGABYTES);
      process.stdout.write(
        `${DEPLOYMENTS} deployments in flight: ${Math.round(peakBytes / 1024 / 1024)} MB resident at most\n`,
      );
    } finally {
      clearInterval(meter);
      clearInterval(limits);
      await service.end();
    }
  },
  2 * WITHIN_MS,
);

/** Waits for what the service brings about. */
function until(condition: () => boolean, meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
  return vi.waitFor(
    async () => {
      if (condition()) return;
      await meanwhile();
      throw new Error('It did not come about in time.');
    },
    { timeout: WITHIN_MS, interval: 50 },
  );
}

async function passing(ms: number): Promise<void> {
  await emulators.clock.advance(ms);
}

async function forgetLimits(): Promise<void> {
  for await (const found of redis.scanStream({ match: keys.budget('*'), count: 1_000 })) {
    if (found.length > 0) await redis.unlink(...(found as string[]));
  }
}

function looksAt(id: number, since: number): number {
  const path = new RegExp(`/resourcegroups/cloudesire-${id}/providers/Microsoft.Resources/deployments/[^/]+$`, 'i');
  return emulators.arm.server.calls.slice(since).filter((call) => call.method === 'GET' && path.test(call.path)).length;
}
