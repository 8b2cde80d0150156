import type { Clock } from '../core/clock.ts';
import type { Api, Request } from './api.ts';
import { fieldsOf, requireText, textOf, withoutAbsent } from './body.ts';
import type { Books } from './books.ts';
import { readNewCustomer, rememberPersonalData } from './customer-form.ts';
import { isGuid, newEtag, newGuid, newPassword } from './identifiers.ts';
import type { BillingProfile, Customer, State } from './model.ts';
import { invalidInput, refusal } from './refusals.ts';
import { collection, created, linkTo, ok } from './replies.ts';
import type { Switches } from './switches.ts';

const MAX_PAGE_SIZE = 500;
const SANDBOX_CUSTOMERS = 75;
const SEARCH_FIELDS = ['companyname', 'domain', 'indirectreseller', 'indirectcloudsolutionprovider'];

export interface CustomerParts {
  api: Api;
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
  partnerTenantId: string;
  /** Hears of every tenant that comes to exist. */
  onTenant: (tenant: { id: string; domain: string }) => void;
}

/**
 * The customer a path names.
 *
 * @throws {Refusal} 400 800002 for an id that is no GUID, 404 60003 for an unknown tenant, 403 20002 for one without a
 *   reseller relationship
 */
export function findCustomer(
  { params }: Pick<Request, 'params'>,
  { state, clock, partnerTenantId }: Pick<CustomerParts, 'state' | 'clock' | 'partnerTenantId'>,
): Customer {
  const id = params.customerId!;
  if (!isGuid(id)) {
    throw invalidInput(`Customer ID ${id} should have GUID format (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).`);
  }
  const customer = state.customers.get(id.toLowerCase());
  if (customer === undefined || customer.readableAt > clock.now()) throw refusal(404, 60003);
  if (!customer.related) {
    const text = `The partner ID ${partnerTenantId} has no commerce relationship with the customer ID ${customer.id}.`;
    throw refusal(403, 20002, text);
  }
  return customer;
}

function isDomainTaken(state: State, domain: string): boolean {
  return state.takenDomains.has(domain.toLowerCase());
}

/**
 * Domains, creation, reading and search of customers, billing profiles, and the end of a relationship.
 *
 * @see https://learn.microsoft.com/partner-center/developer/create-a-customer
 * @see https://learn.microsoft.com/partner-center/developer/get-a-list-of-customers
 */
