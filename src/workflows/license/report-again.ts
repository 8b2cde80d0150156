import type { Workflow } from '../../engine/workflow.ts';
import type { Look } from '../look.ts';
import type { HandOverParts } from './hand-over.ts';

/** Tells the marketplace again that a licence is in place, when it forgot or never heard of it. Credentials were handed over once. */
export function createReportLicense({ report }: Pick<HandOverParts, 'report'>): Workflow<Look> {
  return {
    name: 'license/report',

    async run(flow, look) {
      const { id } = look.subscription;
      await flow.step('hand over endpoints', () => report.licenseEndpoints(id));
      await flow.step('report deployed', async () => {
        const { deploymentStatus } = await look.stillIn(['PENDING', 'FAILED', 'DEPLOYED']);
        if (deploymentStatus !== 'DEPLOYED') await report.deployed(id);
      });
    },
  };
}
