import { eachOf } from '../../lib/each-of.ts';
import { AttentionError } from '../../lib/errors.ts';
import { patiently } from '../../lib/patience.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import { type MarkedInAzureParts, markedInAzure } from '../azure/marked.ts';
import { markedLicenses } from '../license/marked.ts';
import type { Marked } from '../marked.ts';
import { unlessHidden } from '../recovery.ts';

export interface InventoryParts extends MarkedInAzureParts {
  partnerCenter: PartnerCenter;
}

/** What of ours there is at Microsoft, and which customers could not be looked through, with the reason. */
export interface Inventory {
  marked: Marked[];
  unreadable: { customerId: string; code: string; message: string }[];
}

/** Customers that are looked through at the same time; the limits of calls are shared with everybody else. */
const AT_ONCE = 4;

/**
 * Returns what looks through the Microsoft customers for whatever bears the mark of a subscription of the marketplace: through all of
 * them, a call or two each, or through those that are named. It only asks, and waits out limits of calls.
 *
 * @throws {RetryableError} when Microsoft does not answer: half an inventory is none
 */
export function createInventory(
  parts: InventoryParts,
): (signal: AbortSignal, customerIds?: Iterable<string>) => Promise<Inventory> {
  const { partnerCenter } = parts;

  async function at(customerId: string): Promise<Marked[]> {
    const bought = (await unlessHidden(partnerCenter.subscriptions.list(customerId))) ?? [];
    return [...markedLicenses(customerId, bought), ...(await markedInAzure(customerId, bought, parts))];
  }

  async function all(): Promise<string[]> {
    const ids: string[] = [];
    for await (const id of partnerCenter.customers.ids()) ids.push(id);
    return ids;
  }

  return async (signal, customerIds) => {
    const found: Inventory = { marked: [], unreadable: [] };
    await eachOf(new Set(customerIds ?? (await patiently(all, signal))), AT_ONCE, async (customerId) => {
      try {
        found.marked.push(...(await patiently(() => at(customerId), signal)));
      } catch (error) {
        if (!(error instanceof AttentionError)) throw error;
        found.unreadable.push({ customerId, code: error.code, message: error.message });
      }
    });
    return found;
  };
}
