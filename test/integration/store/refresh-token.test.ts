import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { createSecretBox } from '../../../src/lib/secret-box.ts';
import { createRefreshTokenStore } from '../../../src/store/refresh-token.ts';
import { openStore } from './setup.ts';

const clock = { now: () => Date.parse('2026-11-20T08:00:00Z') };

it('keeps the newest token, sealed', async () => {
  const { redis, keys } = openStore();
  const tokens = createRefreshTokenStore(redis, keys, createSecretBox([randomBytes(32)]), clock);
  expect(await tokens.load('0.configured')).toBeUndefined();

  await tokens.save('0.first-token', '0.configured');
  await tokens.save('0.second-token', '0.configured');

  expect(await tokens.load('0.configured')).toBe('0.second-token');
  const kept = String(await redis.get(keys.refreshToken));
  expect(kept).not.toContain('token');
  expect(kept).not.toContain('configured');
});

it('has no token when a person has signed in anew since, and configured another', async () => {
  const { redis, keys } = openStore();
  const tokens = createRefreshTokenStore(redis, keys, createSecretBox([randomBytes(32)]), clock);
  await tokens.save('0.of-the-former', '0.former');

  expect(await tokens.load('0.newer')).toBeUndefined();
  expect(await tokens.renewedAt('0.newer')).toBeUndefined();
});

it('knows when it was given the newest, but not how old the configured one is', async () => {
  const { redis, keys } = openStore();
  const tokens = createRefreshTokenStore(redis, keys, createSecretBox([randomBytes(32)]), clock);
  expect(await tokens.renewedAt('0.configured')).toBeUndefined();
  await tokens.save('0.token', '0.configured');
  expect(await tokens.renewedAt('0.configured')).toBe(clock.now());
});

it('has no token when it was sealed with another key', async () => {
  const { redis, keys } = openStore();
  await createRefreshTokenStore(redis, keys, createSecretBox([randomBytes(32)]), clock).save('0.token', '0.configured');

  const other = createRefreshTokenStore(redis, keys, createSecretBox([randomBytes(32)]), clock);
  expect(await other.load('0.configured')).toBeUndefined();
});
