import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setupMarketplace, startConnectorDouble } from './connector-double.ts';
import { signEvent } from './event-transport.ts';

const MINUTE_MS = 60_000;

let marketplace: Awaited<ReturnType<typeof setupMarketplace>>;
beforeEach(async () => {
  marketplace = await setupMarketplace();
});
afterEach(() => marketplace.close());

async function order() {
  const id = marketplace.emulator.placeOrder({ plan: 2101, buyer: 1301 });
  await marketplace.emulator.whenEventsIdle();
  return id;
}

function attempts() {
  return marketplace.emulator.events().map((event) => event.attempts.map(({ status, error }) => status ?? error));
}

describe('delivery of events', () => {
  it('repeats a refused event with growing virtual delays until it is taken', async () => {
    const { clock, connector, emulator } = marketplace;
    connector.answerNext({ status: 503 }, { status: 400 });
    await order();
    expect(emulator.events()[0]).toMatchObject({ notified: false, lastError: '503 Service Unavailable' });

    await clock.advance(MINUTE_MS);
    expect(attempts()).toEqual([[503, 400]]);
    await clock.advance(MINUTE_MS);
    expect(attempts()).toEqual([[503, 400]]);
    await clock.advance(MINUTE_MS);
    expect(attempts()).toEqual([[503, 400, 204]]);
    expect(emulator.events()[0]?.notified).toBe(true);

    await clock.advance(24 * 60 * MINUTE_MS);
    expect(connector.received).toHaveLength(3);
  });

  it('waits as long as Retry-After of a 429 says, in seconds or as a date', async () => {
    const { clock, connector, emulator } = marketplace;
    const date = new Date();
    const later = new Date(date.getTime() + 600_000);
    connector.answerNext(
      { status: 429, headers: { 'Retry-After': '5' } },
      { status: 429, headers: { 'Retry-After': later.toUTCString(), Date: date.toUTCString() } },
    );
    await order();
    await clock.advance(5_000);
    expect(attempts()).toEqual([[429, 429]]);
    await clock.advance(590_000);
    expect(attempts()).toEqual([[429, 429]]);
    await clock.advance(11_000);
    expect(emulator.events()[0]?.notified).toBe(true);
  });

  it('takes 200 with any body as delivered, and no other 2xx', async () => {
    const { connector, emulator } = marketplace;
    connector.answerNext({ status: 200, body: '{"ok":true}' }, { status: 202 });
    await order();
    await order();
    expect(emulator.events().map(({ notified }) => notified)).toEqual([true, false]);
  });

  it('keeps events for a connector that is away and redelivers them on demand', async () => {
    const { connector, emulator } = marketplace;
    const port = Number(new URL(connector.endpoint).port);
    await connector.close();
    await order();
    expect(emulator.events()[0]).toMatchObject({ notified: false, attempts: [{ error: expect.any(String) }] });

    const returned = await startConnectorDouble(port);
    expect(await emulator.redeliver()).toBe(1);
    expect(returned.received).toHaveLength(1);
    expect(await emulator.redeliver()).toBe(0);
    await returned.close();
  });

  it('gets through on a new connection when the connector has closed the old one', async () => {
    const { connector, emulator } = marketplace;
    await order();
    connector.closeIdleConnections();
    await order();
    expect(attempts()).toEqual([[204], [204]]);
    expect(emulator.events().map(({ notified }) => notified)).toEqual([true, true]);
  });

  it('does not send what still waits in the queue after a reset', async () => {
    const { connector, emulator } = marketplace;
    emulator.setSwitches({ eventConcurrency: 1, eventTimeoutMs: 50 });
    connector.answerNext({ status: 0 });
    emulator.placeOrder({ plan: 2101, buyer: 1301 });
    emulator.placeOrder({ plan: 2101, buyer: 1301 });
    emulator.reset();
    await emulator.whenEventsIdle();
    expect(connector.received.map(({ body }) => body.id)).toEqual(['50010']);
  });

  it('gives up waiting for an answer after the time-out and repeats', async () => {
    const { connector, emulator } = marketplace;
    emulator.setSwitches({ eventTimeoutMs: 40 });
    connector.answerNext({ status: 0 });
    await order();
    expect(attempts()).toEqual([['no answer within 40 ms']]);
  });

  it('measures how long each answer took', async () => {
    await order();
    const [event] = marketplace.emulator.events();
    expect(event?.attempts[0]?.durationMs).toBeLessThan(2_000);
    expect(event?.attempts[0]?.durationMs).toBeGreaterThan(0);
  });

  it('tells product, company and platform, each under its own secret, and only the platform of invoices', async () => {
    const { connector, emulator } = marketplace;
    const { endpoint } = connector;
    emulator.configureEvents({
      products: { license: `${endpoint}/license` },
      platform: [{ url: endpoint, secret: 'plätform-sécret-ü' }],
    });
    await order();
    const events = emulator.events().map(({ recipient, entityName }) => `${recipient} ${entityName}`);
    expect(events).toEqual([
      'PLATFORM Invoice',
      'PLATFORM Subscription',
      'COMPANY Subscription',
      'PRODUCT Subscription',
    ]);
    const signatures = new Set(connector.received.map(({ headers }) => headers['cmw-event-signature']));
    for (const secret of ['plätform-sécret-ü', 'vendor-secret-for-tests', 'product-secret-for-tests']) {
      const raw = connector.received.find(({ body }) => body.entity === 'Subscription')?.raw ?? '';
      expect(signatures).toContain(signEvent(raw, secret));
    }
  });

  it('sends no signature when no secret is configured', async () => {
    const { connector, emulator } = marketplace;
    emulator.configureEvents({ secret: null });
    await order();
    expect(connector.received[0]?.headers).not.toHaveProperty('cmw-event-signature');
  });

  it('does not send events anywhere before an endpoint is configured', async () => {
    const { connector, emulator } = marketplace;
    emulator.configureEvents({ endpoint: null });
    await order();
    expect(emulator.events()).toEqual([]);
    expect(connector.received).toEqual([]);
  });
});

