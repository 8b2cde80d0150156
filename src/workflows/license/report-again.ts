import type { Workflow } from '../../engine/workflow.ts';
import type { Look } from '../look.ts';
import { reportDeployed } from '../steps/report-deployed.ts';
import type { HandOverParts } from './hand-over.ts';
import { tellStanding } from './tell-standing.ts';

/**
 * Tells the marketplace again that a licence is in place, when it forgot or never heard of it, or when the customer was asked for something
 * meanwhile. Credentials were handed over once.
 */
export function createReportLicense({ report }: Pick<HandOverParts, 'report'>): Workflow<Look> {
  return {
    name: 'license/report',

    async run(flow, look) {
      const { id } = look.subscription;
      await flow.step('hand over endpoints', () => report.licenseEndpoints(id));
      if (look.fulfillment().askedAt) {
        await flow.step('tell how it stands', () => tellStanding(look, report));
        await look.note({ askedAt: undefined });
      }
      await reportDeployed(flow, look, { report, heard: ['DEPLOYED'] });
    },
  };
}
