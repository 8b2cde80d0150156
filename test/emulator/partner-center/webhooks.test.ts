import { verify, X509Certificate } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from './calendar.ts';
import { type PartnerClient, startPartnerClient } from './partner-client.ts';

const REGISTRATION = '/webhooks/v1/registration';

interface Received {
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

describe('the webhook', () => {
  let client: PartnerClient;
  let receiver: http.Server;
  let received: Received[];
  let status: number;
  let receiverUrl: string;

  beforeEach(async () => {
    client = await startPartnerClient();
    received = [];
    status = 200;
    receiver = http.createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      received.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/partner-center/event`;
  });
  afterEach(async () => {
    receiver.closeAllConnections();
    receiver.close();
    await client.stop();
  });

  function register(fields: object = {}) {
    const body = { WebhookUrl: receiverUrl, WebhookEvents: ['subscription-updated', 'test-created'], ...fields };
    return client.call('POST', REGISTRATION, { body });
  }

  async function buy(): Promise<{ customerId: string; id: string }> {
    const { customerId } = await client.createCustomer();
    await client.acceptAgreement(customerId);
    return { customerId, id: (await client.buy(customerId, { quantity: 3 })).id };
  }

  it('is registered once, read back and replaced', async () => {
    expect((await client.call('GET', REGISTRATION)).status).toBe(404);
    const first = await register();
    expect(first).toMatchObject({ status: 200, body: { WebhookUrl: receiverUrl } });
    const body = { WebhookUrl: receiverUrl, WebhookEvents: ['test-created'] };
    const second = await client.call('PUT', REGISTRATION, { body });
    expect(second.body.SubscriberId).toBe(first.body.SubscriberId);
    expect(await client.get(REGISTRATION)).toEqual(body);
    expect(await client.get(`${REGISTRATION}/events`)).toContain('subscription-updated');
    expect((await register({ WebhookEvents: ['made-up'] })).status).toBe(400);
    expect((await register({ WebhookUrl: 'nowhere' })).status).toBe(400);
  });

  it('hears of every change of a subscription, signed over the raw body with a certificate to be fetched', async () => {
    await register();
    const { customerId, id } = await buy();
    await expect.poll(() => received.length).toBe(1);
    const [{ headers, body }] = received as [Received];
    const event = JSON.parse(body.toString());
    expect(event).toMatchObject({ EventName: 'subscription-updated', ResourceName: 'subscription' });
    expect(event.ResourceUri.endsWith(`/customers/${customerId}/subscriptions/${id}`)).toBe(true);

    expect(headers['x-ms-signature-algorithm']).toBe('rsa-sha256');
    const response = await fetch(String(headers['x-ms-certificate-url']));
    const certificate = new X509Certificate(Buffer.from(await response.arrayBuffer()));
    const root = new X509Certificate(client.emulator.webhookRootCertificate());
    expect(certificate.subject).toContain('O=Microsoft Corporation');
    expect(certificate.verify(root.publicKey)).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    const signature = Buffer.from(/^Signature (.+)$/.exec(String(headers.authorization))![1]!, 'base64');
    expect(verify('sha256', body, certificate.publicKey, signature)).toBe(true);
    expect(verify('sha256', Buffer.concat([body, Buffer.from(' ')]), certificate.publicKey, signature)).toBe(false);
  });

  it('signs in the other header when asked', async () => {
    await register({ SignatureTokenToMsSignatureHeader: true });
    await buy();
    await expect.poll(() => received.length).toBe(1);
    expect(received[0]!.headers['x-ms-signature']).toMatch(/^Signature /);
    expect(received[0]!.headers).not.toHaveProperty('authorization');
  });

  it('is tried ten times with growing pauses, and then no more', async () => {
    status = 500;
    await register();
    await buy();
    await expect.poll(() => received.length).toBe(1);
    await client.clock.advance(1 * MINUTE_MS + 100);
    expect(received).toHaveLength(2);
    await client.clock.advance(2 * MINUTE_MS);
    expect(received).toHaveLength(3);
    await client.clock.advance(48 * HOUR_MS);
    expect(received).toHaveLength(10);
    expect(client.emulator.deliveries()[0]).toMatchObject({ state: 'parked' });
  });

  it('can be late by hours, or be hurried', async () => {
    client.emulator.setSwitches({ webhookDelayMs: 48 * HOUR_MS });
    await register();
    await buy();
    await client.clock.advance(47 * HOUR_MS);
    expect(received).toHaveLength(0);
    await client.emulator.deliverNow();
    expect(received).toHaveLength(1);
  });

  it('hears of an accepted invitation', async () => {
    await register({ WebhookEvents: ['reseller-relationship-accepted-by-customer'] });
    const tenant = { domain: 'forno.example', companyName: 'Forno di Prova', country: 'IT' };
    const { customerId } = client.emulator.addExistingTenant(tenant);
    client.emulator.acceptRelationship('forno.example');
    await expect.poll(() => received.length).toBe(1);
    const event = JSON.parse(received[0]!.body.toString());
    expect(event.ResourceUri).toBe(`https://api.partnercenter.microsoft.com/v1/customers/${customerId}`);
  });

  it('can be tested twice a minute', async () => {
    await register();
    const { body } = await client.call('POST', `${REGISTRATION}/validationEvents`);
    await expect.poll(() => received.length).toBe(1);
    const result = await client.get(`${REGISTRATION}/validationEvents/${body.correlationId}`);
    expect(result).toMatchObject({ status: 'completed', results: [{ responseCode: 'OK' }] });
    expect((await client.call('POST', `${REGISTRATION}/validationEvents`)).status).toBe(200);
    expect((await client.call('POST', `${REGISTRATION}/validationEvents`)).status).toBe(429);
  });
});
