import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createDerivedSecrets } from '../../src/lib/derived-secrets.ts';
import { createSecretBox } from '../../src/lib/secret-box.ts';
import { LOOKS, Look, lookOptions, SWEEPS } from '../../src/queue/jobs.ts';
import { configurationOf } from '../../src/workflows/azure/assignment.ts';
import { deploymentOf, groupOf, sharedAliasOf, tagsOf } from '../../src/workflows/azure/names.ts';
import { createFulfillmentWriter } from '../../src/workflows/fulfillment-writer.ts';
import { markOf } from '../../src/workflows/mark.ts';
import type { SubscriptionRecord } from '../../src/workflows/record.ts';
import { createRecordWriter } from '../../src/workflows/record-writer.ts';
import { createTestLane } from '../support/memory-journal.ts';
import { createTestClock } from '../support/test-clock.ts';

/* What each release works out anew, and has to work out as all before it did. What is stored is compared in test/support/fault-sweep.ts. */

const key = Buffer.alloc(32, 7);
const secrets = createDerivedSecrets([key]);

it('what was bought and made is found by the names that it was given', () => {
  expect(markOf(50010)).toBe('Cloudesire 50010');
  expect(groupOf(50020)).toBe('cloudesire-50020');
  expect(deploymentOf(50020, 2)).toBe('cloudesire-50020-2');
  expect(tagsOf(50020)).toEqual({ 'cloudesire-subscription': '50020' });
  expect(sharedAliasOf('8BE3A7F2-60d1-4c59-a4e8-3f7d1b9c0256')).toBe(
    'cloudesire-customer-8be3a7f2-60d1-4c59-a4e8-3f7d1b9c0256',
  );
});

it('a deployment that is repeated is given the passwords that it had', () => {
  expect(secrets.password('50020 adminPassword')).toBe('pdHUcd7+Ps9DNNSGjWe.zf7s');
  expect(secrets.fingerprint).toBe('0a5c879d231e');
});

it('an order is not deployed again as if the customer had entered something else', () => {
  const parameters = { REGION: 'westeurope', DNS_PREFIX: 'hafenkontor-shop' };
  expect(configurationOf({ parameters }, secrets)).toBe('0a5c879d231e.8a8yrw0In_AUSapr');
});

it('what was sealed is opened, with the key that follows from the client secret', () => {
  expect(createSecretBox([key]).open('v1:izGQY3LKHG0RWUSh3YeL3sJMgWABstm0hWaq6Jp8dBiFGVk4O3EhmlZJgus')).toBe(
    'Kx4!example-only',
  );
  const { redis } = loadConfig({
    CMW_BASE_URL: 'https://marketplace.example.com/api',
    CMW_AUTH_TOKEN: 'cmw-token',
    CMW_EVENT_SECRETS: 'secret-of-the-product',
    PARTNER_CENTER_TENANT_ID: '9f0c1a52-4a1e-4f3c-8a43-3e2b8f0f1d11',
    PARTNER_CENTER_CLIENT_ID: '5d2b7c9e-1111-4222-8333-444455556666',
    PARTNER_CENTER_CLIENT_SECRET: 'client~secret with blanks',
  });
  expect(redis.stateKeys.map((one) => one.toString('base64url'))).toEqual([
    'muPgMKAwEm_bbp8pIOV94Az6DX6PvpSBrf6pn-718ug',
  ]);
});

it('looks and sweeps that one release has asked for are made by the other, and one that waits is not asked for twice', () => {
  expect([LOOKS, SWEEPS]).toEqual(['looks', 'sweeps']);
  expect(Look.parse({ subscriptionId: 50010, added: 'by a later release' })).toEqual({ subscriptionId: 50010 });
  expect(lookOptions(50010).deduplication).toMatchObject({ id: '50010' });
});

it('what a later release has added to a record stays there while this one writes it, after a way back', async () => {
  const added = { by: 'a later release' };
  const stored = {
    subscriptionId: 50010,
    state: 'waiting',
    since: '2026-03-02T09:00:00.000Z',
    attempts: 0,
    added,
    fulfillment: { productType: 'license', added },
  };
  const put: unknown[] = [];
  const clock = createTestClock();
  const writer = createRecordWriter({
    lane: createTestLane(),
    stored: stored as unknown as SubscriptionRecord,
    records: { put: async (_lane, record) => void put.push(record) },
    timeline: { add: async () => {} },
    alerts: { attention() {}, bug() {} },
    clock,
  });
  const { note } = createFulfillmentWriter({
    writer,
    turn: { urgency: 'urgent', sinceAt: 0 },
    partnerSubscriptions: { note: async () => {} },
    clock,
  });

  await writer.standAt('running', {});
  await note({ orderId: 'AB12' });
  expect(put.at(-1)).toMatchObject({ state: 'running', added, fulfillment: { orderId: 'AB12', added } });
});
