import type { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { createKeys } from '../../../src/store/keys.ts';
import { checkWritable, producerConnection, redisWarnings, workerConnection } from '../../../src/store/redis.ts';
import { startRedis } from '../../support/redis.ts';

const keys = createKeys('test');

async function setUp(connect: (url: string) => Redis, args: string[] = []) {
  const server = await startRedis({ args });
  const redis = connect(server.url);
  onTestFinished(async () => {
    redis.disconnect();
    await server.stop();
  });
  if (redis.status !== 'ready') await heard(redis, 'ready');
  return { server, redis };
}

/** Unlike `once` of Node it does not reject when the connection reports an error, which an outage brings along. */
function heard(redis: Redis, event: 'ready' | 'close'): Promise<void> {
  return new Promise((resolve) => redis.once(event, resolve));
}

async function msOf(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work.catch(() => {});
  return performance.now() - startedAt;
}

it('lets nobody wait on a producer connection: Redis away, frozen, and back', async () => {
  const { server, redis } = await setUp(producerConnection);

  await server.kill('SIGSTOP');
  const frozen = redis.set('a', '1');
  expect(await msOf(frozen)).toBeLessThan(2_000);
  await expect(frozen).rejects.toThrow('Command timed out');
  await server.kill('SIGCONT');

  const closed = heard(redis, 'close');
  await server.kill();
  await closed;
  const away = redis.set('a', '1');
  expect(await msOf(away)).toBeLessThan(100);
  await expect(away).rejects.toThrow();

  const ready = heard(redis, 'ready');
  await server.restart();
  await ready;
  await expect(redis.set('a', '1')).resolves.toBe('OK');
});

it('holds commands of a worker connection back until Redis has returned', async () => {
  const { server, redis } = await setUp(workerConnection);
  await redis.set('a', '1');
  const closed = heard(redis, 'close');
  await server.kill();
  await closed;

  const answer = redis.incr('a');
  await heard(redis, 'close'); // a connection that was tried and refused
  await server.restart();

  await expect(answer).resolves.toBe(2);
});

it('names its connections, so that operations can tell them apart', async () => {
  const { server, redis } = await setUp(workerConnection);
  const producer = producerConnection(server.url);
  await heard(producer, 'ready');

  expect(await redis.client('LIST')).toMatch(/name=microsoft-connector-producer/);
  expect(await redis.client('GETNAME')).toBe('microsoft-connector-worker');
  producer.disconnect();
});

it('says whether Redis takes writes', async () => {
  const { server, redis } = await setUp(producerConnection);
  expect(await checkWritable(redis, keys)).toBeUndefined();
  expect(await redis.ttl(keys.probe)).toBeGreaterThan(0);

  await redis.config('SET', 'maxmemory', '1');
  expect(await checkWritable(redis, keys)).toMatch(/^Redis refuses writes: OOM/);
  await redis.config('SET', 'maxmemory', '0');

  await server.kill('SIGSTOP');
  expect(await checkWritable(redis, keys)).toBe('Redis does not answer: Command timed out');
  await server.kill('SIGCONT');

  const closed = heard(redis, 'close');
  await server.kill();
  await closed;
  expect(await checkWritable(redis, keys)).toMatch(/^Redis is not connected/);
});

it('has no warnings for a Redis that keeps everything', async () => {
  const { redis } = await setUp(producerConnection);

  expect(await redisWarnings(redis)).toEqual([]);
});

it('warns of a Redis that forgets', async () => {
  const { redis } = await setUp(producerConnection, ['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru']);

  expect(await redisWarnings(redis)).toEqual([
    expect.stringContaining('set maxmemory-policy to noeviction (it is allkeys-lru)'),
    expect.stringContaining('set appendonly to yes'),
  ]);
});
