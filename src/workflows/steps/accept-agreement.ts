import { randomUUID } from 'node:crypto';
import type { Flow } from '../../engine/workflow.ts';
import { ConnectorError, PermanentError } from '../../lib/errors.ts';
import type { Wait } from '../../lib/wait.ts';
import type { Report } from '../../report/report.ts';
import type { AgreementNeed } from '../../report/texts/texts.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Buyer } from '../buyer.ts';
import type { CustomerDirectory } from '../customer-directory.ts';
import type { Grace } from '../grace.ts';
import type { Look } from '../look.ts';
import { pollPlan } from './polls.ts';

export interface AcceptAgreementParts {
  partnerCenter: Pick<PartnerCenter, 'agreements' | 'hasUserToken'>;
  report: Pick<Report, 'agreementLink' | 'underWay'>;
  directory: CustomerDirectory;
  mode: 'enhanced' | 'classic';
  now(): number;
  pollEveryMs: number;
  grace: Grace;
}

export interface AgreementRequest {
  customerId: string;
  owner: string;
  buyer(): Promise<Buyer>;
  /** What it is needed for, in the text that the customer reads. */
  need: AgreementNeed;
  /** Set when Microsoft demanded it although it counted as accepted: which time it is. */
  again?: number;
}

/** Refusals that say that an attestation cannot become an agreement yet. */
const NOT_ACCEPTED_YET = new Set([400, 404, 409, 412, 422]);

/**
 * Makes sure that the Microsoft Customer Agreement of this customer is accepted. Enhanced: the customer accepts on Microsoft's
 * page, to which they get a link through the marketplace, and the run waits for it. Classic: the partner confirms. Returns when (ISO)
 * that became known here; undefined when it was so before.
 *
 * Without a refresh token nobody can ask Microsoft whether it was accepted before; what was accepted here is remembered.
 *
 * @see https://learn.microsoft.com/partner-center/customers/integrate-sandbox-confirm-customer-accept
 * @see https://learn.microsoft.com/partner-center/developer/confirm-customer-consent-customer-agreement
 */
