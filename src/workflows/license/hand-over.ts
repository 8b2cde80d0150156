import type { Flow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Access } from '../../report/texts/texts.ts';
import type { Look } from '../look.ts';
import { type AdministratorParts, administratorOf, forgetPassword, tellLostPassword } from '../steps/administrator.ts';
import { reportDeployed } from '../steps/report-deployed.ts';

export interface HandOverParts extends AdministratorParts {
  report: Report;
  now(): number;
}

/**
 * Tells the customer how to get in, then reports DEPLOYED: addresses, instructions, credentials, and the status last, since the
 * marketplace informs the customer as soon as it has that.
 */
export async function handOver(flow: Flow, look: Look, owner: string, parts: HandOverParts): Promise<void> {
  const { report, now } = parts;
  const { id } = look.subscription;

  await flow.step('hand over endpoints', () => report.licenseEndpoints(id));
  // What the instructions promise is decided by what was handed over, not the other way round.
  const access = await flow.step<Access>('hand over credentials', async () => {
    const administrator = await administratorOf(owner, parts);
    if (!administrator) return 'existing-tenant';
    await report.credentials(id, administrator);
    if (administrator.password) return 'new-tenant';
    await tellLostPassword(look, owner);
    return 'password-lost';
  });
  await flow.step('hand over instructions', () => report.licenseInstructions(id, access));
  if (access !== 'existing-tenant') await forgetPassword(flow, look, owner, parts);
  await flow.step('note identifiers in the marketplace', () => report.identifiers(id, look.fulfillment()));
  await reportDeployed(flow, look, { report, heard: ['DEPLOYED', 'STOPPED'] });
  await look.note({ deployedAt: new Date(now()).toISOString() });
}
