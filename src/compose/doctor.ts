import { once } from 'node:events';
import type { Config } from '../config.ts';
import { systemClock } from '../lib/clock.ts';
import { AttentionError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { createProducer } from '../queue/producer.ts';
import { terminalConnection } from '../store/redis.ts';
import { redisWarnings, tellOutages } from '../store/redis-server.ts';
import { path } from '../upstreams/http.ts';
import { readUpstreamTime } from '../upstreams/wall-clock.ts';
import { examine, type StoreFacts } from '../workflows/ops/doctor.ts';
import { composeClients } from './clients.ts';
import { composeStore } from './store.ts';

const REDIS_WITHIN_MS = 5_000;
/** Somebody sits there and waits. */
const ANSWER_WITHIN_MS = 15_000;

/** A token store for where there is no Redis: it keeps nothing. */
const NO_TOKENS = { load: async () => undefined, save: async () => {} };

/**
 * Builds the examination of the service's set-up, for a process of its own. Upstreams are examined without Redis too. Calls count towards
 * the shared rate limits, but not for the circuit breakers: an open one is ignored, and failures here open none.
 */
export async function openDoctor(config: Config, { log }: { log: Log }) {
  const redis = terminalConnection(config.redis.url);
  tellOutages(redis, log);
  const isThere =
    redis.status === 'ready' ||
    (await once(redis, 'ready', { signal: AbortSignal.timeout(REDIS_WITHIN_MS) }).then(
      () => true,
      () => false,
    ));
  const store = composeStore(config, redis);
  const producer = createProducer({
    redis,
    prefix: config.redis.prefix,
    confirm: store.replication.confirm,
    backlogLimit: config.backlogLimit,
  });
  const { entra, tokens, cloudesire, partnerCenter, azure, templateHost } = composeClients(config, {
    budget: isThere ? store.budgetFor(() => undefined) : undefined,
    refreshTokens: isThere ? store.refreshTokens : NO_TOKENS,
    readTimeoutMs: ANSWER_WITHIN_MS,
    readOnly: true,
    observe: () => {},
  });
  const { tenantId } = config.partnerCenter;
  const { publicUrl } = config.http;

  async function examineStore(): Promise<StoreFacts> {
    if (!isThere) {
      throw new AttentionError(
        'store.unavailable',
        'Redis does not answer at REDIS_URL: start it, or correct address, user and password.',
        { effect: 'none' },
      );
    }
    const [warnings, refusal, [seconds, microseconds]] = await Promise.all([
      redisWarnings(redis),
      store.checkWritable(),
      redis.time(),
    ]).catch((cause: Error) => {
      const message = `Redis does not answer as it has to: ${cause.message}. Look at its load, and at the rights of its user.`;
      throw new AttentionError('store.unavailable', message, { cause, effect: 'none' });
    });
    return { warnings, refusal, now: Number(seconds) * 1_000 + Number(microseconds) / 1_000 };
  }

  return {
    examine: () =>
      examine({
        settings: {
          warnings: config.warnings,
          problems: config.secretProblems(),
          webhookUrl: publicUrl && `${publicUrl}/partner-center/event`,
          sandboxOrders: config.sales.sandboxOrders,
          isBillingAccountSet: config.azure.billingAccount !== undefined,
        },
        examineStore,
        workers: store.presence.read,
        taking: producer.taking,
        assertSealedReadable: store.refreshTokens.assertReadable,
        upstreamTime: () => readUpstreamTime(entra, path`/${tenantId}/v2.0/.well-known/openid-configuration`),
        cloudesire,
        partnerCenter,
        tokens,
        azure,
        templateHost,
        clock: systemClock,
      }),
    async close() {
      await producer.close();
      redis.disconnect();
    },
  };
}
