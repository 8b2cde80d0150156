import { describe, expect, it } from 'vitest';
import { AttentionError, CustomerError } from '../../../../src/lib/errors.ts';
import { exchange, replyOf } from '../fixtures.ts';
import { CUSTOMER, EFFECT, refused, startPartnerCenter, tokenOf } from './partner.ts';

const italian = {
  domain: 'panificioaurora.onmicrosoft.com',
  companyName: 'Panificio Aurora S.r.l.',
  email: 'giulia.ferri@panificio-aurora.example',
  culture: 'it-IT',
  language: 'it',
  address: {
    firstName: 'Giulia',
    lastName: 'Ferri',
    addressLine1: "Via dell'Esempio 12",
    city: 'Milano',
    state: 'MI',
    postalCode: '20121',
    country: 'IT',
    phoneNumber: '0255501234',
  },
};

describe('domains', () => {
  it('are taken or free', async () => {
    const { customers, received } = await startPartnerCenter(({ path }) =>
      replyOf(exchange('verify-domain-availability', path.includes('contoso') ? 'domain-taken' : 'domain-free')),
    );
    expect(await customers.isDomainTaken('contosobakery.onmicrosoft.com')).toBe(true);
    expect(await customers.isDomainTaken('panificioaurora.onmicrosoft.com')).toBe(false);
    expect(received[1]).toMatchObject({ method: 'HEAD', path: '/v1/domains/panificioaurora.onmicrosoft.com' });
  });
});

describe('creation', () => {
  it('sends what Microsoft wants and returns what it tells only once', async () => {
    const recorded = exchange('create-customer', 'create-customer');
    const { customers, received } = await startPartnerCenter(() => replyOf(recorded));
    expect(await customers.create(italian, EFFECT)).toEqual({
      id: CUSTOMER,
      domain: 'panificioaurora.onmicrosoft.com',
      userName: 'admin',
      password: 'Zq7!vT2m#Kp9',
    });
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(recorded.request.body);
    expect(received[0]?.headers['ms-requestid']).toBe(EFFECT.requestId);
    expect(tokenOf(received[0])).toBe('app-1');
  });

  it('of a reseller’s customer happens in the name of a user', async () => {
    const { customers, received } = await startPartnerCenter(() =>
      replyOf(exchange('create-customer', 'create-customer-indirect')),
    );
    await customers.create(
      { ...italian, associatedPartnerId: 'f7b2d6a0', organizationRegistrationNumber: '11222333000181' },
      EFFECT,
    );
    expect(tokenOf(received[0])).toBe('user-1');
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({
      AssociatedPartnerId: 'f7b2d6a0',
      CompanyProfile: { OrganizationRegistrationNumber: '11222333000181' },
    });
  });

  it('may lack the credentials', async () => {
    const { customers } = await startPartnerCenter(() => ({
      status: 201,
      json: { id: CUSTOMER, userCredentials: null },
    }));
    expect(await customers.create(italian, EFFECT)).toEqual({ id: CUSTOMER, domain: italian.domain });
  });

  it('asks the customer for data that Microsoft refuses', async () => {
    const { customers } = await startPartnerCenter(() =>
      replyOf(exchange('create-customer', 'create-customer-no-phone')),
    );
    const error = await customers.create(italian, EFFECT).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CustomerError);
    expect(error).toMatchObject({ code: 'customer.data-refused', params: { fields: 'phoneNumber' }, effect: 'none' });
  });
});

describe('search by domain', () => {
  const found = {
    id: CUSTOMER,
    companyProfile: { domain: 'Bakery.onmicrosoft.com', companyName: 'Bakery' },
  };
  const other = {
    ...found,
    id: 'other',
    companyProfile: { domain: 'bakery.onmicrosoft.com.example', companyName: 'Other' },
  };

  it('finds exactly the domain, whatever its case, on any page', async () => {
    const { customers, received } = await startPartnerCenter((_, n) => ({
      json: n === 0 ? { items: [other], continuationToken: 'next-page' } : { items: [found] },
    }));
    expect(await customers.findByDomain('BAKERY.onmicrosoft.com')).toEqual({
      id: CUSTOMER,
      domain: 'Bakery.onmicrosoft.com',
      companyName: 'Bakery',
    });
    expect(JSON.parse(received[0]?.query.filter ?? '')).toEqual({
      Field: 'Domain',
      Value: 'BAKERY.onmicrosoft.com',
      Operator: 'starts_with',
    });
    expect(received[0]?.query).not.toHaveProperty('seekOperation');
    expect(received[1]?.query).toMatchObject({ filter: received[0]?.query.filter, seekOperation: 'Next' });
    expect(received[1]?.headers['ms-continuationtoken']).toBe('next-page');
  });

  it('are told by their ids from all pages, and a page that cannot be had is no end of the list', async () => {
    const { customers, received } = await startPartnerCenter((_, n) =>
      n === 0
        ? { json: { items: [other], continuationToken: 'next-page' } }
        : n === 1
          ? refused(400, 2000)
          : { json: {} },
    );
    const ids: string[] = [];
    const read = async () => {
      for await (const id of customers.ids()) ids.push(id);
    };
    await expect(read()).rejects.toMatchObject({ facts: { status: 400 } });
    expect(ids).toEqual(['other']);
    expect(received[1]?.query).toMatchObject({ size: '500', seekOperation: 'Next' });
    expect(received[1]?.headers['ms-continuationtoken']).toBe('next-page');
  });

  it('finds nothing among others, and ends although pages repeat themselves', async () => {
    const { customers, received } = await startPartnerCenter(() => ({
      json: { items: [other], continuationToken: 'same' },
    }));
    expect(await customers.findByDomain('bakery.onmicrosoft.com')).toBeUndefined();
    expect(received).toHaveLength(2);
  });

  it('is not stopped by customers without a profile', async () => {
    const { customers } = await startPartnerCenter(() => ({
      json: { items: [{ id: 'x', companyProfile: null }, found] },
    }));
    expect(await customers.findByDomain('bakery.onmicrosoft.com')).toMatchObject({ id: CUSTOMER });
  });
});

