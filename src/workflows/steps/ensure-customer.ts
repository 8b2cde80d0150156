import { randomUUID } from 'node:crypto';
import { type Flow, PREPARE_ANEW } from '../../engine/workflow.ts';
import { MINUTE_MS } from '../../lib/durations.ts';
import { AttentionError, ConnectorError, RetryableError } from '../../lib/errors.ts';
import type { SecretBox } from '../../lib/secret-box.ts';
import type { Report } from '../../report/report.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Buyer } from '../buyer.ts';
import type { CustomerDirectory, KnownCustomer } from '../customer-directory.ts';
import type { Grace } from '../grace.ts';
import type { Look } from '../look.ts';
import { existingTenant, findForgottenCustomer, findNamedCustomer } from './named-tenant.ts';
import { checkNewCustomer, composeNewCustomer } from './new-customer.ts';
import { pollPlan } from './polls.ts';
import { domainsFor, readDomainWish } from './tenant-domain.ts';

export interface EnsureCustomerParts {
  partnerCenter: Pick<PartnerCenter, 'customers' | 'hasUserToken'>;
  report: Pick<Report, 'invitation' | 'underWay'>;
  directory: CustomerDirectory;
  box: SecretBox;
  /** Does that subscription still work on the customer whose creation it claimed? */
  isProvisioning(subscriptionId: number): Promise<boolean>;
  now(): number;
  pollEveryMs: number;
  grace: Grace;
}

export interface EnsuredCustomer {
  customerId: string;
  domain: string;
}

export interface CustomerRequest {
  /** Whose customer it is: `userCompany/512`, or `user/1303`. */
  owner: string;
  buyer(): Promise<Buyer>;
  /** What the buyer entered as domain, if anything. */
  domainWish: string | undefined;
  /** Tenant of the indirect reseller through whom the order came. */
  resellerTenantId?: string | undefined;
}

/** Whose customer the buyer is to be: of a tenant that is ours already, that they named, or that was made and forgotten; else of a new one. */
interface Choice {
  ours?: EnsuredCustomer;
  existing?: string | null;
  forgotten?: EnsuredCustomer | null;
}

const UNCLEAR = 'customer.creation-unclear';

/** A new customer may not be readable for some minutes. https://learn.microsoft.com/partner-center/developer/create-a-customer */
const NOT_VISIBLE_YET = new Set(['60003', '20002', '900159']);
const VISIBLE_WITHIN_MS = 10 * MINUTE_MS;
/** A customer that is missing in the list for longer was not created. */
const LISTED_WITHIN_MS = 15 * MINUTE_MS;

/**
 * The Partner Center customer of the buyer's company: the one it already has, else the tenant that the buyer named and that accepted us as
 * its reseller, else a new tenant. Of several subscriptions of one company exactly one sees to it; the others wait.
 *
 * @see https://learn.microsoft.com/partner-center/developer/create-a-customer
 * @see https://learn.microsoft.com/partner-center/developer/request-reseller-relationship
 */
export async function ensureCustomer(
  flow: Flow,
  look: Look,
  request: CustomerRequest,
  parts: EnsureCustomerParts,
): Promise<EnsuredCustomer> {
  const { owner } = request;
  const { directory, pollEveryMs, grace } = parts;
  const { customers } = parts.partnerCenter;
  const ourId = look.subscription.id;

  /** The customer of this very subscription, whose owner is not known any more. */
  async function recorded(): Promise<EnsuredCustomer | undefined> {
    const { customerId } = look.fulfillment();
    const customer = customerId === undefined ? undefined : await customers.get(customerId);
    if (!customer) return undefined;
    await directory.save(look.lane, owner, { customerId: customer.id, domain: customer.domain });
    return { customerId: customer.id, domain: customer.domain };
  }

  let holder = ourId;
  const turn = pollPlan(
    'turn',
    pollEveryMs,
    () => `order ${holder} of the same company to create the Microsoft customer`,
  );
  const { known } = await flow.poll<{ known: EnsuredCustomer | null }>('find customer', turn, async () => {
    const customer = (await directory.find(owner)) ?? (await recorded());
    if (customer) return { known: { customerId: customer.customerId, domain: customer.domain } };
    holder = await directory.claim(owner, ourId);
    if (holder === ourId) return { known: null };
    if (await parts.isProvisioning(holder)) return undefined;
    return (await directory.takeOver(owner, holder, ourId)) ? { known: null } : undefined;
  });
  if (known) return known;

  const wish = readDomainWish(request.domainWish);
  let isLookedFor = false;
  const findForgotten = async () => {
    isLookedFor = true;
    return findForgottenCustomer(await request.buyer(), wish, { customers, directory });
  };
  // Whoever named a tenant that is not theirs, or not what they meant, may name another as long as none has been made for them.
  const { ours, existing, forgotten } = await flow.step<Choice>('choose the tenant', async () => {
    const customer = await directory.find(owner);
    if (customer) return { ours: { customerId: customer.customerId, domain: customer.domain } };
    const named = await existingTenant(wish, customers);
    return named ? { existing: named } : { forgotten: (await findForgotten()) ?? null };
  }, ['create customer']);
  if (ours) return ours;
  if (existing) return linkTenant(flow, look, { owner, domain: existing }, parts);
  if (forgotten) {
    await directory.save(look.lane, owner, forgotten);
    return forgotten;
  }
  const findEarlier = async () => (isLookedFor ? undefined : findForgotten());
  const created = await createTenant(flow, look, { ...request, findEarlier }, parts);

  const visible = pollPlan('soon', pollEveryMs, `Microsoft to show the new customer ${created.customerId}`);
  await flow.poll('customer visible', visible, async ({ sinceMs }) => {
    try {
      return (await customers.get(created.customerId)) && true;
    } catch (error) {
      if (
        error instanceof ConnectorError &&
        NOT_VISIBLE_YET.has(error.facts.upstreamCode ?? '') &&
        sinceMs < grace(VISIBLE_WITHIN_MS)
      )
        return undefined;
      throw error;
    }
  });
  return created;
}

