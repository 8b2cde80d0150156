import type { Workflow } from '../../engine/workflow.ts';
import type { Look } from '../look.ts';

/** Azure has no terms: a renewal in the marketplace changes nothing there. */
export function createRenewAzure(productType: string): Workflow<Look> {
  return {
    name: `${productType}/renew`,

    async run(_flow, look) {
      if (look.subscription.endDate) await look.settle({ endDate: look.subscription.endDate });
    },
  };
}
