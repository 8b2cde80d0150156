import { type KeyObject, sign } from 'node:crypto';
import type { RequestListener } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCertificateDownload } from '../../../src/intake/certificate-download.ts';
import { type PartnerCenterEventParts, partnerCenterEventRoute } from '../../../src/intake/partner-center-event.ts';
import { createPartnerCenterSignature } from '../../../src/intake/partner-center-signature.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { PermanentError } from '../../../src/lib/errors.ts';
import deliveries from '../../fixtures/partner-center/webhooks-deliveries.json' with { type: 'json' };
import { createMemoryLog } from '../../support/memory-log.ts';
import { startStopwatch } from '../../support/stopwatch.ts';
import { hostCertificates } from './certificate-host.ts';
import { issue, rsaKey } from './certificates.ts';
import { AWAY, exchange, failuresAt, isOutage, serve } from './serve.ts';

const CUSTOMER = '6c1f2a90-3d47-4b8e-9a55-0e7d8c4b2f11';
const PARTNER_SUBSCRIPTION = 'e2a4c7d1-0b5f-4c3a-8d92-6f1e7b3a9c54';
const SUBSCRIPTION = 50010;

const updated = delivery('subscription-updated');
const accepted = delivery('reseller-relationship-accepted');

const year = (offset: number) => new Date(new Date().setFullYear(new Date().getFullYear() + offset));
const keys = { root: rsaKey(), signing: rsaKey(), stranger: rsaKey() };
const now = { validFrom: year(-1), validTo: year(1) };
const root = issue({ key: keys.root, commonName: 'root', isAuthority: true, ...now });
const microsoft = { key: keys.signing, issuer: root, organisation: 'Microsoft Corporation', ...now };
const signing = issue(microsoft);

function delivery(name: string) {
  return deliveries.exchanges.find((exchange) => exchange.name === name)!.request.body;
}

/** The route with the real check of signatures and the real download, from a certificate host that is trusted. */
async function setup(overrides: Partial<PartnerCenterEventParts> = {}, answer?: RequestListener) {
  const host = await hostCertificates(answer ?? ((_request, response) => response.end(signing.der)));
  const effects: unknown[][] = [];
  const counts: string[] = [];
  const { log, lines, text } = createMemoryLog();
  const served = await serve((app) =>
    app.register(partnerCenterEventRoute, {
      verify: createPartnerCenterSignature({
        fetchCertificate: createCertificateDownload({ trustedHosts: ['127.0.0.1'] }),
        roots: [root.pem],
        clock: systemClock,
      }),
      ownerOf: async (id) => (id.toLowerCase() === PARTNER_SUBSCRIPTION ? SUBSCRIPTION : undefined),
      async requestLook(subscriptionId) {
        effects.push(['look', subscriptionId]);
        return 'queued';
      },
      async relationshipAccepted(customerId) {
        effects.push(['relationship', customerId]);
      },
      tell({ code }) {
        effects.push(['told', code]);
      },
      async quarantine(body, reason) {
        effects.push(['quarantine', body.toString('latin1'), reason]);
      },
      isOutage,
      failures: failuresAt('partner-center', log),
      deadlineMs: 1_800,
      log,
      count: (event, outcome) => counts.push(`${event} ${outcome}`),
      ...overrides,
    }),
  );

  function post(event: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const body = Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event));
    const signed = { 'content-type': 'application/json', ...signatureHeaders(body, host.url()) };
    return fetch(`${served.url}/partner-center/event`, { method: 'POST', body, headers: { ...signed, ...headers } });
  }
  return { ...served, host, post, effects, counts, lines, logged: text };
}

function signatureHeaders(body: Buffer, certificateUrl: string, key: KeyObject = keys.signing) {
  return {
    authorization: `Signature ${sign('sha256', body, key).toString('base64')}`,
    'x-ms-certificate-url': certificateUrl,
    'x-ms-signature-algorithm': 'rsa-sha256',
  };
}

