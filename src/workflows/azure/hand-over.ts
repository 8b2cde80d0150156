import type { Flow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { Look } from '../look.ts';
import { type AdministratorParts, administratorOf, forgetPassword, tellLostPassword } from '../steps/administrator.ts';
import { reportDeployed } from '../steps/report-deployed.ts';
import { groupOf } from './names.ts';
import { type Given, inWords } from './outputs.ts';

export interface HandOverParts extends AdministratorParts {
  report: Report;
  now(): number;
}

export interface HandedOver {
  owner: string;
  /** What the deployment gave. */
  given: Given;
  /** Secrets that were generated for it, by the name of their template parameter. */
  secrets(): Promise<{ name: string; value: string }[]>;
}

/**
 * Tells the customer how to get in, then reports DEPLOYED: addresses, credentials, instructions, and the status last, since the
 * marketplace informs the customer as soon as it has that.
 */
export async function handOver(
  flow: Flow,
  look: Look,
  { owner, given, secrets }: HandedOver,
  parts: HandOverParts,
): Promise<void> {
  const { report, now } = parts;
  const { id } = look.subscription;
  const { azure: { subscriptionId = '', access } = {}, domain = '' } = look.fulfillment();

  await flow.step('hand over endpoints', () =>
    report.azure.endpoints(id, given.endpoints, {
      access: access ?? 'none',
      // The marketplace wants an application in any case; where the template gives none it is the place of what was deployed.
      portal: `https://portal.azure.com/#@${domain}/resource/subscriptions/${subscriptionId}/resourceGroups/${groupOf(id)}`,
    }),
  );
  const administrator = await flow.step('hand over credentials', async () => {
    const found = await administratorOf(owner, parts);
    const generated = (await secrets()).map(({ name, value }) => ({ name: inWords(name), value }));
    await report.azure.credentials(id, { administrator: found, details: given.details, secrets: generated });
    if (found && !found.password) await tellLostPassword(look, owner);
    return { isNew: found !== undefined };
  });
  await flow.step('hand over instructions', () =>
    report.azure.instructions(id, {
      access: access ?? 'none',
      isNewTenant: administrator.isNew,
      own: given.instructions,
    }),
  );
  if (administrator.isNew) await forgetPassword(flow, look, owner, parts);
  await flow.step('note identifiers in the marketplace', () => report.identifiers(id, look.fulfillment()));
  await reportDeployed(flow, look, { report, heard: ['DEPLOYED', 'STOPPED'] });
  await look.note({ deployedAt: new Date(now()).toISOString() });
}
