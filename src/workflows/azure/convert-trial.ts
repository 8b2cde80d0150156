import type { Workflow } from '../../engine/workflow.ts';
import type { Look } from '../look.ts';
import { noteAzure } from './note.ts';

/** What runs after the trial is what ran in it; from now on its usage is charged to the customer, and begins at zero. */
export function createConvertAzureTrial(productType: string, { now }: { now(): number }): Workflow<Look> {
  return {
    name: `${productType}/convert-trial`,

    async run(flow, look) {
      const usageSince = await flow.step('begin to count the usage', async () => new Date(now()).toISOString());
      await noteAzure(look, { usageSince });
      const { endDate } = look.subscription;
      await look.settle({ trial: false, ...(endDate && { endDate }) });
    },
  };
}
