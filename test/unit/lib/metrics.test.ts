import { expect, it } from 'vitest';
import { createMetrics } from '../../../src/lib/metrics.ts';

it('tells a gauge for each set of labels, as it was when it could last be read', async () => {
  const { gauges, registry } = createMetrics();
  let read = async () => [
    { labels: { upstream: 'arm' }, value: 1 },
    { labels: { upstream: 'entra' }, value: 0 },
  ];
  gauges('open', 'Whether it is open', ['upstream'], () => read());
  expect(await registry.metrics()).toContain('open{upstream="arm"} 1\nopen{upstream="entra"} 0');

  read = () => Promise.reject(new Error('the store does not answer'));
  expect(await registry.metrics()).toContain('open{upstream="arm"} 1\nopen{upstream="entra"} 0');

  read = async () => [{ labels: { upstream: 'arm' }, value: 0 }];
  expect(await registry.metrics()).toContain('open{upstream="arm"} 0');
});
