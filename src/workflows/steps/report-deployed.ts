import type { Flow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Look } from '../look.ts';

/**
 * Reports DEPLOYED where the marketplace still waits for it. In the statuses of `heard` it has that report already: `STOPPED` is one of them
 * after a first delivery, whose report arrived although its answer did not; what is suspended has been deployed. In any other status the
 * next look decides anew.
 */
export function reportDeployed(
  flow: Flow,
  look: Look,
  { report, heard }: { report: Pick<Report, 'deployed'>; heard: ('DEPLOYED' | 'STOPPED')[] },
): Promise<void> {
  return flow.step('report deployed', async () => {
    const { deploymentStatus } = await look.stillIn(['PENDING', 'FAILED', ...heard]);
    if (deploymentStatus === 'PENDING' || deploymentStatus === 'FAILED') await report.deployed(look.subscription.id);
  });
}
