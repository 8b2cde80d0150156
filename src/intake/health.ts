import type { FastifyPluginAsync } from 'fastify';
import { ConnectorError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { within } from './deadline.ts';

export interface HealthParts {
  /** Name → what is not ready, in a sentence without values; `undefined` when all is well. */
  checks: Record<string, () => Promise<string | undefined>>;
  /** What is worth knowing now without keeping anything from working, e.g. that no refresh token is configured. */
  notes: () => Promise<readonly string[]>;
  /** True from the moment on at which the process is to take no new work. */
  isStopping: () => boolean;
  log: Log;
}

const CHECK_WITHIN_MS = 1_000;

/**
 * `GET /health/live`: 200 as long as the process answers at all. `GET /health/ready`: 200 when every check is `ok`, else
 * 503 with a sentence for each that is not; 503 as soon as the process is stopping. Answers within little more than a second.
 */
export const healthRoutes: FastifyPluginAsync<HealthParts> = async (app, { checks, notes, isStopping, log }) => {
  async function check(name: string, look: () => Promise<string | undefined>): Promise<[string, string]> {
    try {
      return [name, (await within(CHECK_WITHIN_MS, look)) ?? 'ok'];
    } catch (err) {
      log.warn({ err, check: name }, 'health check failed');
      return [name, err instanceof ConnectorError ? err.message : 'The check failed; the log says why.'];
    }
  }

  app.get('/health/live', async () => ({ status: 'ok' }));

  app.get('/health/ready', async (_request, reply) => {
    if (isStopping()) return reply.code(503).send({ status: 'stopping', checks: {} });
    const [noted, ...results] = await Promise.all([
      within(CHECK_WITHIN_MS, notes).catch(() => []),
      ...Object.entries(checks).map(([name, look]) => check(name, look)),
    ]);
    const isReady = results.every(([, result]) => result === 'ok');
    return reply
      .code(isReady ? 200 : 503)
      .send({ status: isReady ? 'ok' : 'not-ready', checks: Object.fromEntries(results), notes: noted });
  });
};
