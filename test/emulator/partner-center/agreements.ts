import type { Clock } from '../core/clock.ts';
import type { Reply } from '../core/server.ts';
import type { Api, Request } from './api.ts';
import { type Fields, fieldsOf, requireText, textOf, withoutAbsent } from './body.ts';
import type { Books } from './books.ts';
import { MINUTE_MS, printInstant, printSecond } from './calendar.ts';
import { rememberPersonalData } from './customer-form.ts';
import { findCustomer } from './customers.ts';
import { isGuid, newGuid } from './identifiers.ts';
import type { Agreement, Attestation, Contact, Customer, State } from './model.ts';
import { extendedRefusal, invalidInput, refusal } from './refusals.ts';
import { created, ok } from './replies.ts';
import type { Schedule } from './schedule.ts';
import type { Switches } from './switches.ts';

const CUSTOMER_AGREEMENT = 'MicrosoftCustomerAgreement';
const AGREEMENT_TEMPLATE_ID = '7d20e6b9-3f41-4c8a-9e57-b1c6d8a03f92';
const AGREEMENT_LINK = 'https://aka.ms/customeragreement';
const DOCUMENT_LIFE_MS = 5 * MINUTE_MS;

export interface AgreementParts {
  api: Api;
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
  schedule: Schedule;
  partnerTenantId: string;
  integrationUserId: string;
}

export interface Agreements {
  /** The customer's signature on the hosted page. */
  accept(attestation: Attestation): void;
  expire(attestation: Attestation): void;
  acceptAll(on: boolean): void;
  reset(): void;
}

/**
 * Whether the customer may buy: the agreement is signed directly, or confirmed in its current text.
 *
 * @see https://learn.microsoft.com/partner-center/confirm-customer-agreement
 */
export function hasAcceptedAgreement(customer: Customer): boolean {
  return customer.signedDirectly || customer.agreements.some((agreement) => !agreement.superseded);
}

/**
 * The Microsoft Customer Agreement: enhanced attestation, which the customer accepts on a hosted page, the older
 * confirmation by the partner, and what can be read of both.
 *
 * Of the attestation only the path, the first five fields and the kind of token are documented. The names of its reply,
 * the read by id and the body of the final creation are assumptions.
 *
 * @see https://learn.microsoft.com/partner-center/customers/integrate-sandbox-confirm-customer-accept
 * @see https://learn.microsoft.com/partner-center/developer/confirm-customer-consent-customer-agreement
 */
