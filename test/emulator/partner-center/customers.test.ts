import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CUSTOMER_TEMPLATE, type PartnerClient, startPartnerClient } from './partner-client.ts';

const BRAZILIAN = {
  ...CUSTOMER_TEMPLATE,
  CompanyProfile: { Domain: 'padariaestrela.onmicrosoft.com', OrganizationRegistrationNumber: '11222333000181' },
  BillingProfile: {
    Culture: 'pt-BR',
    Email: 'ana.lima@padaria-estrela.example',
    Language: 'pt',
    CompanyName: 'Padaria Estrela Ltda Comercio',
    DefaultAddress: {
      FirstName: 'Ana',
      LastName: 'Lima',
      AddressLine1: 'Rua do Exemplo 45',
      City: 'Osasco',
      State: 'SP',
      PostalCode: '06184280',
      Country: 'BR',
      PhoneNumber: '1155501234',
    },
  },
};

describe('customers', () => {
  let client: PartnerClient;

  beforeEach(async () => {
    client = await startPartnerClient();
  });
  afterEach(() => client.stop());

  function create(body: unknown, as: 'app' | 'user' = 'app') {
    return client.call('POST', '/v1/customers', { body, as });
  }

  function withAddress(changes: object) {
    const address = { ...BRAZILIAN.BillingProfile.DefaultAddress, ...changes };
    return { ...BRAZILIAN, BillingProfile: { ...BRAZILIAN.BillingProfile, DefaultAddress: address } };
  }

  it('asks for registration number and phone where the country does', async () => {
    const numberless = { ...BRAZILIAN, CompanyProfile: { Domain: 'padariaestrela.onmicrosoft.com' } };
    expect(await create(numberless)).toMatchObject({ status: 400, body: { code: 600049 } });
    const misformed = { Domain: 'padariaestrela.onmicrosoft.com', OrganizationRegistrationNumber: '123' };
    const answer = await create({ ...BRAZILIAN, CompanyProfile: misformed });
    expect(answer).toMatchObject({ status: 400, body: { code: 600050 } });
    expect(answer.body.description).toContain('^(\\d{14})$');
    expect(await create(withAddress({ PhoneNumber: '' }))).toMatchObject({ status: 400, body: { code: 600051 } });
    expect((await create(BRAZILIAN)).status).toBe(201);
  });

  it('refuses a registration number elsewhere, unless told to take it', async () => {
    const italian = {
      ...CUSTOMER_TEMPLATE,
      CompanyProfile: { ...CUSTOMER_TEMPLATE.CompanyProfile, OrganizationRegistrationNumber: '123' },
    };
    expect(await create(italian)).toMatchObject({ status: 400, body: { code: 600002 } });
    client.emulator.setSwitches({ registrationNumberElsewhere: 'accept' });
    expect((await create(italian)).status).toBe(201);
  });

  it('refuses addresses, names and domains that break the rules of form', async () => {
    const { BillingProfile, CompanyProfile } = CUSTOMER_TEMPLATE;
    const address = BillingProfile.DefaultAddress;
    const wrong = [
      { ...CUSTOMER_TEMPLATE, BillingProfile: { ...BillingProfile, DefaultAddress: { ...address, PostalCode: '1' } } },
      { ...CUSTOMER_TEMPLATE, BillingProfile: { ...BillingProfile, DefaultAddress: { ...address, City: '' } } },
      { ...CUSTOMER_TEMPLATE, BillingProfile: { ...BillingProfile, CompanyName: 'srl' } },
      { ...CUSTOMER_TEMPLATE, BillingProfile: { ...BillingProfile, Email: 'somebody@microsoft.com' } },
      { ...CUSTOMER_TEMPLATE, CompanyProfile: { ...CompanyProfile, Domain: 'panificio-aurora.onmicrosoft.com' } },
      { ...CUSTOMER_TEMPLATE, CompanyProfile: { ...CompanyProfile, Domain: 'panificioaurora.example' } },
      withAddress({ State: 'ZZ' }),
    ];
    for (const body of wrong) expect(await create(body)).toMatchObject({ status: 400, body: { code: 800002 } });
    expect(await create(withAddress({ Country: 'JP' }))).toMatchObject({ status: 400 });
    expect(client.emulator.books().customers).toEqual([]);
  });

  it('gives a domain to one tenant for ever', async () => {
    await client.createCustomer();
    expect(await create(CUSTOMER_TEMPLATE)).toMatchObject({ status: 409, body: { code: 'EMULATED_DOMAIN_TAKEN' } });
    client.emulator.takeDomain('altrui.onmicrosoft.com');
    expect((await client.call('HEAD', '/v1/domains/altrui.onmicrosoft.com')).status).toBe(200);
    client.emulator.setSwitches({ environment: 'sandbox' });
    const [{ id } = { id: '' }] = client.emulator.customers();
    expect((await client.call('DELETE', `/v1/customers/${id}`)).status).toBe(204);
    expect((await create(CUSTOMER_TEMPLATE)).status).toBe(409);
  });

  it('takes customers of a known reseller only, and only from a user', async () => {
    const ofReseller = { ...BRAZILIAN, AssociatedPartnerId: 'f7b2d6a0-18c4-43e9-a5d7-90c1e2f3b456' };
    expect(await create(ofReseller)).toMatchObject({ status: 403, body: { code: 900329 } });
    const ofStranger = { ...BRAZILIAN, AssociatedPartnerId: '00000000-0000-4000-8000-000000000009' };
    expect(await create(ofStranger, 'user')).toMatchObject({ status: 400, body: { code: 800016 } });
    const answer = await create(ofReseller, 'user');
    expect(answer).toMatchObject({ status: 201, body: { associatedPartnerId: ofReseller.AssociatedPartnerId } });
  });

  it('finds customers by the start of domain or name, and pages through them with a token', async () => {
    for (const domain of ['alpha1', 'alpha2', 'beta1']) await client.createCustomer(`${domain}.onmicrosoft.com`);
    const filter = encodeURIComponent(JSON.stringify({ Field: 'Domain', Value: 'ALPHA', Operator: 'starts_with' }));
    expect((await client.get(`/v1/customers?size=0&filter=${filter}`)).totalCount).toBe(2);
    const other = encodeURIComponent(JSON.stringify({ Field: 'Domain', Value: 'a', Operator: 'equals' }));
    expect((await client.call('GET', `/v1/customers?filter=${other}`)).status).toBe(400);

    const domains: string[] = [];
    let page = await client.get('/v1/customers?size=2');
    for (;;) {
      domains.push(...page.items.map((item: { companyProfile: { domain: string } }) => item.companyProfile.domain));
      if (page.continuationToken === undefined) break;
      const headers = { 'MS-ContinuationToken': page.continuationToken };
      page = await client.get('/v1/customers?size=2&seekOperation=Next', { headers });
    }
    expect(domains).toHaveLength(3);
    expect((await client.call('GET', '/v1/customers?size=2&seekOperation=Next')).status).toBe(400);
  });

  it('can let a new customer be unknown for a while', async () => {
    client.emulator.setSwitches({ customerReadableAfterMs: 5_000 });
    const { customerId } = await client.createCustomer();
    expect((await client.call('GET', `/v1/customers/${customerId}`)).status).toBe(404);
    await client.clock.advance(5_000);
    expect((await client.call('GET', `/v1/customers/${customerId}`)).status).toBe(200);
  });

  it('lets an existing tenant become a customer by accepting the invitation', async () => {
    const { emulator } = client;
    const tenant = { domain: 'forno.example', companyName: 'Forno di Prova', country: 'IT' };
    const { customerId } = emulator.addExistingTenant(tenant);
    expect((await client.get('/v1/customers')).totalCount).toBe(0);
    const invitation = await client.get('/v1/customers/relationshiprequests', { as: 'user' });
    expect(invitation.url).toContain('invType=ResellerRelationship');
    emulator.acceptRelationship('forno.example', { signAgreement: true });
    expect((await client.get('/v1/customers')).items[0].id).toBe(customerId);
    const path = `/v1/customers/${customerId}/directSignedMicrosoftCustomerAgreementStatus`;
    expect(await client.get(path, { as: 'user' })).toEqual({ isSigned: true });
    const body = { relationshipToPartner: 'none', attributes: { objectType: 'Customer' } };
    expect((await client.call('PATCH', `/v1/customers/${customerId}`, { as: 'user', body })).body.id).toBeNull();
    expect((await client.get('/v1/customers')).totalCount).toBe(0);
  });

  it('changes a billing profile only with its present etag', async () => {
    const { customerId } = await client.createCustomer();
    const path = `/v1/customers/${customerId}/profiles/billing`;
    const profile = await client.get(path);
    const body = { ...profile, email: 'amministrazione@panificio-aurora.example' };
    const headers = { 'If-Match': `"${profile.attributes.etag}"` };
    expect((await client.call('PUT', path, { body, headers })).body.email).toBe(body.email);
    expect(await client.call('PUT', path, { body, headers })).toMatchObject({ status: 400, body: { code: 2055 } });
  });

  it('checks addresses by code, city and number, or as told', async () => {
    const address = {
      AddressLine1: "Via dell'Esempio 12",
      City: 'Milano',
      State: 'MI',
      PostalCode: '20121',
      Country: 'IT',
    };
    const check = async (changes: object = {}) =>
      (await client.call('POST', '/v1/validations/address', { body: { ...address, ...changes } })).body;
    expect(await check()).toMatchObject({ status: 'VerifiedShippable', suggestedAddresses: [{ city: 'Milano' }] });
    expect((await check({ AddressLine1: 'Esempio' })).suggestedAddresses).toHaveLength(2);
    expect(await check({ PostalCode: '00', City: 'Nowhere' })).toMatchObject({
      status: 'None',
      suggestedAddresses: [],
    });
    expect(await check({ Country: 'JP' })).toMatchObject({ status: 'NotValidated' });
    client.emulator.answerAddressWith('InteractionRequired');
    expect(await check()).toMatchObject({ status: 'InteractionRequired' });
    expect(await check()).toMatchObject({ status: 'VerifiedShippable' });
  });

  it('describes countries in the shape that production shows, or in the documented one', async () => {
    expect(await client.get('/v1/countryvalidationrules/it')).toMatchObject({
      iso2Code: 'IT',
      supportedLanguagesList: ['en', 'it'],
    });
    client.emulator.setSwitches({ countryRulesShape: 'documented' });
    const rules = await client.get('/v1/countryvalidationrules/US');
    expect(rules).toMatchObject({ isStateRequired: true, attributes: { objectType: 'CountryInformation' } });
    expect(rules.states.value).toContain('WA');
  });

  it('keeps the qualifications of a customer and their vetting', async () => {
    const { customerId } = await client.createCustomer();
    const path = `/v1/customers/${customerId}/qualifications`;
    expect(await client.get(path)).toEqual([]);
    const body = { qualification: 'education', educationSegment: 'K12' };
    const answer = await client.call('POST', path, { as: 'user', body });
    expect(answer).toMatchObject({ status: 201, body: { vettingStatus: 'InReview' } });
    expect(answer.body).toHaveProperty('vettingCreateDate');
    expect((await client.get(path))[0]).toHaveProperty('vettingCreatedDate');
    client.emulator.setQualification(customerId, 'Education', 'Approved');
    expect(await client.get(path)).toEqual([{ qualification: 'Education', vettingStatus: 'Approved' }]);
  });

  it('knows the resellers of the provider', async () => {
    const list = await client.get('/v1/relationships?relationship_type=IsIndirectCloudSolutionProviderOf', {
      as: 'user',
    });
    expect(list.items.map(({ mpnId }: { mpnId: string }) => mpnId)).toContain('7100455');
    const unknown = await client.call('GET', '/v1/profiles/mpn?mpnId=1', { as: 'user' });
    expect(unknown).toMatchObject({ status: 404, body: { code: 3000 } });
    const signed = await client.get('/v1/compliance/csp/agreementstatus?mpnId=7100733', { as: 'user' });
    expect(signed).toEqual({ isAgreementSigned: false });
  });
});
