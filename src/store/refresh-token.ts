import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { SecretBox } from '../lib/secret-box.ts';
import type { RefreshTokenStore } from '../upstreams/refresh-token.ts';
import type { Keys } from './keys.ts';

/**
 * The newest refresh token of the partner, which outlives the configured one that it came from: it is renewed with every use. Once a
 * person has signed in anew, and another one is configured, what came from the former is used no more.
 */
export interface SealedRefreshToken extends RefreshTokenStore {
  /** When the newest one was given to us, in milliseconds since the epoch; `undefined` while that is not known. */
  renewedAt(configured: string | undefined): Promise<number | undefined>;
  /** Opens what rests there. @throws {AttentionError} `secret-box.cannot-open` when it was sealed with another key */
  assertReadable(): Promise<void>;
}

const Saved = z.object({ token: z.string().min(1), origin: z.string(), savedAt: z.number().optional() });

/** Keeps the refresh token in Redis, sealed by `box`. */
export function createRefreshTokenStore(redis: Redis, keys: Keys, box: SecretBox, clock: Clock): SealedRefreshToken {
  async function read(configured: string | undefined): Promise<z.output<typeof Saved> | undefined> {
    const sealed = await redis.get(keys.refreshToken);
    if (sealed === null) return undefined;
    try {
      const saved = Saved.parse(JSON.parse(box.open(sealed)));
      return saved.origin === fingerprint(configured) ? saved : undefined;
    } catch {
      return undefined;
    }
  }

  return {
    load: async (configured) => (await read(configured))?.token,
    renewedAt: async (configured) => (await read(configured))?.savedAt,

    async assertReadable() {
      const sealed = await redis.get(keys.refreshToken);
      if (sealed !== null) box.open(sealed);
    },

    async save(token, configured) {
      const saved = { token, origin: fingerprint(configured), savedAt: clock.now() };
      await redis.set(keys.refreshToken, box.seal(JSON.stringify(saved)));
    },
  };
}

function fingerprint(token = ''): string {
  return createHash('sha256').update(token).digest('base64url');
}
