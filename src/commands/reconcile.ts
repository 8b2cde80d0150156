import { parseArgs } from 'node:util';
import type { Difference, Side } from '../workflows/drift/differences.ts';
import type { ReconciliationOptions, ReconciliationResult } from '../workflows/drift/reconciliation.ts';
import {
  type AuditedParts,
  type Command,
  EXIT,
  readReason,
  readSubscriptionId,
  UsageError,
  writeJson,
} from './command.ts';
import { table } from './table.ts';
import { whatOf } from './unreadable.ts';

export interface ReconcileCommandParts extends AuditedParts {
  reconcile(options: ReconciliationOptions): Promise<ReconciliationResult>;
}

const FLAG = { type: 'boolean', default: false } as const;

/** Compares the marketplace, the records and Microsoft, and has looks put right in what they differ, in the name of whom `readOperator` tells. */
export function reconcile(readOperator: () => string): Command<ReconcileCommandParts> {
  return {
    usage: '--dry-run | --reason <text> [--limit N] [--subscription N] [--json]',
    summary: 'tells where marketplace, records and Microsoft differ, and has it put right; --dry-run only tells',

    read(args) {
      const { values } = parseArgs({
        args,
        options: {
          'dry-run': FLAG,
          json: FLAG,
          reason: { type: 'string' },
          subscription: { type: 'string' },
          limit: { type: 'string' },
        },
      });
      const dryRun = values['dry-run'];
      const subscriptionId = values.subscription === undefined ? undefined : readSubscriptionId(values.subscription);
      const limit = values.limit === undefined ? undefined : readLimit(values.limit);
      const reason = dryRun ? undefined : readReason(values.reason);

      return async (parts, output) => {
        const what = { action: 'reconcile', ...(subscriptionId !== undefined && { subscriptionId }) };
        const work = () => parts.reconcile({ dryRun, subscriptionId, limit });
        const result =
          reason === undefined ? await work() : await parts.audited({ ...what, by: readOperator(), reason }, work);
        if (values.json) writeJson(output, result);
        else output.write(present(result));
        return isInOrder(result) ? EXIT.fine : EXIT.found;
      };
    },
  };
}

function readLimit(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new UsageError('--limit takes a whole number: so many subscriptions may be changed.');
}

/** Nothing differs, or whatever does is being put right. */
function isInOrder({ dryRun, differences, unreadable, isHeld, refused }: ReconciliationResult): boolean {
  const isLeft =
    dryRun || isHeld
      ? differences.length > 0
      : differences.some(({ leadsTo }) => leadsTo === 'alert' || leadsTo === 'nothing');
  return !isLeft && unreadable.length === 0 && refused === 0;
}

const KINDS: Record<Difference['kind'], string> = {
  'missed-event': 'missed event',
  'changed-at-microsoft': 'changed at Microsoft',
  'orphan-at-microsoft': 'orphan at Microsoft',
  'orphan-record': 'orphan record',
};

function present({ dryRun, compared, differences, unreadable, ...result }: ReconciliationResult): string {
  const { changes, limit, isHeld, looks, refused } = result;
  const parts = [
    differences.length > 0 &&
      table(
        ['subscription', 'difference', 'marketplace', 'record', 'Microsoft', dryRun ? 'would be done' : 'to be done'],
        differences.map((one) => [one.subscriptionId, KINDS[one.kind], ...sides(one), one.remedy]),
      ),
    unreadable.length > 0 &&
      table(
        ['could not be compared', 'why'],
        unreadable.map(({ subscriptionId, customerId, message }) => [whatOf(subscriptionId, customerId), message]),
      ),
    `${compared} subscriptions compared, ${differences.length} differences, ${changes} subscriptions to be changed.\n`,
    dryRun && changes > limit && `Without --limit ${changes} none would be changed, since at most ${limit} may.\n`,
    isHeld &&
      !dryRun &&
      `Nothing was done, since at most ${limit} may be changed: repeat it with --limit ${changes}.\n`,
    looks > 0 && `${looks} looks asked for; what is needed by then is carried out.\n`,
    refused > 0 &&
      `${refused} looks could not be asked for, since too many subscriptions wait for one: repeat the command in a few minutes.\n`,
  ];
  return parts.filter((part) => part !== false).join('\n');
}

/** How fields of a side are shown. The status always is; of the rest what another side sees differently. */
const FIELDS: { [field in keyof Side]?: (value: NonNullable<Side[field]>) => string } = {
  seats: (seats) => `${seats} seats`,
  planId: (planId) => `plan ${planId}`,
  item: (item) => item,
  next: (next) => `next ${next}`,
  renews: (renews) => (renews ? 'renews' : 'does not renew'),
  endDate: (endDate) => `until ${endDate.slice(0, 10)}`,
  termEnd: (termEnd) => `term to ${termEnd.slice(0, 10)}`,
};

function sides({ marketplace, recorded, microsoft, object }: Difference): (string | undefined)[] {
  const all = [marketplace, recorded, microsoft];
  const shown = (Object.keys(FIELDS) as (keyof typeof FIELDS)[]).filter((field) => {
    const stated = all.flatMap((side) => (side?.[field] === undefined ? [] : [String(side[field]).toLowerCase()]));
    return field === 'renews' ? stated.includes('false') : new Set(stated).size > 1;
  });
  return all.map((side) => {
    if (!side) return undefined;
    const words = shown.flatMap((field) => text(side, field) ?? []);
    const status = object && side === microsoft ? `${object.what} ${object.id} ${side.status}` : side.status;
    return [status, ...words].join(', ');
  });
}

function text<Field extends keyof typeof FIELDS>(side: Side, field: Field): string | undefined {
  const value = side[field];
  const show = FIELDS[field] as ((value: unknown) => string) | undefined;
  return value === undefined ? undefined : show?.(value);
}
