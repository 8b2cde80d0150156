import { parseArgs } from 'node:util';
import { LISTED_STATES, type OpsState } from '../intake/ops-answers.ts';
import type { OpsQuery, OpsRecord } from '../intake/ops-operations.ts';
import { presentRecord } from '../intake/ops-present.ts';
import { type Command, EXIT, type ExitCode, type Output, readPage, UsageError, writeJson } from './command.ts';
import { restOf, table } from './table.ts';

export interface ListParts {
  list(query: OpsQuery): Promise<{ items: OpsRecord[]; total: number }>;
}

const PAGE_SIZE = 50;
/** What somebody may have to do something about, the most urgent first. */
const WANTING = ['needs-attention', 'failed', 'retrying'] as const;

/** Subscriptions, what changed last first: those that want somebody, unless others are asked for. */
export const list: Command<ListParts> = {
  usage: `[--all] [--state <state>] [--product <type or id>] [--customer <owner, id or domain>] [--text <part>] [--page <n>] [--json]`,
  summary: `lists what needs somebody (${WANTING.join(', ')}); with --all everything, else whatever fits, what changed last first; states are ${LISTED_STATES.join(', ')}`,

  read(args) {
    const { values } = parseArgs({
      args,
      options: {
        all: { type: 'boolean', default: false },
        state: { type: 'string' },
        product: { type: 'string' },
        customer: { type: 'string' },
        text: { type: 'string' },
        page: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    const { all, state, json, page: pageText, ...filters } = values;
    const page = readPage(pageText ?? '1');
    if (state !== undefined && !isListed(state)) {
      throw new UsageError(`There is no state ${state}: it is one of ${LISTED_STATES.join(', ')}.`);
    }
    const isFiltered = state !== undefined || Object.keys(filters).length > 0;
    if (all && isFiltered) throw new UsageError('Give either --all or filters, not both.');
    const isWanted = !all && !isFiltered;
    if (isWanted && pageText !== undefined)
      throw new UsageError('Pages of what? Give --all, --state or another filter.');

    return async (parts, output) => {
      if (isWanted) return showWanting(parts, output, json);
      const found = await parts.list({ ...filters, ...(state && { state }), page, pageSize: PAGE_SIZE });
      if (json) writeJson(output, { items: found.items.map(presentRecord), page, total: found.total });
      else {
        output.write(tableOf(found.items));
        output.write(restOf(found.total, { page, pageSize: PAGE_SIZE }));
      }
      return EXIT.fine;
    };
  },
};

/** The first of each state: who has more of them goes on with `--state`. */
async function showWanting(parts: ListParts, output: Output, json: boolean): Promise<ExitCode> {
  const lists = await Promise.all(WANTING.map((state) => parts.list({ state, page: 1, pageSize: PAGE_SIZE })));
  const items = lists.flatMap((found) => found.items);
  const total = lists.reduce((sum, found) => sum + found.total, 0);
  if (json) writeJson(output, { items: items.map(presentRecord), page: 1, total });
  else if (total === 0) output.write('Nothing needs you. With --all everything is listed.\n');
  else {
    output.write(tableOf(items));
    for (const [at, { items: shown, total: there }] of lists.entries()) {
      if (there > shown.length)
        output.write(`${shown.length} of ${there} that are ${WANTING[at]}: --state ${WANTING[at]}\n`);
    }
  }
  return EXIT.fine;
}

function tableOf(items: OpsRecord[]): string {
  return table(
    ['subscription', 'product', 'state', 'since', 'operation', 'why'],
    items
      .map(presentRecord)
      .map(({ subscriptionId, productType, state, since, operation, why, held, detached }) => [
        subscriptionId,
        productType ?? undefined,
        held ? 'held' : detached ? 'detached' : state,
        since.slice(0, 16),
        operation ?? undefined,
        why ?? undefined,
      ]),
  );
}

function isListed(state: string): state is OpsState | 'held' | 'detached' {
  return (LISTED_STATES as readonly string[]).includes(state);
}
