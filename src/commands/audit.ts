import { parseArgs } from 'node:util';
import type { AuditEntry } from '../workflows/ops/audit.ts';
import { type Command, EXIT, pageOption, readPage, readSubscriptionId, writeJson } from './command.ts';
import { restOf, table } from './table.ts';

export interface AuditParts {
  listAudit(query: {
    page: number;
    pageSize: number;
    subscriptionId?: number;
  }): Promise<{ items: AuditEntry[]; total: number }>;
}

const PAGE_SIZE = 50;

/** What operations have changed, newest first. */
export const audit: Command<AuditParts> = {
  usage: '[--subscription <id>] [--page <n>] [--json]',
  summary: 'lists who of operations changed what, when and why, newest first',

  read(args) {
    const { values } = parseArgs({
      args,
      options: {
        subscription: { type: 'string' },
        page: pageOption,
        json: { type: 'boolean', default: false },
      },
    });
    const page = readPage(values.page);
    const subscriptionId = values.subscription === undefined ? undefined : readSubscriptionId(values.subscription);

    return async ({ listAudit }, output) => {
      const only = subscriptionId !== undefined && { subscriptionId };
      const { items, total } = await listAudit({ page, pageSize: PAGE_SIZE, ...only });
      if (values.json) writeJson(output, { items, page, total });
      else {
        output.write(
          table(
            ['at', 'by', 'action', 'on', 'outcome', 'reason'],
            items.map(({ at, by, action, subscriptionId: id, subscriptionIds, target, outcome, code, reason }) => [
              at,
              by,
              action,
              id ?? [target, subscriptionIds?.join(' ')].filter(Boolean).join(': '),
              code ? `${outcome} (${code})` : outcome,
              reason,
            ]),
          ),
        );
        output.write(restOf(total, { page, pageSize: PAGE_SIZE }));
      }
      return EXIT.fine;
    };
  },
};
