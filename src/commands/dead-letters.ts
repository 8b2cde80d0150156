import { parseArgs } from 'node:util';
import type { Press } from '../workflows/interventions.ts';
import type { DeadLetters } from '../workflows/ops/dead-letters.ts';
import { type Command, EXIT, readReason, UsageError, writeJson } from './command.ts';
import { table } from './table.ts';

export interface DeadLetterParts {
  listDeadLetters(): Promise<DeadLetters[]>;
  retryAll(code: string, press: Press): Promise<{ queued: number; left: number }>;
}

/** What stands still, by reason; or another try of all that stands still for one, in the name of whom `readOperator` tells. */
export function deadLetters(readOperator: () => string): Command<DeadLetterParts> {
  return {
    usage: '[--json] [--retry <code> --reason <text>]',
    summary: 'lists what stands still by the code of its reason, or retries all of one reason, 500 at once',

    read(args) {
      const { json, retry, reason } = parseArgs({
        args,
        options: { json: { type: 'boolean', default: false }, retry: { type: 'string' }, reason: { type: 'string' } },
      }).values;
      if (retry === undefined) {
        if (reason !== undefined) throw new UsageError('Which code is to be retried?');
        return async ({ listDeadLetters }, output) => {
          const items = await listDeadLetters();
          if (json) writeJson(output, { items });
          else output.write(items.length > 0 ? present(items) : 'Nothing stands still.\n');
          return EXIT.fine;
        };
      }

      const why = readReason(reason);
      return async ({ retryAll }, output) => {
        const asked = await retryAll(retry, { by: readOperator(), reason: why });
        if (json) writeJson(output, asked);
        else output.write(`${asked.queued} are tried again${asked.left > 0 ? `; ${asked.left} are left` : ''}.\n`);
        return EXIT.fine;
      };
    },
  };
}

function present(items: DeadLetters[]): string {
  return table(
    ['reason', 'state', 'count', 'oldest', 'subscriptions'],
    items.map(({ code, state, count, oldestAt, subscriptionIds }) => [
      code,
      state,
      count,
      oldestAt,
      `${subscriptionIds.join(' ')}${count > subscriptionIds.length && subscriptionIds.length > 0 ? ' …' : ''}`,
    ]),
  );
}
