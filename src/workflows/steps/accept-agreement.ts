import { randomUUID } from 'node:crypto';
import type { Flow } from '../../engine/workflow.ts';
import { ConnectorError, PermanentError } from '../../lib/errors.ts';
import type { Report } from '../../report/report.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Buyer } from '../buyer.ts';
import type { Look } from '../look.ts';

export interface AcceptAgreementParts {
  partnerCenter: Pick<PartnerCenter, 'agreements' | 'hasUserToken'>;
  report: Pick<Report, 'agreementLink'>;
  mode: 'enhanced' | 'classic';
  now(): number;
  pollEveryMs: number;
}

/**
 * Makes sure that the Microsoft Customer Agreement of this customer is accepted. Enhanced: the customer accepts on Microsoft's
 * page, to which they get a link through the marketplace, and the run waits for it. Classic: the partner confirms.
 *
 * Without a refresh token nobody can ask whether an agreement exists; then a new attestation is made, and Microsoft says if
 * it was needless.
 *
 * @see https://learn.microsoft.com/partner-center/customers/integrate-sandbox-confirm-customer-accept
 * @see https://learn.microsoft.com/partner-center/developer/confirm-customer-consent-customer-agreement
 */
export async function acceptAgreement(
  flow: Flow,
  look: Look,
  customer: { customerId: string; buyer(): Promise<Buyer> },
  parts: AcceptAgreementParts,
): Promise<void> {
  const { agreements, hasUserToken } = parts.partnerCenter;
  const isAccepted = (): Promise<boolean> => agreements.isAccepted(customer.customerId);

  if (parts.mode === 'classic') {
    if (await flow.step('read agreement', isAccepted)) return;
    await flow.effect('confirm agreement', {
      prepare: () => ({ requestId: randomUUID() }),
      find: async () => ((await isAccepted()) ? 'exists' : undefined),
      act: async ({ requestId }) => {
        const { firstName, lastName, email, phoneNumber } = await customer.buyer();
        const contact = { firstName, lastName, email, ...(phoneNumber && { phoneNumber }) };
        const { templateId } = await agreements.template();
        const dateAgreed = new Date(parts.now()).toISOString();
        return agreements.confirm(customer.customerId, { templateId, contact, dateAgreed }, { requestId });
      },
    });
    return;
  }

  if (hasUserToken && (await flow.step('read agreement', isAccepted))) return;
  for (let round = 1; ; round += 1) {
    const attestation = await flow.step(`create attestation ${round}`, async () => {
      const { country, culture, companyName, firstName, lastName, email, phoneNumber } = await customer.buyer();
      return agreements.createAttestation({
        country,
        language: culture,
        companyName,
        firstName,
        lastName,
        email,
        ...(phoneNumber && { phoneNumber }),
      });
    });
    await flow.step(`hand over agreement link ${round}`, () =>
      parts.report.agreementLink(look.subscription.id, attestation),
    );

    const plan = {
      firstMs: parts.pollEveryMs,
      factor: 1.5,
      longestMs: 60 * parts.pollEveryMs,
      waitingFor: `the customer to accept the Microsoft Customer Agreement at ${attestation.url}`,
    };
    const outcome = await flow.poll<'signed' | 'attested' | 'expired'>(
      `agreement accepted ${round}`,
      plan,
      async () => {
        if (hasUserToken && (await isAccepted())) return 'signed';
        const { state } = await agreements.attestation(attestation.attestationId);
        if (state === 'accepted') return 'attested';
        if (
          state === 'expired' ||
          (attestation.expiresAt && Date.parse(attestation.expiresAt) < parts.now() && state === 'unknown')
        )
          return 'expired';
        // Where the state of an attestation cannot be read, only the attempt to use it tells.
        if (state === 'unknown' && (await tryAgreement(attestation.attestationId))) return 'signed';
        return undefined;
      },
    );
    if (outcome === 'expired') continue;
    if (outcome === 'attested') {
      await flow.effect(`create agreement ${round}`, {
        prepare: () => ({ requestId: randomUUID() }),
        // Asking again for an agreement that exists is answered with "exists" and creates nothing.
        find: async () => undefined,
        act: ({ requestId }) =>
          agreements.createFromAttestation(customer.customerId, attestation.attestationId, { requestId }),
      });
    }
    return;
  }

  async function tryAgreement(attestationId: string): Promise<boolean> {
    try {
      await agreements.createFromAttestation(customer.customerId, attestationId, { requestId: randomUUID() });
      return true;
    } catch (error) {
      if (error instanceof ConnectorError && error.facts.status !== undefined && error.facts.status < 500) return false;
      throw error;
    }
  }
}

/**
 * Waits while Microsoft reviews the customer's account; only a reader with a refresh token can ask.
 *
 * @throws {PermanentError} when Microsoft refuses the customer
 * @see https://learn.microsoft.com/partner-center/developer/retrieve-validation-status
 */
export async function passVetting(
  flow: Flow,
  customerId: string,
  {
    partnerCenter,
    pollEveryMs,
  }: { partnerCenter: Pick<PartnerCenter, 'customers' | 'hasUserToken'>; pollEveryMs: number },
): Promise<void> {
  if (!partnerCenter.hasUserToken) return;
  const plan = {
    firstMs: pollEveryMs,
    factor: 2,
    longestMs: 240 * pollEveryMs,
    waitingFor: `Microsoft to review the account of customer ${customerId}`,
  };
  await flow.poll('account reviewed', plan, async () => {
    const status = await partnerCenter.customers.vettingStatus(customerId);
    if (status === 'none' || status === 'Allowed') return status;
    if (status !== 'NotAllowed') return undefined;
    throw new PermanentError(
      'customer.not-allowed',
      `Microsoft has refused the account of customer ${customerId}; it cannot buy. Partner Center shows the reason under account verification.`,
    );
  });
}
