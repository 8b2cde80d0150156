import { z } from 'zod';
import { compact } from '../../lib/compact.ts';
import { AttentionError } from '../../lib/errors.ts';
import { malformed, path, readBody } from '../http.ts';
import type { Auth, Call, Effect } from './call.ts';
import { refusedWith } from './errors.ts';
import { anyCase, Code, collection, descriptive, Instant } from './schema.ts';

/** Who signs, and for whom. */
export interface Signatory {
  /** ISO 3166-1 alpha-2. */
  country: string;
  /** Of the agreement, such as `it-IT`. */
  language: string;
  companyName: string;
  firstName: string;
  lastName: string;
  email: string;
  phoneNumber?: string;
}

/** An invitation to accept: the customer opens `url`, without signing in, until `expiresAt` (ISO). */
export interface Attestation {
  attestationId: string;
  url: string;
  expiresAt?: string;
}

/** `unknown` when Partner Center does not tell: then only the attempt to use the attestation shows. */
export interface AttestationState {
  state: 'pending' | 'accepted' | 'expired' | 'unknown';
  expiresAt?: string;
}

/** The person of the customer who accepted. */
export interface Contact {
  firstName: string;
  lastName: string;
  email: string;
  phoneNumber?: string;
}

const AGREEMENT_TYPE = 'MicrosoftCustomerAgreement';
/** The customer has this agreement already. */
const ALREADY_CONFIRMED = '600061';

export type Agreements = ReturnType<typeof createAgreements>;

/**
 * Returns the calls about the Microsoft Customer Agreement, without which nothing can be bought: the enhanced attestation,
 * which the customer accepts on a page of Microsoft, and the classic confirmation by the partner.
 *
 * @see https://learn.microsoft.com/partner-center/customers/integrate-sandbox-confirm-customer-accept
 */
export function createAgreements(call: Call) {
  /** Creates an attestation for a customer, who need not exist yet. One that nobody accepts has no effect. */
  async function createAttestation(signatory: Signatory, { requestId }: Effect): Promise<Attestation> {
    const answer = await call({
      method: 'POST',
      path: '/v1/attestations/enhanced',
      requestId,
      body: assumedAttestationBody(signatory),
    });
    const { attestationId, url, expiresAt } = readBody(answer, AssumedAttestation);
    if (!attestationId) throw malformed(answer, 'names no attestation');
    return {
      attestationId,
      url: url ?? `${ACCEPTANCE_PAGE}?attestationid=${encodeURIComponent(attestationId)}`,
      ...(expiresAt && { expiresAt }),
    };
  }

  /** How far an attestation is. */
  async function attestation(attestationId: string): Promise<AttestationState> {
    const answer = await call({
      method: 'GET',
      path: path`/v1/attestations/enhanced/${attestationId}`,
      accept: ({ status }) => status === 404 || status === 405,
    });
    if (answer.status !== 200) return { state: 'unknown' };
    const { status, expiresAt } = readBody(answer, AssumedAttestation);
    return { state: assumedState(status ?? ''), ...(expiresAt && { expiresAt }) };
  }

  /** Makes an accepted attestation the agreement of a customer. `exists` when there was one. */
  async function createFromAttestation(
    customerId: string,
    attestationId: string,
    { requestId }: Effect,
  ): Promise<'created' | 'exists'> {
    return confirmed(customerId, 'app', requestId, assumedAgreementBody(attestationId));
  }

  /**
   * Whether the customer has signed directly, or a partner has confirmed the acceptance. Needs a user.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-direct-sign-status-of-customer-agreement
   * @see https://learn.microsoft.com/partner-center/developer/get-confirmation-of-customer-agreement
   */
  async function isAccepted(customerId: string): Promise<boolean> {
    const direct = await call({
      method: 'GET',
      path: path`/v1/customers/${customerId}/directSignedMicrosoftCustomerAgreementStatus`,
      auth: 'user',
    });
    if (readBody(direct, anyCase({ isSigned: z.boolean() })).isSigned) return true;
    const confirmations = await call({
      method: 'GET',
      path: path`/v1/customers/${customerId}/agreements`,
      query: { agreementType: AGREEMENT_TYPE },
      auth: 'user',
    });
    return readBody(confirmations, collection(z.unknown())).length > 0;
  }

  /**
   * The newest text of the agreement. Needs a user.
   *
   * @throws {AttentionError} `partner-center.no-agreement-template` when Partner Center has none
   * @see https://learn.microsoft.com/partner-center/developer/get-customer-agreement-metadata
   */
  async function template(): Promise<{ templateId: string }> {
    const answer = await call({
      method: 'GET',
      path: '/v1/agreements',
      query: { agreementType: AGREEMENT_TYPE },
      auth: 'user',
    });
    const templates = readBody(answer, collection(AgreementTemplate)).filter(
      ({ agreementType }) => agreementType === AGREEMENT_TYPE,
    );
    const newest = templates.sort((one, other) => (other.versionRank ?? 0) - (one.versionRank ?? 0))[0];
    if (newest) return { templateId: newest.templateId };
    throw new AttentionError(
      'partner-center.no-agreement-template',
      'Partner Center offers no text of the Microsoft Customer Agreement, so nothing can be confirmed. In national clouds that is normal; elsewhere ask its support.',
      { facts: answer.facts, effect: 'none' },
    );
  }

  /**
   * Confirms that the customer has accepted the agreement. Microsoft retired this for most partners on 2026-01-05. Needs a user.
   *
   * @param confirmation `dateAgreed` is an ISO instant, not in the future
   * @see https://learn.microsoft.com/partner-center/developer/confirm-customer-consent-customer-agreement
   */
  async function confirm(
    customerId: string,
    { templateId, contact, dateAgreed }: { templateId: string; contact: Contact; dateAgreed: string },
    { requestId }: Effect,
  ): Promise<'created' | 'exists'> {
    return confirmed(customerId, 'user', requestId, {
      primaryContact: contact,
      templateId,
      dateAgreed,
      type: AGREEMENT_TYPE,
    });
  }

  async function confirmed(
    customerId: string,
    auth: Auth,
    requestId: string,
    body: unknown,
  ): Promise<'created' | 'exists'> {
    const answer = await call({
      method: 'POST',
      path: path`/v1/customers/${customerId}/agreements`,
      auth,
      requestId,
      body,
      accept: refusedWith(ALREADY_CONFIRMED),
    });
    return answer.status < 300 ? 'created' : 'exists';
  }

  return { createAttestation, attestation, createFromAttestation, isAccepted, template, confirm };
}

