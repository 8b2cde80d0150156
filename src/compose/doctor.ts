import { once } from 'node:events';
import type { Config } from '../config.ts';
import { systemClock } from '../lib/clock.ts';
import { AttentionError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { createProducer } from '../queue/producer.ts';
import { producerConnection } from '../store/redis.ts';
import { redisWarnings, tellOutages } from '../store/redis-server.ts';
import { createAzure } from '../upstreams/azure/client.ts';
import { createCloudesire } from '../upstreams/cloudesire/client.ts';
import { type Budget, createHttp, path } from '../upstreams/http.ts';
import { createPartnerCenter } from '../upstreams/partner-center/client.ts';
import { createTokens } from '../upstreams/partner-center/token.ts';
import { createTemplateHost } from '../upstreams/template-host.ts';
import { readUpstreamTime } from '../upstreams/wall-clock.ts';
import { examine, type StoreFacts } from '../workflows/ops/doctor.ts';
import { composeStore } from './store.ts';

const REDIS_WITHIN_MS = 5_000;
/** Somebody sits there and waits. */
const ANSWER_WITHIN_MS = 15_000;

/** Keeps within no limit and remembers nothing: for a few calls, where there is no Redis. */
const NO_BUDGET: Budget = { take: async () => undefined, pause: async () => {} };
const NO_TOKENS = { load: async () => undefined, save: async () => {} };

/**
 * Builds the examination of the service's set-up, for a process of its own. Upstreams are looked at without Redis too. Calls keep within the
 * shared limits, but whether an upstream is out is found out anew, and failures here count for nobody else.
 */
export async function openDoctor(config: Config, { log }: { log: Log }) {
  const redis = producerConnection(config.redis.url);
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
  const refreshTokens = isThere ? store.refreshTokens : NO_TOKENS;
  const budget = isThere ? store.budgetFor(() => undefined) : NO_BUDGET;
  const calls = { readTimeoutMs: ANSWER_WITHIN_MS, readOnly: true, budget, observe: () => {} };
  const { baseUrl, authorityUrl, refreshToken: seed, ...app } = config.partnerCenter;
  const httpFor = (upstream: string, base: string) => createHttp({ ...calls, upstream, baseUrl: base });
  const entra = httpFor('entra', authorityUrl);
  const tokens = createTokens({ ...app, http: entra, clock: systemClock, refreshTokens, seed });
  const { azure, http, sales } = config;

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
          webhookUrl: http.publicUrl && `${http.publicUrl}/partner-center/event`,
          sandboxOrders: sales.sandboxOrders,
          isBillingAccountSet: azure.billingAccount !== undefined,
        },
        examineStore,
        workers: store.presence.read,
        taking: producer.taking,
        assertSealedReadable: store.refreshTokens.assertReadable,
        upstreamTime: () => readUpstreamTime(entra, path`/${app.tenantId}/v2.0/.well-known/openid-configuration`),
        cloudesire: createCloudesire({
          http: httpFor('cloudesire', config.cloudesire.baseUrl),
          token: config.cloudesire.authToken,
        }),
        partnerCenter: createPartnerCenter({ http: httpFor('partner-center', baseUrl), tokens }),
        tokens,
        azure: createAzure({
          ...app,
          ...calls,
          partnerTenantId: app.tenantId,
          armUrl: azure.armUrl,
          billingAccount: azure.billingAccount,
          authorityUrl,
          refreshTokens,
          seed,
          timeoutMs: ANSWER_WITHIN_MS,
          clock: systemClock,
        }),
        templateHost: createTemplateHost({ hosts: azure.templateHosts }),
        clock: systemClock,
      }),
    async close() {
      await producer.close();
      redis.disconnect();
    },
  };
}
