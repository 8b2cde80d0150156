import { parseArgs } from 'node:util';
import type { RebuildOptions, RebuildResult } from '../workflows/rebuild.ts';
import { type Command, EXIT, writeJson } from './command.ts';
import { table } from './table.ts';

export interface RebuildCommandParts {
  rebuild(options: RebuildOptions): Promise<RebuildResult>;
}

const FLAG = { type: 'boolean', default: false } as const;

/** Brings the records back after a loss of Redis, from what bears our marks at Microsoft. Nothing is bought or changed there. */
export const rebuild: Command<RebuildCommandParts> = {
  usage: '[--dry-run] [--accept-missing] [--json]',
  summary: 'records again what exists at Microsoft, after a loss of Redis; what is recorded stays as it is',

  read(args) {
    const { values } = parseArgs({ args, options: { 'dry-run': FLAG, 'accept-missing': FLAG, json: FLAG } });

    return async (parts, output) => {
      const result = await parts.rebuild({ dryRun: values['dry-run'], acceptMissing: values['accept-missing'] });
      if (values.json) writeJson(output, result);
      else output.write(present(result));
      return result.isWhole ? EXIT.fine : EXIT.found;
    };
  },
};

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
        unreadable.map(({ subscriptionId, customerId, message }) => [
          subscriptionId === undefined ? `customer ${customerId}` : `subscription ${subscriptionId}`,
          message,
        ]),
      ),
    missing.length > 0 &&
      `Delivered by this connector, as the marketplace says, but not found at Microsoft: ${missing.join(', ')}\n`,
    foreign.length > 0 && `Shown as delivered, but not by this connector: ${foreign.join(', ')}\n`,
    `${compared} subscriptions compared, ${kept} recorded already, ${rebuilt.length} ${dryRun ? 'would be recorded again' : 'recorded again'}.\n`,
    isWhole
      ? !dryRun && 'The records are whole; the next sweep brings everything to its right state.\n'
      : 'The records are not whole: nothing is bought, changed or ended until they are. Repeat this once Microsoft shows what is missing; if it really has nothing of it, add --accept-missing.\n',
  ];
  return parts.filter((part) => part !== false).join('\n');
}