describe('an event that Partner Center has signed', () => {
  it('leads to a look at the subscription that owns the one at Microsoft', async () => {
    const { post, effects, counts, lines } = await setup();

    const answer = await post(updated);

    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('');
    expect(effects).toEqual([['look', SUBSCRIPTION]]);
    expect(counts).toEqual(['subscription-updated look-requested']);
    expect(lines).toMatchObject([
      {
        level: 'info',
        event: 'subscription-updated',
        subscriptionId: SUBSCRIPTION,
        customerId: CUSTOMER,
        partnerSubscriptionId: PARTNER_SUBSCRIPTION,
      },
    ]);
  });

  it('is answered only once the look is stored', async () => {
    const storing = Promise.withResolvers<'queued'>();
    const asked = Promise.withResolvers<void>();
    const { post } = await setup({
      requestLook: () => {
        asked.resolve();
        return storing.promise;
      },
    });
    let isAnswered = false;
    const answer = post(updated).then((response) => {
      isAnswered = true;
      return response;
    });
    await asked.promise;
    expect(isAnswered).toBe(false);
    storing.resolve('queued');
    expect((await answer).status).toBe(200);
  });

  it('may carry its signature in x-ms-signature', async () => {
    const { post, effects, host } = await setup();
    const { authorization } = signatureHeaders(Buffer.from(JSON.stringify(updated)), host.url());
    expect((await post(updated, { authorization: 'none', 'x-ms-signature': authorization })).status).toBe(200);
    expect(effects).toEqual([['look', SUBSCRIPTION]]);
  });

  it('changes nothing when its partner subscription is not ours', async () => {
    const { post, effects, counts } = await setup({ ownerOf: async () => undefined });
    expect((await post(updated)).status).toBe(200);
    expect(effects).toEqual([]);
    expect(counts).toEqual(['subscription-updated not-ours']);
  });

  it('tells whose reseller relationship was accepted', async () => {
    const { post, effects, counts } = await setup();
    expect((await post(accepted)).status).toBe(200);
    expect(effects).toEqual([['relationship', 'c98d1e57-4f20-4b7a-8c63-5a0e9d2f7b14']]);
    expect(counts).toEqual(['reseller-relationship-accepted-by-customer relationship-told']);
  });

  it.each([
    [delivery('test-created'), 'test-created'],
    [{ EventName: 'invoice-ready' }, 'invoice-ready'],
    [{ EventName: 'granular-admin-relationship-approved', ResourceUri: null }, 'other'],
    [{ EventName: 'constructor' }, 'other'],
  ])('is acknowledged, logged and counted when it is %j', async (event, name) => {
    const { post, effects, counts, lines } = await setup();
    expect((await post(event)).status).toBe(200);
    expect(effects).toEqual([]);
    expect(counts).toEqual([`${name} ignored`]);
    expect(lines).toMatchObject([{ level: 'info', event: name, eventName: event.EventName }]);
  });

  it.each([
    ['azure-fraud-event-detected', 'azure-fraud-event-detected', 'partner-center.azure-abuse'],
    ['threshold-exceeded', 'usagerecords-thresholdExceeded', 'partner-center.budget-exceeded'],
  ])('is told to operations when only a person can follow it up: %s', async (sample, name, code) => {
    const { post, effects, counts } = await setup();
    expect((await post(delivery(sample))).status).toBe(200);
    expect(effects).toEqual([['told', code]]);
    expect(counts).toEqual([`${name} told`]);
  });

  const path = `/customers/${CUSTOMER}/subscriptions/${PARTNER_SUBSCRIPTION}`;
  it.each([
    { eventName: 'subscription-updated', resourceUri: `https://api.partnercenter.microsoft.com/v1${path}` },
    { EVENTNAME: 'Subscription-Updated', resourceuri: path },
    {
      EventName: 'subscription-updated',
      ResourceUri: `/v1${path}/`,
      AuditUrl: 'https://x',
      AuditUri: null,
      extra: [{}],
    },
    { EventName: 'subscription-updated', ResourceUri: `http://somewhere.example${path.toUpperCase()}?a=b` },
  ])('is understood as %j', async (event) => {
    const { post, effects } = await setup();
    expect((await post(event)).status).toBe(200);
    expect(effects).toEqual([['look', SUBSCRIPTION]]);
  });

  it('is never fetched at the addresses that it names', async () => {
    const { post, host, effects } = await setup();
    const origin = host.url('');
    await post({ ...updated, ResourceUri: `${origin}${path}`, AuditUri: `${origin}/auditrecords/1` });
    expect(effects).toEqual([['look', SUBSCRIPTION]]);
    expect(host.requests).toEqual(['/signing.cer']);
  });

  it.each([
    [updated, { ResourceUri: undefined }, 'subscription-updated of Partner Center without the ids of a subscription'],
    [updated, { ResourceUri: 7 }, 'subscription-updated of Partner Center without the ids of a subscription'],
    [
      updated,
      { ResourceUri: `/customers/${CUSTOMER}` },
      'subscription-updated of Partner Center without the ids of a subscription',
    ],
    [
      updated,
      { ResourceUri: path.slice(0, -1) },
      'subscription-updated of Partner Center without the ids of a subscription',
    ],
    [
      updated,
      { ResourceUri: `${path}/usagerecords` },
      'subscription-updated of Partner Center without the ids of a subscription',
    ],
    [
      accepted,
      { ResourceUri: '/customers/none' },
      'reseller-relationship-accepted-by-customer of Partner Center without the id of a customer',
    ],
    [updated, { EventName: undefined }, 'an event of Partner Center, but without a name'],
    [updated, { EventName: '' }, 'an event of Partner Center, but without a name'],
    [updated, { EventName: ['subscription-updated'] }, 'an event of Partner Center, but without a name'],
  ])('is kept for operations when it cannot be understood: %j with %j', async (event, change, reason) => {
    const { post, effects } = await setup();
    const body = JSON.stringify({ ...event, ...change });
    expect((await post(Buffer.from(body))).status).toBe(200);
    expect(effects).toEqual([['quarantine', body, reason]]);
  });

  it.each([
    ['{', 'an event of Partner Center, but not JSON in UTF-8, or nested without end'],
    ['"però"', 'an event of Partner Center, but not JSON in UTF-8, or nested without end'],
    ['[]', 'an event of Partner Center, but without a name'],
    ['null', 'an event of Partner Center, but without a name'],
    ['['.repeat(65_536), 'an event of Partner Center, but not JSON in UTF-8, or nested without end'],
  ])('is kept for operations when it is no event at all (%#)', async (text, reason) => {
    const { post, effects, counts } = await setup();
    expect((await post(Buffer.from(text, 'latin1'))).status).toBe(200);
    expect(effects).toEqual([['quarantine', text, reason]]);
    expect(counts).toEqual(['unknown quarantined']);
  });

  it.each(['application/json; charset=utf-8', 'text/plain', 'application/octet-stream'])(
    'may be of type %s',
    async (type) => {
      const { post, effects } = await setup();
      expect((await post(updated, { 'content-type': type })).status).toBe(200);
      expect(effects).toHaveLength(1);
    },
  );

  it('may be of no type', async () => {
    const { port, host, effects } = await setup();
    const body = JSON.stringify(updated);
    const headers = Object.entries(signatureHeaders(Buffer.from(body), host.url())).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const lines = ['Host: connector', 'Connection: close', `Content-Length: ${body.length}`, ...headers];
    const head = ['POST /partner-center/event HTTP/1.1', ...lines, '', ''].join('\r\n');
    expect(await exchange(port, head, body)).toMatch(/^HTTP\/1\.1 200 /);
    expect(effects).toHaveLength(1);
  });

  it('is harmless when it comes again', async () => {
    const { post, effects, host } = await setup();
    for (let times = 0; times < 3; times += 1) expect((await post(updated)).status).toBe(200);
    expect(new Set(effects.map(String))).toEqual(new Set([`look,${SUBSCRIPTION}`]));
    expect(host.requests).toHaveLength(1);
  });

  it('has its certificate downloaded once, also when ten come at the same time', async () => {
    const { post, effects, host } = await setup();
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(updated)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from(answers, () => 200));
    expect(effects).toHaveLength(10);
    expect(host.requests).toHaveLength(1);
  });

  it('gets 200 whatever it holds', async () => {
    const { post, counts, bugs } = await setup();
    const nearMiss = fc.record(
      {
        EventName: fc.oneof(fc.constantFrom('subscription-updated', 'test-created'), fc.jsonValue()),
        ResourceUri: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const bodies = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      nearMiss.map((event) => Buffer.from(JSON.stringify(event))),
    );
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        expect((await post(body)).status).toBe(200);
      }),
      { numRuns: 200 },
    );
    expect(counts.length).toBeGreaterThanOrEqual(200);
    expect(bugs).toEqual([]);
  });
});

