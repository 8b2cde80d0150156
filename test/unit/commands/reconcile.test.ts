import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/commands/command.ts';
import { reconcile as reconcileFor } from '../../../src/commands/reconcile.ts';
import type { Difference } from '../../../src/workflows/drift/differences.ts';
import type { ReconciliationOptions, ReconciliationResult } from '../../../src/workflows/drift/reconciliation.ts';
import { run } from './run.ts';

const SEATS: Difference = {
  kind: 'missed-event',
  subscriptionId: 50010,
  productType: 'license',
  marketplace: { status: 'DEPLOYED', seats: 12, planId: 2101, endDate: '2027-01-31T00:00:00.000Z' },
  recorded: {
    status: 'in service',
    seats: 10,
    planId: 2101,
    item: 'CFQ7:0001 P1Y monthly',
    endDate: '2027-01-31T00:00:00.000Z',
  },
  microsoft: { status: 'active', seats: 10, item: 'cfq7:0001 P1Y monthly', renews: false },
  remedy: 'change-seats 12',
  leadsTo: 'change',
};
const ORPHAN: Difference = {
  kind: 'orphan-at-microsoft',
  subscriptionId: 50011,
  customerId: 'c1',
  object: { what: 'partner subscription', id: 'a3b0' },
  microsoft: { status: 'active' },
  remedy: 'find out whose it is',
  leadsTo: 'nothing',
};
const CALM: ReconciliationResult = {
  dryRun: false,
  compared: 3,
  differences: [],
  unreadable: [],
  changes: 0,
  limit: 10,
  isHeld: false,
  looks: 0,
  refused: 0,
};
const reconcile = reconcileFor(() => 'maria');
const WHY = ['--reason', 'an outage'];
const trail: object[] = [];
const audited = async <T>(what: object, work: () => Promise<T>): Promise<T> => {
  trail.push(what);
  return work();
};
const answering = (result: Partial<ReconciliationResult>) => ({
  audited,
  reconcile: async (options: ReconciliationOptions) => ({ ...CALM, ...result, dryRun: options.dryRun }),
});

describe('connector reconcile', () => {
  it('shows what each side says, of that only what differs, and what is done about it', async () => {
    const { text } = await run(reconcile, ['--dry-run'], answering({ differences: [SEATS, ORPHAN], changes: 1 }));
    const [, seats, orphan] = text.split('\n').map((line) => line.split(/ {2,}/));
    expect(seats).toEqual([
      '50010',
      'missed event',
      'DEPLOYED, 12 seats',
      'in service, 10 seats',
      'active, 10 seats, does not renew',
      'change-seats 12',
    ]);
    expect(orphan).toEqual([
      '50011',
      'orphan at Microsoft',
      '–',
      '–',
      'partner subscription a3b0 active',
      'find out whose it is',
    ]);
    expect(text).toContain('3 subscriptions compared, 2 differences, 1 subscriptions to be changed.');
  });

  it.each<[string, string[], Partial<ReconciliationResult>, number]>([
    ['nothing differs', WHY, {}, 0],
    ['all that differs is being put right', WHY, { differences: [SEATS], changes: 1, looks: 1 }, 0],
    ['something differs in a dry run', ['--dry-run'], { differences: [SEATS], changes: 1 }, 1],
    ['something is left to a person', WHY, { differences: [ORPHAN] }, 1],
    ['a look tells a person', WHY, { differences: [{ ...SEATS, leadsTo: 'alert' }], looks: 1 }, 1],
    ['too many wait for a look already', WHY, { differences: [SEATS], changes: 1, refused: 1 }, 1],
    ['too much differs', WHY, { differences: [SEATS], changes: 11, isHeld: true }, 1],
    ['something could not be compared', WHY, { unreadable: [{ customerId: 'c1', code: 'x', message: 'refused' }] }, 1],
  ])('when %s it ends with the code for that', async (_when, args, result, code) => {
    expect((await run(reconcile, args, answering(result))).code).toBe(code);
  });

  it('says how to have more changed than may be, and what could not be compared', async () => {
    const { text } = await run(
      reconcile,
      WHY,
      answering({
        differences: [SEATS],
        changes: 11,
        isHeld: true,
        unreadable: [
          { subscriptionId: 7, code: 'x', message: 'refused' },
          { code: 'y', message: 'cut off' },
        ],
      }),
    );
    expect(text).toContain('repeat it with --limit 11');
    expect(text).toMatch(/subscription 7 +refused\nthe list of the marketplace +cut off/);
  });

  it('says how many looks could not be asked for, and what to do', async () => {
    const { text } = await run(reconcile, WHY, answering({ differences: [SEATS], changes: 1, refused: 12 }));
    expect(text).toMatch(/^12 looks could not be asked for, .*: repeat the command/m);
  });

  it('hands on what was asked for, notes in the audit trail who asks and why, and hands the whole result to programs', async () => {
    const asked: ReconciliationOptions[] = [];
    const { text } = await run(reconcile, ['--subscription', '50010', '--limit', '0', '--json', ...WHY], {
      audited,
      async reconcile(options) {
        asked.push(options);
        return { ...CALM, differences: [SEATS] };
      },
    });
    expect(asked).toEqual([{ dryRun: false, subscriptionId: 50010, limit: 0 }]);
    expect(trail.at(-1)).toEqual({ action: 'reconcile', subscriptionId: 50010, by: 'maria', reason: 'an outage' });
    expect(JSON.parse(text)).toEqual({ ...CALM, differences: [SEATS] });
  });

  it.each([
    ['--limit', '-1'],
    ['--limit', 'all'],
    ['--subscription', '0'],
    ['--subscription', '1e3'],
  ])('refuses %s %s before anything is opened', (name, value) =>
    expect(() => reconcile.read([`${name}=${value}`, ...WHY])).toThrow(UsageError),
  );

  it('changes nothing without a reason', () => expect(() => reconcile.read([])).toThrow('--reason'));
});
