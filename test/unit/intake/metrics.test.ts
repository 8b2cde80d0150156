import { Counter, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { metricsRoute } from '../../../src/intake/metrics.ts';
import { serve } from './serve.ts';

it('answers what was counted, in the text format of Prometheus', async () => {
  const registry = new Registry();
  new Counter({ name: 'events_total', help: 'Events.', registers: [registry] }).inc(3);
  const { url } = await serve((app) => app.register(metricsRoute, { registry }));

  const answer = await fetch(`${url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(await answer.text()).toContain('events_total 3');
});
