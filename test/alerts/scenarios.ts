import { createHmac, randomUUID } from 'node:crypto';
import { inject, vi } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createSecretBox } from '../../src/lib/secret-box.ts';
import { createKeys } from '../../src/store/keys.ts';
import { workerConnection } from '../../src/store/redis.ts';
import { createRefreshTokenStore } from '../../src/store/refresh-token.ts';
import { CMW_EVENT_SECRETS } from '../emulator/cloudesire/emulator.ts';
import type { Emulators } from '../emulator/emulators.ts';
import { type Scrape, scrape, valueIn } from '../support/prometheus.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { type RunningService, startService } from '../support/service.ts';

const DAY_MS = 86_400_000;
/** What is waited for takes seconds; a slow machine may need much longer. */
const WITHIN_MS = 60_000;
const OPS_TOKEN = 'operations-token-for-tests';

/** Where trouble is made. What it started ends with it. */
export interface Stage {
  emulators: Emulators;
  /** A service of its own, on a Redis that all share unless it is given one. */
  start(environment?: Record<string, string>, redis?: RedisServer): Promise<RunningService>;
  /** Starts a Redis that is the trouble's own. */
  startRedis(args?: string[]): Promise<RedisServer>;
  /** Changes what the service that was started last has in Redis. */
  inRedis(change: (parts: Stored) => Promise<unknown>): Promise<void>;
  end(): Promise<void>;
}

interface Stored {
  redis: ReturnType<typeof workerConnection>;
  keys: ReturnType<typeof createKeys>;
  prefix: string;
  environment: Record<string, string>;
}

export function openStage(emulators: Emulators): Stage {
  const services: RunningService[] = [];
  const servers: RedisServer[] = [];
  let environment: Record<string, string> = {};

  return {
    emulators,

    async start(changes = {}, redis) {
      environment = {
        ...emulators.environment(),
        REDIS_URL: redis?.url ?? inject('redisUrl'),
        REDIS_PREFIX: `test-${randomUUID()}`,
        OPS_TOKEN,
        POLL_EVERY_MS: '60',
        RETRY_BASE_MS: '50',
        ...changes,
      };
      const service = await startService(environment);
      services.push(service);
      emulators.partnerCenter.setOrderDelayMs(100);
      emulators.connectTo(service.url);
      return service;
    },

    async startRedis(args = []) {
      const server = await startRedis({ args });
      servers.push(server);
      return server;
    },

    async inRedis(change) {
      const { REDIS_URL = '', REDIS_PREFIX: prefix = '' } = environment;
      const redis = workerConnection(REDIS_URL);
      await change({ redis, keys: createKeys(prefix), prefix, environment });
      redis.disconnect();
    },

    async end() {
      await Promise.all(services.map((service) => service.end('SIGKILL')));
      await Promise.all(servers.map((server) => server.stop()));
      emulators.reset();
    },
  };
}

/** Makes trouble, and answers what is told once it can be seen. */
export interface Scenario {
  /** Labels that the alert has to bear. */
  labels?: Record<string, string>;
  make(stage: Stage): Promise<Scrape>;
}

/** Scrapes until a series is what it has to be. */
async function until(service: RunningService, name: string, isSo: (value: number) => boolean): Promise<Scrape> {
  return vi.waitFor(
    async () => {
      const seen = await scrape(service.url);
      const value = valueIn(seen, name);
      if (value === undefined || !isSo(value)) throw new Error(`${name} is ${value}`);
      return seen;
    },
    { timeout: WITHIN_MS, interval: 50 },
  );
}

const isPositive = (value: number) => value > 0;
const isNought = (value: number) => value === 0;

function send(service: RunningService, body: string, secret = CMW_EVENT_SECRETS[0] ?? ''): Promise<Response> {
  const signature = `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`;
  const headers = { 'Content-Type': 'application/json; charset=utf-8', 'CMW-Event-Signature': signature };
  return fetch(`${service.url}/event`, { method: 'POST', body, headers });
}

function eventOf(id: number): string {
  const date = '2026-09-01T08:00:00Z';
  return JSON.stringify({
    id: String(id),
    entity: 'Subscription',
    entityUrl: `subscription/${id}`,
    type: 'CREATED',
    date,
  });
}

const buy = ({ emulators }: Stage) =>
  emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true });

async function sell(stage: Stage): Promise<number> {
  stage.emulators.partnerCenter.acceptAllAttestations(true);
  const id = buy(stage);
  await stage.emulators.cloudesire.whenStatus(id, 'DEPLOYED', WITHIN_MS);
  return id;
}

/** A service whose Redis has gone. */
async function withoutRedis(stage: Stage): Promise<RunningService> {
  const redis = await stage.startRedis();
  const service = await stage.start({}, redis);
  await redis.stop();
  await until(service, 'connector_ready', isNought);
  return service;
}

