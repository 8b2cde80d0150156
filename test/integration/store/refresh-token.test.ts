import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { createRefreshTokenStore } from '../../../src/store/refresh-token.ts';
import { createSecretBox } from '../../../src/store/secret-box.ts';
import { openStore } from './setup.ts';

it('keeps the newest token, sealed', async () => {
  const { redis, keys } = openStore();
  const tokens = createRefreshTokenStore(redis, keys, createSecretBox([randomBytes(32)]));
  expect(await tokens.load()).toBeUndefined();

  await tokens.save('0.first-token');
  await tokens.save('0.second-token');

  expect(await tokens.load()).toBe('0.second-token');
  expect(await redis.get(keys.refreshToken)).not.toContain('token');
});

it('has no token when it was sealed with another key', async () => {
  const { redis, keys } = openStore();
  await createRefreshTokenStore(redis, keys, createSecretBox([randomBytes(32)])).save('0.token');

  expect(await createRefreshTokenStore(redis, keys, createSecretBox([randomBytes(32)])).load()).toBeUndefined();
});
