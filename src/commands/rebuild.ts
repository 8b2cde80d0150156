import { parseArgs } from 'node:util';
import type { RebuildOptions, RebuildResult } from '../workflows/drift/rebuild.ts';
import { type AuditedParts, type Command, EXIT, readReason, writeJson } from './command.ts';
import { table } from './table.ts';
import { whatOf } from './unreadable.ts';

export interface RebuildCommandParts extends AuditedParts {
  rebuild(options: RebuildOptions): Promise<RebuildResult>;
}

const FLAG = { type: 'boolean', default: false } as const;

/**
 * Brings the records back after a loss of Redis, from what bears our marks at Microsoft, in the name of whom `readOperator` tells. Nothing is
 * bought or changed there.
 */
export function rebuild(readOperator: () => string): Command<RebuildCommandParts> {
  return {
    usage: '--dry-run | --reason <text> [--accept-missing] [--json]',
    summary: 'records again what exists at Microsoft, after a loss of Redis; what is recorded stays as it is',

    read(args) {
      const { values } = parseArgs({
        args,
        options: { 'dry-run': FLAG, 'accept-missing': FLAG, json: FLAG, reason: { type: 'string' } },
      });
      const dryRun = values['dry-run'];
      const reason = dryRun ? undefined : readReason(values.reason);

      return async (parts, output) => {
        const work = () => parts.rebuild({ dryRun, acceptMissing: values['accept-missing'] });
        const result =
          reason === undefined
            ? await work()
            : await parts.audited({ action: 'rebuild', by: readOperator(), reason }, work);
        if (values.json) writeJson(output, result);
        else output.write(present(result));
        return result.isWhole ? EXIT.fine : EXIT.found;
      };
    },
  };
}

function present({ dryRun, compared, kept, rebuilt, missing, foreign, unreadable, isWhole }: RebuildResult): string {
  const parts = [
    rebuilt.length > 0 &&
      table(
        ['subscription', 'product', 'customer', 'partner subscription', 'stands'],
        rebuilt.map(({ subscriptionId, productType, customerId, partnerSubscriptionId, stands }) => [
          subscriptionId,
          productType,
          customerId,
          partnerSubscriptionId,
          stands,
        ]),
      ),
    unreadable.length > 0 &&
      table(
        ['could not be read', 'why'],
        unreadable.map(({ subscriptionId, customerId, message }) => [whatOf(subscriptionId, customerId), message]),
      ),
    missing.length > 0 &&
      `Delivered by this connector, as the marketplace says, but not found at Microsoft: ${missing.join(', ')}\n`,
    foreign.length > 0 && `Shown as delivered, but not by this connector: ${foreign.join(', ')}\n`,
    `${compared} subscriptions compared, ${kept} recorded already, ${rebuilt.length} ${dryRun ? 'would be recorded again' : 'recorded again'}.\n`,
    isWhole
      ? !dryRun && 'The records are whole; the next sweep brings everything to its right state.\n'
      : 'The records are not whole: nothing is bought, changed or ended until they are. Repeat this once Microsoft shows what is missing; if it really has nothing of it, add --accept-missing.\n',
    rebuilt.length > 0 &&
      'What people had held or detached is not known any more: say it again where it still holds.\n',
  ];
  return parts.filter((part) => part !== false).join('\n');
}