/** For each alert the trouble that makes it fire. */
export const SCENARIOS: Record<string, Scenario> = {
  ConnectorGone: { make: killed },
  ConnectorInstanceDown: { make: killed },
  ConnectorNotReady: { make: async (stage) => scrape((await withoutRedis(stage)).url) },

  ConnectorBug: {
    async make(stage) {
      const service = await stage.start();
      stage.emulators.partnerCenter.acceptAllAttestations(true);
      stage.emulators.partnerCenter.setOrderDelayMs(DAY_MS);
      const id = buy(stage);
      await until(service, 'connector_subscriptions_waiting{for="microsoft"}', isPositive);
      await stage.inRedis(async ({ redis, keys }) => {
        const { run } = JSON.parse((await redis.get(keys.record(id))) ?? '{}') as { run: { id: string } };
        await redis.set(keys.journal(run.id), 'no journal');
      });
      return until(service, 'connector_alerts_total{code="bug"}', isPositive);
    },
  },

  ConnectorMemoryHigh: {
    async make(stage) {
      const service = await stage.start({ NODE_OPTIONS: importing('globalThis.held = Buffer.alloc(450e6, 1)') });
      return until(service, 'process_resident_memory_bytes', isPositive);
    },
  },

  ConnectorBlocked: {
    async make(stage) {
      const block = 'const until = Date.now() + 1500; while (Date.now() < until);';
      const service = await stage.start({ NODE_OPTIONS: importing(`setInterval(() => { ${block} }, 1600)`) });
      return until(service, 'nodejs_eventloop_lag_p99_seconds', (value) => value > 1);
    },
  },

  ConnectorEventsRefused: {
    labels: { outcome: 'unavailable' },
    async make(stage) {
      const service = await withoutRedis(stage);
      await send(service, eventOf(50010));
      return scrape(service.url);
    },
  },

  ConnectorRequestsFail: {
    labels: { route: '/event' },
    async make(stage) {
      const service = await withoutRedis(stage);
      await Promise.all(Array.from({ length: 3 }, () => send(service, eventOf(50010))));
      return scrape(service.url);
    },
  },

  ConnectorEventsSlow: {
    async make(stage) {
      const redis = await stage.startRedis();
      const service = await stage.start({ ROLE: 'web' }, redis);
      await redis.kill('SIGSTOP');
      await send(service, eventOf(50010));
      await redis.kill('SIGCONT');
      return scrape(service.url);
    },
  },

  ConnectorAuthenticationsFail: {
    labels: { door: 'event' },
    async make(stage) {
      const service = await stage.start({ ROLE: 'web' });
      for (let tries = 0; tries < 5; tries += 1) await send(service, eventOf(50010), 'guessed');
      return scrape(service.url);
    },
  },

  ConnectorQuarantineGrows: {
    async make(stage) {
      const service = await stage.start({ ROLE: 'web' });
      await send(service, '{"no":"notification"}');
      return until(service, 'connector_quarantine_size', isPositive);
    },
  },

  ConnectorBacklogOld: {
    async make(stage) {
      const service = await stage.start({ ROLE: 'web' });
      await send(service, eventOf(buy(stage)));
      await stage.inRedis(async ({ redis, prefix }) => {
        for (const look of await redis.keys(`${prefix}:looks:*-*`))
          if ((await redis.type(look)) === 'hash') await redis.hset(look, 'timestamp', Date.now() - 600_000);
      });
      return until(service, 'connector_oldest_look_waiting_seconds', (value) => value > 300);
    },
  },

  ConnectorNoWorker: {
    async make(stage) {
      const service = await stage.start({ ROLE: 'web' });
      await send(service, eventOf(buy(stage)));
      return until(service, 'connector_looks{state="waiting"}', isPositive);
    },
  },

  ConnectorSweepOverdue: {
    async make(stage) {
      stage.emulators.faults.inject({ server: 'cloudesire', kind: 'status', status: 500, times: 10_000 });
      const service = await stage.start();
      return until(service, 'connector_sweep_finished_timestamp_seconds', isNought);
    },
  },

  ConnectorNeedsAttention: {
    labels: { code: 'partner-center.refused' },
    async make(stage) {
      const service = await stage.start();
      stage.emulators.partnerCenter.acceptAllAttestations(true);
      const refusal = { kind: 'status', status: 400, body: { code: 800999, description: 'no' } } as const;
      stage.emulators.faults.inject({ server: 'partner-center', path: '/carts', times: 10_000, ...refusal });
      buy(stage);
      return until(
        service,
        'connector_subscriptions_stuck{state="needs-attention",code="partner-center.refused"}',
        isPositive,
      );
    },
  },

  ConnectorOperationsFail: {
    labels: { product: 'license' },
    async make(stage) {
      const service = await stage.start();
      stage.emulators.partnerCenter.acceptAllAttestations(true);
      stage.emulators.partnerCenter.forceOrderOutcome('error');
      buy(stage);
      return until(service, 'connector_operations_total{product="license",outcome="failed"}', isPositive);
    },
  },

  ConnectorPersonAsked: {
    labels: { code: 'subscription.ending-while-held' },
    async make(stage) {
      const service = await stage.start();
      const id = await sell(stage);
      const held = await fetch(`${service.url}/ops/api/subscriptions/${id}/hold`, {
        method: 'POST',
        headers: { authorization: `Bearer ${OPS_TOKEN}`, 'content-type': 'application/json' },
        body: '{"reason":"to see"}',
      });
      if (held.status !== 202) throw new Error(`hold was answered ${held.status}`);
      stage.emulators.cloudesire.terminate(id);
      return until(service, 'connector_alerts_total{code="subscription.ending-while-held"}', isPositive);
    },
  },

  ConnectorRecordsNotWhole: {
    async make(stage) {
      stage.emulators.faults.inject({ server: 'cloudesire', kind: 'status', status: 500, times: 10_000 });
      return until(await stage.start(), 'connector_records_whole', isNought);
    },
  },

  ConnectorRedisSetup: {
    async make(stage) {
      const service = await stage.start({}, await stage.startRedis(['--appendonly', 'no']));
      return until(service, 'connector_redis_setup_problems', isPositive);
    },
  },

  ConnectorUpstreamOut: {
    labels: { upstream: 'partner-center' },
    async make(stage) {
      // Nobody listens there.
      const service = await stage.start({ PARTNER_CENTER_BASE_URL: 'http://127.0.0.1:1' });
      buy(stage);
      return until(service, 'connector_upstream_circuit_open{upstream="partner-center"}', isPositive);
    },
  },

  ConnectorThrottled: {
    labels: { upstream: 'partner-center' },
    async make(stage) {
      const service = await throttled(stage, '1');
      return until(service, 'connector_upstream_throttled_total{upstream="partner-center"}', isPositive);
    },
  },

  ConnectorBudgetUsedUp: {
    labels: { upstream: 'partner-center', kind: 'partner' },
    async make(stage) {
      const service = await throttled(stage, '600');
      return until(service, 'connector_upstream_budget_left{upstream="partner-center",kind="partner"}', isNought);
    },
  },

  ConnectorWebhookMissing: {
    async make(stage) {
      stage.emulators.faults.inject({
        server: 'partner-center',
        path: '/webhooks',
        kind: 'status',
        status: 500,
        times: 10_000,
      });
      const service = await stage.start({ PUBLIC_URL: 'https://connector.example.com' });
      return until(service, 'connector_webhook_registered', isNought);
    },
  },

  ConnectorRefreshTokenOld: {
    async make(stage) {
      const service = await stage.start({ ROLE: 'web' });
      await stage.inRedis(async ({ redis, keys, environment }) => {
        const config = loadConfig(environment);
        const clock = { now: () => Date.now() - 80 * DAY_MS };
        const tokens = createRefreshTokenStore(redis, keys, createSecretBox(config.redis.stateKeys), clock);
        await tokens.save('0.newest', config.partnerCenter.refreshToken?.read());
      });
      return until(service, 'connector_refresh_token_renewed_timestamp_seconds', isPositive);
    },
  },

  ConnectorCustomerSilent: {
    labels: { for: 'agreement' },
    async make(stage) {
      const service = await stage.start();
      buy(stage);
      await until(service, 'connector_subscriptions_waiting{for="agreement"}', isPositive);
      const name = 'connector_customer_waiting_seconds{for="agreement"}';
      // The next look writes when it really began, and so does the test until it has seen it.
      return vi.waitFor(
        async () => {
          await stage.inRedis(async ({ redis, keys }) => {
            const [id = ''] = await redis.zrange(keys.customersTurn('agreement'), '0', '0');
            await redis.zadd(keys.customersTurn('agreement'), Date.now() - 8 * DAY_MS, id);
          });
          const seen = await scrape(service.url);
          if ((valueIn(seen, name) ?? 0) < 7 * 86_400) throw new Error(`${name} is ${valueIn(seen, name)}`);
          return seen;
        },
        { timeout: WITHIN_MS, interval: 50 },
      );
    },
  },

  ConnectorExposureNew: {
    async make(stage) {
      const service = await stage.start();
      const id = await sell(stage);
      await stage.emulators.clock.advance(10 * DAY_MS);
      stage.emulators.cloudesire.terminate(id);
      await stage.emulators.cloudesire.whenStatus(id, 'UNDEPLOYED', WITHIN_MS);
      return until(service, 'connector_exposures', isPositive);
    },
  },
};

async function killed(stage: Stage): Promise<Scrape> {
  const service = await stage.start({ ROLE: 'web' });
  await service.end('SIGKILL');
  return scrape(service.url);
}

async function throttled(stage: Stage, pauseS: string): Promise<RunningService> {
  const service = await stage.start();
  stage.emulators.partnerCenter.acceptAllAttestations(true);
  const refusal = { kind: 'status', status: 429, headers: { 'retry-after': pauseS }, body: {} } as const;
  stage.emulators.faults.inject({ server: 'partner-center', times: 10_000, ...refusal });
  buy(stage);
  return service;
}

function importing(program: string): string {
  return `--import data:text/javascript,${encodeURIComponent(program)}`;
}
