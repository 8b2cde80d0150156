/**
 * What a wait is for, by the words it begins with. Operations read the whole of it, metrics count the kinds. Where one beginning begins
 * another, the longer one stands first.
 */
const KINDS = {
  Microsoft: 'microsoft',
  'partner subscription': 'microsoft',
  Azure: 'azure',
  'the Azure subscription': 'azure',
  'the terms of': 'azure',
  'the customer to pay': 'payment',
  'the first payment': 'payment',
  payment: 'payment',
  'the customer': 'customer',
  'an administrator of': 'customer',
  'the approval of the order': 'marketplace',
  'the start date of the order': 'marketplace',
  'the marketplace': 'marketplace',
  'the end of the trial': 'marketplace',
  operations: 'operations',
  order: 'other-order',
  'the limit of': 'limit',
  'the return of': 'outage',
  'the end of the dry run': 'dry-run',
  'the records to be rebuilt': 'rebuild',
  'the next try': 'retry',
  'a new decision': 'decision',
} as const;

type Beginning = keyof typeof KINDS;

/** Whom or what a look waits for, and to do what, in words that operations read after `Waits for`. */
export type Wait = Beginning | `${Beginning}${' ' | ', ' | ': '}${string}`;

/** The kind of a wait for metrics, `something-else` for what an earlier release has recorded in other words. */
export function kindOfWait(wait: string): (typeof KINDS)[Beginning] | 'something-else' {
  const beginning = (Object.keys(KINDS) as Beginning[]).find((one) => wait.startsWith(one));
  return beginning === undefined ? 'something-else' : KINDS[beginning];
}

/** A refusal of calls for less than this is over before anybody could wonder. */
export const LASTING_PAUSE_MS = 60_000;
