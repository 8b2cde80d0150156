import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { ConnectorError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { within } from './deadline.ts';
import type { RouteDoc } from './openapi.ts';

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

const Readiness = z
  .object({
    status: z.enum(['ok', 'not-ready', 'stopping']),
    checks: z.record(z.string(), z.string()).describe('`ok`, or a sentence'),
    notes: z.array(z.string()).optional().describe('What is worth knowing, but keeps nothing from working'),
  })
  .meta({ id: 'Readiness' });

const LIVE: RouteDoc = {
  tag: 'service',
  summary: 'Whether the process answers at all',
  answers: { 200: { description: 'It does', schema: z.object({ status: z.literal('ok') }) } },
};

const READY: RouteDoc = {
  tag: 'service',
  summary: 'Whether the process is to be given work',
  answers: {
    200: { description: 'It is', schema: Readiness },
    503: { description: 'It is not, or stops', schema: Readiness },
  },
};

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

  app.get('/health/live', { config: { doc: LIVE } }, async () => ({ status: 'ok' }));

  app.get('/health/ready', { config: { doc: READY } }, async (_request, reply) => {
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
