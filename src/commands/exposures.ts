import { parseArgs } from 'node:util';
import type { Exposed } from '../workflows/ops/exposures.ts';
import { type Command, EXIT, writeJson } from './command.ts';
import { table } from './table.ts';

export interface ExposuresParts {
  listExposures(page: { page: number; pageSize: number }): Promise<{ items: Exposed[]; total: number }>;
}

const PAGE_SIZE = 500;

/** What Microsoft goes on charging for although the marketplace has ended it. */
export const exposures: Command<ExposuresParts> = {
  usage: '[--json]',
  summary: 'lists what Microsoft goes on charging for although the marketplace has ended it',

  read(args) {
    const { json } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } }).values;

    return async ({ listExposures }, output) => {
      const found: Exposed[] = [];
      for (let page = 1; ; page += 1) {
        const { items } = await listExposures({ page, pageSize: PAGE_SIZE });
        found.push(...items);
        if (items.length < PAGE_SIZE) break;
      }
      if (json) writeJson(output, { items: found, total: found.length });
      else output.write(found.length > 0 ? present(found) : 'Microsoft charges for nothing that has ended.\n');
      return EXIT.fine;
    };
  },
};

function present(found: Exposed[]): string {
  return table(
    ['subscription', 'customer', 'partner subscription', 'seats', 'until', 'a period, before tax'],
    found.map(({ subscriptionId, owner, customerId, partnerSubscriptionId, seats, until, price, billingCycle }) => [
      subscriptionId,
      owner ?? customerId,
      partnerSubscriptionId,
      seats,
      until,
      price && `${(price.amount * seats).toFixed(2)} ${price.currency} ${billingCycle ?? ''}`,
    ]),
  );
}
