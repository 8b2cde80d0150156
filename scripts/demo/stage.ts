// What the demo is played on: a private Redis, the emulators and the connector as a process of its own, and the narrator who watches it.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Emulators, startEmulators } from '../../test/emulator/emulators.ts';
import { type RedisServer, startRedis } from '../../test/support/redis.ts';
import { type RunningService, startService } from '../../test/support/service.ts';
import { createNarrator, type Narrator } from './narrator.ts';

export const WITHIN_MS = 60_000;
export const DAY_MS = 86_400_000;
/** Virtual time that passes while Azure is waited for: so much after each real pause. */
const STRIDE_MS = 10_000;
const STRIDE_EVERY_MS = 100;

export interface Stage extends Narrator {
  emulators: Emulators;
  service: RunningService;
  /** What the connector was started with. */
  environment: Record<string, string>;
  redis: RedisServer;
  opsToken: string;
  /** Part of the addresses that the marketplace asks without a signature. */
  endpointSecret: string;
  /** Prints whether something is as promised; one that is not makes the demo fail. */
  promise(text: string, holds: boolean): void;
  /** What was not as promised so far. */
  broken(): string[];
  /** Lets virtual time pass quickly while something is waited for. */
  meanwhile<T>(wait: () => Promise<T>): Promise<T>;
  /** The marketplace begins its next billing period and sends the invoice for it. */
  beginNextPeriod(id: number, title?: string): Promise<void>;
  /** Seconds since the curtain. */
  seconds(): string;
  end(): Promise<void>;
}

/** Starts everything, and points the marketplace's events to the connector. */
export async function setStage(): Promise<Stage> {
  const startedAt = Date.now();
  const opsToken = randomUUID();
  const endpointSecret = randomUUID();
  const broken: string[] = [];

  const redis = await startRedis();
  const emulators = await startEmulators();
  const { cloudesire, partnerCenter, clock } = emulators;
  // The connector renews consent and tokens in time, but by its own clock, on which no day passes here.
  emulators.entra.setSwitches({ refreshTokenLifetimeDays: 1_000, accessTokenLifetimeS: (1_000 * DAY_MS) / 1_000 });
  partnerCenter.setSwitches({ transitionDelayMs: 2_000 });
  const environment = {
    ...emulators.environment(),
    REDIS_URL: redis.url,
    OPS_TOKEN: opsToken,
    ENDPOINT_SECRET: endpointSecret,
    POLL_EVERY_MS: '300',
    RETRY_BASE_MS: '100',
  };
  const service = await startService(environment);
  emulators.connectTo(service.url);
  const narrator = createNarrator({ url: service.url, token: opsToken, startedAt, now: clock.now });

  return {
    ...narrator,
    emulators,
    service,
    environment,
    redis,
    opsToken,
    endpointSecret,
    promise(text, holds) {
      if (!holds) broken.push(text);
      narrator.say('', `${holds ? '✓' : '✗'} ${text}`);
    },
    broken: () => broken,
    async meanwhile(wait) {
      let isOver = false;
      const passing = (async () => {
        while (!isOver) {
          await pause(STRIDE_EVERY_MS);
          await clock.advance(STRIDE_MS);
        }
      })();
      try {
        return await wait();
      } finally {
        isOver = true;
        await passing;
      }
    },
    async beginNextPeriod(id, title) {
      const { nextBillingAt = clock.now() } = cloudesire.subscription(id);
      if (title !== undefined) narrator.chapter(title, nextBillingAt);
      await clock.advance(Math.max(0, nextBillingAt - clock.now()));
    },
    seconds: () => ((Date.now() - startedAt) / 1_000).toFixed(1),
    async end() {
      await service.end();
      await emulators.close();
      await redis.stop();
    },
  };
}
