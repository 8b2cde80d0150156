import { expect, it, onTestFinished } from 'vitest';
import { partnerCenterEventRoute } from '../../src/intake/partner-center-event.ts';
import { createServer } from '../../src/intake/server.ts';
import { RetryableError } from '../../src/lib/errors.ts';
import { createKeys } from '../../src/store/keys.ts';
import { createPartnerSubscriptionIndex } from '../../src/store/partner-subscriptions.ts';
import { isOutage } from '../../src/store/redis.ts';
import { createMemoryLog } from '../support/memory-log.ts';
import { startRedis } from '../support/redis.ts';
import { startStopwatch } from '../support/stopwatch.ts';
import { connected, openQueues } from './queue/setup.ts';

const CUSTOMER = '6c1f2a90-3d47-4b8e-9a55-0e7d8c4b2f11';
const PARTNER_SUBSCRIPTION = 'e2a4c7d1-0b5f-4c3a-8d92-6f1e7b3a9c54';
const EVENT = JSON.stringify({
  EventName: 'subscription-updated',
  ResourceUri: `http://api.partnercenter.microsoft.com/webhooks/v1/customers/${CUSTOMER}/subscriptions/${PARTNER_SUBSCRIPTION}`,
});

/** The route with the real queue and the real index; who signed is not the matter here. */
async function setup() {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const { prefix, looks, openProducer } = openQueues(server.url);
  const producer = openProducer();
  await connected(producer);
  const index = createPartnerSubscriptionIndex(producer.connection, createKeys(prefix));

  const app = createServer({ bug: () => {}, isStopping: () => false });
  app.register(partnerCenterEventRoute, {
    verify: async () => {},
    ownerOf: (id) => index.ownerOf(id),
    requestLook: (id) => producer.requestLook(id),
    relationshipAccepted: () => producer.requestSweep(),
    quarantine: async () => {},
    isOutage: (error) => error instanceof RetryableError || isOutage(error),
    failures: { note: () => {} },
    deadlineMs: 1_800,
    log: createMemoryLog().log,
    tell: () => {},
    count: () => {},
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  const post = () => fetch(`${url}/partner-center/event`, { method: 'POST', body: EVENT });
  return { server, index, looks, post };
}

it('makes one look of an event that is delivered again and again', async () => {
  const { index, looks, post } = await setup();
  await index.note(PARTNER_SUBSCRIPTION.toUpperCase(), 50010);

  const answers = await Promise.all(Array.from({ length: 10 }, post));

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await looks.getJobs('wait')).map(({ data }) => data)).toEqual([{ subscriptionId: 50010 }]);
});

it('makes no look of an event whose partner subscription nobody noted', async () => {
  const { looks, post } = await setup();

  expect((await post()).status).toBe(200);
  expect(await looks.getJobCounts('wait', 'prioritized', 'delayed')).toEqual({ wait: 0, prioritized: 0, delayed: 0 });
});

it('answers 503 at once while Redis is gone, so that the event is sent again', async () => {
  const { server, index, post } = await setup();
  await index.note(PARTNER_SUBSCRIPTION, 50010);
  await server.kill();
  const tookMs = startStopwatch();

  const answer = await post();

  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('5');
  expect(tookMs()).toBeLessThan(2_000);
});
