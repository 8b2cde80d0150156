import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { inject, onTestFinished, vi } from 'vitest';
import { createProducer } from '../../../src/queue/producer.ts';
import { createWorker, type LookOutcome } from '../../../src/queue/worker.ts';
import { producerConnection, workerConnection } from '../../../src/store/redis.ts';
import { createReplication } from '../../../src/store/replication.ts';
import { forgetKeys } from '../store/setup.ts';

type Parts = Parameters<typeof createWorker>[0];

/**
 * Producers and workers on queues that no other test uses, on the Redis of the run unless the test brings its own. Everything
 * is closed when the test has finished.
 */
export function openQueues(ownUrl?: string, { backlogLimit = 1_000 } = {}) {
  const url = ownUrl ?? inject('redisUrl');
  const prefix = `test-${randomUUID()}`;
  const redis = keep(workerConnection(url));
  if (ownUrl === undefined) onTestFinished(() => forgetKeys(redis, prefix));
  const looks = new Queue('looks', { connection: redis, prefix });
  looks.on('error', () => {});

  function openProducer() {
    const connection = keep(producerConnection(url));
    return {
      connection,
      ...createProducer({ redis: connection, prefix, confirm: createReplication(connection).confirm, backlogLimit }),
    };
  }

  function startWorker(parts: Partial<Parts>) {
    const errors: unknown[] = [];
    const worker = createWorker({
      connection: keep(workerConnection(url)),
      prefix,
      concurrency: 10,
      look: async () => ({ done: true }),
      sweep: async () => {},
      setAside: async () => {},
      onError: (error) => errors.push(error),
      ...parts,
    });
    onTestFinished(() => worker.stop());
    worker.start();
    return { worker, errors };
  }

  return { url, prefix, redis, looks, openProducer, startWorker };
}

/** Resolves once the producer can reach Redis. */
export async function connected({ connection }: { connection: Redis }): Promise<void> {
  await vi.waitFor(() => {
    if (connection.status !== 'ready') throw new Error(`connection is ${connection.status}`);
  });
}

/** A look that its test ends by hand, and that notes what ran. */
export function heldLooks() {
  const begun: {
    subscriptionId: number;
    signal: AbortSignal;
    end(outcome: LookOutcome): void;
    fail(error: Error): void;
  }[] = [];
  return {
    begun,
    look: (subscriptionId: number, signal: AbortSignal) => {
      const { promise, resolve, reject } = Promise.withResolvers<LookOutcome>();
      begun.push({ subscriptionId, signal, end: resolve, fail: reject });
      return promise;
    },
    /** The look number `index`, counted from 0, once it has begun. */
    nth: (index: number) =>
      vi.waitFor(
        () => {
          const look = begun[index];
          if (look === undefined) throw new Error(`${begun.length} looks have begun`);
          return look;
        },
        { timeout: 5_000, interval: 5 },
      ),
  };
}

function keep(redis: Redis): Redis {
  onTestFinished(() => redis.disconnect());
  return redis;
}
