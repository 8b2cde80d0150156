import type { Flow } from '../../engine/workflow.ts';
import type { Alerts } from '../../lib/alerts.ts';
import type { Report } from '../../report/report.ts';
import type { Access } from '../../report/texts/texts.ts';
import type { Look } from '../look.ts';
import type { CustomerDirectory, SecretBox } from '../record.ts';

export interface HandOverParts {
  report: Report;
  directory: CustomerDirectory;
  box: SecretBox;
  alerts: Alerts;
  now(): number;
}

/**
 * Tells the customer how to get in, then reports DEPLOYED: addresses, instructions, credentials, and the status last, since the
 * marketplace informs the customer as soon as it has that.
 */
export async function handOver(
  flow: Flow,
  look: Look,
  owner: string,
  { report, directory, box, alerts, now }: HandOverParts,
): Promise<void> {
  const { id } = look.subscription;

  await flow.step('hand over endpoints', () => report.licenseEndpoints(id));
  // What the instructions promise is decided by what was handed over, not the other way round.
  const access = await flow.step<Access>('hand over credentials', async () => {
    const administrator = (await directory.find(owner))?.administrator;
    if (!administrator) return 'existing-tenant';
    const { userName, sealedPassword } = administrator;
    await report.credentials(id, { userName, ...(sealedPassword && { password: box.open(sealedPassword) }) });
    if (sealedPassword) return 'new-tenant';
    alerts.attention({
      code: 'customer.password-lost',
      message: `The first password of the new tenant of ${owner} was in an answer of Partner Center that got lost. Reset it in Partner Center and give it to the customer.`,
      subscriptionId: id,
    });
    return 'password-lost';
  });
  await flow.step('hand over instructions', () => report.licenseInstructions(id, access));
  if (access !== 'existing-tenant') {
    // Handed over once and kept nowhere: from here on only the customer has it.
    await flow.step('forget the password', async () => {
      const known = await directory.find(owner);
      if (!known) return;
      const { administrator: _handedOver, ...customer } = known;
      await directory.save(look.lane, owner, customer);
    });
  }
  await flow.step('note identifiers in the marketplace', () => report.identifiers(id, look.fulfillment()));
  await flow.step('report deployed', async () => {
    const { deploymentStatus } = await look.stillIn(['PENDING', 'FAILED', 'DEPLOYED']);
    if (deploymentStatus !== 'DEPLOYED') await report.deployed(id);
  });
  await look.note({ deployedAt: new Date(now()).toISOString() });
}
