import type { Flow } from '../../engine/workflow.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';

export interface FindResellerParts {
  partnerCenter: Pick<PartnerCenter, 'customers' | 'hasUserToken'>;
  /** Slug of a reseller in the marketplace → PartnerID of the indirect reseller at Microsoft. */
  resellerPartnerIds: ReadonlyMap<string, string>;
}

export interface IndirectReseller {
  partnerId: string;
  tenantId: string;
}

/**
 * The indirect reseller through whom an order came; null for a direct sale, also when the marketplace's reseller is none of Microsoft's.
 *
 * @throws {AttentionError} when nothing can be bought through the reseller, or that cannot be found out
 * @see https://learn.microsoft.com/partner-center/developer/retrieve-a-list-of-indirect-resellers
 * @see https://learn.microsoft.com/partner-center/developer/verify-indirect-reseller-mpa-status
 */
export async function findReseller(
  flow: Flow,
  resellerSlug: string | undefined,
  { partnerCenter, resellerPartnerIds }: FindResellerParts,
): Promise<IndirectReseller | null> {
  const partnerId = resellerSlug === undefined ? undefined : resellerPartnerIds.get(resellerSlug);
  if (partnerId === undefined) return null;
  // By its PartnerID, so that another one in the settings is looked for anew.
  return flow.step(`find the reseller ${partnerId}`, async () => {
    if (!partnerCenter.hasUserToken) {
      throw new AttentionError(
        'reseller.needs-consent',
        `Orders of reseller ${resellerSlug} need PARTNER_CENTER_REFRESH_TOKEN: Partner Center creates customers of resellers only in the name of a user.`,
      );
    }
    const reseller = (await partnerCenter.customers.resellers()).find(({ mpnId }) => mpnId === partnerId);
    if (!reseller) {
      throw new AttentionError(
        'reseller.unknown',
        `Partner Center lists no indirect reseller with the PartnerID ${partnerId} (${resellerSlug}). Correct RESELLER_PARTNER_IDS, or make the partnership there.`,
      );
    }
    if (!(await partnerCenter.customers.isPartnerAgreementSigned(partnerId))) {
      throw new AttentionError(
        'reseller.agreement-missing',
        `Reseller ${resellerSlug} (PartnerID ${partnerId}) has not signed the Microsoft Partner Agreement; nothing can be bought through it before that.`,
      );
    }
    return { partnerId, tenantId: reseller.tenantId };
  });
}
