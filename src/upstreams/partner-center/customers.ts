import { WithheldError } from '../../lib/errors.ts';
import { type Answer, path, readBody } from '../http.ts';
import type { Call, Effect } from './call.ts';
import { refusedWith } from './errors.ts';
import { pagesOf } from './pages.ts';
import {
  AddressCheck,
  AgreementStatus,
  CountryRules,
  CreatedCustomer,
  Customer,
  collection,
  DirectoryRole,
  RelationshipRequest,
  Reseller,
  UserMember,
  Vetting,
} from './schema.ts';

export type { CountryRules } from './schema.ts';

/** A postal address. `country` is ISO 3166-1 alpha-2, `state` has at most two characters. */
export interface PostalAddress {
  addressLine1: string;
  addressLine2?: string;
  city: string;
  state?: string;
  postalCode?: string;
  country: string;
}

/** What a tenant is created with. What is mandatory differs by country: see `countryRules`. */
export interface NewCustomer {
  /** The whole name, such as `contoso.onmicrosoft.com`. A name once used is not released soon. */
  domain: string;
  companyName: string;
  email: string;
  /** Such as `en-US`: language and currency of what Microsoft writes to the customer. */
  culture: string;
  /** Two letters. */
  language: string;
  address: PostalAddress & { firstName: string; lastName: string; phoneNumber?: string };
  /** Of the business, never of a person; only for countries that demand one. */
  organizationRegistrationNumber?: string;
  /** Tenant of the indirect reseller whose customer it is. */
  associatedPartnerId?: string;
}

const SEARCH_PAGE_SIZE = 100;
/** The largest page that the API gives. */
const LIST_PAGE_SIZE = 500;
/** What the query of every further page has besides. */
const SEEK = { seekOperation: 'Next' };
/** The API of Azure Resource Manager, in every tenant. */
const AZURE_SERVICE_MANAGEMENT = '797f4846-ba00-4fd7-ba43-dac1f8f63013';
/** The same role under its old name and its present one. */
const ADMINISTRATOR_ROLES = new Set(['Company Administrator', 'Global Administrator']);
/** The reseller exists, but has not signed. */
const AGREEMENT_NOT_SIGNED = '2203';

export type Customers = ReturnType<typeof createCustomers>;

/**
 * Returns the calls about customers.
 *
 * @see https://learn.microsoft.com/partner-center/developer/customer-resources
 */
