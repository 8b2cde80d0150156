import type { AzureFulfillment } from '../fulfillment.ts';
import type { Look } from '../look.ts';

/** Adds to what is noted of the order in Azure. */
export function noteAzure(look: Look, facts: AzureFulfillment): Promise<void> {
  return look.note({ azure: { ...look.fulfillment().azure, ...facts } });
}