describe('events that go wrong on purpose', () => {
  it('holds events and releases them in the reverse order', async () => {
    const { connector, emulator } = marketplace;
    emulator.holdEvents();
    const id = await order();
    emulator.pay(id);
    expect(connector.received).toEqual([]);
    await emulator.releaseEvents({ order: 'reversed' });
    expect(connector.received.map(({ body }) => body.type)).toEqual(['MODIFIED', 'CREATED']);
  });

  it('holds retries too', async () => {
    const { clock, connector, emulator } = marketplace;
    connector.answerNext({ status: 503 });
    await order();
    emulator.holdEvents();
    await clock.advance(MINUTE_MS);
    expect(connector.received).toHaveLength(1);
    await emulator.releaseEvents();
    expect(emulator.events()[0]?.notified).toBe(true);
  });

  it('loses as many events as asked and never repeats them', async () => {
    const { clock, connector, emulator } = marketplace;
    emulator.dropEvents(1);
    await order();
    await order();
    await clock.advance(60 * MINUTE_MS);
    expect(connector.received.map(({ body }) => body.id)).toEqual(['50011']);
    expect(emulator.events()[0]).toMatchObject({ dropped: true, attempts: [] });
  });

  it('repeats a delivered event byte for byte', async () => {
    const { connector, emulator } = marketplace;
    await order();
    const [event] = emulator.events();
    const answers = await emulator.repeatEvent(event?.id ?? 0, 2);
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    const [first, ...others] = connector.received;
    expect(others).toHaveLength(2);
    for (const { raw, headers } of others) {
      expect(raw).toBe(first?.raw);
      expect(headers['cmw-event-signature']).toBe(first?.headers['cmw-event-signature']);
    }
  });

  it('sends what a test makes up: other entities, wrong signatures, broken bodies', async () => {
    const { connector, emulator } = marketplace;
    await emulator.sendEvent({ entity: 'Cart', id: 7, type: 'CREATED' });
    await emulator.sendEvent({ signature: 'bad' });
    await emulator.sendEvent({ signature: 'none' });
    await emulator.sendEvent({ body: '{"id":', signature: 'sha1=00' });
    expect(connector.received[0]?.body).toMatchObject({ entity: 'Cart', id: '7', entityUrl: 'cart/7' });
    const [good, bad, none] = connector.received.map(({ headers }) => headers['cmw-event-signature']);
    expect(good).toBe(signEvent(connector.received[0]?.raw ?? '', 'vendor-secret-for-tests'));
    expect(bad).toBe(signEvent(connector.received[1]?.raw ?? '', 'vendor-secret-for-tests-wrong'));
    expect(none).toBeUndefined();
    expect(connector.received[3]).toMatchObject({ raw: '{"id":', headers: { 'cmw-event-signature': 'sha1=00' } });
    expect(emulator.events()).toEqual([]);
  });

  it('sends a test event about a subscription that does not exist', async () => {
    const { connector, emulator, get } = marketplace;
    emulator.sendTestEvent();
    await emulator.whenEventsIdle();
    const path = String(connector.received[0]?.body.entityUrl);
    expect((await get(path)).status).toBe(404);
  });

  it('writes events in the form of the vendor classes when asked to', async () => {
    const { connector, emulator, reach } = marketplace;
    await reach('2026-03-02T09:15:00Z');
    emulator.setSwitches({ eventIdForm: 'integer', eventExtras: 'present', dateForm: 'offset' });
    await order();
    expect(connector.received[0]?.raw).toBe(
      '{"id":50010,"eventId":880121,"entity":"Subscription","date":"2026-03-02T09:15:00.000+00:00",' +
        '"type":"CREATED","entityUrl":"subscription/50010","self":"subscription/50010","metadata":{}}',
    );
  });

  it('can confirm the end before it is reported, in place of asking for it', async () => {
    const { connector, emulator, deploy, call } = marketplace;
    emulator.setSwitches({ deletedEvent: 'instead-of-undeploy-sent' });
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, paid: true });
    await deploy(id);
    emulator.terminate(id);
    await call('PATCH', `subscription/${id}`, { body: { deploymentStatus: 'UNDEPLOYED' } });
    await emulator.whenEventsIdle();
    expect(connector.received.map(({ body }) => body.type)).toEqual(['CREATED', 'DELETED']);
  });
});