export async function acceptAgreement(
  flow: Flow,
  look: Look,
  { customerId, owner, buyer, need, again }: AgreementRequest,
  parts: AcceptAgreementParts,
): Promise<string | undefined> {
  const { agreements, hasUserToken } = parts.partnerCenter;
  const named = (step: string): string => (again === undefined ? step : `${step}, again ${again}`);
  const isAccepted = (): Promise<boolean> => agreements.isAccepted(customerId);

  if (again === undefined) {
    const known = await flow.step('read agreement', async () => {
      if ((await parts.directory.find(owner))?.agreed) return true;
      return hasUserToken || parts.mode === 'classic' ? isAccepted() : false;
    });
    if (known) return undefined;
  }
  if (parts.mode === 'classic') await confirm();
  else await attest();
  return flow.step(named('remember agreement'), async () => {
    const customer = await parts.directory.find(owner);
    const agreedAt = new Date(parts.now()).toISOString();
    if (customer) await parts.directory.save(look.lane, owner, { ...customer, agreed: true, agreedAt });
    return agreedAt;
  });

  async function confirm(): Promise<void> {
    await flow.effect(named('confirm agreement'), {
      prepare: () => ({ requestId: randomUUID() }),
      find: async () => ((await isAccepted()) ? 'exists' : undefined),
      async act({ requestId }) {
        const { firstName, lastName, email, phoneNumber } = await buyer();
        const contact = { firstName, lastName, email, ...(phoneNumber && { phoneNumber }) };
        const { templateId } = await agreements.template();
        const dateAgreed = new Date(parts.now()).toISOString();
        return agreements.confirm(customerId, { templateId, contact, dateAgreed }, { requestId });
      },
    });
  }

  async function attest(): Promise<void> {
    for (let round = 1; ; round += 1) {
      const { askedAt, ...attestation } = await flow.effect(named(`create attestation ${round}`), {
        prepare: () => ({ requestId: randomUUID() }),
        // The same request makes no second attestation, and one that nobody accepts has no effect.
        find: async () => undefined,
        async act({ requestId }) {
          const { country, culture, companyName, firstName, lastName, email, phoneNumber } = await buyer();
          const signatory = { country, language: culture, companyName, firstName, lastName, email };
          const created = await agreements.createAttestation(
            { ...signatory, ...(phoneNumber && { phoneNumber }) },
            { requestId },
          );
          return { ...created, askedAt: new Date(parts.now()).toISOString() };
        },
      });
      await flow.step(named(`hand over agreement link ${round}`), async () => {
        if (need !== 'order') await look.note({ askedAt });
        await parts.report.agreementLink(look.subscription.id, { url: attestation.url, need });
      });

      const plan = pollPlan(
        'person',
        parts.pollEveryMs,
        `the customer to accept the Microsoft Customer Agreement at ${attestation.url}`,
      );
      const outcome = await flow.poll<'signed' | 'attested' | 'expired'>(
        named(`agreement accepted ${round}`),
        plan,
        async () => {
          if (await isAcceptedElsewhere(askedAt)) return 'signed';
          // What was accepted before counts no more when Microsoft demands it anew.
          if (again === undefined && hasUserToken && (await isAccepted())) return 'signed';
          const { state } = await agreements.attestation(attestation.attestationId);
          if (state === 'accepted') return 'attested';
          const isOver = attestation.expiresAt !== undefined && Date.parse(attestation.expiresAt) < parts.now();
          if (state === 'expired' || (state === 'unknown' && isOver)) return 'expired';
          // Where the state of an attestation cannot be read, only the attempt to use it tells.
          return state === 'unknown' && (await canBeUsed(attestation.attestationId)) ? 'signed' : undefined;
        },
      );
      if (outcome === 'expired') continue;
      if (outcome === 'attested') {
        await flow.effect(named(`create agreement ${round}`), {
          prepare: () => ({ requestId: randomUUID() }),
          // Asking again for an agreement that exists is answered with "exists" and creates nothing.
          find: async () => undefined,
          act: ({ requestId }) =>
            agreements.createFromAttestation(customerId, attestation.attestationId, { requestId }),
        });
      }
      if (need === 'order')
        await flow.step(named('tell that the agreement is accepted'), () =>
          parts.report.underWay(look.subscription.id),
        );
      return;
    }
  }

  /** The company has one agreement: another of its subscriptions may have asked for it as well. */
  async function isAcceptedElsewhere(askedAt: string): Promise<boolean> {
    const { agreedAt } = (await parts.directory.find(owner)) ?? {};
    return agreedAt !== undefined && agreedAt >= askedAt;
  }

  async function canBeUsed(attestationId: string): Promise<boolean> {
    try {
      await agreements.createFromAttestation(customerId, attestationId, { requestId: randomUUID() });
      return true;
    } catch (error) {
      if (error instanceof ConnectorError && NOT_ACCEPTED_YET.has(error.facts.status ?? 0)) return false;
      throw error;
    }
  }
}

/**
 * Waits while Microsoft reviews the customer's account, which may take days; only a reader with a refresh token can ask.
 *
 * @throws {PermanentError} when Microsoft refuses the customer
 * @see https://learn.microsoft.com/partner-center/developer/retrieve-validation-status
 */
export async function passVetting(
  flow: Flow,
  { subscription }: Pick<Look, 'subscription'>,
  customerId: string,
  {
    partnerCenter,
    report,
    pollEveryMs,
  }: {
    partnerCenter: Pick<PartnerCenter, 'customers' | 'hasUserToken'>;
    report: Pick<Report, 'underWay'>;
    pollEveryMs: number;
  },
): Promise<void> {
  if (!partnerCenter.hasUserToken) return;
  let said: string | undefined;
  const plan = pollPlan('days', pollEveryMs, () => reviewOf(customerId, said));
  await flow.poll('account reviewed', plan, async () => {
    const vetting = await partnerCenter.customers.vettingStatus(customerId);
    if (vetting === 'none') return vetting;
    said = vetting.status;
    if (said === 'Allowed') return said;
    if (said !== 'NotAllowed') {
      await flow.step('tell of the review', () => report.underWay(subscription.id));
      return undefined;
    }
    throw new PermanentError(
      'customer.not-allowed',
      `Microsoft has refused the account of customer ${customerId}; it cannot buy. Partner Center shows the reason under account verification.`,
    );
  });
}

/** A review takes days; it is not documented how long the other statuses last. */
function reviewOf(customerId: string, status: string | undefined): Wait {
  const says = status === undefined ? 'is in a status that is not known' : `says "${status}"`;
  const wait: Wait = `Microsoft to review the account of customer ${customerId}, which ${says}`;
  if (status === 'UnderReview') return wait;
  return `${wait}: where that lasts, look at its account verification in Partner Center, else ask the support there`;
}
