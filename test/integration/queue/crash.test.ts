import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { connected, heldLooks, openQueues } from './setup.ts';

const program = fileURLToPath(new URL('./worker-process.ts', import.meta.url));

function spawnWorker(url: string, prefix: string) {
  const child = spawn(process.execPath, [program, url, prefix], { stdio: ['ignore', 'ignore', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

it('goes on in another worker with what a killed one was at, and with the request that came meanwhile', async () => {
  const { url, prefix, redis, openProducer, startWorker } = openQueues();
  const producer = openProducer();
  await connected(producer);
  const ids = [1, 2, 3, 4, 5];
  await redis.sadd(`${prefix}:held`, ...ids);
  const child = spawnWorker(url, prefix);
  await Promise.all(ids.map((id) => producer.requestLook(id)));
  await vi.waitFor(
    async () => expect(await redis.mget(ids.map((id) => `${prefix}:looks:${id}`))).toEqual(ids.map(() => '1')),
    10_000,
  );
  await producer.requestLook(5);

  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
  const killedAt = performance.now();
  const { look, nth, begun } = heldLooks();
  startWorker({ look });

  await vi.waitFor(() => expect(begun).toHaveLength(5), 20_000);
  expect(performance.now() - killedAt).toBeLessThan(17_000);
  expect(new Set(begun.map(({ subscriptionId }) => subscriptionId))).toEqual(new Set(ids));
  for (const one of begun) one.end({ done: true });

  // Requests for a subscription work as ever.
  await producer.requestLook(5);
  (await nth(5)).end({ done: true });
});

it('never looks at a subscription in two processes at once', async () => {
  const { url, prefix, redis, openProducer, looks } = openQueues();
  const producer = openProducer();
  await connected(producer);
  spawnWorker(url, prefix);
  spawnWorker(url, prefix);
  const ids = [1, 2, 3, 4];

  for (let round = 0; round < 50; round += 1) await Promise.all(ids.map((id) => producer.requestLook(id)));

  await vi.waitFor(
    async () => expect(await looks.getJobCounts('active', 'wait')).toEqual({ active: 0, wait: 0 }),
    20_000,
  );
  const counts = await redis.mget(ids.map((id) => `${prefix}:looks:${id}`));
  for (const count of counts) expect(Number(count)).toBeGreaterThanOrEqual(1);
  expect(await redis.get(`${prefix}:overlaps`)).toBeNull();
});
