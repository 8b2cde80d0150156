import { parseArgs } from 'node:util';
import { type OpsState, presentRecord, STATES } from '../intake/ops-answers.ts';
import type { OpsQuery, OpsRecord } from '../intake/ops-operations.ts';
import { type Command, EXIT, pageOption, readPage, UsageError, writeJson } from './command.ts';
import { restOf, table } from './table.ts';

export interface ListParts {
  list(query: OpsQuery): Promise<{ items: OpsRecord[]; total: number }>;
}

const PAGE_SIZE = 50;
const LISTED_STATES = [...STATES, 'held', 'detached'] as const;

/** Subscriptions, what changed last first. */
export const list: Command<ListParts> = {
  usage: `[--state <state>] [--product <type or id>] [--customer <owner, id or domain>] [--text <part>] [--page <n>] [--json]`,
  summary: `lists subscriptions, what changed last first; states are ${LISTED_STATES.join(', ')}`,

  read(args) {
    const { values } = parseArgs({
      args,
      options: {
        state: { type: 'string' },
        product: { type: 'string' },
        customer: { type: 'string' },
        text: { type: 'string' },
        page: pageOption,
        json: { type: 'boolean', default: false },
      },
    });
    const { state, json, page: pageText, ...filters } = values;
    const page = readPage(pageText);
    if (state !== undefined && !isListed(state)) {
      throw new UsageError(`There is no state ${state}: it is one of ${LISTED_STATES.join(', ')}.`);
    }

    return async (parts, output) => {
      const found = await parts.list({ ...filters, ...(state && { state }), page, pageSize: PAGE_SIZE });
      const items = found.items.map(presentRecord);
      if (json) writeJson(output, { items, page, total: found.total });
      else {
        output.write(
          table(
            ['subscription', 'product', 'state', 'since', 'operation', 'why'],
            items.map(({ subscriptionId, productType, state: stands, since, operation, why, held, detached }) => [
              subscriptionId,
              productType ?? undefined,
              held ? 'held' : detached ? 'detached' : stands,
              since.slice(0, 16),
              operation ?? undefined,
              why ?? undefined,
            ]),
          ),
        );
        output.write(restOf(found.total, { page, pageSize: PAGE_SIZE }));
      }
      return EXIT.fine;
    };
  },
};

function isListed(state: string): state is OpsState | 'held' | 'detached' {
  return (LISTED_STATES as readonly string[]).includes(state);
}
