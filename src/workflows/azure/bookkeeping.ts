import type { Workflow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Azure } from '../../upstreams/azure/client.ts';
import type { Look } from '../look.ts';
import { reportDeployed } from '../steps/report-deployed.ts';
import { deploymentOf, groupOf } from './names.ts';
import { noteAzure } from './note.ts';
import { readOutputs } from './outputs.ts';
import { whereOf } from './redeploy.ts';

/** Tells the marketplace again that everything is in place, when it forgot or never heard of it. Credentials were handed over once. */
export function createReportAzure(
  productType: string,
  { azure, report }: { azure: Pick<Azure, 'in'>; report: Pick<Report, 'azure' | 'deployed'> },
): Workflow<Look> {
  return {
    name: `${productType}/report`,

    async run(flow, look) {
      const { id } = look.subscription;
      const { azure: { attempt = 0 } = {} } = look.fulfillment();
      await flow.step('hand over endpoints', async () => {
        const { deployments } = azure.in(whereOf(look.fulfillment()));
        const last = await deployments.look(groupOf(id), deploymentOf(id, attempt));
        const { endpoints } = readOutputs(last.state === 'succeeded' ? last.outputs : {});
        if (endpoints.length > 0) await report.azure.endpoints(id, endpoints);
      });
      await reportDeployed(flow, look, { report, heard: ['DEPLOYED'] });
    },
  };
}

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

/** Azure has no terms: a renewal in the marketplace changes nothing there. */
export function createRenewAzure(productType: string): Workflow<Look> {
  return {
    name: `${productType}/renew`,

    async run(_flow, look) {
      if (look.subscription.endDate) await look.settle({ endDate: look.subscription.endDate });
    },
  };
}