describe('a request that Partner Center has not signed', () => {
  const refusal = {
    error: 'signature.mismatch',
    message: 'The signature could not be verified; the log of the connector says why.',
  };
  const body = Buffer.from(JSON.stringify(updated));

  it.each<[string, Record<string, string>, string]>([
    [
      'is signed by another key',
      { authorization: signatureHeaders(body, '', keys.stranger).authorization },
      'signature.mismatch',
    ],
    ['was changed', { authorization: signatureHeaders(Buffer.from('{}'), '').authorization }, 'signature.mismatch'],
    ['carries a token of something else', { authorization: 'Bearer abcdefgh' }, 'signature.missing'],
    ['names another algorithm', { 'x-ms-signature-algorithm': 'hmac-sha256' }, 'signature.algorithm'],
    [
      'has its certificate at an http: address',
      { 'x-ms-certificate-url': 'http://127.0.0.1/a.cer' },
      'certificate.address-refused',
    ],
    ['has it on loopback', { 'x-ms-certificate-url': 'https://localhost:8443/a.cer' }, 'certificate.address-refused'],
    [
      'has it at a link-local address',
      { 'x-ms-certificate-url': 'https://169.254.169.254/a.cer' },
      'certificate.address-refused',
    ],
    [
      'has it in a private network',
      { 'x-ms-certificate-url': 'https://10.0.0.5/a.cer' },
      'certificate.address-refused',
    ],
  ])('gets 401 and has no effect when it %s', async (_what, headers, code) => {
    const { post, effects, counts, lines } = await setup();

    const answer = await post(body, headers);

    expect(answer.status).toBe(401);
    expect(await answer.json()).toEqual(refusal);
    expect(effects).toEqual([]);
    expect(counts).toEqual(['unknown unverified']);
    expect(lines).toMatchObject([{ level: 'warn', err: { code } }]);
  });

  const stranger = issue({ key: keys.stranger, commonName: 'stranger', isAuthority: true, ...now });
  it.each([
    ['under another root', issue({ ...microsoft, issuer: stranger }), 'certificate.untrusted'],
    ['of another organisation', issue({ ...microsoft, organisation: 'Contoso Ltd' }), 'certificate.unusable'],
    ['that has expired', issue({ ...microsoft, validTo: new Date(Date.now() - 1_000) }), 'certificate.unusable'],
  ])('gets 401 and has no effect when its certificate is one %s', async (_which, certificate, code) => {
    const { post, effects, lines } = await setup({}, (_request, response) => response.end(certificate.der));
    const answer = await post(body);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toEqual(refusal);
    expect(effects).toEqual([]);
    expect(lines).toMatchObject([{ err: { code } }]);
  });

  it('gets 401 when its certificate is too large, comes too slowly, or not at all', async () => {
    const { post, effects, host } = await setup({}, (request, response) => {
      if (request.url === '/large') response.end(Buffer.alloc(70_000));
      if (request.url === '/slow') response.write(signing.der.subarray(0, 100));
      if (request.url === '/gone') response.writeHead(404).end();
    });
    const tookMs = startStopwatch();
    const answers = await Promise.all(
      ['/large', '/slow', '/gone'].map((path) => post(body, { 'x-ms-certificate-url': host.url(path) })),
    );
    expect(tookMs()).toBeLessThan(2_000);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(effects).toEqual([]);
  });

  it('cannot make us download in a loop', async () => {
    const { post, host } = await setup({}, (_request, response) => response.writeHead(404).end());
    for (let times = 0; times < 5; times += 1) expect((await post(body)).status).toBe(401);
    expect(host.requests).toHaveLength(1);
  });

  it('gets 401 without headers, and without a body', async () => {
    const { url, effects } = await setup();
    for (const request of [{ body: 'not json' }, {}]) {
      expect((await fetch(`${url}/partner-center/event`, { method: 'POST', ...request })).status).toBe(401);
    }
    expect(effects).toEqual([]);
  });
});

