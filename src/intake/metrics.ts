import type { FastifyPluginAsync } from 'fastify';

export interface MetricsParts {
  /** A prom-client registry. */
  registry: { readonly contentType: string; metrics(): Promise<string> };
}

/** `GET /metrics`: what the process has counted, in the text format of Prometheus. */
export const metricsRoute: FastifyPluginAsync<MetricsParts> = async (app, { registry }) => {
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
};