export function defineCustomers(parts: CustomerParts): void {
  const { api, clock, state, switches, books } = parts;

  api.define('any', 'HEAD', '/v1/domains/:domain', ({ params }) => ({
    status: isDomainTaken(state, params.domain!) ? 200 : 404,
  }));

  api.define('any', 'POST', '/v1/customers', ({ fields, token, cause }) => {
    const form = readNewCustomer(fields(), { state, switches });
    if (form.associatedPartnerId !== undefined) {
      if (token.kind !== 'user') throw refusal(403, 900329);
      if (!state.resellers.some(({ tenantId }) => tenantId === form.associatedPartnerId)) throw refusal(400, 800016);
    }
    const inSandbox = switches.environment === 'sandbox';
    const related = [...state.customers.values()].filter((customer) => customer.related);
    if (inSandbox && related.length >= SANDBOX_CUSTOMERS) throw refusal(400, 800018);
    if (isDomainTaken(state, form.domain)) {
      throw refusal(switches.domainTakenStatus, 'EMULATED_DOMAIN_TAKEN', `The domain ${form.domain} is not available.`);
    }

    const password = newPassword();
    const customer: Customer = {
      ...form,
      id: newGuid(),
      commerceId: newGuid(),
      country: form.billingProfile.defaultAddress.country,
      related: true,
      readableAt: clock.now() + switches.customerReadableAfterMs,
      password,
      agreements: [],
      signedDirectly: false,
      locked: false,
      qualifications: [],
      trialsUsed: new Set(),
    };
    state.passwords.push(password);
    state.customers.set(customer.id, customer);
    state.takenDomains.add(customer.domain);
    const { id: customerId, domain, companyName, country } = customer;
    parts.onTenant({ id: customerId, domain });
    books.write('customer created', cause, { customerId, domain, companyName, country });
    return created({
      ...customerHead(customer),
      billingProfile: viewBillingProfile(customer),
      ...(form.enableGdapByDefault === undefined ? {} : { enableGDAPByDefault: form.enableGdapByDefault }),
      relationshipToPartner: 'reseller',
      userCredentials: { userName: 'admin', password },
      ...(form.associatedPartnerId === undefined ? {} : { associatedPartnerId: form.associatedPartnerId }),
      attributes: { objectType: 'Customer' },
    });
  });

  api.define('any', 'GET', '/v1/customers', (request) => listCustomers(request));

  api.define('any', 'GET', '/v1/customers/:customerId', (request) => {
    const customer = findCustomer(request, parts);
    const { firstName, lastName } = customer.billingProfile.defaultAddress;
    return ok({
      ...customerHead(customer),
      billingProfile: { ...viewBillingProfile(customer), ...withoutAbsent({ firstName, lastName }) },
      relationshipToPartner: 'reseller',
      allowDelegatedAccess: false,
      ...(customer.associatedPartnerId === undefined ? {} : { associatedPartnerId: customer.associatedPartnerId }),
      links: { self: linkTo(`/customers/${customer.id}`) },
      attributes: { objectType: 'Customer' },
    });
  });

  api.define('user', 'GET', '/v1/customers/:customerId/profiles/company', (request) =>
    ok(viewCompanyProfile(findCustomer(request, parts))),
  );

  api.define('any', 'GET', '/v1/customers/:customerId/profiles/billing', (request) =>
    ok(viewBillingProfile(findCustomer(request, parts))),
  );

  api.define('any', 'PUT', '/v1/customers/:customerId/profiles/billing', (request) => {
    const customer = findCustomer(request, parts);
    const fields = request.fields();
    const etag = request.call.headers['if-match']?.replaceAll('"', '');
    if (etag === undefined) throw invalidInput('The header If-Match is required.');
    if (etag !== customer.billingProfile.etag) throw refusal(400, 2055);
    const address = fieldsOf(fields, 'defaultAddress');
    const profile = withoutAbsent({
      id: customer.billingProfile.id,
      etag: newEtag(),
      email: requireText(fields, 'email'),
      culture: requireText(fields, 'culture'),
      language: requireText(fields, 'language'),
      companyName: requireText(fields, 'companyName'),
      firstName: textOf(fields, 'firstName'),
      lastName: textOf(fields, 'lastName'),
      defaultAddress: { ...customer.billingProfile.defaultAddress, ...address },
    }) as BillingProfile;
    rememberPersonalData(state, { ...profile.defaultAddress, email: profile.email });
    customer.billingProfile = profile;
    books.write('customer changed', request.cause, { customerId: customer.id });
    return ok(viewBillingProfile(customer));
  });

  api.define('user', 'PATCH', '/v1/customers/:customerId', (request) => {
    const customer = findCustomer(request, parts);
    if (textOf(request.fields(), 'relationshipToPartner')?.toLowerCase() !== 'none') {
      throw invalidInput('The only change of a customer is relationshipToPartner: none.');
    }
    customer.related = false;
    books.write('relationship removed', request.cause, { customerId: customer.id });
    return ok({
      id: null,
      commerceId: null,
      companyProfile: null,
      billingProfile: null,
      relationshipToPartner: 'none',
      allowDelegatedAccess: null,
      userCredentials: null,
      customDomains: null,
      associatedPartnerId: null,
      attributes: { objectType: 'Customer' },
    });
  });

  api.define('any', 'DELETE', '/v1/customers/:customerId', (request) => {
    const customer = findCustomer(request, parts);
    if (switches.environment !== 'sandbox') {
      throw refusal(403, 'EMULATED_NOT_IN_PRODUCTION', 'Only customers of an integration sandbox can be deleted.');
    }
    state.customers.delete(customer.id);
    for (const subscription of state.subscriptions.values()) {
      if (subscription.customerId === customer.id) subscription.stopTimer?.();
    }
    books.write('customer deleted', request.cause, { customerId: customer.id });
    return { status: 204 };
  });

  function listCustomers({ query, call }: Request) {
    const matches = readFilter(query.get('filter'));
    const all = [...state.customers.values()].filter(
      (customer) => customer.related && customer.readableAt <= clock.now() && matches(customer, state),
    );
    const asked = Number(query.get('size') ?? 0);
    if (!Number.isInteger(asked) || asked < 0) throw invalidInput('The size of a page must be a whole number.');
    const size = asked === 0 ? MAX_PAGE_SIZE : Math.min(asked, MAX_PAGE_SIZE);
    const start =
      query.get('seekOperation')?.toLowerCase() === 'next' ? readToken(call.headers['ms-continuationtoken']) : 0;
    const rest = new URLSearchParams(query);
    rest.delete('seekOperation');
    const self = `/customers?${rest.toString()}`;
    const items = all.slice(start, start + size).map(viewListed);
    const reply = collection(items, self);
    if (start + size >= all.length) return reply;
    const continuationToken = Buffer.from(`page ${start + size}`).toString('base64');
    const next = linkTo(`${self}&seekOperation=Next`, 'GET', [
      { key: 'MS-ContinuationToken', value: continuationToken },
    ]);
    return ok({ ...(reply.body as object), links: { self: linkTo(self), next }, continuationToken });
  }
}

