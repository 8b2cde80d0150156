import { expect, it, onTestFinished, vi } from 'vitest';
import { createProducer } from '../../../src/queue/producer.ts';
import { createCustomerDirectory } from '../../../src/store/customers.ts';
import { createJournal } from '../../../src/store/journal.ts';
import { createLanes } from '../../../src/store/lanes.ts';
import { producerConnection, workerConnection } from '../../../src/store/redis.ts';
import { createReplication, type Replication } from '../../../src/store/replication.ts';
import { startRedis } from '../../support/redis.ts';
import { neverAborted, openStore } from './setup.ts';

const owner = 'userCompany/512';
const unheard: Replication = { confirm: () => Promise.reject(new Error('no replica has confirmed')) };

it('takes for safe only what a replica has: an event, a lane, what is about to be sent, a customer with the only copy of its password', async () => {
  const { redis, keys, prefix, openLane } = openStore();
  const lane = await openLane(50010, neverAborted);
  const directory = createCustomerDirectory(redis, keys, unheard);
  const journal = createJournal(redis, keys, unheard);
  const producer = createProducer({ redis, prefix, confirm: unheard.confirm, backlogLimit: 10 });
  onTestFinished(() => producer.close());
  const [customer, sent, done] = [
    { customerId: 'c-1', domain: 'fabrikam.onmicrosoft.com' },
    { state: 'sent', prepared: {}, firstSentAt: 0, sends: 1 },
    { state: 'done', result: 1, at: 0 },
  ] as const;

  await expect(producer.requestLook(50010)).rejects.toMatchObject({ code: 'queue.unavailable' });
  await expect(createLanes(redis, keys, unheard).openLane(50011, neverAborted)).rejects.toThrow('no replica');
  await expect(journal.write(lane, 'run', 'buy', sent)).rejects.toThrow('no replica');
  await expect(directory.noteAttempt(owner, customer.domain)).rejects.toThrow('no replica');
  await expect(directory.save(lane, owner, customer)).rejects.toThrow('no replica');
  // What is done shows at Microsoft, where it is found again.
  await journal.write(lane, 'run', 'buy', done);
});

it('takes nothing for safe that only a master has whose replica has just left, and then trusts one that goes on without any', async () => {
  const [master, replica] = await Promise.all([
    startRedis({ args: ['--repl-diskless-sync-delay', '0'] }),
    startRedis(),
  ]);
  const [redis, admin] = [producerConnection(master.url), workerConnection(replica.url)];
  onTestFinished(async () => {
    for (const one of [redis, admin]) one.disconnect();
    await Promise.all([master.stop(), replica.stop()]);
  });
  await admin.replicaof('127.0.0.1', master.port);
  await vi.waitFor(async () => expect(await redis.info('replication')).toContain('state=online'), 20_000);
  // Before, nothing had connected, and so nothing was known of it.
  const replication = createReplication(redis);
  await redis.set('a', '1');
  await replication.confirm();
  expect(await admin.get('a')).toBe('1');

  await replica.kill();
  await redis.set('a', '2');
  await expect(replication.confirm()).rejects.toMatchObject({ code: 'store.not-replicated' });
  await replication.confirm();
});
