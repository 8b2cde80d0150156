import { expect, it, vi } from 'vitest';
import { createReport } from '../../../src/report/report.ts';
import type { Cloudesire } from '../../../src/upstreams/cloudesire/client.ts';

type Subscriptions = Cloudesire['subscriptions'];

it('does not take a customer for told whose subscription the marketplace does not show', async () => {
  const get = vi.fn<Subscriptions['get']>().mockResolvedValue(undefined);
  const subscriptions = { get } as unknown as Subscriptions;
  const report = createReport({ cloudesire: { subscriptions }, languages: ['en'] });

  await expect(report.failed(50_010, { code: 'order.refused', params: {} })).rejects.toMatchObject({
    code: 'cloudesire.not-shown',
    message: expect.stringContaining('50010'),
  });
});
