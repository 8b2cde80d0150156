import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Redis } from 'ioredis';
import type { TemplateStore } from '../workflows/azure/blueprint.ts';
import type { Keys } from './keys.ts';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Keeps templates in Redis under the digest of their content, so that an order goes on with the very one that it began with. */
export function createTemplateStore(redis: Redis, keys: Keys): TemplateStore {
  return {
    async get(sha256) {
      const stored = await redis.getBuffer(keys.template(sha256));
      return stored === null ? undefined : (await decompress(stored)).toString('utf8');
    },

    async put(sha256, text) {
      await redis.set(keys.template(sha256), await compress(text), 'NX');
    },
  };
}
