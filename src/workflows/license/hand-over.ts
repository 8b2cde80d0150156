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

  const access = await flow.step<Access>('choose the way in', async () => {
    const administrator = (await directory.find(owner))?.administrator;
    if (!administrator) return 'existing-tenant';
    return administrator.sealedPassword ? 'new-tenant' : 'password-lost';
  });
  await flow.step('hand over endpoints', () => report.licenseEndpoints(id));
  await flow.step('hand over instructions', () => report.licenseInstructions(id, access));
  if (access !== 'existing-tenant') {
    await flow.step('hand over credentials', async () => {
      const administrator = (await directory.find(owner))?.administrator;
      if (!administrator) return;
      const { userName, sealedPassword } = administrator;
      await report.credentials(id, { userName, ...(sealedPassword && { password: box.open(sealedPassword) }) });
      if (!sealedPassword) {
        alerts.attention({
          code: 'customer.password-lost',
          message: `The first password of the new tenant of ${owner} was in an answer of Partner Center that got lost. Reset it in Partner Center and give it to the customer.`,
          subscriptionId: id,
        });
      }
    });
    // Handed over once and kept nowhere: from here on only the customer has it.
    await flow.step('forget the password', async () => {
      const customer = await directory.find(owner);
      if (customer)
        await directory.save(look.lane, owner, { customerId: customer.customerId, domain: customer.domain });
    });
  }
  await flow.step('note identifiers in the marketplace', () => report.identifiers(id, look.fulfillment()));
  await flow.step('report deployed', async () => {
    const { deploymentStatus } = await look.stillIn(['PENDING', 'FAILED', 'DEPLOYED']);
    if (deploymentStatus !== 'DEPLOYED') await report.deployed(id);
  });
  await look.note({ deployedAt: new Date(now()).toISOString() });
}