describe('an event that cannot be stored', () => {
  const fail = () => Promise.reject(AWAY);

  it.each<[string, Partial<PartnerCenterEventParts>, unknown]>([
    ['the index', { ownerOf: fail }, updated],
    ['the queue', { requestLook: fail }, updated],
    ['what waits for a relationship', { relationshipAccepted: fail }, accepted],
    ['the quarantine', { quarantine: fail }, {}],
  ])('gets 503 with Retry-After while %s does not work', async (_what, overrides, event) => {
    const { post, counts } = await setup(overrides);
    const answer = await post(event);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(await answer.json()).toMatchObject({ error: 'queue.unavailable' });
    expect(counts).toEqual([expect.stringMatching(/ unavailable$/)]);
  });

  it('gets 500, and a bug is reported, when it fails for another reason than the store', async () => {
    const thrown = new TypeError('x is undefined');
    const { post, counts, bugs } = await setup({ ownerOf: () => Promise.reject(thrown) });
    expect((await post(updated)).status).toBe(500);
    expect(bugs).toEqual([thrown]);
    expect(counts).toEqual(['subscription-updated unavailable']);
  });

  it('gets 503 within 2 s when the store never answers, however long the certificate took', async () => {
    const waiting = Promise.withResolvers<() => void>();
    const { post } = await setup({ ownerOf: () => new Promise(() => {}) }, (_request, response) => {
      waiting.resolve(() => response.end(signing.der));
    });
    const tookMs = startStopwatch();
    const answer = post(updated);
    const send = await waiting.promise;
    setTimeout(send, 600);
    expect((await answer).status).toBe(503);
    expect(tookMs()).toBeLessThan(2_000);
  });

  it('gets 429 with Retry-After while too many looks wait', async () => {
    const { post, counts } = await setup({ requestLook: async () => 'backlog-full' });
    const answer = await post(updated);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('30');
    expect(counts).toEqual(['subscription-updated backlog-full']);
  });
});

