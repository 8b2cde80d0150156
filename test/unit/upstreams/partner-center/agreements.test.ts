import { describe, expect, it } from 'vitest';
import { exchange, replyOf } from '../fixtures.ts';
import { CUSTOMER, EFFECT, refused, startPartnerCenter, tokenOf } from './partner.ts';

const ATTESTATION = 'c2e8a5d7-41f9-4b36-8d0e-7a9f3c5b1e64';
const signatory = {
  country: 'IT',
  language: 'it-IT',
  companyName: 'Panificio Aurora S.r.l.',
  firstName: 'Giulia',
  lastName: 'Ferri',
  email: 'giulia.ferri@panificio-aurora.example',
  phoneNumber: '0255501234',
};

describe('enhanced attestation', () => {
  it('is created by the application and accepted on a page of Microsoft', async () => {
    const recorded = exchange('agreement-attestation-enhanced', 'create-attestation');
    const { agreements, received } = await startPartnerCenter(() => replyOf(recorded));
    expect(await agreements.createAttestation(signatory, EFFECT)).toEqual({
      attestationId: ATTESTATION,
      url: `https://cdn.partner.microsoft.com/mca/?attestationid=${ATTESTATION}`,
      expiresAt: '2026-09-08T09:12:05.000Z',
    });
    expect(received[0]).toMatchObject({ method: 'POST', path: '/v1/attestations/enhanced' });
    expect(received[0]?.headers['ms-requestid']).toBe(EFFECT.requestId);
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(recorded.request.body);
    expect(tokenOf(received[0])).toBe('app-1');
  });

  it('takes the page that the answer names', async () => {
    const { agreements } = await startPartnerCenter(() => ({
      json: { Id: 'a1', attestationUrl: 'https://mca.example/a1' },
    }));
    expect(await agreements.createAttestation(signatory, EFFECT)).toEqual({
      attestationId: 'a1',
      url: 'https://mca.example/a1',
    });
  });

  it('does not hand an address on that is no https', async () => {
    const { agreements } = await startPartnerCenter(() => ({ json: { id: 'a/1', url: 'javascript:alert(1)' } }));
    expect(await agreements.createAttestation(signatory, EFFECT)).toEqual({
      attestationId: 'a/1',
      url: 'https://cdn.partner.microsoft.com/mca/?attestationid=a%2F1',
    });
  });

  it('must have an id', async () => {
    const { agreements } = await startPartnerCenter(() => ({ json: { status: 'Pending' } }));
    await expect(agreements.createAttestation(signatory, EFFECT)).rejects.toMatchObject({
      code: 'partner-center.malformed',
      effect: 'unknown',
    });
  });

  it.each([
    ['Pending', 'pending'],
    ['link-generated', 'pending'],
    ['Accepted', 'accepted'],
    ['Valid', 'accepted'],
    ['customerAccepted', 'accepted'],
    ['LinkExpired', 'expired'],
    ['Meditating', 'unknown'],
    [null, 'unknown'],
  ])('in the words of its time: %s is %s', async (attestationStatus, state) => {
    const { agreements, received } = await startPartnerCenter(() => ({
      json: { attestationStatus, expirationDate: '2026-09-08T09:12:05Z' },
    }));
    expect(await agreements.attestation(ATTESTATION)).toEqual({ state, expiresAt: '2026-09-08T09:12:05.000Z' });
    expect(received[0]?.path).toBe(`/v1/attestations/enhanced/${ATTESTATION}`);
  });

  it.each([404, 405])('has an unknown state where Partner Center does not tell it (%i)', async (status) => {
    const { agreements } = await startPartnerCenter(() => ({ status }));
    expect(await agreements.attestation(ATTESTATION)).toEqual({ state: 'unknown' });
  });

  it('becomes the agreement, once', async () => {
    const recorded = exchange('agreement-attestation-enhanced', 'create-agreement-from-attestation');
    const { agreements, received } = await startPartnerCenter((_, n) =>
      n === 0 ? replyOf(recorded) : refused(n === 1 ? 400 : 409, 600061),
    );
    expect(await agreements.createFromAttestation(CUSTOMER, ATTESTATION, EFFECT)).toBe('created');
    expect(await agreements.createFromAttestation(CUSTOMER, ATTESTATION, EFFECT)).toBe('exists');
    expect(await agreements.createFromAttestation(CUSTOMER, ATTESTATION, EFFECT)).toBe('exists');
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(recorded.request.body);
    expect(tokenOf(received[0])).toBe('app-1');
    expect(received[0]?.headers['ms-requestid']).toBe(EFFECT.requestId);
  });
});

describe('reading', () => {
  it.each([
    ['signed directly', true, 'list-agreements-empty', true],
    ['confirmed by the partner', false, 'list-agreements', true],
    ['neither', false, 'list-agreements-empty', false],
  ])('asks in the name of a user: %s', async (_, isSigned, list, expected) => {
    const { agreements, received } = await startPartnerCenter(({ path }) =>
      path.endsWith('Status') ? { json: { isSigned } } : replyOf(exchange('agreements', list)),
    );
    expect(await agreements.isAccepted(CUSTOMER)).toBe(expected);
    expect(new Set(received.map(tokenOf))).toEqual(new Set(['user-1']));
    // Without the type Partner Center answers for an agreement that no longer exists.
    if (!isSigned) expect(received[1]?.query).toEqual({ agreementType: 'MicrosoftCustomerAgreement' });
  });
});

describe('classic confirmation', () => {
  it('takes the newest text of the right agreement', async () => {
    const items = [
      { templateId: 'old', agreementType: 'MicrosoftCustomerAgreement', versionRank: 0 },
      { templateId: 'new', agreementType: 'MicrosoftCustomerAgreement', versionRank: 2 },
      { templateId: 'other', agreementType: 'MicrosoftCloudAgreement', versionRank: 9 },
    ];
    const { agreements, received } = await startPartnerCenter((_, n) => ({ json: { items: n === 0 ? items : [] } }));
    expect(await agreements.template()).toEqual({ templateId: 'new' });
    expect(received[0]).toMatchObject({
      path: '/v1/agreements',
      query: { agreementType: 'MicrosoftCustomerAgreement' },
    });
    await expect(agreements.template()).rejects.toMatchObject({ code: 'partner-center.no-agreement-template' });
  });

  it('states who accepted and when, in the name of a user, and may find it done', async () => {
    const recorded = exchange('agreements', 'confirm-acceptance');
    const { agreements, received } = await startPartnerCenter((_, n) =>
      replyOf(n === 0 ? recorded : exchange('agreements', 'confirm-acceptance-duplicate')),
    );
    const { firstName, lastName, email, phoneNumber } = signatory;
    const confirmation = {
      templateId: '7d20e6b9-3f41-4c8a-9e57-b1c6d8a03f92',
      contact: { firstName, lastName, email, phoneNumber },
      dateAgreed: '2026-09-01T00:00:00.000Z',
    };
    expect(await agreements.confirm(CUSTOMER, confirmation, EFFECT)).toBe('created');
    expect(await agreements.confirm(CUSTOMER, confirmation, EFFECT)).toBe('exists');
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(recorded.request.body);
    expect(tokenOf(received[0])).toBe('user-1');
  });
});
