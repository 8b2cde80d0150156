import { expect, it, vi } from 'vitest';
import { createReport } from '../../../src/report/report.ts';
import type { Cloudesire } from '../../../src/upstreams/cloudesire/client.ts';
import type { Subscription } from '../../../src/upstreams/cloudesire/schema.ts';

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

it('returns in English what the customer was told in their own language', async () => {
  const get = vi.fn<Subscriptions['get']>().mockResolvedValue({ deploymentStatus: 'FAILED' } as Subscription);
  const setInstructions = vi.fn<Subscriptions['setInstructions']>();
  const subscriptions = { get, setInstructions } as unknown as Subscriptions;
  const report = createReport({ cloudesire: { subscriptions }, languages: ['it'] });

  const told = await report.failed(50_010, { code: 'customer.data-missing', params: { fields: 'postalCode' } });

  expect(told).toMatch(/^Your order could not be completed yet, .* missing in your profile: postal code\./);
  expect(setInstructions).toHaveBeenCalledWith(50_010, { it: expect.stringContaining('ordine') });
});

it('tells nothing, and says so, to whoever has something else by now', async () => {
  const get = vi.fn<Subscriptions['get']>().mockResolvedValue({ deploymentStatus: 'UNDEPLOYED' } as Subscription);
  const subscriptions = { get } as unknown as Subscriptions;
  const report = createReport({ cloudesire: { subscriptions }, languages: ['en'] });

  expect(await report.failed(50_010, { code: 'order.refused', params: {} })).toBeUndefined();
});