it('takes 64 KiB and refuses more', async () => {
  const { post, effects } = await setup();
  const padded = (length: number) => Buffer.from(JSON.stringify(updated).padEnd(length));
  expect((await post(padded(64 * 1024))).status).toBe(200);
  expect((await post(padded(64 * 1024 + 1))).status).toBe(413);
  expect(effects).toHaveLength(1);
});

it('writes one line per request, and nothing of a body, a signature or the address of a certificate', async () => {
  const { log, lines, text: logged } = createMemoryLog();
  const { post, host } = await setup({
    log,
    failures: { note: (_, sentence, facts = {}) => log.warn(facts, sentence) },
  });
  const secret = { 'x-ms-certificate-url': host.url('/a.cer?sig=very-private') };
  await post({ ...updated, ResourceName: 'very-private' });
  await post({ EventName: 7, ResourceName: 'very-private' });
  expect(lines).toHaveLength(2);
  await post({ ...updated, ResourceName: 'very-private' }, { authorization: 'Signature dmVyeS1wcml2YXRl' });
  await post(updated, { ...secret, 'x-ms-signature-algorithm': 'very-private' });
  await post(updated, { ...secret, authorization: 'Signature dmVyeS1wcml2YXRl' });
  expect(lines).toHaveLength(5);
  expect(logged()).not.toMatch(/very-private|dmVyeS1wcml2YXRl/);
});

it('reports a failure of the check itself as a bug, instead of blaming the request', async () => {
  const { post, bugs, effects } = await setup({ verify: () => Promise.reject(new TypeError('x is undefined')) });
  expect((await post(updated)).status).toBe(500);
  expect(bugs).toHaveLength(1);

  const refused = await setup({ verify: () => Promise.reject(new PermanentError('signature.mismatch', 'No.')) });
  expect((await refused.post(updated)).status).toBe(401);
  expect([...effects, ...refused.effects]).toEqual([]);
});
