import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Buyer } from '../buyer.ts';
import type { Checks } from '../checks.ts';
import type { CustomerDirectory } from '../record.ts';
import { existingTenant, findNamedCustomer } from './named-tenant.ts';
import { checkNewCustomer } from './new-customer.ts';
import { readDomainWish } from './tenant-domain.ts';

export interface CheckCustomerParts {
  partnerCenter: Pick<PartnerCenter, 'customers'>;
  directory: Pick<CustomerDirectory, 'find' | 'ownerOf'>;
}

/**
 * Checks whose Microsoft customer a buyer will be, and whether a new one could be made; returns its id where there is one already, and
 * undefined when that stays open.
 */
export async function checkCustomer(
  buyer: Buyer,
  domainWish: string | undefined,
  checks: Checks,
  { partnerCenter: { customers }, directory }: CheckCustomerParts,
): Promise<{ id: string | undefined } | undefined> {
  const { owner } = buyer;
  const wish = readDomainWish(domainWish);
  const customer = await checks.make('customer', async () => {
    const known = await directory.find(owner);
    // Naming the tenant of somebody else is a mistake, even though the company's own one would be used.
    const domain = known && wish.kind !== 'existing' ? undefined : await existingTenant(wish, customers);
    const named =
      domain === undefined ? undefined : await findNamedCustomer({ owner, domain }, { customers, directory });
    return { id: known?.customerId ?? named?.customerId, isNew: !known && domain === undefined };
  });
  if (customer?.isNew) {
    if (wish.kind === 'none' && domainWish?.trim()) checks.object('customer.domain-unusable');
    await checks.make('profile', () => checkNewCustomer(buyer, customers));
  }
  return customer;
}