describe('reading', () => {
  it('tells a customer, or that there is no such tenant, and nothing else for that', async () => {
    const replies = ['get-customer', 'get-customer-not-found', 'get-customer-no-relationship'];
    const { customers } = await startPartnerCenter((_, n) => replyOf(exchange('get-customer', replies[n] ?? '')));
    expect(await customers.get(CUSTOMER)).toMatchObject({ id: CUSTOMER });
    expect(await customers.get(CUSTOMER)).toBeUndefined();
    await expect(customers.get(CUSTOMER)).rejects.toMatchObject({ code: 'partner-center.20002' });
  });

  it('tells the rules of a country, or that Microsoft does not know it', async () => {
    const { customers } = await startPartnerCenter((_, n) =>
      n === 0 ? replyOf(exchange('country-validation-rules', 'rules-it')) : refused(n === 1 ? 404 : 400, 3000),
    );
    expect(await customers.countryRules('IT')).toMatchObject({ isPostalCodeRequired: true });
    expect(await customers.countryRules('XX')).toBeUndefined();
    expect(await customers.countryRules('XX')).toBeUndefined();
  });

  it.each([
    ['address-verified', 'VerifiedShippable'],
    ['address-street-partial', 'StreetPartial'],
    ['address-none', 'None'],
  ])('%s: an address is %s', async (name, status) => {
    const { customers, received } = await startPartnerCenter(() => replyOf(exchange('validate-address', name)));
    const { addressLine1, city, state, postalCode, country } = italian.address;
    expect(await customers.validateAddress({ addressLine1, city, state, postalCode, country })).toEqual({ status });
    expect(Object.keys(JSON.parse(received[0]?.body ?? ''))).toEqual([
      'AddressLine1',
      'City',
      'State',
      'PostalCode',
      'Country',
    ]);
  });

  it('an address is not asked about in a dry run', async () => {
    const { customers, received } = await startPartnerCenter(() => ({ json: { status: 'None' } }), { readOnly: true });
    expect(await customers.validateAddress({ addressLine1: 'x', city: 'y', country: 'IT' })).toBeUndefined();
    expect(received).toEqual([]);
  });

  it('takes an unknown state of an address for not validated', async () => {
    const { customers } = await startPartnerCenter((_, n) => ({
      json: { status: n === 0 ? 'Street Partial' : 'Blurred' },
    }));
    const address = { addressLine1: 'x', city: 'y', country: 'IT' };
    expect(await customers.validateAddress(address)).toEqual({ status: 'StreetPartial' });
    expect(await customers.validateAddress(address)).toEqual({ status: 'NotValidated' });
  });

  it.each([
    [replyOf(exchange('validation-status', 'validation-allowed')), { status: 'Allowed' }],
    [replyOf(exchange('validation-status', 'validation-under-review')), { status: 'UnderReview' }],
    [replyOf(exchange('validation-status', 'validation-not-found')), 'none'],
    [{ json: { status: 'Not Ready' } }, { status: 'NotReady' }],
    // Of a status that nobody has told us of Microsoft's own word is kept, where it is one.
    [{ json: { status: 'Pondering' } }, { status: 'Pondering' }],
    [{ json: { status: 'none' } }, { status: 'none' }],
    [{ json: { status: 'p'.repeat(41) } }, {}],
    [{ json: { status: 'Call +39 055 012 <b>now</b>' } }, {}],
    [{ json: { status: 7 } }, {}],
    [{ json: {} }, {}],
  ])('asks in the name of a user how far the review is (%#)', async (reply, expected) => {
    const { customers, received } = await startPartnerCenter(() => reply);
    expect(await customers.vettingStatus(CUSTOMER)).toEqual(expected);
    expect(tokenOf(received[0])).toBe('user-1');
    expect(received[0]).toMatchObject({
      path: `/v1/customers/${CUSTOMER}/validationStatus`,
      query: { type: 'account' },
    });
  });

  it('does not take an unknown customer for one without a review', async () => {
    const { customers } = await startPartnerCenter(() => refused(404, 60003));
    await expect(customers.vettingStatus(CUSTOMER)).rejects.toMatchObject({ code: 'partner-center.60003' });
  });
});

