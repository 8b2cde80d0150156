import { CustomerError } from '../../lib/errors.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Buyer } from '../buyer.ts';
import type { CustomerDirectory } from '../customer-directory.ts';
import { type DomainWish, domainsFor } from './tenant-domain.ts';

/** The domain of an existing tenant that the buyer named; undefined when a new one is to be created. */
export async function existingTenant(
  wish: DomainWish,
  { isDomainTaken }: Pick<PartnerCenter['customers'], 'isDomainTaken'>,
): Promise<string | undefined> {
  if (wish.kind === 'existing') return wish.domain;
  return wish.kind === 'either' && (await isDomainTaken(wish.domain)) ? wish.domain : undefined;
}

/**
 * The customer of ours whose tenant has that domain; undefined while there is none.
 *
 * @throws {CustomerError} `customer.tenant-of-another` when it belongs to another company of the marketplace
 */
export async function findNamedCustomer(
  { owner, domain }: { owner: string; domain: string },
  {
    customers,
    directory,
  }: { customers: Pick<PartnerCenter['customers'], 'findByDomain'>; directory: Pick<CustomerDirectory, 'ownerOf'> },
): Promise<{ customerId: string; domain: string } | undefined> {
  const customer = await customers.findByDomain(domain);
  if (!customer) return undefined;
  const other = await directory.ownerOf(customer.id);
  if (other !== undefined && other !== owner) {
    throw new CustomerError(
      'customer.tenant-of-another',
      `The buyer (${owner}) named the domain of customer ${customer.id}, which belongs to ${other}. Nothing is ordered into a foreign organisation.`,
      { effect: 'none' },
    );
  }
  return { customerId: customer.id, domain };
}

/** So many names are tried for a tenant that is there already. */
const NAMES_TO_SEARCH = 5;

/**
 * A customer of ours that was created for this very buyer, although nothing is recorded of it: under the name that the buyer would
 * get, with the buyer's company and e-mail address, and nobody else's.
 */
export async function findForgottenCustomer(
  buyer: Buyer,
  wish: DomainWish,
  {
    customers,
    directory,
  }: {
    customers: Pick<PartnerCenter['customers'], 'findByDomain' | 'isDomainTaken' | 'get'>;
    directory: Pick<CustomerDirectory, 'ownerOf'>;
  },
): Promise<{ customerId: string; domain: string } | undefined> {
  for (const domain of [...domainsFor(buyer, wish)].slice(0, NAMES_TO_SEARCH)) {
    if (!(await customers.isDomainTaken(domain))) return undefined;
    const listed = await customers.findByDomain(domain);
    if (!listed || (await directory.ownerOf(listed.id)) !== undefined) continue;
    const customer = await customers.get(listed.id);
    const isOfBuyer =
      isSameText(customer?.companyName, buyer.companyName) && isSameText(customer?.billingEmail, buyer.email);
    if (isOfBuyer) return { customerId: listed.id, domain };
  }
  return undefined;
}

function isSameText(one: string | undefined, other: string): boolean {
  return one?.trim().toLowerCase() === other.trim().toLowerCase();
}
