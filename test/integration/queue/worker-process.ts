/**
 * A worker in a process of its own, to be killed: `node worker-process.ts <redis url> <prefix>`. It notes in Redis what it
 * does: `looks:<id>` counts looks, `overlaps` counts looks at a subscription that another look was at. A look at a
 * subscription in the set `held` lasts until the process ends.
 */
import { once } from 'node:events';
import { Stopping } from '../../../src/engine/workflow.ts';
import { createWorker } from '../../../src/queue/worker.ts';
import { workerConnection } from '../../../src/store/redis.ts';

const [url, prefix] = process.argv.slice(2) as [string, string];
const redis = workerConnection(url);

const worker = createWorker({
  connection: redis,
  prefix,
  concurrency: 20,
  look: async (subscriptionId, signal) => {
    const busy = `${prefix}:busy:${subscriptionId}`;
    if ((await redis.incr(busy)) > 1) await redis.incr(`${prefix}:overlaps`);
    await redis.incr(`${prefix}:looks:${subscriptionId}`);
    if ((await redis.sismember(`${prefix}:held`, subscriptionId)) === 1) {
      await once(signal, 'abort');
      throw new Stopping();
    }
    await redis.decr(busy);
    return { done: true };
  },
  sweep: async () => {},
  setAside: async () => {},
  onError: (error) => console.error(error),
});

worker.start();