export function defineAgreements(parts: AgreementParts): Agreements {
  const { api, clock, state, switches, books, schedule } = parts;
  let everyoneAccepts = false;

  function accept(attestation: Attestation): void {
    if (attestation.status !== 'pending')
      throw new Error(`The attestation ${attestation.id} is ${attestation.status}.`);
    attestation.status = 'accepted';
    attestation.acceptedAt = clock.now();
    books.write('attestation accepted', { by: 'customer' }, { attestationId: attestation.id });
  }

  function expire(attestation: Attestation): void {
    if (attestation.status !== 'pending') return;
    attestation.status = 'expired';
    books.write('attestation expired', { by: 'microsoft' }, { attestationId: attestation.id });
  }

  api.define('app', 'POST', '/v1/attestations/enhanced', ({ fields, cause }) => {
    const form = fields();
    const contact = readContact(
      form,
      'signatoryFirstName',
      'signatoryLastName',
      'signatoryEmail',
      'signatoryPhoneNumber',
    );
    rememberPersonalData(state, { ...contact });
    const country = requireText(form, 'country').toUpperCase();
    if (!/^[A-Z]{2}$/.test(country)) throw invalidInput('The country must be an ISO code of two letters.');
    const attestation: Attestation = {
      id: newGuid(),
      country,
      language: requireText(form, 'language'),
      companyName: requireText(form, 'companyName'),
      contact,
      status: 'pending',
      createdAt: clock.now(),
      expiresAt: clock.now() + switches.attestationLifeMs,
    };
    state.attestations.set(attestation.id, attestation);
    schedule.at(attestation.expiresAt, () => expire(attestation));
    books.write('attestation created', cause, { attestationId: attestation.id, companyName: attestation.companyName });
    const body = viewAttestation(attestation);
    if (everyoneAccepts) accept(attestation);
    return { status: switches.attestationCreatedStatus, body };
  });

  api.define('app', 'GET', '/v1/attestations/enhanced/:attestationId', ({ params }) =>
    ok(viewAttestation(findAttestation(params.attestationId!))),
  );

  api.define('any', 'POST', '/v1/customers/:customerId/agreements', (request) => {
    const customer = findCustomer(request, parts);
    const form = request.fields();
    const attestationId = textOf(form, 'attestationId');
    return attestationId === undefined
      ? confirm(request, customer, form)
      : createFromAttestation(request, customer, attestationId);
  });

  api.define('user', 'GET', '/v1/agreements', ({ query }) => {
    const type = query.get('agreementType') ?? 'MicrosoftCloudAgreement';
    const isKnown = type === CUSTOMER_AGREEMENT || type === '*';
    const template = {
      templateId: AGREEMENT_TEMPLATE_ID,
      agreementType: CUSTOMER_AGREEMENT,
      agreementLink: AGREEMENT_LINK,
      versionRank: 0,
    };
    const items = isKnown ? [template] : [];
    return ok({ totalCount: items.length, items, attributes: { objectType: 'Collection' } });
  });

  api.define('user', 'GET', '/v1/customers/:customerId/agreements', (request) => {
    const customer = findCustomer(request, parts);
    const type = request.query.get('agreementType') ?? 'MicrosoftCloudAgreement';
    const items = customer.agreements
      .filter((agreement) => type === '*' || agreement.type === type)
      .map((agreement) => viewListedAgreement(agreement));
    return ok({ totalCount: items.length, items });
  });

  api.define('user', 'GET', '/v1/customers/:customerId/directSignedMicrosoftCustomerAgreementStatus', (request) =>
    ok({ isSigned: findCustomer(request, parts).signedDirectly }),
  );

  api.define('user', 'GET', '/v1/agreementtemplates/:templateId/document', ({ params, query }) => {
    if (params.templateId !== AGREEMENT_TEMPLATE_ID) throw refusal(404, 1000);
    const key = newGuid().slice(0, 8);
    const until = printSecond(clock.now() + DOCUMENT_LIFE_MS);
    return ok({
      displayUri: `https://agreements.example/display/${key}?until=${until}`,
      downloadUri: `https://agreements.example/download/${key}?until=${until}`,
      language: query.get('language') ?? 'en-US',
      country: query.get('country') ?? 'US',
    });
  });

  function findAttestation(id: string): Attestation {
    const attestation = isGuid(id) ? state.attestations.get(id.toLowerCase()) : undefined;
    if (attestation === undefined) throw refusal(404, 'EMULATED_ATTESTATION_NOT_FOUND');
    return attestation;
  }

  function createFromAttestation({ token, cause }: Request, customer: Customer, attestationId: string): Reply {
    if (token.kind !== 'app') throw refusal(403, 900308);
    const attestation = findAttestation(attestationId);
    refuseSecondConfirmation(customer, attestation.contact);
    if (attestation.status === 'agreementCreated') throw refusal(400, 'EMULATED_ATTESTATION_ALREADY_USED');
    if (attestation.status === 'expired') throw refusal(400, 'EMULATED_ATTESTATION_EXPIRED');
    if (attestation.status === 'pending') throw refusal(400, 'EMULATED_ATTESTATION_NOT_ACCEPTED');
    attestation.status = 'agreementCreated';
    attestation.customerId = customer.id;
    const agreement: Agreement = {
      contact: attestation.contact,
      templateId: AGREEMENT_TEMPLATE_ID,
      dateAgreed: printSecond(attestation.acceptedAt ?? clock.now()),
      type: CUSTOMER_AGREEMENT,
      userId: token.clientId,
      attestationId,
      superseded: false,
    };
    customer.agreements.push(agreement);
    books.write('agreement created', cause, { customerId: customer.id, attestationId, flow: 'enhanced' });
    return created({ ...viewAgreement(agreement), agreementLink: AGREEMENT_LINK });
  }

  function confirm({ token, cause }: Request, customer: Customer, form: Fields): Reply {
    if (token.kind !== 'user') throw refusal(403, 900329);
    if (switches.classicAgreements === 'refuse') {
      throw refusal(403, 'EMULATED_CLASSIC_AGREEMENT_RETIRED', 'Partners can no longer confirm an agreement this way.');
    }
    const contact = readContact(fieldsOf(form, 'primaryContact'), 'firstName', 'lastName', 'email', 'phoneNumber');
    rememberPersonalData(state, { ...contact });
    if (requireText(form, 'type') !== CUSTOMER_AGREEMENT) throw invalidInput(`The type must be ${CUSTOMER_AGREEMENT}.`);
    const templateId = requireText(form, 'templateId');
    if (templateId !== AGREEMENT_TEMPLATE_ID) throw invalidInput(`The template ${templateId} does not exist.`);
    const dateAgreed = requireText(form, 'dateAgreed');
    const agreedAt = Date.parse(dateAgreed);
    if (Number.isNaN(agreedAt)) throw invalidInput('The date of the agreement is not valid.');
    if (agreedAt > clock.now()) throw invalidInput('The date of the agreement must not be in the future.');
    refuseSecondConfirmation(customer, contact);
    const { integrationUserId: userId } = parts;
    const agreement: Agreement = {
      contact,
      templateId,
      dateAgreed,
      type: CUSTOMER_AGREEMENT,
      userId,
      superseded: false,
    };
    customer.agreements.push(agreement);
    books.write('agreement created', cause, { customerId: customer.id, flow: 'classic' });
    return created(viewAgreement(agreement));
  }

  function viewAttestation(attestation: Attestation): object {
    const { id, status, createdAt, acceptedAt, expiresAt } = attestation;
    return withoutAbsent({
      attestationId: id,
      attestationStatus: switches.attestationStatusNames[status],
      createdDate: printSecond(createdAt),
      acceptedDate: acceptedAt === undefined ? undefined : printSecond(acceptedAt),
      expirationDate: printSecond(expiresAt),
    });
  }

  return {
    accept,
    expire,
    acceptAll(on) {
      everyoneAccepts = on;
      if (!on) return;
      for (const attestation of state.attestations.values()) if (attestation.status === 'pending') accept(attestation);
    },
    reset() {
      everyoneAccepts = false;
    },
  };
}

