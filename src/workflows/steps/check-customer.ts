import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Buyer } from '../buyer.ts';
import type { Checks } from '../checks.ts';
import type { CustomerDirectory } from '../customer-directory.ts';
import { existingTenant, findForgottenCustomer, findNamedCustomer } from './named-tenant.ts';
import { checkNewCustomer } from './new-customer.ts';
import { enteredFor, newDomain, readDomainWish, tenantDomains } from './tenant-domain.ts';

/** So many other names are tried where the wanted one is taken. */
const NAMES_TO_OFFER = 5;

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
    await Promise.all([
      checks.make('profile', () => checkNewCustomer(buyer, customers)),
      checks.make('name', checkName),
    ]);
  }
  return customer;

  /** Delivery takes the next free name where the wanted one is taken; a customer who still can choose is asked. */
  async function checkName(): Promise<void> {
    if (wish.kind !== 'new' || !(await customers.isDomainTaken(newDomain(wish.prefix)))) return;
    // What was made for this very buyer is used again.
    if (await findForgottenCustomer(buyer, wish, { customers, directory })) return;
    const free = await firstFree(wish.prefix);
    checks.object('customer.domain-taken', { name: wish.prefix, ...(free && { free: enteredFor(free) }) });
  }

  async function firstFree(prefix: string): Promise<string | undefined> {
    const names = [...tenantDomains(prefix, prefix)].slice(1, 1 + NAMES_TO_OFFER);
    const taken = await Promise.all(names.map((name) => customers.isDomainTaken(name)));
    return names.find((_, position) => !taken[position]);
  }
}
