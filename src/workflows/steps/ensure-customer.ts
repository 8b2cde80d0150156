import { randomUUID } from 'node:crypto';
import type { Flow } from '../../engine/workflow.ts';
import { AttentionError, ConnectorError, RetryableError } from '../../lib/errors.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Buyer } from '../buyer.ts';
import type { Look } from '../look.ts';
import type { CustomerDirectory, KnownCustomer, SecretBox } from '../record.ts';
import { composeNewCustomer } from './new-customer.ts';
import { readDomainWish, tenantDomains } from './tenant-domain.ts';

export interface EnsureCustomerParts {
  partnerCenter: Pick<PartnerCenter, 'customers'>;
  directory: CustomerDirectory;
  box: SecretBox;
  /** Does that subscription still work on the customer whose creation it claimed? */
  isProvisioning(subscriptionId: number): Promise<boolean>;
  now(): number;
  pollEveryMs: number;
}

export interface EnsuredCustomer {
  customerId: string;
  domain: string;
}

interface Request {
  /** Whose customer it is: `userCompany/512`, or `user/1303`. */
  owner: string;
  buyer(): Promise<Buyer>;
  /** What the buyer entered as domain, if anything. */
  domainWish: string | undefined;
}

/**
 * The Partner Center customer of the buyer's company: the one it already has, else a new tenant. Of several subscriptions of
 * one company exactly one creates it; the others wait for it.
 *
 * @see https://learn.microsoft.com/partner-center/developer/create-a-customer
 */
export async function ensureCustomer(
  flow: Flow,
  look: Look,
  request: Request,
  parts: EnsureCustomerParts,
): Promise<EnsuredCustomer> {
  const { owner, buyer, domainWish } = request;
  const { directory, box, pollEveryMs } = parts;
  const { customers } = parts.partnerCenter;
  const ourId = look.subscription.id;

  const waitForOther = {
    firstMs: pollEveryMs,
    factor: 1,
    longestMs: pollEveryMs,
    waitingFor: `another order of ${owner} to create the Microsoft customer`,
  };
  const { known } = await flow.poll<{ known: EnsuredCustomer | null }>('find customer', waitForOther, async () => {
    const customer = await directory.find(owner);
    if (customer) return { known: { customerId: customer.customerId, domain: customer.domain } };
    const holder = await directory.claim(owner, ourId);
    if (holder === ourId) return { known: null };
    if (await parts.isProvisioning(holder)) return undefined;
    return (await directory.takeOver(owner, holder, ourId)) ? { known: null } : undefined;
  });
  if (known) return known;

  async function remember(customer: KnownCustomer): Promise<EnsuredCustomer> {
    await directory.save(look.lane, owner, customer);
    return { customerId: customer.customerId, domain: customer.domain };
  }

  return flow.effect<{ domain: string; requestId: string }, EnsuredCustomer>('create customer', {
    prepare: async () => ({
      domain: await chooseDomain(customers, await buyer(), domainWish),
      requestId: randomUUID(),
    }),

    async find({ domain }, { firstSentAt }) {
      const customer = await customers.findByDomain(domain);
      // The password was in the answer that got lost; Microsoft never shows it again.
      if (customer)
        return remember({ customerId: customer.id, domain, administrator: { userName: `admin@${domain}` } });
      if (!(await customers.isDomainTaken(domain))) return undefined;
      if (parts.now() - firstSentAt < 60 * pollEveryMs) {
        throw new RetryableError(
          'customer.creation-unclear',
          `Partner Center did not answer the creation of ${domain}: the name is taken now, the customer not listed yet. It is looked for again; nothing is sent until that is clear.`,
          { retryAfterMs: pollEveryMs },
        );
      }
      throw new AttentionError(
        'customer.creation-unclear',
        `Partner Center never answered the creation of ${domain}; the name is taken, but no customer of ours has it. Look for it in Partner Center: once it is listed there the order goes on.`,
      );
    },

    async act({ domain, requestId }) {
      const who = await buyer();
      const newCustomer = composeNewCustomer(who, domain, await customers.countryRules(who.country));
      try {
        const created = await customers.create(newCustomer, { requestId });
        const userName = created.userName?.includes('@')
          ? created.userName
          : `${created.userName ?? 'admin'}@${domain}`;
        const administrator = { userName, ...(created.password && { sealedPassword: box.seal(created.password) }) };
        return await remember({ customerId: created.id, domain, administrator });
      } catch (error) {
        const refused = error instanceof ConnectorError && (error.facts.status === 400 || error.facts.status === 409);
        if (refused && (await customers.isDomainTaken(domain)) && !(await customers.findByDomain(domain))) {
          throw new RetryableError(
            'customer.domain-taken',
            `${domain} was taken by somebody else meanwhile; the next try takes another name.`,
            {
              cause: error,
              effect: 'none',
            },
          );
        }
        throw error;
      }
    },
  });
}

async function chooseDomain(
  customers: PartnerCenter['customers'],
  buyer: Buyer,
  domainWish: string | undefined,
): Promise<string> {
  const wish = readDomainWish(domainWish);
  if (wish.kind === 'existing') {
    throw new AttentionError(
      'customer.link-needed',
      `The buyer (${buyer.owner}) named the domain of a tenant that exists already. Invite that tenant to the reseller relationship, or have the buyer enter a new prefix.`,
    );
  }
  const fallback = `c${buyer.owner.replace(/[^0-9]/g, '')}customer`;
  for (const domain of tenantDomains(wish.kind === 'new' ? wish.prefix : buyer.companyName, fallback)) {
    if (!(await customers.isDomainTaken(domain))) return domain;
  }
  throw new AttentionError(
    'customer.no-free-domain',
    `No free domain was found for ${buyer.owner} in a hundred tries. Ask the buyer for another prefix.`,
  );
}