/** Waits until the tenant with that domain is our customer; its administrators get the invitation through the marketplace. */
async function linkTenant(
  flow: Flow,
  look: Look,
  { owner, domain }: { owner: string; domain: string },
  parts: EnsureCustomerParts,
): Promise<EnsuredCustomer> {
  const { directory, pollEveryMs } = parts;
  const { customers, ...partnerCenter } = parts.partnerCenter;

  const find = () => findNamedCustomer({ owner, domain }, { customers, directory });

  // Whoever cannot be invited from here may be invited by hand.
  const known = await flow.step('look for the tenant', async () => (await find()) ?? null, ['ask for an invitation']);
  if (!known) {
    const { url } = await flow.step('ask for an invitation', async () => {
      if (partnerCenter.hasUserToken) return customers.relationshipRequest();
      throw new AttentionError(
        'customer.link-needs-consent',
        `The buyer (${owner}) named the tenant ${domain}; to invite it the connector needs PARTNER_CENTER_REFRESH_TOKEN. Set it, or invite the tenant by hand in Partner Center.`,
      );
    });
    await flow.step('hand over the invitation', () => parts.report.invitation(look.subscription.id, { url }));
    const plan = pollPlan('person', pollEveryMs, `an administrator of ${domain} to accept the invitation at ${url}`);
    const linked = await flow.poll('tenant linked', plan, find);
    await directory.save(look.lane, owner, linked);
    await flow.step('tell that the invitation is accepted', () => parts.report.underWay(look.subscription.id));
    return linked;
  }
  await directory.save(look.lane, owner, known);
  return known;
}

