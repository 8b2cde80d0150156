import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import type { RouteDoc } from './openapi.ts';

export interface MetricsParts {
  /** A prom-client registry. */
  registry: { readonly contentType: string; metrics(): Promise<string> };
}

const METRICS: RouteDoc = {
  tag: 'service',
  summary: 'What the process has counted, for Prometheus',
  answers: { 200: { description: 'The text format of Prometheus', type: 'text/plain', schema: z.string() } },
};

/** `GET /metrics`: what the process has counted, in the text format of Prometheus. */
export const metricsRoute: FastifyPluginAsync<MetricsParts> = async (app, { registry }) => {
  app.get('/metrics', { config: { doc: METRICS } }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
};
