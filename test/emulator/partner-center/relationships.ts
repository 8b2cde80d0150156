import type { Clock } from '../core/clock.ts';
import type { Api } from './api.ts';
import { requireText, textOf, withoutAbsent } from './body.ts';
import type { Books } from './books.ts';
import { printSecond } from './calendar.ts';
import { findCustomer } from './customers.ts';
import { isGuid } from './identifiers.ts';
import type { Qualification, Reseller, State } from './model.ts';
import { invalidInput, refusal } from './refusals.ts';
import { collection, created, ok } from './replies.ts';

const SETTABLE_QUALIFICATIONS = ['Education', 'GovernmentCommunityCloud', 'StateOwnedEntity'];
const EDUCATION_SEGMENTS = ['K12', 'HigherEducation'];

export interface RelationshipParts {
  api: Api;
  clock: Clock;
  state: State;
  books: Books;
  partnerTenantId: string;
}

/** The indirect resellers this provider works with; the last one has not signed Microsoft's agreement. */
export function seededResellers(): Reseller[] {
  return [
    {
      tenantId: 'f7b2d6a0-18c4-43e9-a5d7-90c1e2f3b456',
      partnerId: '7100455',
      name: 'Sample Reseller',
      agreementSigned: true,
    },
    {
      tenantId: '2a6e8c14-5f93-4d70-b8a1-e47c09d3f652',
      partnerId: '7100519',
      name: 'Second Sample Reseller',
      agreementSigned: true,
    },
    {
      tenantId: '83d1f5b7-c249-4e06-9a3d-57b0e8c6124f',
      partnerId: '7100733',
      name: 'Third Sample Reseller',
      agreementSigned: false,
    },
  ];
}

/**
 * How existing tenants and resellers are bound to the partner.
 *
 * @see https://learn.microsoft.com/partner-center/developer/request-reseller-relationship
 * @see https://learn.microsoft.com/partner-center/developer/retrieve-a-list-of-indirect-resellers
 */
export function defineRelationships({ api, state, partnerTenantId }: RelationshipParts): void {
  api.define('user', 'GET', '/v1/customers/relationshiprequests', () =>
    ok({
      url:
        'https://admin.microsoft.com/Adminportal/Home?invType=ResellerRelationship' +
        `&partnerId=${partnerTenantId}&msppId=0&DAP=false#/BillingAccounts/partner-invitation`,
      attributes: { objectType: 'RelationshipRequest' },
    }),
  );

  api.define('user', 'GET', '/v1/relationships', ({ query }) => {
    if (query.get('relationship_type')?.toLowerCase() !== 'isindirectcloudsolutionproviderof') {
      throw invalidInput('The parameter relationship_type is not valid.');
    }
    return collection(
      state.resellers.map(({ tenantId, partnerId, name }) => ({
        id: tenantId,
        name,
        mpnId: partnerId,
        relationshipType: 'is_indirect_cloud_solution_provider_of',
        state: 'active',
        attributes: { objectType: 'PartnerRelationship' },
      })),
    );
  });

  api.define('user', 'GET', '/v1/profiles/mpn', ({ query }) => {
    const reseller = state.resellers.find(({ partnerId }) => partnerId === query.get('mpnId'));
    if (reseller === undefined) throw refusal(404, 3000);
    return ok({ mpnId: reseller.partnerId, partnerName: reseller.name, attributes: { objectType: 'MpnProfile' } });
  });

  api.define('user', 'GET', '/v1/compliance/csp/agreementstatus', ({ query }) => {
    const partnerId = query.get('mpnId');
    const tenantId = query.get('tenantId')?.toLowerCase();
    if ((partnerId === null) === (tenantId === undefined)) {
      throw invalidInput('Either mpnId or tenantId is required.');
    }
    if (tenantId !== undefined && !isGuid(tenantId)) throw invalidInput('The tenantId should have GUID format.');
    const reseller = state.resellers.find((one) => one.partnerId === partnerId || one.tenantId === tenantId);
    if (reseller === undefined) throw refusal(404, 800015);
    return ok({ isAgreementSigned: reseller.agreementSigned });
  });
}

/**
 * The qualifications that open segments other than the commercial one.
 *
 * @see https://learn.microsoft.com/partner-center/developer/update-customer-qualification-asynchronous
 */
export function defineQualifications(parts: RelationshipParts): void {
  const { api, clock, books } = parts;

  api.define('any', 'GET', '/v1/customers/:customerId/qualifications', (request) => {
    const { qualifications } = findCustomer(request, parts);
    return ok(qualifications.map((one) => viewQualification(one, 'vettingCreatedDate')));
  });

  api.define('user', 'POST', '/v1/customers/:customerId/qualifications', (request) => {
    const customer = findCustomer(request, parts);
    const fields = request.fields();
    const wanted = requireText(fields, 'qualification').toLowerCase();
    const qualification = SETTABLE_QUALIFICATIONS.find((name) => name.toLowerCase() === wanted);
    if (qualification === undefined) throw invalidInput('The qualification is not one that can be set.');
    if (qualification === 'Education' && !EDUCATION_SEGMENTS.includes(textOf(fields, 'educationSegment') ?? '')) {
      throw invalidInput(`The educationSegment must be one of ${EDUCATION_SEGMENTS.join(', ')}.`);
    }
    if (qualification === 'GovernmentCommunityCloud') requireText(fields, 'validationCode');
    const requested: Qualification = { qualification, vettingStatus: 'InReview', createdAt: clock.now() };
    customer.qualifications = [
      ...customer.qualifications.filter((one) => one.qualification !== qualification),
      requested,
    ];
    books.write('qualification requested', request.cause, { customerId: customer.id, qualification });
    return created(viewQualification(requested, 'vettingCreateDate'));
  });
}

function viewQualification(one: Qualification, dateName: string): object {
  const { qualification, vettingStatus, vettingReason, createdAt } = one;
  const isOpen = vettingStatus !== 'Approved';
  return withoutAbsent({
    qualification,
    vettingStatus,
    vettingReason,
    [dateName]: isOpen ? printSecond(createdAt) : undefined,
  });
}