async function createTenant(
  flow: Flow,
  look: Look,
  request: CustomerRequest & { findEarlier(): Promise<KnownCustomer | undefined> },
  parts: EnsureCustomerParts,
): Promise<EnsuredCustomer> {
  const { owner, buyer, domainWish, resellerTenantId, findEarlier } = request;
  const { directory, box, pollEveryMs, grace } = parts;
  const { customers } = parts.partnerCenter;

  async function remember(customer: KnownCustomer): Promise<EnsuredCustomer> {
    await directory.save(look.lane, owner, customer);
    return { customerId: customer.customerId, domain: customer.domain };
  }

  /** The claim may have gone to another order of the company since it was ours. */
  async function takeTurn(): Promise<void> {
    const holder = await directory.claim(owner, look.subscription.id);
    if (holder === look.subscription.id) return;
    if (!(await parts.isProvisioning(holder)) && (await directory.takeOver(owner, holder, look.subscription.id)))
      return;
    throw new RetryableError(
      'customer.created-elsewhere',
      `Order ${holder} of the same company creates the Microsoft customer at this moment; this order goes on with it.`,
      {
        retryAfterMs: pollEveryMs,
        effect: 'none',
      },
    );
  }

  /** Our customer with that domain, unless it is another company's. Its password was in an answer that got lost. */
  async function findCreated(domain: string): Promise<EnsuredCustomer | undefined> {
    const customer = await customers.findByDomain(domain);
    if (!customer || ((await directory.ownerOf(customer.id)) ?? owner) !== owner) return undefined;
    return remember({ customerId: customer.id, domain, administrator: { userName: `admin@${domain}` } });
  }

  /** Another order of the company may have sent a creation and gone away before the answer came. */
  async function resolveEarlierAttempts(ourDomain: string): Promise<EnsuredCustomer | undefined> {
    for (const domain of await directory.attempts(owner)) {
      if (domain === ourDomain) continue;
      const customer = await findCreated(domain);
      if (customer) return customer;
      if (!(await customers.isDomainTaken(domain))) continue;
      await awaitClear(domain, await flow.step(`meet the unclear creation of ${domain}`, async () => parts.now()));
    }
    return undefined;
  }

  /** Returns when operations say that nothing came of the creation with that domain, which is somebody else's then. */
  async function awaitClear(domain: string, sinceMs: number): Promise<void> {
    if (parts.now() - sinceMs < grace(LISTED_WITHIN_MS)) throw unclear(domain, pollEveryMs);
    if (look.takeRetry(UNCLEAR)) return directory.forgetAttempt(owner, domain);
    throw new AttentionError(
      UNCLEAR,
      `Partner Center never answered the creation of ${domain}; the name is taken, but no customer of ours has it. Look for it in Partner Center, where it may be listed yet. If it is somebody else's, retry takes another name.`,
    );
  }

  async function isTakenByAnother(domain: string): Promise<boolean> {
    try {
      if (!(await customers.isDomainTaken(domain))) return false;
      const customer = await customers.findByDomain(domain);
      return !customer || ((await directory.ownerOf(customer.id)) ?? owner) !== owner;
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      return false; // then it is looked at again, like any refusal that is not understood
    }
  }

  return flow.effect<{ domain: string; requestId: string }, EnsuredCustomer>('create customer', {
    async findEarlier() {
      const found = await findEarlier();
      return found && remember(found);
    },

    async prepare() {
      const who = await buyer();
      // Data that Microsoft would not accept is found before anything is sent.
      await checkNewCustomer(who, customers);
      return { domain: await chooseDomain(parts, who, domainWish), requestId: randomUUID() };
    },

    async find({ domain }, { firstSentAt }) {
      const customer = (await directory.find(owner)) ?? (await findCreated(domain));
      if (customer) return { customerId: customer.customerId, domain: customer.domain };
      if (!(await customers.isDomainTaken(domain))) return undefined;
      await awaitClear(domain, firstSentAt);
      return PREPARE_ANEW;
    },

    async act({ domain, requestId }) {
      const already = (await directory.find(owner)) ?? (await resolveEarlierAttempts(domain));
      if (already) return { customerId: already.customerId, domain: already.domain };
      await takeTurn();
      const who = await buyer();
      const newCustomer = composeNewCustomer(who, domain, await customers.countryRules(who.country));
      await directory.noteAttempt(owner, domain);
      try {
        const created = await customers.create(
          { ...newCustomer, ...(resellerTenantId && { associatedPartnerId: resellerTenantId }) },
          { requestId },
        );
        const userName = created.userName?.includes('@')
          ? created.userName
          : `${created.userName ?? 'admin'}@${domain}`;
        const administrator = { userName, ...(created.password && { sealedPassword: box.seal(created.password) }) };
        return await remember({ customerId: created.id, domain, administrator });
      } catch (error) {
        const refused = error instanceof ConnectorError && (error.facts.status === 400 || error.facts.status === 409);
        if (refused && (await isTakenByAnother(domain))) {
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

function unclear(domain: string, retryAfterMs: number): RetryableError {
  return new RetryableError(
    UNCLEAR,
    `Partner Center did not answer the creation of ${domain}: the name is taken now, the customer not listed yet. Nothing is sent until it is clear what came of it.`,
    { retryAfterMs },
  );
}

async function chooseDomain(
  { partnerCenter, directory }: EnsureCustomerParts,
  buyer: Buyer,
  domainWish: string | undefined,
): Promise<string> {
  for (const domain of domainsFor(buyer, readDomainWish(domainWish))) {
    if (await partnerCenter.customers.isDomainTaken(domain)) continue;
    // Two companies that come to the same name at the same moment must not both get it.
    if (await directory.reserveDomain(domain, buyer.owner)) return domain;
  }
  throw new AttentionError(
    'customer.no-free-domain',
    `No free domain was found for ${buyer.owner} in a hundred tries. Ask the buyer for another prefix.`,
  );
}
