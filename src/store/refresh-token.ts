import type { Redis } from 'ioredis';
import type { SecretBox } from '../workflows/record.ts';
import type { Keys } from './keys.ts';

/** The newest refresh token of the partner, which outlives the one in the environment: it is renewed with every use. */
export interface RefreshTokenStore {
  /** `undefined` when none was saved, or when it was sealed with another key: the one from the environment then begins anew. */
  load(): Promise<string | undefined>;
  save(token: string): Promise<void>;
}

/** Keeps the refresh token in Redis, sealed by `box`. */
export function createRefreshTokenStore(redis: Redis, keys: Keys, box: SecretBox): RefreshTokenStore {
  return {
    async load() {
      const sealed = await redis.get(keys.refreshToken);
      if (sealed === null) return undefined;
      try {
        return box.open(sealed);
      } catch {
        return undefined;
      }
    },

    async save(token) {
      await redis.set(keys.refreshToken, box.seal(token));
    },
  };
}
