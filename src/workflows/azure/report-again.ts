import type { Workflow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Azure } from '../../upstreams/azure/client.ts';
import type { Look } from '../look.ts';
import { reportDeployed } from '../steps/report-deployed.ts';
import { deploymentOf, groupOf } from './names.ts';
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
