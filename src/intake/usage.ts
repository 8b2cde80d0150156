import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import type { Log } from '../lib/log.ts';
import type { Secret } from '../lib/secret.ts';
import type { Failures } from './failures.ts';
import { IdText } from './ids.ts';
import { type RouteDoc, refusals } from './openapi.ts';
import { refuse } from './replies.ts';
import { isOneOf } from './secret.ts';

export interface UsageParts {
  /** One of them is part of the path, since these calls are not signed. */
  secrets: Secret<readonly string[]>;
  /** Whoever has another secret is counted. */
  failures: Pick<Failures, 'note'>;
  /** Longest time for finding the answer. */
  deadlineMs: number;
  /** The present value of a metric of a subscription; undefined for a subscription that is not known. */
  usage(metric: 'seats' | 'azure-cost', subscriptionId: number, signal: AbortSignal): Promise<number | undefined>;
  log: Log;
}

const Metric = z.enum(['seats', 'azure-cost']);
const HEADER = 'cd-subscription-id';

const DOC: RouteDoc = {
  tag: 'questions',
  summary: 'The present value of a metric of a subscription',
  params: z.object({ secret: z.string(), metric: Metric }),
  headers: z.object({ 'CD-Subscription-Id': IdText }),
  answers: {
    200: { description: 'The value at this moment', schema: z.object({ value: z.number() }) },
    ...refusals({
      400: 'The header names no subscription',
      404: 'Another secret or metric, or a subscription that is not ours',
    }),
  },
};

/**
 * `GET /usage/{secret}/{metric}` with the header `CD-Subscription-Id`: 200 `{"value": number}`; 404 with another secret, for another metric
 * and for a subscription that is not ours, 400 without a readable header.
 *
 * @see https://docs.cloudesire.com/docs/syndication.html
 */
export const usageRoute: FastifyPluginAsync<UsageParts> = async (
  app,
  { secrets, failures, deadlineMs, usage, log },
) => {
  app.get<{ Params: { secret: string; metric: string } }>(
    '/usage/:secret/:metric',
    { config: { doc: DOC } },
    async (request, reply) => {
      const metric = Metric.safeParse(request.params.metric);
      const isAllowed = isOneOf(secrets, request.params.secret);
      if (!isAllowed) failures.note(request.ip, 'question refused: its address does not hold ENDPOINT_SECRET');
      if (!isAllowed || !metric.success)
        return refuse(reply, 404, { error: 'route.unknown', message: 'There is nothing at this address.' });

      const subscriptionId = IdText.safeParse(request.headers[HEADER]);
      if (!subscriptionId.success) {
        return refuse(reply, 400, {
          error: 'usage.subscription-missing',
          message: 'The header CD-Subscription-Id has to name the subscription by its number.',
        });
      }
      const value = await usage(metric.data, subscriptionId.data, AbortSignal.timeout(deadlineMs));
      if (value !== undefined) return reply.send({ value });
      log.warn({ metric: metric.data, subscriptionId: subscriptionId.data }, 'usage of an unknown subscription');
      return refuse(reply, 404, {
        error: 'subscription.unknown',
        message: `The connector has delivered nothing for subscription ${subscriptionId.data}.`,
      });
    },
  );
};