const AgreementTemplate = anyCase({
  templateId: z.string(),
  agreementType: z.string(),
  versionRank: descriptive(z.number()),
});

/*
 * Assumed from here on. Of the enhanced attestation Microsoft's page states the address of the creation and the names of the
 * request's first five fields; the rest of the request, the answer, the status call and the body that turns an attestation
 * into an agreement are assumptions, kept in these few lines so that they can be corrected against the live page in minutes.
 */

const ACCEPTANCE_PAGE = 'https://cdn.partner.microsoft.com/mca/';

function assumedAttestationBody({
  country,
  language,
  companyName,
  firstName,
  lastName,
  email,
  phoneNumber,
}: Signatory) {
  return {
    country,
    language,
    companyName,
    signatoryFirstName: firstName,
    signatoryLastName: lastName,
    signatoryEmail: email,
    signatoryPhoneNumber: phoneNumber,
  };
}

function assumedAgreementBody(attestationId: string) {
  return { attestationId, type: AGREEMENT_TYPE };
}

const AssumedAttestation = anyCase({
  attestationId: descriptive(Code),
  id: descriptive(Code),
  attestationStatus: descriptive(z.string()),
  status: descriptive(z.string()),
  url: descriptive(z.url({ protocol: /^https$/ })),
  attestationUrl: descriptive(z.url({ protocol: /^https$/ })),
  expirationDate: descriptive(Instant),
  expiresAt: descriptive(Instant),
}).transform((found) =>
  compact({
    attestationId: found.attestationId ?? found.id,
    status: found.attestationStatus ?? found.status,
    url: found.attestationUrl ?? found.url,
    expiresAt: found.expirationDate ?? found.expiresAt,
  }),
);

/** The words that resellers' portals show for the states of an attestation. */
const ASSUMED_WORDS: Record<Exclude<AttestationState['state'], 'unknown'>, string[]> = {
  pending: ['pending', 'unverified', 'required', 'created', 'linkgenerated', 'inprogress'],
  accepted: ['accepted', 'customeraccepted', 'valid', 'verified', 'completed', 'agreementcreated'],
  expired: ['expired', 'linkexpired'],
};

function assumedState(word: string): AttestationState['state'] {
  const plain = word.toLowerCase().replace(/[^a-z]/g, '');
  const states = ['pending', 'accepted', 'expired'] as const;
  return states.find((state) => ASSUMED_WORDS[state].includes(plain)) ?? 'unknown';
}
