import type { Flow } from '../../engine/workflow.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { Azure, Where } from '../../upstreams/azure/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Fulfillment } from '../fulfillment.ts';
import type { Look } from '../look.ts';
import { groupOf } from './names.ts';
import { noteAzure } from './note.ts';
import type { CustomerRole } from './order.ts';

export interface CustomerAccessParts {
  azure: Pick<Azure, 'bootstrap'>;
  partnerCenter: Pick<PartnerCenter, 'customers'>;
}

/**
 * Gives the administrators of the customer's tenant the access to Azure that the plan sells, if any: to the Azure subscription where it is
 * the order's alone, else to the resource group of the order. Without it nobody of the customer can get in. What another plan gave before
 * is taken away.
 *
 * @throws {AttentionError} `azure.no-administrators` when Partner Center shows none
 */
export async function giveAccess(
  flow: Flow,
  look: Look,
  where: Where,
  role: CustomerRole | undefined,
  { azure, partnerCenter }: CustomerAccessParts,
): Promise<void> {
  const { access, ...noted } = look.fulfillment().azure ?? {};
  if (access && access !== role) {
    await flow.step('take away the access that another plan gave', async () => {
      await removeGrants(look, where, azure);
      delete noted.accessOf;
      await look.note({ azure: noted });
    });
  }
  if (!role) return;
  // Of those that were found once, one may be gone before each has access.
  const findAnew = async () => {
    const found = await partnerCenter.customers.administrators(where.tenantId);
    if (found.length > 0) return found;
    throw new AttentionError(
      'azure.no-administrators',
      `The plan gives the customer the role ${role}, but Partner Center shows no administrator of tenant ${where.tenantId}. Name one there.`,
    );
  };
  const principalIds = await flow.step('find the administrators of the tenant', findAnew, ['give the customer access']);
  // Noted before it is given, so that it can be taken away whatever happens in between.
  const { accessOf = [] } = look.fulfillment().azure ?? {};
  await noteAzure(look, { access: role, accessOf: [...new Set([...accessOf, ...principalIds])] });
  await flow.step('give the customer access', async () => {
    for (const grant of grantsOf(look.subscription.id, look.fulfillment())) {
      if (principalIds.includes(grant.principalId)) await azure.bootstrap.assignRole(where, grant);
    }
  });
}

/** Takes away from the customer what `giveAccess` gave. What lay on the resource group went with it. */
export async function takeAccess(flow: Flow, look: Look, where: Where, { azure }: CustomerAccessParts): Promise<void> {
  const { azure: noted } = look.fulfillment();
  if (!noted?.dedicated || !noted.accessOf) return;
  await flow.step('take the access of the customer away', () => removeGrants(look, where, azure));
}

async function removeGrants(look: Look, where: Where, { bootstrap }: CustomerAccessParts['azure']): Promise<void> {
  for (const grant of grantsOf(look.subscription.id, look.fulfillment())) await bootstrap.removeRole(where, grant);
}

function grantsOf(orderId: number, { azure: { access, accessOf = [], dedicated } = {} }: Fulfillment) {
  if (!access) return [];
  return accessOf.map((principalId) => ({
    principalId,
    principalType: 'User' as const,
    role: access,
    ...(!dedicated && { group: groupOf(orderId) }),
  }));
}
