import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createKeys } from '../../../src/store/keys.ts';
import { isOutage, producerConnection, terminalConnection, workerConnection } from '../../../src/store/redis.ts';
import { checkWritable, redisWarnings, watchServer } from '../../../src/store/redis-server.ts';
import { createReplication } from '../../../src/store/replication.ts';
import { defineScript } from '../../../src/store/script.ts';
import { startRedis } from '../../support/redis.ts';
import { startRedisProxy } from '../../support/redis-proxy.ts';
import { startStopwatch } from '../../support/stopwatch.ts';

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

/** One more connection to a server of the test. */
function connection(url: string, connect = workerConnection): Redis {
  const redis = connect(url);
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** Unlike `once` of Node it does not reject when the connection reports an error, which an outage brings along. */
function heard(redis: Redis, event: 'ready' | 'close'): Promise<void> {
  return new Promise((resolve) => redis.once(event, resolve));
}

async function msOf(work: Promise<unknown>): Promise<number> {
  const tookMs = startStopwatch();
  await work.catch(() => {});
  return tookMs();
}

it('lets nobody wait on a producer connection: Redis away, frozen, and back', async () => {
  const { server, redis } = await setUp(producerConnection);

  await server.kill('SIGSTOP');
  const frozen = redis.set('a', '1');
  expect(await msOf(frozen)).toBeLessThan(2_000);
  await expect(frozen).rejects.toThrow('Command timed out');
  await expect(frozen).rejects.toSatisfy(isOutage);
  await server.kill('SIGCONT');

  const closed = heard(redis, 'close');
  await server.kill();
  await closed;
  const away = redis.set('a', '1');
  expect(await msOf(away)).toBeLessThan(100);
  await expect(away).rejects.toSatisfy(isOutage);

  const ready = heard(redis, 'ready');
  await server.restart();
  await ready;
  await expect(redis.set('a', '1')).resolves.toBe('OK');
});

it('lets a person at a terminal wait for longer than a producer connection', async () => {
  const { server, redis } = await setUp(producerConnection);
  const terminal = connection(server.url, terminalConnection);
  if (terminal.status !== 'ready') await heard(terminal, 'ready');

  await server.kill('SIGSTOP');
  const patient = terminal.set('a', '1');
  await expect(redis.set('a', '1')).rejects.toThrow('Command timed out');
  await server.kill('SIGCONT');
  await expect(patient).resolves.toBe('OK');
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

/** Ways in which a Redis refuses to write: no memory, a replica, too few replicas. Each answers how it is undone. */
const REFUSALS: ((admin: Redis) => Promise<() => Promise<unknown>>)[] = [
  async (admin) => {
    await admin.config('SET', 'maxmemory', '1');
    return () => admin.config('SET', 'maxmemory', '0');
  },
  async (admin) => {
    await admin.replicaof('127.0.0.1', 1);
    return () => admin.replicaof('NO', 'ONE');
  },
  async (admin) => {
    await admin.config('SET', 'min-replicas-to-write', '1');
    return () => admin.config('SET', 'min-replicas-to-write', '0');
  },
];

it('holds commands and scripts of a worker connection back while Redis refuses writes, and sends them once', async () => {
  await Promise.all(
    REFUSALS.map(async (refuse) => {
      const { redis, server } = await setUp(workerConnection);
      const keepRecord = defineScript(redis, 'keepRecord', "return redis.call('RPUSH', KEYS[1], ARGV[1])");
      await keepRecord(['records'], ['before']);
      const admin = connection(server.url);
      const takeAgain = await refuse(admin);

      const answers = [keepRecord(['records'], ['first']), redis.rpush('records', 'second')];
      await heard(redis, 'ready'); // sent, refused, and connected anew
      expect(await admin.lrange('records', 0, -1)).toEqual(['before']);
      await takeAgain();
      await Promise.all(answers);

      expect((await redis.lrange('records', 0, -1)).toSorted()).toEqual(['before', 'first', 'second']);
    }),
  );
});

it('lets nobody wait on a producer connection while Redis refuses writes', async () => {
  await Promise.all(
    REFUSALS.map(async (refuse) => {
      const { redis, server } = await setUp(producerConnection);
      const takeAgain = await refuse(connection(server.url));

      const refused = redis.set('a', '1');
      expect(await msOf(refused)).toBeLessThan(1_500);
      await expect(refused).rejects.toThrow(/^(OOM|READONLY|NOREPLICAS)/);

      await takeAgain();
      await vi.waitFor(() => expect(redis.set('a', '1')).resolves.toBe('OK'), 10_000);
    }),
  );
});

/** What each way of sending a command fails with. */
async function failures(redis: Redis): Promise<unknown[]> {
  const keepRecord = defineScript(redis, 'keepRecord', "return redis.call('RPUSH', KEYS[1], ARGV[1])");
  const failed = (work: Promise<unknown>) =>
    work.then(
      () => 'did not fail',
      (error: unknown) => error,
    );
  return Promise.all([
    failed(redis.set('a', '1')),
    failed(keepRecord(['records'], ['first'])),
    failed(redis.multi().set('a', '1').get('a').exec()),
  ]);
}

describe('tells an outage from a mistake of ours', () => {
  it('while Redis is frozen, dies ahead of its answer, is away, and after the end', async () => {
    const { server, redis } = await setUp(producerConnection);

    await server.kill('SIGSTOP');
    expect((await failures(redis)).map(isOutage)).toEqual([true, true, true]);
    const unanswered = failures(redis);
    const closed = heard(redis, 'close');
    await server.kill();
    await closed;
    expect((await unanswered).map(isOutage)).toEqual([true, true, true]);
    expect((await failures(redis)).map(isOutage)).toEqual([true, true, true]);
    redis.disconnect();
    expect((await failures(redis)).map(isOutage)).toEqual([true, true, true]);
  });

  it('while Redis refuses writes', async () => {
    await Promise.all(
      REFUSALS.map(async (refuse) => {
        const { redis, server } = await setUp(producerConnection);
        const takeAgain = await refuse(connection(server.url));
        expect((await failures(redis)).map(isOutage)).toEqual([true, true, true]);
        await takeAgain();
      }),
    );
  });

  it('when Redis does not let us', async () => {
    const { server } = await setUp(producerConnection);
    await connection(server.url).acl('SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-set', '-rpush');
    const redis = connection(server.url.replace('redis://', 'redis://app:secret@'), producerConnection);
    await heard(redis, 'ready');
    expect((await failures(redis)).map(isOutage)).toEqual([true, true, true]);
  });

  it('when Redis answers that a command is wrong, or the code that sends it fails', async () => {
    const { redis } = await setUp(producerConnection);
    await redis.rpush('a', 'a list');
    await redis.set('records', 'no list');

    const [wrongType, ofScript] = await Promise.all([redis.get('a').catch(String), failures(redis)]);
    expect(wrongType).toMatch(/WRONGTYPE/);
    const thrown = [
      ofScript[1],
      await redis.get('a').catch((error: unknown) => error),
      await redis
        .multi()
        .call('no-such-command')
        .exec()
        .catch((error: unknown) => error),
      new TypeError('x is undefined'),
      undefined,
    ];
    expect(thrown.map(isOutage)).toEqual([false, false, false, false, false]);
  });
});

it('makes a connection anew that answers nothing, as when the host of Redis has lost its power', async () => {
  const server = await startRedis();
  const proxy = await startRedisProxy(server.port);
  const redis = producerConnection(proxy.url);
  onTestFinished(async () => {
    redis.disconnect();
    await proxy.stop();
    await server.stop();
  });
  await heard(redis, 'ready');

  proxy.stall();
  await expect(redis.set('a', '1')).rejects.toThrow('Command timed out');
  await heard(redis, 'close');
  proxy.mend();
  await vi.waitFor(() => expect(redis.set('a', '1')).resolves.toBe('OK'), 10_000);
});

it('works with a Redis that forbids INFO and CONFIG', async () => {
  const { server } = await setUp(producerConnection);
  await connection(server.url).acl('SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-@dangerous', '-@admin');
  const url = server.url.replace('redis://', 'redis://app:secret@');
  const [producer, worker] = [connection(url, producerConnection), connection(url)];
  await vi.waitFor(() => expect([producer.status, worker.status]).toEqual(['ready', 'ready']), 10_000);

  expect(await redisWarnings(producer)).toEqual([]);
  expect(await checkWritable(producer, keys, createReplication(producer))).toBeUndefined();
  expect(await worker.set('a', '1')).toBe('OK');
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
  expect(await checkWritable(redis, keys, createReplication(redis))).toBeUndefined();
  expect(await redis.ttl(keys.probe)).toBeGreaterThan(0);

  await redis.config('SET', 'maxmemory', '1');
  expect(await checkWritable(redis, keys, createReplication(redis))).toMatch(/^Redis refuses writes: OOM/);
  await redis.config('SET', 'maxmemory', '0');

  await server.kill('SIGSTOP');
  expect(await checkWritable(redis, keys, createReplication(redis))).toBe('Redis does not answer: Command timed out');
  await server.kill('SIGCONT');

  const closed = heard(redis, 'close');
  await server.kill();
  await closed;
  expect(await checkWritable(redis, keys, createReplication(redis))).toMatch(/^Redis is not connected/);
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

it('tells once of each setting that loses something, looks again at every server it comes to, and says which are new', async () => {
  const { server, redis } = await setUp(producerConnection);
  const told: string[] = [];
  let servers = 0;
  const { notes } = watchServer(redis, {
    tell: (sentence) => told.push(sentence),
    newServer: () => {
      servers += 1;
    },
  });
  await vi.waitFor(() => expect(servers).toBe(1));
  expect(notes()).toEqual([]);

  await redis.config('SET', 'appendfsync', 'everysec');
  redis.disconnect(true);
  await vi.waitFor(() => expect(told).toEqual([expect.stringContaining('set appendfsync to always (it is everysec)')]));
  expect(notes()).toEqual(told);
  redis.disconnect(true);
  await heard(redis, 'ready');
  expect(servers).toBe(1);

  const ready = heard(redis, 'ready');
  await server.restart();
  await ready;
  await vi.waitFor(() => expect(servers).toBe(2));
  expect(notes()).toEqual([]);
  expect(told).toHaveLength(1);
});
