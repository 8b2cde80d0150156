import { expect, it } from 'vitest';
import { createTemplateStore } from '../../../src/store/templates.ts';
import { openStore } from './setup.ts';

it('gives back a template of four megabytes as it was put in, in far less room', async () => {
  const { redis, keys } = openStore();
  const text = JSON.stringify({
    resources: Array.from({ length: 40_000 }, (_, at) => ({
      name: `grün-${at}`,
      type: 'Microsoft.Network/virtualNetworks',
    })),
  });
  const templates = createTemplateStore(redis, keys);

  await templates.put('a1', text);

  expect(await templates.get('a1')).toBe(text);
  expect(await redis.strlen(keys.template('a1'))).toBeLessThan(text.length / 10);
});

it('has nothing under a digest that nobody has put in', async () => {
  const { redis, keys } = openStore();

  expect(await createTemplateStore(redis, keys).get('b2')).toBeUndefined();
});
