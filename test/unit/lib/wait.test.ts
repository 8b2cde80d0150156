import { expect, it } from 'vitest';
import { kindOfWait } from '../../../src/lib/wait.ts';

it.each([
  ['the customer to accept the Microsoft Customer Agreement at https://sign.example', 'customer'],
  ['the customer to pay; the marketplace has suspended the subscription', 'payment'],
  ['the marketplace to show the subscription', 'marketplace'],
  ['operations, who have detached it (Mara, 2026-11-27: done by hand)', 'operations'],
  ['the return of Azure, which has not been available since 2026-11-27T08:00:00.000Z', 'outage'],
  ['the end of the dry run (CMW_READ_ONLY): would send POST', 'dry-run'],
  ['the end of the trial in the marketplace', 'marketplace'],
  ['the Azure subscription that comes with plan 7', 'azure'],
  ['words of an earlier release', 'something-else'],
])('a wait for %s is counted as one of the kind %s', (wait, kind) => {
  expect(kindOfWait(wait)).toBe(kind);
});
