import { expect, it } from 'vitest';
import { createCosts } from '../../../src/store/costs.ts';
import { openStore } from './setup.ts';

const PAID = '2026-11-03T10:00:00.000Z';

function openCosts() {
  const { redis, keys } = openStore();
  return createCosts(redis, keys);
}

it('adds up the costs of all billing periods, each with the latest estimate', async () => {
  const costs = openCosts();

  await costs.note(50020, '2026-10-01', 10.1);
  await costs.note(50020, '2026-10-01', 12.3);
  await costs.note(50020, '2026-11-01', 0.2);
  await costs.note(50021, '2026-11-01', 99);

  expect(await costs.total(50020, undefined)).toBe(12.5);
});

it('never goes down, whatever Microsoft estimates later', async () => {
  const costs = openCosts();
  await costs.note(50020, '2026-10-01', 12.3);

  await costs.note(50020, '2026-10-01', 7);

  expect(await costs.total(50020, undefined)).toBe(12.3);
});

it('begins at zero with the first payment after a trial, and counts from there', async () => {
  const costs = openCosts();
  await costs.note(50020, '2026-10-01', 12.3);

  expect(await costs.total(50020, PAID)).toBe(0);
  await costs.note(50020, '2026-10-01', 15);
  expect(await costs.total(50020, PAID)).toBe(2.7);
});

it('is nothing for a deployment that has not cost anything yet', async () => {
  expect(await openCosts().total(50020, undefined)).toBe(0);
});
