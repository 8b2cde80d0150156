import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS } from './calendar.ts';
import { type Answer, type PartnerClient, startPartnerClient } from './partner-client.ts';

const SIGNATORY = {
  country: 'IT',
  language: 'it-IT',
  companyName: 'Panificio Aurora S.r.l.',
  signatoryFirstName: 'Giulia',
  signatoryLastName: 'Ferri',
  signatoryEmail: 'giulia.ferri@panificio-aurora.example',
  signatoryPhoneNumber: '0255501234',
};
const CONTACT = { firstName: 'Giulia', lastName: 'Ferri', email: 'giulia.ferri@panificio-aurora.example' };

describe('the customer agreement', () => {
  let client: PartnerClient;
  let customerId: string;

  beforeEach(async () => {
    client = await startPartnerClient();
    customerId = (await client.createCustomer()).customerId;
  });
  afterEach(() => client.stop());

  async function attest(): Promise<string> {
    return (await client.call('POST', '/v1/attestations/enhanced', { body: SIGNATORY })).body.attestationId;
  }

  async function statusOf(attestationId: string): Promise<string> {
    return (await client.get(`/v1/attestations/enhanced/${attestationId}`)).attestationStatus;
  }

  function createAgreement(body: object, as: 'app' | 'user' = 'app'): Promise<Answer> {
    const type = 'MicrosoftCustomerAgreement';
    return client.call('POST', `/v1/customers/${customerId}/agreements`, { as, body: { type, ...body } });
  }

  async function templateId(): Promise<string> {
    const list = await client.get('/v1/agreements?agreementType=MicrosoftCustomerAgreement', { as: 'user' });
    return list.items[0].templateId;
  }

  async function tryToBuy(): Promise<Answer> {
    const line = {
      catalogItemId: await client.itemId('CFQ7TTC0XA11:0001'),
      quantity: 1,
      billingCycle: 'monthly',
      termDuration: 'P1M',
    };
    const { body: cart } = await client.createCart(customerId, [line]);
    return client.checkOut(customerId, cart.id);
  }

  it('exists once the customer accepted on the hosted page and the partner made it from the attestation', async () => {
    const attestationId = await attest();
    expect(await statusOf(attestationId)).toBe('Pending');
    expect((await createAgreement({ attestationId })).body.code).toBe('EMULATED_ATTESTATION_NOT_ACCEPTED');
    expect(await tryToBuy()).toMatchObject({ status: 403, body: { code: 13605 } });

    client.emulator.acceptAttestation(attestationId);
    expect(await statusOf(attestationId)).toBe('Accepted');
    expect(await tryToBuy()).toMatchObject({ status: 403, body: { code: 13605 } });
    expect(await createAgreement({ attestationId })).toMatchObject({ status: 201, body: { primaryContact: CONTACT } });
    expect(await statusOf(attestationId)).toBe('AgreementCreated');
    expect((await tryToBuy()).status).toBe(201);
  });

  it('is asked for before the tenant exists, and found by the company when it is accepted', async () => {
    const attestationId = await attest();
    expect(client.emulator.acceptAttestation(customerId)).toEqual({ attestationId });
    client.emulator.acceptAllAttestations(true);
    expect(await statusOf(await attest())).toBe('Accepted');
  });

  it('cannot be made from an attestation whose link has expired', async () => {
    const attestationId = await attest();
    await client.clock.advance(7 * DAY_MS);
    expect(await statusOf(attestationId)).toBe('Expired');
    expect((await createAgreement({ attestationId })).body.code).toBe('EMULATED_ATTESTATION_EXPIRED');
    expect(() => client.emulator.acceptAttestation(attestationId)).toThrow('expired');
  });

  it('is not confirmed twice for the same person', async () => {
    await client.acceptAgreement(customerId);
    const attestationId = await attest();
    client.emulator.acceptAttestation(attestationId);
    expect((await createAgreement({ attestationId })).status).toBe(201);
    const again = await attest();
    client.emulator.acceptAttestation(again);
    const second = await createAgreement({ attestationId: again });
    expect(second).toMatchObject({ status: 400, body: { code: 600061, isRetryable: false } });
    expect(second.body.errorName).toBe('PartnerConfirmedAgreementAlreadyExists');
  });

  it('can be confirmed by the partner as before 2026, unless that is switched off', async () => {
    const primaryContact = CONTACT;
    const confirm = { primaryContact, templateId: await templateId(), dateAgreed: '2026-09-01T00:00:00Z' };
    expect(await createAgreement(confirm)).toMatchObject({ status: 403, body: { code: 900329 } });
    const future = await createAgreement({ ...confirm, dateAgreed: '2026-09-02T00:00:00Z' }, 'user');
    expect(future).toMatchObject({ status: 400, body: { code: 800002 } });
    expect((await createAgreement(confirm, 'user')).status).toBe(201);
    expect((await tryToBuy()).status).toBe(201);
    client.emulator.setSwitches({ classicAgreements: 'refuse' });
    const retired = await createAgreement(
      { ...confirm, primaryContact: { ...primaryContact, firstName: 'Anna' } },
      'user',
    );
    expect(retired.body.code).toBe('EMULATED_CLASSIC_AGREEMENT_RETIRED');
  });

  it('is listed under its type only', async () => {
    await client.acceptAgreement(customerId);
    const path = `/v1/customers/${customerId}/agreements`;
    expect(await client.get(path, { as: 'user' })).toEqual({ totalCount: 0, items: [] });
    const list = await client.get(`${path}?agreementType=MicrosoftCustomerAgreement`, { as: 'user' });
    expect(list).toMatchObject({
      totalCount: 1,
      items: [{ primaryContact: CONTACT, type: 'MicrosoftCustomerAgreement' }],
    });
  });

  it('may be signed directly, and must be accepted again when its text changes', async () => {
    client.emulator.signDirectly(customerId, true);
    expect((await tryToBuy()).status).toBe(201);
    await client.acceptAgreement(customerId);
    client.emulator.requireReacceptance(customerId);
    expect(await tryToBuy()).toMatchObject({ status: 403, body: { code: 13605 } });
    await client.acceptAgreement(customerId);
    expect((await tryToBuy()).status).toBe(201);
  });

  it('guards changes of seats, too, unless switched off', async () => {
    await client.acceptAgreement(customerId);
    const { id } = await client.buy(customerId, { quantity: 3 });
    client.emulator.requireReacceptance(customerId);
    expect(await client.change(customerId, id, { quantity: 4 })).toMatchObject({ status: 403, body: { code: 13605 } });
    client.emulator.setSwitches({ agreementGuardsQuantity: false });
    expect((await client.change(customerId, id, { quantity: 4 })).status).toBe(200);
  });

  it('does not let a customer buy whose vetting is not through', async () => {
    await client.acceptAgreement(customerId);
    const path = `/v1/customers/${customerId}/validationStatus?type=account`;
    const none = await client.call('GET', path, { as: 'user' });
    expect(none).toMatchObject({ status: 404, body: { code: 600074, errorName: 'AccountStatusNotFound' } });
    const codes: Record<string, number> = { UnderReview: 800073, Unknown: 800073, NotAllowed: 800075 };
    for (const [status, code] of Object.entries(codes)) {
      client.emulator.setVetting(customerId, status);
      expect(await tryToBuy()).toMatchObject({ status: 403, body: { code } });
    }
    client.emulator.setVetting(customerId, 'Allowed');
    expect((await tryToBuy()).status).toBe(201);
    client.emulator.lockCustomer(customerId, true);
    expect(await tryToBuy()).toMatchObject({ status: 403, body: { code: 900416 } });
  });
});