export function createCustomers(call: Call) {
  /**
   * Whether a domain name is in use anywhere at Microsoft.
   *
   * @see https://learn.microsoft.com/partner-center/developer/verify-domain-availability
   */
  async function isDomainTaken(domain: string): Promise<boolean> {
    const answer = await call({
      method: 'HEAD',
      path: path`/v1/domains/${domain}`,
      accept: ({ status }) => status === 404,
    });
    return answer.status !== 404;
  }

  /**
   * Creates a tenant with its reseller relationship and first administrator. The password is in this answer and nowhere
   * else. After an unclear outcome look for the domain before sending it again. Reads of a new customer may fail for minutes.
   *
   * @throws {CustomerError} `customer.data-refused` with `fields` when Microsoft wants other data of the customer
   * @see https://learn.microsoft.com/partner-center/developer/create-a-customer
   */
  async function create(
    customer: NewCustomer,
    { requestId }: Effect,
  ): Promise<{ id: string; domain: string; userName?: string; password?: string }> {
    const { address, organizationRegistrationNumber, associatedPartnerId } = customer;
    const answer = await call({
      method: 'POST',
      path: '/v1/customers',
      // A customer of a reseller can only be created in the name of a user.
      auth: associatedPartnerId ? 'user' : 'app',
      requestId,
      body: {
        enableGDAPByDefault: false,
        CompanyProfile: { Domain: customer.domain, OrganizationRegistrationNumber: organizationRegistrationNumber },
        BillingProfile: {
          Culture: customer.culture,
          Email: customer.email,
          Language: customer.language,
          CompanyName: customer.companyName,
          DefaultAddress: {
            ...addressBody(address),
            FirstName: address.firstName,
            LastName: address.lastName,
            PhoneNumber: address.phoneNumber,
          },
        },
        AssociatedPartnerId: associatedPartnerId,
      },
    });
    const { id, companyProfile, userCredentials } = readBody(answer, CreatedCustomer);
    return {
      id,
      domain: companyProfile?.domain ?? customer.domain,
      ...(userCredentials?.userName && { userName: userCredentials.userName }),
      ...(userCredentials?.password && { password: userCredentials.password }),
    };
  }

  /**
   * A customer by its id, which is its tenant; `undefined` when there is no such tenant.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-a-customer-by-id
   */
  async function get(customerId: string): Promise<Customer | undefined> {
    const answer = await call({ method: 'GET', path: path`/v1/customers/${customerId}`, accept: refusedWith('60003') });
    return answer.status === 404 ? undefined : readBody(answer, Customer);
  }

  /**
   * Our customer with exactly this domain, whatever its case. A new one may be missing for some minutes.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-a-customer-by-name
   */
  async function findByDomain(domain: string): Promise<Customer | undefined> {
    const filter = JSON.stringify({ Field: 'Domain', Value: domain, Operator: 'starts_with' });
    const query = { size: SEARCH_PAGE_SIZE, filter };
    for await (const page of pagesOf(call, { method: 'GET', path: '/v1/customers', query }, SEEK)) {
      const customers = readBody(page, collection(Customer));
      const found = customers.find((customer) => customer.domain.toLowerCase() === domain.toLowerCase());
      if (found) return found;
    }
    return undefined;
  }

  /**
   * Ids of all our customers. A new one may be missing for some minutes.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-a-list-of-customers
   */
  async function* ids(): AsyncGenerator<string> {
    const request = { method: 'GET', path: '/v1/customers', query: { size: LIST_PAGE_SIZE } } as const;
    for await (const page of pagesOf(call, request, SEEK)) {
      for (const { id } of readBody(page, collection(Customer))) yield id;
    }
  }

  /**
   * What a country demands of a customer's profile; `undefined` when Microsoft does not know the country.
   *
   * @param country ISO 3166-1 alpha-2
   * @see https://learn.microsoft.com/partner-center/developer/get-market-specific-validation-data
   */
  async function countryRules(country: string): Promise<CountryRules | undefined> {
    const answer = await call({
      method: 'GET',
      path: path`/v1/countryvalidationrules/${country}`,
      accept: ({ status }) => status === 400 || status === 404,
    });
    return answer.status === 200 ? readBody(answer, CountryRules) : undefined;
  }

  /**
   * How well Microsoft can deliver to an address; `undefined` in a dry run, since it is asked by POST.
   *
   * @see https://learn.microsoft.com/partner-center/developer/validate-an-address
   */
  async function validateAddress(address: PostalAddress): Promise<AddressCheck | undefined> {
    try {
      const answer = await call({ method: 'POST', path: '/v1/validations/address', body: addressBody(address) });
      return readBody(answer, AddressCheck);
    } catch (error) {
      if (error instanceof WithheldError) return undefined;
      throw error;
    }
  }

  /**
   * How far Microsoft's review of the customer is, which may buy once it is `Allowed`; `none` when it was never reviewed, which blocks
   * nothing. Without `status` it is one that cannot be told. Needs a user.
   *
   * @see https://learn.microsoft.com/partner-center/developer/retrieve-validation-status
   */
  async function vettingStatus(customerId: string): Promise<Vetting | 'none'> {
    const answer = await call({
      method: 'GET',
      path: path`/v1/customers/${customerId}/validationStatus`,
      query: { type: 'account' },
      auth: 'user',
      accept: refusedWith('600074'),
    });
    return answer.status === 404 ? 'none' : readBody(answer, Vetting);
  }

  /**
   * The address at which the administrator of an existing tenant accepts us as its reseller. It is the same for all tenants;
   * who has accepted shows when the domain is searched for. Needs a user.
   *
   * @see https://learn.microsoft.com/partner-center/developer/request-reseller-relationship
   */
  async function relationshipRequest(): Promise<{ url: string }> {
    return readBody(
      await call({ method: 'GET', path: '/v1/customers/relationshiprequests', auth: 'user' }),
      RelationshipRequest,
    );
  }

  /**
   * The indirect resellers of an indirect provider. Needs a user.
   *
   * @see https://learn.microsoft.com/partner-center/developer/retrieve-a-list-of-indirect-resellers
   */
  async function resellers(): Promise<Reseller[]> {
    const found: Reseller[] = [];
    const query = { relationship_type: 'IsIndirectCloudSolutionProviderOf' };
    for await (const page of pagesOf(call, { method: 'GET', path: '/v1/relationships', query, auth: 'user' }, SEEK))
      found.push(...readBody(page, collection(Reseller)));
    return found;
  }

  /**
   * Object ids of the users who administer a tenant. Needs a user.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-user-roles-for-a-customer
   */
  async function administrators(customerId: string): Promise<string[]> {
    const roles = await call({ method: 'GET', path: path`/v1/customers/${customerId}/directoryroles`, auth: 'user' });
    const role = readBody(roles, collection(DirectoryRole)).find(({ name }) => ADMINISTRATOR_ROLES.has(name));
    if (!role) return [];
    const found: string[] = [];
    const members = path`/v1/customers/${customerId}/directoryroles/${role.id}/usermembers`;
    for await (const page of pagesOf(call, { method: 'GET', path: members, auth: 'user' }, SEEK))
      found.push(...readBody(page, collection(UserMember)).map(({ id }) => id));
    return found;
  }

  /**
   * Whether an indirect reseller has signed the Microsoft Partner Agreement, without which nothing can be bought through it.
   * Needs a user.
   *
   * @param mpnId the reseller's PartnerID, digits only
   * @throws {AttentionError} `partner-center.2200` or `.2204` when no indirect reseller has this PartnerID, `.2201` when it
   *   belongs to another region
   * @see https://learn.microsoft.com/partner-center/developer/verify-indirect-reseller-mpa-status
   */
  async function isPartnerAgreementSigned(mpnId: string): Promise<boolean> {
    const answer = await call({
      method: 'GET',
      path: '/v1/compliance/csp/agreementstatus',
      query: { mpnId },
      auth: 'user',
      accept: refusedWith(AGREEMENT_NOT_SIGNED),
    });
    return answer.status === 200 && readBody(answer, AgreementStatus).isAgreementSigned;
  }

  /**
   * Consents in the customer's tenant to our application's use of Azure, which creates its service principal there. A consent
   * given before is fine. Needs a user.
   *
   * @see https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis
   */
  async function consent(
    customerId: string,
    { applicationId, displayName }: { applicationId: string; displayName: string },
  ): Promise<void> {
    await call({
      method: 'POST',
      path: path`/v1/customers/${customerId}/applicationconsents`,
      auth: 'user',
      body: {
        applicationId,
        displayName,
        applicationGrants: [{ enterpriseApplicationId: AZURE_SERVICE_MANAGEMENT, scope: 'user_impersonation' }],
      },
      accept: isGivenBefore,
    });
  }

  return {
    consent,
    isDomainTaken,
    create,
    get,
    findByDomain,
    ids,
    countryRules,
    validateAddress,
    vettingStatus,
    relationshipRequest,
    resellers,
    isPartnerAgreementSigned,
    administrators,
  };
}

/** The code of a repeated consent is not documented: the status or the text say it. */
function isGivenBefore({ status, body }: Answer): boolean {
  return status === 409 || (status === 400 && /already (exist|consent|grant)/i.test(JSON.stringify(body ?? '')));
}

function addressBody({ addressLine1, addressLine2, city, state, postalCode, country }: PostalAddress) {
  return {
    AddressLine1: addressLine1,
    AddressLine2: addressLine2,
    City: city,
    State: state,
    PostalCode: postalCode,
    Country: country,
  };
}