function readToken(token: string | undefined): number {
  const index = /^page (\d+)$/.exec(Buffer.from(token ?? '', 'base64').toString())?.[1];
  if (index === undefined) throw invalidInput('The continuation token is missing or not valid.');
  return Number(index);
}

/**
 * The search that the query parameter `filter` describes: one field that starts with a value, in any case.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-a-customer-by-name
 */
function readFilter(text: string | null): (customer: Customer, state: State) => boolean {
  if (text === null) return () => true;
  let filter: Record<string, unknown>;
  try {
    filter = Object.fromEntries(
      Object.entries(JSON.parse(text) as object).map(([name, value]) => [name.toLowerCase(), value]),
    );
  } catch {
    throw invalidInput('The filter is not valid JSON.');
  }
  const { field, value, operator } = filter;
  if (typeof field !== 'string' || !SEARCH_FIELDS.includes(field.toLowerCase())) {
    throw invalidInput('The field of the filter is not one that customers can be searched by.');
  }
  if (typeof operator !== 'string' || operator.toLowerCase() !== 'starts_with') {
    throw invalidInput('The operator of the filter must be starts_with.');
  }
  if (typeof value !== 'string') throw invalidInput('The value of the filter must be text.');
  const start = value.toLowerCase();
  return (customer, state) => searchedText(customer, field.toLowerCase(), state).toLowerCase().startsWith(start);
}

function searchedText(customer: Customer, field: string, state: State): string {
  if (field === 'companyname') return customer.companyName;
  if (field === 'domain') return customer.domain;
  const reseller = state.resellers.find(({ tenantId }) => tenantId === customer.associatedPartnerId);
  return field === 'indirectreseller' ? (reseller?.partnerId ?? '') : '';
}

function customerHead(customer: Customer): object {
  return { id: customer.id, commerceId: customer.commerceId, companyProfile: viewCompanyProfile(customer) };
}

function viewListed(customer: Customer): object {
  return {
    id: customer.id,
    companyProfile: viewCompanyProfile(customer),
    relationshipToPartner: 'reseller',
    links: { self: linkTo(`/customers/${customer.id}`) },
    attributes: { objectType: 'Customer' },
  };
}

function viewCompanyProfile({ id, domain, companyName, registrationNumber }: Customer): object {
  return {
    tenantId: id,
    domain,
    companyName,
    ...(registrationNumber === undefined ? {} : { organizationRegistrationNumber: registrationNumber }),
    links: { self: linkTo(`/customers/${id}/profiles/company`) },
    attributes: { objectType: 'CustomerCompanyProfile' },
  };
}

function viewBillingProfile({ id: customerId, billingProfile }: Customer): object {
  const { etag, ...profile } = billingProfile;
  return {
    ...profile,
    defaultAddress: { ...profile.defaultAddress },
    links: { self: linkTo(`/customers/${customerId}/profiles/billing`) },
    attributes: { etag, objectType: 'CustomerBillingProfile' },
  };
}
