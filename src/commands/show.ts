import { parseArgs } from 'node:util';
import { chaptersOf } from '../intake/console/chapters.js';
import type { OpsStory } from '../intake/ops-operations.ts';
import { presentStory } from '../intake/ops-present.ts';
import { type Command, EXIT, readSubscriptionId, UsageError, writeJson } from './command.ts';
import { plain } from './table.ts';

export interface ShowParts {
  show(subscriptionId: number): Promise<OpsStory | undefined>;
}

/** Where one subscription stands, why, and its story. */
export const show: Command<ShowParts> = {
  usage: '<id> [--json]',
  summary:
    'tells where a subscription stands and why, what can be done, and its story; repeated lines are shown once, with --json every time',

  read(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { json: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    const [id, ...more] = positionals.map(readSubscriptionId);
    if (id === undefined || more.length > 0) throw new UsageError('Which subscription? Give one id.');

    return async (parts, output) => {
      const found = await parts.show(id);
      if (!found) {
        output.write(`Nothing is known of subscription ${id}. The command look makes the connector read it.\n`);
        return EXIT.found;
      }
      if (values.json) writeJson(output, presentStory(found));
      else output.write(present(found));
      return EXIT.fine;
    };
  },
};

function present({ timeline, actions, ...record }: OpsStory): string {
  const { subscriptionId, productType, state, operation, step, why, lastError, fulfillment } = record;
  const lines = [
    `subscription ${subscriptionId}${productType ? ` (${productType})` : ''}: ${state}`,
    why,
    operation && `operation ${operation}${step ? `, step "${step}"` : ''}`,
    lastError && `last error, ${lastError.at}: ${lastError.message} (${lastError.code})`,
    needsCure(record) && `once that is cured: ${lastError?.cure ?? 'look'}`,
    fulfillment && `at Microsoft: ${JSON.stringify(fulfillment)}`,
    actions.length > 0 && `possible now: ${actions.join(', ')}`,
    '',
    // The newest line stands where the eye of the reader is then.
    ...chaptersOf(timeline).toReversed().flatMap(linesOf),
  ];
  return lines
    .filter((line) => typeof line === 'string')
    .map((line) => `${plain(line)}\n`)
    .join('');
}

/** Whether it stands still until a person has done something. */
function needsCure({ state, lastError }: Pick<OpsStory, 'state' | 'lastError'>): boolean {
  return lastError !== undefined && (state === 'needs-attention' || state === 'failed');
}

type Line = OpsStory['timeline'][number];

/** The calls that were made, each kind of them once, then what they have led to. */
function linesOf({ entries, calls }: { entries: Line[]; calls: Line[] }): string[] {
  const alike = Map.groupBy(calls, ({ text }) => text);
  return [...[...alike.values()].toReversed(), entries].flatMap(folded);
}

/** What is alike, newest first, in one line: the newest one, how often, and since when. */
function folded(lines: Line[]): string[] {
  const [newest] = lines;
  const oldest = lines.at(-1);
  if (!newest || !oldest) return [];
  const { at, kind, text, ...facts } = newest;
  const asides = [correlationOf(facts), lines.length > 1 && `${lines.length} times since ${oldest.at}`].filter(Boolean);
  return [`${at}  ${kind.padEnd(8)}  ${text}${asides.length > 0 ? ` (${asides.join(', ')})` : ''}`];
}

/** What Microsoft's support asks for. */
function correlationOf({ correlationId }: { correlationId?: unknown }): string | undefined {
  return typeof correlationId === 'string' ? correlationId : undefined;
}
