import { composeLooks } from '../../src/compose/looks.ts';
import { composeStore } from '../../src/compose/store.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { createAlerts } from '../../src/lib/alerts.ts';
import { createLog } from '../../src/lib/log.ts';
import { workerConnection } from '../../src/store/redis.ts';
import { trustAuthority } from '../emulator/core/tls.ts';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { AZURE_IMAGE, LICENCE } from '../support/lives.ts';
import { startRedis } from '../support/redis.ts';

/** Emulators at which something was sold. */
export interface EmulatedSide {
  emulators: Emulators;
  config: Config;
  close(): Promise<void>;
}

/** The PartnerID of a reseller of the emulated provider. */
const RESELLER = '7100455';
const MOST_LOOKS = 100;

/** Starts emulators and has the service sell a licence and a machine there, so that there is something of everything. */
export async function startEmulatedSide(): Promise<EmulatedSide> {
  const redisServer = await startRedis();
  try {
    const emulators = await startEmulators();
    trustAuthority(emulators.caFile);
    const config = loadConfig({
      ...emulators.environment(),
      REDIS_URL: redisServer.url,
      RESELLER_PARTNER_IDS: `reseller=${RESELLER}`,
      POLL_EVERY_MS: '10',
      RETRY_BASE_MS: '10',
    });
    await sell(emulators, config).catch(async (error: unknown) => {
      await emulators.close();
      throw error;
    });
    return { emulators, config, close: () => emulators.close() };
  } finally {
    await redisServer.stop();
  }
}

async function sell(emulators: Emulators, config: Config): Promise<void> {
  const { cloudesire, clock } = emulators;
  const redis = workerConnection(config.redis.url);
  const log = createLog({ level: 'silent', destination: { write: () => {} } });
  const store = composeStore(config, redis);
  const { look } = composeLooks(config, {
    store,
    log,
    alerts: createAlerts({ log, count: () => {} }),
    requestLook: async () => 'queued',
    observe: () => {},
    later: () => {},
  });
  try {
    await store.completeness.note('whole');
    for (const life of [LICENCE, AZURE_IMAGE]) {
      life.prepare(emulators);
      const id = cloudesire.placeOrder(life.order);
      for (let looks = 0; cloudesire.subscription(id).deploymentStatus !== 'DEPLOYED'; looks += 1) {
        if (looks === MOST_LOOKS) throw new Error(`The emulators were not sold ${life.name}.`);
        const outcome = await look(id, new AbortController().signal, { isUrgent: true });
        await clock.advance(Math.max('done' in outcome ? 0 : outcome.againInMs, life.stepMs));
      }
    }
  } finally {
    redis.disconnect();
  }
}
