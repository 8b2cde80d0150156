import { expect, it } from 'vitest';
import {
  deploymentOf,
  groupOf,
  isDedicated,
  lastAttemptOf,
  sharedAliasOf,
} from '../../../../src/workflows/azure/names.ts';

it('an order finds its own deployments by their names, and no others', () => {
  const names = [
    'cloudesire-50020-2',
    'cloudesire-50020-10',
    'cloudesire-500201-77',
    'cloudesire-50020-x',
    'other',
    'cloudesire-50020-011',
  ];

  expect(lastAttemptOf(50020, names)).toBe(10);
  expect(lastAttemptOf(5002, names)).toBe(0);
  expect(lastAttemptOf(50020, [])).toBe(0);
  expect(deploymentOf(50020, 10)).toBe('cloudesire-50020-10');
});

it('an Azure subscription of one order is told from one that is shared', () => {
  expect(isDedicated(groupOf(50020))).toBe(true);
  expect(isDedicated(sharedAliasOf('8BE3A7F2-60d1-4c59-a4e8-3f7d1b9c0256'))).toBe(false);
  expect(isDedicated('Microsoft Azure')).toBe(false);
  expect(isDedicated(undefined)).toBe(false);
});