describe('resellers', () => {
  const reseller = {
    id: 'f7b2d6a0-18c4-43e9-a5d7-90c1e2f3b456',
    name: 'Estrela Revenda',
    relationshipType: 'is_indirect_cloud_solution_provider_of',
    state: 'Active',
    mpnId: '7100455',
    location: 'BR',
  };
  const expected = {
    tenantId: reseller.id,
    name: reseller.name,
    mpnId: '7100455',
  };

  it('are listed from all pages, in the name of a user', async () => {
    const { customers, received } = await startPartnerCenter((_, n) => ({
      json: n === 0 ? { items: [reseller], continuationToken: 'second' } : { items: [{ ...reseller, id: 'other' }] },
    }));
    expect(await customers.resellers()).toEqual([expected, { ...expected, tenantId: 'other' }]);
    expect(received[0]).toMatchObject({
      path: '/v1/relationships',
      query: { relationship_type: 'IsIndirectCloudSolutionProviderOf' },
    });
    expect(received[1]?.query).toEqual({ ...received[0]?.query, seekOperation: 'Next' });
    expect(received[1]?.headers['ms-continuationtoken']).toBe('second');
    expect(received.map(tokenOf)).toEqual(['user-1', 'user-1']);
  });

  it('are read under the other names of their ids, and with little else', async () => {
    const { id: tenantId, mpnId } = reseller;
    const { customers } = await startPartnerCenter(() => ({
      json: [{ id: null, TenantId: tenantId, PartnerId: Number(mpnId) }],
    }));
    const { name: _, ...nameless } = expected;
    expect(await customers.resellers()).toEqual([nameless]);
  });

  it('without a tenant make the list unreadable, instead of being passed over', async () => {
    const { customers } = await startPartnerCenter(() => ({ json: { items: [reseller, { name: 'Nobody' }] } }));
    await expect(customers.resellers()).rejects.toMatchObject({ code: 'partner-center.malformed' });
  });

  it.each([
    ['signed', { json: { isAgreementSigned: true } }, true],
    ['not signed', { json: { isAgreementSigned: false } }, false],
    ['not signed, told as a refusal', refused(400, 2203), false],
  ])('have the Partner Agreement %s', async (_, reply, isSigned) => {
    const { customers, received } = await startPartnerCenter(() => reply);
    expect(await customers.isPartnerAgreementSigned('7100455')).toBe(isSigned);
    expect(received[0]).toMatchObject({ path: '/v1/compliance/csp/agreementstatus', query: { mpnId: '7100455' } });
    expect(tokenOf(received[0])).toBe('user-1');
  });

  it.each([2200, 2201, 2204])(
    'that are none of ours are not told as unsigned, but are for a person (%i)',
    async (code) => {
      const { customers } = await startPartnerCenter(() => refused(400, code));
      const error = await customers.isPartnerAgreementSigned('1').catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(AttentionError);
      expect(error).toMatchObject({ code: `partner-center.${code}` });
    },
  );
});

describe('an existing tenant', () => {
  it('is asked to accept us at an address that a user gets', async () => {
    const recorded = exchange('relationship-request', 'relationship-request');
    const { customers, received } = await startPartnerCenter(() => replyOf(recorded));
    const { url } = recorded.response.body as { url: string };
    expect(await customers.relationshipRequest()).toEqual({ url });
    expect(received[0]).toMatchObject({ method: 'GET', path: '/v1/customers/relationshiprequests' });
    expect(tokenOf(received[0])).toBe('user-1');
  });

  it('is never sent to an address that is no secure one', async () => {
    const { customers } = await startPartnerCenter(() => ({ json: { url: 'javascript:alert(1)' } }));
    await expect(customers.relationshipRequest()).rejects.toMatchObject({ code: 'partner-center.malformed' });
  });
});

describe('consent', () => {
  const application = { applicationId: 'app-id', displayName: 'Marketplace connector' };

  it('is given to our use of Azure in the name of a user', async () => {
    const { customers, received } = await startPartnerCenter(() => ({ status: 201, json: {} }));
    await customers.consent(CUSTOMER, application);
    expect(received[0]).toMatchObject({ method: 'POST', path: `/v1/customers/${CUSTOMER}/applicationconsents` });
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      ...application,
      applicationGrants: [
        { enterpriseApplicationId: '797f4846-ba00-4fd7-ba43-dac1f8f63013', scope: 'user_impersonation' },
      ],
    });
    expect(tokenOf(received[0])).toBe('user-1');
  });

  it.each([
    { status: 200, json: {} },
    { status: 201 },
    { status: 409, json: { code: 1, description: 'Permission entry already exists.' } },
    { status: 400, json: { code: 2, description: 'The application consent already exists.' } },
  ])('that was given before is fine: %j', async (reply) => {
    const { customers } = await startPartnerCenter(() => reply);
    await customers.consent(CUSTOMER, application);
  });

  it('that is refused is for a person', async () => {
    const { customers } = await startPartnerCenter(() => refused(403, 900308));
    await expect(customers.consent(CUSTOMER, application)).rejects.toBeInstanceOf(AttentionError);
  });
});