function readContact(fields: Fields, first: string, last: string, email: string, phone: string): Contact {
  const contact = {
    firstName: requireText(fields, first),
    lastName: requireText(fields, last),
    email: requireText(fields, email),
    phoneNumber: textOf(fields, phone),
  };
  if (!contact.email.includes('@')) throw invalidInput('The e-mail address is not valid.');
  return withoutAbsent(contact) as Contact;
}

/** A customer's second agreement must name somebody else: one of name, e-mail and phone has to differ. */
function refuseSecondConfirmation(customer: Customer, contact: Contact): void {
  const same = customer.agreements.some(
    (agreement) =>
      !agreement.superseded &&
      (['firstName', 'lastName', 'email', 'phoneNumber'] as const).every(
        (name) => agreement.contact[name] === contact[name],
      ),
  );
  if (!same) return;
  throw extendedRefusal(400, 600061, {
    errorName: 'PartnerConfirmedAgreementAlreadyExists',
    message: 'A partner confirmed agreement already exists for the customer.',
    parameters: {},
  });
}

function viewAgreement({ userId, contact, templateId, dateAgreed, type }: Agreement): object {
  return { userId, primaryContact: { ...contact }, templateId, dateAgreed, type };
}

function viewListedAgreement({ contact, templateId, dateAgreed, type }: Agreement): object {
  return {
    primaryContact: { ...contact },
    templateId,
    dateAgreed: dateAgreed.replace(/(\.\d+)?Z$/, ''),
    type,
    agreementLink: AGREEMENT_LINK,
  };
}

/** How the vetting of a customer stands. Purchases are blocked under some of the statuses. */
export function defineVetting(parts: Pick<AgreementParts, 'api' | 'clock' | 'state' | 'partnerTenantId'>): void {
  parts.api.define('user', 'GET', '/v1/customers/:customerId/validationStatus', (request) => {
    const customer = findCustomer(request, parts);
    if (request.query.get('type')?.toLowerCase() !== 'account') throw invalidInput('The type must be account.');
    if (customer.vetting === undefined) {
      throw extendedRefusal(404, 600074, {
        errorName: 'AccountStatusNotFound',
        message: `Account Status for the customer, ${customer.id} was not found.`,
      });
    }
    const { status, changedAt } = customer.vetting;
    return ok({ type: 'account', status, lastUpdateDateTime: printInstant(changedAt).slice(0, 19) });
  });
}
