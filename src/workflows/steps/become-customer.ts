import type { Flow } from '../../engine/workflow.ts';
import type { Report } from '../../report/report.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Look } from '../look.ts';
import { type AcceptAgreementParts, acceptAgreement, passVetting } from './accept-agreement.ts';
import { type CustomerRequest, type EnsureCustomerParts, ensureCustomer } from './ensure-customer.ts';
import { type FindResellerParts, findReseller } from './find-reseller.ts';
import { underAgreement } from './under-agreement.ts';

export interface BecomeCustomerParts extends EnsureCustomerParts, AcceptAgreementParts, FindResellerParts {
  partnerCenter: Pick<PartnerCenter, 'customers' | 'agreements' | 'hasUserToken'>;
  report: Report;
}

/** Whoever may buy at Microsoft now. */
export interface ReadyCustomer {
  customerId: string;
  /** PartnerID of the indirect reseller through whom the order came. */
  resellerPartnerId: string | undefined;
  /** Does work that Microsoft refuses without an agreement, and asks for one again where it is missing after all. */
  underAgreement<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Makes the buyer a customer who may buy at Microsoft: of the reseller, if the order came through one, with an agreement accepted and the
 * review of its account passed. What it is known by there is noted, here and in the marketplace.
 */
export async function becomeCustomer(
  flow: Flow,
  look: Look,
  { owner, buyer, domainWish }: Omit<CustomerRequest, 'resellerTenantId'>,
  parts: BecomeCustomerParts,
): Promise<ReadyCustomer> {
  const { subscription } = look;
  const reseller = await findReseller(flow, subscription.resellerSlug, parts);
  const { customerId, domain } = await ensureCustomer(
    flow,
    look,
    { owner, buyer, domainWish, resellerTenantId: reseller?.tenantId },
    parts,
  );
  await look.note({ customerId, domain });
  await flow.step('note the customer in the marketplace', () =>
    parts.report.identifiers(subscription.id, { customerId }),
  );
  const agreement = { customerId, owner, buyer, need: 'order' } as const;
  await acceptAgreement(flow, look, agreement, parts);
  await passVetting(flow, look, customerId, parts);
  return {
    customerId,
    resellerPartnerId: reseller?.partnerId,
    underAgreement: (work) => underAgreement(flow, look, async () => agreement, parts, work),
  };
}