describe('the event list', () => {
  it('shows undelivered events with their last error and next retry, and removes them', async () => {
    const { connector, call, get, reach } = marketplace;
    connector.answerNext({ status: 503 });
    await reach('2026-03-02T09:15:00Z');
    await order();
    await order();
    const { body } = await get('event?type=false');
    expect(body).toMatchObject([
      {
        id: 880121,
        entityName: 'Subscription',
        entityId: 50010,
        notified: false,
        lastError: '503 Service Unavailable',
        nextRetry: '2026-03-02T09:16:00Z',
        recipient: 'COMPANY',
      },
    ]);
    expect((await get('event?type=entity&entity=Subscription&id=50011')).body).toMatchObject([{ id: 880122 }]);
    expect((await call('DELETE', 'event/880121')).status).toBe(204);
    expect((await call('DELETE', 'event/880122')).status).toBe(404);
    expect((await get('event')).body).toHaveLength(1);
  });

  it('creates and sends an event on request', async () => {
    const { connector, emulator, call } = marketplace;
    const endpoint = `${connector.endpoint}/license`;
    const body = { entityName: 'Subscription', entityId: 50010, type: 'CREATED', recipient: 'PRODUCT', endpoint };
    expect((await call('POST', 'event', { body })).status).toBe(201);
    await emulator.whenEventsIdle();
    expect(connector.received[0]?.headers['cmw-event-signature']).toBe(
      signEvent(connector.received[0]?.raw ?? '', 'product-secret-for-tests'),
    );
  });
});
