import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { createKeys } from '../../../src/store/keys.ts';
import { producerConnection, workerConnection } from '../../../src/store/redis.ts';
import { checkWritable, redisWarnings, watchServer } from '../../../src/store/redis-server.ts';
import { createReplication } from '../../../src/store/replication.ts';
import { type SentinelSetup, startSentinels } from '../../support/sentinel.ts';

const keys = createKeys('test');
const FAILOVER_MS = 30_000;

let setup: SentinelSetup;
beforeAll(async () => {
  setup = await startSentinels();
});
afterAll(() => setup.stop());

function connect(open: typeof workerConnection) {
  const redis = open(setup.url);
  onTestFinished(() => redis.disconnect());
  return redis;
}

it('follows the Sentinels to the next master, with what was confirmed and with what waited, and says that it is new', async () => {
  const [producer, worker] = [connect(producerConnection), connect(workerConnection)];
  const [ofProducer, ofWorker] = [createReplication(producer), createReplication(worker)];
  const newServer = vi.fn<() => void>();
  watchServer(producer, { tell: () => {}, newServer });
  await vi.waitFor(async () => expect(await checkWritable(producer, keys, ofProducer)).toBeUndefined(), FAILOVER_MS);
  expect(await redisWarnings(producer)).toEqual([expect.stringContaining('set min-replicas-to-write to 1')]);
  await worker.set('confirmed', '1');
  await ofWorker.confirm();

  const master = await setup.master();
  await master.kill();
  const waiting = worker.set('waited', '1');
  expect(await checkWritable(producer, keys, ofProducer)).toMatch(/^Redis (?:is not connected|does not answer)/);
  await setup.failedOver(master);

  await waiting;
  expect(await worker.mget('confirmed', 'waited')).toEqual(['1', '1']);
  await vi.waitFor(async () => expect(await checkWritable(producer, keys, ofProducer)).toBeUndefined(), FAILOVER_MS);
  await vi.waitFor(() => expect(newServer).toHaveBeenCalledTimes(2), FAILOVER_MS);
});

it('takes nothing for safe that no replica confirms, and calls Redis ready only when one does', async () => {
  const redis = connect(producerConnection);
  const replication = createReplication(redis);
  await vi.waitFor(() => replication.confirm(), FAILOVER_MS);
  const master = await setup.master();
  const replicas = setup.servers.filter((server) => server !== master);
  await Promise.all(replicas.map((replica) => replica.kill('SIGSTOP')));

  await redis.set('a', '1');
  await expect(replication.confirm()).rejects.toMatchObject({ code: 'store.not-replicated' });
  expect(await checkWritable(redis, keys, replication)).toMatch(/^No replica of Redis has confirmed/);

  await Promise.all(replicas.map((replica) => replica.kill('SIGCONT')));
  await vi.waitFor(async () => expect(await checkWritable(redis, keys, replication)).toBeUndefined(), FAILOVER_MS);
});
